// Which GPU there is, or why none can be used.
#pragma once

#include <string>

namespace engine::cuda {

struct DeviceState {
    std::string reason;   // empty = usable; else as GpuReport names it
    std::string message;  // the device, or why not and what to do
};

/// Looks at the driver, the devices and their memory; makes the chosen device (the one with most free memory) the current one.
DeviceState inspectDevice();

}  // namespace engine::cuda
