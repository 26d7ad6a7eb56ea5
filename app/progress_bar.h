// Progress of a long job as one line on a terminal: share, rate, remaining time.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <string>
#include <string_view>

#include "app/command_context.h"
#include "engine/observer.h"

namespace app {

/// How far a job is.
struct ProgressState {
    std::string what;
    std::int64_t first = 0;  // done when this run began: a resumed job's rate is that of this run
    std::int64_t done = 0;
    std::int64_t total = -1;  // < 0: not known
    std::string unit;         // "tokens"
    std::chrono::duration<double> elapsed{};
};

/// "precompute  ████░░  45 %  1,234/2,740 tokens  320 tokens/s  0:05 left", at most `columns` − 1 code points. Without a total
/// there is no bar, share or remaining time; without a measurable time (0.2 s) no rate.
std::string progressLine(const ProgressState& state, int columns);

/// Draws on the context's err, only on a terminal and without --quiet; at most ten times a second. One thread.
class ProgressBar : public engine::JobObserver {
public:
    explicit ProgressBar(CommandContext& context) : m_context(context) {}
    ~ProgressBar() override { clear(); }
    ProgressBar(const ProgressBar&) = delete;
    ProgressBar& operator=(const ProgressBar&) = delete;

    void progress(std::string_view what, std::int64_t done, std::int64_t total, std::string_view unit) override;
    /// Takes the line away, so that other text can be written.
    void clear();

private:
    using Clock = std::chrono::steady_clock;

    CommandContext& m_context;
    ProgressState m_state;
    Clock::time_point m_began;  // of the job m_state tells of
    Clock::time_point m_drawn;
    bool m_visible = false;
};

}  // namespace app
