// Draws the next token from logits where they were computed.
#pragma once

#include <span>
#include <vector>

#include "engine/backend/backend.h"
#include "engine/model/sampler.h"

namespace engine {

/// A sampler that takes from a device only what it needs of the logits: the greatest ones where they tell what would be drawn of all,
/// else all. In host memory they are read in place. The tokens are Sampler's. One thread.
class DeviceSampler {
public:
    explicit DeviceSampler(const SamplingOptions& options) : m_sampler(options) {}

    /// Of logits on the host, [V].
    TokenId sample(std::span<const float> logits, std::span<const TokenId> history) {
        return m_sampler.sample(logits, history);
    }
    /// `logits`: [1, V] f32 on `backend`.
    TokenId sample(Backend& backend, TensorView logits, std::span<const TokenId> history);

private:
    Sampler m_sampler;
    TokenIds m_ids;  // scratch
    std::vector<float> m_logits;
};

}  // namespace engine
