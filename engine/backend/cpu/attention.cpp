// Blocks, segments and threads of attention. The arithmetic is in attention_body.h.
#include "engine/backend/cpu/attention.h"

#include <omp.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>

#include "engine/backend/cpu/aligned_buffer.h"
#include "engine/backend/cpu/cache_layout.h"

namespace engine::cpu {
namespace {

constexpr int kRows = AttentionBlock::kRows;
constexpr int kSegmentKeys = 4 * AttentionBlock::kTileKeys;
constexpr int kBlocksPerThread =
    4;  // below this many, whole blocks would leave threads idle: segments are shared out instead
constexpr float kLog2E = 1.44269504F;

}  // namespace

/// One call's shape. "Rows" of a KV head: query row × head of its group, row-major.
struct Attention::Call {
    TensorView q;
    TensorView out;
    KvLayerView cache;
    CacheLayout layout;
    std::span<const int> limits;  // [M]
    int group;                    // query heads of a KV head
    int greatestLimit;
    int rowsPerHead;  // M * group
    int blocks;       // of a KV head
    int segments;
    float scale;
};

void Attention::run(TensorView q, int heads, KvLayerView cache, std::span<const int> keyLimits, TensorView out,
                    const TensorView* mass) {
    assert(q.columns == heads * cache.headDim && out.columns == q.columns && out.rows == q.rows);
    assert(heads % cache.kvHeads == 0 && keyLimits.size() == static_cast<std::size_t>(q.rows));
    assert(cache.headDim % 2 == 0 && cache.capacity % Backend::kKvGranularity == 0);
    if (q.rows == 0) {
        return;
    }
    const int greatest = *std::max_element(keyLimits.begin(), keyLimits.end());
    assert(*std::min_element(keyLimits.begin(), keyLimits.end()) >= 1 && greatest <= cache.capacity);
    const int group = heads / cache.kvHeads;
    const int rowsPerHead = q.rows * group;
    const Call call = {q,
                       out,
                       cache,
                       CacheLayout(m_kernels.format, cache),
                       keyLimits,
                       group,
                       greatest,
                       rowsPerHead,
                       (rowsPerHead + kRows - 1) / kRows,
                       (greatest + kSegmentKeys - 1) / kSegmentKeys,
                       kLog2E / std::sqrt(static_cast<float>(cache.headDim))};
    const int tasks = cache.kvHeads * call.blocks;
    const bool shareSegments = m_threads > 1 && tasks < kBlocksPerThread * m_threads;
    reserve(call, static_cast<std::size_t>(shareSegments ? tasks * call.segments : 2 * m_threads), mass != nullptr);
    if (shareSegments) {
        runSegments(call);
    } else {
        runWholeBlocks(call);
    }
    if (mass != nullptr) {
        assert(mass->columns >= greatest && mass->dtype == DType::F32);
        addMass(call, *mass);
    }
}

void Attention::reserve(const Call& call, std::size_t partials, bool withMass) {
    const auto grow = [](Buffer& buffer, std::uint64_t floats) {
        if (buffer.bytes() < floats * sizeof(float)) {
            buffer = Buffer();  // never both at once
            buffer = allocateAligned(floats * sizeof(float));
        }
    };
    const auto threads = static_cast<std::size_t>(m_threads);
    grow(m_queries, threads * static_cast<std::size_t>(kRows * call.layout.words()));
    grow(m_partials, partials * static_cast<std::size_t>(kRows * (call.layout.stride() + 32)));
    m_limits.resize(threads * kRows);
    if (withMass) {
        const std::size_t rows = static_cast<std::size_t>(call.cache.kvHeads) * static_cast<std::size_t>(call.rowsPerHead);
        m_maxima.resize(std::max(m_maxima.size(), rows));
        m_inverses.resize(std::max(m_inverses.size(), rows));
    } else {
        m_maxima.clear();  // keeps its memory; empty says that nothing need be kept
        m_inverses.clear();
    }
}

AttentionPartial Attention::partial(const Call& call, std::size_t index) {
    const auto stride = static_cast<std::size_t>(call.layout.stride());
    float* base = static_cast<float*>(m_partials.data()) + index * kRows * (stride + 32);
    return {base, base + kRows * stride, base + kRows * (stride + 16)};
}

/// Gathers a block's queries and limits into a thread's scratch.
AttentionBlock Attention::prepare(const Call& call, int thread, int kvHead, int index) {
    const int words = call.layout.words();
    const std::size_t headBytes = static_cast<std::size_t>(words) * sizeof(float);
    AttentionBlock block;
    float* queries = static_cast<float*>(m_queries.data()) + static_cast<std::ptrdiff_t>(thread) * kRows * words;
    int* limits = m_limits.data() + static_cast<std::ptrdiff_t>(thread) * kRows;
    block.queries = queries;
    block.limits = limits;
    block.rows = std::min(kRows, call.rowsPerHead - index * kRows);
    for (int i = 0; i < block.rows; ++i) {
        const int row = (index * kRows + i) / call.group;
        const int head = kvHead * call.group + (index * kRows + i) % call.group;
        const TensorView from = call.q.slice(row, 1).columnsSlice(head * call.cache.headDim, call.cache.headDim);
        std::memcpy(queries + static_cast<std::ptrdiff_t>(i) * words, from.data, headBytes);
        limits[i] = call.limits[static_cast<std::size_t>(row)];
    }
    block.lowestLimit = *std::min_element(limits, limits + block.rows);
    block.greatestLimit = *std::max_element(limits, limits + block.rows);
    block.keys = call.layout.keys(call.cache, kvHead);
    block.values = call.layout.values(call.cache, kvHead);
    block.headDim = call.cache.headDim;
    block.stride = call.layout.stride();
    block.scale = call.scale;
    return block;
}

/// Divides by the sums and writes the rows out.
void Attention::finish(const Call& call, const AttentionBlock& block, const AttentionPartial& done, int kvHead, int index) {
    for (int i = 0; i < block.rows; ++i) {
        const int flat = index * kRows + i;
        const int head = kvHead * call.group + flat % call.group;
        const TensorView to = call.out.slice(flat / call.group, 1).columnsSlice(head * block.headDim, block.headDim);
        const float inverse = 1.0F / done.sums[i];
        m_rows.narrow(done.output + static_cast<std::ptrdiff_t>(i) * block.stride, inverse, block.headDim, to.data,
                      m_kernels.format);
        if (!m_maxima.empty()) {
            const auto kept = static_cast<std::size_t>(kvHead) * static_cast<std::size_t>(call.rowsPerHead) +
                              static_cast<std::size_t>(flat);
            m_maxima[kept] = done.maxima[i];
            m_inverses[kept] = inverse;
        }
    }
}

void Attention::runWholeBlocks(const Call& call) {
    const int tasks = call.cache.kvHeads * call.blocks;
#pragma omp parallel for num_threads(m_threads) schedule(dynamic)
    for (int task = 0; task < tasks; ++task) {
        const int kvHead = task % call.cache.kvHeads;
        const int index =
            call.blocks - 1 - task / call.cache.kvHeads;  // the last rows see the most keys: longest task first
        const int thread = omp_get_thread_num();
        const AttentionBlock block = prepare(call, thread, kvHead, index);
        const AttentionPartial sum = partial(call, 2 * static_cast<std::size_t>(thread));
        const AttentionPartial next = partial(call, 2 * static_cast<std::size_t>(thread) + 1);
        for (int begin = 0; begin < block.greatestLimit; begin += kSegmentKeys) {
            m_kernels.attend(block, begin, begin + kSegmentKeys, begin == 0 ? sum : next);
            if (begin > 0) {
                m_kernels.merge(block, sum, next);
            }
        }
        finish(call, block, sum, kvHead, index);
    }
}

void Attention::runSegments(const Call& call) {
    const int blocks = call.cache.kvHeads * call.blocks;
    std::atomic<int> taken = 0;
    m_team.run([&](int thread, int /*threads*/) {
        for (int task = taken++; task < blocks * call.segments; task = taken++) {
            const int segment = task % call.segments;
            const int block = task / call.segments;
            const AttentionBlock rows = prepare(call, thread, block % call.cache.kvHeads, block / call.cache.kvHeads);
            if (segment * kSegmentKeys < rows.greatestLimit)
                m_kernels.attend(rows, segment * kSegmentKeys, (segment + 1) * kSegmentKeys,
                                 partial(call, static_cast<std::size_t>(task)));
        }
    });
    m_team.run([&](int thread, int threads) {
        for (int i = thread; i < blocks; i += threads) {
            const int kvHead = i % call.cache.kvHeads;
            const int index = i / call.cache.kvHeads;
            const AttentionBlock block = prepare(call, thread, kvHead, index);
            const auto first = static_cast<std::size_t>(i) * static_cast<std::size_t>(call.segments);
            const AttentionPartial sum = partial(call, first);
            for (int segment = 1; segment * kSegmentKeys < block.greatestLimit; ++segment)
                m_kernels.merge(block, sum, partial(call, first + static_cast<std::size_t>(segment)));
            finish(call, block, sum, kvHead, index);
        }
    });
}

/// A second sweep over the keys, now that each row's maximum and sum are known. A thread does whole tiles of keys, for all heads
/// and rows in order, so the sums do not depend on the threads.
void Attention::addMass(const Call& call, const TensorView& mass) {
    const int tiles = (call.greatestLimit + AttentionBlock::kTileKeys - 1) / AttentionBlock::kTileKeys;
#pragma omp parallel for num_threads(m_threads) schedule(dynamic)
    for (int tile = 0; tile < tiles; ++tile) {
        const int begin = tile * AttentionBlock::kTileKeys;
        alignas(64) float sums[AttentionBlock::kTileKeys] = {};
        for (int kvHead = 0; kvHead < call.cache.kvHeads; ++kvHead) {
            for (int index = 0; index < call.blocks; ++index) {
                const AttentionBlock block = prepare(call, omp_get_thread_num(), kvHead, index);
                if (begin < block.greatestLimit) {
                    const auto kept = static_cast<std::size_t>(kvHead) * static_cast<std::size_t>(call.rowsPerHead) +
                                      static_cast<std::size_t>(index) * kRows;
                    m_kernels.addMass(block, begin, m_maxima.data() + kept, m_inverses.data() + kept, sums);
                }
            }
        }
        float* to = static_cast<float*>(mass.data) + begin;
        const int count = std::min(AttentionBlock::kTileKeys, call.greatestLimit - begin);
        for (int i = 0; i < count; ++i) {
            to[i] += sums[i];
        }
    }
}

}  // namespace engine::cpu
