// SentencePiece's model file (tokenizer.model): a bounded reader, and a writer for models made from checked pieces.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/model/vocabulary.h"

namespace engine {

/// The fields of sentencepiece_model.proto that decide how text is cut; defaults are the format's.
struct SentencePieceModel {
    std::vector<std::string> pieces;  // by id
    std::vector<float> scores;        // by id
    std::vector<PieceType> types;     // by id
    SentencePieceAlgorithm algorithm = SentencePieceAlgorithm::Unigram;
    bool byteFallback = false;
    bool spaceAsSuffix = false;     // treat_whitespace_as_suffix
    bool addSpacePrefix = true;     // add_dummy_prefix
    bool removeExtraSpaces = true;  // remove_extra_whitespaces
    bool escapeSpaces = true;       // escape_whitespaces
    std::string normaliser;         // its name, "identity", "nmt_nfkc"
    bool hasNormaliserRules =
        false;  // a compiled character map; without one the normaliser is the identity, whatever its name
    bool hasDenormaliserRules = false;
    int bos = 1;  // −1 = none
    int eos = 2;
};

/// Reads the protocol buffer; every length is checked against what is left, nothing recurses. Errors: Refused (what is
/// malformed, at which byte; over 1 Mi pieces), Unsupported (word or character models).
Result<SentencePieceModel> readSentencePieceProto(std::string_view bytes);

/// The protocol buffer of a model with byte fallback, spaces escaped and no normalisation. Pieces, scores and types have one
/// size.
std::string writeSentencePieceProto(const SentencePieceModel& model);

}  // namespace engine
