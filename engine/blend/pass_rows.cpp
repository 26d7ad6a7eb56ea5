// PassRows.
#include "engine/blend/pass_rows.h"

#include <algorithm>
#include <cassert>
#include <numeric>

namespace engine {
namespace {

std::vector<int> limitsOf(const std::vector<int>& positions) {
    std::vector<int> limits(positions.size());
    std::transform(positions.begin(), positions.end(), limits.begin(), [](int position) { return position + 1; });
    return limits;
}

}  // namespace

void PassRows::set(std::vector<int> positions) {
    m_count = static_cast<int>(positions.size());
    m_limits = limitsOf(positions);
    m_positions = std::move(positions);
    m_chosen = {};
    m_chooser = nullptr;
}

void PassRows::set(ChosenRows rows, Backend& chooser) {
    if (rows.positions.onHost()) {
        const std::span<const int> positions = rows.positions.values();
        return set(std::vector<int>(positions.begin(), positions.end()));
    }
    m_count = rows.positions.count();
    m_positions.clear();
    m_limits.clear();
    m_chosen = std::move(rows);
    m_chooser = &chooser;
}

void PassRows::limitFromTheEnd(int keys) {
    m_limits.resize(static_cast<std::size_t>(m_count));
    std::iota(m_limits.begin(), m_limits.end(), keys - m_count + 1);
}

void PassRows::bringTo(const Backend& reader) {
    if (&reader != m_chooser)
        bringToHost();
}

void PassRows::bringToHost() {
    if (onHost())
        return;
    m_positions.resize(static_cast<std::size_t>(m_count));
    m_chooser->download(m_positions.data(), m_chosen.positions.data(), m_positions.size() * sizeof(int));
    if (m_limits.empty())
        m_limits = limitsOf(m_positions);
    m_chosen = {};
    m_chooser = nullptr;
}

double PassRows::sumOfKeys() const {
    assert(onHost());
    return std::accumulate(m_positions.begin(), m_positions.end(), static_cast<double>(m_count));
}

}  // namespace engine
