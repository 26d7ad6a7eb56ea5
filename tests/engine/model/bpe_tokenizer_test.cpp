// Byte-level BPE on vocabularies small enough to follow by hand.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/engine/model/small_vocabulary.h"

namespace engine {
namespace {

using Pieces = std::vector<std::string>;

const std::string kSpace = "\xC4\xA0";  // Ġ: a space in the byte alphabet

TEST(ByteAlphabet, EveryByteHasItsOwnPrintableCharacter) {
    std::string all;
    for (int byte = 0; byte < 256; ++byte) {
        const std::string spelling = byteAlphabetCharacter(static_cast<std::uint8_t>(byte));
        EXPECT_EQ(bytesOfSpelling(spelling), std::string(1, static_cast<char>(byte)));
        all += spelling;
    }
    EXPECT_EQ(byteAlphabetCharacter(' '), kSpace);
    EXPECT_EQ(byteAlphabetCharacter('\n'), "\xC4\x8A");
    EXPECT_EQ(byteAlphabetCharacter(0xAD), "\xC5\x83");
    EXPECT_EQ(bytesOfSpelling(all)->size(), 256U);
    EXPECT_FALSE(bytesOfSpelling(" "));
    EXPECT_FALSE(bytesOfSpelling("\xE2\x96\x81"));
    EXPECT_FALSE(bytesOfSpelling("\xFF"));
}

TEST(BpeTokenizer, TheLowestRankMergesFirst) {
    const auto tokenizer = makeTokenizer(byteLevelVocabulary({{"b", "c"}, {"a", "b"}, {"a", "bc"}}, {}));
    EXPECT_EQ(pieceTexts(*tokenizer, tokenizer->encode("abc", SpecialTokens::AsText)), (Pieces{"abc"}));
    const auto other = makeTokenizer(byteLevelVocabulary({{"a", "b"}, {"b", "c"}}, {}));
    EXPECT_EQ(pieceTexts(*other, other->encode("abc", SpecialTokens::AsText)), (Pieces{"ab", "c"}));
}

TEST(BpeTokenizer, OfEqualRanksTheLeftmostMergesFirst) {
    const auto tokenizer = makeTokenizer(byteLevelVocabulary({{"a", "a"}, {"aa", "aa"}}, {}));
    EXPECT_EQ(pieceTexts(*tokenizer, tokenizer->encode("aaaaaaa", SpecialTokens::AsText)), (Pieces{"aaaa", "aa", "a"}));
}

TEST(BpeTokenizer, MergesDoNotCrossWords) {
    const auto tokenizer = makeTokenizer(byteLevelVocabulary({{"a", kSpace}, {kSpace, "b"}}, {}));
    EXPECT_EQ(pieceTexts(*tokenizer, tokenizer->encode("a b", SpecialTokens::AsText)), (Pieces{"a", " b"}));
}

TEST(BpeTokenizer, AWordSeenBeforeGivesTheSameIds) {
    const auto tokenizer = makeTokenizer(byteLevelVocabulary({{"l", "o"}, {kSpace, "lo"}}, {}));
    const TokenIds once = tokenizer->encode(" lol", SpecialTokens::AsText);
    TokenIds thrice;
    for (int i = 0; i < 3; ++i)
        thrice.insert(thrice.end(), once.begin(), once.end());
    EXPECT_EQ(tokenizer->encode(" lol lol lol", SpecialTokens::AsText), thrice);
}

TEST(BpeTokenizer, EveryByteStringComesBack) {
    for (const PreTokenizer kind : {PreTokenizer::Gpt2, PreTokenizer::Smollm, PreTokenizer::Qwen2, PreTokenizer::LlamaBpe}) {
        Vocabulary vocabulary =
            byteLevelVocabulary({{kSpace, "s"}, {"\xC3\x83", "\xC2\xA9"}, {"l", "L"}, {"\xC4\x8A", "\xC4\x8A"}},
                                {{"<|end|>", PieceType::Control}});
        vocabulary.preTokenizer = kind;
        const auto tokenizer = makeTokenizer(vocabulary);
        std::mt19937 generator(5);
        for (int i = 0; i < 2000; ++i) {
            const std::string text = randomBytes(generator, 80);
            ASSERT_EQ(tokenizer->decode(tokenizer->encode(text, SpecialTokens::AsText)), text);
            ASSERT_EQ(tokenizer->decode(tokenizer->encode(text, SpecialTokens::Parse)), text);
        }
    }
}

TEST(BpeTokenizer, LongTextsAreEncoded) {
    const auto tokenizer = makeTokenizer(byteLevelVocabulary({{"a", "b"}, {"ab", "ab"}, {kSpace, kSpace}}, {}));
    std::string word;
    while (word.size() < (std::size_t{4} << 20))
        word += "ab";
    // One word of 4 MiB: merging that looked at the whole word for each merge would need 10^12 steps.
    EXPECT_EQ(tokenizer->encode(word, SpecialTokens::AsText).size(), word.size() / 4);
    EXPECT_EQ(tokenizer->encode(std::string(std::size_t{4} << 20, ' '), SpecialTokens::AsText).size(), std::size_t{2} << 20);
    // std::regex overflows its stack at 26 k characters; these patterns must not.
    const std::string letters(30'000, 'x');
    EXPECT_EQ(tokenizer->encode(letters + " " + letters, SpecialTokens::AsText).size(), 60'001U);
}

TEST(BpeTokenizer, OfSpecialPiecesAtOnePlaceTheLongestWins) {
    const auto tokenizer = makeTokenizer(byteLevelVocabulary(
        {}, {{"<|end", PieceType::Control}, {"<|end|>", PieceType::Control}, {"end|>", PieceType::Control}}));
    const TokenIds ids = tokenizer->encode("a<|end|>b<|end", SpecialTokens::Parse);
    EXPECT_EQ(ids, (TokenIds{'a', 257, 'b', 256}));
}

TEST(BpeTokenizer, TextNeverBecomesAControlPiece) {
    // Merges reach the piece "end", and the vocabulary says that it is a control piece.
    Vocabulary vocabulary =
        byteLevelVocabulary({{"e", "n"}}, {{"end", PieceType::Control}, {"<|x|>", PieceType::UserDefined}});
    vocabulary.merges.emplace_back("en", "d");
    vocabulary.ignoreMerges = true;
    const auto tokenizer = makeTokenizer(vocabulary);
    EXPECT_EQ(pieceTexts(*tokenizer, tokenizer->encode("end<|x|>", SpecialTokens::AsText)),
              (Pieces{"en", "d", "<", "|", "x", "|", ">"}));
    EXPECT_EQ(tokenizer->encode("end<|x|>", SpecialTokens::Parse), (TokenIds{257, 258}));
}

TEST(BpeTokenizer, BosEosAndStopsOfAFileWithoutTypesAreControlPieces) {
    Vocabulary vocabulary = byteLevelVocabulary({{"b", "o"}, {"bo", "s"}, {"e", "o"}, {"eo", "s"}}, {});
    vocabulary.types.clear();
    vocabulary.bos = 257;
    vocabulary.stopIds = {259};
    const auto tokenizer = makeTokenizer(vocabulary);
    const TokenIds ids = tokenizer->encode("bos eos", SpecialTokens::AsText);
    EXPECT_EQ(std::count(ids.begin(), ids.end(), 257), 0);
    EXPECT_EQ(std::count(ids.begin(), ids.end(), 259), 0);
    EXPECT_EQ(tokenizer->encode("boseos", SpecialTokens::Parse), (TokenIds{257, 259}));
    EXPECT_TRUE(tokenizer->isStop(259));
    EXPECT_FALSE(tokenizer->isStop(257));
}

TEST(BpeTokenizer, WithIgnoreMergesAWordThatIsAPieceIsTakenWhole) {
    Vocabulary vocabulary = byteLevelVocabulary({{"a", "b"}, {"c", "d"}, {"ab", "c"}, {"abc", "d"}}, {});
    const auto merging = makeTokenizer(vocabulary);
    // ab and cd merge first, and ab + cd is no merge.
    EXPECT_EQ(pieceTexts(*merging, merging->encode("abcd", SpecialTokens::AsText)), (Pieces{"ab", "cd"}));
    vocabulary.ignoreMerges = true;
    const auto whole = makeTokenizer(vocabulary);
    EXPECT_EQ(pieceTexts(*whole, whole->encode("abcd", SpecialTokens::AsText)), (Pieces{"abcd"}));
}

TEST(BpeTokenizer, BytesWithoutAPieceAreLeftOutAndTheirNeighboursMerge) {
    Vocabulary vocabulary = byteLevelVocabulary({{"!", "?"}}, {});
    vocabulary.pieces[0x04] = "unreachable";
    vocabulary.pieces[0xFF] = "unreachable too";
    const auto tokenizer = makeTokenizer(vocabulary);
    EXPECT_EQ(pieceTexts(*tokenizer, tokenizer->encode("!\x04?\xFF.", SpecialTokens::AsText)), (Pieces{"!?", "."}));
    EXPECT_TRUE(tokenizer->encode("\x04", SpecialTokens::AsText).empty());
}

TEST(BpeTokenizer, SpecialPiecesKeepTheirText) {
    const auto tokenizer = makeTokenizer(byteLevelVocabulary({}, {{"<\xEF\xBD\x9C"
                                                                   "end\xE2\x96\x81of>",
                                                                   PieceType::Control}}));
    EXPECT_EQ(tokenizer->bytes(256),
              "<\xEF\xBD\x9C"
              "end\xE2\x96\x81of>");
    EXPECT_EQ(tokenizer->bytes(-1), "");
    EXPECT_EQ(tokenizer->bytes(257), "");
}

TEST(BpeTokenizer, InconsistentVocabulariesAreRefused) {
    const auto code = [](Vocabulary vocabulary) { return createTokenizer(std::move(vocabulary)).status().code(); };
    const Vocabulary good = byteLevelVocabulary({{"a", "b"}}, {});
    EXPECT_EQ(code(good), StatusCode::Ok);
    EXPECT_EQ(code(Vocabulary()), StatusCode::Refused);

    Vocabulary mergeWithoutPiece = good;
    mergeWithoutPiece.merges.emplace_back("b", "c");
    EXPECT_EQ(code(mergeWithoutPiece), StatusCode::Refused);
    Vocabulary mergeOfAbsent = good;
    mergeOfAbsent.merges.emplace_back("xy", "z");
    EXPECT_EQ(code(mergeOfAbsent), StatusCode::Refused);
    Vocabulary noByte = good;
    noByte.pieces['e'] = "something else";
    EXPECT_EQ(code(noByte), StatusCode::Refused);
    Vocabulary controlByte = good;
    controlByte.types['e'] = PieceType::Control;
    EXPECT_EQ(code(controlByte), StatusCode::Refused);
    Vocabulary types = good;
    types.types.pop_back();
    EXPECT_EQ(code(types), StatusCode::Refused);
    for (const TokenId id : {-1, static_cast<TokenId>(good.pieces.size())}) {
        Vocabulary bos = good;
        bos.bos = id;
        EXPECT_EQ(code(bos), StatusCode::Refused);
        Vocabulary eos = good;
        eos.eos = id;
        EXPECT_EQ(code(eos), StatusCode::Refused);
        Vocabulary stop = good;
        stop.stopIds = {id};
        EXPECT_EQ(code(stop), StatusCode::Refused);
    }
    Vocabulary noBos = good;
    noBos.addBos = true;
    EXPECT_EQ(code(noBos), StatusCode::Refused);
    EXPECT_EQ(code(byteLevelVocabulary({}, {{std::string(600, 'x'), PieceType::Control}})), StatusCode::Refused);
}

}  // namespace
}  // namespace engine
