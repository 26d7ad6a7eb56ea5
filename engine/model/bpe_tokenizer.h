// Byte-level BPE tokenizer (GPT-2's family: SmolLM, Qwen, Llama 3).
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/model/bpe_merger.h"
#include "engine/model/special_pieces.h"
#include "engine/model/tokenizer.h"

namespace engine {

/// Any byte string can be encoded, and decode(encode(x)) == x, less the bytes that the vocabulary has no piece for:
/// SmolLM2's lacks 21 that text hardly holds (six control characters; 0xC0, 0xC1, 0xF5–0xFF, which UTF-8 never uses; 0xF1,
/// 0xF2). Constant after creation; thread-safe.
class BpeTokenizer : public Tokenizer {
public:
    /// `vocabulary`: checked by createTokenizer. Errors: Refused (byte of ordinary text without a piece, merge without its
    /// piece).
    static Result<std::unique_ptr<Tokenizer>> create(Vocabulary vocabulary);

    TokenIds encode(std::string_view text, SpecialTokens special) const override;
    std::string bytes(TokenId id) const override;
    const Vocabulary& vocabulary() const override { return m_vocabulary; }

private:
    struct Scratch;

    explicit BpeTokenizer(Vocabulary vocabulary);
    Status readMerges();
    void readBytes();
    void appendText(std::string_view text, Scratch& scratch, TokenIds& ids) const;
    void appendWord(std::string_view word, Scratch& scratch, TokenIds& ids) const;

    Vocabulary m_vocabulary;
    MergeTable m_merges;
    std::array<TokenId, 256> m_byteIds{};
    std::vector<bool> m_merged;                                  // by id: some merge makes it
    std::vector<std::string> m_bytes;                            // by id
    std::unordered_map<std::string_view, TokenId> m_wholeWords;  // by bytes; only with ignoreMerges
    SpecialPieces m_special;
};

}  // namespace engine
