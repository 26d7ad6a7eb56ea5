// Kernels for processors with AVX2, FMA and F16C.
#include "engine/backend/cpu/simd_avx2.h"
// The vectors first: the bodies are written over them.
#include "engine/backend/cpu/kernels.h"
#include "engine/backend/cpu/row_kernels_body.h"

namespace {

constexpr int kPack = 1;
constexpr int kRegisterVectors = 2;

inline Vec multiplyAdd(float a, Vec b, Vec c) { return fma(broadcast(a), b, c); }
inline void storeProbabilities(float* to, int j, Vec first, Vec second) {
    store(to + j, first);
    store(to + j + kLanes, second);
}
/// count is a multiple of 16.
inline bool anyNotFinite(const float* words, int count) {
    Vec sum = zero();
    for (int i = 0; i < count; i += kLanes) {
        sum = fma(load(words + i), zero(), sum);  // 0 · NaN and 0 · ∞ are NaN
    }
    return !(reduceAdd(sum) == 0);
}

}  // namespace

#include "engine/backend/cpu/attention_body.h"
#include "engine/backend/cpu/spin_body.h"

namespace engine::cpu {

const Kernels& avx2Kernels() {
    static constexpr Kernels kKernels = {"avx2", kRowKernels, {Format::F32, attend, merge, addMass}, spin};
    return kKernels;
}

}  // namespace engine::cpu
