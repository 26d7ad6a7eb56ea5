// Products of one row with quantised weights in plain loops, for processors without the instructions of the other two.
#include <cstring>

#include "engine/backend/cpu/quantised_format.h"
#include "engine/backend/cpu/row_digits_body.h"
#include "engine/backend/half.h"

namespace engine::cpu {
namespace {

float scaleAt(const std::byte* row, bool wide, int output) {
    if (wide) {
        float value = 0;
        std::memcpy(&value, row + 4 * output, sizeof value);
        return value;
    }
    std::uint16_t half = 0;
    std::memcpy(&half, row + 2 * output, sizeof half);
    return halfToFloat(half);
}

/// Input i (0 … 31) of an output, in a block's codes.
template <int Format>
std::int32_t codeAt(const std::byte* codes, int output, int i) {
    constexpr QuantisedFormat kFormat = kQuantisedFormats[Format];
    if constexpr (kFormat.bits == 8) {
        return static_cast<std::int32_t>(codes[(i / 4 * kTileOutputs + output) * 4 + i % 4]);
    } else {
        const auto pair = static_cast<std::int32_t>(codes[(i % 16 / 4 * kTileOutputs + output) * 4 + i % 4]);
        std::int32_t code = i < 16 ? pair & 15 : pair >> 4;
        for (int bit = 4; bit < kFormat.bits; ++bit) {
            const auto eight = static_cast<std::int32_t>(codes[256 + 64 * (bit - 4) + i / 4 * 8 + output / 2]);
            code |= (eight >> (output % 2 * 4 + i % 4) & 1) << bit;
        }
        return code;
    }
}

template <int Format>
void multiplyTiles(const std::byte* tiles, int blocks, const QuantisedRow& x, int begin, int end, float* out) {
    constexpr QuantisedFormat kFormat = kQuantisedFormats[Format];
    constexpr int kScaleRows = kBlockInputs / kFormat.group;
    constexpr std::size_t kScaleRow = kTileOutputs * (kFormat.wideScales ? 4 : 2);
    constexpr std::size_t kCodesAt = kScaleRows * kScaleRow * (kFormat.offsets ? 2 : 1);
    constexpr std::size_t kBlockBytes = kCodesAt + (kFormat.bits == 8 ? 512 : 256 + 64 * (kFormat.bits - 4));
    const std::byte* block = tiles + static_cast<std::size_t>(begin) * static_cast<std::size_t>(blocks) * kBlockBytes;
    for (int tile = begin; tile < end; ++tile) {
        float sums[kTileOutputs] = {};
        for (int b = 0; b < blocks; ++b, block += kBlockBytes) {
            for (int group = 0; group < kScaleRows; ++group) {
                const std::int32_t rowSum = kScaleRows == 2 ? x.sums[2 * b + group] : x.sums[2 * b] + x.sums[2 * b + 1];
                const float rowValue = static_cast<float>(rowSum) * x.scales[b];
                for (int output = 0; output < kTileOutputs; ++output) {
                    std::int32_t sum = -kFormat.centre * rowSum;
                    for (int i = group * kFormat.group; i < (group + 1) * kFormat.group; ++i) {
                        const int input = b * kBlockInputs + i;
                        sum += codeAt<Format>(block + kCodesAt, output, i) * (128 * x.high[input] + x.low[input]);
                    }
                    const float product = static_cast<float>(sum) * x.scales[b];
                    sums[output] += product * scaleAt(block + group * kScaleRow, kFormat.wideScales, output);
                    if constexpr (kFormat.offsets) {
                        const std::byte* offsets = block + (kScaleRows + group) * kScaleRow;
                        sums[output] += rowValue * scaleAt(offsets, kFormat.wideScales, output);
                    }
                }
            }
        }
        std::memcpy(out + tile * kTileOutputs, sums, sizeof sums);
    }
}

std::int64_t spin(std::int64_t rounds) {
    std::int32_t sums[12] = {};
    std::int32_t input = 2;
    for (std::int64_t i = 0; i < rounds; ++i) {
        asm volatile("" : "+r"(input));
        for (std::int32_t& sum : sums)
            sum += 3 * input;
    }
    for (std::int32_t& sum : sums)
        asm volatile("" : "+r"(sum));
    return rounds * 12 * 2;
}

}  // namespace

const QuantisedKernels& portableQuantised() {
    static constexpr QuantisedKernels kKernels = {{multiplyTiles<0>, multiplyTiles<1>, multiplyTiles<2>, multiplyTiles<3>,
                                                   multiplyTiles<4>, multiplyTiles<5>, multiplyTiles<6>, multiplyTiles<7>},
                                                  splitRow,
                                                  spin};
    return kKernels;
}

}  // namespace engine::cpu
