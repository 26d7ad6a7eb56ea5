// Chooses the next token from logits.
#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <span>
#include <utility>
#include <vector>

#include "engine/types.h"

namespace engine {

/// Order: repeat penalty → temperature → top-k → min-p → top-p → draw. Temperature 0 = greedy (ties: lower id). Same seed and
/// logits = same tokens, on every platform (own use of the generator's bits, not std::discrete_distribution).
class Sampler {
public:
    explicit Sampler(const SamplingOptions& options);

    /// `logits`: [V]; `history`: tokens that the repeat penalty looks at (the answer so far).
    TokenId sample(std::span<const float> logits, std::span<const TokenId> history);

    /// How many of the greatest logits tell what sample() draws of all `vocabulary`: 1 when greedy, the top k, some more for what the
    /// penalty may push down. All of them where nothing but top-p cuts (its share is of the whole), and for a penalty below 1,
    /// which lifts tokens from anywhere.
    int wanted(int vocabulary, std::span<const TokenId> history) const;
    /// What sample() of all logits draws, from the `wanted` greatest, in order (equals: lower id first). None when they do not tell: a
    /// logit is not finite, or the cut of min-p lies deeper. Nothing has been drawn then: call sample() with all.
    std::optional<TokenId> sampleGreatest(std::span<const TokenId> ids, std::span<const float> logits,
                                          std::span<const TokenId> history);

private:
    using Candidate = std::pair<float, TokenId>;

    bool greedy() const { return !(m_options.temperature > 0); }
    bool penalises() const;
    float penalised(float logit) const;
    /// A logit's probability relative to the best one's, in [0, 1].
    double share(float logit, float best) const;
    /// From m_candidates, which the penalty has seen.
    TokenId draw();

    SamplingOptions m_options;
    std::mt19937_64 m_generator;
    std::vector<Candidate> m_candidates;  // scratch
    TokenIds m_said;                      // scratch: the history's ids, ascending
};

}  // namespace engine
