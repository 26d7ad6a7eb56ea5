// Moments in the compute stream's order, whose times the device keeps.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "engine/backend/backend.h"
#include "engine/backend/cuda/device.h"

namespace engine::cuda {

/// Backend::mark and timesOf by events, which are used again when their marks are gone. Outlives its marks. One thread.
class StreamMarks {
public:
    explicit StreamMarks(const Stream& stream) : m_stream(stream) {}

    Mark set();
    void timesOf(std::span<const Mark> marks, std::span<TimePoint> times) const;

private:
    const Stream& m_stream;
    std::vector<std::unique_ptr<Event>> m_idle;
};

}  // namespace engine::cuda
