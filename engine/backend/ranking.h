// The order in which elements of a row are chosen, on every back end: the greater value first, NaN as +∞, −0 equal to +0; of equal
// ones the lower index. A total order, so a choice is the same whoever makes it.
#pragma once

#include <cstdint>
#include <span>

namespace engine {

/// Where a value stands in the order, as a number: NaN is +∞.
float rankOf(float value);

/// The first chosen.size() of `row` in the order, as indices, ascending. `excluded`: not 0 = is no candidate; empty = all are. There are
/// at least as many candidates.
void selectGreatest(std::span<const float> row, std::span<const std::uint8_t> excluded, std::span<int> chosen);

/// The first indices.size() of `row` in the order, with their values as they are.
void rankGreatest(std::span<const float> row, std::span<int> indices, std::span<float> values);

}  // namespace engine
