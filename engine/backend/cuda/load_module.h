// Finds and loads the CUDA module. Part of the program, not of the module.
#pragma once

#include <memory>
#include <string>

#include "engine/backend/backend.h"

namespace engine {

/// Whether a GPU can be used, or why not.
struct GpuState {
    std::string
        reason;  // empty = usable; else no_module, no_driver, driver_too_old, no_device, unsupported_architecture, too_little_memory
    std::string message;  // the device's name and memory, or what is missing
};
GpuState inspectCuda();

/// Errors: Unsupported "reason: message"; OutOfMemory for too_little_memory.
Result<std::unique_ptr<Backend>> createCudaBackend(Precision precision);

}  // namespace engine
