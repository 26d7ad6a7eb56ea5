// The keys `tokenizer.*`.
#include "engine/model/gguf_vocabulary.h"

#include <algorithm>
#include <array>
#include <bitset>
#include <cmath>
#include <string>

#include "engine/model/config_checks.h"
#include "engine/model/end_tokens.h"
#include "engine/model/quoted_name.h"

namespace engine {

namespace {

constexpr const char* kTokens = "tokenizer.ggml.tokens";
constexpr const char* kTypes = "tokenizer.ggml.token_type";
constexpr const char* kScores = "tokenizer.ggml.scores";
constexpr const char* kMerges = "tokenizer.ggml.merges";
// Longer texts are no chat templates; none of them is executed, only compared.
constexpr std::size_t kMostTemplateBytes = 1 << 20;

struct KnownPreTokenizer {
    std::string_view name;
    PreTokenizer kind;
};
constexpr std::array kPreTokenizers = {
    KnownPreTokenizer{"gpt-2", PreTokenizer::Gpt2},         KnownPreTokenizer{"smollm", PreTokenizer::Smollm},
    KnownPreTokenizer{"qwen2", PreTokenizer::Qwen2},        KnownPreTokenizer{"deepseek-r1-qwen", PreTokenizer::Qwen2},
    KnownPreTokenizer{"llama-bpe", PreTokenizer::LlamaBpe}, KnownPreTokenizer{"llama3", PreTokenizer::LlamaBpe},
    KnownPreTokenizer{"llama-v3", PreTokenizer::LlamaBpe},
};

void readTypes(GgufFields& fields, Vocabulary& vocabulary) {
    const auto numbers = fields.int32s(kTypes, kMostPieces);
    if (!numbers) {
        fields.refuse(kTypes, "is missing");
        return;
    }
    if (numbers->size() != vocabulary.pieces.size()) {
        fields.refuse(kTypes, "has " + std::to_string(numbers->size()) + " elements for " +
                                  std::to_string(vocabulary.pieces.size()) + " tokens");
        return;
    }
    constexpr std::array kTypeOfNumber = {PieceType::Normal,      PieceType::Unknown, PieceType::Control,
                                          PieceType::UserDefined, PieceType::Unused,  PieceType::Byte};
    vocabulary.types.reserve(numbers->size());
    for (std::size_t i = 0; i < numbers->size(); ++i) {
        const std::int32_t number = (*numbers)[i];
        if (number < 1 || number > static_cast<std::int32_t>(kTypeOfNumber.size())) {
            fields.refuse(kTypes,
                          "token " + std::to_string(i) + " is of type " + std::to_string(number) + ", allowed are 1 to 6");
            return;
        }
        vocabulary.types.push_back(kTypeOfNumber[static_cast<std::size_t>(number - 1)]);
    }
}

/// The byte that "<0x0A>" names; −1 unless it is exactly that form.
int byteOfPiece(std::string_view piece) {
    if (piece.size() != 6 || !piece.starts_with("<0x") || piece[5] != '>')
        return -1;
    int byte = 0;
    for (const char digit : piece.substr(3, 2)) {
        if (digit >= '0' && digit <= '9')
            byte = byte * 16 + (digit - '0');
        else if (digit >= 'A' && digit <= 'F')
            byte = byte * 16 + (digit - 'A' + 10);
        else if (digit >= 'a' && digit <= 'f')
            byte = byte * 16 + (digit - 'a' + 10);
        else
            return -1;
    }
    return byte;
}

void checkBytePieces(GgufFields& fields, const Vocabulary& vocabulary) {
    std::bitset<256> seen;
    for (std::size_t i = 0; i < vocabulary.types.size(); ++i) {
        if (vocabulary.types[i] != PieceType::Byte)
            continue;
        const int byte = byteOfPiece(vocabulary.pieces[i]);
        const std::string token = "byte token " + std::to_string(i) + " " + quotedName(vocabulary.pieces[i]);
        if (byte < 0)
            fields.refuse(kTokens, token + " is not of the form <0xHH>");
        else if (seen[static_cast<std::size_t>(byte)])
            fields.refuse(kTokens, token + " names a byte that another token names");
        else
            seen.set(static_cast<std::size_t>(byte));
        if (!fields.status().ok())
            return;
    }
}

void readScores(GgufFields& fields, Vocabulary& vocabulary) {
    auto scores = fields.floats(kScores, kMostPieces);
    if (!scores) {
        fields.refuse(kScores, "is missing");
        return;
    }
    if (scores->size() != vocabulary.pieces.size()) {
        fields.refuse(kScores, "has " + std::to_string(scores->size()) + " elements for " +
                                   std::to_string(vocabulary.pieces.size()) + " tokens");
        return;
    }
    for (std::size_t i = 0; i < scores->size(); ++i) {
        if (!std::isfinite((*scores)[i])) {
            fields.refuse(kScores, "the score of token " + std::to_string(i) + " is NaN or infinite");
            return;
        }
    }
    vocabulary.scores = std::move(*scores);
}

void readMerges(GgufFields& fields, Vocabulary& vocabulary) {
    const auto merges = fields.strings(kMerges, kMostPieces);
    if (!merges) {
        fields.refuse(kMerges, "is missing");
        return;
    }
    vocabulary.merges.reserve(merges->size());
    for (std::size_t i = 0; i < merges->size(); ++i) {
        const std::string& merge = (*merges)[i];
        const std::size_t space = merge.find(' ');
        if (space == std::string::npos || space == 0 || space + 1 == merge.size() ||
            merge.find(' ', space + 1) != std::string::npos) {
            fields.refuse(
                kMerges, "merge " + std::to_string(i) + " " + quotedName(merge) + " is not two pieces with a space between");
            return;
        }
        vocabulary.merges.emplace_back(merge.substr(0, space), merge.substr(space + 1));
    }
}

std::optional<TokenId> readId(GgufFields& fields, const std::string& key, std::optional<TokenId> otherwise,
                              std::size_t pieces) {
    const std::optional<std::int64_t> value = fields.integer(key);
    if (!value && !otherwise)
        return std::nullopt;
    const std::int64_t id = value ? *value : *otherwise;
    if (id < 0 || static_cast<std::uint64_t>(id) >= pieces) {
        fields.refuse(key, "token id " + std::to_string(id) + (value ? "" : " (the default)") + " is not below the " +
                               std::to_string(pieces) + " tokens of the vocabulary");
        return std::nullopt;
    }
    return static_cast<TokenId>(id);
}

void readBpe(GgufFields& fields, Vocabulary& vocabulary) {
    vocabulary.kind = VocabularyKind::Bpe;
    const std::optional<std::string> pre = fields.text("tokenizer.ggml.pre");
    const auto known = std::find_if(kPreTokenizers.begin(), kPreTokenizers.end(),
                                    [&](const KnownPreTokenizer& one) { return pre && one.name == *pre; });
    if (known == kPreTokenizers.end()) {
        fields.fail(Status(StatusCode::Unsupported, "pre-tokenizer " + (pre ? quotedName(*pre) : "(none named)") +
                                                        " is not supported (gpt-2, smollm, qwen2 and llama-bpe are)"));
        return;
    }
    vocabulary.preTokenizer = known->kind;
    vocabulary.ignoreMerges = known->kind == PreTokenizer::LlamaBpe;
    vocabulary.addSpacePrefix = false;
    readMerges(fields, vocabulary);
}

void readSpecialIds(GgufFields& fields, Vocabulary& vocabulary) {
    const std::size_t pieces = vocabulary.pieces.size();
    const bool bpe = vocabulary.kind == VocabularyKind::Bpe;
    // SentencePiece's own defaults; byte-level BPE has none that hold for every model.
    vocabulary.bos = readId(fields, "tokenizer.ggml.bos_token_id", bpe ? std::nullopt : std::optional<TokenId>(1), pieces);
    vocabulary.eos = readId(fields, "tokenizer.ggml.eos_token_id", bpe ? std::nullopt : std::optional<TokenId>(2), pieces);
    const std::optional<TokenId> endOfTurn = readId(fields, "tokenizer.ggml.eot_token_id", std::nullopt, pieces);
    const std::optional<TokenId> endOfMessage = readId(fields, "tokenizer.ggml.eom_token_id", std::nullopt, pieces);
    for (const char* key :
         {"tokenizer.ggml.unknown_token_id", "tokenizer.ggml.padding_token_id", "tokenizer.ggml.seperator_token_id",
          "tokenizer.ggml.cls_token_id", "tokenizer.ggml.mask_token_id"})
        readId(fields, key, std::nullopt, pieces);
    const bool bosByDefault = bpe ? vocabulary.preTokenizer == PreTokenizer::LlamaBpe : true;
    vocabulary.addBos = fields.boolean("tokenizer.ggml.add_bos_token").value_or(bosByDefault);
    if (vocabulary.addBos && !vocabulary.bos)
        fields.refuse("tokenizer.ggml.bos_token_id", "is missing, though the model expects it before every prompt");

    for (const std::optional<TokenId>& id : {endOfTurn, endOfMessage}) {
        if (id)
            vocabulary.stopIds.push_back(*id);
    }
    addEndTokens(vocabulary);
}

}  // namespace

Result<Vocabulary> readGgufVocabulary(GgufFields& fields) {
    Vocabulary vocabulary;
    const std::optional<std::string> model = fields.text("tokenizer.ggml.model");
    if (!model)
        fields.refuse("tokenizer.ggml.model", "is missing");
    else if (*model != "gpt2" && *model != "llama")
        fields.fail(
            Status(StatusCode::Unsupported, "tokenizer " + quotedName(*model) + " is not supported (gpt2 and llama are)"));
    auto pieces = fields.strings(kTokens, kMostPieces);
    if (!pieces || pieces->empty())
        fields.refuse(kTokens, "is missing or empty");
    if (!fields.status().ok())
        return fields.status();
    vocabulary.pieces = std::move(*pieces);
    readTypes(fields, vocabulary);
    checkBytePieces(fields, vocabulary);
    if (*model == "gpt2") {
        readBpe(fields, vocabulary);
    } else {
        vocabulary.kind = VocabularyKind::SentencePiece;
        readScores(fields, vocabulary);
        vocabulary.addSpacePrefix = fields.boolean("tokenizer.ggml.add_space_prefix").value_or(true);
    }
    readSpecialIds(fields, vocabulary);
    vocabulary.chatTemplate = fields.text("tokenizer.chat_template").value_or("");
    if (vocabulary.chatTemplate.size() > kMostTemplateBytes)
        fields.refuse("tokenizer.chat_template",
                      "has " + std::to_string(vocabulary.chatTemplate.size()) + " bytes, the limit is 1 MiB");
    if (!fields.status().ok())
        return fields.status();
    return vocabulary;
}

}  // namespace engine
