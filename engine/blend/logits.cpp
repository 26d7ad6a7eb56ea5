// Reading logits.
#include "engine/blend/logits.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace engine {
namespace {

double logSumExp(std::span<const float> logits) {
    const double top = *std::max_element(logits.begin(), logits.end());
    double sum = 0;
    for (const float logit : logits)
        sum += std::exp(logit - top);
    return top + std::log(sum);
}

}  // namespace

std::vector<TokenLogit> greatestLogits(std::span<const float> logits, int count) {
    std::vector<TokenId> ids(logits.size());
    std::iota(ids.begin(), ids.end(), 0);
    const auto middle = ids.begin() + std::clamp<std::ptrdiff_t>(count, 0, std::ssize(ids));
    std::partial_sort(ids.begin(), middle, ids.end(), [&](TokenId a, TokenId b) {
        const float left = logits[static_cast<std::size_t>(a)];
        const float right = logits[static_cast<std::size_t>(b)];
        return left != right ? left > right : a < b;
    });
    std::vector<TokenLogit> top;
    for (auto id = ids.begin(); id != middle; ++id)
        top.push_back({*id, logits[static_cast<std::size_t>(*id)]});
    return top;
}

TokenId argmax(std::span<const float> logits) {
    return static_cast<TokenId>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

double klDivergence(std::span<const float> full, std::span<const float> other) {
    const double fullNorm = logSumExp(full);
    const double otherNorm = logSumExp(other);
    double sum = 0;
    for (std::size_t i = 0; i < full.size(); ++i) {
        const double logP = full[i] - fullNorm;
        sum += std::exp(logP) * (logP - (other[i] - otherNorm));
    }
    // Rounding may leave a tiny negative sum; a divergence has none.
    return std::isnan(sum) ? std::numeric_limits<double>::infinity() : std::max(sum, 0.0);
}

}  // namespace engine
