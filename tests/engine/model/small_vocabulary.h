// Small vocabularies and texts that the tokenizer tests share.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "engine/model/byte_alphabet.h"
#include "engine/model/tokenizer.h"

namespace engine {

/// Pieces 0–255 are the bytes; then what the merges make, in their order; then special pieces.
inline Vocabulary byteLevelVocabulary(const std::vector<std::pair<std::string, std::string>>& merges,
                                      const std::vector<std::pair<std::string, PieceType>>& special) {
    Vocabulary vocabulary;
    vocabulary.kind = VocabularyKind::Bpe;
    vocabulary.preTokenizer = PreTokenizer::Gpt2;
    for (int byte = 0; byte < 256; ++byte)
        vocabulary.pieces.push_back(byteAlphabetCharacter(static_cast<std::uint8_t>(byte)));
    for (const auto& [left, right] : merges)
        vocabulary.pieces.push_back(left + right);
    vocabulary.types.assign(vocabulary.pieces.size(), PieceType::Normal);
    vocabulary.merges = merges;
    for (const auto& [text, type] : special) {
        vocabulary.pieces.push_back(text);
        vocabulary.types.push_back(type);
    }
    return vocabulary;
}

inline std::unique_ptr<Tokenizer> makeTokenizer(Vocabulary vocabulary) {
    auto made = createTokenizer(std::move(vocabulary));
    EXPECT_TRUE(made.ok()) << made.status().message();
    return made.ok() ? std::move(*made) : nullptr;
}

/// Pieces of `ids`, for assertions a person can read.
inline std::vector<std::string> pieceTexts(const Tokenizer& tokenizer, const TokenIds& ids) {
    std::vector<std::string> texts;
    for (const TokenId id : ids)
        texts.push_back(tokenizer.bytes(id));
    return texts;
}

/// Bytes of every value, of a length up to `longest`. The same on every platform.
inline std::string randomBytes(std::mt19937& generator, std::size_t longest) {
    std::string bytes(generator() % (longest + 1), '\0');
    // Half of the strings are mostly spaces, letters and lead bytes, where scanners have the most to decide.
    constexpr std::string_view kTelling = " \n\r'sTlLe1\xC3\xA9\xE2\x96\x81\xF0\x9F\x98\x80\xED\xA0";
    const bool telling = generator() % 2 == 0;
    for (char& byte : bytes)
        byte = telling ? kTelling[generator() % kTelling.size()] : static_cast<char>(generator() & 0xFF);
    return bytes;
}

inline std::string readGolden(const std::string& name) {
    std::ifstream file(std::string(GOLDEN_DIRECTORY) + "/" + name, std::ios::binary);
    EXPECT_TRUE(file.good()) << name;
    return std::string(std::istreambuf_iterator<char>(file), {});
}

/// Texts with the answers of independent tokenizers; golden/make_tokenizer_corpus.py wrote them.
inline nlohmann::json keptCorpus() {
    nlohmann::json corpus = nlohmann::json::parse(readGolden("tokenizer_corpus.json"), nullptr, false);
    EXPECT_GT(corpus.size(), 300U);
    return corpus;
}

}  // namespace engine
