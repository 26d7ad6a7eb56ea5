// Names, shapes, and the two-way check between what a model needs and what its file holds.
#include "engine/model/weight_layout.h"

#include <algorithm>
#include <array>
#include <map>
#include <string_view>
#include <unordered_map>

#include "engine/model/quoted_name.h"

namespace engine {

namespace {

struct RoleNames {
    TensorRole role;
    bool perLayer;
    const char* gguf;         // behind "blk.N." when per layer
    const char* safetensors;  // behind "model.layers.N." when per layer
};

constexpr std::array kRoles = {
    RoleNames{TensorRole::TokenEmbedding, false, "token_embd.weight", "model.embed_tokens.weight"},
    RoleNames{TensorRole::OutputNorm, false, "output_norm.weight", "model.norm.weight"},
    RoleNames{TensorRole::Output, false, "output.weight", "lm_head.weight"},
    RoleNames{TensorRole::AttentionNorm, true, "attn_norm.weight", "input_layernorm.weight"},
    RoleNames{TensorRole::Query, true, "attn_q.weight", "self_attn.q_proj.weight"},
    RoleNames{TensorRole::Key, true, "attn_k.weight", "self_attn.k_proj.weight"},
    RoleNames{TensorRole::Value, true, "attn_v.weight", "self_attn.v_proj.weight"},
    RoleNames{TensorRole::QueryBias, true, "attn_q.bias", "self_attn.q_proj.bias"},
    RoleNames{TensorRole::KeyBias, true, "attn_k.bias", "self_attn.k_proj.bias"},
    RoleNames{TensorRole::ValueBias, true, "attn_v.bias", "self_attn.v_proj.bias"},
    RoleNames{TensorRole::QueryNorm, true, "attn_q_norm.weight", "self_attn.q_norm.weight"},
    RoleNames{TensorRole::KeyNorm, true, "attn_k_norm.weight", "self_attn.k_norm.weight"},
    RoleNames{TensorRole::AttentionOutput, true, "attn_output.weight", "self_attn.o_proj.weight"},
    RoleNames{TensorRole::FeedForwardNorm, true, "ffn_norm.weight", "post_attention_layernorm.weight"},
    RoleNames{TensorRole::Gate, true, "ffn_gate.weight", "mlp.gate_proj.weight"},
    RoleNames{TensorRole::Up, true, "ffn_up.weight", "mlp.up_proj.weight"},
    RoleNames{TensorRole::Down, true, "ffn_down.weight", "mlp.down_proj.weight"},
};

const RoleNames& namesOf(TensorRole role) { return kRoles[static_cast<std::size_t>(role)]; }

bool isNeeded(const ModelConfig& config, TensorRole role) {
    switch (role) {
        case TensorRole::Output:
            return !config.tiedEmbeddings;
        case TensorRole::QueryBias:
        case TensorRole::KeyBias:
        case TensorRole::ValueBias:
            return config.projectionBias;
        case TensorRole::QueryNorm:
        case TensorRole::KeyNorm:
            return config.queryKeyNorm;
        default:
            return true;
    }
}

/// Endings of tensors that other variants of the architectures have.
struct Variant {
    std::string_view ending;
    std::string_view reason;
};
constexpr std::array kVariants = {
    Variant{"attn_output.bias", "a bias of the attention's output is not supported"},
    Variant{"o_proj.bias", "a bias of the attention's output is not supported"},
    Variant{"ffn_gate.bias", "a bias in the feed-forward part is not supported"},
    Variant{"ffn_up.bias", "a bias in the feed-forward part is not supported"},
    Variant{"ffn_down.bias", "a bias in the feed-forward part is not supported"},
    Variant{"gate_proj.bias", "a bias in the feed-forward part is not supported"},
    Variant{"up_proj.bias", "a bias in the feed-forward part is not supported"},
    Variant{"down_proj.bias", "a bias in the feed-forward part is not supported"},
    Variant{"ffn_gate_inp.weight", "mixture-of-experts models are not supported"},
    Variant{"mlp.gate.weight", "mixture-of-experts models are not supported"},
    Variant{"attn_sinks.weight", "attention sinks are not supported"},
    Variant{"attn_qkv.weight", "fused query, key and value matrices are not supported"},
    Variant{"qkv_proj.weight", "fused query, key and value matrices are not supported"},
    Variant{"rope_factors_long.weight", "longrope is not supported: its angles depend on the sequence's length"},
    Variant{"rope_factors_short.weight", "longrope is not supported: its angles depend on the sequence's length"},
};

/// Tensors that change no result: frequencies are read with the configuration, inv_freq repeats it, a tied head is not used.
bool isWithoutEffect(const ModelConfig& config, WeightFormat format, std::string_view name) {
    if (format == WeightFormat::Gguf)
        return name == "rope_freqs.weight";
    return name.ends_with(".rotary_emb.inv_freq") || (config.tiedEmbeddings && name == "lm_head.weight");
}

Status surplus(const ModelConfig& config, std::string_view name) {
    const std::string where = "tensor " + quotedName(name) + ": ";
    for (const Variant& variant : kVariants) {
        if (name.ends_with(variant.ending))
            return Status(StatusCode::Unsupported, where + std::string(variant.reason));
    }
    return Status(StatusCode::Refused, where + "is surplus: a " + config.architecture + " model of " +
                                           std::to_string(config.layers) + " layers has no such tensor");
}

std::string shapeText(const std::vector<std::int64_t>& shape) {
    std::string text = "[";
    for (const std::int64_t extent : shape)
        text += (text.size() > 1 ? ", " : "") + std::to_string(extent);
    return text + "]";
}

Status checkShape(const StoredTensor& tensor, const TensorExtents& wanted) {
    std::vector<std::int64_t> shape = tensor.shape;
    const std::size_t rank = wanted.rows == 1 ? 1 : 2;
    while (shape.size() > rank && shape.front() == 1)
        shape.erase(shape.begin());
    std::vector<std::int64_t> expected = {wanted.columns};
    if (rank == 2)
        expected.insert(expected.begin(), wanted.rows);
    if (shape != expected)
        return Status(StatusCode::Refused, "tensor " + quotedName(tensor.name) + ": its shape is " +
                                               shapeText(tensor.shape) + ", the hyper-parameters demand " +
                                               shapeText(expected));
    return {};
}

std::int64_t elementsOf(const StoredTensor& tensor) {
    std::int64_t count = 1;
    for (const std::int64_t extent : tensor.shape)
        count *= extent;
    return count;
}

}  // namespace

std::string tensorName(WeightFormat format, TensorRole role, int layer) {
    const RoleNames& names = namesOf(role);
    const bool gguf = format == WeightFormat::Gguf;
    const char* name = gguf ? names.gguf : names.safetensors;
    if (!names.perLayer)
        return name;
    return (gguf ? "blk." : "model.layers.") + std::to_string(layer) + "." + name;
}

TensorExtents tensorExtents(const ModelConfig& config, TensorRole role) {
    const int queryColumns = config.heads * config.headDim;
    const int keyColumns = config.kvHeads * config.headDim;
    switch (role) {
        case TensorRole::TokenEmbedding:
        case TensorRole::Output:
            return {config.vocabulary, config.hidden};
        case TensorRole::OutputNorm:
        case TensorRole::AttentionNorm:
        case TensorRole::FeedForwardNorm:
            return {1, config.hidden};
        case TensorRole::Query:
            return {queryColumns, config.hidden};
        case TensorRole::Key:
        case TensorRole::Value:
            return {keyColumns, config.hidden};
        case TensorRole::QueryBias:
            return {1, queryColumns};
        case TensorRole::KeyBias:
        case TensorRole::ValueBias:
            return {1, keyColumns};
        case TensorRole::QueryNorm:
        case TensorRole::KeyNorm:
            return {1, config.headDim};
        case TensorRole::AttentionOutput:
            return {config.hidden, queryColumns};
        case TensorRole::Gate:
        case TensorRole::Up:
            return {config.feedForward, config.hidden};
        case TensorRole::Down:
            return {config.hidden, config.feedForward};
    }
    return {0, 0};
}

Result<WeightLayout> WeightLayout::create(const ModelConfig& config, WeightFormat format,
                                          std::vector<StoredTensor> tensors) {
    // Bounds the loops below: each layer has at least nine tensors.
    if (static_cast<std::size_t>(config.layers) > tensors.size())
        return Status(StatusCode::Refused, "declares " + std::to_string(config.layers) + " layers but holds only " +
                                               std::to_string(tensors.size()) + " tensors");
    std::unordered_map<std::string_view, std::size_t> indexOf;
    for (std::size_t i = 0; i < tensors.size(); ++i) {
        if (!indexOf.emplace(tensors[i].name, i).second)
            return Status(StatusCode::Refused, "tensor " + quotedName(tensors[i].name) + ": appears twice");
    }

    std::vector<std::optional<std::size_t>> chosen(static_cast<std::size_t>(config.layers) * kRoles.size());
    std::vector<bool> used(tensors.size());
    std::string firstMissing;
    for (int layer = 0; layer < config.layers; ++layer) {
        for (const RoleNames& names : kRoles) {
            if (!isNeeded(config, names.role) || (!names.perLayer && layer > 0))
                continue;
            const std::string name = tensorName(format, names.role, layer);
            const auto found = indexOf.find(name);
            if (found == indexOf.end()) {
                if (firstMissing.empty())
                    firstMissing = name;
                continue;
            }
            if (Status status = checkShape(tensors[found->second], tensorExtents(config, names.role)); !status.ok())
                return status;
            used[found->second] = true;
            chosen[static_cast<std::size_t>(layer) * kRoles.size() + static_cast<std::size_t>(names.role)] = found->second;
        }
    }
    // A surplus tensor often says why another one is missing (a fused matrix), so that it is reported first when it does.
    for (std::size_t i = 0; i < tensors.size(); ++i) {
        if (used[i] || isWithoutEffect(config, format, tensors[i].name))
            continue;
        const Status status = surplus(config, tensors[i].name);
        if (firstMissing.empty() || status.code() == StatusCode::Unsupported)
            return status;
    }
    if (!firstMissing.empty())
        return Status(StatusCode::Refused, "tensor " + quotedName(firstMissing) +
                                               ": is missing, though the model declares " + std::to_string(config.layers) +
                                               " layers of kind " + config.architecture);

    WeightLayout layout;
    layout.m_tensors.resize(chosen.size());
    std::map<WeightType, std::int64_t> elementsOfType;
    for (std::size_t i = 0; i < chosen.size(); ++i) {
        if (!chosen[i])
            continue;
        StoredTensor& tensor = tensors[*chosen[i]];
        const std::int64_t elements = elementsOf(tensor);
        layout.m_weightBytes += tensor.bytes;
        layout.m_parameters += elements;
        elementsOfType[tensor.type] += elements;
        layout.m_tensors[i] = std::move(tensor);
    }
    layout.m_dominantType = std::max_element(elementsOfType.begin(), elementsOfType.end(), [](const auto& a, const auto& b) {
                                return a.second < b.second;
                            })->first;
    return layout;
}

const StoredTensor* WeightLayout::find(TensorRole role, int layer) const {
    const int row = namesOf(role).perLayer ? layer : 0;
    const std::size_t layers = m_tensors.size() / kRoles.size();
    if (row < 0 || static_cast<std::size_t>(row) >= layers)
        return nullptr;
    const auto& slot = m_tensors[static_cast<std::size_t>(row) * kRoles.size() + static_cast<std::size_t>(role)];
    return slot ? &*slot : nullptr;
}

}  // namespace engine
