// Kernels for processors with AVX-512 (F, BW, DQ, VL), fp32 cache.
#include "engine/backend/cpu/simd_avx512.h"
// The vectors first: the bodies are written over them.
#include "engine/backend/cpu/kernels.h"
#include "engine/backend/cpu/row_kernels_body.h"

namespace {

constexpr int kRegisterVectors = 4;

}  // namespace

#include "engine/backend/cpu/fp32_cache_body.h"
// After what it needs:
#include "engine/backend/cpu/attention_body.h"
#include "engine/backend/cpu/spin_body.h"

namespace engine::cpu {

const Kernels& avx512Kernels() {
    static constexpr Kernels kKernels = {"avx512", kRowKernels, {Format::F32, attend, merge, sumKept}, spin};
    return kKernels;
}

}  // namespace engine::cpu
