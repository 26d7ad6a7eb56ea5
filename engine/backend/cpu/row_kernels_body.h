// Row operations over the vectors of the simd_*.h included before this file. Compiled once an instruction set; internal linkage.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#include "engine/backend/cpu/kernels.h"

namespace {  // NOLINT(google-build-namespaces): compiled several times, never shared

using engine::cpu::Format;
using engine::cpu::HeadRows;
using engine::cpu::Rotation;

template <Format F>
constexpr std::ptrdiff_t kElementBytes = F == Format::F32 ? 4 : 2;

template <Format F>
inline Vec loadAs(const void* base, int index) {
    const void* from = static_cast<const char*>(base) + index * kElementBytes<F>;
    if constexpr (F == Format::F32) {
        return load(static_cast<const float*>(from));
    } else if constexpr (F == Format::F16) {
        return loadHalf(from);
    } else {
        return loadBf16(from);
    }
}

/// Stored slices are the same bits on every back end; rows and caches may lose denormals where that is quicker.
enum class Denormals : std::uint8_t { Kept, Any };

template <Format F, Denormals D = Denormals::Any>
inline void storeAs(void* base, int index, Vec v) {
    void* to = static_cast<char*>(base) + index * kElementBytes<F>;
    if constexpr (F == Format::F32) {
        store(static_cast<float*>(to), v);
    } else if constexpr (F == Format::F16) {
        storeHalf(to, v);
    } else if constexpr (D == Denormals::Kept) {
        storeBf16(to, v);
    } else {
        storeBf16Flushed(to, v);
    }
}

/// The same for the last `count` < kLanes elements; lanes beyond hold zero.
template <Format F>
inline Vec loadTail(const void* base, int index, int count) {
    std::uint32_t buffer[kLanes] = {};
    std::memcpy(buffer, static_cast<const char*>(base) + index * kElementBytes<F>,
                static_cast<std::size_t>(count * kElementBytes<F>));
    return loadAs<F>(buffer, 0);
}

template <Format F, Denormals D = Denormals::Any>
inline void storeTail(void* base, int index, int count, Vec v) {
    std::uint32_t buffer[kLanes];
    storeAs<F, D>(buffer, 0, v);
    std::memcpy(static_cast<char*>(base) + index * kElementBytes<F>, buffer,
                static_cast<std::size_t>(count * kElementBytes<F>));
}

/// e^x for x clamped to [−87.3, 88.3], relative error 2e-7. Range reduction in two parts keeps it for large |x|; the polynomial is
/// the Taylor series, whose remainder at |r| ≤ ln(2)/2 is below 2e-8 at degree 7.
inline Vec exponential(Vec x) {
    x = minimum(broadcast(88.3F), maximum(broadcast(-87.3F), x));
    const Vec n = roundToInteger(x * broadcast(1.44269504F));
    Vec r = fma(n, broadcast(-0.693359375F), x);
    r = fma(n, broadcast(2.12194440e-4F), r);
    Vec p = broadcast(1.0F / 5040);
    p = fma(p, r, broadcast(1.0F / 720));
    p = fma(p, r, broadcast(1.0F / 120));
    p = fma(p, r, broadcast(1.0F / 24));
    p = fma(p, r, broadcast(1.0F / 6));
    p = fma(p, r, broadcast(0.5F));
    p = fma(p, r, broadcast(1.0F));
    p = fma(p, r, broadcast(1.0F));
    return timesPowerOfTwo(p, n);
}

template <Format Out>
void rmsNormAs(const float* x, const float* weight, float eps, int count, void* out) {
    const int whole = count / kLanes * kLanes;
    Vec sum0 = zero();
    Vec sum1 = zero();
    int i = 0;
    for (; i + 2 * kLanes <= whole; i += 2 * kLanes) {
        const Vec a = load(x + i);
        const Vec b = load(x + i + kLanes);
        sum0 = fma(a, a, sum0);
        sum1 = fma(b, b, sum1);
    }
    for (; i < whole; i += kLanes) {
        const Vec a = load(x + i);
        sum0 = fma(a, a, sum0);
    }
    if (whole < count) {
        const Vec a = loadTail<Format::F32>(x, whole, count - whole);
        sum1 = fma(a, a, sum1);
    }
    const float mean = reduceAdd(sum0 + sum1) / static_cast<float>(count);
    const Vec scale = broadcast(1.0F / __builtin_sqrtf(mean + eps));
    for (i = 0; i < whole; i += kLanes) {
        storeAs<Out>(out, i, load(x + i) * scale * load(weight + i));
    }
    if (whole < count) {
        const int rest = count - whole;
        storeTail<Out>(out, whole, rest,
                       loadTail<Format::F32>(x, whole, rest) * scale * loadTail<Format::F32>(weight, whole, rest));
    }
}

void rmsNorm(const float* x, const float* weight, float eps, int count, void* out, Format format) {
    if (format == Format::Bf16) {
        rmsNormAs<Format::Bf16>(x, weight, eps, count, out);
    } else {
        rmsNormAs<Format::F32>(x, weight, eps, count, out);
    }
}

/// A template so that only vectors with a fast one need have narrowGated.
template <Format Out, class V>
inline V gated(V gate, V up) {
    if constexpr (Out == Format::Bf16 && kNarrowsFast) {
        return narrowGated(gate, up);
    } else {
        return gate / (broadcast(1.0F) + exponential(zero() - gate)) * up;
    }
}

template <Format In, Format Out>
void swigluAs(const void* gate, const void* up, int count, void* out) {
    const int whole = count / kLanes * kLanes;
    for (int i = 0; i < whole; i += kLanes) {
        storeAs<Out>(out, i, gated<Out>(loadAs<In>(gate, i), loadAs<In>(up, i)));
    }
    if (whole < count) {
        const int rest = count - whole;
        storeTail<Out>(out, whole, rest, gated<Out>(loadTail<In>(gate, whole, rest), loadTail<In>(up, whole, rest)));
    }
}

void swiglu(const void* gate, const void* up, Format format, int count, void* out, Format outFormat) {
    if (format == Format::Bf16) {
        outFormat == Format::Bf16 ? swigluAs<Format::Bf16, Format::Bf16>(gate, up, count, out)
                                  : swigluAs<Format::Bf16, Format::F32>(gate, up, count, out);
    } else {
        outFormat == Format::Bf16 ? swigluAs<Format::F32, Format::Bf16>(gate, up, count, out)
                                  : swigluAs<Format::F32, Format::F32>(gate, up, count, out);
    }
}

/// (a, b) of `count` ≤ kLanes half-split pairs: (a cos − b sin, b cos + a sin).
inline void turn(Vec& a, Vec& b, Vec cosine, Vec sine) {
    const Vec first = fma(a, cosine, (zero() - b) * sine);
    b = fma(b, cosine, a * sine);
    a = first;
}

template <Format In, Format Out>
void rotateHeadAs(const void* from, int headDim, const Rotation& rotation, void* to) {
    const int pairs = rotation.pairs;
    const float* cosines = rotation.cosines;
    const float* sines = rotation.sines;
    if (rotation.interleaved) {
        const int whole = 2 * pairs / kLanes * kLanes;
        for (int i = 0; i < whole; i += kLanes) {
            const Vec x = loadAs<In>(from, i);
            const Vec crossed = swapPairs(x) * loadDuplicated(sines + i / 2);
            storeAs<Out>(to, i, alternateSubtractAdd(x, loadDuplicated(cosines + i / 2), crossed));
        }
        if (const int rest = 2 * pairs - whole; rest > 0) {
            float tail[2 * kLanes] = {};  // cosines, then sines, each kLanes / 2 long
            std::memcpy(tail, cosines + whole / 2, static_cast<std::size_t>(rest / 2) * sizeof(float));
            std::memcpy(tail + kLanes, sines + whole / 2, static_cast<std::size_t>(rest / 2) * sizeof(float));
            const Vec x = loadTail<In>(from, whole, rest);
            const Vec crossed = swapPairs(x) * loadDuplicated(tail + kLanes);
            storeTail<Out>(to, whole, rest, alternateSubtractAdd(x, loadDuplicated(tail), crossed));
        }
    } else {
        const int whole = pairs / kLanes * kLanes;
        for (int i = 0; i < whole; i += kLanes) {
            Vec a = loadAs<In>(from, i);
            Vec b = loadAs<In>(from, i + pairs);
            turn(a, b, load(cosines + i), load(sines + i));
            storeAs<Out>(to, i, a);
            storeAs<Out>(to, i + pairs, b);
        }
        if (const int rest = pairs - whole; rest > 0) {
            Vec a = loadTail<In>(from, whole, rest);
            Vec b = loadTail<In>(from, whole + pairs, rest);
            turn(a, b, loadTail<Format::F32>(cosines, whole, rest), loadTail<Format::F32>(sines, whole, rest));
            storeTail<Out>(to, whole, rest, a);
            storeTail<Out>(to, whole + pairs, rest, b);
        }
    }
    int i = 2 * pairs;
    for (; i + kLanes <= headDim; i += kLanes) {
        storeAs<Out>(to, i, loadAs<In>(from, i));
    }
    if (i < headDim) {
        storeTail<Out>(to, i, headDim - i, loadTail<In>(from, i, headDim - i));
    }
}

template <Format In>
void rotateHeadFrom(const void* from, int headDim, const Rotation& rotation, void* to, Format toFormat) {
    if (toFormat == Format::Bf16) {
        rotateHeadAs<In, Format::Bf16>(from, headDim, rotation, to);
    } else {
        rotateHeadAs<In, Format::F32>(from, headDim, rotation, to);
    }
}

void rotateHead(const void* from, Format format, int headDim, const Rotation& rotation, void* to, Format toFormat) {
    switch (format) {
        case Format::F32:
            return rotateHeadFrom<Format::F32>(from, headDim, rotation, to, toFormat);
        case Format::F16:
            return rotateHeadFrom<Format::F16>(from, headDim, rotation, to, toFormat);
        case Format::Bf16:
            return rotateHeadFrom<Format::Bf16>(from, headDim, rotation, to, toFormat);
    }
}

template <Format Out>
void narrowAs(const float* x, float scale, int count, void* out) {
    const int whole = count / kLanes * kLanes;
    for (int i = 0; i < whole; i += kLanes) {
        storeAs<Out, Denormals::Kept>(out, i, load(x + i) * broadcast(scale));
    }
    if (whole < count) {
        storeTail<Out, Denormals::Kept>(out, whole, count - whole,
                                        loadTail<Format::F32>(x, whole, count - whole) * broadcast(scale));
    }
}

void narrow(const float* x, float scale, int count, void* out, Format format) {
    switch (format) {
        case Format::F32:
            return narrowAs<Format::F32>(x, scale, count, out);
        case Format::F16:
            return narrowAs<Format::F16>(x, scale, count, out);
        case Format::Bf16:
            return narrowAs<Format::Bf16>(x, scale, count, out);
    }
}

void widenCodes(const std::byte* codes, float scale, int count, float* out) {
    for (int i = 0; i < count; ++i) {
        out[i] = scale * static_cast<float>(static_cast<signed char>(codes[i]));
    }
}

template <Format F>
float squaredDistanceAs(const float* fresh, const void* stored, int count) {
    const int whole = count / kLanes * kLanes;
    Vec sum = zero();
    for (int i = 0; i < whole; i += kLanes) {
        const Vec difference = load(fresh + i) - loadAs<F>(stored, i);
        sum = fma(difference, difference, sum);
    }
    if (whole < count) {
        const int rest = count - whole;
        const Vec difference = loadTail<Format::F32>(fresh, whole, rest) - loadTail<F>(stored, whole, rest);
        sum = fma(difference, difference, sum);
    }
    return reduceAdd(sum);
}

float squaredDistance(const float* fresh, const void* stored, Format format, int count) {
    switch (format) {
        case Format::F32:
            return squaredDistanceAs<Format::F32>(fresh, stored, count);
        case Format::F16:
            return squaredDistanceAs<Format::F16>(fresh, stored, count);
        case Format::Bf16:
            return squaredDistanceAs<Format::Bf16>(fresh, stored, count);
    }
    return 0;
}

void placeKeys(const HeadRows& rows, const Rotation& first, int firstLane, float* group, Format cacheFormat,
               float* scratch) {
    const int words = cacheFormat == Format::F32 ? rows.headDim : rows.headDim / 2;
    for (int i = 0; i < rows.count; ++i) {
        const Rotation rotation = {first.cosines + static_cast<std::ptrdiff_t>(i) * first.pairs,
                                   first.sines + static_cast<std::ptrdiff_t>(i) * first.pairs, first.pairs,
                                   first.interleaved};
        rotateHead(static_cast<const char*>(rows.data) + static_cast<std::size_t>(i) * rows.strideBytes, rows.format,
                   rows.headDim, rotation, scratch + static_cast<std::ptrdiff_t>(i) * words, cacheFormat);
    }
    int word = 0;
    if (rows.count == 16) {
        for (; word + kLanes <= words; word += kLanes) {
            transpose16(scratch + word, words, group + word * 16);
        }
    }
    for (; word < words; ++word) {
        for (int i = 0; i < rows.count; ++i) {
            std::memcpy(group + word * 16 + firstLane + i, scratch + static_cast<std::ptrdiff_t>(i) * words + word, 4);
        }
    }
}

template <Format In>
void placeValueRow(const void* from, int headDim, float* to) {
    int i = 0;
    for (; i + kLanes <= headDim; i += kLanes) {
        store(to + i, loadAs<In>(from, i));
    }
    if (i < headDim) {
        storeTail<Format::F32>(to, i, headDim - i, loadTail<In>(from, i, headDim - i));
    }
}

template <Format In>
void placeValuePair(const void* even, const void* odd, int headDim, float* to) {
    int i = 0;
    for (; i + kLanes <= headDim; i += kLanes) {
        interleaveBf16(to + i, loadAs<In>(even, i), loadAs<In>(odd, i));
    }
    if (i < headDim) {
        float words[kLanes];
        interleaveBf16(words, loadTail<In>(even, i, headDim - i), loadTail<In>(odd, i, headDim - i));
        std::memcpy(to + i, words, static_cast<std::size_t>(headDim - i) * sizeof(float));
    }
}

/// One position alone: its halves of the words.
template <Format In>
void placeValueHalf(const void* from, int headDim, float* to, int half) {
    for (int i = 0; i < headDim; i += kLanes) {
        const int count = headDim - i < kLanes ? headDim - i : kLanes;
        std::uint16_t bits[kLanes];
        storeBf16Flushed(bits, count == kLanes ? loadAs<In>(from, i) : loadTail<In>(from, i, count));
        for (int j = 0; j < count; ++j) {
            std::memcpy(reinterpret_cast<char*>(to + i + j) + 2 * half, bits + j, 2);
        }
    }
}

template <Format In>
void placeValuesFrom(const HeadRows& rows, int firstPosition, float* values, int stride, Format cacheFormat) {
    const auto row = [&](int i) {
        return static_cast<const char*>(rows.data) + static_cast<std::size_t>(i) * rows.strideBytes;
    };
    if (cacheFormat == Format::F32) {
        for (int i = 0; i < rows.count; ++i) {
            placeValueRow<In>(row(i), rows.headDim, values + static_cast<std::ptrdiff_t>(firstPosition + i) * stride);
        }
        return;
    }
    for (int i = 0; i < rows.count;) {
        const int position = firstPosition + i;
        float* words = values + static_cast<std::ptrdiff_t>(position / 2) * stride;
        if (position % 2 == 0 && i + 1 < rows.count) {
            placeValuePair<In>(row(i), row(i + 1), rows.headDim, words);
            i += 2;
        } else {
            placeValueHalf<In>(row(i), rows.headDim, words, position % 2);
            i += 1;
        }
    }
}

void placeValues(const HeadRows& rows, int firstPosition, float* values, int stride, Format cacheFormat) {
    switch (rows.format) {
        case Format::F32:
            return placeValuesFrom<Format::F32>(rows, firstPosition, values, stride, cacheFormat);
        case Format::F16:
            return placeValuesFrom<Format::F16>(rows, firstPosition, values, stride, cacheFormat);
        case Format::Bf16:
            return placeValuesFrom<Format::Bf16>(rows, firstPosition, values, stride, cacheFormat);
    }
}

void addValueSquares(const float* values, int stride, int headDim, Format cacheFormat, int firstPosition, int count,
                     float* squares) {
    const int whole = headDim / kLanes * kLanes;
    for (int i = 0; i < count; ++i) {
        const int position = firstPosition + i;
        const int row = cacheFormat == Format::F32 ? position : position / 2;
        const float* words = values + static_cast<std::ptrdiff_t>(row) * stride;
        const auto value = [&](Vec v) {
            return cacheFormat == Format::F32 ? v : position % 2 == 0 ? wordLow(v) : wordHigh(v);
        };
        Vec sum = zero();
        for (int j = 0; j < whole; j += kLanes) {
            const Vec v = value(load(words + j));
            sum = fma(v, v, sum);
        }
        if (whole < headDim) {
            const Vec v = value(loadTail<Format::F32>(words, whole, headDim - whole));
            sum = fma(v, v, sum);
        }
        squares[i] += reduceAdd(sum);
    }
}

constexpr engine::cpu::RowKernels kRowKernels = {rmsNorm,         swiglu,    rotateHead,  narrow,         widenCodes,
                                                 squaredDistance, placeKeys, placeValues, addValueSquares};

}  // namespace
