// Matrix products by oneDNN over weights packed once. All oneDNN code lies in this file pair; it compiles with oneDNN 2 and 3.
#pragma once

#include <memory>
#include <span>

#include "engine/backend/backend.h"

namespace engine::cpu {

/// Owns the oneDNN engine and its primitives. One caller thread.
class PackedMatmul {
public:
    /// precision: Bf16 (weights and x in bf16, sums in fp32) or F32.
    PackedMatmul(Precision precision, int threads);
    ~PackedMatmul();

    /// Whether oneDNN has a fast bf16 product on this processor.
    static bool supportsBf16();
    /// Whether oneDNN's kernels here sum a row in the same order whatever the number of rows and threads (AVX-512: bitwise
    /// the same row; elsewhere the order, and with it the last bits, may differ).
    static bool rowsAreIndependent();

    /// Bytes of a packed matrix; its outputs are padded to whole blocks.
    std::uint64_t packedBytes(int outputs, int inputs) const;
    std::unique_ptr<WeightMatrix> pack(std::span<const HostTensor* const> parts, std::span<const float> bias);
    /// out (+)= x · Wᵀ + bias; see Backend::matmul. Exactly the views' rows are read and written.
    void multiply(TensorView x, const WeightMatrix& weights, TensorView out, Accumulate accumulate);

private:
    struct State;
    const std::unique_ptr<State> m_state;
};

}  // namespace engine::cpu
