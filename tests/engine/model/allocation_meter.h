// Counts what operator new hands out, for tests of memory bounds.
#pragma once

#include <cstdint>

namespace allocation_meter {

/// Bytes that are allocated now.
std::int64_t liveBytes();
/// The most that ever were since the last `resetPeak`.
std::int64_t peakBytes();
void resetPeak();

}  // namespace allocation_meter
