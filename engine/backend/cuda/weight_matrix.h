// A packed weight matrix on the device: dense for many rows, and the file's own codes for one row.
#pragma once

#include <span>
#include <vector>

#include "engine/backend/backend.h"
#include "engine/backend/cuda/kernels/weights.h"
#include "engine/backend/cuda/matrix_product.h"
#include "engine/backend/cuda/memory_pool.h"
#include "engine/backend/cuda/uploads.h"

namespace engine::cuda {

/// Constant after packing; device memory of `pool`, which outlives it.
class CudaMatrix final : public WeightMatrix {
public:
    /// One tensor of the stack in its file's codes.
    struct Part {
        RowFormat format;  // pointers into `memory`
        Buffer memory;
        int firstOutput = 0;
    };

    /// Uploads the tensors in their file's format and unpacks them on the device: dense in `dtype` when several rows are to be multiplied
    /// or some tensor has no row format, codes when `keepCodes` and every tensor has one.
    static std::unique_ptr<CudaMatrix> pack(std::span<const HostTensor* const> parts, std::span<const float> bias,
                                            MatrixUse use, DType dtype, bool keepCodes, MemoryPool& pool,
                                            UploadRing& uploads, const Stream& stream);

    /// Bytes that pack() takes of the pool for good, biases left out.
    static std::uint64_t packedBytes(std::span<const HostTensor* const> parts, MatrixUse use, DType dtype, bool keepCodes);

    DenseMatrix dense() const;
    bool hasDense() const { return m_dense.data() != nullptr; }
    const std::vector<Part>& parts() const { return m_parts; }  // empty = no codes kept
    const float* bias() const { return static_cast<const float*>(m_bias.data()); }

private:
    CudaMatrix(int outputs, int inputs, DType dtype) : WeightMatrix(outputs, inputs), m_dtype(dtype) {}
    void unpack(const HostTensor& tensor, int firstOutput, MemoryPool& pool, UploadRing& uploads, const Stream& stream);

    DType m_dtype;
    Buffer m_dense;       // [N, K]
    Buffer m_bias;        // [N] f32, or none
    Buffer m_biasNarrow;  // [N] bf16, or none
    std::vector<Part> m_parts;
};

}  // namespace engine::cuda
