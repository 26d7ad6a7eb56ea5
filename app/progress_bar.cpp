// Progress of a long job as one line on a terminal.
#include "app/progress_bar.h"

#include <algorithm>
#include <ostream>

#include "app/terminal_text.h"
#include "app/units.h"

namespace app {

namespace {

constexpr int kBarCells = 20;
constexpr int kFewestBarCells = 5;  // a shorter bar tells nothing

std::string barOf(double share, int cells) {
    const int full = static_cast<int>(share * cells);
    std::string bar;
    for (int i = 0; i < cells; ++i)
        bar += i < full ? "█" : "░";
    return bar;
}

/// Rate and remaining time; empty while nothing can be said of them.
std::string paceText(const ProgressState& state) {
    const double seconds = state.elapsed.count();
    if (seconds < 0.2 || state.done <= state.first)
        return "";
    const double rate = static_cast<double>(state.done - state.first) / seconds;
    std::string text = "  ";
    text += rate < 10 ? decimalText(rate, 1) : countText(static_cast<std::int64_t>(rate));
    text += " " + state.unit + "/s";
    if (state.total >= state.done)
        text += "  " + clockText(static_cast<double>(state.total - state.done) / rate) + " left";
    return text;
}

}  // namespace

std::string progressLine(const ProgressState& state, int columns) {
    const int room = std::max(1, columns - 1);
    const std::string what = printable(state.what, LineBreaks::Flatten);
    if (state.total <= 0)
        return shortened(what + "  " + countText(state.done) + " " + state.unit + paceText(state), room);
    const double share = std::clamp(static_cast<double>(state.done) / static_cast<double>(state.total), 0.0, 1.0);
    const std::string figures = "  " + decimalText(share * 100, 0) + " %  " + countText(state.done) + "/" +
                                countText(state.total) + " " + state.unit + paceText(state);
    const int cells =
        std::min(kBarCells, room - codePoints(what) - codePoints(figures) - 2);  // the bar gives way to figures
    return shortened(cells < kFewestBarCells ? what + figures : what + "  " + barOf(share, cells) + figures, room);
}

void ProgressBar::progress(std::string_view what, std::int64_t done, std::int64_t total, std::string_view unit) {
    if (!m_context.terminal || m_context.quiet)
        return;
    const Clock::time_point now = Clock::now();
    if (what != m_state.what || done < m_state.first) {
        m_state.what = what;
        m_state.first = done;
        m_began = now;
    } else if (m_visible && now - m_drawn < std::chrono::milliseconds(100)) {
        return;
    }
    m_state.done = done;
    m_state.total = total;
    m_state.unit = unit;
    m_state.elapsed = now - m_began;
    m_drawn = now;
    m_visible = true;
    m_context.err << "\r\x1b[K" << progressLine(m_state, m_context.columns) << std::flush;
}

void ProgressBar::clear() {
    if (m_visible)
        m_context.err << "\r\x1b[K" << std::flush;
    m_visible = false;
}

}  // namespace app
