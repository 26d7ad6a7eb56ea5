// Laws of cutting text at its borders.
#include "engine/ingest/text_borders.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace engine {
namespace {

/// The pieces as "S|first", "P|second", …: the border before each, then its text.
std::vector<std::string> cut(const std::string& text, const std::vector<std::size_t>& sections = {}) {
    std::vector<std::string> pieces;
    for (const TextPiece& piece : cutAtBorders(text, sections))
        pieces.push_back(std::string(1, "WLSPH"[static_cast<int>(piece.before)]) + "|" +
                         text.substr(piece.begin, piece.end - piece.begin));
    return pieces;
}

using Pieces = std::vector<std::string>;

TEST(TextBorders, EmptyAndBlankTextHasNoPieces) {
    EXPECT_TRUE(cut("").empty());
    EXPECT_TRUE(cut(" \n\n\t ").empty());
}

TEST(TextBorders, SentencesEndWithTheirMarksAndQuotes) {
    EXPECT_EQ(cut("One here. \"Two there?\" Three! (Four.) five goes on… Six"),
              (Pieces{"H|One here.", "S|\"Two there?\"", "S|Three!", "S|(Four.) five goes on…", "S|Six"}));
}

TEST(TextBorders, AbbreviationsInitialsAndNumbersEndNoSentence) {
    EXPECT_EQ(cut("Dr. Who met J. R. Smith, cf. Fig. 3 and e.g. Bob. Then 3.5 Volt."),
              (Pieces{"H|Dr. Who met J. R. Smith, cf. Fig. 3 and e.g. Bob.", "S|Then 3.5 Volt."}));
    EXPECT_EQ(cut("1. First thing"), (Pieces{"H|1. First thing"}));
}

TEST(TextBorders, BlankLinesAreParagraphsAndNewlinesAreLines) {
    EXPECT_EQ(cut("one\ntwo\n\nthree\n \n\nfour"), (Pieces{"H|one", "L|two", "P|three", "P|four"}));
}

TEST(TextBorders, ListItemsCountAsSentences) {
    EXPECT_EQ(cut("Needs:\n- flour\n- water\n2) salt\nmore salt"),
              (Pieces{"H|Needs:", "S|- flour", "S|- water", "S|2) salt", "L|more salt"}));
}

TEST(TextBorders, CjkSentencesNeedNoSpaces) {
    EXPECT_EQ(cut("東京です。大阪は？「はい。」次"), (Pieces{"H|東京です。", "S|大阪は？", "S|「はい。」", "S|次"}));
}

TEST(TextBorders, AHeadingStaysWithItsText) {
    const std::string text = "Intro.\n\n1. Why? Because\n\nThe reason. Another.\n\nEnd.";
    EXPECT_EQ(cut(text, {8}), (Pieces{"H|Intro.", "H|1. Why?", "W|Because", "W|The reason.", "S|Another.", "P|End."}));
}

TEST(TextBorders, PiecesCoverAllButWhiteSpace) {
    const std::string text = " a b.\n\nC d?\tE\u00A0f! 東京。x\n";
    std::string covered;
    for (const TextPiece& piece : cutAtBorders(text, {}))
        covered += text.substr(piece.begin, piece.end - piece.begin);
    std::string wanted;
    for (const char* part : {"a b.", "C d?", "E\u00A0f!", "東京。", "x"})
        wanted += part;
    EXPECT_EQ(covered, wanted);
}

TEST(TextBorders, WordsAreCutAtSpacesAndLongOnesInside) {
    const std::string text = "ab äöüß c";
    Pieces words;
    for (const TextPiece& word : cutAtWords(text, {0, text.size(), Border::Paragraph}, 3))
        words.push_back(std::string(1, "WLSPH"[static_cast<int>(word.before)]) + "|" +
                        text.substr(word.begin, word.end - word.begin));
    EXPECT_EQ(words, (Pieces{"P|ab", "W|äöü", "W|ß", "W|c"}));
}

}  // namespace
}  // namespace engine
