// Fields of llama, mistral, qwen2 and qwen3 configurations, with the names and defaults of Hugging Face's transformers.
#include "engine/model/json_config.h"

#include <array>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>

#include "engine/model/bounded_json.h"
#include "engine/model/config_checks.h"
#include "engine/model/quoted_name.h"

namespace engine {

namespace {

using Json = nlohmann::json;

/// Typed access that remembers the first thing that was wrong. Null counts as absent.
class JsonFields {
public:
    explicit JsonFields(const Json& object) : m_object(object) {}

    const Status& status() const { return m_status; }
    void fail(Status status) {
        if (m_status.ok())
            m_status = std::move(status);
    }
    void refuse(const std::string& name, const std::string& reason) {
        fail(Status(StatusCode::Refused, "config.json: field " + quotedName(name) + ": " + reason));
    }
    void unsupported(const std::string& name, const std::string& reason) {
        fail(Status(StatusCode::Unsupported, "config.json: field " + quotedName(name) + ": " + reason));
    }

    const Json* find(const char* name) const {
        const auto found = m_object.find(name);
        return found != m_object.end() && !found->is_null() ? &*found : nullptr;
    }
    int integer(const char* name, std::optional<std::int64_t> otherwise, int least, int most) {
        const Json* value = find(name);
        if (!value && !otherwise)
            refuse(name, "is missing");
        if (value && !value->is_number_integer())
            refuse(name, "is not an integer");
        if (!m_status.ok())
            return least;
        const bool tooGreat =
            value && value->is_number_unsigned() &&
            value->get<std::uint64_t>() > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
        const std::int64_t number = value && !tooGreat ? value->get<std::int64_t>() : otherwise.value_or(0);
        if (tooGreat || number < least || number > most) {
            refuse(name, "is " + (value ? value->dump() : std::to_string(number)) + ", allowed are " +
                             std::to_string(least) + " to " + std::to_string(most));
            return least;
        }
        return static_cast<int>(number);
    }
    double number(const char* name, std::optional<double> otherwise) {
        const Json* value = find(name);
        if (!value && !otherwise)
            refuse(name, "is missing");
        if (value && !value->is_number())
            refuse(name, "is not a number");
        if (!m_status.ok())
            return 0;
        const double result = value ? value->get<double>() : *otherwise;
        if (!std::isfinite(result))
            refuse(name, "is NaN or infinite");
        return result;
    }
    bool boolean(const char* name, bool otherwise) {
        const Json* value = find(name);
        if (value && !value->is_boolean())
            refuse(name, "is not a boolean");
        return value && value->is_boolean() ? value->get<bool>() : otherwise;
    }
    std::string text(const char* name, const std::string& otherwise) {
        const Json* value = find(name);
        if (value && !value->is_string())
            refuse(name, "is not a string");
        return value && value->is_string() ? value->get<std::string>() : otherwise;
    }

private:
    const Json& m_object;
    Status m_status;
};

/// Fields of variants that compute something else, and the value at which they do not.
struct NeutralField {
    const char* name;
    double neutral;
    const char* meaning;
};
constexpr std::array kNeutralFields = {
    NeutralField{"num_local_experts", 0, "mixture-of-experts models are not supported"},
    NeutralField{"num_experts", 0, "mixture-of-experts models are not supported"},
    NeutralField{"n_routed_experts", 0, "mixture-of-experts models are not supported"},
    NeutralField{"embedding_multiplier", 1, "scaled embeddings are not supported"},
    NeutralField{"residual_multiplier", 1, "scaled residuals are not supported"},
    NeutralField{"logits_scaling", 1, "scaled logits are not supported"},
    NeutralField{"logit_scale", 1, "scaled logits are not supported"},
    NeutralField{"attn_logit_softcapping", 0, "capped attention scores are not supported"},
    NeutralField{"final_logit_softcapping", 0, "capped logits are not supported"},
};

void checkVariants(JsonFields& fields) {
    for (const NeutralField& one : kNeutralFields) {
        if (fields.find(one.name) && fields.number(one.name, one.neutral) != one.neutral)
            fields.unsupported(one.name, one.meaning);
    }
    for (const char* name : {"attention_multiplier", "query_pre_attn_scalar", "attention_chunk_size"}) {
        if (fields.find(name))
            fields.unsupported(name, "another scaling or shape of attention is not supported");
    }
    if (fields.find("quantization_config"))
        fields.unsupported("quantization_config",
                           "weights quantised in safetensors are not supported; take a GGUF file of the model");
    const std::string activation = fields.text("hidden_act", "silu");
    if (activation != "silu")
        fields.unsupported("hidden_act", "activation " + quotedName(activation) + " is not supported (silu is)");
    if (fields.boolean("mlp_bias", false))
        fields.unsupported("mlp_bias", "a bias in the feed-forward part is not supported");
}

/// Window in tokens, 0 when no layer has one.
int slidingWindow(JsonFields& fields, const std::string& modelType, int layers) {
    if (!fields.find("sliding_window"))
        return 0;
    const int window = fields.integer("sliding_window", 0, 0, std::numeric_limits<int>::max());
    if (const Json* types = fields.find("layer_types"); types && types->is_array()) {
        for (const Json& type : *types) {
            if (!type.is_string() || type.get<std::string>() != "full_attention")
                return window;
        }
        return 0;
    }
    const bool qwen = modelType == "qwen2" || modelType == "qwen3";
    if (qwen && !fields.boolean("use_sliding_window", false))
        return 0;
    if (qwen && fields.find("max_window_layers") &&
        fields.integer("max_window_layers", 0, 0, std::numeric_limits<int>::max()) >= layers)
        return 0;
    return window;
}

void checkLayerTypes(JsonFields& fields) {
    const Json* types = fields.find("layer_types");
    if (!types)
        return;
    if (!types->is_array())
        fields.refuse("layer_types", "is not an array");
    for (const Json& type : *types) {
        const std::string name = type.is_string() ? type.get<std::string>() : "?";
        if (name != "full_attention" && !(name == "sliding_attention" && fields.find("sliding_window")))
            fields.unsupported("layer_types", "layers of kind " + quotedName(name) + " are not supported");
    }
}

void readYarn(JsonFields& scaling, RopeSettings& rope, int context) {
    rope.scaling.kind = RopeScalingKind::Yarn;
    rope.scaling.originalContext = scaling.number("original_max_position_embeddings", context);
    if (scaling.find("original_max_position_embeddings"))
        rope.extendedContext = rope.scaling.originalContext * rope.scaling.factor;
    rope.scaling.betaFast = scaling.number("beta_fast", 32);
    rope.scaling.betaSlow = scaling.number("beta_slow", 1);
    rope.scaling.roundRange = scaling.boolean("truncate", true);
    if (scaling.find("attention_factor")) {
        rope.scaling.magnitude = scaling.number("attention_factor", 1);
    } else if (const double scale = scaling.number("mscale", 0), all = scaling.number("mscale_all_dim", 0);
               scale != 0 && all != 0) {
        rope.scaling.magnitude = yarnMagnitude(rope.scaling.factor, scale) / yarnMagnitude(rope.scaling.factor, all);
    }
}

/// `rope_scaling` (or `rope_parameters`, which newer versions write with `rope_theta` in it).
void readRope(JsonFields& fields, RopeSettings& rope, int context) {
    rope.base = fields.number("rope_theta", 10000);
    const char* name = fields.find("rope_parameters") ? "rope_parameters" : "rope_scaling";
    const Json* object = fields.find(name);
    if (!object)
        return;
    if (!object->is_object()) {
        fields.refuse(name, "is not an object");
        return;
    }
    for (const Json& value : *object) {
        if (value.is_object())
            fields.unsupported(name, "RoPE that differs from layer to layer is not supported");
    }
    JsonFields scaling(*object);
    rope.base = scaling.number("rope_theta", rope.base);
    // Older configurations say "type".
    const std::string kind = scaling.text("rope_type", scaling.text("type", "default"));
    if (kind == "linear" || kind == "llama3" || kind == "yarn")
        rope.scaling.factor = scaling.number("factor", std::nullopt);
    if (kind == "linear") {
        rope.scaling.kind = rope.scaling.factor == 1 ? RopeScalingKind::None : RopeScalingKind::Linear;
    } else if (kind == "llama3") {
        rope.scaling.kind = RopeScalingKind::Llama3;
        rope.scaling.lowFrequencyFactor = scaling.number("low_freq_factor", std::nullopt);
        rope.scaling.highFrequencyFactor = scaling.number("high_freq_factor", std::nullopt);
        rope.scaling.originalContext = scaling.number("original_max_position_embeddings", std::nullopt);
    } else if (kind == "yarn") {
        readYarn(scaling, rope, context);
    } else if (kind != "default" && kind != "none") {
        const bool byLength = kind == "longrope" || kind == "su" || kind == "dynamic";
        scaling.fail(Status(
            StatusCode::Unsupported,
            "config.json: RoPE scaling " + quotedName(kind) + " is not supported" +
                (byLength ? ": its angles depend on the sequence's length, so that cached keys cannot be moved" : "")));
    }
    fields.fail(scaling.status());
}

std::vector<TokenId> endIds(JsonFields& fields) {
    std::vector<TokenId> ids;
    const Json* value = fields.find("eos_token_id");
    if (!value)
        return ids;
    const auto add = [&](const Json& one) {
        if (one.is_number_unsigned() && one.get<std::uint64_t>() < static_cast<std::uint64_t>(kMostPieces) &&
            ids.size() < 64)
            ids.push_back(static_cast<TokenId>(one.get<std::uint64_t>()));
        else
            fields.refuse("eos_token_id", "is not a token id or a short list of them");
    };
    if (value->is_array()) {
        for (const Json& one : *value)
            add(one);
    } else {
        add(*value);
    }
    return ids;
}

Result<std::string> architectureOf(JsonFields& fields) {
    const std::string modelType = fields.text("model_type", "");
    if (modelType.empty())
        fields.refuse("model_type", "is missing");
    if (!fields.status().ok())
        return fields.status();
    const std::string architecture = modelType == "mistral" ? "llama" : modelType;
    if (Status status = checkArchitecture(architecture); !status.ok())
        return status.withContext("config.json");
    return architecture;
}

}  // namespace

Result<JsonConfig> readJsonConfig(std::string_view text) {
    const Result<Json> parsed = parseBoundedJson(text, JsonBounds{.bytes = 1 << 20, .depth = 16});
    if (!parsed)
        return parsed.status().withContext("config.json");
    const Json& object = *parsed;
    if (!object.is_object())
        return Status(StatusCode::Refused, "config.json: is not a JSON object");
    JsonFields fields(object);
    Result<std::string> architecture = architectureOf(fields);
    if (!architecture)
        return architecture.status();

    JsonConfig config;
    ModelConfig& model = config.model;
    model.architecture = *architecture;
    checkVariants(fields);
    model.layers = fields.integer("num_hidden_layers", std::nullopt, 1, kMostLayers);
    model.hidden = fields.integer("hidden_size", std::nullopt, 1, kMostHidden);
    model.feedForward = fields.integer("intermediate_size", std::nullopt, 1, kMostFeedForward);
    model.heads = fields.integer("num_attention_heads", std::nullopt, 1, kMostHeads);
    model.kvHeads = fields.integer("num_key_value_heads", model.heads, 1, kMostHeads);
    model.vocabulary = fields.integer("vocab_size", std::nullopt, 1, kMostPieces);
    model.contextLength = fields.integer("max_position_embeddings", std::nullopt, 1, kMostContext);
    model.normEpsilon = static_cast<float>(fields.number("rms_norm_eps", std::nullopt));
    if (!fields.find("head_dim") && model.hidden % model.heads != 0)
        fields.refuse("num_attention_heads", std::to_string(model.heads) + " heads do not divide the hidden size of " +
                                                 std::to_string(model.hidden));
    model.headDim = fields.integer("head_dim", model.hidden / model.heads, 1, kMostHeadDim);
    model.tiedEmbeddings = fields.boolean("tie_word_embeddings", false);
    model.projectionBias = fields.boolean("attention_bias", false) || model.architecture == "qwen2";
    model.queryKeyNorm = model.architecture == "qwen3";

    RopeSettings rope;
    rope.pairing = RopePairing::HalfSplit;
    const double share = fields.number("partial_rotary_factor", 1);
    if (!(share > 0 && share <= 1))
        fields.refuse("partial_rotary_factor", "is not in (0, 1]");
    rope.dimensions = static_cast<int>(share * model.headDim);
    readRope(fields, rope, model.contextLength);
    checkLayerTypes(fields);
    rope.slidingWindow = slidingWindow(fields, fields.text("model_type", ""), model.layers);
    config.endIds = endIds(fields);
    if (!fields.status().ok())
        return fields.status();
    if (Status status = completeConfig(model, rope); !status.ok())
        return status.withContext("config.json");
    return config;
}

}  // namespace engine
