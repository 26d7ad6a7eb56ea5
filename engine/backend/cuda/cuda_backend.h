// The back end of NVIDIA GPUs: bf16 with fp32 sums on tensor cores, or fp32 throughout.
#pragma once

#include <memory>

#include "engine/backend/backend.h"

namespace engine::cuda {

/// How a burst's launches reach the device: as graphs where they come again (burst_recorder.h), or one by one as outside of bursts, which is
/// for comparing.
enum class Bursts { AsGraphs, OneByOne };

/// On the current device. Precision Auto is bf16. Throws OutOfDeviceMemory, or std::runtime_error when the device fails.
std::unique_ptr<Backend> createBackendOnDevice(Precision precision, Bursts bursts);
/// With graphs.
std::unique_ptr<Backend> createBackendOnDevice(Precision precision);

}  // namespace engine::cuda
