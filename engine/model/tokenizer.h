// Text to token ids and back.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "engine/model/vocabulary.h"
#include "engine/types.h"

namespace engine {

/// Whether text such as "<|im_end|>" becomes the special token. Only templates and raw prompts ask for it, never documents.
enum class SpecialTokens { AsText, Parse };

/// Constant after creation; thread-safe.
class Tokenizer {
public:
    virtual ~Tokenizer() = default;
    /// No BOS is added. Near linear in the text's length; bytes that are not UTF-8 are encoded as bytes. Only bytes that the
    /// vocabulary has no piece for are left out.
    virtual TokenIds encode(std::string_view text, SpecialTokens special) const = 0;
    /// The same for a text that goes on where another ended: SentencePiece vocabularies put no space before it.
    virtual TokenIds encodeContinuation(std::string_view text, SpecialTokens special) const { return encode(text, special); }
    /// The bytes of one token; may be part of a UTF-8 character. Control tokens give their name, "<|im_end|>".
    virtual std::string bytes(TokenId id) const = 0;
    virtual const Vocabulary& vocabulary() const = 0;

    std::string decode(const TokenIds& ids) const;
    bool isStop(TokenId id) const;
};

/// Errors: Refused when the vocabulary is inconsistent (a merge without its piece, ids out of range, no byte pieces).
Result<std::unique_ptr<Tokenizer>> createTokenizer(Vocabulary vocabulary);

/// Readers of tokenizer files beside safetensors. Bounded, never executed. Errors: Refused, Unsupported with the reason.
Result<Vocabulary> readTokenizerJson(std::string_view tokenizerJson, std::string_view tokenizerConfigJson);
Result<Vocabulary> readSentencePieceModel(std::string_view modelBytes, std::string_view tokenizerConfigJson);

}  // namespace engine
