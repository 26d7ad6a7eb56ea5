// The module lies beside the program: lib/cacheblend-workbench/engine_cuda.so, relative to the folder that holds bin/. Once loaded it stays:
// what it made refers to its code.
#include "engine/backend/cuda/load_module.h"

#include <dlfcn.h>
#include <unistd.h>

#include <array>
#include <climits>

#include "engine/backend/cuda/cuda_module.h"
#include "engine/machine_peak.h"

namespace engine {
namespace {

constexpr const char* kModuleFile = "engine_cuda.so";

/// The folder of the running program, without a slash at its end; empty when the system does not tell.
std::string programFolder() {
    std::array<char, PATH_MAX> path{};
    const ssize_t length = ::readlink("/proc/self/exe", path.data(), path.size());
    if (length <= 0)
        return {};
    const std::string program(path.data(), static_cast<std::size_t>(length));
    return program.substr(0, program.rfind('/'));
}

cuda::ModuleAnswer refusal(const char* reason, const std::string& message) {
    cuda::ModuleAnswer answer;
    std::string(reason).copy(answer.reason, sizeof answer.reason - 1);
    message.copy(answer.message, sizeof answer.message - 1);
    return answer;
}

cuda::ModuleAnswer askModule(cuda::ModuleTask task, Precision precision) {
    const std::string folder = programFolder();
    std::string found;
    for (const char* place : {"/../lib/cacheblend-workbench/", "/"})
        if (found.empty() && ::access((folder + place + kModuleFile).c_str(), R_OK) == 0)
            found = folder + place + kModuleFile;
    if (folder.empty() || found.empty())
        return refusal("no_module", "this build has no CUDA module; everything is computed by the processor");
    void* module = ::dlopen(found.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (module == nullptr) {
        const char* why = ::dlerror();
        return refusal("no_module", std::string("the CUDA module cannot be loaded (are the CUDA libraries installed?): ") +
                                        (why != nullptr ? why : "unknown error"));
    }
    const auto entry = reinterpret_cast<cuda::ModuleEntry>(::dlsym(module, cuda::kModuleEntryName));
    if (entry == nullptr)
        return refusal("no_module", "the file engine_cuda.so beside the program is no CUDA module of it");
    const cuda::ModuleRequest request{cuda::kModuleIdentity, task, precision};
    cuda::ModuleAnswer answer;
    entry(&request, &answer);
    return answer;
}

Status statusOf(const cuda::ModuleAnswer& refused) {
    const std::string reason = refused.reason;
    return Status(reason == "too_little_memory" ? StatusCode::OutOfMemory : StatusCode::Unsupported,
                  reason + ": " + refused.message);
}

}  // namespace

GpuState inspectCuda() {
    const cuda::ModuleAnswer answer = askModule(cuda::ModuleTask::Inspect, Precision::Auto);
    return {answer.reason, answer.message};
}

Result<std::unique_ptr<Backend>> createCudaBackend(Precision precision) {
    const cuda::ModuleAnswer answer = askModule(cuda::ModuleTask::CreateBackend, precision);
    std::unique_ptr<Backend> backend(answer.backend);
    if (backend != nullptr)
        return backend;
    return statusOf(answer);
}

Result<GpuPeak> measureGpuPeak() {
    const cuda::ModuleAnswer answer = askModule(cuda::ModuleTask::MeasurePeak, Precision::Auto);
    if (answer.reason[0] == '\0')
        return answer.peak;
    return statusOf(answer);
}

}  // namespace engine
