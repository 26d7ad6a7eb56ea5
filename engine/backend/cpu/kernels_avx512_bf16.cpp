// Kernels for processors with AVX-512 BF16, bf16 cache. Attention takes its dot products, with fp32 sums; denormal products count as
// zero.
#include "engine/backend/cpu/simd_avx512.h"
// The vectors first: the body is written over them.
#include "engine/backend/cpu/kernels.h"
#include "engine/backend/cpu/row_kernels_body.h"

namespace {

constexpr int kPack = 2;
constexpr int kRegisterVectors = 4;

inline Vec multiplyAdd(float a, Vec b, Vec c) { return _mm512_dpbf16_ps(c, (__m512bh)_mm512_set1_ps(a), (__m512bh)b); }
inline void storeProbabilities(float* to, int j, Vec first, Vec second) {
    _mm512_storeu_ps(to + j / kPack, (__m512)_mm512_cvtne2ps_pbh(second, first));
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

const Kernels& avx512Bf16Kernels() {
    static constexpr Kernels kKernels = {"avx512-bf16", kRowKernels, {Format::Bf16, attend, merge, sumKept}, spin};
    return kKernels;
}

}  // namespace engine::cpu
