// The block formats of GGUF weights: de-quantisation and the check of their scales.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "engine/model/host_tensor.h"

namespace engine {

/// IEEE 754 half and bfloat16 to fp32, exact.
float halfToFloat(std::uint16_t half);
float bf16ToFloat(std::uint16_t bits);

/// `blocks` holds whole blocks of `type`; writes one float an element to `out`, in the order of the elements.
void dequantiseBlocks(WeightType type, std::span<const std::byte> blocks, float* out);

/// Index of the first block with a scale (or minimum) that is NaN or infinite, −1 when there is none. Elements of the
/// plain types count as their own scales. One pass over the data.
std::int64_t firstBlockNotFinite(WeightType type, std::span<const std::byte> blocks);

}  // namespace engine
