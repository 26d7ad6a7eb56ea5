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
// Below this many blocks a thread, whole blocks would leave threads idle: segments are shared out instead.
constexpr int kBlocksPerThread = 4;
constexpr int kBlocksPerThreadWithMass = 2;  // what a thread keeps for the mass had better stay in its own cache
constexpr float kLog2E = 1.44269504F;
constexpr std::size_t kMostMassFloats = std::size_t{1} << 18U;  // masses of blocks that are summed at a time: 1 MiB

int wholeTiles(int keys) {
    return (keys + AttentionBlock::kTileKeys - 1) / AttentionBlock::kTileKeys * AttentionBlock::kTileKeys;
}

/// Query rows of a call whose blocks' masses are summed at a time.
int mostRowsWithMass(int heads, int keys) {
    const std::size_t blocks = kMostMassFloats / static_cast<std::size_t>(wholeTiles(keys));
    return static_cast<int>(std::max<std::size_t>(1, blocks * kRows / static_cast<std::size_t>(heads)));
}

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
    bool sharesSegments;
    float* mass;  // [greatestLimit] or null

    int number(int kvHead, int index) const { return kvHead * blocks + index; }  // of a block
    int keptKeys() const { return wholeTiles(greatestLimit); }
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
    assert(mass == nullptr || (mass->columns >= greatest && mass->dtype == DType::F32));
    const int most = mass == nullptr ? q.rows : mostRowsWithMass(heads, greatest);
    if (q.rows > most) {
        for (int begin = 0; begin < q.rows; begin += most) {
            const auto count = static_cast<std::size_t>(std::min(most, q.rows - begin));
            run(q.slice(begin, static_cast<int>(count)), heads, cache,
                keyLimits.subspan(static_cast<std::size_t>(begin), count), out.slice(begin, static_cast<int>(count)), mass);
        }
        return;
    }
    const int group = heads / cache.kvHeads;
    const int rowsPerHead = q.rows * group;
    const int blocks = (rowsPerHead + kRows - 1) / kRows;
    const int tasks = cache.kvHeads * blocks;
    const int least = m_threads * (mass == nullptr ? kBlocksPerThread : kBlocksPerThreadWithMass);
    const Call call = {q,
                       out,
                       cache,
                       CacheLayout(m_kernels.format, cache),
                       keyLimits,
                       group,
                       greatest,
                       rowsPerHead,
                       blocks,
                       (greatest + kSegmentKeys - 1) / kSegmentKeys,
                       kLog2E / std::sqrt(static_cast<float>(cache.headDim)),
                       m_threads > 1 && tasks < least,
                       mass == nullptr ? nullptr : static_cast<float*>(mass->data)};
    reserve(call);
    if (call.sharesSegments) {
        runSegments(call);
    } else {
        runWholeBlocks(call);
    }
    if (call.mass != nullptr)
        addMasses(call);
}

void Attention::reserve(const Call& call) {
    const auto grow = [](Buffer& buffer, std::size_t floats) {
        if (buffer.bytes() < floats * sizeof(float)) {
            buffer = Buffer();  // never both at once
            buffer = allocateAligned(floats * sizeof(float));
        }
    };
    const auto threads = static_cast<std::size_t>(m_threads);
    const auto blocks = static_cast<std::size_t>(call.cache.kvHeads * call.blocks);
    const std::size_t partials = call.sharesSegments ? blocks * static_cast<std::size_t>(call.segments) : 2 * threads;
    grow(m_queries, threads * static_cast<std::size_t>(kRows * call.layout.words()));
    grow(m_partials, partials * static_cast<std::size_t>(kRows * (call.layout.stride() + 32)));
    m_limits.resize(threads * kRows);
    if (call.mass != nullptr) {
        const auto keys = static_cast<std::size_t>(call.keptKeys());
        const std::size_t atOnce = call.sharesSegments ? blocks : threads;
        grow(m_kept, atOnce * kRows * keys);
        grow(m_keptMaxima, atOnce * kRows * (keys / AttentionBlock::kTileKeys));
        grow(m_masses, blocks * keys);
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
    if (call.mass != nullptr) {
        const auto slot = static_cast<std::size_t>(call.sharesSegments ? call.number(kvHead, index) : thread) * kRows;
        const auto keys = static_cast<std::size_t>(call.keptKeys());
        block.keptStride = call.keptKeys();
        block.kept = static_cast<float*>(m_kept.data()) + slot * keys;
        block.keptMaxima = static_cast<float*>(m_keptMaxima.data()) + slot * (keys / AttentionBlock::kTileKeys);
    }
    return block;
}

/// Divides by the sums, writes the rows out, and sums their probabilities.
void Attention::finish(const Call& call, const AttentionBlock& block, const AttentionPartial& done, int kvHead, int index) {
    float inverses[kRows];
    for (int i = 0; i < block.rows; ++i) {
        const int flat = index * kRows + i;
        const int head = kvHead * call.group + flat % call.group;
        const TensorView to = call.out.slice(flat / call.group, 1).columnsSlice(head * block.headDim, block.headDim);
        inverses[i] = 1.0F / done.sums[i];
        m_rows.narrow(done.output + static_cast<std::ptrdiff_t>(i) * block.stride, inverses[i], block.headDim, to.data,
                      m_kernels.format);
    }
    if (call.mass != nullptr)
        m_kernels.sumKept(block, done.maxima, inverses, massOf(call, call.number(kvHead, index)));
}

float* Attention::massOf(const Call& call, int number) {
    return static_cast<float*>(m_masses.data()) + static_cast<std::ptrdiff_t>(number) * call.keptKeys();
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

/// The blocks' masses onto the call's, in the order of the blocks: the sums do not depend on the threads.
void Attention::addMasses(const Call& call) {
    constexpr int kPiece = 256;  // keys a task
    const int pieces = (call.greatestLimit + kPiece - 1) / kPiece;
#pragma omp parallel for num_threads(m_threads) schedule(static)
    for (int piece = 0; piece < pieces; ++piece) {
        const int begin = piece * kPiece;
        const int end = std::min(begin + kPiece, call.greatestLimit);
        for (int number = 0; number < call.cache.kvHeads * call.blocks; ++number) {
            const float* from = massOf(call, number);
            for (int key = begin; key < end; ++key)
                call.mass[key] += from[key];
        }
    }
}

}  // namespace engine::cpu
