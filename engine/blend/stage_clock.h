// Attributes every moment of a run to exactly one stage, so that the stages sum to the whole by construction.
#pragma once

#include <chrono>

namespace engine {

/// Adds the time since the last switch to the stage that was current. One thread.
class StageClock {
public:
    using Clock = std::chrono::steady_clock;

    StageClock() = default;
    /// Starts in a stage.
    explicit StageClock(double& stageMs) { switchTo(stageMs); }

    /// `stageMs` is what the current stage's time is added to; it must outlive the next switch.
    void switchTo(double& stageMs) {
        const Clock::time_point now = Clock::now();
        if (m_current != nullptr)
            *m_current += milliseconds(now - m_since);
        m_current = &stageMs;
        m_since = now;
    }
    void stop() {
        if (m_current != nullptr)
            *m_current += milliseconds(Clock::now() - m_since);
        m_current = nullptr;
    }
    /// Runs `work`, whose time belongs to no stage.
    template <class Work>
    void aside(Work work) {
        double* const stage = m_current;
        double taken = 0;
        switchTo(taken);
        work();
        stop();
        m_asideMs += taken;
        if (stage != nullptr)
            switchTo(*stage);
    }
    /// Milliseconds since the clock was made, but for what ran aside.
    double elapsedMs() const { return milliseconds(Clock::now() - m_start) - m_asideMs; }
    double asideMs() const { return m_asideMs; }

    static double milliseconds(Clock::duration duration) {
        return std::chrono::duration<double, std::milli>(duration).count();
    }

private:
    const Clock::time_point m_start = Clock::now();
    Clock::time_point m_since;
    double* m_current = nullptr;
    double m_asideMs = 0;
};

}  // namespace engine
