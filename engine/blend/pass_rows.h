// The rows of a pass: where each stands and which keys it sees, known to the host or, when a device chose them, to that device at first.
#pragma once

#include <vector>

#include "engine/backend/backend.h"

namespace engine {

/// Positions are ascending. A row sees what stands before it and itself, unless limitFromTheEnd was called. One thread.
class PassRows {
public:
    void set(std::vector<int> positions);
    /// As `chooser` has chosen them; it outlives this.
    void set(ChosenRows rows, Backend& chooser);
    /// The last row sees all `keys`, each above it one fewer, wherever it stands.
    void limitFromTheEnd(int keys);

    int count() const { return m_count; }
    bool onHost() const { return m_chooser == nullptr; }
    /// Makes the rows known where `reader` looks for them: waits for the device that chose them if that is another one.
    void bringTo(const Backend& reader);
    /// Makes them known to the host: waits for the device that chose them, if one did.
    void bringToHost();

    /// For the back end that chose them or that they were brought to.
    RowNumbers positions() const { return onHost() ? RowNumbers(m_positions) : m_chosen.positions; }
    RowNumbers limits() const { return m_limits.empty() ? m_chosen.limits : RowNumbers(m_limits); }
    /// What was wanted of each (RowChoice); only as long as they are not on the host.
    RowNumbers ofPosition() const { return m_chosen.ofPosition; }

    /// Σ over the rows of their positions + 1. On the host only.
    double sumOfKeys() const;

private:
    int m_count = 0;
    std::vector<int> m_positions;  // [M]; empty while the host does not know them
    std::vector<int> m_limits;     // [M]; likewise, unless they do not depend on the positions
    ChosenRows m_chosen;
    Backend* m_chooser = nullptr;  // null when they are on the host
};

}  // namespace engine
