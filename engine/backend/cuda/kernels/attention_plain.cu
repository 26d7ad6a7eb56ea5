// Attention in fp32 arithmetic: the check of the fast kernels, the f32 precision, and head sizes that they do not take.
#include "engine/backend/cuda/kernels/attention.h"
#include "engine/backend/cuda/kernels/device_math.h"
#include "engine/backend/cuda/kernels/launch.h"

namespace engine::cuda {
namespace {

constexpr int kThreads = 128;
constexpr float kLog2E = 1.4426950408889634F;
constexpr int kMostColumns = 2;  // of the output that a thread sums: D ≤ 256

/// One block a row (x) and head (y): 128 keys at a time, a thread a key for the scores, a thread a column for the output.
template <class T>
__global__ void attendPlain(AttentionTask task) {
    SHARED_BYTES(bytes);
    float* query = reinterpret_cast<float*>(bytes);  // [D]
    float* p = query + task.cache.headDim;           // [128]
    float* scratch = p + kThreads;                   // [2 · warps]
    const int thread = static_cast<int>(threadIdx.x);
    const int head = static_cast<int>(blockIdx.y);
    const int kvHead = head / task.group;
    const int headDim = task.cache.headDim;
    const int limit = task.limits[blockIdx.x];
    const std::ptrdiff_t headAt = static_cast<std::ptrdiff_t>(kvHead) * task.cache.capacity * headDim;
    const T* k = static_cast<const T*>(task.cache.k) + headAt;
    const T* v = static_cast<const T*>(task.cache.v) + headAt;
    const T* q = static_cast<const T*>(task.q) + static_cast<std::ptrdiff_t>(blockIdx.x) * task.qStride + head * headDim;
    for (int i = thread; i < headDim; i += kThreads)
        query[i] = toFloat(q[i]);
    __syncthreads();
    const float scale = kLog2E / sqrtf(static_cast<float>(headDim));
    float maximum = -INFINITY;
    float sum = 0;
    float out[kMostColumns] = {0, 0};
    for (int first = 0; first < limit; first += kThreads) {
        const int count = min(kThreads, limit - first);
        float score = -INFINITY;
        if (thread < count) {
            const T* key = k + static_cast<std::ptrdiff_t>(first + thread) * headDim;
            score = 0;
            for (int i = 0; i < headDim; ++i)
                score = fmaf(query[i], toFloat(key[i]), score);
            score *= scale;
        }
        const float greatest = fmaxf(maximum, blockMax(score, scratch));
        const float probability = thread < count ? exp2f(score - greatest) : 0.0F;
        p[thread] = probability;
        const float tileSum = blockSum(probability, scratch + kThreads / kWarp);  // its barrier publishes p too
        const float factor = exp2f(maximum - greatest);
        sum = sum * factor + tileSum;
        maximum = greatest;
        for (int part = 0; part < kMostColumns; ++part) {
            const int column = thread + part * kThreads;
            if (column >= headDim)
                break;
            float value = out[part] * factor;
            for (int key = 0; key < count; ++key)
                value = fmaf(p[key], toFloat(v[static_cast<std::ptrdiff_t>(first + key) * headDim + column]), value);
            out[part] = value;
        }
        __syncthreads();
    }
    T* to = static_cast<T*>(task.out) + static_cast<std::ptrdiff_t>(blockIdx.x) * task.outStride + head * headDim;
    for (int part = 0; part < kMostColumns; ++part) {
        const int column = thread + part * kThreads;
        if (column < headDim)
            to[column] = fromFloat<T>(out[part] / sum);
    }
    if (thread == 0 && task.lse != nullptr)
        task.lse[static_cast<std::ptrdiff_t>(kvHead) * (task.rows * task.group) +
                 static_cast<std::ptrdiff_t>(blockIdx.x) * task.group + head % task.group] = maximum + log2f(sum);
}

}  // namespace

void launchPlainAttention(const Stream& stream, const AttentionTask& task) {
    assert(task.cache.headDim <= kMostColumns * kThreads);
    const dim3 grid(static_cast<unsigned>(task.rows), static_cast<unsigned>(task.cache.kvHeads * task.group));
    const std::size_t shared =
        sizeof(float) * (static_cast<std::size_t>(task.cache.headDim) + kThreads + 2 * kThreads / kWarp);
    if (task.cache.dtype == DType::Bf16)
        launch(&attendPlain<Bf16>, grid, kThreads, shared, stream, task);
    else
        launch(&attendPlain<float>, grid, kThreads, shared, stream, task);
}

}  // namespace engine::cuda
