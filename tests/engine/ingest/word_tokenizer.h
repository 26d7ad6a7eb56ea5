// A tokenizer for tests of the chunker: a token is up to six letters or digits with one space before them, or one other
// character.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/ingest/utf8.h"
#include "engine/model/tokenizer.h"

namespace engine {

/// Additive like real tokenizers almost are: cutting a text before white space changes its count by nothing or by one.
class WordTokenizer : public Tokenizer {
public:
    TokenIds encode(std::string_view text, SpecialTokens) const override {
        TokenIds ids;
        for (std::size_t at = 0; at < text.size();) {
            const std::size_t begin = at;
            if (text[at] == ' ' && at + 1 < text.size())
                ++at;
            if (isLetter(text, at)) {
                for (int letters = 0; letters < 6 && at < text.size() && isLetter(text, at); ++letters)
                    at += static_cast<std::size_t>(codePointAt(text, at).bytes);
            } else {
                at += static_cast<std::size_t>(codePointAt(text, at).bytes);
            }
            std::uint32_t id = 2166136261u;
            for (std::size_t i = begin; i < at; ++i)
                id = (id ^ static_cast<std::uint8_t>(text[i])) * 16777619u;
            ids.push_back(static_cast<TokenId>(id >> 8));
        }
        return ids;
    }
    std::string bytes(TokenId) const override { return {}; }
    const Vocabulary& vocabulary() const override { return m_vocabulary; }

    int count(std::string_view text) const { return static_cast<int>(encode(text, SpecialTokens::AsText).size()); }

private:
    static bool isLetter(std::string_view text, std::size_t at) {
        const char32_t value = codePointAt(text, at).value;
        return (value >= '0' && value <= '9') || (value >= 'a' && value <= 'z') || (value >= 'A' && value <= 'Z') ||
               value > 0xBF;
    }

    Vocabulary m_vocabulary;
};

/// A text has more tokens than its parts together: one more for every eight. Sums of parts say too little.
class GrowingTokenizer : public WordTokenizer {
public:
    TokenIds encode(std::string_view text, SpecialTokens special) const override {
        TokenIds ids = WordTokenizer::encode(text, special);
        ids.resize(ids.size() + ids.size() / 8, 0);
        return ids;
    }
};

/// The worst case of a tokenizer that falls back to bytes: every byte is a token.
class ByteTokenizer : public Tokenizer {
public:
    TokenIds encode(std::string_view text, SpecialTokens) const override { return TokenIds(text.begin(), text.end()); }
    std::string bytes(TokenId id) const override { return std::string(1, static_cast<char>(id)); }
    const Vocabulary& vocabulary() const override { return m_vocabulary; }

private:
    Vocabulary m_vocabulary;
};

}  // namespace engine
