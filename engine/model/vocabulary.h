// A tokenizer's data as read and checked from a model file; the input of every tokenizer.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/types.h"

namespace engine {

enum class VocabularyKind { Bpe, SentencePiece };
/// How text is cut before byte-level BPE merges.
enum class PreTokenizer { Gpt2, Smollm, Qwen2, LlamaBpe };
/// How a SentencePiece vocabulary's scores are used.
enum class SentencePieceAlgorithm { Bpe, Unigram };
enum class PieceType : std::uint8_t { Normal, Unknown, Control, UserDefined, Unused, Byte };

struct Vocabulary {
    VocabularyKind kind = VocabularyKind::Bpe;
    PreTokenizer preTokenizer = PreTokenizer::Gpt2;  // Bpe
    std::vector<std::string> pieces;                 // by id. Bpe: in GPT-2's byte alphabet; SentencePiece: with U+2581
    std::vector<PieceType> types;                    // by id
    std::vector<float> scores;                       // by id; SentencePiece
    std::vector<std::pair<std::string, std::string>> merges;  // Bpe, by rank
    bool ignoreMerges = false;  // Bpe: a whole word that is a piece is taken as it is (Llama 3)
    SentencePieceAlgorithm algorithm = SentencePieceAlgorithm::Bpe;  // SentencePiece
    bool addSpacePrefix = true;                                      // SentencePiece
    bool addBos = false;                                             // the model expects BOS at the start of a prompt
    std::optional<TokenId> bos;
    std::optional<TokenId> eos;
    std::vector<TokenId> stopIds;  // end of text or of turn; generation stops at any of them
    std::string chatTemplate;      // the file's template text, only ever compared, never executed
};

}  // namespace engine
