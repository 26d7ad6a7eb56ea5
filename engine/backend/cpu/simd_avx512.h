// Vectors of 16 floats with AVX-512 (F, BW, DQ, VL). The three simd_*.h have one face, over which row_kernels_body.h and
// attention_body.h are written. Everything has internal linkage: the bodies are compiled once an instruction set, and no function
// made with a wide one may be picked by the linker for another.
//
// maximum(a, b) and minimum(a, b) return b when either is NaN, so that NaN passes through a clamp written with the value second.
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace {  // NOLINT(google-build-namespaces): compiled several times, never shared

constexpr int kLanes = 16;
using Vec = __m512;

inline Vec zero() { return _mm512_setzero_ps(); }
inline Vec broadcast(float value) { return _mm512_set1_ps(value); }
inline Vec load(const float* from) { return _mm512_loadu_ps(from); }
inline void store(float* to, Vec v) { _mm512_storeu_ps(to, v); }
inline Vec loadHalf(const void* from) { return _mm512_cvtph_ps(_mm256_loadu_si256(static_cast<const __m256i*>(from))); }
inline void storeHalf(void* to, Vec v) {
    _mm256_storeu_si256(static_cast<__m256i*>(to), _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
}
inline Vec loadBf16(const void* from) {
    const __m512i wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256(static_cast<const __m256i*>(from)));
    return _mm512_castsi512_ps(_mm512_slli_epi32(wide, 16));
}
/// bf16 bits in the low halves of 32-bit lanes: nearest even, NaN stays NaN.
inline __m512i bf16Bits(Vec v) {
    const __m512i bits = _mm512_castps_si512(v);
    const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    const __m512i rounded = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
    const __mmask16 unordered = _mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q);
    return _mm512_srli_epi32(_mm512_mask_or_epi32(rounded, unordered, bits, _mm512_set1_epi32(0x400000)), 16);
}
inline void storeBf16(void* to, Vec v) {
    _mm256_storeu_si256(static_cast<__m256i*>(to), _mm512_cvtepi32_epi16(bf16Bits(v)));
}
#ifdef __AVX512BF16__
constexpr bool kNarrowsFast = true;
/// The same, but what is denormal becomes zero: one instruction.
inline void storeBf16Flushed(void* to, Vec v) {
    _mm256_storeu_si256(static_cast<__m256i*>(to), (__m256i)_mm512_cvtneps_pbh(v));
}
/// Words whose low halves are bf16(low), whose high halves are bf16(high).
inline void interleaveBf16(float* to, Vec low, Vec high) {
    const __m512i order = _mm512_setr_epi32(0x100000, 0x110001, 0x120002, 0x130003, 0x140004, 0x150005, 0x160006, 0x170007,
                                            0x180008, 0x190009, 0x1a000a, 0x1b000b, 0x1c000c, 0x1d000d, 0x1e000e, 0x1f000f);
    _mm512_storeu_si512(to, _mm512_permutexvar_epi16(order, (__m512i)_mm512_cvtne2ps_pbh(high, low)));
}
/// 2^x, relative error 3e-6; 2^0 is exactly 1, what is below every denormal is 0, NaN stays NaN. The instructions take x apart by
/// themselves: one gives x − ⌊x⌋, one multiplies with 2^⌊x⌋. Minimax polynomial of degree 4 on [0, 1] through (0, 1).
inline Vec narrowPowerOfTwo(Vec x) {
    constexpr int kAboveFloor = 0x09;  // rounding down, no exceptions
    const Vec f = _mm512_reduce_ps(x, kAboveFloor);
    Vec p = _mm512_set1_ps(1.342668429e-2F);
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(5.224247417e-2F));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(2.412802048e-1F));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(6.930448449e-1F));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(1.0F));
    return _mm512_scalef_ps(p, x);
}
/// gate / (1 + exp(−gate)) * up for a result that is narrowed: relative error 8e-5, a fiftieth of bf16's rounding.
inline Vec narrowGated(Vec gate, Vec up) {
    const Vec power = narrowPowerOfTwo(gate * _mm512_set1_ps(-1.44269504F));
    return gate * _mm512_rcp14_ps(_mm512_set1_ps(1.0F) + power) * up;
}
#else
constexpr bool kNarrowsFast = false;
inline void storeBf16Flushed(void* to, Vec v) { storeBf16(to, v); }
/// Words whose low halves are bf16(low), whose high halves are bf16(high).
inline void interleaveBf16(float* to, Vec low, Vec high) {
    _mm512_storeu_si512(to, _mm512_or_si512(bf16Bits(low), _mm512_slli_epi32(bf16Bits(high), 16)));
}
#endif
inline Vec fma(Vec a, Vec b, Vec c) { return _mm512_fmadd_ps(a, b, c); }
inline Vec maximum(Vec a, Vec b) { return _mm512_max_ps(a, b); }
inline Vec minimum(Vec a, Vec b) { return _mm512_min_ps(a, b); }
/// Lanes [0, count) of a, the others of b; any count.
inline Vec selectFirst(int count, Vec a, Vec b) {
    const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    return _mm512_mask_mov_ps(b, _mm512_cmplt_epi32_mask(lane, _mm512_set1_epi32(count)), a);
}
inline float reduceAdd(Vec v) { return _mm512_reduce_add_ps(v); }
inline float reduceMax(Vec v) { return _mm512_reduce_max_ps(v); }
inline Vec roundToInteger(Vec v) { return _mm512_roundscale_ps(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
/// v * 2^exponent; exponent integral, −126 … 127.
inline Vec timesPowerOfTwo(Vec v, Vec exponent) { return _mm512_scalef_ps(v, exponent); }
/// Lanes 2i and 2i + 1 hold from[i]; reads kLanes / 2 floats.
inline Vec loadDuplicated(const float* from) {
    const __m512i lane = _mm512_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7);
    return _mm512_permutexvar_ps(lane, _mm512_castps256_ps512(_mm256_loadu_ps(from)));
}
inline Vec swapPairs(Vec v) { return _mm512_permute_ps(v, 0xb1); }
/// a * b − c in even lanes, a * b + c in odd ones.
inline Vec alternateSubtractAdd(Vec a, Vec b, Vec c) { return _mm512_fmaddsub_ps(a, b, c); }
/// The bf16 values in the low (high) halves of words, widened.
inline Vec wordLow(Vec words) { return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_castps_si512(words), 16)); }
inline Vec wordHigh(Vec words) {
    return _mm512_castsi512_ps(
        _mm512_and_si512(_mm512_castps_si512(words), _mm512_set1_epi32(static_cast<int>(0xffff0000U))));
}
/// to[column * 16 + row] = from[row * stride + column] for 16 rows and kLanes columns.
inline void transpose16(const float* from, int stride, float* to) {
    Vec r[16];
    Vec t[16];
    for (int i = 0; i < 16; ++i) {
        r[i] = load(from + i * stride);
    }
    for (int i = 0; i < 16; i += 2) {
        t[i] = _mm512_unpacklo_ps(r[i], r[i + 1]);
        t[i + 1] = _mm512_unpackhi_ps(r[i], r[i + 1]);
    }
    for (int i = 0; i < 16; i += 4) {  // r[i + c]: rows i … i + 3 of columns c, c + 4, c + 8, c + 12
        r[i + 0] = _mm512_shuffle_ps(t[i], t[i + 2], 0x44);
        r[i + 1] = _mm512_shuffle_ps(t[i], t[i + 2], 0xee);
        r[i + 2] = _mm512_shuffle_ps(t[i + 1], t[i + 3], 0x44);
        r[i + 3] = _mm512_shuffle_ps(t[i + 1], t[i + 3], 0xee);
    }
    for (int c = 0; c < 4; ++c) {
        const Vec low0 = _mm512_shuffle_f32x4(r[c], r[c + 4], 0x88);   // columns c, c + 8 of rows 0–3, 4–7
        const Vec high0 = _mm512_shuffle_f32x4(r[c], r[c + 4], 0xdd);  // columns c + 4, c + 12
        const Vec low1 = _mm512_shuffle_f32x4(r[c + 8], r[c + 12], 0x88);
        const Vec high1 = _mm512_shuffle_f32x4(r[c + 8], r[c + 12], 0xdd);
        store(to + c * 16, _mm512_shuffle_f32x4(low0, low1, 0x88));
        store(to + (c + 8) * 16, _mm512_shuffle_f32x4(low0, low1, 0xdd));
        store(to + (c + 4) * 16, _mm512_shuffle_f32x4(high0, high1, 0x88));
        store(to + (c + 12) * 16, _mm512_shuffle_f32x4(high0, high1, 0xdd));
    }
}

}  // namespace
