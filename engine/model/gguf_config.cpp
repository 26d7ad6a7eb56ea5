// Keys of llama, qwen2 and qwen3 files.
#include "engine/model/gguf_config.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string>

#include "engine/model/config_checks.h"
#include "engine/model/quoted_name.h"

namespace engine {

namespace {

// Behind the architecture's name and a dot. Those that are read below, and those that change nothing.
constexpr std::array<std::string_view, 30> kKnownKeys = {"block_count",
                                                         "context_length",
                                                         "embedding_length",
                                                         "feed_forward_length",
                                                         "vocab_size",
                                                         "attention.head_count",
                                                         "attention.head_count_kv",
                                                         "attention.key_length",
                                                         "attention.value_length",
                                                         "attention.layer_norm_rms_epsilon",
                                                         "attention.layer_norm_epsilon",
                                                         "attention.sliding_window",
                                                         "rope.dimension_count",
                                                         "rope.freq_base",
                                                         "rope.scale_linear",
                                                         "rope.scaling.type",
                                                         "rope.scaling.factor",
                                                         "rope.scaling.attn_factor",
                                                         "rope.scaling.original_context_length",
                                                         "rope.scaling.finetuned",
                                                         "rope.scaling.yarn_ext_factor",
                                                         "rope.scaling.yarn_attn_factor",
                                                         "rope.scaling.yarn_beta_fast",
                                                         "rope.scaling.yarn_beta_slow",
                                                         "rope.scaling.yarn_log_multiplier",
                                                         "attention.causal",
                                                         "attention.scale",
                                                         "use_parallel_residual",
                                                         "tensor_data_layout",
                                                         "pooling_type"};

/// Keys of variants, and the values at which they change nothing.
struct NeutralKey {
    std::string_view key;
    double neutral;
    double alsoNeutral;
    std::string_view meaning;
};
constexpr std::array kNeutralKeys = {
    NeutralKey{"expert_count", 0, 0, "mixture-of-experts models are not supported"},
    NeutralKey{"expert_used_count", 0, 0, "mixture-of-experts models are not supported"},
    NeutralKey{"expert_shared_count", 0, 0, "mixture-of-experts models are not supported"},
    NeutralKey{"logit_scale", 0, 1, "scaled logits are not supported"},
    NeutralKey{"embedding_scale", 0, 1, "scaled embeddings are not supported"},
    NeutralKey{"residual_scale", 0, 1, "scaled residuals are not supported"},
    NeutralKey{"attn_logit_softcapping", 0, 0, "capped attention scores are not supported"},
    NeutralKey{"final_logit_softcapping", 0, 0, "capped logits are not supported"},
    NeutralKey{"attention.clamp_kqv", 0, 0, "clamped queries, keys and values are not supported"},
    NeutralKey{"attention.max_alibi_bias", 0, 0, "ALiBi positions are not supported"},
    NeutralKey{"attention.temperature_scale", 0, 0, "attention temperatures by position are not supported"},
};

void checkVariantKeys(GgufFields& fields, const std::string& architecture) {
    // In the order of the names, so that a file with several always gives the same reason.
    std::vector<std::string> keys;
    for (const auto& entry : fields.header().values) {
        if (entry.first.starts_with(architecture + "."))
            keys.push_back(entry.first);
    }
    std::sort(keys.begin(), keys.end());
    for (const std::string& key : keys) {
        const std::string_view name = std::string_view(key).substr(architecture.size() + 1);
        if (std::find(kKnownKeys.begin(), kKnownKeys.end(), name) != kKnownKeys.end())
            continue;
        const auto neutral =
            std::find_if(kNeutralKeys.begin(), kNeutralKeys.end(), [&](const NeutralKey& one) { return one.key == name; });
        if (neutral == kNeutralKeys.end()) {
            fields.fail(Status(StatusCode::Unsupported,
                               "key " + quotedName(key) + ": is unknown and may change what the model computes"));
            return;
        }
        const GgufType type = fields.header().values.at(key).type;
        const bool isFloat = type == GgufType::Float32 || type == GgufType::Float64;
        const std::optional<double> value = isFloat ? fields.number(key) : [&]() -> std::optional<double> {
            const std::optional<std::int64_t> integer = fields.integer(key);
            return integer ? std::optional(static_cast<double>(*integer)) : std::nullopt;
        }();
        if (value && *value != neutral->neutral && *value != neutral->alsoNeutral)
            fields.fail(Status(StatusCode::Unsupported, "key " + quotedName(key) + ": is " + shortNumber(*value) + "; " +
                                                            std::string(neutral->meaning)));
    }
}

void checkNeutralFlags(GgufFields& fields, const std::string& prefix, int headDim) {
    if (!fields.boolean(prefix + "attention.causal").value_or(true))
        fields.fail(Status(StatusCode::Unsupported, "key " + quotedName(prefix + "attention.causal") +
                                                        ": is false; only causal attention is supported"));
    if (fields.boolean(prefix + "use_parallel_residual").value_or(false))
        fields.fail(Status(StatusCode::Unsupported, "key " + quotedName(prefix + "use_parallel_residual") +
                                                        ": is true; parallel residuals are not supported"));
    const double scale = fields.number(prefix + "attention.scale").value_or(0);
    const double usual = 1 / std::sqrt(static_cast<double>(headDim));
    if (scale != 0 && std::abs(scale - usual) > 1e-6 * usual)
        fields.fail(Status(StatusCode::Unsupported, "key " + quotedName(prefix + "attention.scale") + ": is " +
                                                        shortNumber(scale) + ", supported is only 1/sqrt(head dimension)"));
    if (fields.integer(prefix + "pooling_type").value_or(0) != 0)
        fields.fail(Status(StatusCode::Unsupported, "key " + quotedName(prefix + "pooling_type") +
                                                        ": is set; this is an embedding model, not a text generator"));
    const std::optional<std::string> layout = fields.text(prefix + "tensor_data_layout");
    if (layout && *layout != "Meta AI original pth")
        fields.fail(Status(StatusCode::Unsupported, "key " + quotedName(prefix + "tensor_data_layout") + ": layout " +
                                                        quotedName(*layout) + " is unknown"));
}

void readScaling(GgufFields& fields, const std::string& prefix, int context, RopeSettings& rope) {
    RopeScaling& scaling = rope.scaling;
    const std::string key = prefix + "rope.scaling.";
    const std::optional<std::string> type = fields.text(key + "type");
    const double factor = fields.number(key + "factor").value_or(fields.number(prefix + "rope.scale_linear").value_or(0));
    // A factor without a type means linear; factor 0 means none.
    const std::string kind = type.value_or(factor == 0 ? "none" : "linear");
    scaling.factor = factor == 0 ? 1 : factor;
    if (kind == "none") {
        scaling.factor = 1;
    } else if (kind == "linear") {
        scaling.kind = scaling.factor == 1 ? RopeScalingKind::None : RopeScalingKind::Linear;
    } else if (kind == "yarn") {
        scaling.kind = RopeScalingKind::Yarn;
        const std::optional<std::int64_t> original = fields.integer(key + "original_context_length");
        scaling.originalContext = static_cast<double>(original.value_or(context));
        rope.extendedContext = original ? scaling.originalContext * scaling.factor : 0;
        scaling.betaFast = fields.number(key + "yarn_beta_fast").value_or(32);
        scaling.betaSlow = fields.number(key + "yarn_beta_slow").value_or(1);
        const double attention =
            fields.number(key + "attn_factor").value_or(fields.number(key + "yarn_attn_factor").value_or(1));
        scaling.magnitude = attention * yarnMagnitude(scaling.factor, 1);
        if (fields.number(key + "yarn_ext_factor").value_or(1) != 1)
            fields.fail(
                Status(StatusCode::Unsupported, "key " + quotedName(key + "yarn_ext_factor") + ": only 1 is supported"));
        if (fields.number(key + "yarn_log_multiplier").value_or(0) != 0)
            fields.fail(
                Status(StatusCode::Unsupported, "key " + quotedName(key + "yarn_log_multiplier") + ": only 0 is supported"));
    } else {
        const bool byLength = kind == "longrope" || kind == "dynamic" || kind == "su";
        fields.fail(Status(
            StatusCode::Unsupported,
            "RoPE scaling " + quotedName(kind) + " is not supported" +
                (byLength ? ": its angles depend on the sequence's length, so that cached keys cannot be moved" : "")));
    }
    if (!scaling.pairDivisors.empty() && scaling.kind == RopeScalingKind::Yarn)
        fields.fail(Status(StatusCode::Unsupported, "YaRN together with rope_freqs.weight is not supported"));
}

}  // namespace

Result<ModelConfig> readGgufConfig(GgufFields& fields, std::vector<float> pairDivisors) {
    ModelConfig config;
    const std::optional<std::string> architecture = fields.text("general.architecture");
    if (!architecture)
        fields.refuse("general.architecture", "is missing");
    const std::string type = fields.text("general.type").value_or("model");
    if (!fields.status().ok())
        return fields.status();
    if (type != "model")
        return Status(StatusCode::Unsupported, "the file is of type " + quotedName(type) + ", not a model");
    if (Status status = checkArchitecture(*architecture); !status.ok())
        return status;
    config.architecture = *architecture;
    config.name = displayLine(fields.text("general.name").value_or(""));

    checkVariantKeys(fields, config.architecture);
    const std::string prefix = config.architecture + ".";
    config.layers = fields.required(prefix + "block_count", 1, kMostLayers);
    config.hidden = fields.required(prefix + "embedding_length", 1, kMostHidden);
    config.feedForward = fields.required(prefix + "feed_forward_length", 1, kMostFeedForward);
    config.contextLength = fields.required(prefix + "context_length", 1, kMostContext);
    config.heads = fields.required(prefix + "attention.head_count", 1, kMostHeads);
    config.kvHeads = config.heads;
    if (fields.has(prefix + "attention.head_count_kv"))
        config.kvHeads = fields.required(prefix + "attention.head_count_kv", 1, kMostHeads);
    if (fields.has(prefix + "attention.key_length")) {
        config.headDim = fields.required(prefix + "attention.key_length", 1, kMostHeadDim);
    } else if (config.hidden % config.heads != 0) {
        fields.refuse(
            prefix + "attention.head_count",
            std::to_string(config.heads) + " heads do not divide the embedding of " + std::to_string(config.hidden));
    } else {
        config.headDim = fields.inRange("head dimension", config.hidden / config.heads, 1, kMostHeadDim);
    }
    if (fields.integer(prefix + "attention.value_length").value_or(config.headDim) != config.headDim)
        fields.fail(Status(StatusCode::Unsupported, "key " + quotedName(prefix + "attention.value_length") +
                                                        ": values of another length than keys are not supported"));
    const std::optional<double> epsilon = fields.number(prefix + "attention.layer_norm_rms_epsilon");
    if (!epsilon)
        fields.refuse(prefix + "attention.layer_norm_rms_epsilon", "is missing");
    config.normEpsilon = static_cast<float>(epsilon.value_or(0));
    checkNeutralFlags(fields, prefix, config.headDim);

    RopeSettings rope;
    // Converters permute llama's rows of q and k so that pairs are neighbours; the qwen models are left as they are.
    rope.pairing = config.architecture == "llama" ? RopePairing::Interleaved : RopePairing::HalfSplit;
    rope.dimensions =
        fields.inRange(prefix + "rope.dimension_count",
                       fields.integer(prefix + "rope.dimension_count").value_or(config.headDim), 2, kMostHeadDim);
    rope.base = fields.number(prefix + "rope.freq_base").value_or(10000);
    rope.scaling.pairDivisors = std::move(pairDivisors);
    readScaling(fields, prefix, config.contextLength, rope);
    rope.slidingWindow =
        fields.inRange(prefix + "attention.sliding_window", fields.integer(prefix + "attention.sliding_window").value_or(0),
                       0, std::numeric_limits<int>::max());
    config.queryKeyNorm = config.architecture == "qwen3";
    if (!fields.status().ok())
        return fields.status();
    if (Status status = completeConfig(config, rope); !status.ok())
        return status;
    return config;
}

}  // namespace engine
