// Whether tests of a GPU have none to run on, which is the only reason to skip them.
#pragma once

#include <string>

/// `message`: why the CUDA back end could not be made. A module that was built and does not load, a driver that is too old or a device
/// that is refused are failures.
inline bool onlyTheDeviceIsMissing(const std::string& message) {
#ifndef CUDA_MODULE_BUILT
    if (message.find("no_module") != std::string::npos)
        return true;
#endif
    return message.find("no_driver") != std::string::npos || message.find("no_device") != std::string::npos;
}
