// Rotation of a head by its position's angle. One function rotates for queries, scattered rows and placed slices, with its roundings spelled
// out, so that the same key is the same bits whichever way it came.
#pragma once

#include "engine/backend/cuda/kernels/device_math.h"
#include "engine/backend/cuda/kernels/rope.h"

namespace engine::cuda {

/// The places of work item `item` of a head: items [0, R/2) are rotated pairs, items from R/2 on are lone dimensions (second = −1).
struct RopePlaces {
    int first;
    int second;
};
__device__ inline RopePlaces ropePlaces(const RopeView& rope, int item) {
    const int pairs = rope.dimensions / 2;
    if (item >= pairs)
        return {item + pairs, -1};
    if (rope.halfSplit)
        return {item, item + pairs};
    return {2 * item, 2 * item + 1};
}
/// Work items of a head of D dimensions.
__host__ __device__ inline int ropeItems(const RopeView& rope, int headDim) { return headDim - rope.dimensions / 2; }

struct Pair {
    float a;
    float b;
};
/// (a cos − b sin, b cos + a sin)
__device__ inline Pair rotatePair(Pair x, float cosine, float sine) {
    return {fmaf(x.a, cosine, -__fmul_rn(x.b, sine)), fmaf(x.b, cosine, __fmul_rn(x.a, sine))};
}

}  // namespace engine::cuda
