// Attributes every moment of a prefill to exactly one stage, so that the stages sum to the whole by construction.
#pragma once

#include <cstddef>
#include <vector>

#include "engine/backend/backend.h"

namespace engine {

/// Moments are named while the prefill runs, each in the order of the work of a back end, and their times are taken when all is done: on a
/// device a stage lasts from when the device came to it to when it came to the next, wherever the host was meanwhile. Ends with the
/// prefill's back ends still there. One thread.
class StageClock {
public:
    /// One that was named; later ones are greater.
    using Moment = std::size_t;

    /// Starts in a stage, on the host. Here and below: `stageMs` is what the stage's time is added to, by stop().
    explicit StageClock(double& stageMs) { add(nullptr, hostMark(), &stageMs); }

    /// The stage begins when `backend` has done what it was asked for so far.
    Moment switchTo(double& stageMs, Backend& backend) { return switchTo(stageMs, backend, backend.mark()); }
    /// The stage begins at a mark that `backend` has given, which is newer than all others.
    Moment switchTo(double& stageMs, Backend& backend, Mark mark) { return add(&backend, std::move(mark), &stageMs); }
    /// The stage begins now, on the host.
    Moment switchToHost(double& stageMs) { return add(nullptr, hostMark(), &stageMs); }
    /// The stage begins at the last moment that was named; whatever began there does not. Returns that moment.
    Moment enter(double& stageMs) {
        m_named.back().stage = &stageMs;
        return m_named.size() - 1;
    }
    /// A moment within a stage: when `backend` has done what it was asked for so far.
    Moment moment(Backend& backend) { return add(&backend, backend.mark(), m_named.back().stage); }
    /// Runs `work` of `backend`, whose time belongs to no stage.
    template <class Work>
    void aside(Backend& backend, Work work) {
        double* const stage = m_named.back().stage;
        add(&backend, backend.mark(), nullptr);
        work();
        add(&backend, backend.mark(), stage);
    }
    /// Ends the last stage and gives every stage its time. Waits for the devices; nothing may be named afterwards.
    void stop();

    /// After stop(): milliseconds from the start, but for what ran aside.
    double ms(Moment moment) const { return m_ms[moment]; }
    double asideMs() const { return m_asideMs; }

private:
    struct Named {
        Backend* backend;  // null = the host
        Mark mark;
        double* stage;  // from here on; null = aside
    };
    static Mark hostMark() { return {std::chrono::steady_clock::now(), nullptr}; }
    Moment add(Backend* backend, Mark mark, double* stage) {
        m_named.push_back({backend, std::move(mark), stage});
        return m_named.size() - 1;
    }
    std::vector<TimePoint> times() const;

    std::vector<Named> m_named;  // the first is the start
    std::vector<double> m_ms;    // of each
    double m_asideMs = 0;
};

}  // namespace engine
