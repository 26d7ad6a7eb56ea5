// Scatter, place, export, deviation and score.
#include "engine/backend/cuda/kernels/key_value.h"

#include "engine/backend/cuda/kernels/launch.h"
#include "engine/backend/cuda/kernels/rope_pairs.h"

namespace engine::cuda {
namespace {

constexpr int kThreads = 128;

/// A row (head, token) of one half of a stored slice.
template <KvDtype Dtype>
struct StoredRow {
    const std::byte* codes;
    float scale;  // int8 only

    __device__ StoredRow(const std::byte* half, int head, int token, int kvHeads, int tokens, int headDim) {
        const std::size_t row =
            static_cast<std::size_t>(head) * static_cast<std::size_t>(tokens) + static_cast<std::size_t>(token);
        const std::size_t rows = static_cast<std::size_t>(kvHeads) * static_cast<std::size_t>(tokens);
        const auto columns = static_cast<std::size_t>(headDim);
        constexpr std::size_t kElement = Dtype == KvDtype::F32 ? 4 : Dtype == KvDtype::Int8 ? 1 : 2;
        codes = half + row * columns * kElement;
        scale = Dtype == KvDtype::Int8 ? toFloat(reinterpret_cast<const Half*>(half + rows * columns)[row]) : 0;
    }
    __device__ float at(int i) const {
        if constexpr (Dtype == KvDtype::F32)
            return reinterpret_cast<const float*>(codes)[i];
        else if constexpr (Dtype == KvDtype::F16)
            return toFloat(reinterpret_cast<const Half*>(codes)[i]);
        else if constexpr (Dtype == KvDtype::Bf16)
            return toFloat(reinterpret_cast<const Bf16*>(codes)[i]);
        else
            return scale * static_cast<float>(reinterpret_cast<const std::int8_t*>(codes)[i]);
    }
};

/// The slice that holds token `token` of a table's tokens, by bisection.
__device__ int sliceOf(const SlicePlace* places, int slices, int token) {
    int low = 0;
    int high = slices - 1;
    while (low < high) {
        const int middle = (low + high + 1) / 2;
        if (places[middle].firstToken <= token)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

/// The cache's element (head, position, 0) as an index.
__device__ std::ptrdiff_t cacheRow(const CacheView& cache, int head, int position) {
    return (static_cast<std::ptrdiff_t>(head) * cache.capacity + position) * cache.headDim;
}

/// Writes work item `item` of a head: K rotated at `position`, V as it is. `key(i)` and `value(i)` give fp32 elements.
template <class T, class Key, class Value>
__device__ void writeItem(const CacheView& cache, int head, int position, int item, const RopeView& rope, Key key,
                          Value value) {
    const std::ptrdiff_t row = cacheRow(cache, head, position);
    T* k = static_cast<T*>(cache.k) + row;
    T* v = static_cast<T*>(cache.v) + row;
    const RopePlaces places = ropePlaces(rope, item);
    v[places.first] = fromFloat<T>(value(places.first));
    if (places.second < 0) {
        k[places.first] = fromFloat<T>(key(places.first));
        return;
    }
    v[places.second] = fromFloat<T>(value(places.second));
    const std::ptrdiff_t angle = static_cast<std::ptrdiff_t>(position) * (rope.dimensions / 2) + item;
    const Pair rotated = rotatePair({key(places.first), key(places.second)}, rope.cosines[angle], rope.sines[angle]);
    k[places.first] = fromFloat<T>(rotated.a);
    k[places.second] = fromFloat<T>(rotated.b);
}

template <class T>
__global__ void scatter(const float* k, int kStride, const float* v, int vStride, const int* positions, RopeView rope,
                        CacheView cache) {
    const int items = ropeItems(rope, cache.headDim);
    const int index = static_cast<int>(blockIdx.y) * kThreads + static_cast<int>(threadIdx.x);
    if (index >= cache.kvHeads * items)
        return;
    const int head = index / items;
    const float* keys = k + static_cast<std::ptrdiff_t>(blockIdx.x) * kStride + head * cache.headDim;
    const float* values = v + static_cast<std::ptrdiff_t>(blockIdx.x) * vStride + head * cache.headDim;
    writeItem<T>(
        cache, head, positions[blockIdx.x], index % items, rope, [&](int i) { return keys[i]; },
        [&](int i) { return values[i]; });
}

template <class T, KvDtype Dtype>
__global__ void place(const std::byte* piece, const SlicePlace* places, int slices, RopeView rope, CacheView cache) {
    const int items = ropeItems(rope, cache.headDim);
    const int index = static_cast<int>(blockIdx.y) * kThreads + static_cast<int>(threadIdx.x);
    if (index >= cache.kvHeads * items)
        return;
    const int head = index / items;
    const SlicePlace slice = places[sliceOf(places, slices, static_cast<int>(blockIdx.x))];
    const int token = static_cast<int>(blockIdx.x) - slice.firstToken;
    const StoredRow<Dtype> keys(piece + slice.k, head, token, cache.kvHeads, slice.tokens, cache.headDim);
    const StoredRow<Dtype> values(piece + slice.v, head, token, cache.kvHeads, slice.tokens, cache.headDim);
    writeItem<T>(
        cache, head, slice.position + token, index % items, rope, [&](int i) { return keys.at(i); },
        [&](int i) { return values.at(i); });
}

/// The least fp16 ≥ greatest / 127, as engine/backend/int8_rows.h has it.
__device__ Half int8Scale(float greatest) {
    const float wanted = fminf(__fdiv_rn(greatest, 127.0F), 65504.0F);
    Half scale = toHalf(wanted);
    if (toFloat(scale) < wanted)
        ++scale.bits;
    return scale;
}

template <KvDtype Dtype>
__global__ void exportRows(const float* x, int stride, int rows, int kvHeads, int headDim, std::byte* out) {
    const int index = static_cast<int>(blockIdx.x) * (kThreads / kWarp) + static_cast<int>(threadIdx.x) / kWarp;
    if (index >= rows * kvHeads)
        return;  // whole warps leave together
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
    const int head = index / rows;
    const int token = index % rows;
    const float* from = x + static_cast<std::ptrdiff_t>(token) * stride + head * headDim;
    const std::size_t at = static_cast<std::size_t>(index) * static_cast<std::size_t>(headDim);
    if constexpr (Dtype == KvDtype::Int8) {
        float greatest = 0;
        for (int i = lane; i < headDim; i += kWarp)
            greatest = fmaxf(greatest, fabsf(from[i]));
        const Half scale = int8Scale(warpMax(greatest));
        const float inverse = scale.bits == 0 ? 0.0F : __fdiv_rn(1.0F, toFloat(scale));
        auto* codes = reinterpret_cast<std::int8_t*>(out) + at;
        for (int i = lane; i < headDim; i += kWarp)
            codes[i] = static_cast<std::int8_t>(fminf(fmaxf(rintf(__fmul_rn(from[i], inverse)), -127.0F), 127.0F));
        if (lane == 0)
            reinterpret_cast<Half*>(out + static_cast<std::size_t>(rows) * static_cast<std::size_t>(kvHeads) *
                                              static_cast<std::size_t>(headDim))[index] = scale;
    } else if constexpr (Dtype == KvDtype::F32) {
        for (int i = lane; i < headDim; i += kWarp)
            reinterpret_cast<float*>(out)[at + static_cast<std::size_t>(i)] = from[i];
    } else if constexpr (Dtype == KvDtype::F16) {
        for (int i = lane; i < headDim; i += kWarp)
            reinterpret_cast<Half*>(out)[at + static_cast<std::size_t>(i)] = toHalf(from[i]);
    } else {
        for (int i = lane; i < headDim; i += kWarp)
            reinterpret_cast<Bf16*>(out)[at + static_cast<std::size_t>(i)] = toBf16(from[i]);
    }
}

template <KvDtype Dtype>
__device__ float squaredDistance(const float* fresh, const std::byte* half, int token, int kvHeads, int tokens,
                                 int headDim) {
    float sum = 0;
    for (int index = static_cast<int>(threadIdx.x); index < kvHeads * headDim; index += kThreads) {
        const StoredRow<Dtype> stored(half, index / headDim, token, kvHeads, tokens, headDim);
        const float difference = fresh[index] - stored.at(index % headDim);
        sum += difference * difference;
    }
    return sum;
}

template <KvDtype Dtype>
__global__ void deviation(const float* k, int kStride, const float* v, int vStride, const std::byte* piece,
                          const SlicePlace* places, int slices, int kvHeads, int headDim, DeviationMetric metric,
                          float* dev) {
    SHARED_BYTES(shared);
    const SlicePlace slice = places[sliceOf(places, slices, static_cast<int>(blockIdx.x))];
    const int token = static_cast<int>(blockIdx.x) - slice.firstToken;
    const std::ptrdiff_t row = slice.position + token;
    float sum = 0;
    if (metric != DeviationMetric::V)
        sum += squaredDistance<Dtype>(k + row * kStride, piece + slice.k, token, kvHeads, slice.tokens, headDim);
    if (metric != DeviationMetric::K)
        sum += squaredDistance<Dtype>(v + row * vStride, piece + slice.v, token, kvHeads, slice.tokens, headDim);
    sum = blockSum(sum, reinterpret_cast<float*>(shared));
    if (threadIdx.x == 0)
        dev[row] = sum;
}

template <class T>
__global__ void accumulateScore(const float* mass, CacheView cache, int begin, int count, ScoreWeight weight, float scale,
                                float* score) {
    const int index = static_cast<int>(blockIdx.x) * (kThreads / kWarp) + static_cast<int>(threadIdx.x) / kWarp;
    if (index >= count)
        return;  // whole warps leave together
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
    float norm = 1;
    if (weight == ScoreWeight::AttentionTimesValueNorm) {
        float squares = 0;
        for (int head = 0; head < cache.kvHeads; ++head) {
            const T* value = static_cast<const T*>(cache.v) + cacheRow(cache, head, begin + index);
            for (int i = lane; i < cache.headDim; i += kWarp) {
                const float element = toFloat(value[i]);
                squares += element * element;
            }
        }
        norm = sqrtf(warpSum(squares));
    }
    if (lane == 0)
        score[index] += scale * mass[begin + index] * norm;
}

template <class T>
void launchPlaceInto(const Stream& stream, dim3 grid, const std::byte* piece, KvDtype dtype, const SlicePlace* places,
                     int slices, RopeView rope, CacheView cache) {
    switch (dtype) {
        case KvDtype::F32:
            return launch(&place<T, KvDtype::F32>, grid, kThreads, 0, stream, piece, places, slices, rope, cache);
        case KvDtype::F16:
            return launch(&place<T, KvDtype::F16>, grid, kThreads, 0, stream, piece, places, slices, rope, cache);
        case KvDtype::Bf16:
            return launch(&place<T, KvDtype::Bf16>, grid, kThreads, 0, stream, piece, places, slices, rope, cache);
        case KvDtype::Int8:
            return launch(&place<T, KvDtype::Int8>, grid, kThreads, 0, stream, piece, places, slices, rope, cache);
    }
}

}  // namespace

void launchScatter(const Stream& stream, TensorView k, TensorView v, const int* positions, RopeView rope, CacheView cache) {
    assert(k.columns == cache.kvHeads * cache.headDim && v.columns == k.columns && v.rows == k.rows);
    if (k.rows == 0)
        return;
    const dim3 grid(static_cast<unsigned>(k.rows), blocksFor(cache.kvHeads * ropeItems(rope, cache.headDim), kThreads));
    const auto* keys = static_cast<const float*>(k.data);
    const auto* values = static_cast<const float*>(v.data);
    if (cache.dtype == DType::Bf16)
        launch(&scatter<Bf16>, grid, kThreads, 0, stream, keys, k.stride, values, v.stride, positions, rope, cache);
    else
        launch(&scatter<float>, grid, kThreads, 0, stream, keys, k.stride, values, v.stride, positions, rope, cache);
}

void launchPlace(const Stream& stream, const std::byte* piece, KvDtype dtype, const SlicePlace* places, int slices,
                 int tokens, RopeView rope, CacheView cache) {
    if (tokens == 0)
        return;
    const dim3 grid(static_cast<unsigned>(tokens), blocksFor(cache.kvHeads * ropeItems(rope, cache.headDim), kThreads));
    if (cache.dtype == DType::Bf16)
        launchPlaceInto<Bf16>(stream, grid, piece, dtype, places, slices, rope, cache);
    else
        launchPlaceInto<float>(stream, grid, piece, dtype, places, slices, rope, cache);
}

void launchExport(const Stream& stream, TensorView rows, int kvHeads, KvDtype dtype, std::byte* out) {
    assert(rows.dtype == DType::F32 && rows.columns % kvHeads == 0);
    if (rows.rows == 0)
        return;
    const auto* x = static_cast<const float*>(rows.data);
    const dim3 grid(blocksFor(rows.rows * kvHeads, kThreads / kWarp));
    const int headDim = rows.columns / kvHeads;
    switch (dtype) {
        case KvDtype::F32:
            return launch(&exportRows<KvDtype::F32>, grid, kThreads, 0, stream, x, rows.stride, rows.rows, kvHeads, headDim,
                          out);
        case KvDtype::F16:
            return launch(&exportRows<KvDtype::F16>, grid, kThreads, 0, stream, x, rows.stride, rows.rows, kvHeads, headDim,
                          out);
        case KvDtype::Bf16:
            return launch(&exportRows<KvDtype::Bf16>, grid, kThreads, 0, stream, x, rows.stride, rows.rows, kvHeads, headDim,
                          out);
        case KvDtype::Int8:
            return launch(&exportRows<KvDtype::Int8>, grid, kThreads, 0, stream, x, rows.stride, rows.rows, kvHeads, headDim,
                          out);
    }
}

void launchDeviation(const Stream& stream, TensorView k, TensorView v, const std::byte* piece, KvDtype dtype,
                     const SlicePlace* places, int slices, int tokens, int kvHeads, DeviationMetric metric, float* dev) {
    assert(k.dtype == DType::F32 && v.dtype == DType::F32 && k.columns == v.columns && k.columns % kvHeads == 0);
    if (tokens == 0)
        return;
    const auto* keys = static_cast<const float*>(k.data);
    const auto* values = static_cast<const float*>(v.data);
    const dim3 grid(static_cast<unsigned>(tokens));
    constexpr std::size_t kShared = kThreads / kWarp * sizeof(float);
    const int headDim = k.columns / kvHeads;
    const auto run = [&](auto kernel) {
        launch(kernel, grid, kThreads, kShared, stream, keys, k.stride, values, v.stride, piece, places, slices, kvHeads,
               headDim, metric, dev);
    };
    switch (dtype) {
        case KvDtype::F32:
            return run(&deviation<KvDtype::F32>);
        case KvDtype::F16:
            return run(&deviation<KvDtype::F16>);
        case KvDtype::Bf16:
            return run(&deviation<KvDtype::Bf16>);
        case KvDtype::Int8:
            return run(&deviation<KvDtype::Int8>);
    }
}

void launchScore(const Stream& stream, const float* mass, CacheView cache, int begin, int count, ScoreWeight weight,
                 float scale, float* score) {
    if (count == 0)
        return;
    const dim3 grid(blocksFor(count, kThreads / kWarp));
    if (cache.dtype == DType::Bf16)
        launch(&accumulateScore<Bf16>, grid, kThreads, 0, stream, mass, cache, begin, count, weight, scale, score);
    else
        launch(&accumulateScore<float>, grid, kThreads, 0, stream, mass, cache, begin, count, weight, scale, score);
}

}  // namespace engine::cuda
