// A weight matrix kept in its file's own precision, for products with one row: decoding, and the logits of a prompt's last token.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "engine/backend/backend.h"
#include "engine/backend/cpu/quantised_format.h"

namespace engine::cpu {

/// Bytes of a block of 16 outputs × 32 inputs.
std::size_t quantisedBlockBytes(const QuantisedFormat& format);

/// Tensors stacked by rows, each in the layout of quantised_format.h. Constant after construction.
class QuantisedMatrix {
public:
    /// Null when a tensor's type has no such layout (F32, F16, BF16, Q2_K, Q3_K).
    static std::unique_ptr<QuantisedMatrix> pack(std::span<const HostTensor* const> parts, int threads);

    struct Part {
        int format = 0;  // index into kQuantisedFormats
        int firstOutput = 0;
        int outputs = 0;
        Buffer tiles;
    };
    const std::vector<Part>& parts() const { return m_parts; }
    int inputs() const { return m_inputs; }

private:
    int m_inputs = 0;
    std::vector<Part> m_parts;
};

/// Multiplies one row at a time; owns its scratch. One caller thread.
class QuantisedProduct {
public:
    QuantisedProduct(const QuantisedKernels& kernels, int threads) : m_kernels(kernels), m_threads(threads) {}

    /// out = W · x. x: [K] fp32; out: [N] fp32. Each output is summed by one thread in a fixed order.
    void multiply(std::span<const float> x, const QuantisedMatrix& weights, std::span<float> out);

private:
    const QuantisedKernels& m_kernels;
    const int m_threads;
    std::vector<std::int8_t> m_digits;  // [2, K]
    std::vector<float> m_scales;        // [K/32]
    std::vector<std::int32_t> m_sums;   // [K/16]
};

}  // namespace engine::cpu
