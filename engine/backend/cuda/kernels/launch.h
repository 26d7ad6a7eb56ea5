// Starting kernels: the one way of every launch.
#pragma once

#include <cstddef>

#include "engine/backend/cuda/command_list.h"
#include "engine/backend/cuda/device.h"

/// Dynamic shared memory of a kernel, 16-byte aligned, as bytes.
#ifdef __CUDACC__
#define SHARED_BYTES(name) extern __shared__ __align__(16) unsigned char name[]
#else
#define SHARED_BYTES(name) unsigned char* const name = emulated::sharedMemory()
#endif

namespace engine::cuda {

template <class Item>
constexpr unsigned blocksFor(Item items, int each) {
    return static_cast<unsigned>((items + each - 1) / each);
}

/// Puts a launch into the stream, or into the list of the burst that the stream is recorded for.
template <class... Parameters, class... Arguments>
void launch(void (*kernel)(Parameters...), dim3 grid, int threads, std::size_t sharedBytes, const Stream& stream,
            Arguments... arguments) {
    if (LaunchRecorder* recorder = stream.recorder(); recorder != nullptr)
        recorder->commands().add(kernel, grid, threads, sharedBytes, static_cast<Parameters>(arguments)...);
    else
        CUDA_CHECK(launchNow(kernel, grid, threads, sharedBytes, stream.get(), static_cast<Parameters>(arguments)...));
}

}  // namespace engine::cuda
