// Vectors of 8 floats with AVX2, FMA and F16C. See simd_avx512.h for the face.
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace {  // NOLINT(google-build-namespaces): compiled several times, never shared

constexpr int kLanes = 8;
constexpr bool kNarrowsFast = false;  // no narrowGated
using Vec = __m256;

inline Vec zero() { return _mm256_setzero_ps(); }
inline Vec broadcast(float value) { return _mm256_set1_ps(value); }
inline Vec load(const float* from) { return _mm256_loadu_ps(from); }
inline void store(float* to, Vec v) { _mm256_storeu_ps(to, v); }
inline Vec loadHalf(const void* from) { return _mm256_cvtph_ps(_mm_loadu_si128(static_cast<const __m128i*>(from))); }
inline void storeHalf(void* to, Vec v) {
    _mm_storeu_si128(static_cast<__m128i*>(to), _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
}
inline Vec loadBf16(const void* from) {
    const __m256i wide = _mm256_cvtepu16_epi32(_mm_loadu_si128(static_cast<const __m128i*>(from)));
    return _mm256_castsi256_ps(_mm256_slli_epi32(wide, 16));
}
/// bf16 bits in the low halves of 32-bit lanes: nearest even, NaN stays NaN.
inline __m256i bf16Bits(Vec v) {
    const __m256i bits = _mm256_castps_si256(v);
    const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    const __m256i rounded = _mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff)));
    const __m256i quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x400000));
    const __m256i unordered = _mm256_castps_si256(_mm256_cmp_ps(v, v, _CMP_UNORD_Q));
    return _mm256_srli_epi32(_mm256_blendv_epi8(rounded, quiet, unordered), 16);
}
inline void storeBf16(void* to, Vec v) {
    const __m256i bits = bf16Bits(v);
    const __m256i packed = _mm256_permute4x64_epi64(_mm256_packus_epi32(bits, bits), 0x08);
    _mm_storeu_si128(static_cast<__m128i*>(to), _mm256_castsi256_si128(packed));
}
inline void storeBf16Flushed(void* to, Vec v) { storeBf16(to, v); }
inline Vec fma(Vec a, Vec b, Vec c) { return _mm256_fmadd_ps(a, b, c); }
inline Vec maximum(Vec a, Vec b) { return _mm256_max_ps(a, b); }
inline Vec minimum(Vec a, Vec b) { return _mm256_min_ps(a, b); }
inline Vec selectFirst(int count, Vec a, Vec b) {
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_blendv_ps(b, a, _mm256_castsi256_ps(_mm256_cmpgt_epi32(_mm256_set1_epi32(count), lane)));
}
inline float reduceAdd(Vec v) {
    __m128 half = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    half = _mm_add_ps(half, _mm_movehl_ps(half, half));
    return _mm_cvtss_f32(_mm_add_ss(half, _mm_movehdup_ps(half)));
}
inline float reduceMax(Vec v) {
    __m128 half = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    half = _mm_max_ps(half, _mm_movehl_ps(half, half));
    return _mm_cvtss_f32(_mm_max_ss(half, _mm_movehdup_ps(half)));
}
inline Vec roundToInteger(Vec v) { return _mm256_round_ps(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
inline Vec timesPowerOfTwo(Vec v, Vec exponent) {
    const __m256i bits = _mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(exponent), _mm256_set1_epi32(127)), 23);
    return _mm256_mul_ps(v, _mm256_castsi256_ps(bits));
}
inline Vec loadDuplicated(const float* from) {
    const __m256 four = _mm256_castps128_ps256(_mm_loadu_ps(from));
    return _mm256_permutevar8x32_ps(four, _mm256_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3));
}
inline Vec swapPairs(Vec v) { return _mm256_permute_ps(v, 0xb1); }
inline Vec alternateSubtractAdd(Vec a, Vec b, Vec c) { return _mm256_fmaddsub_ps(a, b, c); }
inline Vec wordLow(Vec words) { return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_castps_si256(words), 16)); }
inline Vec wordHigh(Vec words) {
    return _mm256_and_ps(words, _mm256_castsi256_ps(_mm256_set1_epi32(static_cast<int>(0xffff0000U))));
}
inline void interleaveBf16(float* to, Vec low, Vec high) {
    const __m256i words = _mm256_or_si256(bf16Bits(low), _mm256_slli_epi32(bf16Bits(high), 16));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), words);
}
/// to[column * 16 + row] = from[row * stride + column] for 16 rows and kLanes columns.
inline void transpose16(const float* from, int stride, float* to) {
    for (int begin = 0; begin < 16; begin += 8) {
        Vec r[8];
        Vec pairs[8];
        for (int i = 0; i < 8; ++i) {
            r[i] = load(from + (begin + i) * stride);
        }
        for (int i = 0; i < 8; i += 2) {
            pairs[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
            pairs[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
        }
        for (int i = 0; i < 2; ++i) {  // rows 0–3, then 4–7: quads of columns 0/4, 1/5, 2/6, 3/7
            const int base = 4 * i;
            r[base + 0] = _mm256_shuffle_ps(pairs[base], pairs[base + 2], 0x44);
            r[base + 1] = _mm256_shuffle_ps(pairs[base], pairs[base + 2], 0xee);
            r[base + 2] = _mm256_shuffle_ps(pairs[base + 1], pairs[base + 3], 0x44);
            r[base + 3] = _mm256_shuffle_ps(pairs[base + 1], pairs[base + 3], 0xee);
        }
        for (int i = 0; i < 4; ++i) {
            store(to + i * 16 + begin, _mm256_permute2f128_ps(r[i], r[i + 4], 0x20));
            store(to + (i + 4) * 16 + begin, _mm256_permute2f128_ps(r[i], r[i + 4], 0x31));
        }
    }
}

}  // namespace
