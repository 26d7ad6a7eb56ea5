// Keys and values: computed rows into the cache, stored slices into the cache, rows to slices, distance of rows and slices, scores.
// The cache of a layer: K (rotated) and V, each [KH, capacity, D], f32 or bf16.
#pragma once

#include "engine/backend/backend.h"
#include "engine/backend/cuda/device.h"
#include "engine/backend/cuda/kernels/rope.h"

namespace engine::cuda {

/// One layer's cache on the device.
struct CacheView {
    void* k = nullptr;
    void* v = nullptr;
    DType dtype = DType::Bf16;
    int capacity = 0;
    int kvHeads = 0;
    int headDim = 0;
};

/// Where a stored slice lies in a piece of device memory, and where its tokens go. K and V halves: [KH, T, D], int8 with its
/// scales [KH, T] fp16 behind.
struct SlicePlace {
    std::uint64_t k = 0;  // byte offsets in the piece
    std::uint64_t v = 0;
    int tokens = 0;
    int position = 0;    // place: of the first token in the cache; deviation: row of its first token
    int firstToken = 0;  // tokens of the slices before it in the table
};

/// Rows into the cache at their positions: K rotated, V as it is. k, v: [M, KH·D] f32. One thread a pair.
void launchScatter(const Stream& stream, TensorView k, TensorView v, const int* positions, RopeView rope, CacheView cache);
/// Slices into the cache: widened, K rotated, narrowed to the cache. `places`: [slices] on the device; `tokens`: of all of them.
void launchPlace(const Stream& stream, const std::byte* piece, KvDtype dtype, const SlicePlace* places, int slices,
                 int tokens, RopeView rope, CacheView cache);
/// Rows to the bytes of one half of a slice, [KH, M, D] of `dtype`. rows: [M, KH·D] f32. One warp a row and head.
void launchExport(const Stream& stream, TensorView rows, int kvHeads, KvDtype dtype, std::byte* out);
/// dev[row] = Σ over heads and dims of (fresh − stored)², of K, V or both. k, v: [M, KH·D] f32; dev: [M] f32, rows of no slice stay.
/// One block a token, its sum in a fixed order.
void launchDeviation(const Stream& stream, TensorView k, TensorView v, const std::byte* piece, KvDtype dtype,
                     const SlicePlace* places, int slices, int tokens, int kvHeads, DeviationMetric metric, float* dev);
/// score[i] += scale · mass[begin + i] · (1 or ‖V[begin + i]‖₂ over all heads). One warp a position.
void launchScore(const Stream& stream, const float* mass, CacheView cache, int begin, int count, ScoreWeight weight,
                 float scale, float* score);

}  // namespace engine::cuda
