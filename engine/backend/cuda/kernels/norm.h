// Root-mean-square norms: out = x / sqrt(mean(x²) + eps) · weight.
#pragma once

#include "engine/backend/cuda/device.h"
#include "engine/backend/tensor.h"

namespace engine::cuda {

/// One block a row. x: [M, E] f32; weight: [E] f32, device; out: [M, E] f32 or bf16; may be x itself.
void launchRmsNorm(const Stream& stream, TensorView x, const float* weight, float eps, TensorView out);
/// One warp a row and head, in place. x: [M, heads·D] f32; weight: [D].
void launchHeadNorm(const Stream& stream, TensorView x, int heads, const float* weight, float eps);

}  // namespace engine::cuda
