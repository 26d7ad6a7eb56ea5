// The check of what CUDA calls return.
#include "engine/backend/cuda/device.h"

#include <cstring>
#include <string>

namespace engine::cuda {

void check(cudaError_t result, const char* call, const char* file, int line) {
    if (result == cudaSuccess)
        return;
    const char* slash = std::strrchr(file, '/');
    const std::string place = std::string(slash != nullptr ? slash + 1 : file) + ":" + std::to_string(line);
    const std::string text =
        std::string(cudaGetErrorString(result)) + " (" + cudaGetErrorName(result) + ", " + call + ", " + place + ")";
    if (result == cudaErrorMemoryAllocation) {
        static_cast<void>(cudaGetLastError());  // not sticky: the next call may succeed
        throw OutOfDeviceMemory("too_little_memory: " + text);
    }
    throw std::runtime_error("device_failed: the GPU failed: " + text);
}

}  // namespace engine::cuda
