// Attention of any rows, each over its own number of keys. For packed row p = row·G + g of a KV head (G = H / KH query heads share it):
//   s[p, j] = q[p] · K[j] / sqrt(D) for j < limit(row),  o[p] = Σ softmax(s[p])[j] · V[j],  lse[p] = log2 Σ 2^(s[p, j]·log2 e)
// and of probabilities summed over rows and heads per key. What lies at or beyond a row's limit never matters, NaN included.
#pragma once

#include "engine/backend/cuda/device.h"
#include "engine/backend/cuda/kernels/key_value.h"

namespace engine::cuda {

/// One call's operands, all on the device. Rows may come in any order of limits.
struct AttentionTask {
    const void* q = nullptr;  // [M, H·D] in the cache's dtype
    int qStride = 0;
    void* out = nullptr;  // the same
    int outStride = 0;
    CacheView cache;
    const int* limits = nullptr;  // [M], ≥ 1
    int rows = 0;                 // M
    int group = 1;                // G
    int greatestLimit = 0;        // of the limits; where no mass is asked for, any bound of theirs with the same limitBucket
    float* lse = nullptr;         // [KH, M·G] f32, or null
};

/// Rows of a tile, keys of a tile; the tensor-core kernels' geometry.
constexpr int kTileKeys = 64;
constexpr int kWideTileRows = 64;
constexpr int kSlimTileRows = 16;

/// A limit rounded up to whole buckets of four tiles, 256 keys: the division of keys and with it grid, scratch and the order of sums depend on
/// the bucket alone, so that the launches of a decoded token stay what they are for 256 tokens, and no bit depends on whether they were
/// recorded. Four tiles are the least share of a block: while blocks are too few a bucket more is a block more, and nothing is wasted.
int limitBucket(int limit);
/// Whether the tensor-core kernels can do it: bf16, D ≤ 128 and a multiple of 8, rows at 16-byte borders.
bool fitsTensorCores(const AttentionTask& task);
/// How often the keys are to be divided so that `processors` are busy; 1 = not.
int attentionSplits(const AttentionTask& task, int processors);
/// Floats of scratch that so many splits need.
std::size_t attentionScratchFloats(const AttentionTask& task, int splits);

/// bf16 on tensor cores: a block does 64 (or 16) packed rows of a KV head against tiles of 64 keys with online softmax; tiles beyond its
/// greatest limit are skipped. With splits > 1 each block does a range of tiles, and a second kernel joins them in order.
void launchTensorCoreAttention(const Stream& stream, const AttentionTask& task, int splits, float* scratch);
/// fp32 arithmetic, f32 or bf16 operands, any D ≤ 256: one block a row and head. A row's bits do not depend on other rows.
void launchPlainAttention(const Stream& stream, const AttentionTask& task);

/// mass[j] += Σ over rows and heads of softmax(s)[j], in a fixed order; `task.lse` as an attention kernel left it. `scratch`: [KH,
/// greatestLimit rounded up to 128] f32.
void launchMass(const Stream& stream, const AttentionTask& task, float* scratch, float* mass);
std::size_t massScratchFloats(const AttentionTask& task);

}  // namespace engine::cuda
