// Weights as a model file holds them, turned into what products need: dense rows, and for decoding the file's own codes in an order that a
// warp reads in one piece.
#pragma once

#include <cstdint>

#include "engine/backend/cuda/device.h"
#include "engine/backend/tensor.h"
#include "engine/model/host_tensor.h"

namespace engine::cuda {

/// out[n, k] = weight, in `dtype` (f32 or bf16). blocks: `rows` rows of `columns` elements in the file's format. One block a row.
void launchDequantise(const Stream& stream, const std::uint8_t* blocks, WeightType type, int rows, int columns, DType dtype,
                      void* out);

/// A quantised matrix [N, K] for products with one row; weight = scale·(code − centre) + offset. `G` = groups of 32 inputs = N·K/32.
///   low    [G] 16 bytes: byte i holds code i in its low and code 16 + i in its high nibble; 8-bit codes: [G] 32 signed bytes
///   high   [G] 4 bytes (fifth bits, bit i of code i), for 6 bits 8 bytes (fifth bits, then sixth); null = none
///   small  [G] 2 bytes: K formats: integer scale and minimum (Q4_K, Q5_K), or both 16-input scales, signed (Q6_K); else null
///   scale  fp16 pair {scale, offset or minimum} for each group; K formats: for each 256 inputs
struct RowFormat {
    const std::uint8_t* low = nullptr;
    const std::uint8_t* high = nullptr;
    const std::uint8_t* small = nullptr;
    const std::uint16_t* scale = nullptr;
    WeightType type = WeightType::Q4_0;
    int outputs = 0;
    int inputs = 0;
};

/// Bytes of each array; 0 = the format has none.
struct RowFormatBytes {
    std::uint64_t low = 0;
    std::uint64_t high = 0;
    std::uint64_t small = 0;
    std::uint64_t scale = 0;
    std::uint64_t total() const { return low + high + small + scale; }
};
/// Whether a type has a RowFormat: Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4_K, Q5_K, Q6_K.
bool hasRowFormat(WeightType type);
RowFormatBytes rowFormatBytes(WeightType type, int outputs, int inputs);
/// Fills rows [firstRow, firstRow + rows) of the arrays of `to` from blocks. One thread a group.
void launchRowFormat(const Stream& stream, const std::uint8_t* blocks, int firstRow, int rows, const RowFormat& to);

}  // namespace engine::cuda
