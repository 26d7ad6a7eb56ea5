// out (+)= x · Wᵀ + bias on cuBLASLt: the only code that includes it.
#pragma once

#include <cublasLt.h>

#include <cstdint>
#include <map>
#include <tuple>

#include "engine/backend/cuda/device.h"
#include "engine/backend/tensor.h"

namespace engine::cuda {

/// A dense matrix on the device.
struct DenseMatrix {
    const void* weights = nullptr;  // [N, K]
    DType dtype = DType::Bf16;
    int outputs = 0;
    int inputs = 0;
    const float* bias = nullptr;                // [N], or null
    const std::uint16_t* biasNarrow = nullptr;  // the same in bf16, for narrow results
};

/// Chooses an algorithm for each shape once. fp32 sums; f32 operands are multiplied in fp32, not TF32. One thread.
class MatrixProduct {
public:
    /// `workspace`: device memory for algorithms, which must outlive this.
    MatrixProduct(void* workspace, std::uint64_t workspaceBytes);
    ~MatrixProduct();
    MatrixProduct(const MatrixProduct&) = delete;
    MatrixProduct& operator=(const MatrixProduct&) = delete;

    /// x: [M, K] in the weights' dtype; out: [M, N] f32 or bf16, f32 when accumulating.
    void multiply(const Stream& stream, TensorView x, const DenseMatrix& matrix, TensorView out, bool accumulate);

private:
    struct Shape {
        int rows, outputs, inputs, xStride, outStride;
        DType dtype, outType;
        bool accumulate, bias;
        unsigned alignment;  // of the worst operand, in bytes
        auto operator<=>(const Shape&) const = default;
    };

    cublasLtHandle_t m_handle = nullptr;
    void* const m_workspace;
    const std::uint64_t m_workspaceBytes;
    std::map<Shape, cublasLtMatmulAlgo_t> m_algorithms;
};

}  // namespace engine::cuda
