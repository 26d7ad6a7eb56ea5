// Choosing from a row on the device.
#pragma once

#include <span>

#include "engine/backend/backend.h"
#include "engine/backend/cuda/device.h"
#include "engine/backend/cuda/memory_pool.h"
#include "engine/backend/cuda/uploads.h"

namespace engine::cuda {

/// Backend::chooseRows and rankGreatest by the kernels of kernels/select.h. Scratch memory is taken for the call, and used in the stream's
/// order. One thread.
class RowSelector {
public:
    RowSelector(MemoryPool& device, MemoryPool& pinned, UploadRing& uploads, const Stream& stream)
        : m_device(device), m_pinned(pinned), m_uploads(uploads), m_stream(stream) {}

    /// Does not wait.
    ChosenRows choose(TensorView score, const RowChoice& choice);
    /// Waits for what was chosen.
    void rank(TensorView row, std::span<int> indices, std::span<float> values);

private:
    /// A copy on the device; none of nothing.
    template <class T>
    Buffer sent(std::span<const T> values);

    MemoryPool& m_device;
    MemoryPool& m_pinned;
    UploadRing& m_uploads;
    const Stream& m_stream;
};

}  // namespace engine::cuda
