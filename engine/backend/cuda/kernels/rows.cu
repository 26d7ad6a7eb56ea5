// SwiGLU, gathering of rows, embedding rows, conversion.
#include "engine/backend/cuda/kernels/rows.h"

#include "engine/backend/cuda/kernels/device_math.h"
#include "engine/backend/cuda/kernels/launch.h"
#include "engine/backend/cuda/kernels/weight_blocks.h"

namespace engine::cuda {
namespace {

constexpr int kThreads = 256;

template <class In, class Out>
__global__ void swiglu(const In* gateUp, int inStride, Out* out, int outStride, int columns) {
    const int column = static_cast<int>(blockIdx.y) * kThreads + static_cast<int>(threadIdx.x);
    if (column >= columns)
        return;
    const In* row = gateUp + static_cast<std::ptrdiff_t>(blockIdx.x) * inStride;
    const float gate = toFloat(row[column]);
    const float up = toFloat(row[columns + column]);
    out[static_cast<std::ptrdiff_t>(blockIdx.x) * outStride + column] = fromFloat<Out>(gate / (1.0F + expf(-gate)) * up);
}

__global__ void gatherRows(const float* x, int xStride, const int* rows, float* out, int outStride, int columns) {
    const float* from = x + static_cast<std::ptrdiff_t>(rows[blockIdx.x]) * xStride;
    float* to = out + static_cast<std::ptrdiff_t>(blockIdx.x) * outStride;
    for (int i = static_cast<int>(threadIdx.x); i < columns; i += kThreads)
        to[i] = from[i];
}

__global__ void embed(const std::uint8_t* table, WeightType type, std::size_t rowBytes, const int* ids, float* x,
                      int xStride, int columns) {
    const std::uint8_t* row = table + static_cast<std::size_t>(ids[blockIdx.x]) * rowBytes;
    float* to = x + static_cast<std::ptrdiff_t>(blockIdx.x) * xStride;
    for (int i = static_cast<int>(threadIdx.x); i < columns; i += kThreads)
        to[i] = weightAt(type, row, i);
}

template <class Out>
__global__ void convertRows(const float* x, int xStride, Out* out, int outStride, int columns) {
    const float* from = x + static_cast<std::ptrdiff_t>(blockIdx.x) * xStride;
    Out* to = out + static_cast<std::ptrdiff_t>(blockIdx.x) * outStride;
    for (int i = static_cast<int>(threadIdx.x); i < columns; i += kThreads)
        to[i] = fromFloat<Out>(from[i]);
}

template <class In, class Out>
void launchSwigluOf(const Stream& stream, TensorView gateUp, TensorView out) {
    launch(&swiglu<In, Out>, dim3(static_cast<unsigned>(out.rows), blocksFor(out.columns, kThreads)), kThreads, 0, stream,
           static_cast<const In*>(gateUp.data), gateUp.stride, static_cast<Out*>(out.data), out.stride, out.columns);
}

}  // namespace

void launchSwiglu(const Stream& stream, TensorView gateUp, TensorView out) {
    assert(gateUp.columns == 2 * out.columns && gateUp.rows == out.rows);
    if (out.rows == 0)
        return;
    const bool narrowIn = gateUp.dtype == DType::Bf16;
    const bool narrowOut = out.dtype == DType::Bf16;
    if (narrowIn && narrowOut)
        launchSwigluOf<Bf16, Bf16>(stream, gateUp, out);
    else if (narrowOut)
        launchSwigluOf<float, Bf16>(stream, gateUp, out);
    else if (narrowIn)
        launchSwigluOf<Bf16, float>(stream, gateUp, out);
    else
        launchSwigluOf<float, float>(stream, gateUp, out);
}

void launchGatherRows(const Stream& stream, TensorView x, const int* rows, TensorView out) {
    assert(x.dtype == DType::F32 && out.dtype == DType::F32 && x.columns == out.columns);
    if (out.rows == 0)
        return;
    launch(&gatherRows, dim3(static_cast<unsigned>(out.rows)), kThreads, 0, stream, static_cast<const float*>(x.data),
           x.stride, rows, static_cast<float*>(out.data), out.stride, out.columns);
}

void launchEmbed(const Stream& stream, const std::uint8_t* table, WeightType type, const int* ids, TensorView x) {
    assert(x.dtype == DType::F32);
    if (x.rows == 0)
        return;
    const std::size_t rowBytes =
        static_cast<std::size_t>(x.columns / weightBlockElements(type)) * static_cast<std::size_t>(weightBlockBytes(type));
    launch(&embed, dim3(static_cast<unsigned>(x.rows)), kThreads, 0, stream, table, type, rowBytes, ids,
           static_cast<float*>(x.data), x.stride, x.columns);
}

void launchConvertRows(const Stream& stream, TensorView from, TensorView out) {
    assert(from.dtype == DType::F32 && from.columns == out.columns && from.rows == out.rows);
    if (out.rows == 0)
        return;
    const dim3 grid(static_cast<unsigned>(out.rows));
    const auto* x = static_cast<const float*>(from.data);
    if (out.dtype == DType::Bf16)
        launch(&convertRows<Bf16>, grid, kThreads, 0, stream, x, from.stride, static_cast<Bf16*>(out.data), out.stride,
               out.columns);
    else
        launch(&convertRows<float>, grid, kThreads, 0, stream, x, from.stride, static_cast<float*>(out.data), out.stride,
               out.columns);
}

}  // namespace engine::cuda
