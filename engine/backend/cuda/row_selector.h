// Choosing from a row on the device, and the one wait for what was chosen.
#pragma once

#include <cstdint>
#include <span>

#include "engine/backend/cuda/device.h"
#include "engine/backend/cuda/memory_pool.h"
#include "engine/backend/cuda/uploads.h"
#include "engine/backend/tensor.h"

namespace engine::cuda {

/// Backend::selectGreatest and rankGreatest by the kernels of kernels/select.h. Scratch memory is taken for the call. One thread.
class RowSelector {
public:
    RowSelector(MemoryPool& device, MemoryPool& pinned, UploadRing& uploads, const Stream& stream)
        : m_device(device), m_pinned(pinned), m_uploads(uploads), m_stream(stream) {}

    void select(TensorView row, std::span<const std::uint8_t> excluded, std::span<int> chosen, std::span<float> values);
    void rank(TensorView row, std::span<int> indices, std::span<float> values);

private:
    MemoryPool& m_device;
    MemoryPool& m_pinned;
    UploadRing& m_uploads;
    const Stream& m_stream;
};

}  // namespace engine::cuda
