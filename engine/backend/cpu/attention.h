// Attention of any query rows over a layer's cache: division of the work, over the kernels of one instruction set.
#pragma once

#include <span>
#include <vector>

#include "engine/backend/backend.h"
#include "engine/backend/cpu/kernels.h"
#include "engine/backend/cpu/team.h"

namespace engine::cpu {

/// Owns the scratch memory, which grows to what was needed most. One caller thread.
///
/// Work is cut into blocks of 24 rows (query rows × heads of a KV head's group, flattened) and keys into segments of 512. A
/// block's softmax is made per segment and joined segment by segment, whether one thread does the whole block or several share
/// its segments: results depend neither on the threads nor on the other rows of the call.
class Attention {
public:
    Attention(const AttentionKernels& kernels, const RowKernels& rows, Team& team, int threads)
        : m_kernels(kernels), m_rows(rows), m_team(team), m_threads(threads) {}

    /// See Backend::attention.
    void run(TensorView q, int heads, KvLayerView cache, std::span<const int> keyLimits, TensorView out,
             const TensorView* mass);

private:
    struct Call;

    AttentionBlock prepare(const Call& call, int thread, int kvHead, int index);
    AttentionPartial partial(const Call& call, std::size_t index);
    void finish(const Call& call, const AttentionBlock& block, const AttentionPartial& done, int kvHead, int index);
    void runWholeBlocks(const Call& call);
    void runSegments(const Call& call);
    float* massOf(const Call& call, int number);
    void addMasses(const Call& call);
    void reserve(const Call& call);

    const AttentionKernels m_kernels;
    const RowKernels m_rows;
    Team& m_team;
    const int m_threads;
    Buffer m_queries;           // [threads, kRows, words] words
    std::vector<int> m_limits;  // [threads, kRows]
    Buffer m_partials;          // [partials, kRows, stride + 2 sixteenths]
    // For the mass. A thread keeps the probabilities of the block at hand; where segments are shared out, those of all blocks are kept.
    Buffer m_kept;        // [threads or blocks, kRows, keys] f32
    Buffer m_keptMaxima;  // [threads or blocks, tiles, kRows] f32
    Buffer m_masses;      // [KH, blocks, keys] f32
};

}  // namespace engine::cpu
