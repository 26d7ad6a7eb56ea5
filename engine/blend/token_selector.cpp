// Token selection by rank.
#include "engine/blend/token_selector.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <utility>

#include "engine/backend/ranking.h"

namespace engine {
namespace {

/// Per context token: not 0 = is computed anyway, so no candidate. [N]
std::span<const std::uint8_t> forcedContext(const PromptLayout& layout) {
    return std::span(layout.forced)
        .subspan(static_cast<std::size_t>(layout.contextBegin), static_cast<std::size_t>(layout.contextTokens));
}

/// How many are chosen by rank.
std::size_t chosenCount(const PromptLayout& layout, double ratio) {
    const std::span<const std::uint8_t> forced = forcedContext(layout);
    const auto candidates = static_cast<std::size_t>(std::count(forced.begin(), forced.end(), 0));
    // The guard keeps 0.15 · 20 = 3 from becoming 2 in binary.
    const auto wanted = static_cast<std::size_t>(std::floor(ratio * static_cast<double>(candidates) + 1e-9));
    return std::min(wanted, candidates);
}

/// `chosen`: context tokens; `score`: [N].
TokenSelection selectionOf(const PromptLayout& layout, std::span<const int> chosen, std::vector<float> score) {
    TokenSelection selection;
    selection.score = std::move(score);
    selection.threshold = chosen.empty() ? 0 : std::numeric_limits<float>::infinity();
    for (const int i : chosen) {
        selection.positions.push_back(layout.contextBegin + i);
        selection.threshold = std::min(selection.threshold, rankOf(selection.score[static_cast<std::size_t>(i)]));
    }
    for (int i = 0; i < layout.contextTokens; ++i) {
        const auto position = static_cast<std::size_t>(layout.contextBegin + i);
        if (layout.forced[position] != 0 && layout.cached[position] != 0)
            selection.positions.push_back(layout.contextBegin + i);
    }
    std::sort(selection.positions.begin(), selection.positions.end());
    return selection;
}

}  // namespace

TokenSelection selectTokens(const PromptLayout& layout, std::span<const float> score, double ratio) {
    std::vector<int> chosen(score.empty() ? 0 : chosenCount(layout, ratio));
    if (!chosen.empty())
        selectGreatest(score, forcedContext(layout), chosen);
    return selectionOf(layout, chosen, {score.begin(), score.end()});
}

TokenSelection selectTokens(const PromptLayout& layout, Backend& backend, TensorView score, double ratio) {
    assert(score.columns == layout.contextTokens);
    std::vector<int> chosen(chosenCount(layout, ratio));
    std::vector<float> values(static_cast<std::size_t>(layout.contextTokens));
    backend.selectGreatest(score, forcedContext(layout), chosen, values);
    return selectionOf(layout, chosen, std::move(values));
}

std::vector<float> offsetScore(const PromptLayout& layout) {
    std::vector<float> score;
    score.reserve(layout.offsetInChunk.size());
    for (const int offset : layout.offsetInChunk)
        score.push_back(-static_cast<float>(offset));
    return score;
}

}  // namespace engine
