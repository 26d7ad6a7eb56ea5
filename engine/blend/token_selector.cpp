// Token selection by rank.
#include "engine/blend/token_selector.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace engine {

TokenSelection selectTokens(const PromptLayout& layout, std::span<const float> score, double ratio) {
    TokenSelection selection;
    selection.score.assign(score.begin(), score.end());
    std::vector<int> candidates;  // indices of context tokens; none without a score
    for (int i = 0; i < layout.contextTokens && !score.empty(); ++i)
        if (layout.forced[static_cast<std::size_t>(layout.contextBegin + i)] == 0)
            candidates.push_back(i);

    const auto rank = [&](int i) {
        const float value = score[static_cast<std::size_t>(i)];
        return std::isnan(value) ? std::numeric_limits<float>::infinity() : value;
    };
    // The guard keeps 0.15 · 20 = 3 from becoming 2 in binary.
    const auto wanted = static_cast<std::size_t>(std::floor(ratio * static_cast<double>(candidates.size()) + 1e-9));
    const std::size_t count = std::min(wanted, candidates.size());
    const auto middle = candidates.begin() + static_cast<std::ptrdiff_t>(count);
    std::nth_element(candidates.begin(), middle, candidates.end(),
                     [&](int a, int b) { return rank(a) != rank(b) ? rank(a) > rank(b) : a < b; });
    candidates.erase(middle, candidates.end());

    selection.threshold = std::numeric_limits<float>::infinity();
    for (const int i : candidates) {
        selection.positions.push_back(layout.contextBegin + i);
        selection.threshold = std::min(selection.threshold, rank(i));
    }
    if (candidates.empty())
        selection.threshold = 0;
    for (int i = 0; i < layout.contextTokens; ++i) {
        const auto position = static_cast<std::size_t>(layout.contextBegin + i);
        if (layout.forced[position] != 0 && layout.cached[position] != 0)
            selection.positions.push_back(layout.contextBegin + i);
    }
    std::sort(selection.positions.begin(), selection.positions.end());
    return selection;
}

std::vector<float> offsetScore(const PromptLayout& layout) {
    std::vector<float> score;
    score.reserve(layout.offsetInChunk.size());
    for (const int offset : layout.offsetInChunk)
        score.push_back(-static_cast<float>(offset));
    return score;
}

}  // namespace engine
