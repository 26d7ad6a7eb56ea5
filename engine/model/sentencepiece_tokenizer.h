// SentencePiece tokenizer (Llama 2, Mistral, TinyLlama) over libsentencepiece.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "engine/model/special_pieces.h"
#include "engine/model/tokenizer.h"

namespace sentencepiece {
class SentencePieceProcessor;
}

namespace engine {

/// The library gets a model serialised from checked pieces, and well-formed UTF-8 only; special pieces, bytes that are not
/// UTF-8 and the space prefix are handled here. decode(encode(x)) is x, behind one space where the vocabulary adds a prefix:
/// a U+2581 in the text is encoded as its bytes, because the piece of that name means a space. Constant after creation;
/// thread-safe.
class SentencePieceTokenizer : public Tokenizer {
public:
    /// `vocabulary`: checked by createTokenizer. Errors: Refused (a byte without a piece, a piece twice, a score that is no
    /// number, a piece that is empty, too long or not UTF-8).
    static Result<std::unique_ptr<Tokenizer>> create(Vocabulary vocabulary);
    ~SentencePieceTokenizer() override;

    TokenIds encode(std::string_view text, SpecialTokens special) const override;
    TokenIds encodeContinuation(std::string_view text, SpecialTokens special) const override;
    std::string bytes(TokenId id) const override;
    const Vocabulary& vocabulary() const override { return m_vocabulary; }

private:
    enum class Prefix { None, Space };

    explicit SentencePieceTokenizer(Vocabulary vocabulary);
    Status checkPieces() const;
    Status readBytePieces();
    Status loadProcessor();
    void readTexts();
    void readNeighbours();
    TokenIds encodeFrom(std::string_view text, SpecialTokens special, Prefix prefix) const;
    void appendText(std::string_view text, Prefix prefix, TokenIds& ids) const;
    void appendRun(std::string_view run, TokenIds& ids) const;
    void appendBytes(std::string_view bytes, TokenIds& ids) const;
    std::size_t segmentBytes(std::string_view run) const;

    Vocabulary m_vocabulary;
    std::array<TokenId, 256> m_byteIds{};
    std::vector<std::string> m_bytes;                // by id
    std::unordered_set<std::uint64_t> m_neighbours;  // characters that stand side by side in some piece: left << 32 | right
    SpecialPieces m_special;
    std::unique_ptr<sentencepiece::SentencePieceProcessor> m_processor;
};

}  // namespace engine
