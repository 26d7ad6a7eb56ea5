// Each rate is the best of several tries, timed by the host around a wait for the device: the work of a try takes milliseconds.
#include "engine/backend/cuda/measure_peak.h"

#include <algorithm>
#include <chrono>

#include "engine/backend/cuda/device.h"
#include "engine/backend/cuda/matrix_product.h"
#include "engine/backend/cuda/memory_pool.h"

namespace engine::cuda {
namespace {

constexpr int kTries = 5;
constexpr int kCalls = 4;  // a try
constexpr std::uint64_t kWorkspaceBytes = 64U << 20U;

/// 10^9 units/s.
template <class Work>
double bestRate(const Stream& stream, double units, const Work& work) {
    work();  // chooses the algorithm, touches the memory
    stream.synchronise();
    double best = 0;
    for (int attempt = 0; attempt < kTries; ++attempt) {
        const auto begin = std::chrono::steady_clock::now();
        for (int call = 0; call < kCalls; ++call)
            work();
        stream.synchronise();
        const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
        best = std::max(best, kCalls * units / seconds / 1e9);
    }
    return best;
}

}  // namespace

GpuPeak measureDevicePeak(int size, std::uint64_t bytes) {
    MemoryPool device(MemoryPool::Kind::Device);
    MemoryPool pinned(MemoryPool::Kind::Pinned);
    const Stream stream;
    GpuPeak peak;
    {
        const auto elements = static_cast<std::uint64_t>(size) * static_cast<std::uint64_t>(size);
        const Buffer x = device.take(2 * elements);
        const Buffer weights = device.take(2 * elements);
        const Buffer out = device.take(2 * elements);
        const Buffer workspace = device.take(kWorkspaceBytes);
        // Values that are spread over bits as real ones are: a product of zeros draws less power and runs at a higher clock.
        const Buffer noise = pinned.take(2 * elements);
        auto* values = static_cast<std::uint16_t*>(noise.data());
        std::uint32_t state = 1;
        for (std::uint64_t i = 0; i < elements; ++i) {
            state = state * 1664525U + 1013904223U;
            values[i] = static_cast<std::uint16_t>(0x3f00U | (state >> 16U & 0x80ffU));  // ± [0.5, 2)
        }
        for (const Buffer* matrix : {&x, &weights})
            CUDA_CHECK(cudaMemcpyAsync(matrix->data(), noise.data(), 2 * elements, cudaMemcpyHostToDevice, stream.get()));
        stream.synchronise();
        MatrixProduct product(workspace.data(), workspace.bytes());
        const DenseMatrix matrix{weights.data(), DType::Bf16, size, size, nullptr, nullptr};
        const double operations = 2.0 * size * static_cast<double>(elements);
        peak.bf16Gflops = bestRate(stream, operations, [&] {
            product.multiply(stream, {x.data(), DType::Bf16, size, size, size}, matrix,
                             {out.data(), DType::Bf16, size, size, size}, false);
        });
    }
    const Buffer from = device.take(bytes);
    const Buffer to = device.take(bytes);
    const Buffer host = pinned.take(bytes);
    const auto copyFrom = [&](const void* source, cudaMemcpyKind kind) {
        return [&stream, &to, source, kind, bytes] {
            CUDA_CHECK(cudaMemcpyAsync(to.data(), source, bytes, kind, stream.get()));
        };
    };
    const auto copied = static_cast<double>(bytes);
    peak.memoryGBs = bestRate(stream, 2 * copied, copyFrom(from.data(), cudaMemcpyDeviceToDevice));
    peak.uploadGBs = bestRate(stream, copied, copyFrom(host.data(), cudaMemcpyHostToDevice));
    return peak;
}

}  // namespace engine::cuda
