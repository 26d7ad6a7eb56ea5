// The one setting of OpenMP that has no call: it is read from the environment before main() begins.
#include "app/compute_threads.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <system_error>

namespace app {

void waitBriefly(char** argv) {
    if (std::getenv("GOMP_SPINCOUNT") != nullptr || std::getenv("OMP_WAIT_POLICY") != nullptr)
        return;
    std::error_code unknown;
    const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", unknown);
    if (!unknown && ::setenv("GOMP_SPINCOUNT", "10000", 1) == 0)
        ::execv(program.c_str(), argv);
}

}  // namespace app
