// Vectors of 4 floats in the compiler's own vector extension: the instruction set every processor has. See simd_avx512.h for the face.
#pragma once

#include <cstdint>
#include <cstring>

#include "engine/backend/half.h"

namespace {  // NOLINT(google-build-namespaces): compiled several times, never shared

constexpr int kLanes = 4;
constexpr bool kNarrowsFast = false;  // no narrowGated
using Vec = float __attribute__((vector_size(16)));
using IntVec = std::int32_t __attribute__((vector_size(16)));

inline Vec zero() { return Vec{}; }
inline Vec broadcast(float value) { return Vec{value, value, value, value}; }
inline Vec load(const float* from) {
    Vec v;
    std::memcpy(&v, from, sizeof v);
    return v;
}
inline void store(float* to, Vec v) { std::memcpy(to, &v, sizeof v); }
inline Vec loadHalf(const void* from) {
    std::uint16_t bits[kLanes];
    std::memcpy(bits, from, sizeof bits);
    using engine::halfToFloat;
    return Vec{halfToFloat(bits[0]), halfToFloat(bits[1]), halfToFloat(bits[2]), halfToFloat(bits[3])};
}
inline void storeHalf(void* to, Vec v) {
    using engine::floatToHalf;
    const std::uint16_t bits[kLanes] = {floatToHalf(v[0]), floatToHalf(v[1]), floatToHalf(v[2]), floatToHalf(v[3])};
    std::memcpy(to, bits, sizeof bits);
}
inline Vec loadBf16(const void* from) {
    std::uint16_t bits[kLanes];
    std::memcpy(bits, from, sizeof bits);
    using engine::bf16ToFloat;
    return Vec{bf16ToFloat(bits[0]), bf16ToFloat(bits[1]), bf16ToFloat(bits[2]), bf16ToFloat(bits[3])};
}
inline void storeBf16(void* to, Vec v) {
    using engine::floatToBf16;
    const std::uint16_t bits[kLanes] = {floatToBf16(v[0]), floatToBf16(v[1]), floatToBf16(v[2]), floatToBf16(v[3])};
    std::memcpy(to, bits, sizeof bits);
}
inline void storeBf16Flushed(void* to, Vec v) { storeBf16(to, v); }
inline Vec fma(Vec a, Vec b, Vec c) { return a * b + c; }
inline Vec maximum(Vec a, Vec b) { return a > b ? a : b; }
inline Vec minimum(Vec a, Vec b) { return a < b ? a : b; }
inline Vec selectFirst(int count, Vec a, Vec b) {
    const IntVec lane = {0, 1, 2, 3};
    const IntVec limit = {count, count, count, count};
    return lane < limit ? a : b;
}
inline float reduceAdd(Vec v) { return (v[0] + v[2]) + (v[1] + v[3]); }
inline float reduceMax(Vec v) {
    const float a = v[0] > v[2] ? v[0] : v[2];
    const float b = v[1] > v[3] ? v[1] : v[3];
    return a > b ? a : b;
}
inline Vec roundToInteger(Vec v) {  // |v| < 2^22
    const Vec magic = broadcast(12582912.0F);
    return (v + magic) - magic;
}
inline Vec timesPowerOfTwo(Vec v, Vec exponent) {
    const IntVec bits = (__builtin_convertvector(exponent, IntVec) + 127) << 23;
    return v * (Vec)bits;
}
inline Vec loadDuplicated(const float* from) { return Vec{from[0], from[0], from[1], from[1]}; }
inline Vec swapPairs(Vec v) { return __builtin_shufflevector(v, v, 1, 0, 3, 2); }
inline Vec alternateSubtractAdd(Vec a, Vec b, Vec c) {
    const Vec signs = {-1.0F, 1.0F, -1.0F, 1.0F};
    return a * b + c * signs;
}
inline Vec wordLow(Vec words) { return (Vec)((IntVec)words << 16); }
inline Vec wordHigh(Vec words) { return (Vec)((IntVec)words & static_cast<std::int32_t>(0xffff0000U)); }
inline void interleaveBf16(float* to, Vec low, Vec high) {
    std::uint16_t bits[8];
    for (int i = 0; i < kLanes; ++i) {
        bits[2 * i] = engine::floatToBf16(low[i]);
        bits[2 * i + 1] = engine::floatToBf16(high[i]);
    }
    std::memcpy(to, bits, sizeof bits);
}
/// to[column * 16 + row] = from[row * stride + column] for 16 rows and kLanes columns.
inline void transpose16(const float* from, int stride, float* to) {
    for (int row = 0; row < 16; row += 4) {
        const Vec a = load(from + (row + 0) * stride);
        const Vec b = load(from + (row + 1) * stride);
        const Vec c = load(from + (row + 2) * stride);
        const Vec d = load(from + (row + 3) * stride);
        const Vec ab0 = __builtin_shufflevector(a, b, 0, 4, 1, 5);
        const Vec ab1 = __builtin_shufflevector(a, b, 2, 6, 3, 7);
        const Vec cd0 = __builtin_shufflevector(c, d, 0, 4, 1, 5);
        const Vec cd1 = __builtin_shufflevector(c, d, 2, 6, 3, 7);
        store(to + row, __builtin_shufflevector(ab0, cd0, 0, 1, 4, 5));
        store(to + 16 + row, __builtin_shufflevector(ab0, cd0, 2, 3, 6, 7));
        store(to + 32 + row, __builtin_shufflevector(ab1, cd1, 0, 1, 4, 5));
        store(to + 48 + row, __builtin_shufflevector(ab1, cd1, 2, 3, 6, 7));
    }
}

}  // namespace
