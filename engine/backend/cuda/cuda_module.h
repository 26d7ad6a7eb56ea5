// The door between the program and its CUDA module, a library of its own that is loaded when asked for. No CUDA here: the program starts,
// and says why there is no GPU, on machines that have never seen a driver.
#pragma once

#include <cstdint>

#include "engine/backend/backend.h"
#include "engine/machine_peak.h"

namespace engine::cuda {

/// The module hands out a C++ object, so both sides must be of one build: interface version, then compiler and program version.
inline constexpr const char* kModuleIdentity = "engine_cuda 2, " CACHEBLEND_MODULE_VERSION ", " __VERSION__;
inline constexpr const char* kModuleEntryName = "engineCudaOpen";

enum class ModuleTask : std::int32_t { Inspect, CreateBackend, MeasurePeak };

struct ModuleRequest {
    const char* identity = nullptr;  // kModuleIdentity of the program
    ModuleTask task = ModuleTask::Inspect;
    Precision precision = Precision::Auto;
};

/// `backend`: made with new, the caller's; null unless asked for and `reason` is empty.
struct ModuleAnswer {
    char reason[32] = {};    // empty = a GPU can be used; else no_module, no_driver, …: see GpuReport
    char message[480] = {};  // for people: the device, or why not and what to do
    Backend* backend = nullptr;
    GpuPeak peak;  // zero unless asked for
};

/// engineCudaOpen. Never throws.
using ModuleEntry = void (*)(const ModuleRequest*, ModuleAnswer*);

}  // namespace engine::cuda
