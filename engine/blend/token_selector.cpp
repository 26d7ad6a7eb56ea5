// Token selection by rank.
#include "engine/blend/token_selector.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <iterator>
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

}  // namespace

int chosenCount(const PromptLayout& layout, double ratio) {
    const std::span<const std::uint8_t> forced = forcedContext(layout);
    const auto candidates = static_cast<int>(std::count(forced.begin(), forced.end(), 0));
    // The guard keeps 0.15 · 20 = 3 from becoming 2 in binary.
    return std::min(static_cast<int>(std::floor(ratio * candidates + 1e-9)), candidates);
}

TokenSelection selectionOf(const PromptLayout& layout, std::span<const int> rows, std::vector<float> score) {
    TokenSelection selection;
    selection.score = std::move(score);
    float threshold = std::numeric_limits<float>::infinity();
    bool anyChosen = false;
    for (const int row : rows) {
        const auto position = static_cast<std::size_t>(row);
        const int token = row - layout.contextBegin;
        if (token < 0 || token >= layout.contextTokens || layout.cached[position] == 0)
            continue;
        selection.positions.push_back(row);
        if (layout.forced[position] != 0)
            continue;
        anyChosen = true;
        threshold = std::min(threshold, rankOf(selection.score[static_cast<std::size_t>(token)]));
    }
    selection.threshold = anyChosen ? threshold : 0;
    return selection;
}

TokenSelection selectTokens(const PromptLayout& layout, std::span<const float> score, double ratio) {
    std::vector<int> chosen(score.empty() ? 0 : static_cast<std::size_t>(chosenCount(layout, ratio)));
    if (!chosen.empty())
        selectGreatest(score, forcedContext(layout), chosen);
    for (int& position : chosen)
        position += layout.contextBegin;
    const std::vector<int> forced = layout.forcedPositions();
    std::vector<int> rows;
    std::merge(forced.begin(), forced.end(), chosen.begin(), chosen.end(), std::back_inserter(rows));
    return selectionOf(layout, rows, {score.begin(), score.end()});
}

ChosenRows chooseRows(const PromptLayout& layout, Backend& backend, TensorView score, double ratio,
                      std::span<const int> ofPosition) {
    assert(score.columns == layout.contextTokens);
    const std::vector<int> forced = layout.forcedPositions();
    return backend.chooseRows(score,
                              {forced, forcedContext(layout), layout.contextBegin, chosenCount(layout, ratio), ofPosition});
}

std::vector<float> offsetScore(const PromptLayout& layout) {
    std::vector<float> score;
    score.reserve(layout.offsetInChunk.size());
    for (const int offset : layout.offsetInChunk)
        score.push_back(-static_cast<float>(offset));
    return score;
}

}  // namespace engine
