// RMS norms of rows and of heads.
#include "engine/backend/cuda/kernels/norm.h"

#include "engine/backend/cuda/kernels/device_math.h"
#include "engine/backend/cuda/kernels/launch.h"

namespace engine::cuda {
namespace {

constexpr int kThreads = 256;

template <class Out>
__global__ void rmsNorm(const float* x, int xStride, const float* weight, float eps, int columns, Out* out, int outStride) {
    SHARED_BYTES(shared);
    const float* from = x + static_cast<std::ptrdiff_t>(blockIdx.x) * xStride;
    Out* to = out + static_cast<std::ptrdiff_t>(blockIdx.x) * outStride;
    float squares = 0;
    for (int i = static_cast<int>(threadIdx.x); i < columns; i += kThreads)
        squares += from[i] * from[i];
    squares = blockSum(squares, reinterpret_cast<float*>(shared));
    const float scale = 1.0F / sqrtf(squares / static_cast<float>(columns) + eps);
    for (int i = static_cast<int>(threadIdx.x); i < columns; i += kThreads)
        to[i] = fromFloat<Out>(from[i] * scale * weight[i]);
}

__global__ void headNorm(float* x, int xStride, int rows, int heads, int headDim, const float* weight, float eps) {
    const int index = static_cast<int>(blockIdx.x) * (kThreads / kWarp) + static_cast<int>(threadIdx.x) / kWarp;
    if (index >= rows * heads)
        return;  // whole warps leave together
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
    float* head = x + static_cast<std::ptrdiff_t>(index / heads) * xStride + index % heads * headDim;
    float squares = 0;
    for (int i = lane; i < headDim; i += kWarp)
        squares += head[i] * head[i];
    squares = warpSum(squares);
    const float scale = 1.0F / sqrtf(squares / static_cast<float>(headDim) + eps);
    for (int i = lane; i < headDim; i += kWarp)
        head[i] = head[i] * scale * weight[i];
}

}  // namespace

void launchRmsNorm(const Stream& stream, TensorView x, const float* weight, float eps, TensorView out) {
    assert(x.dtype == DType::F32 && x.columns == out.columns && x.rows == out.rows);
    if (x.rows == 0)
        return;
    const auto* from = static_cast<const float*>(x.data);
    const dim3 grid(static_cast<unsigned>(x.rows));
    constexpr std::size_t kShared = kThreads / kWarp * sizeof(float);
    if (out.dtype == DType::Bf16)
        launch(&rmsNorm<Bf16>, grid, kThreads, kShared, stream, from, x.stride, weight, eps, x.columns,
               static_cast<Bf16*>(out.data), out.stride);
    else
        launch(&rmsNorm<float>, grid, kThreads, kShared, stream, from, x.stride, weight, eps, x.columns,
               static_cast<float*>(out.data), out.stride);
}

void launchHeadNorm(const Stream& stream, TensorView x, int heads, const float* weight, float eps) {
    assert(x.dtype == DType::F32 && x.columns % heads == 0);
    if (x.rows == 0)
        return;
    launch(&headNorm, dim3(blocksFor(x.rows * heads, kThreads / kWarp)), kThreads, 0, stream, static_cast<float*>(x.data),
           x.stride, x.rows, heads, x.columns / heads, weight, eps);
}

}  // namespace engine::cuda
