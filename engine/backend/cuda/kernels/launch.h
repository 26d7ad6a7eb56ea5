// Starting kernels, and the one check of what CUDA calls return.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>

/// Dynamic shared memory of a kernel, 16-byte aligned, as bytes.
#ifdef __CUDACC__
#define SHARED_BYTES(name) extern __shared__ __align__(16) unsigned char name[]
#else
#define SHARED_BYTES(name) unsigned char* const name = emulated::sharedMemory()
#endif

#define CUDA_CHECK(call) ::engine::cuda::check((call), #call, __FILE__, __LINE__)

namespace engine::cuda {

/// Throws OutOfDeviceMemory (see device.h) for a failed allocation, else std::runtime_error with the call and its place.
void check(cudaError_t result, const char* call, const char* file, int line);

template <class Item>
constexpr unsigned blocksFor(Item items, int each) {
    return static_cast<unsigned>((items + each - 1) / each);
}

/// Kernels that ask for more than 48 KiB of shared memory are told so first.
template <class... Parameters, class... Arguments>
void launch(void (*kernel)(Parameters...), dim3 grid, int threads, std::size_t sharedBytes, cudaStream_t stream,
            Arguments... arguments) {
    constexpr std::size_t kPlainShared = 48 * 1024;
    if (sharedBytes > kPlainShared)
        CUDA_CHECK(cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel), cudaFuncAttributeMaxDynamicSharedMemorySize,
                                        static_cast<int>(sharedBytes)));
    cudaLaunchConfig_t config{};
    config.gridDim = grid;
    config.blockDim = dim3(static_cast<unsigned>(threads));
    config.dynamicSmemBytes = sharedBytes;
    config.stream = stream;
    CUDA_CHECK(cudaLaunchKernelEx(&config, kernel, static_cast<Parameters>(arguments)...));
}

}  // namespace engine::cuda
