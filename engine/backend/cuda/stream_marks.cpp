// StreamMarks.
#include "engine/backend/cuda/stream_marks.h"

#include <chrono>

namespace engine::cuda {
namespace {

const Event& eventOf(const Mark& mark) { return *static_cast<const Event*>(mark.event.get()); }

}  // namespace

Mark StreamMarks::set() {
    if (m_idle.empty())
        m_idle.push_back(std::make_unique<Event>(Event::Timing::Yes));
    std::shared_ptr<Event> event(m_idle.back().release(), [this](Event* used) { m_idle.emplace_back(used); });
    m_idle.pop_back();
    event->record(m_stream);
    return {std::chrono::steady_clock::now(), std::move(event)};
}

void StreamMarks::timesOf(std::span<const Mark> marks, std::span<TimePoint> times) const {
    assert(times.size() == marks.size());
    if (marks.empty())
        return;
    if (!eventOf(marks.back()).await())
        throw std::runtime_error("device_failed: the GPU failed while it was timed");
    for (std::size_t i = 0; i < marks.size(); ++i) {
        const std::chrono::duration<double, std::milli> since(eventOf(marks[i]).msSince(eventOf(marks.front())));
        times[i] = marks.front().named + std::chrono::duration_cast<TimePoint::duration>(since);
    }
}

}  // namespace engine::cuda
