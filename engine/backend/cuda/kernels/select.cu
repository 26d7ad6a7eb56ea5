// Radix selection: counting digits, narrowing to the k-th greatest key, writing what is chosen in order; merging it with what is forced.
#include "engine/backend/cuda/kernels/select.h"

#include <cassert>

#include "engine/backend/cuda/kernels/device_math.h"
#include "engine/backend/cuda/kernels/launch.h"

namespace engine::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kItems = 8;  // elements, and digits, of a thread
constexpr int kTile = kThreads * kItems;
constexpr int kPasses = 3;
constexpr int kDigits = kTile;  // of 11 bits

/// What is known of the k-th greatest key: its highest bits, and its rank (from 1) among the elements that have them.
struct Known {
    unsigned key;
    int rank;
};

/// Elements of a block beyond the k-th key, and equal to it; one number, so that one sum serves both.
using Tally = unsigned long long;
constexpr Tally kOneGreater = 1;
constexpr Tally kOneEqual = Tally{1} << 32U;
__device__ inline int greaterOf(Tally tally) { return static_cast<int>(tally & 0xffffffffU); }
__device__ inline int equalOf(Tally tally) { return static_cast<int>(tally >> 32U); }

struct Scratch {
    int* digits;      // [kPasses][kDigits] counts
    Known* known;     // [kPasses + 1], before each pass and after the last
    Tally* ofBlocks;  // [blocks]
};

/// Shared memory of all kernels here.
struct Shared {
    Tally ofWarps[kThreads / kWarp];
    Known known;
    int digits[kDigits];
};

/// Of candidates at least the key of −∞; 0 = no candidate, or beyond the row.
__device__ inline unsigned keyAt(const SelectTask& task, int index) {
    if (index >= task.elements || (task.excluded != nullptr && task.excluded[index] != 0))
        return 0;
    constexpr unsigned kSign = 0x80000000U;
    constexpr unsigned kInfinity = 0x7f800000U;
    unsigned bits = __float_as_uint(task.row[index]);
    if ((bits & ~kSign) > kInfinity)
        bits = kInfinity;
    if (bits == kSign)
        bits = 0;
    return (bits & kSign) != 0 ? ~bits : bits | kSign;
}

/// Bits 31–21, 20–10 and 10–0: the last pass sees bit 10 again, which is the same in all of its elements.
__device__ inline int shiftOf(int pass) { return pass == 0 ? 21 : pass == 1 ? 10 : 0; }
/// The bits that the passes before have settled.
__device__ inline unsigned settledBits(int pass) { return pass == 0 ? 0U : ~0U << shiftOf(pass - 1); }

/// Sum of the values of the block's threads before this one. `ofWarps` is free for reuse after the block's next barrier.
__device__ inline Tally sumBefore(Tally value, Tally* ofWarps) {
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
    const int warp = static_cast<int>(threadIdx.x) / kWarp;
    Tally before = 0;
    Tally sum = value;  // of this lane's group of 1, 2, 4 …
    for (int distance = 1; distance < kWarp; distance *= 2) {
        const Tally neighbours = __shfl_xor_sync(kAllLanes, sum, distance);
        if ((lane & distance) != 0)
            before += neighbours;
        sum += neighbours;
    }
    if (lane == 0)
        ofWarps[warp] = sum;
    __syncthreads();
    for (int i = 0; i < warp; ++i)
        before += ofWarps[i];
    return before;
}

/// What a pass tells, from its counts; the same in each thread of the block.
__device__ inline Known knownAfter(int pass, const Scratch& scratch, Shared& shared) {
    const Known before = scratch.known[pass];
    const int* counts = scratch.digits + pass * kDigits;
    const int first = kDigits - 1 - kItems * static_cast<int>(threadIdx.x);  // the thread's greatest digit
    int mine = 0;
    for (int i = 0; i < kItems; ++i)
        mine += counts[first - i];
    const int above = static_cast<int>(sumBefore(static_cast<Tally>(mine), shared.ofWarps));
    if (above < before.rank && before.rank <= above + mine) {  // in one thread
        Known after{before.key, before.rank - above};
        int digit = first;
        while (counts[digit] < after.rank)
            after.rank -= counts[digit--];
        after.key |= static_cast<unsigned>(digit) << shiftOf(pass);
        shared.known = after;
    }
    __syncthreads();
    return shared.known;
}

/// Adds this block's digits to the pass's counts.
__global__ void __launch_bounds__(kThreads) countDigits(SelectTask task, Scratch scratch, int pass) {
    SHARED_BYTES(bytes);
    Shared& shared = *reinterpret_cast<Shared*>(bytes);
    const int thread = static_cast<int>(threadIdx.x);
    for (int i = thread; i < kDigits; i += kThreads)
        shared.digits[i] = 0;
    const Known known = pass == 0 ? Known{0, task.count} : knownAfter(pass - 1, scratch, shared);
    if (blockIdx.x == 0 && thread == 0)
        scratch.known[pass] = known;
    __syncthreads();
    for (int i = 0; i < kItems; ++i) {
        const unsigned key = keyAt(task, static_cast<int>(blockIdx.x) * kTile + i * kThreads + thread);
        if (key != 0 && (key & settledBits(pass)) == known.key)
            atomicAdd(&shared.digits[key >> shiftOf(pass) & (kDigits - 1)], 1);
    }
    __syncthreads();
    for (int i = thread; i < kDigits; i += kThreads)
        if (shared.digits[i] != 0)
            atomicAdd(&scratch.digits[pass * kDigits + i], shared.digits[i]);
}

/// This thread's elements, which are neighbours.
__device__ inline Tally tallyOf(const unsigned (&keys)[kItems], unsigned kth) {
    Tally tally = 0;
#pragma unroll
    for (int i = 0; i < kItems; ++i)
        tally += keys[i] > kth ? kOneGreater : keys[i] == kth ? kOneEqual : 0;
    return tally;
}
__device__ inline int loadKeys(const SelectTask& task, unsigned (&keys)[kItems]) {
    const int first = static_cast<int>(blockIdx.x) * kTile + static_cast<int>(threadIdx.x) * kItems;
#pragma unroll
    for (int i = 0; i < kItems; ++i)
        keys[i] = keyAt(task, first + i);
    return first;
}

/// How many of the block's elements lie beyond the k-th key, and on it.
__global__ void __launch_bounds__(kThreads) countChosen(SelectTask task, Scratch scratch) {
    SHARED_BYTES(bytes);
    Shared& shared = *reinterpret_cast<Shared*>(bytes);
    const Known known = knownAfter(kPasses - 1, scratch, shared);
    unsigned keys[kItems];
    loadKeys(task, keys);
    const Tally mine = tallyOf(keys, known.key);
    const Tally before = sumBefore(mine, shared.ofWarps);
    if (threadIdx.x == kThreads - 1)
        scratch.ofBlocks[blockIdx.x] = before + mine;
    if (blockIdx.x == 0 && threadIdx.x == 0)
        scratch.known[kPasses] = known;
}

__global__ void __launch_bounds__(kThreads) writeChosen(SelectTask task, Scratch scratch, int* chosen, float* values) {
    SHARED_BYTES(bytes);
    Shared& shared = *reinterpret_cast<Shared*>(bytes);
    const Known known = scratch.known[kPasses];
    unsigned keys[kItems];
    const int first = loadKeys(task, keys);
    Tally before = sumBefore(tallyOf(keys, known.key), shared.ofWarps);
    for (unsigned block = 0; block < blockIdx.x; ++block)
        before += scratch.ofBlocks[block];
    int greater = greaterOf(before);
    int equal = equalOf(before);
#pragma unroll
    for (int i = 0; i < kItems; ++i) {
        const bool onKey = keys[i] == known.key;
        if (keys[i] > known.key || (onKey && equal < known.rank)) {
            const int at = greater + min(equal, known.rank);
            chosen[at] = first + i;
            if (values != nullptr)
                values[at] = task.row[first + i];
        }
        greater += keys[i] > known.key ? 1 : 0;
        equal += onKey ? 1 : 0;
    }
}

/// How many of `values`, ascending, are smaller.
__device__ inline int countBelow(const int* values, int count, int value) {
    int begin = 0;
    while (begin < count) {
        const int middle = (begin + count) / 2;
        if (values[middle] < value)
            begin = middle + 1;
        else
            count = middle;
    }
    return begin;
}

__global__ void mergeRows(MergeTask task) {
    const int row = static_cast<int>(blockIdx.x) * kThreads + static_cast<int>(threadIdx.x);
    if (row >= task.forcedRows + task.chosenRows)
        return;
    const bool isForced = row < task.forcedRows;
    const int inList = isForced ? row : row - task.forcedRows;
    const int position = isForced ? task.forced[inList] : task.begin + task.chosen[inList];
    const int at = inList + (isForced ? countBelow(task.chosen, task.chosenRows, position - task.begin)
                                      : countBelow(task.forced, task.forcedRows, position));
    task.positions[at] = position;
    task.limits[at] = position + 1;
    task.wanted[at] = task.ofPosition[position];
}

unsigned blocksOf(const SelectTask& task) { return blocksFor(task.elements, kTile); }

}  // namespace

std::size_t selectScratchBytes(const SelectTask& task) {
    return kPasses * kDigits * sizeof(int) + (kPasses + 1) * sizeof(Known) + blocksOf(task) * sizeof(Tally);
}

void launchSelect(const Stream& stream, const SelectTask& task, void* scratch, int* chosen, float* values) {
    assert(task.count >= 1 && task.count <= task.elements);
    Scratch parts{};
    parts.digits = static_cast<int*>(scratch);
    parts.known = reinterpret_cast<Known*>(parts.digits + kPasses * kDigits);
    parts.ofBlocks = reinterpret_cast<Tally*>(parts.known + kPasses + 1);
    CUDA_CHECK(cudaMemsetAsync(parts.digits, 0, kPasses * kDigits * sizeof(int), stream.get()));
    const dim3 grid(blocksOf(task));
    for (int pass = 0; pass < kPasses; ++pass)
        launch(&countDigits, grid, kThreads, sizeof(Shared), stream, task, parts, pass);
    launch(&countChosen, grid, kThreads, sizeof(Shared), stream, task, parts);
    launch(&writeChosen, grid, kThreads, sizeof(Shared), stream, task, parts, chosen, values);
}

void launchMergeRows(const Stream& stream, const MergeTask& task) {
    assert(task.forcedRows + task.chosenRows > 0);
    launch(&mergeRows, dim3(blocksFor(task.forcedRows + task.chosenRows, kThreads)), kThreads, 0, stream, task);
}

}  // namespace engine::cuda
