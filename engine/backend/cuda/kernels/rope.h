// Rotation of query rows by their positions' angles.
#pragma once

#include "engine/backend/cuda/device.h"
#include "engine/backend/tensor.h"

namespace engine::cuda {

/// A RopeTable on the device: cosines and sines [P, R/2] f32 each, magnitude folded in.
struct RopeView {
    const float* cosines = nullptr;
    const float* sines = nullptr;
    int dimensions = 0;  // R
    bool halfSplit = true;
};

/// out = RoPE(q) at positions. q: [M, H·D] f32; out: [M, H·D] f32 or bf16; positions: [M] on the device. One thread a pair.
void launchRotateQueries(const Stream& stream, TensorView q, int heads, const int* positions, RopeView rope, TensorView out);

}  // namespace engine::cuda
