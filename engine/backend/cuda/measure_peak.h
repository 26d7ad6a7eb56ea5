// The ceilings of the current device.
#pragma once

#include <cstdint>

#include "engine/machine_peak.h"

namespace engine::cuda {

/// Multiplies [size, size] bf16 matrices and copies `bytes` within the device and from pinned host memory. Takes six bytes an element
/// and 64 MiB of the device at first, then twice `bytes`; blocks are kept until it returns. Throws as a back end does.
GpuPeak measureDevicePeak(int size, std::uint64_t bytes);

}  // namespace engine::cuda
