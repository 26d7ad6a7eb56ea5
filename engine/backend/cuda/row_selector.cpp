// RowSelector.
#include "engine/backend/cuda/row_selector.h"

#include <algorithm>
#include <cassert>

#include "engine/backend/cuda/kernels/select.h"
#include "engine/backend/ranking.h"

namespace engine::cuda {
namespace {

/// Begins copying to pinned memory.
template <class T>
void copyBack(const Stream& stream, T* pinned, const void* from, std::size_t count) {
    if (count > 0)
        CUDA_CHECK(cudaMemcpyAsync(pinned, from, count * sizeof(T), cudaMemcpyDeviceToHost, stream.get()));
}

}  // namespace

template <class T>
Buffer RowSelector::sent(std::span<const T> values) {
    if (values.empty())
        return {};
    Buffer buffer = m_device.take(values.size_bytes());
    m_uploads.upload(buffer.data(), values.data(), values.size_bytes());
    return buffer;
}

ChosenRows RowSelector::choose(TensorView score, const RowChoice& choice) {
    assert(score.rows == 1 && score.dtype == DType::F32 && choice.count <= score.columns);
    assert(choice.excluded.empty() || choice.excluded.size() == static_cast<std::size_t>(score.columns));
    const auto forced = static_cast<int>(choice.forced.size());
    const int count = forced + choice.count;
    if (count == 0)
        return {};
    const auto numbers = static_cast<std::size_t>(count);
    Buffer chosen;
    if (choice.count > 0) {
        const Buffer mask = sent(choice.excluded);
        const SelectTask task{static_cast<const float*>(score.data), static_cast<const std::uint8_t*>(mask.data()),
                              score.columns, choice.count};
        const Buffer scratch = m_device.take(selectScratchBytes(task));
        chosen = m_device.take(static_cast<std::size_t>(choice.count) * sizeof(int));
        launchSelect(m_stream, task, scratch.data(), static_cast<int*>(chosen.data()), nullptr);
    }
    const Buffer forcedRows = sent(choice.forced);
    const Buffer ofPosition = sent(choice.ofPosition);
    ChosenRows rows;
    rows.memory = m_device.take(3 * numbers * sizeof(int));
    auto* positions = static_cast<int*>(rows.memory.data());
    int* const limits = positions + numbers;
    int* const wanted = limits + numbers;
    launchMergeRows(
        m_stream, {static_cast<const int*>(forcedRows.data()), forced, static_cast<const int*>(chosen.data()), choice.count,
                   choice.begin, static_cast<const int*>(ofPosition.data()), positions, limits, wanted});
    const int last =
        std::max(forced > 0 ? choice.forced.back() : 0, choice.count > 0 ? choice.begin + score.columns - 1 : 0);
    rows.positions = RowNumbers::onDevice(positions, count, last);
    rows.limits = RowNumbers::onDevice(limits, count, last + 1);
    rows.ofPosition =
        RowNumbers::onDevice(wanted, count, *std::max_element(choice.ofPosition.begin(), choice.ofPosition.end()));
    return rows;
}

void RowSelector::rank(TensorView row, std::span<int> indices, std::span<float> values) {
    assert(row.rows == 1 && row.dtype == DType::F32 && indices.size() == values.size());
    if (indices.empty())
        return;
    const std::size_t count = indices.size();
    const SelectTask task{static_cast<const float*>(row.data), nullptr, row.columns, static_cast<int>(count)};
    const Buffer scratch = m_device.take(selectScratchBytes(task));
    const Buffer found = m_device.take(indices.size_bytes() + values.size_bytes());
    auto* foundIndices = static_cast<int*>(found.data());
    auto* foundValues = reinterpret_cast<float*>(foundIndices + count);
    launchSelect(m_stream, task, scratch.data(), foundIndices, foundValues);
    const Buffer pinned = m_pinned.take(found.bytes());
    auto* pinnedIndices = static_cast<int*>(pinned.data());
    auto* pinnedValues = reinterpret_cast<float*>(pinnedIndices + count);
    copyBack(m_stream, pinnedIndices, foundIndices, count);
    copyBack(m_stream, pinnedValues, foundValues, count);
    m_stream.synchronise();
    // Few, and here already: sorting them on the device would only make them wait for more launches. Among the chosen, ascending by
    // index, the order is the one of the whole row.
    engine::rankGreatest({pinnedValues, count}, indices, values);
    std::transform(indices.begin(), indices.end(), indices.begin(), [&](int i) { return pinnedIndices[i]; });
}

}  // namespace engine::cuda
