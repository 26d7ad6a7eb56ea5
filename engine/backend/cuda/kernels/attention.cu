// Attention on tensor cores: FlashAttention's online softmax (Dao, arXiv 2307.08691) for rows with limits of their own.
#include "engine/backend/cuda/kernels/attention.h"

#include <algorithm>
#include <climits>

#include "engine/backend/cuda/kernels/launch.h"
#include "engine/backend/cuda/kernels/tiles.h"

namespace engine::cuda {
namespace {

constexpr float kLog2E = 1.4426950408889634F;

/// Shared memory of a block: the query tile, two stages of K and of V, the rows' limits, and three words for the block.
template <int D, int Warps>
struct Shared {
    static constexpr int kRows = 16 * Warps;
    static constexpr int kTile = kTileKeys * D;
    static constexpr std::size_t kBytes = sizeof(Bf16) * (kRows * D + 4 * kTile) + sizeof(int) * (kRows + 4);

    Bf16* queries;
    Bf16* keys;    // 2 stages
    Bf16* values;  // 2 stages
    int* limits;
    int* greatest;  // of the block's limits
    int* least;
    int* firstBad;  // first key whose V is not finite and that not every row sees

    __device__ explicit Shared(unsigned char* bytes)
        : queries(reinterpret_cast<Bf16*>(bytes)),
          keys(queries + kRows * D),
          values(keys + 2 * kTile),
          limits(reinterpret_cast<int*>(values + 2 * kTile)),
          greatest(limits + kRows),
          least(greatest + 1),
          firstBad(greatest + 2) {}
};

__device__ inline bool isFinite(Bf16 value) { return (value.bits & 0x7f80) != 0x7f80; }

/// Zero times NaN is NaN, so what some rows must not see may not be in V at all: such elements become zero, and the first key that had one
/// is remembered. Rows that do see it give NaN at the end.
template <int D, int Threads>
__device__ void removeNotFinite(Bf16* values, int firstKey, int* firstBad) {
    for (int index = static_cast<int>(threadIdx.x); index < kTileKeys * (D / 8); index += Threads) {
        const int row = index / (D / 8);
        Bf16* chunk = tileChunk<D>(values, row, index % (D / 8));
        for (int i = 0; i < 8; ++i)
            if (!isFinite(chunk[i])) {
                chunk[i].bits = 0;
                atomicMin(firstBad, firstKey + row);
            }
    }
}

/// One warp's 16 rows: running maximum and sum of rows g and g + 8 of the warp (log2 scale), and their outputs.
template <int D>
struct RunningRows {
    float maximum[2] = {-INFINITY, -INFINITY};
    float sum[2] = {0, 0};
    float out[D / 8][4];

    __device__ RunningRows() {
#pragma unroll
        for (int n = 0; n < D / 8; ++n)
#pragma unroll
            for (int i = 0; i < 4; ++i)
                out[n][i] = 0;
    }

    /// Takes one tile's scores; s becomes probabilities relative to the new maximum.
    __device__ void take(float (&s)[8][4], int firstKey, const int (&limit)[2], float scale) {
        const int column = static_cast<int>(threadIdx.x) % 4 * 2;
#pragma unroll
        for (int half = 0; half < 2; ++half) {
            float greatest = maximum[half];
#pragma unroll
            for (int n = 0; n < 8; ++n)
#pragma unroll
                for (int i = 0; i < 2; ++i) {
                    float& score = s[n][2 * half + i];
                    score = firstKey + 8 * n + column + i < limit[half] ? score * scale : -INFINITY;
                    greatest = fmaxf(greatest, score);
                }
            for (int distance = 1; distance < 4; distance *= 2)
                greatest = fmaxf(greatest, __shfl_xor_sync(kAllLanes, greatest, distance));
            const float base = greatest == -INFINITY ? 0.0F : greatest;  // a row that sees nothing here: −∞ − −∞ is NaN
            const float factor = powerOfTwo(maximum[half] - base);
            maximum[half] = greatest;
            float tileSum = 0;
#pragma unroll
            for (int n = 0; n < 8; ++n)
#pragma unroll
                for (int i = 0; i < 2; ++i) {
                    float& score = s[n][2 * half + i];
                    score = powerOfTwo(score - base);
                    tileSum += score;
                }
            sum[half] = sum[half] * factor + tileSum;
#pragma unroll
            for (int n = 0; n < D / 8; ++n) {
                out[n][2 * half] *= factor;
                out[n][2 * half + 1] *= factor;
            }
        }
    }

    /// out += probabilities · V
    __device__ void addValues(const float (&p)[8][4], Bf16* values) {
        const int lane = static_cast<int>(threadIdx.x) % kWarp;
#pragma unroll
        for (int step = 0; step < kTileKeys / 16; ++step) {
            const unsigned a[4] = {packBf16(p[2 * step][0], p[2 * step][1]), packBf16(p[2 * step][2], p[2 * step][3]),
                                   packBf16(p[2 * step + 1][0], p[2 * step + 1][1]),
                                   packBf16(p[2 * step + 1][2], p[2 * step + 1][3])};
#pragma unroll
            for (int n = 0; n < D / 8; n += 2) {
                unsigned b[4];  // keys 0–7, 8–15 of columns 8n…, then of the next eight columns
                loadMatricesTransposed(b, tileChunk<D>(values, 16 * step + lane % 16, n + lane / 16));
                multiplyAccumulate(out[n], a, b[0], b[1]);
                multiplyAccumulate(out[n + 1], a, b[2], b[3]);
            }
        }
    }

    /// Sums over the four lanes that share a row.
    __device__ void finishSums() {
#pragma unroll
        for (int half = 0; half < 2; ++half)
            for (int distance = 1; distance < 4; distance *= 2)
                sum[half] += __shfl_xor_sync(kAllLanes, sum[half], distance);
    }
};

/// Partial results of split `split` of packed row `packed` of a KV head.
__device__ inline std::ptrdiff_t partialRow(const AttentionTask& task, int splits, int kvHead, int packed, int split) {
    return (static_cast<std::ptrdiff_t>(kvHead) * (task.rows * task.group) + packed) * splits + split;
}

/// Where a packed row's output begins.
__device__ inline Bf16* outputRow(const AttentionTask& task, int kvHead, int packed) {
    return static_cast<Bf16*>(task.out) + static_cast<std::ptrdiff_t>(packed / task.group) * task.outStride +
           (kvHead * task.group + packed % task.group) * task.cache.headDim;
}

template <int D>
__device__ void storeRows(const RunningRows<D>& rows, const AttentionTask& task, int splits, int kvHead, int firstRow,
                          const int (&limit)[2], int firstBad, float* partialOut, float* partialStats) {
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
#pragma unroll  // here as elsewhere: an accumulator whose index is not known at compile time would lie in local memory
    for (int half = 0; half < 2; ++half) {
        const int packed = firstRow + lane / 4 + 8 * half;
        if (packed >= task.rows * task.group)
            continue;
        const float sum = limit[half] > firstBad ? NAN : rows.sum[half];
        const float factor = splits == 1 ? 1.0F / sum : limit[half] > firstBad ? NAN : 1.0F;
        const std::ptrdiff_t partial = partialRow(task, splits, kvHead, packed, static_cast<int>(blockIdx.z));
#pragma unroll
        for (int n = 0; n < D / 8; ++n) {
            const int column = 8 * n + lane % 4 * 2;
            if (column >= task.cache.headDim)
                continue;
            const float left = rows.out[n][2 * half] * factor;
            const float right = rows.out[n][2 * half + 1] * factor;
            if (splits == 1) {
                *reinterpret_cast<unsigned*>(outputRow(task, kvHead, packed) + column) = packBf16(left, right);
            } else {
                partialOut[partial * task.cache.headDim + column] = left;
                partialOut[partial * task.cache.headDim + column + 1] = right;
            }
        }
        if (lane % 4 != 0)
            continue;
        if (splits > 1) {
            partialStats[2 * partial] = rows.maximum[half];
            partialStats[2 * partial + 1] = sum;
        } else if (task.lse != nullptr) {
            task.lse[static_cast<std::ptrdiff_t>(kvHead) * (task.rows * task.group) + packed] =
                rows.maximum[half] + log2f(rows.sum[half]);
        }
    }
}

template <int D, int Warps>
__global__ void __launch_bounds__(Warps* kWarp)
    attend(AttentionTask task, int splits, int tilesPerSplit, float* partialOut, float* partialStats) {
    constexpr int kThreads = Warps * kWarp;
    constexpr int kRows = 16 * Warps;
    SHARED_BYTES(bytes);
    const Shared<D, Warps> shared(bytes);
    const int thread = static_cast<int>(threadIdx.x);
    const int warpRow = thread / kWarp * 16;
    const int kvHead = static_cast<int>(blockIdx.y);
    // The last rows see most keys: their blocks come first.
    const int firstRow = static_cast<int>(gridDim.x - 1 - blockIdx.x) * kRows;
    const int packedRows = task.rows * task.group;

    if (thread == 0) {
        *shared.greatest = 0;
        *shared.least = INT_MAX;
        *shared.firstBad = INT_MAX;
    }
    __syncthreads();
    for (int row = thread; row < kRows; row += kThreads) {
        const int limit = firstRow + row < packedRows ? task.limits[(firstRow + row) / task.group] : 0;
        shared.limits[row] = limit;
        if (limit > 0) {
            atomicMax(shared.greatest, limit);
            atomicMin(shared.least, limit);
        }
    }
    __syncthreads();
    const int greatest = *shared.greatest;
    const int least = *shared.least;
    const int tiles = (greatest + kTileKeys - 1) / kTileKeys;
    const int firstTile = static_cast<int>(blockIdx.z) * tilesPerSplit;
    const int endTile = min(tiles, firstTile + tilesPerSplit);
    const int row = warpRow + thread % kWarp / 4;
    const int limit[2] = {shared.limits[row], shared.limits[row + 8]};
    const float scale = kLog2E / sqrtf(static_cast<float>(task.cache.headDim));
    const std::ptrdiff_t headAt = static_cast<std::ptrdiff_t>(kvHead) * task.cache.capacity * task.cache.headDim;
    const Bf16* k = static_cast<const Bf16*>(task.cache.k) + headAt;
    const Bf16* v = static_cast<const Bf16*>(task.cache.v) + headAt;
    const auto load = [&](int tile, int stage) {
        loadKeys<D, kThreads>(shared.keys + stage * shared.kTile, k, task.cache.headDim, tile * kTileKeys, greatest);
        loadKeys<D, kThreads>(shared.values + stage * shared.kTile, v, task.cache.headDim, tile * kTileKeys, greatest);
    };

    RunningRows<D> rows;
    loadQueries<D, kRows, kThreads>(shared.queries, task, kvHead, firstRow);
    if (firstTile < endTile)
        load(firstTile, 0);
    commitCopies();
    for (int tile = firstTile; tile < endTile; ++tile) {
        const int stage = (tile - firstTile) % 2;
        if (tile + 1 < endTile)
            load(tile + 1, 1 - stage);
        commitCopies();
        awaitCopies<1>();
        __syncthreads();
        Bf16* values = shared.values + stage * shared.kTile;
        if ((tile + 1) * kTileKeys > least) {
            removeNotFinite<D, kThreads>(values, tile * kTileKeys, shared.firstBad);
            __syncthreads();
        }
        float s[8][4];
        multiplyKeys<D>(s, shared.queries, shared.keys + stage * shared.kTile, warpRow);
        rows.take(s, tile * kTileKeys, limit, scale);
        rows.addValues(s, values);
        __syncthreads();
    }
    awaitCopies<0>();
    rows.finishSums();
    storeRows<D>(rows, task, splits, kvHead, firstRow + warpRow, limit, *shared.firstBad, partialOut, partialStats);
}

/// Joins the splits of one packed row in their order. One block a row.
__global__ void joinSplits(AttentionTask task, int splits, const float* partialOut, const float* partialStats) {
    const int packed = static_cast<int>(blockIdx.x);
    const int kvHead = static_cast<int>(blockIdx.y);
    const std::ptrdiff_t first = partialRow(task, splits, kvHead, packed, 0);
    float maximum = -INFINITY;
    for (int split = 0; split < splits; ++split)
        maximum = fmaxf(maximum, partialStats[2 * (first + split)]);
    float sum = 0;
    for (int split = 0; split < splits; ++split)
        sum += partialStats[2 * (first + split) + 1] * powerOfTwo(partialStats[2 * (first + split)] - maximum);
    for (int column = static_cast<int>(threadIdx.x); column < task.cache.headDim; column += static_cast<int>(blockDim.x)) {
        float value = 0;
        for (int split = 0; split < splits; ++split)
            value += partialOut[(first + split) * task.cache.headDim + column] *
                     powerOfTwo(partialStats[2 * (first + split)] - maximum);
        outputRow(task, kvHead, packed)[column] = toBf16(value / sum);
    }
    if (threadIdx.x == 0 && task.lse != nullptr)
        task.lse[static_cast<std::ptrdiff_t>(kvHead) * (task.rows * task.group) + packed] = maximum + log2f(sum);
}

constexpr int kLeastTiles = 4;  // of a split: below, joining costs more than it gains

int tilesOf(const AttentionTask& task) { return limitBucket(task.greatestLimit) / kTileKeys; }
int tileRows(const AttentionTask& task) { return task.rows * task.group <= kSlimTileRows ? kSlimTileRows : kWideTileRows; }

template <int D, int Warps>
void launchAttend(const Stream& stream, const AttentionTask& task, int splits, float* scratch) {
    const int tilesPerSplit = (tilesOf(task) + splits - 1) / splits;
    const dim3 grid(blocksFor(task.rows * task.group, 16 * Warps), static_cast<unsigned>(task.cache.kvHeads),
                    static_cast<unsigned>(splits));
    float* stats = scratch == nullptr ? nullptr
                                      : scratch + static_cast<std::size_t>(task.cache.kvHeads) *
                                                      static_cast<std::size_t>(task.rows * task.group) *
                                                      static_cast<std::size_t>(splits * task.cache.headDim);
    launch(&attend<D, Warps>, grid, Warps * kWarp, Shared<D, Warps>::kBytes, stream, task, splits, tilesPerSplit, scratch,
           stats);
    if (splits > 1)
        launch(&joinSplits, dim3(static_cast<unsigned>(task.rows * task.group), static_cast<unsigned>(task.cache.kvHeads)),
               128, 0, stream, task, splits, scratch, stats);
}

}  // namespace

int limitBucket(int limit) {
    constexpr int kBucket = kLeastTiles * kTileKeys;
    return (limit + kBucket - 1) / kBucket * kBucket;
}

bool fitsTensorCores(const AttentionTask& task) {
    const auto aligned = [](const void* pointer) { return reinterpret_cast<std::uintptr_t>(pointer) % 16 == 0; };
    return task.cache.dtype == DType::Bf16 && task.cache.headDim <= 128 && task.cache.headDim % 8 == 0 &&
           task.qStride % 8 == 0 && task.outStride % 2 == 0 && aligned(task.q) && aligned(task.out) &&
           aligned(task.cache.k) && aligned(task.cache.v);
}

int attentionSplits(const AttentionTask& task, int processors) {
    const int blocks = (task.rows * task.group + tileRows(task) - 1) / tileRows(task) * task.cache.kvHeads;
    const int wanted = (2 * processors + blocks - 1) / blocks;
    return std::clamp(wanted, 1, tilesOf(task) / kLeastTiles);
}

std::size_t attentionScratchFloats(const AttentionTask& task, int splits) {
    if (splits == 1)
        return 0;
    return static_cast<std::size_t>(task.cache.kvHeads) * static_cast<std::size_t>(task.rows * task.group) *
           static_cast<std::size_t>(splits) * static_cast<std::size_t>(task.cache.headDim + 2);
}

void launchTensorCoreAttention(const Stream& stream, const AttentionTask& task, int splits, float* scratch) {
    assert(fitsTensorCores(task));
    const bool slim = tileRows(task) == kSlimTileRows;
    if (task.cache.headDim <= 64)
        return slim ? launchAttend<64, 1>(stream, task, splits, scratch)
                    : launchAttend<64, 4>(stream, task, splits, scratch);
    return slim ? launchAttend<128, 1>(stream, task, splits, scratch) : launchAttend<128, 4>(stream, task, splits, scratch);
}

}  // namespace engine::cuda
