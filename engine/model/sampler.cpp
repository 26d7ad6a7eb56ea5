// Chooses the next token: penalty, temperature, top-k, min-p, top-p, draw. fp64 probabilities.
#include "engine/model/sampler.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>

namespace engine {

namespace {

constexpr float kLowest = -std::numeric_limits<float>::infinity();
// Asked for where only min-p cuts: at its default some tens of tokens pass it.
constexpr int kPassingMinP = 256;

/// Greater logit first, of equal ones the lower id: a total order, so that every platform draws the same.
bool ahead(const std::pair<float, TokenId>& a, const std::pair<float, TokenId>& b) {
    return a.first != b.first ? a.first > b.first : a.second < b.second;
}

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

bool Sampler::penalises() const {
    const double penalty = m_options.repeatPenalty;
    return std::isfinite(penalty) && penalty > 0 && penalty != 1.0;
}

float Sampler::penalised(float logit) const {
    const double penalty = m_options.repeatPenalty;
    return usable(static_cast<float>(logit > 0 ? logit / penalty : logit * penalty));
}

double Sampler::share(float logit, float best) const {
    return std::exp((static_cast<double>(logit) - static_cast<double>(best)) / m_options.temperature);
}

TokenId Sampler::sample(std::span<const float> logits, std::span<const TokenId> history) {
    assert(!logits.empty());
    if (greedy() && !penalises())
        return greatest(logits);
    m_candidates.clear();
    m_candidates.reserve(logits.size());
    for (std::size_t i = 0; i < logits.size(); ++i)
        m_candidates.emplace_back(usable(logits[i]), static_cast<TokenId>(i));
    if (penalises())
        for (const TokenId id : history) {
            if (id < 0 || static_cast<std::size_t>(id) >= logits.size())
                continue;
            // Computed from the given logit, so that a token that occurs twice is penalised once.
            const auto index = static_cast<std::size_t>(id);
            m_candidates[index].first = penalised(usable(logits[index]));
        }
    return draw();
}

int Sampler::wanted(int vocabulary, std::span<const TokenId> history) const {
    const bool lifts = penalises() && m_options.repeatPenalty < 1;
    if (lifts || !(greedy() || m_options.topK > 0 || m_options.minP > 0))
        return vocabulary;
    const std::int64_t kept = greedy() ? 1 : m_options.topK > 0 ? m_options.topK : kPassingMinP;
    // Each token that sinks makes room for one from below.
    const std::int64_t sinking = penalises() ? static_cast<std::int64_t>(history.size()) : 0;
    return static_cast<int>(std::min<std::int64_t>(vocabulary, kept + sinking));
}

std::optional<TokenId> Sampler::sampleGreatest(std::span<const TokenId> ids, std::span<const float> logits,
                                               std::span<const TokenId> history) {
    assert(!ids.empty() && ids.size() == logits.size());
    // NaN would come first, and infinity is not itself in sample().
    if (!(logits.front() < std::numeric_limits<float>::max()))
        return std::nullopt;
    if (greedy() && !penalises())
        return ids.front();
    m_said.clear();
    if (penalises())
        m_said.assign(history.begin(), history.end());
    std::sort(m_said.begin(), m_said.end());
    m_candidates.clear();
    for (std::size_t i = 0; i < ids.size(); ++i) {
        const bool said = std::binary_search(m_said.begin(), m_said.end(), ids[i]);
        m_candidates.emplace_back(said ? penalised(logits[i]) : logits[i], ids[i]);
    }
    if (!greedy() && m_options.topK <= 0) {
        // What is not here is no greater than the last one: min-p cuts it too, if this one clearly is (exp is rounded).
        constexpr double kClearly = 1 - 1e-9;
        const float best = std::min_element(m_candidates.begin(), m_candidates.end(), ahead)->first;
        if (!(share(logits.back(), best) < m_options.minP * kClearly))
            return std::nullopt;
    }
    return draw();
}

TokenId Sampler::draw() {
    const Candidate best = *std::min_element(m_candidates.begin(), m_candidates.end(), ahead);
    if (greedy() || best.first == kLowest)
        return best.second;
    const auto weight = [&](float logit) { return share(logit, best.first); };

    auto end = m_candidates.end();
    if (m_options.topK > 0 && static_cast<std::size_t>(m_options.topK) < m_candidates.size()) {
        const auto cut = m_candidates.begin() + m_options.topK;
        std::nth_element(m_candidates.begin(), cut, m_candidates.end(), ahead);
        end = cut;
    }
    end = std::remove_if(m_candidates.begin(), end, [&](const Candidate& candidate) {
        const double relative = weight(candidate.first);
        return relative <= 0 || relative < m_options.minP;
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
