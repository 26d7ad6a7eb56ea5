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

/// 32 neighbouring weights of a quantised row as the file holds them: weight i = scales[i/16] · (codes[i] − centre) + offsets[i/16],
/// with the type's constant centre (Q4_0 8, Q5_0 16, Q8_0 128, Q6_K 32, else 0). One of a format's two scales may equal the other.
struct WeightGroup {
    std::uint8_t codes[32];
    float scales[2];
    float offsets[2];
};

/// Group `group` of a block (32 elements: 0; 256 elements: 0 … 7) of Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4_K, Q5_K or Q6_K.
void unpackGroup(WeightType type, const std::byte* block, int group, WeightGroup& out);

/// Index of the first block with a scale (or minimum) that is NaN or infinite, −1 when there is none. Elements of the
/// plain types count as their own scales. One pass over the data.
std::int64_t firstBlockNotFinite(WeightType type, std::span<const std::byte> blocks);

}  // namespace engine
