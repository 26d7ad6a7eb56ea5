// Attention over a bf16 cache with the dot products of AVX-512 BF16. fp32 sums; denormal products count as zero.
#include "engine/backend/cpu/simd_avx512.h"
// The vectors first: the body is written over them.
#include "engine/backend/cpu/kernels.h"

namespace {

constexpr int kPack = 2;
constexpr int kRegisterVectors = 4;

inline Vec multiplyAdd(float a, Vec b, Vec c) { return _mm512_dpbf16_ps(c, (__m512bh)_mm512_set1_ps(a), (__m512bh)b); }
inline void storeProbabilities(float* to, int j, Vec first, Vec second) {
    _mm512_storeu_ps(to + j / kPack, (__m512)_mm512_cvtne2ps_pbh(second, first));
}
/// 2^x for x ≤ 0, relative error 3e-6; 2^0 is exactly 1, what is below every denormal is 0, NaN stays NaN. The instructions take x apart by
/// themselves: one gives x − ⌊x⌋, one multiplies with 2^⌊x⌋. Minimax polynomial of degree 4 on [0, 1] through (0, 1).
inline Vec narrowPowerOfTwo(Vec x) {
    constexpr int kAboveFloor = 0x09;  // rounding down, no exceptions
    const Vec f = _mm512_reduce_ps(x, kAboveFloor);
    Vec p = broadcast(1.342668429e-2F);
    p = fma(p, f, broadcast(5.224247417e-2F));
    p = fma(p, f, broadcast(2.412802048e-1F));
    p = fma(p, f, broadcast(6.930448449e-1F));
    p = fma(p, f, broadcast(1.0F));
    return _mm512_scalef_ps(p, x);
}
/// count is a multiple of 16. A bf16 value is not finite when all its exponent bits are set.
inline bool anyNotFinite(const float* words, int count) {
    const __m512i exponent = _mm512_set1_epi16(0x7f80);
    __mmask32 found = 0;
    for (int i = 0; i < count; i += kLanes) {
        const __m512i bits = _mm512_and_si512(_mm512_loadu_si512(words + i), exponent);
        found |= _mm512_cmpeq_epi16_mask(bits, exponent);
    }
    return found != 0;
}

}  // namespace

#include "engine/backend/cpu/attention_body.h"
#include "engine/backend/cpu/spin_body.h"

namespace engine::cpu {

const AttentionKernels& avx512Bf16Attention() {
    static constexpr AttentionKernels kKernels = {Format::Bf16, attend, merge, sumKept};
    return kKernels;
}

SpinArithmetic avx512Bf16Spin() { return spin; }

}  // namespace engine::cpu
