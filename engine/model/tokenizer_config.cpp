// Reads tokenizer_config.json (Hugging Face) and applies it to a vocabulary.
#include "engine/model/tokenizer_config.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "engine/model/bounded_json.h"
#include "engine/model/end_tokens.h"
#include "engine/model/quoted_name.h"

namespace engine {

namespace {

using nlohmann::json;

constexpr std::size_t kMostTemplateBytes = std::size_t{1} << 20;
constexpr std::size_t kMostPieces = std::size_t{1} << 20;

Status refused(const std::string& why) { return Status(StatusCode::Refused, "tokenizer_config.json: " + why); }

/// A token is written as its text, or as an object with `content`; null = none.
Status readToken(const json& root, const char* name, std::optional<std::string>& token) {
    const auto field = root.find(name);
    if (field == root.end() || field->is_null())
        return Status();
    if (field->is_string()) {
        token = field->get<std::string>();
        return Status();
    }
    if (field->is_object() && field->contains("content") && field->at("content").is_string()) {
        token = field->at("content").get<std::string>();
        return Status();
    }
    return refused(std::string(name) + " is neither a text nor an object with a content");
}

/// A text, or a list of named ones of which "default" is taken.
Status readTemplate(const json& root, std::string& chatTemplate) {
    const auto field = root.find("chat_template");
    if (field == root.end() || field->is_null())
        return Status();
    if (field->is_string())
        chatTemplate = field->get<std::string>();
    if (field->is_array()) {
        for (const json& entry : *field) {
            if (entry.is_object() && entry.value("name", json()) == "default" && entry.value("template", json()).is_string())
                chatTemplate = entry.at("template").get<std::string>();
        }
    }
    if (!field->is_string() && !field->is_array())
        return refused("chat_template is neither a text nor a list");
    if (chatTemplate.size() > kMostTemplateBytes)
        return refused("chat_template has " + std::to_string(chatTemplate.size()) + " bytes; at most 1 MiB is allowed");
    return Status();
}

/// added_tokens_decoder: {"32000": {"content": "<|im_end|>", "special": true}}.
Status readAdded(const json& root, std::vector<AddedToken>& added) {
    const auto field = root.find("added_tokens_decoder");
    if (field == root.end() || field->is_null())
        return Status();
    if (!field->is_object())
        return refused("added_tokens_decoder is no object");
    for (const auto& [key, entry] : field->items()) {
        const bool digits = !key.empty() && key.size() <= 7 && key.find_first_not_of("0123456789") == std::string::npos;
        if (!digits || !entry.is_object() || !entry.value("content", json()).is_string())
            return refused("added_tokens_decoder: entry " + quotedName(key) + " is not an id with a content");
        const json special = entry.value("special", json(false));
        if (!special.is_boolean())
            return refused("added_tokens_decoder: special of entry " + quotedName(key) + " is neither true nor false");
        added.push_back({std::stoi(key), entry.at("content").get<std::string>(), special.get<bool>()});
    }
    return Status();
}

std::optional<TokenId> idOf(const Vocabulary& vocabulary, std::string_view piece) {
    const auto found = std::find(vocabulary.pieces.begin(), vocabulary.pieces.end(), piece);
    if (found == vocabulary.pieces.end())
        return std::nullopt;
    return static_cast<TokenId>(found - vocabulary.pieces.begin());
}

}  // namespace

Result<TokenizerConfig> readTokenizerConfig(std::string_view text) {
    TokenizerConfig config;
    if (text.empty())
        return config;
    Result<json> parsed = parseBoundedJson(text, {std::size_t{16} << 20, 32});
    if (!parsed.ok())
        return parsed.status().withContext("tokenizer_config.json");
    const json& root = *parsed;
    if (!root.is_object())
        return refused("is no object");
    if (const auto field = root.find("add_bos_token"); field != root.end() && !field->is_null()) {
        if (!field->is_boolean())
            return refused("add_bos_token is neither true nor false");
        config.addBos = field->get<bool>();
    }
    if (Status status = readToken(root, "bos_token", config.bos); !status.ok())
        return status;
    if (Status status = readToken(root, "eos_token", config.eos); !status.ok())
        return status;
    if (Status status = readTemplate(root, config.chatTemplate); !status.ok())
        return status;
    if (Status status = readAdded(root, config.added); !status.ok())
        return status;
    return config;
}

Status addTokens(std::vector<AddedToken> added, Vocabulary& vocabulary) {
    const auto refusedToken = [](const AddedToken& token, const std::string& why) {
        return Status(StatusCode::Refused,
                      "added token " + quotedName(token.text) + ": id " + std::to_string(token.id) + " " + why);
    };
    std::stable_sort(added.begin(), added.end(), [](const AddedToken& a, const AddedToken& b) { return a.id < b.id; });
    for (AddedToken& token : added) {
        const std::size_t id = static_cast<std::size_t>(token.id);
        if (token.id < 0 || id > vocabulary.pieces.size() || id >= kMostPieces)
            return refusedToken(
                token, "does not follow the vocabulary's last, " + std::to_string(vocabulary.pieces.size()) + " pieces");
        const PieceType type = token.special ? PieceType::Control : PieceType::UserDefined;
        if (id < vocabulary.pieces.size()) {
            if (vocabulary.pieces[id] != token.text)
                return refusedToken(token, "is the piece " + quotedName(vocabulary.pieces[id]));
            if (vocabulary.types[id] == PieceType::Normal || vocabulary.types[id] == PieceType::UserDefined)
                vocabulary.types[id] = type;
            continue;
        }
        vocabulary.pieces.push_back(std::move(token.text));
        vocabulary.types.push_back(type);
        if (!vocabulary.scores.empty())
            vocabulary.scores.push_back(0);
    }
    return Status();
}

Status applyTokenizerConfig(const TokenizerConfig& config, Vocabulary& vocabulary) {
    const auto missing = [](const char* name, const std::string& token) {
        return refused(std::string(name) + " " + quotedName(token) + " is no piece of the vocabulary");
    };
    if (config.bos) {
        vocabulary.bos = idOf(vocabulary, *config.bos);
        if (!vocabulary.bos)
            return missing("bos_token", *config.bos);
    }
    if (config.eos) {
        vocabulary.eos = idOf(vocabulary, *config.eos);
        if (!vocabulary.eos)
            return missing("eos_token", *config.eos);
    }
    vocabulary.addBos = config.addBos.value_or(vocabulary.addBos) && vocabulary.bos;
    vocabulary.chatTemplate = config.chatTemplate;
    vocabulary.stopIds.clear();
    addEndTokens(vocabulary);
    return Status();
}

}  // namespace engine
