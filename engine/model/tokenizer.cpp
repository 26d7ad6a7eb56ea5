// What all tokenizers share, and the checks every vocabulary passes before one is made of it.
#include "engine/model/tokenizer.h"

#include <algorithm>
#include <cmath>

#include "engine/model/bpe_tokenizer.h"
#include "engine/model/sentencepiece_tokenizer.h"
#include "engine/model/special_pieces.h"

namespace engine {

namespace {

constexpr std::size_t kMostPieces = std::size_t{1} << 22;
constexpr std::size_t kMostMerges = std::size_t{1} << 24;

Status refused(const std::string& why) { return Status(StatusCode::Refused, "vocabulary: " + why); }

Status checkIds(const Vocabulary& vocabulary) {
    const auto inRange = [&](TokenId id) { return id >= 0 && static_cast<std::size_t>(id) < vocabulary.pieces.size(); };
    const auto outside = [&](const char* name, TokenId id) {
        return refused(std::string(name) + " id " + std::to_string(id) + " is outside the vocabulary's " +
                       std::to_string(vocabulary.pieces.size()) + " pieces");
    };
    if (vocabulary.bos && !inRange(*vocabulary.bos))
        return outside("BOS", *vocabulary.bos);
    if (vocabulary.eos && !inRange(*vocabulary.eos))
        return outside("EOS", *vocabulary.eos);
    for (const TokenId id : vocabulary.stopIds) {
        if (!inRange(id))
            return outside("stop", id);
    }
    if (vocabulary.addBos && !vocabulary.bos)
        return refused("a BOS token is demanded at the start of prompts, but none is named");
    return Status();
}

Status checkVocabulary(const Vocabulary& vocabulary) {
    const std::size_t count = vocabulary.pieces.size();
    if (count == 0 || count > kMostPieces)
        return refused(std::to_string(count) + " pieces; 1 to " + std::to_string(kMostPieces) + " are allowed");
    if (!vocabulary.types.empty() && vocabulary.types.size() != count)
        return refused(std::to_string(vocabulary.types.size()) + " piece types for " + std::to_string(count) + " pieces");
    if (vocabulary.merges.size() > kMostMerges)
        return refused(std::to_string(vocabulary.merges.size()) + " merges; at most " + std::to_string(kMostMerges) +
                       " are allowed");
    for (std::size_t i = 0; i < vocabulary.types.size(); ++i) {
        const bool special = vocabulary.types[i] == PieceType::Control || vocabulary.types[i] == PieceType::UserDefined;
        if (special && vocabulary.pieces[i].size() > SpecialPieces::kLongestBytes)
            return refused("special piece " + std::to_string(i) + " has " + std::to_string(vocabulary.pieces[i].size()) +
                           " bytes; at most " + std::to_string(SpecialPieces::kLongestBytes) + " are allowed");
    }
    return checkIds(vocabulary);
}

/// Files without piece types leave BOS and EOS as ordinary pieces; a document's text must not be able to spell them.
void makeControl(Vocabulary& vocabulary) {
    vocabulary.types.resize(vocabulary.pieces.size(), PieceType::Normal);
    const auto promote = [&](TokenId id) {
        PieceType& type = vocabulary.types[static_cast<std::size_t>(id)];
        if (type == PieceType::Normal || type == PieceType::UserDefined)
            type = PieceType::Control;
    };
    if (vocabulary.bos)
        promote(*vocabulary.bos);
    if (vocabulary.eos)
        promote(*vocabulary.eos);
    for (const TokenId id : vocabulary.stopIds)
        promote(id);
}

}  // namespace

std::string Tokenizer::decode(const TokenIds& ids) const {
    std::string text;
    for (const TokenId id : ids)
        text += bytes(id);
    return text;
}

bool Tokenizer::isStop(TokenId id) const {
    const std::vector<TokenId>& stops = vocabulary().stopIds;
    return std::find(stops.begin(), stops.end(), id) != stops.end();
}

Result<std::unique_ptr<Tokenizer>> createTokenizer(Vocabulary vocabulary) {
    if (Status status = checkVocabulary(vocabulary); !status.ok())
        return status;
    makeControl(vocabulary);
    if (vocabulary.kind == VocabularyKind::Bpe)
        return BpeTokenizer::create(std::move(vocabulary));
    return SentencePieceTokenizer::create(std::move(vocabulary));
}

}  // namespace engine
