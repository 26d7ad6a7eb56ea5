// Laws of the text that full text search sees and of the terms a question becomes.
#include "engine/retrieve/query_terms.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "engine/ingest/utf8.h"

namespace engine {
namespace {

using Terms = std::vector<std::string>;

TEST(SearchableText, LeavesTextWithoutCjkAsItIs) { EXPECT_EQ(searchableText("Hello, wörld! 42\n"), "Hello, wörld! 42\n"); }

TEST(SearchableText, CutsCjkRunsIntoBigrams) {
    EXPECT_EQ(searchableText("東京都"), "東京 京都 ");
    EXPECT_EQ(searchableText("한국어"), "한국 국어 ");
    EXPECT_EQ(searchableText("カタカナ"), "カタ タカ カナ ");
}

TEST(SearchableText, KeepsASingleCjkCharacter) { EXPECT_EQ(searchableText("a 水 b"), "a 水  b"); }

TEST(SearchableText, SeparatesCjkFromLatinNeighbours) { EXPECT_EQ(searchableText("Debian東京Linux"), "Debian 東京 Linux"); }

TEST(SearchableText, PunctuationEndsARun) { EXPECT_EQ(searchableText("東京、大阪。"), "東京 、 大阪 。"); }

TEST(SearchableText, HandlesCharactersOutsideTheBasicPlane) { EXPECT_EQ(searchableText("𠀀𠀁𠀂"), "𠀀𠀁 𠀁𠀂 "); }

TEST(SearchableText, IsValidUtf8ForAnyBytes) {
    EXPECT_EQ(searchableText("a\xFF"
                             "b"),
              "a b");
    EXPECT_EQ(searchableText(std::string("a\0b", 3)), "a b");
    std::string bytes;
    for (int i = 0; i < 256; ++i)
        bytes.push_back(static_cast<char>(i));
    EXPECT_TRUE(isUtf8(searchableText(bytes + bytes)));
}

TEST(QueryTerms, AreTheFoldedWordsWithoutStopWords) {
    EXPECT_EQ(queryTerms("What is the Priority of a Package?"), (Terms{"priority", "package"}));
}

TEST(QueryTerms, KeepStopWordsWhenNothingElseIsLeft) {
    EXPECT_EQ(queryTerms("To be or not to be"), (Terms{"to", "be", "or", "not"}));
}

TEST(QueryTerms, AreDistinct) { EXPECT_EQ(queryTerms("Kernel kernel KERNEL module"), (Terms{"kernel", "module"})); }

TEST(QueryTerms, TakeSearchOperatorsAsPlainWords) {
    EXPECT_EQ(queryTerms("\"alpha\" AND beta* OR NEAR(gamma^2) -delta title:epsilon"),
              (Terms{"alpha", "beta", "near", "gamma", "2", "delta", "title", "epsilon"}));
    for (const std::string& term : queryTerms("a\"b'c; DROP TABLE chunks; -- \"\"\" * ^ : ( )"))
        EXPECT_EQ(term.find_first_of("\"*^:()-;"), std::string::npos) << term;
}

TEST(QueryTerms, KeepVersionNumbersAndApostrophesTogether) {
    EXPECT_EQ(queryTerms("policy 4.6.2 costs 10,000."), (Terms{"policy", "4.6.2", "costs", "10,000"}));
    EXPECT_EQ(queryTerms("Debian’s o'clock"), (Terms{"debian", "o'clock"}));
}

TEST(QueryTerms, FoldCaseBeyondAscii) {
    EXPECT_EQ(queryTerms("ÄRGER ärger ΣΊΓΜΑΣ σίγμας ЖУК жук Ļoti ļoti Žuk žuk"),
              (Terms{"ärger", "σίγμασ", "жук", "ļoti", "žuk"}));
}

TEST(QueryTerms, CutCjkLikeTheIndexedText) {
    EXPECT_EQ(queryTerms("東京都の人口は?"), (Terms{"東京", "京都", "都の", "の人", "人口", "口は"}));
    EXPECT_EQ(queryTerms("水"), (Terms{"水"}));
    const std::string indexed = searchableText("東京都の人口は");
    for (const std::string& term : queryTerms("東京都の人口"))
        EXPECT_NE(indexed.find(term), std::string::npos) << term;
}

TEST(QueryTerms, AreAtMostThirtyTwo) {
    std::string question;
    for (int i = 0; i < 100; ++i)
        question += "word" + std::to_string(i) + " ";
    const Terms terms = queryTerms(question);
    ASSERT_EQ(terms.size(), 32u);
    EXPECT_EQ(terms.front(), "word0");
    EXPECT_EQ(terms.back(), "word31");
    std::string han;
    for (char32_t c = 0x4E00; c < 0x4E80; ++c)
        appendUtf8(han, c);
    EXPECT_EQ(queryTerms(han).size(), 32u);
    std::string stopWords;
    for (const char* word : {"a",   "about", "am",    "an",  "and", "any",  "are",  "as",   "at",  "be",  "been", "being",
                             "by",  "can",   "could", "did", "do",  "does", "for",  "from", "had", "has", "have", "he",
                             "her", "his",   "how",   "i",   "if",  "in",   "into", "is",   "it",  "its", "me"})
        stopWords += std::string(word) + " ";
    EXPECT_EQ(queryTerms(stopWords).size(), 32u);
}

TEST(QueryTerms, AreEmptyForAQuestionWithoutAWord) {
    EXPECT_TRUE(queryTerms("").empty());
    EXPECT_TRUE(queryTerms(" \t\n?!… — “” 🙂 、。").empty());
    EXPECT_TRUE(queryTerms("\xFF\xFE\x80").empty());
    EXPECT_TRUE(queryTerms(std::string(3, '\0')).empty());
}

TEST(QueryTerms, AreValidUtf8ForAnyBytes) {
    std::string bytes;
    for (int i = 0; i < 256; ++i)
        for (const int j : {0x20, 0x41, 0x80, 0xC3, 0xE6, 0xFF}) {
            bytes.push_back(static_cast<char>(i));
            bytes.push_back(static_cast<char>(j));
        }
    const Terms terms = queryTerms(bytes);
    EXPECT_FALSE(terms.empty());
    for (const std::string& term : terms)
        EXPECT_TRUE(isUtf8(term));
}

TEST(QueryTerms, IgnoreWordsNoPersonTypes) {
    EXPECT_EQ(queryTerms(std::string(100'000, 'x') + " needle"), (Terms{"needle"}));
}

}  // namespace
}  // namespace engine
