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

void RowSelector::select(TensorView row, std::span<const std::uint8_t> excluded, std::span<int> chosen,
                         std::span<float> values) {
    assert(row.rows == 1 && row.dtype == DType::F32);
    assert(excluded.empty() || excluded.size() == static_cast<std::size_t>(row.columns));
    assert(values.empty() || values.size() == static_cast<std::size_t>(row.columns));
    if (chosen.empty() && values.empty())
        return;
    const Buffer pinned = m_pinned.take(chosen.size_bytes() + values.size_bytes());
    auto* pinnedChosen = static_cast<int*>(pinned.data());
    auto* pinnedValues = reinterpret_cast<float*>(pinnedChosen + chosen.size());
    if (!chosen.empty()) {
        SelectTask task{static_cast<const float*>(row.data), nullptr, row.columns, static_cast<int>(chosen.size())};
        Buffer mask;
        if (!excluded.empty()) {
            mask = m_device.take(excluded.size_bytes());
            m_uploads.upload(mask.data(), excluded.data(), excluded.size_bytes());
            task.excluded = static_cast<const std::uint8_t*>(mask.data());
        }
        const Buffer scratch = m_device.take(selectScratchBytes(task));
        const Buffer onDevice = m_device.take(chosen.size_bytes());
        launchSelect(m_stream, task, scratch.data(), static_cast<int*>(onDevice.data()), nullptr);
        copyBack(m_stream, pinnedChosen, onDevice.data(), chosen.size());
    }
    copyBack(m_stream, pinnedValues, row.data, values.size());
    m_stream.synchronise();
    std::copy_n(pinnedChosen, chosen.size(), chosen.begin());
    std::copy_n(pinnedValues, values.size(), values.begin());
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
