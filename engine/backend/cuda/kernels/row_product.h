// Products of one row with a matrix, bound by reading the matrix: decoding, and logits.
#pragma once

#include "engine/backend/cuda/device.h"
#include "engine/backend/cuda/kernels/weights.h"

namespace engine::cuda {

/// The row in two int8 digits: x[k] ≈ scale[k/32] · (128·high[k] + low[k]), 15 bits of each 32 inputs' greatest value.
struct RowDigits {
    std::int8_t* high = nullptr;   // [K]
    std::int8_t* low = nullptr;    // [K]
    float* scales = nullptr;       // [K/32]
    std::int32_t* sums = nullptr;  // [K/16], of 128·high + low
};

/// Where the N results go: out = (add ? out : 0) + product + bias.
struct RowResult {
    void* out = nullptr;  // f32, or bf16 (never with add)
    DType dtype = DType::F32;
    const float* bias = nullptr;  // [N] or null
    bool add = false;
};

/// x: [K] f32 or bf16. One warp a group of 32 inputs.
void launchRowDigits(const Stream& stream, const void* x, DType dtype, int inputs, const RowDigits& digits);
/// Integer products of codes and digits, exact within a group; one warp four outputs.
void launchQuantisedRow(const Stream& stream, const RowDigits& x, const RowFormat& weights, const RowResult& result);
/// Dense weights [N, K] in `dtype` (f32 or bf16), rows at 16-byte borders where K allows; fp32 sums. One warp an output.
void launchDenseRow(const Stream& stream, const void* x, DType xType, const void* weights, DType weightType, int outputs,
                    int inputs, const RowResult& result);

}  // namespace engine::cuda
