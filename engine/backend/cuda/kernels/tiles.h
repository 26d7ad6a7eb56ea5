// Tiles of 16-bit rows in shared memory, and S = Q·Kᵀ of one warp. A row of D elements is D/8 chunks of 16 bytes; chunk c of row r lies at
// place c ^ (r % 8) of its row, so that the eight rows of a matrix load touch all banks.
#pragma once

#include "engine/backend/cuda/kernels/attention.h"
#include "engine/backend/cuda/kernels/device_math.h"

namespace engine::cuda {

template <int D>
__device__ inline Bf16* tileChunk(Bf16* tile, int row, int chunk) {
    return tile + row * D + (chunk ^ (row % 8)) * 8;
}

/// Starts copying packed rows [first, first + Rows) of a KV head's queries. Rows and columns that do not exist become zero.
template <int D, int Rows, int Threads>
__device__ inline void loadQueries(Bf16* tile, const AttentionTask& task, int kvHead, int first) {
    const auto* q = static_cast<const Bf16*>(task.q);
    for (int index = static_cast<int>(threadIdx.x); index < Rows * (D / 8); index += Threads) {
        const int row = index / (D / 8);
        const int chunk = index % (D / 8);
        const int packed = first + row;
        const bool present = packed < task.rows * task.group && chunk * 8 < task.cache.headDim;
        const Bf16* from = q;
        if (present)
            from += static_cast<std::ptrdiff_t>(packed / task.group) * task.qStride +
                    (kvHead * task.group + packed % task.group) * task.cache.headDim + chunk * 8;
        copyAsync16(tileChunk<D>(tile, row, chunk), from, present);
    }
}

/// Starts copying keys (or values) [first, first + 64) of a head; those at or beyond `limit` become zero.
template <int D, int Threads>
__device__ inline void loadKeys(Bf16* tile, const Bf16* head, int headDim, int first, int limit) {
    for (int index = static_cast<int>(threadIdx.x); index < kTileKeys * (D / 8); index += Threads) {
        const int row = index / (D / 8);
        const int chunk = index % (D / 8);
        const bool present = first + row < limit && chunk * 8 < headDim;
        const Bf16* from = present ? head + static_cast<std::ptrdiff_t>(first + row) * headDim + chunk * 8 : head;
        copyAsync16(tileChunk<D>(tile, row, chunk), from, present);
    }
}

/// s = rows [16·warp, +16) of the query tile times the 64 keys of a tile, as accumulators of eight m16n8 products.
template <int D>
__device__ inline void multiplyKeys(float (&s)[8][4], Bf16* queries, Bf16* keys, int warpRow) {
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
#pragma unroll
    for (int n = 0; n < 8; ++n)
#pragma unroll
        for (int i = 0; i < 4; ++i)
            s[n][i] = 0;
#pragma unroll
    for (int step = 0; step < D / 16; ++step) {
        unsigned a[4];  // matrices: rows 0–7, rows 8–15, then both of the next eight columns
        loadMatrices(a, tileChunk<D>(queries, warpRow + lane % 16, 2 * step + lane / 16));
#pragma unroll
        for (int n = 0; n < 8; n += 2) {
            unsigned b[4];  // keys 8n…: columns 0–7, 8–15; then the next eight keys
            loadMatrices(b, tileChunk<D>(keys, 8 * n + lane / 16 * 8 + lane % 8, 2 * step + lane / 8 % 2));
            multiplyAccumulate(s[n], a, b[0], b[1]);
            multiplyAccumulate(s[n + 1], a, b[2], b[3]);
        }
    }
}

}  // namespace engine::cuda
