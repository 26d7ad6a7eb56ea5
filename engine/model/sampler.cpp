// Chooses the next token: penalty, temperature, top-k, min-p, top-p, draw. fp64 probabilities.
#include "engine/model/sampler.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>

namespace engine {

namespace {

constexpr float kLowest = -std::numeric_limits<float>::infinity();

using Candidate = std::pair<float, TokenId>;

/// Greater logit first, of equal ones the lower id: a total order, so that every platform draws the same.
bool ahead(const Candidate& a, const Candidate& b) { return a.first != b.first ? a.first > b.first : a.second < b.second; }

/// NaN never wins; +Inf is the greatest finite value, so that differences stay numbers.
float usable(float logit) {
    if (std::isnan(logit))
        return kLowest;
    return std::min(logit, std::numeric_limits<float>::max());
}

/// The greatest usable logit's id, the lowest of equal ones; 0 when there is none.
TokenId greatest(std::span<const float> logits) {
    TokenId best = 0;
    float value = kLowest;
    for (std::size_t i = 0; i < logits.size(); ++i) {
        const float logit = std::min(logits[i], std::numeric_limits<float>::max());
        if (logit > value) {  // never for NaN
            value = logit;
            best = static_cast<TokenId>(i);
        }
    }
    return best;
}

}  // namespace

Sampler::Sampler(const SamplingOptions& options) : m_options(options), m_generator(options.seed) {}

TokenId Sampler::sample(std::span<const float> logits, std::span<const TokenId> history) {
    assert(!logits.empty());
    const double penalty = m_options.repeatPenalty;
    const bool penalised = std::isfinite(penalty) && penalty > 0 && penalty != 1.0;
    if (!(m_options.temperature > 0) && !penalised)
        return greatest(logits);
    m_candidates.clear();
    m_candidates.reserve(logits.size());
    for (std::size_t i = 0; i < logits.size(); ++i)
        m_candidates.emplace_back(usable(logits[i]), static_cast<TokenId>(i));

    if (penalised) {
        for (const TokenId id : history) {
            if (id < 0 || static_cast<std::size_t>(id) >= logits.size())
                continue;
            // Computed from the given logit, so that a token that occurs twice is penalised once.
            const float logit = usable(logits[static_cast<std::size_t>(id)]);
            m_candidates[static_cast<std::size_t>(id)].first =
                usable(static_cast<float>(logit > 0 ? logit / penalty : logit * penalty));
        }
    }

    const Candidate best = *std::min_element(m_candidates.begin(), m_candidates.end(), ahead);
    if (!(m_options.temperature > 0) || best.first == kLowest)
        return best.second;
    // Relative to the best one: 1 for it, in [0, 1] for the others.
    const auto weight = [&](float logit) {
        return std::exp((static_cast<double>(logit) - static_cast<double>(best.first)) / m_options.temperature);
    };

    auto end = m_candidates.end();
    if (m_options.topK > 0 && static_cast<std::size_t>(m_options.topK) < m_candidates.size()) {
        const auto cut = m_candidates.begin() + m_options.topK;
        std::nth_element(m_candidates.begin(), cut, m_candidates.end(), ahead);
        end = cut;
    }
    end = std::remove_if(m_candidates.begin(), end, [&](const Candidate& candidate) {
        const double share = weight(candidate.first);
        return share <= 0 || share < m_options.minP;
    });
    if (end == m_candidates.begin())  // minP > 1
        return best.second;
    std::sort(m_candidates.begin(), end, ahead);

    double total = 0;
    for (auto candidate = m_candidates.begin(); candidate != end; ++candidate)
        total += weight(candidate->first);
    if (m_options.topP < 1) {
        // The shortest run of the most probable ones that reaches topP; never empty.
        double sum = 0;
        auto cut = m_candidates.begin();
        do {
            sum += weight(cut->first);
            ++cut;
        } while (cut != end && sum < m_options.topP * total);
        end = cut;
        total = sum;
    }

    // 53 random bits: a double in [0, 1).
    double left = static_cast<double>(m_generator() >> 11) * 0x1.0p-53 * total;
    for (auto candidate = m_candidates.begin(); candidate != end; ++candidate) {
        left -= weight(candidate->first);
        if (left < 0)
            return candidate->second;
    }
    return std::prev(end)->second;  // rounding left a remainder behind the last one
}

}  // namespace engine
