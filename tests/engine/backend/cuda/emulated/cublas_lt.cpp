// The emulated cuBLASLt: products summed in fp32, in the order of the common side.
#include <cublasLt.h>

#include <vector>

#include "engine/backend/half.h"

namespace {

float read(const void* data, cudaDataType_t type, std::uint64_t index) {
    if (type == CUDA_R_32F)
        return static_cast<const float*>(data)[index];
    return engine::bf16ToFloat(static_cast<const std::uint16_t*>(data)[index]);
}

void write(void* data, cudaDataType_t type, std::uint64_t index, float value) {
    if (type == CUDA_R_32F)
        static_cast<float*>(data)[index] = value;
    else
        static_cast<std::uint16_t*>(data)[index] = engine::floatToBf16(value);
}

cublasLtMatmulAlgo_t shapeOf(const EmulatedMatmulDesc& desc, const EmulatedLayout& a, const EmulatedLayout& b) {
    const bool ta = desc.transA == CUBLAS_OP_T;
    const bool tb = desc.transB == CUBLAS_OP_T;
    if ((ta ? a.rows : a.columns) != (tb ? b.columns : b.rows))
        emulated::fail("factors whose common sides differ");
    return {ta ? a.columns : a.rows, tb ? b.rows : b.columns, ta ? a.rows : a.columns};
}

/// op(X) as rows of the common side: [outer, depth].
std::vector<float> unfolded(const void* data, const EmulatedLayout& layout, bool depthIsRows) {
    const std::uint64_t outer = depthIsRows ? layout.columns : layout.rows;
    const std::uint64_t depth = depthIsRows ? layout.rows : layout.columns;
    const auto leading = static_cast<std::uint64_t>(layout.leading);
    std::vector<float> values(outer * depth);
    for (std::uint64_t o = 0; o < outer; ++o)
        for (std::uint64_t k = 0; k < depth; ++k)
            values[o * depth + k] = read(data, layout.type, depthIsRows ? o * leading + k : k * leading + o);
    return values;
}

void multiply(const EmulatedMatmulDesc& desc, const void* a, const EmulatedLayout& aLayout, const void* b,
              const EmulatedLayout& bLayout, float beta, const void* c, void* d, const EmulatedLayout& dLayout) {
    const cublasLtMatmulAlgo_t shape = shapeOf(desc, aLayout, bLayout);
    const std::vector<float> left = unfolded(a, aLayout, desc.transA == CUBLAS_OP_T);
    const std::vector<float> right = unfolded(b, bLayout, desc.transB == CUBLAS_OP_N);
    const auto leading = static_cast<std::uint64_t>(dLayout.leading);
    for (std::uint64_t column = 0; column < shape.columns; ++column)
        for (std::uint64_t row = 0; row < shape.rows; ++row) {
            const float* x = left.data() + row * shape.depth;
            const float* y = right.data() + column * shape.depth;
            float sums[16] = {};  // as many lanes as the host's compiler likes
            std::uint64_t k = 0;
            for (; k + 16 <= shape.depth; k += 16)
                for (std::uint64_t i = 0; i < 16; ++i)
                    sums[i] += x[k + i] * y[k + i];
            float value = 0;
            for (; k < shape.depth; ++k)
                value += x[k] * y[k];
            for (const float sum : sums)
                value += sum;
            const std::uint64_t at = column * leading + row;
            if (beta != 0)
                value += beta * read(c, dLayout.type, at);
            if (desc.epilogue == CUBLASLT_EPILOGUE_BIAS)
                value += read(desc.bias, desc.biasType, row);
            write(d, dLayout.type, at, value);
        }
}

}  // namespace

cublasStatus_t cublasLtCreate(cublasLtHandle_t* handle) {
    *handle = new EmulatedBlas;
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtDestroy(cublasLtHandle_t handle) {
    delete handle;
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t* desc, cublasComputeType_t, cudaDataType_t) {
    *desc = new EmulatedMatmulDesc;
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t desc) {
    delete desc;
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t desc, cublasLtMatmulDescAttributes_t attribute,
                                              const void* value, std::size_t bytes) {
    const auto take = [&](auto& to) {
        if (bytes != sizeof to)
            emulated::fail("an attribute of the wrong size");
        std::memcpy(&to, value, sizeof to);
    };
    switch (attribute) {
        case CUBLASLT_MATMUL_DESC_TRANSA:
            take(desc->transA);
            break;
        case CUBLASLT_MATMUL_DESC_TRANSB:
            take(desc->transB);
            break;
        case CUBLASLT_MATMUL_DESC_EPILOGUE:
            take(desc->epilogue);
            break;
        case CUBLASLT_MATMUL_DESC_BIAS_POINTER:
            take(desc->bias);
            break;
        case CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE:
            take(desc->biasType);
            break;
    }
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t* layout, cudaDataType_t type, std::uint64_t rows,
                                          std::uint64_t columns, std::int64_t leading) {
    if (leading < static_cast<std::int64_t>(rows))
        emulated::fail("a leading dimension below the rows");
    *layout = new EmulatedLayout{type, rows, columns, leading};
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t layout) {
    delete layout;
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t* preference) {
    *preference = new EmulatedPreference;
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t preference) {
    delete preference;
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t,
                                                    cublasLtMatmulPreferenceAttributes_t attribute, const void*,
                                                    std::size_t bytes) {
    const std::size_t wanted = attribute == CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES ? 8 : 4;
    if (bytes != wanted)
        emulated::fail("a preference of the wrong size");
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t, cublasLtMatmulDesc_t desc, cublasLtMatrixLayout_t a,
                                              cublasLtMatrixLayout_t b, cublasLtMatrixLayout_t, cublasLtMatrixLayout_t,
                                              cublasLtMatmulPreference_t, int, cublasLtMatmulHeuristicResult_t* results,
                                              int* found) {
    results->algo = shapeOf(*desc, *a, *b);
    *found = 1;
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmul(cublasLtHandle_t, cublasLtMatmulDesc_t desc, const void* alpha, const void* a,
                              cublasLtMatrixLayout_t aLayout, const void* b, cublasLtMatrixLayout_t bLayout,
                              const void* beta, const void* c, cublasLtMatrixLayout_t, void* d,
                              cublasLtMatrixLayout_t dLayout, const cublasLtMatmulAlgo_t* algorithm, void*, std::size_t,
                              cudaStream_t stream) {
    const cublasLtMatmulAlgo_t shape = shapeOf(*desc, *aLayout, *bLayout);
    if (shape.rows != algorithm->rows || shape.columns != algorithm->columns || shape.depth != algorithm->depth)
        emulated::fail("an algorithm for another shape");
    if (dLayout->rows != shape.rows || dLayout->columns != shape.columns)
        emulated::fail("a result of another shape");
    if (*static_cast<const float*>(alpha) != 1)
        emulated::fail("an alpha that nothing here uses");
    emulated::enqueue(
        stream,
        [product = *desc, a, left = *aLayout, b, right = *bLayout, factor = *static_cast<const float*>(beta), c, d,
         out = *dLayout] { multiply(product, a, left, b, right, factor, c, d, out); },
        emulated::kKernelTakes);
    return CUBLAS_STATUS_SUCCESS;
}
