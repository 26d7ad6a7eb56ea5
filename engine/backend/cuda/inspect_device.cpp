// The order of the questions is that of the reasons: driver, its age, devices, their architecture, memory.
#include "engine/backend/cuda/inspect_device.h"

#include <cuda_runtime.h>
#include <dlfcn.h>

#include <cstdint>

namespace engine::cuda {
namespace {

constexpr int kLeastMajor = 8;                            // compute capability 8.0: bf16 tensor cores, cp.async
constexpr std::uint64_t kLeastFreeBytes = 512ULL << 20U;  // the back end's own buffers and a small model

std::string versionText(int version) { return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10); }

std::string sizeText(std::uint64_t bytes) {
    const std::uint64_t tenths = bytes * 10 / (1ULL << 30U);
    return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " GiB";
}

std::string driverText(cudaError_t error) { return std::string(cudaGetErrorName(error)) + ": " + cudaGetErrorString(error); }

bool driverIsInstalled() {
    void* driver = ::dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL);
    if (driver != nullptr)
        ::dlclose(driver);
    return driver != nullptr;
}

}  // namespace

DeviceState inspectDevice() {
    if (!driverIsInstalled())
        return {"no_driver", "no NVIDIA driver is installed (libcuda.so.1 is not found); install one, or use the processor"};
    int driver = 0;
    int runtime = 0;
    static_cast<void>(cudaRuntimeGetVersion(&runtime));
    if (cudaDriverGetVersion(&driver) != cudaSuccess || driver == 0)
        return {"no_driver", "the NVIDIA driver does not answer; is its kernel module loaded?"};
    int devices = 0;
    const cudaError_t counted = cudaGetDeviceCount(&devices);
    if (counted == cudaErrorInsufficientDriver || driver / 1000 < runtime / 1000)
        return {"driver_too_old", "the NVIDIA driver serves CUDA " + versionText(driver) +
                                      ", this program was built for CUDA " + versionText(runtime) + "; update the driver"};
    if (counted != cudaSuccess || devices == 0)
        return {"no_device", counted == cudaSuccess || counted == cudaErrorNoDevice
                                 ? std::string("the driver sees no NVIDIA GPU")
                                 : "no NVIDIA GPU can be used (" + driverText(counted) + ")"};
    int chosen = -1;
    std::uint64_t mostFree = 0;
    std::string passedOver;
    cudaDeviceProp properties{};
    for (int device = 0; device < devices; ++device) {
        std::size_t free = 0;
        std::size_t total = 0;
        if (cudaGetDeviceProperties(&properties, device) != cudaSuccess)
            continue;
        if (properties.major < kLeastMajor) {
            passedOver = std::string(properties.name) + " has compute capability " + std::to_string(properties.major) + "." +
                         std::to_string(properties.minor);
            continue;
        }
        if (cudaSetDevice(device) != cudaSuccess || cudaMemGetInfo(&free, &total) != cudaSuccess)
            continue;
        if (chosen < 0 || free > mostFree) {
            chosen = device;
            mostFree = free;
        }
    }
    static_cast<void>(cudaGetLastError());
    if (chosen < 0)
        return passedOver.empty()
                   ? DeviceState{"no_device", "no NVIDIA GPU answers; is another program using it exclusively?"}
                   : DeviceState{"unsupported_architecture", passedOver + "; 8.0 (Ampere) or later is needed"};
    if (cudaSetDevice(chosen) != cudaSuccess || cudaGetDeviceProperties(&properties, chosen) != cudaSuccess)
        return {"no_device", "the NVIDIA GPU does not answer (" + driverText(cudaGetLastError()) + ")"};
    if (mostFree < kLeastFreeBytes)
        return {"too_little_memory", std::string(properties.name) + ": " + sizeText(kLeastFreeBytes) + " needed, " +
                                         sizeText(mostFree) + " free"};
    return {"", std::string(properties.name) + ", compute capability " + std::to_string(properties.major) + "." +
                    std::to_string(properties.minor) + ", " + sizeText(properties.totalGlobalMem) + " of memory, " +
                    sizeText(mostFree) + " free; driver for CUDA " + versionText(driver)};
}

}  // namespace engine::cuda
