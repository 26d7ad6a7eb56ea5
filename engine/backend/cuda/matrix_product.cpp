// cuBLASLt counts by columns. A row-major [R, C] with stride s is its column-major [C, R] with leading dimension s, so
//   out[M, N] = x[M, K] · W[N, K]ᵀ   is   outᵀ[N, M] = (Wᵀ[K, N])ᵀ · xᵀ[K, M],
// and the bias, one number a row of outᵀ, is its epilogue.
#include "engine/backend/cuda/matrix_product.h"

#include <algorithm>
#include <bit>
#include <memory>
#include <string>

namespace engine::cuda {
namespace {

void checkBlas(cublasStatus_t status, const char* what) {
    if (status == CUBLAS_STATUS_ALLOC_FAILED)
        throw OutOfDeviceMemory(std::string("too_little_memory: cuBLASLt: ") + what);
    if (status != CUBLAS_STATUS_SUCCESS)
        throw std::runtime_error(std::string("device_failed: the GPU failed: cuBLASLt: ") + what + ": status " +
                                 std::to_string(static_cast<int>(status)));
}

cudaDataType_t dataType(DType dtype) { return dtype == DType::F32 ? CUDA_R_32F : CUDA_R_16BF; }

struct Deleter {
    void operator()(cublasLtMatmulDesc_t value) const { cublasLtMatmulDescDestroy(value); }
    void operator()(cublasLtMatrixLayout_t value) const { cublasLtMatrixLayoutDestroy(value); }
    void operator()(cublasLtMatmulPreference_t value) const { cublasLtMatmulPreferenceDestroy(value); }
};
template <class Pointer>
using Owned = std::unique_ptr<std::remove_pointer_t<Pointer>, Deleter>;

Owned<cublasLtMatrixLayout_t> layout(DType dtype, int rows, int columns, int leading) {
    cublasLtMatrixLayout_t made = nullptr;
    checkBlas(cublasLtMatrixLayoutCreate(&made, dataType(dtype), static_cast<std::uint64_t>(rows),
                                         static_cast<std::uint64_t>(columns), leading),
              "making a layout");
    return Owned<cublasLtMatrixLayout_t>(made);
}

template <class Value>
void describe(cublasLtMatmulDesc_t product, cublasLtMatmulDescAttributes_t attribute, Value value) {
    checkBlas(cublasLtMatmulDescSetAttribute(product, attribute, &value, sizeof value), "describing a product");
}

template <class Value>
void prefer(cublasLtMatmulPreference_t preference, cublasLtMatmulPreferenceAttributes_t attribute, Value value) {
    checkBlas(cublasLtMatmulPreferenceSetAttribute(preference, attribute, &value, sizeof value), "stating a preference");
}

/// The greatest power of two up to 256 that divides all of the addresses.
unsigned commonAlignment(std::initializer_list<const void*> pointers) {
    std::uintptr_t bits = 256;
    for (const void* pointer : pointers)
        bits |= reinterpret_cast<std::uintptr_t>(pointer);
    return 1U << std::countr_zero(bits);
}

}  // namespace

MatrixProduct::MatrixProduct(void* workspace, std::uint64_t workspaceBytes)
    : m_workspace(workspace), m_workspaceBytes(workspaceBytes) {
    checkBlas(cublasLtCreate(&m_handle), "starting");
}

MatrixProduct::~MatrixProduct() { cublasLtDestroy(m_handle); }

void MatrixProduct::multiply(const Stream& stream, TensorView x, const DenseMatrix& matrix, TensorView out,
                             bool accumulate) {
    assert(x.dtype == matrix.dtype && x.columns == matrix.inputs && out.columns == matrix.outputs && out.rows == x.rows);
    assert(!accumulate || out.dtype == DType::F32);
    if (x.rows == 0)
        return;
    cublasLtMatmulDesc_t made = nullptr;
    checkBlas(cublasLtMatmulDescCreate(&made, CUBLAS_COMPUTE_32F, CUDA_R_32F), "making a product");
    const Owned<cublasLtMatmulDesc_t> product(made);
    describe(made, CUBLASLT_MATMUL_DESC_TRANSA, CUBLAS_OP_T);
    describe(made, CUBLASLT_MATMUL_DESC_TRANSB, CUBLAS_OP_N);
    const void* bias = out.dtype == DType::F32 ? static_cast<const void*>(matrix.bias) : matrix.biasNarrow;
    if (matrix.bias != nullptr) {
        describe(made, CUBLASLT_MATMUL_DESC_EPILOGUE, CUBLASLT_EPILOGUE_BIAS);
        describe(made, CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias);
        describe(made, CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, dataType(out.dtype));
    }
    const auto weights = layout(matrix.dtype, matrix.inputs, matrix.outputs, matrix.inputs);
    const auto inputs = layout(x.dtype, matrix.inputs, x.rows, x.stride);
    const auto outputs = layout(out.dtype, matrix.outputs, x.rows, out.stride);

    const Shape shape{x.rows,
                      matrix.outputs,
                      matrix.inputs,
                      x.stride,
                      out.stride,
                      x.dtype,
                      out.dtype,
                      accumulate,
                      matrix.bias != nullptr,
                      commonAlignment({x.data, out.data, matrix.weights})};
    auto known = m_algorithms.find(shape);
    if (known == m_algorithms.end()) {
        cublasLtMatmulPreference_t preference = nullptr;
        checkBlas(cublasLtMatmulPreferenceCreate(&preference), "making a preference");
        const Owned<cublasLtMatmulPreference_t> owned(preference);
        prefer(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, m_workspaceBytes);
        prefer(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, static_cast<std::uint32_t>(shape.alignment));
        prefer(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, static_cast<std::uint32_t>(shape.alignment));
        prefer(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, static_cast<std::uint32_t>(shape.alignment));
        prefer(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, static_cast<std::uint32_t>(shape.alignment));
        cublasLtMatmulHeuristicResult_t found{};
        int count = 0;
        const cublasStatus_t status = cublasLtMatmulAlgoGetHeuristic(
            m_handle, made, weights.get(), inputs.get(), outputs.get(), outputs.get(), preference, 1, &found, &count);
        const std::string what = "finding an algorithm for " + std::to_string(x.rows) + " x " +
                                 std::to_string(matrix.inputs) + " x " + std::to_string(matrix.outputs);
        checkBlas(count == 0 && status == CUBLAS_STATUS_SUCCESS ? CUBLAS_STATUS_NOT_SUPPORTED : status, what.c_str());
        known = m_algorithms.emplace(shape, found.algo).first;
    }
    const float one = 1;
    const float beta = accumulate ? 1.0F : 0.0F;
    checkBlas(
        cublasLtMatmul(m_handle, made, &one, matrix.weights, weights.get(), x.data, inputs.get(), &beta, out.data,
                       outputs.get(), out.data, outputs.get(), &known->second, m_workspace, m_workspaceBytes, stream.get()),
        "multiplying");
}

}  // namespace engine::cuda
