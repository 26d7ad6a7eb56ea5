// Products of one row: quantised codes times digits of the row (dp4a), and dense weights.
#include "engine/backend/cuda/kernels/row_product.h"

#include "engine/backend/cuda/kernels/device_math.h"
#include "engine/backend/cuda/kernels/launch.h"

namespace engine::cuda {
namespace {

constexpr int kThreads = 128;
constexpr int kWarps = kThreads / kWarp;
constexpr int kOutputsPerWarp = 4;

template <class T>
__global__ void rowDigits(const T* x, int groups, RowDigits digits) {
    const int group = static_cast<int>(blockIdx.x) * kWarps + static_cast<int>(threadIdx.x) / kWarp;
    if (group >= groups)
        return;  // whole warps leave together
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
    const float value = toFloat(x[group * 32 + lane]);
    const float greatest = warpMax(fabsf(value));
    const float scale = greatest / 16256.0F;  // 128 · 127
    const int digit = scale > 0 ? static_cast<int>(rintf(fminf(fmaxf(value / scale, -16256.0F), 16256.0F))) : 0;
    const int high = (digit + 64) >> 7;
    digits.high[group * 32 + lane] = static_cast<std::int8_t>(high);
    digits.low[group * 32 + lane] = static_cast<std::int8_t>(digit - 128 * high);
    int sum = digit;
    for (int distance = 8; distance > 0; distance /= 2)
        sum += __shfl_xor_sync(kAllLanes, sum, distance);
    if (lane % 16 == 0)
        digits.sums[group * 2 + lane / 16] = sum;
    // A NaN or infinity in the row must show in every output: no digit can hold it, the scale can.
    const float marked = warpSum(value * 0.0F);
    if (lane == 0)
        digits.scales[group] = scale + marked;
}

/// The digits of one group, four codes to a word: words 0–3 are inputs 0–15, words 4–7 inputs 16–31.
struct GroupDigits {
    int high[8];
    int low[8];

    __device__ GroupDigits(const RowDigits& x, int group) {
#pragma unroll
        for (int part = 0; part < 2; ++part) {
            const int4 h = reinterpret_cast<const int4*>(x.high)[2 * group + part];
            const int4 l = reinterpret_cast<const int4*>(x.low)[2 * group + part];
            high[4 * part] = h.x, high[4 * part + 1] = h.y, high[4 * part + 2] = h.z, high[4 * part + 3] = h.w;
            low[4 * part] = l.x, low[4 * part + 1] = l.y, low[4 * part + 2] = l.z, low[4 * part + 3] = l.w;
        }
    }
};

/// Four bits as bytes 0 or 1.
__device__ inline unsigned spreadBits(unsigned bits) { return (bits & 15U) * 0x00204081U & 0x01010101U; }

/// Σ code · (128·high + low) over inputs 0–15 and 16–31 of group `at` of the matrix.
template <WeightType Type>
__device__ void groupSums(const RowFormat& weights, std::ptrdiff_t at, const GroupDigits& x, int (&sums)[2]) {
    int high[2] = {0, 0};
    int low[2] = {0, 0};
    const auto add = [&](int half, int word, unsigned codes) {
        high[half] = __dp4a(static_cast<int>(codes), x.high[4 * half + word], high[half]);
        low[half] = __dp4a(static_cast<int>(codes), x.low[4 * half + word], low[half]);
    };
    if constexpr (Type == WeightType::Q8_0) {
#pragma unroll
        for (int half = 0; half < 2; ++half) {
            const uint4 codes = reinterpret_cast<const uint4*>(weights.low)[2 * at + half];
            add(half, 0, codes.x);
            add(half, 1, codes.y);
            add(half, 2, codes.z);
            add(half, 3, codes.w);
        }
    } else {
        const uint4 packed = reinterpret_cast<const uint4*>(weights.low)[at];
        const unsigned words[4] = {packed.x, packed.y, packed.z, packed.w};
        unsigned fifth = 0;
        unsigned sixth = 0;
        if constexpr (Type == WeightType::Q5_0 || Type == WeightType::Q5_1 || Type == WeightType::Q5_K)
            fifth = reinterpret_cast<const unsigned*>(weights.high)[at];
        if constexpr (Type == WeightType::Q6_K) {
            const uint2 both = reinterpret_cast<const uint2*>(weights.high)[at];
            fifth = both.x;
            sixth = both.y;
        }
#pragma unroll
        for (int word = 0; word < 4; ++word)
#pragma unroll
            for (int half = 0; half < 2; ++half) {
                const int shift = 16 * half + 4 * word;
                unsigned codes = words[word] >> (4 * half) & 0x0f0f0f0fU;
                codes |= spreadBits(fifth >> shift) << 4 | spreadBits(sixth >> shift) << 5;
                add(half, word, codes);
            }
    }
#pragma unroll
    for (int half = 0; half < 2; ++half)
        sums[half] = 128 * high[half] + low[half];
}

template <WeightType Type>
__device__ float groupProduct(const RowFormat& weights, std::ptrdiff_t at, const GroupDigits& x, int2 rowSums,
                              float rowScale) {
    constexpr int kCentre = Type == WeightType::Q4_0 ? 8 : Type == WeightType::Q5_0 ? 16 : Type == WeightType::Q6_K ? 32 : 0;
    int sums[2];
    groupSums<Type>(weights, at, x, sums);
    sums[0] -= kCentre * rowSums.x;
    sums[1] -= kCentre * rowSums.y;
    const auto* scales = reinterpret_cast<const Half*>(weights.scale);
    if constexpr (Type == WeightType::Q6_K) {
        const float scale = toFloat(scales[at / 8 * 2]);
        const auto* small = reinterpret_cast<const std::int8_t*>(weights.small) + 2 * at;
        return rowScale * (scale * static_cast<float>(small[0]) * static_cast<float>(sums[0]) +
                           scale * static_cast<float>(small[1]) * static_cast<float>(sums[1]));
    } else {
        const float both = static_cast<float>(sums[0] + sums[1]);
        const float all = static_cast<float>(rowSums.x + rowSums.y);
        if constexpr (Type == WeightType::Q4_K || Type == WeightType::Q5_K) {
            const std::uint8_t* small = weights.small + 2 * at;
            return rowScale * (toFloat(scales[at / 8 * 2]) * static_cast<float>(small[0]) * both -
                               toFloat(scales[at / 8 * 2 + 1]) * static_cast<float>(small[1]) * all);
        }
        return rowScale * (toFloat(scales[2 * at]) * both + toFloat(scales[2 * at + 1]) * all);
    }
}

__device__ void storeResult(const RowResult& result, int output, float value) {
    if (result.bias != nullptr)
        value += result.bias[output];
    if (result.dtype == DType::Bf16) {
        static_cast<Bf16*>(result.out)[output] = toBf16(value);
        return;
    }
    float& out = static_cast<float*>(result.out)[output];
    out = (result.add ? out : 0.0F) + value;
}

template <WeightType Type>
__global__ void quantisedRow(RowDigits x, RowFormat weights, RowResult result) {
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
    const int first = (static_cast<int>(blockIdx.x) * kWarps + static_cast<int>(threadIdx.x) / kWarp) * kOutputsPerWarp;
    const int count = min(kOutputsPerWarp, weights.outputs - first);
    if (count <= 0)
        return;  // whole warps leave together
    const int groups = weights.inputs / 32;
    float sums[kOutputsPerWarp] = {};
    for (int group = lane; group < groups; group += kWarp) {
        const GroupDigits digits(x, group);
        const int2 rowSums = reinterpret_cast<const int2*>(x.sums)[group];
        const float rowScale = x.scales[group];
#pragma unroll
        for (int i = 0; i < kOutputsPerWarp; ++i)
            if (i < count)
                sums[i] += groupProduct<Type>(weights, static_cast<std::ptrdiff_t>(first + i) * groups + group, digits,
                                              rowSums, rowScale);
    }
#pragma unroll
    for (int i = 0; i < kOutputsPerWarp; ++i) {
        const float sum = warpSum(sums[i]);
        if (i < count && lane == i)
            storeResult(result, first + i, sum);
    }
}

/// Eight neighbouring elements as fp32.
__device__ inline void loadEight(const Bf16* from, float (&to)[8]) {
    const uint4 words = *reinterpret_cast<const uint4*>(from);
    const unsigned parts[4] = {words.x, words.y, words.z, words.w};
#pragma unroll
    for (int i = 0; i < 4; ++i) {
        to[2 * i] = __uint_as_float(parts[i] << 16);
        to[2 * i + 1] = __uint_as_float(parts[i] & 0xffff0000U);
    }
}
__device__ inline void loadEight(const float* from, float (&to)[8]) {
#pragma unroll
    for (int part = 0; part < 2; ++part) {
        const float4 four = reinterpret_cast<const float4*>(from)[part];
        to[4 * part] = four.x, to[4 * part + 1] = four.y, to[4 * part + 2] = four.z, to[4 * part + 3] = four.w;
    }
}

template <class X, class W>
__global__ void denseRow(const X* x, const W* weights, int outputs, int inputs, RowResult result) {
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
    const int output = static_cast<int>(blockIdx.x) * kWarps + static_cast<int>(threadIdx.x) / kWarp;
    if (output >= outputs)
        return;  // whole warps leave together
    const W* row = weights + static_cast<std::ptrdiff_t>(output) * inputs;
    const int whole = inputs % 8 == 0 ? inputs : 0;  // else rows do not begin at 16-byte borders
    float sum = 0;
    for (int k = lane * 8; k < whole; k += 8 * kWarp) {
        float a[8];
        float b[8];
        loadEight(x + k, a);
        loadEight(row + k, b);
#pragma unroll
        for (int i = 0; i < 8; ++i)
            sum = fmaf(a[i], b[i], sum);
    }
    for (int k = whole + lane; k < inputs; k += kWarp)
        sum = fmaf(toFloat(x[k]), toFloat(row[k]), sum);
    sum = warpSum(sum);
    if (lane == 0)
        storeResult(result, output, sum);
}

template <class X, class W>
void launchDenseRowOf(const Stream& stream, const void* x, const void* weights, int outputs, int inputs,
                      const RowResult& result) {
    launch(&denseRow<X, W>, dim3(blocksFor(outputs, kWarps)), kThreads, 0, stream, static_cast<const X*>(x),
           static_cast<const W*>(weights), outputs, inputs, result);
}

}  // namespace

void launchRowDigits(const Stream& stream, const void* x, DType dtype, int inputs, const RowDigits& digits) {
    assert(inputs % 32 == 0);
    const dim3 grid(blocksFor(inputs / 32, kWarps));
    if (dtype == DType::Bf16)
        launch(&rowDigits<Bf16>, grid, kThreads, 0, stream, static_cast<const Bf16*>(x), inputs / 32, digits);
    else
        launch(&rowDigits<float>, grid, kThreads, 0, stream, static_cast<const float*>(x), inputs / 32, digits);
}

void launchQuantisedRow(const Stream& stream, const RowDigits& x, const RowFormat& weights, const RowResult& result) {
    assert(!(result.add && result.dtype == DType::Bf16));
    const dim3 grid(blocksFor(weights.outputs, kWarps * kOutputsPerWarp));
    const auto run = [&](auto kernel) { launch(kernel, grid, kThreads, 0, stream, x, weights, result); };
    switch (weights.type) {
        case WeightType::Q4_0:
            return run(&quantisedRow<WeightType::Q4_0>);
        case WeightType::Q4_1:
            return run(&quantisedRow<WeightType::Q4_1>);
        case WeightType::Q5_0:
            return run(&quantisedRow<WeightType::Q5_0>);
        case WeightType::Q5_1:
            return run(&quantisedRow<WeightType::Q5_1>);
        case WeightType::Q8_0:
            return run(&quantisedRow<WeightType::Q8_0>);
        case WeightType::Q4_K:
            return run(&quantisedRow<WeightType::Q4_K>);
        case WeightType::Q5_K:
            return run(&quantisedRow<WeightType::Q5_K>);
        case WeightType::Q6_K:
            return run(&quantisedRow<WeightType::Q6_K>);
        default:
            assert(false);
    }
}

void launchDenseRow(const Stream& stream, const void* x, DType xType, const void* weights, DType weightType, int outputs,
                    int inputs, const RowResult& result) {
    assert(!(result.add && result.dtype == DType::Bf16));
    if (xType == DType::Bf16 && weightType == DType::Bf16)
        return launchDenseRowOf<Bf16, Bf16>(stream, x, weights, outputs, inputs, result);
    if (xType == DType::F32 && weightType == DType::F32)
        return launchDenseRowOf<float, float>(stream, x, weights, outputs, inputs, result);
    assert(false);
}

}  // namespace engine::cuda
