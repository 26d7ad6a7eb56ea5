// Kernels for processors with AVX2, FMA and F16C.
#include "engine/backend/cpu/simd_avx2.h"
// The vectors first: the bodies are written over them.
#include "engine/backend/cpu/kernels.h"
#include "engine/backend/cpu/row_kernels_body.h"

namespace {

constexpr int kRegisterVectors = 2;

}  // namespace

#include "engine/backend/cpu/fp32_cache_body.h"
// After what it needs:
#include "engine/backend/cpu/attention_body.h"
#include "engine/backend/cpu/spin_body.h"

namespace engine::cpu {

const Kernels& avx2Kernels() {
    static constexpr Kernels kKernels = {"avx2", kRowKernels, {Format::F32, attend, merge, sumKept}, spin};
    return kKernels;
}

}  // namespace engine::cpu
