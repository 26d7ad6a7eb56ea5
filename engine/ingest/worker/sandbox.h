// Takes away from the process what reading one file does not need, before the first byte of the file is looked at.
#pragma once

#include <cstdint>

#include "engine/types.h"

namespace engine::worker {

struct SandboxLimits {
    std::uint64_t memoryBytes = std::uint64_t{1} << 30;  // address space
    int cpuSeconds = 30;
};

/// Which layers hold. Resource limits and no-new-privileges always do.
struct Sandbox {
    int landlockVersion = 0;  // ABI of the running kernel; 0 = none
    bool seccomp = false;
    bool seccompBuilt = false;  // libseccomp was there at build time
};

/// Cannot be undone. Layers that the kernel or the build lacks are left out. Error: Internal (a layer that must hold does
/// not).
Result<Sandbox> enterSandbox(const SandboxLimits& limits);

}  // namespace engine::worker
