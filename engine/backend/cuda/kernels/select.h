// Choosing the k greatest of a row by radix selection, in the order of engine/backend/ranking.h.
//
// A key is a value's bits made to compare as an unsigned number: NaN as +∞, −0 as +0, what is excluded below all others. Three passes look at
// 11 bits each, from the highest: each counts the digits of the elements that begin as the k-th greatest key does, and from the counts
// the next knows the k-th key's digit. Then elements above the k-th key are chosen, and the first of those equal to it, as many as are
// left. A prefix sum of counts gives each its place, ascending by index. Atomics add integers only: same row, same result.
//
// Five launches and a memset, blocks of 256 threads for 2,048 elements; no wait.
//
// Merging: what is chosen and what is forced are ascending and have nothing in common, so a row's place is its place in its own list and the
// number of those in the other list that are smaller. One launch, a thread a row.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/backend/cuda/device.h"

namespace engine::cuda {

struct SelectTask {
    const float* row = nullptr;              // [N]
    const std::uint8_t* excluded = nullptr;  // [N], not 0 = is no candidate; null = all are
    int elements = 0;                        // N
    int count = 0;                           // k: from 1 to the number of candidates
};

/// Of the scratch memory, aligned to 16.
std::size_t selectScratchBytes(const SelectTask& task);
/// chosen: [k], indices ascending; values: [k], theirs as they are, or null. All on the device.
void launchSelect(const Stream& stream, const SelectTask& task, void* scratch, int* chosen, float* values);

/// Rows of a pass from those chosen and those forced; all on the device.
struct MergeTask {
    const int* forced = nullptr;      // [F] positions, ascending
    int forcedRows = 0;               // F
    const int* chosen = nullptr;      // [k] elements, ascending, none of them forced
    int chosenRows = 0;               // k
    int begin = 0;                    // position of element 0
    const int* ofPosition = nullptr;  // [beyond the greatest position]
    int* positions = nullptr;         // [F + k] ascending
    int* limits = nullptr;            // [F + k] position + 1
    int* wanted = nullptr;            // [F + k] ofPosition of each
};

void launchMergeRows(const Stream& stream, const MergeTask& task);

}  // namespace engine::cuda
