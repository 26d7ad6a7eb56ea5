// SentencePiece tokenizers on two small trained models and on vocabularies made by hand.
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "tests/engine/model/small_vocabulary.h"

namespace engine {
namespace {

using Pieces = std::vector<std::string>;

const std::string kSpace = "\xE2\x96\x81";  // U+2581, SentencePiece's space

Vocabulary trained(const std::string& kind) {
    auto vocabulary = readSentencePieceModel(readGolden("sentencepiece_" + kind + ".model"), "");
    EXPECT_TRUE(vocabulary.ok()) << vocabulary.status().message();
    return vocabulary.ok() ? std::move(*vocabulary) : Vocabulary();
}

/// <unk>, <s>, </s>, the 256 bytes, then `pieces` with falling scores.
Vocabulary handMade(const std::vector<std::pair<std::string, PieceType>>& pieces) {
    Vocabulary vocabulary;
    vocabulary.kind = VocabularyKind::SentencePiece;
    vocabulary.pieces = {"<unk>", "<s>", "</s>"};
    vocabulary.types = {PieceType::Unknown, PieceType::Control, PieceType::Control};
    constexpr std::string_view kDigits = "0123456789ABCDEF";
    for (std::size_t byte = 0; byte < 256; ++byte) {
        vocabulary.pieces.push_back(std::string("<0x") + kDigits[byte / 16] + kDigits[byte % 16] + ">");
        vocabulary.types.push_back(PieceType::Byte);
    }
    vocabulary.scores.assign(vocabulary.pieces.size(), 0.0F);
    for (const auto& [text, type] : pieces) {
        vocabulary.scores.push_back(-static_cast<float>(vocabulary.pieces.size()));
        vocabulary.pieces.push_back(text);
        vocabulary.types.push_back(type);
    }
    vocabulary.bos = 1;
    vocabulary.eos = 2;
    return vocabulary;
}

TokenId byteId(unsigned char byte) { return 3 + byte; }

TEST(SentencePieceTokenizer, GivesTheIdsOfTheReference) {
    for (const std::string kind : {"bpe", "unigram"}) {
        const auto tokenizer = makeTokenizer(trained(kind));
        EXPECT_EQ(tokenizer->vocabulary().algorithm,
                  kind == "bpe" ? SentencePieceAlgorithm::Bpe : SentencePieceAlgorithm::Unigram);
        for (const auto& entry : keptCorpus())
            EXPECT_EQ(tokenizer->encode(entry.at("text").get<std::string>(), SpecialTokens::AsText),
                      entry.at("sentencepiece_" + kind + "_ids").get<TokenIds>())
                << entry.dump();
    }
}

TEST(SentencePieceTokenizer, EveryByteStringComesBackBehindTheSpacePrefix) {
    for (const std::string kind : {"bpe", "unigram"}) {
        Vocabulary vocabulary = trained(kind);
        const auto prefixing = makeTokenizer(vocabulary);
        vocabulary.addSpacePrefix = false;
        const auto plain = makeTokenizer(vocabulary);
        std::mt19937 generator(13);
        for (int i = 0; i < 2000; ++i) {
            const std::string text = randomBytes(generator, 80);
            ASSERT_EQ(plain->decode(plain->encode(text, SpecialTokens::AsText)), text);
            ASSERT_EQ(prefixing->decode(prefixing->encode(text, SpecialTokens::AsText)), text.empty() ? "" : " " + text);
            ASSERT_EQ(prefixing->decode(prefixing->encodeContinuation(text, SpecialTokens::AsText)), text);
        }
    }
}

TEST(SentencePieceTokenizer, BetterScoresMergeFirst) {
    const auto tokenizer = makeTokenizer(handMade({{"bc", PieceType::Normal},
                                                   {"ab", PieceType::Normal},
                                                   {kSpace + "a", PieceType::Normal},
                                                   {"a", PieceType::Normal},
                                                   {"b", PieceType::Normal},
                                                   {"c", PieceType::Normal},
                                                   {kSpace, PieceType::Normal}}));
    EXPECT_EQ(pieceTexts(*tokenizer, tokenizer->encode("abc", SpecialTokens::AsText)), (Pieces{" a", "bc"}));
    EXPECT_EQ(pieceTexts(*tokenizer, tokenizer->encodeContinuation("ab", SpecialTokens::AsText)), (Pieces{"ab"}));
    EXPECT_EQ(pieceTexts(*tokenizer, tokenizer->encode("a a", SpecialTokens::AsText)), (Pieces{" a", " a"}));
}

TEST(SentencePieceTokenizer, CharactersWithoutAPieceAreTheirBytes) {
    Vocabulary vocabulary = handMade({{kSpace, PieceType::Normal}, {"a", PieceType::Normal}});
    vocabulary.addSpacePrefix = false;
    const auto tokenizer = makeTokenizer(vocabulary);
    EXPECT_EQ(tokenizer->encode("a\xC3\xA9\n", SpecialTokens::AsText),
              (TokenIds{260, byteId(0xC3), byteId(0xA9), byteId('\n')}));
    // Not UTF-8, and the sign that means a space: kept as bytes, so that decoding gives the text.
    EXPECT_EQ(tokenizer->encode("a\xFF a", SpecialTokens::AsText), (TokenIds{260, byteId(0xFF), 259, 260}));
    EXPECT_EQ(tokenizer->encode(kSpace, SpecialTokens::AsText), (TokenIds{byteId(0xE2), byteId(0x96), byteId(0x81)}));
    EXPECT_EQ(tokenizer->bytes(byteId(0xE2)), "\xE2");
    EXPECT_EQ(tokenizer->bytes(259), " ");
    EXPECT_EQ(tokenizer->bytes(1), "<s>");
    EXPECT_EQ(tokenizer->bytes(-1), "");
    EXPECT_EQ(tokenizer->bytes(261), "");
}

TEST(SentencePieceTokenizer, SpecialPiecesAreParsedOnlyOnRequest) {
    const auto tokenizer = makeTokenizer(trained("bpe"));
    const Vocabulary& vocabulary = tokenizer->vocabulary();
    const auto idOf = [&](const std::string& piece) {
        return static_cast<TokenId>(std::find(vocabulary.pieces.begin(), vocabulary.pieces.end(), piece) -
                                    vocabulary.pieces.begin());
    };
    EXPECT_EQ(vocabulary.bos, idOf("<s>"));
    EXPECT_EQ(vocabulary.eos, idOf("</s>"));
    EXPECT_TRUE(tokenizer->isStop(idOf("<|im_end|>")));
    const std::string text = "<s>the</s><|im_end|><|user|>";
    const TokenIds parsed = tokenizer->encode(text, SpecialTokens::Parse);
    // The prefix stands before text behind a special piece, and nowhere else.
    EXPECT_EQ(parsed, (TokenIds{idOf("<s>"), idOf(kSpace + "the"), idOf("</s>"), idOf("<|im_end|>"), idOf("<|user|>")}));
    for (const TokenId id : tokenizer->encode(text, SpecialTokens::AsText)) {
        EXPECT_NE(vocabulary.types[static_cast<std::size_t>(id)], PieceType::Control);
        EXPECT_NE(vocabulary.types[static_cast<std::size_t>(id)], PieceType::UserDefined);
    }
}

TEST(SentencePieceTokenizer, LongTextsAreEncoded) {
    const auto tokenizer = makeTokenizer(trained("bpe"));
    std::string words;
    while (words.size() < (std::size_t{4} << 20))
        words += "the quick brown fox\n";
    EXPECT_EQ(tokenizer->decode(tokenizer->encode(words, SpecialTokens::AsText)), " " + words);
    const std::string spaces(std::size_t{1} << 20, ' ');
    EXPECT_EQ(tokenizer->decode(tokenizer->encode(spaces, SpecialTokens::AsText)), " " + spaces);
}

TEST(SentencePieceTokenizer, CuttingALongTextChangesNothing) {
    for (const std::string kind : {"bpe", "unigram"}) {
        const auto tokenizer = makeTokenizer(trained(kind));
        // Longer than one segment; the same paragraph must give the same ids wherever a border falls.
        const std::string paragraph = "The quick brown fox (foo_bar) jumps over 1,234 dogs; don't they?\n";
        const TokenIds once = tokenizer->encodeContinuation(paragraph, SpecialTokens::AsText);
        std::string text;
        TokenIds expected;
        for (int i = 0; i < 1000; ++i) {
            text += paragraph;
            expected.insert(expected.end(), once.begin(), once.end());
        }
        EXPECT_EQ(tokenizer->encodeContinuation(text, SpecialTokens::AsText), expected) << kind;
    }
}

TEST(SentencePieceTokenizer, VocabulariesWithoutAnUnknownPieceWork) {
    Vocabulary vocabulary =
        handMade({{kSpace, PieceType::Normal}, {"a", PieceType::Normal}, {"<unknown>", PieceType::Normal}});
    vocabulary.types[0] = PieceType::Control;
    const auto tokenizer = makeTokenizer(vocabulary);
    EXPECT_EQ(tokenizer->encode("a\x01", SpecialTokens::AsText), (TokenIds{259, 260, byteId(1)}));
}

TEST(SentencePieceTokenizer, InconsistentVocabulariesAreRefused) {
    const auto code = [](const Vocabulary& vocabulary) { return createTokenizer(vocabulary).status().code(); };
    const Vocabulary good = handMade({{kSpace, PieceType::Normal}, {"a", PieceType::Normal}});
    EXPECT_EQ(code(good), StatusCode::Ok);
    Vocabulary scores = good;
    scores.scores.pop_back();
    EXPECT_EQ(code(scores), StatusCode::Refused);
    for (const float score : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
        Vocabulary notANumber = good;
        notANumber.scores[260] = score;
        EXPECT_EQ(code(notANumber), StatusCode::Refused);
    }
    const std::string bad[] = {"", std::string("a\0b", 3), "\xFF", std::string(1025, 'x'), kSpace /* a second time */};
    for (const std::string& piece : bad) {
        Vocabulary vocabulary = good;
        vocabulary.pieces[260] = piece;
        EXPECT_EQ(code(vocabulary), StatusCode::Refused) << piece;
    }
    for (const std::string spelling : {"<0x0a>", "<0x0A", "0x0A", "<0xGG>"}) {
        Vocabulary vocabulary = good;
        vocabulary.pieces[static_cast<std::size_t>(byteId('\n'))] = spelling;
        EXPECT_EQ(code(vocabulary), StatusCode::Refused) << spelling;
    }
    Vocabulary missingByte = good;
    missingByte.types[static_cast<std::size_t>(byteId('\n'))] = PieceType::Normal;
    EXPECT_EQ(code(missingByte), StatusCode::Refused);
}

}  // namespace
}  // namespace engine
