// Asks the processor (cpuid, by the compiler's run-time library) and Linux's sysfs.
#include "engine/backend/cpu/processor.h"

#include <omp.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <string>
#include <utility>
#ifdef __linux__
#include <sched.h>
#endif

namespace engine::cpu {

InstructionSet detectInstructionSet() {
#ifdef ENGINE_CPU_X86
    __builtin_cpu_init();
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
    const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    if (avx512 && __builtin_cpu_supports("avx512vnni")) {
        return __builtin_cpu_supports("avx512bf16") ? InstructionSet::Avx512Bf16 : InstructionSet::Avx512Vnni;
    }
    if (avx512) {
        return InstructionSet::Avx512;
    }
    if (avx2) {
        return InstructionSet::Avx2;
    }
#endif
    return InstructionSet::Portable;
}

int physicalCores() {
#ifdef __linux__
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) {
        std::set<std::pair<int, int>> cores;  // package, core
        for (int i = 0; i < CPU_SETSIZE; ++i) {
            if (!CPU_ISSET(i, &allowed)) {
                continue;
            }
            const std::string topology = "/sys/devices/system/cpu/cpu" + std::to_string(i) + "/topology/";
            int package = 0;
            int core = i;  // a machine that does not say: every processor counts
            std::ifstream(topology + "physical_package_id") >> package;
            if (!(std::ifstream(topology + "core_id") >> core)) {
                core = i;
            }
            cores.emplace(package, core);
        }
        if (!cores.empty()) {
            return static_cast<int>(cores.size());
        }
    }
#endif
    return std::max(1, omp_get_num_procs());
}

}  // namespace engine::cpu
