// StageClock: what was named becomes times.
#include "engine/blend/stage_clock.h"

#include <algorithm>
#include <chrono>

namespace engine {
namespace {

double milliseconds(TimePoint::duration duration) { return std::chrono::duration<double, std::milli>(duration).count(); }

}  // namespace

std::vector<TimePoint> StageClock::times() const {
    std::vector<TimePoint> times(m_named.size());
    std::vector<bool> known(m_named.size());
    for (std::size_t first = 0; first < m_named.size(); ++first) {
        if (known[first])
            continue;
        Backend* const backend = m_named[first].backend;
        std::vector<Mark> marks;
        std::vector<std::size_t> places;
        for (std::size_t i = first; i < m_named.size(); ++i)
            if (m_named[i].backend == backend) {
                marks.push_back(m_named[i].mark);
                places.push_back(i);
                known[i] = true;
            }
        std::vector<TimePoint> found(marks.size());
        if (backend != nullptr)
            backend->timesOf(marks, found);
        for (std::size_t i = 0; i < places.size(); ++i)
            times[places[i]] = backend == nullptr ? marks[i].named : found[i];
    }
    return times;
}

void StageClock::stop() {
    std::vector<TimePoint> begins = times();
    const TimePoint end = std::chrono::steady_clock::now();
    m_ms.assign(begins.size(), 0.0);
    for (std::size_t i = 0; i < begins.size(); ++i) {
        // Clocks of two devices differ by microseconds: no moment comes before the one named before it, none after the end.
        if (i > 0)
            begins[i] = std::clamp(begins[i], begins[i - 1], end);
        m_ms[i] = milliseconds(begins[i] - begins.front()) - m_asideMs;
        const TimePoint next = i + 1 < begins.size() ? std::clamp(begins[i + 1], begins[i], end) : end;
        double* const stage = m_named[i].stage;
        (stage != nullptr ? *stage : m_asideMs) += milliseconds(next - begins[i]);
    }
}

}  // namespace engine
