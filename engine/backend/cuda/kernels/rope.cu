// Rotation of query rows.
#include "engine/backend/cuda/kernels/rope.h"

#include "engine/backend/cuda/kernels/launch.h"
#include "engine/backend/cuda/kernels/rope_pairs.h"

namespace engine::cuda {
namespace {

constexpr int kThreads = 256;

template <class Out>
__global__ void rotateQueries(const float* q, int qStride, int heads, int headDim, const int* positions, RopeView rope,
                              Out* out, int outStride) {
    const int items = ropeItems(rope, headDim);
    const int index = static_cast<int>(blockIdx.y) * kThreads + static_cast<int>(threadIdx.x);
    if (index >= heads * items)
        return;
    const int head = index / items;
    const int item = index % items;
    const float* from = q + static_cast<std::ptrdiff_t>(blockIdx.x) * qStride + head * headDim;
    Out* to = out + static_cast<std::ptrdiff_t>(blockIdx.x) * outStride + head * headDim;
    const RopePlaces places = ropePlaces(rope, item);
    if (places.second < 0) {
        to[places.first] = fromFloat<Out>(from[places.first]);
        return;
    }
    const std::ptrdiff_t angle = static_cast<std::ptrdiff_t>(positions[blockIdx.x]) * (rope.dimensions / 2) + item;
    const Pair rotated = rotatePair({from[places.first], from[places.second]}, rope.cosines[angle], rope.sines[angle]);
    to[places.first] = fromFloat<Out>(rotated.a);
    to[places.second] = fromFloat<Out>(rotated.b);
}

}  // namespace

void launchRotateQueries(const Stream& stream, TensorView q, int heads, const int* positions, RopeView rope,
                         TensorView out) {
    assert(q.dtype == DType::F32 && q.columns % heads == 0 && out.columns == q.columns && out.rows == q.rows);
    if (q.rows == 0)
        return;
    const int headDim = q.columns / heads;
    const dim3 grid(static_cast<unsigned>(q.rows), blocksFor(heads * ropeItems(rope, headDim), kThreads));
    const auto* from = static_cast<const float*>(q.data);
    if (out.dtype == DType::Bf16)
        launch(&rotateQueries<Bf16>, grid, kThreads, 0, stream, from, q.stride, heads, headDim, positions, rope,
               static_cast<Bf16*>(out.data), out.stride);
    else
        launch(&rotateQueries<float>, grid, kThreads, 0, stream, from, q.stride, heads, headDim, positions, rope,
               static_cast<float*>(out.data), out.stride);
}

}  // namespace engine::cuda
