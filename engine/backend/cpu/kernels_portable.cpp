// Kernels for any processor.
#include "engine/backend/cpu/simd_portable.h"
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

const Kernels& portableKernels() {
    static constexpr Kernels kKernels = {"portable", kRowKernels, {Format::F32, attend, merge, sumKept}, spin};
    return kKernels;
}

}  // namespace engine::cpu
