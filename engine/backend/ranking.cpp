// Choosing by rank in host memory.
#include "engine/backend/ranking.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

namespace engine {
namespace {

/// Whether index a comes before index b.
class Ahead {
public:
    explicit Ahead(std::span<const float> row) : m_row(row) {}
    bool operator()(int a, int b) const {
        const float left = rankOf(m_row[static_cast<std::size_t>(a)]);
        const float right = rankOf(m_row[static_cast<std::size_t>(b)]);
        return left != right ? left > right : a < b;
    }

private:
    std::span<const float> m_row;
};

/// Moves the first `count` of the order to the front, in no order.
void partition(std::vector<int>& candidates, std::size_t count, const Ahead& ahead) {
    assert(count <= candidates.size());
    std::nth_element(candidates.begin(), candidates.begin() + static_cast<std::ptrdiff_t>(count), candidates.end(), ahead);
    candidates.resize(count);
}

}  // namespace

float rankOf(float value) { return std::isnan(value) ? std::numeric_limits<float>::infinity() : value; }

void selectGreatest(std::span<const float> row, std::span<const std::uint8_t> excluded, std::span<int> chosen) {
    assert(excluded.empty() || excluded.size() == row.size());
    std::vector<int> candidates;
    candidates.reserve(row.size());
    for (std::size_t i = 0; i < row.size(); ++i)
        if (excluded.empty() || excluded[i] == 0)
            candidates.push_back(static_cast<int>(i));
    partition(candidates, chosen.size(), Ahead(row));
    std::sort(candidates.begin(), candidates.end());
    std::copy(candidates.begin(), candidates.end(), chosen.begin());
}

void rankGreatest(std::span<const float> row, std::span<int> indices, std::span<float> values) {
    assert(values.size() == indices.size());
    std::vector<int> candidates(row.size());
    std::iota(candidates.begin(), candidates.end(), 0);
    const Ahead ahead(row);
    partition(candidates, indices.size(), ahead);
    std::sort(candidates.begin(), candidates.end(), ahead);
    std::copy(candidates.begin(), candidates.end(), indices.begin());
    std::transform(candidates.begin(), candidates.end(), values.begin(),
                   [&](int i) { return row[static_cast<std::size_t>(i)]; });
}

}  // namespace engine
