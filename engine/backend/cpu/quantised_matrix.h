// A weight matrix kept in its file's own precision, for products with one row: decoding, and the logits of a prompt's last token.
#pragma once

#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "engine/backend/backend.h"
#include "engine/backend/cpu/page_arena.h"
#include "engine/backend/cpu/quantised_format.h"
#include "engine/backend/cpu/team.h"

namespace engine::cpu {

/// Tensors stacked by rows, each in the layout of quantised_format.h, one behind the other. Constant after construction.
class QuantisedMatrix {
public:
    /// Bytes that pack() takes; 0 = null.
    static std::uint64_t packedBytes(std::span<const HostTensor* const> parts);
    /// Null when a tensor's type has no such layout (F32, F16, BF16, Q2_K, Q3_K).
    static std::unique_ptr<QuantisedMatrix> pack(std::span<const HostTensor* const> parts, PageArena& memory, int threads);

    struct Part {
        int format = 0;  // index into kQuantisedFormats
        int firstOutput = 0;
        int outputs = 0;
        int firstTile = 0;  // of the matrix
        std::byte* tiles = nullptr;
        std::size_t tileBytes = 0;

        int tileCount() const { return (outputs + kTileOutputs - 1) / kTileOutputs; }
    };
    const std::vector<Part>& parts() const { return m_parts; }
    int inputs() const { return m_inputs; }
    int tiles() const { return m_tiles; }
    std::span<const std::byte> bytes() const { return {static_cast<const std::byte*>(m_memory.data()), m_memory.bytes()}; }

private:
    int m_inputs = 0;
    int m_tiles = 0;
    std::vector<Part> m_parts;
    Buffer m_memory;
};

/// Multiplies one row at a time; owns its scratch. One caller thread.
class QuantisedProduct {
public:
    QuantisedProduct(const QuantisedKernels& kernels, Team& team) : m_kernels(kernels), m_team(team) {}

    /// out = W · x. x: [K] fp32; out: [N] fp32. Each output is summed by one thread in a fixed order.
    void multiply(std::span<const float> x, const QuantisedMatrix& weights, std::span<float> out);

private:
    /// The tiles of one thread's share.
    void multiplyShare(const QuantisedMatrix& weights, const QuantisedRow& row, int thread, int threads, float* out) const;
    /// What was multiplied after these weights the last time; decoding goes round in a ring.
    std::span<const std::byte> follows(const QuantisedMatrix& weights);

    const QuantisedKernels& m_kernels;
    Team& m_team;
    std::vector<std::int8_t> m_digits;  // [2, K]
    std::vector<float> m_scales;        // [K/32]
    std::vector<std::int32_t> m_sums;   // [K/16]
    const void* m_last = nullptr;       // memory of the weights used last; a name, never read
    std::unordered_map<const void*, std::span<const std::byte>> m_follows;  // by that name
};

}  // namespace engine::cpu
