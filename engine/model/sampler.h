// Chooses the next token from logits.
#pragma once

#include <cstdint>
#include <random>
#include <span>
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

private:
    SamplingOptions m_options;
    std::mt19937_64 m_generator;
    std::vector<std::pair<float, TokenId>> m_candidates;  // scratch
};

}  // namespace engine
