// The layout of quantised weights for products with a single row, and the face of its kernels. See quantised_matrix.cpp.
//
// 16 outputs make a *tile*; a tile is a run of blocks of 32 inputs; a block holds, in this order,
//   scales   [32/group][16]  fp16, or fp32 where the file's scale is a product
//   offsets  [32/group][16]  the same, if the format stores them
//   codes    4 to 6 bits: [4][16][4] bytes, low nibbles inputs 4j … 4j+3 (j = 0 … 3), high nibbles inputs 16+4j … 16+4j+3;
//            then for each further bit a plane of [8][64] bits in the order of 8-bit codes.
//            8 bits: [8][16][4] bytes, inputs 4j … 4j+3
// and a weight is scale · (code − centre) + offset, the very value of the file.
#pragma once

#include <cstddef>
#include <cstdint>

namespace engine::cpu {

constexpr int kTileOutputs = 16;
constexpr int kBlockInputs = 32;

struct QuantisedFormat {
    int bits = 4;          // of a code: 4, 5, 6 or 8
    int group = 32;        // inputs that share a scale: 16 or 32
    int centre = 0;        // subtracted from a code
    bool offsets = false;  // whether offsets are stored
    bool wideScales = false;

    bool operator==(const QuantisedFormat&) const = default;
};

/// One row of inputs in two int8 digits: x[k] ≈ scale[k/32] · (128 · high[k] + low[k]), 15 bits of the block's greatest value.
struct QuantisedRow {
    const std::int8_t* high = nullptr;   // [K]
    const std::int8_t* low = nullptr;    // [K]
    const float* scales = nullptr;       // [K/32]
    const std::int32_t* sums = nullptr;  // [K/16], of 128 · high + low
};

/// out[o] = Σ weight · x for the outputs of tiles [begin, end); out has whole tiles.
using MultiplyTiles = void (*)(const std::byte* tiles, int blocks, const QuantisedRow& x, int begin, int end, float* out);

/// The formats that have kernels, in the order of the kernel tables.
constexpr QuantisedFormat kQuantisedFormats[] = {
    {4, 32, 8, false, false},    // Q4_0
    {4, 32, 0, true, false},     // Q4_1
    {5, 32, 16, false, false},   // Q5_0
    {5, 32, 0, true, false},     // Q5_1
    {8, 32, 128, false, false},  // Q8_0
    {4, 32, 0, true, true},      // Q4_K
    {5, 32, 0, true, true},      // Q5_K
    {6, 16, 32, false, true},    // Q6_K
};
constexpr int kQuantisedFormatCount = sizeof kQuantisedFormats / sizeof kQuantisedFormats[0];

/// Bytes of a block of 16 outputs × 32 inputs.
constexpr std::size_t quantisedBlockBytes(const QuantisedFormat& format) {
    const std::size_t scaleRow = kTileOutputs * (format.wideScales ? 4 : 2);
    const std::size_t scales = static_cast<std::size_t>(kBlockInputs / format.group) * scaleRow * (format.offsets ? 2 : 1);
    return scales + (format.bits == 8 ? 512 : 256 + 64 * static_cast<std::size_t>(format.bits - 4));
}

struct QuantisedKernels {
    MultiplyTiles multiply[kQuantisedFormatCount];
    /// Makes the arrays of a QuantisedRow from x: [32 · blocks].
    void (*split)(const float* x, int blocks, std::int8_t* high, std::int8_t* low, float* scales, std::int32_t* sums);
    /// Integer dot products on registers alone, as SpinArithmetic in kernels.h.
    std::int64_t (*spin)(std::int64_t rounds);
};

const QuantisedKernels& portableQuantised();
#ifdef ENGINE_CPU_X86
const QuantisedKernels& avx2Quantised();
const QuantisedKernels& avx512VnniQuantised();
#endif

}  // namespace engine::cpu
