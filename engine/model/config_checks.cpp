// What makes hyper-parameters consistent, and which architectures are refused and why.
#include "engine/model/config_checks.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "engine/model/quoted_name.h"

namespace engine {

namespace {

struct Family {
    std::string_view part;  // of the architecture's name
    std::string_view reason;
};

// The first that fits gives the reason.
constexpr std::array kFamilies = {
    Family{"moe", "mixture-of-experts models are not supported"},
    Family{"mixtral", "mixture-of-experts models are not supported"},
    Family{"deepseek", "latent attention and mixtures of experts are not supported"},
    Family{"mamba", "a recurrent state cannot be cut into chunks and blended"},
    Family{"rwkv", "a recurrent state cannot be cut into chunks and blended"},
    Family{"jamba", "a recurrent state cannot be cut into chunks and blended"},
    Family{"falcon-h1", "a recurrent state cannot be cut into chunks and blended"},
    Family{"falcon_h1", "a recurrent state cannot be cut into chunks and blended"},
    Family{"qwen3next", "a recurrent state cannot be cut into chunks and blended"},
    Family{"gemma", "sliding-window layers and capped scores are not supported"},
    Family{"bert", "it is an encoder, not a text generator"},
    Family{"t5", "it is an encoder, not a text generator"},
    Family{"phi3", "fused projections and longrope are not supported"},
    Family{"vl", "models that read images are not supported"},
    Family{"granite", "scaled embeddings, residuals and logits are not supported"},
    Family{"gpt2", "learned positions cannot be moved"},
    Family{"bloom", "ALiBi positions are not supported"},
    Family{"mpt", "ALiBi positions are not supported"},
};

Status refused(const std::string& message) { return Status(StatusCode::Refused, message); }

}  // namespace

Status checkArchitecture(std::string_view architecture) {
    if (architecture == "llama" || architecture == "qwen2" || architecture == "qwen3")
        return {};
    std::string message = "architecture " + quotedName(architecture) + " is not supported";
    for (const Family& family : kFamilies) {
        if (architecture.find(family.part) != std::string_view::npos) {
            message += ": " + std::string(family.reason);
            break;
        }
    }
    return Status(StatusCode::Unsupported, message + "; supported are llama (with Mistral, Yi, SmolLM2), qwen2 and qwen3");
}

Status completeConfig(ModelConfig& config, const RopeSettings& rope) {
    if (config.heads % config.kvHeads != 0)
        return refused(std::to_string(config.kvHeads) + " KV heads do not divide the " + std::to_string(config.heads) +
                       " heads");
    if (config.headDim % 2 != 0)
        return refused("head dimension " + std::to_string(config.headDim) + " is not even");
    if (!std::isfinite(config.normEpsilon) || config.normEpsilon <= 0 || config.normEpsilon > 1)
        return refused("the norms' epsilon " + shortNumber(static_cast<double>(config.normEpsilon)) + " is not in (0, 1]");
    if (rope.dimensions > config.headDim)
        return refused("RoPE dimension " + std::to_string(rope.dimensions) + " exceeds the head dimension " +
                       std::to_string(config.headDim));
    Result<RopeSpec> spec = makeRopeSpec(rope.pairing, rope.dimensions, rope.base, rope.scaling);
    if (!spec)
        return spec.status();
    config.rope = std::move(*spec);
    config.ropeDescription = describeRope(rope.pairing, rope.dimensions, config.headDim, rope.base, rope.scaling);
    // Configurations often keep the length before the extension as the context length.
    if (rope.extendedContext > config.contextLength)
        config.contextLength = static_cast<int>(std::min<double>(rope.extendedContext, kMostContext));
    if (rope.slidingWindow > 0 && rope.slidingWindow < config.contextLength) {
        config.ropeDescription += "; context limited from " + std::to_string(config.contextLength) +
                                  " tokens to the sliding window of " + std::to_string(rope.slidingWindow);
        config.contextLength = rope.slidingWindow;
    }
    return {};
}

}  // namespace engine
