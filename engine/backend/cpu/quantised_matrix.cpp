// Packing of quantised weights into tiles, digits of the row, and the division of tiles among threads: equal runs of them.
//
// Decoding is bound by the memory that weights are read from, so they stay as small as in their file; and the row is not rounded to
// 8 bits as is usual for such products but to 15 (two int8 digits for two integer dot products), which costs arithmetic that
// waits for memory anyway and keeps the product as near to the exact one as bf16 activations do.
#include "engine/backend/cpu/quantised_matrix.h"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "engine/backend/half.h"
#include "engine/model/quantisation.h"

namespace engine::cpu {
namespace {

/// Index into kQuantisedFormats; −1 = none.
int formatOf(WeightType type) {
    switch (type) {
        case WeightType::Q4_0:
            return 0;
        case WeightType::Q4_1:
            return 1;
        case WeightType::Q5_0:
            return 2;
        case WeightType::Q5_1:
            return 3;
        case WeightType::Q8_0:
            return 4;
        case WeightType::Q4_K:
            return 5;
        case WeightType::Q5_K:
            return 6;
        case WeightType::Q6_K:
            return 7;
        default:
            return -1;
    }
}

void storeScale(float value, bool wide, std::byte* row, int output) {
    if (wide) {
        std::memcpy(row + 4 * output, &value, 4);
    } else {
        const std::uint16_t half = floatToHalf(value);  // exact: it was an fp16
        std::memcpy(row + 2 * output, &half, 2);
    }
}

/// Writes one output's 32 weights into its lane of a block.
void packGroup(const WeightGroup& group, const QuantisedFormat& format, int output, std::byte* block) {
    const int scaleRows = kBlockInputs / format.group;
    const std::size_t scaleBytes = format.wideScales ? 4 : 2;
    for (int i = 0; i < scaleRows; ++i) {
        storeScale(group.scales[i], format.wideScales, block, output);
        block += kTileOutputs * scaleBytes;
    }
    for (int i = 0; format.offsets && i < scaleRows; ++i) {
        storeScale(group.offsets[i], format.wideScales, block, output);
        block += kTileOutputs * scaleBytes;
    }
    const std::uint8_t* codes = group.codes;
    if (format.bits == 8) {
        for (int j = 0; j < 8; ++j)
            std::memcpy(block + (j * kTileOutputs + output) * 4, codes + 4 * j, 4);
        return;
    }
    std::uint8_t nibbles[16];
    for (int i = 0; i < 16; ++i)
        nibbles[i] = static_cast<std::uint8_t>((codes[i] & 15) | (codes[i + 16] & 15) << 4);
    for (int j = 0; j < 4; ++j)
        std::memcpy(block + (j * kTileOutputs + output) * 4, nibbles + 4 * j, 4);
    block += 4 * kTileOutputs * 4;
    for (int bit = 4; bit < format.bits; ++bit, block += 64) {
        for (int j = 0; j < 8; ++j) {
            unsigned four = 0;
            for (int i = 0; i < 4; ++i)
                four |= (codes[4 * j + i] >> bit & 1U) << i;
            std::byte& pair = block[j * 8 + output / 2];  // 64 bits: bit 4·output + i
            pair |= static_cast<std::byte>(four << (output % 2 * 4));
        }
    }
}

}  // namespace

std::uint64_t QuantisedMatrix::packedBytes(std::span<const HostTensor* const> parts) {
    std::uint64_t bytes = 0;
    for (const HostTensor* tensor : parts) {
        const int format = formatOf(tensor->type);
        if (format < 0)
            return 0;
        const int tiles = (tensor->rows + kTileOutputs - 1) / kTileOutputs;
        bytes += static_cast<std::uint64_t>(tiles) * static_cast<std::uint64_t>(tensor->columns / kBlockInputs) *
                 quantisedBlockBytes(kQuantisedFormats[format]);
    }
    return bytes;
}

std::unique_ptr<QuantisedMatrix> QuantisedMatrix::pack(std::span<const HostTensor* const> parts, PageArena& memory,
                                                       int threads) {
    auto matrix = std::make_unique<QuantisedMatrix>();
    matrix->m_inputs = parts[0]->columns;
    const int blocks = matrix->m_inputs / kBlockInputs;
    int outputs = 0;
    std::size_t bytes = 0;
    for (const HostTensor* tensor : parts) {
        Part part;
        part.format = formatOf(tensor->type);
        if (part.format < 0)
            return nullptr;
        part.firstOutput = outputs;
        part.outputs = tensor->rows;
        part.firstTile = matrix->m_tiles;
        part.tileBytes = static_cast<std::size_t>(blocks) * quantisedBlockBytes(kQuantisedFormats[part.format]);
        outputs += part.outputs;
        matrix->m_tiles += part.tileCount();
        bytes += static_cast<std::size_t>(part.tileCount()) * part.tileBytes;
        matrix->m_parts.push_back(part);
    }
    matrix->m_memory = memory.allocate(bytes);
    auto* free = static_cast<std::byte*>(matrix->m_memory.data());
    for (std::size_t i = 0; i < parts.size(); ++i) {
        const HostTensor& tensor = *parts[i];
        Part& part = matrix->m_parts[i];
        part.tiles = free;
        free += static_cast<std::size_t>(part.tileCount()) * part.tileBytes;
        const QuantisedFormat& format = kQuantisedFormats[part.format];
        const int groupsOfBlock = weightBlockElements(tensor.type) / kBlockInputs;
        const auto fileBlockBytes = static_cast<std::size_t>(weightBlockBytes(tensor.type));
        const std::size_t blockBytes = quantisedBlockBytes(format);
#pragma omp parallel for num_threads(threads) schedule(static)
        for (int tile = 0; tile < part.tileCount(); ++tile) {
            WeightGroup group;
            const int rows = std::min(kTileOutputs, tensor.rows - tile * kTileOutputs);
            for (int output = 0; output < rows; ++output) {
                const std::byte* from = tensor.row(tile * kTileOutputs + output).data();
                std::byte* block = part.tiles + static_cast<std::size_t>(tile) * part.tileBytes;
                for (int b = 0; b < blocks; ++b, block += blockBytes) {
                    unpackGroup(tensor.type, from + static_cast<std::size_t>(b / groupsOfBlock) * fileBlockBytes,
                                b % groupsOfBlock, group);
                    packGroup(group, format, output, block);
                }
            }
        }
    }
    return matrix;
}

std::span<const std::byte> QuantisedProduct::follows(const QuantisedMatrix& weights) {
    if (m_last != nullptr)
        m_follows[m_last] = weights.bytes();
    m_last = weights.bytes().data();
    const auto found = m_follows.find(m_last);
    return found == m_follows.end() ? std::span<const std::byte>() : found->second;
}

void QuantisedProduct::multiplyShare(const QuantisedMatrix& weights, const QuantisedRow& row, int thread, int threads,
                                     float* out) const {
    const int blocks = weights.inputs() / kBlockInputs;
    const auto firstOf = [&](int which) {
        return static_cast<int>(static_cast<std::int64_t>(weights.tiles()) * which / threads);
    };
    for (const QuantisedMatrix::Part& part : weights.parts()) {
        const MultiplyTiles multiplyTiles = m_kernels.multiply[part.format];
        const int whole = part.outputs / kTileOutputs;
        const int begin = std::clamp(firstOf(thread) - part.firstTile, 0, part.tileCount());
        const int end = std::clamp(firstOf(thread + 1) - part.firstTile, 0, part.tileCount());
        if (begin < std::min(end, whole))
            multiplyTiles(part.tiles, blocks, row, begin, std::min(end, whole), out + part.firstOutput);
        if (begin <= whole && whole < end) {  // the last tile has fewer outputs
            float last[kTileOutputs];
            multiplyTiles(part.tiles + static_cast<std::size_t>(whole) * part.tileBytes, blocks, row, 0, 1, last);
            std::copy_n(last, part.outputs % kTileOutputs, out + part.firstOutput + whole * kTileOutputs);
        }
    }
}

void QuantisedProduct::multiply(std::span<const float> x, const QuantisedMatrix& weights, std::span<float> out) {
    const std::size_t inputs = x.size();
    assert(static_cast<int>(inputs) == weights.inputs());
    m_digits.resize(2 * inputs);
    m_scales.resize(inputs / kBlockInputs);
    m_sums.resize(inputs / 16);
    std::int8_t* high = m_digits.data();
    std::int8_t* low = high + inputs;
    m_kernels.split(x.data(), static_cast<int>(m_scales.size()), high, low, m_scales.data(), m_sums.data());
    const QuantisedRow row{high, low, m_scales.data(), m_sums.data()};
    m_team.run([this, &weights, row, to = out.data()](int thread,
                                                      int threads) { multiplyShare(weights, row, thread, threads, to); },
               follows(weights));
}

}  // namespace engine::cpu
