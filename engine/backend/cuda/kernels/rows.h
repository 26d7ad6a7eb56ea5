// Rows: SwiGLU, gathering, embeddings.
#pragma once

#include "engine/backend/cuda/device.h"
#include "engine/backend/tensor.h"
#include "engine/model/host_tensor.h"

namespace engine::cuda {

/// out = silu(gate)·up. gateUp: [M, 2F] f32 or bf16, gate first; out: [M, F] f32 or bf16. One thread an element.
void launchSwiglu(const Stream& stream, TensorView gateUp, TensorView out);
/// out[m, :] = x[rows[m], :], f32. rows: [out.rows] on the device. One block a row.
void launchGatherRows(const Stream& stream, TensorView x, const int* rows, TensorView out);
/// x[m, :] = table[ids[m], :] de-quantised. table: [V, E] in `type`'s blocks on the device; x: [M, E] f32. One block a row.
void launchEmbed(const Stream& stream, const std::uint8_t* table, WeightType type, const int* ids, TensorView x);
/// out = a, f32 to f32 or bf16; views of the same shape. One block a row.
void launchConvertRows(const Stream& stream, TensorView from, TensorView out);

}  // namespace engine::cuda
