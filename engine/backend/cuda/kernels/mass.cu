// The attention that keys receive: a second sweep with each row's final maximum and sum, so that it is normalised exactly.
#include "engine/backend/cuda/kernels/attention.h"
#include "engine/backend/cuda/kernels/device_math.h"
#include "engine/backend/cuda/kernels/launch.h"
#include "engine/backend/cuda/kernels/tiles.h"

namespace engine::cuda {
namespace {

constexpr int kThreads = 128;
constexpr int kWarps = kThreads / kWarp;
constexpr float kLog2E = 1.4426950408889634F;

int paddedKeys(const AttentionTask& task) { return (task.greatestLimit + kThreads - 1) / kThreads * kThreads; }

/// One block 64 keys (x) of a KV head (y); its rows in tiles of 64, in order.
template <int D>
__global__ void __launch_bounds__(kThreads) tensorCoreMass(AttentionTask task, float* partial, int partialStride) {
    SHARED_BYTES(bytes);
    Bf16* keys = reinterpret_cast<Bf16*>(bytes);                             // [64][D]
    Bf16* queries = keys + kTileKeys * D;                                    // [64][D]
    float* columns = reinterpret_cast<float*>(queries + kWideTileRows * D);  // [4 warps][64]
    const int thread = static_cast<int>(threadIdx.x);
    const int lane = thread % kWarp;
    const int kvHead = static_cast<int>(blockIdx.y);
    const int firstKey = static_cast<int>(blockIdx.x) * kTileKeys;
    const int packedRows = task.rows * task.group;
    const float scale = kLog2E / sqrtf(static_cast<float>(task.cache.headDim));
    const Bf16* k = static_cast<const Bf16*>(task.cache.k) +
                    static_cast<std::ptrdiff_t>(kvHead) * task.cache.capacity * task.cache.headDim;
    loadKeys<D, kThreads>(keys, k, task.cache.headDim, firstKey, task.greatestLimit);
    float sums[8][2];
#pragma unroll
    for (int n = 0; n < 8; ++n)
        sums[n][0] = sums[n][1] = 0;
    for (int first = 0; first < packedRows; first += kWideTileRows) {
        loadQueries<D, kWideTileRows, kThreads>(queries, task, kvHead, first);
        commitCopies();
        awaitCopies<0>();
        __syncthreads();
        float s[8][4];
        multiplyKeys<D>(s, queries, keys, thread / kWarp * 16);
#pragma unroll
        for (int half = 0; half < 2; ++half) {
            const int packed = first + thread / kWarp * 16 + lane / 4 + 8 * half;
            const bool present = packed < packedRows;
            const int limit = present ? task.limits[packed / task.group] : 0;
            const float lse = present ? task.lse[static_cast<std::ptrdiff_t>(kvHead) * packedRows + packed] : 0;
#pragma unroll
            for (int n = 0; n < 8; ++n)
#pragma unroll
                for (int i = 0; i < 2; ++i)
                    if (firstKey + 8 * n + lane % 4 * 2 + i < limit)
                        sums[n][i] += powerOfTwo(s[n][2 * half + i] * scale - lse);
        }
        __syncthreads();
    }
#pragma unroll
    for (int n = 0; n < 8; ++n)
#pragma unroll
        for (int i = 0; i < 2; ++i) {
            float sum = sums[n][i];
            for (int distance = 4; distance < kWarp; distance *= 2)
                sum += __shfl_xor_sync(kAllLanes, sum, distance);
            if (lane < 4)
                columns[thread / kWarp * kTileKeys + 8 * n + lane * 2 + i] = sum;
        }
    __syncthreads();
    if (thread < kTileKeys) {
        float sum = 0;
        for (int warp = 0; warp < kWarps; ++warp)
            sum += columns[warp * kTileKeys + thread];
        partial[static_cast<std::ptrdiff_t>(kvHead) * partialStride + firstKey + thread] = sum;
    }
}

/// One thread a key (x) of a KV head (y).
template <class T>
__global__ void plainMass(AttentionTask task, float* partial, int partialStride) {
    const int key = static_cast<int>(blockIdx.x) * kThreads + static_cast<int>(threadIdx.x);
    const int kvHead = static_cast<int>(blockIdx.y);
    const int headDim = task.cache.headDim;
    const float scale = kLog2E / sqrtf(static_cast<float>(headDim));
    const T* k =
        static_cast<const T*>(task.cache.k) + (static_cast<std::ptrdiff_t>(kvHead) * task.cache.capacity + key) * headDim;
    float sum = 0;
    for (int packed = 0; packed < task.rows * task.group; ++packed) {
        if (key >= task.limits[packed / task.group])
            continue;
        const T* q = static_cast<const T*>(task.q) + static_cast<std::ptrdiff_t>(packed / task.group) * task.qStride +
                     (kvHead * task.group + packed % task.group) * headDim;
        float score = 0;
        for (int i = 0; i < headDim; ++i)
            score = fmaf(toFloat(q[i]), toFloat(k[i]), score);
        sum += exp2f(score * scale - task.lse[static_cast<std::ptrdiff_t>(kvHead) * (task.rows * task.group) + packed]);
    }
    partial[static_cast<std::ptrdiff_t>(kvHead) * partialStride + key] = sum;
}

__global__ void addPartials(const float* partial, int partialStride, int kvHeads, int keys, float* mass) {
    const int key = static_cast<int>(blockIdx.x) * kThreads + static_cast<int>(threadIdx.x);
    if (key >= keys)
        return;
    float sum = mass[key];
    for (int kvHead = 0; kvHead < kvHeads; ++kvHead)
        sum += partial[static_cast<std::ptrdiff_t>(kvHead) * partialStride + key];
    mass[key] = sum;
}

}  // namespace

std::size_t massScratchFloats(const AttentionTask& task) {
    return static_cast<std::size_t>(task.cache.kvHeads) * static_cast<std::size_t>(paddedKeys(task));
}

void launchMass(const Stream& stream, const AttentionTask& task, float* scratch, float* mass) {
    assert(task.lse != nullptr);
    const int stride = paddedKeys(task);
    const auto heads = static_cast<unsigned>(task.cache.kvHeads);
    if (fitsTensorCores(task)) {
        const dim3 grid(blocksFor(task.greatestLimit, kTileKeys), heads);
        const auto shared = [](int d) {
            return sizeof(Bf16) * static_cast<std::size_t>((kTileKeys + kWideTileRows) * d) +
                   sizeof(float) * static_cast<std::size_t>(kWarps * kTileKeys);
        };
        if (task.cache.headDim <= 64)
            launch(&tensorCoreMass<64>, grid, kThreads, shared(64), stream, task, scratch, stride);
        else
            launch(&tensorCoreMass<128>, grid, kThreads, shared(128), stream, task, scratch, stride);
    } else {
        const dim3 grid(blocksFor(task.greatestLimit, kThreads), heads);
        if (task.cache.dtype == DType::Bf16)
            launch(&plainMass<Bf16>, grid, kThreads, 0, stream, task, scratch, stride);
        else
            launch(&plainMass<float>, grid, kThreads, 0, stream, task, scratch, stride);
    }
    launch(&addPartials, dim3(blocksFor(task.greatestLimit, kThreads)), kThreads, 0, stream,
           static_cast<const float*>(scratch), stride, task.cache.kvHeads, task.greatestLimit, mass);
}

}  // namespace engine::cuda
