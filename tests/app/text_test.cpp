// Numbers, sizes, tables and strangers' text, as a terminal shows them.
#include <gtest/gtest.h>

#include <sstream>

#include "app/progress_bar.h"
#include "app/terminal_text.h"
#include "app/units.h"

namespace app {
namespace {

TEST(ByteSize, SuffixesAreBinaryUnlessTheySayBytesOfTen) {
    EXPECT_EQ(parseByteSize("0"), 0U);
    EXPECT_EQ(parseByteSize("4096"), 4096U);
    EXPECT_EQ(parseByteSize("12B"), 12U);
    EXPECT_EQ(parseByteSize("1k"), 1024U);
    EXPECT_EQ(parseByteSize("512M"), std::uint64_t{512} << 20);
    EXPECT_EQ(parseByteSize("2GiB"), std::uint64_t{2} << 30);
    EXPECT_EQ(parseByteSize("2 gib"), std::uint64_t{2} << 30);
    EXPECT_EQ(parseByteSize("3T"), std::uint64_t{3} << 40);
    EXPECT_EQ(parseByteSize("5MB"), 5'000'000U);
    EXPECT_EQ(parseByteSize("1.5G"), std::uint64_t{3} << 29);
    EXPECT_EQ(parseByteSize("9007199254740993"), 9007199254740993U) << "whole numbers must not pass through a double";
    EXPECT_EQ(parseByteSize("18446744073709551615"), UINT64_MAX);
}

TEST(ByteSize, AnythingElseIsRefused) {
    for (const char* text :
         {"", "G", "-1", "1.2.3", "12X", "12MiBs", "1e3", "18446744073709551616", "16777216T", " 1", "0x10", "."})
        EXPECT_EQ(parseByteSize(text), std::nullopt) << "'" << text << "'";
}

TEST(Units, TextsCarryTheirUnits) {
    EXPECT_EQ(countText(0), "0");
    EXPECT_EQ(countText(999), "999");
    EXPECT_EQ(countText(1834), "1,834");
    EXPECT_EQ(countText(-1234567), "-1,234,567");
    EXPECT_EQ(countText(-123), "-123");
    EXPECT_EQ(countText(1, "record"), "1 record");
    EXPECT_EQ(countText(0, "record"), "0 records");
    EXPECT_EQ(countText(1834, "record"), "1,834 records");
    EXPECT_EQ(bytesText(1), "1 byte");
    EXPECT_EQ(bytesText(1023), "1,023 bytes");
    EXPECT_EQ(bytesText(35 * 1048576 + 200000), "35.2 MiB");
    EXPECT_EQ(bytesText(std::uint64_t{1} << 30), "1.00 GiB");
    EXPECT_EQ(millisecondsText(0.42), "0.42 ms");
    EXPECT_EQ(millisecondsText(12.34), "12.3 ms");
    EXPECT_EQ(millisecondsText(840.4), "840 ms");
    EXPECT_EQ(millisecondsText(2412), "2.41 s");
    EXPECT_EQ(clockText(42.4), "0:42");
    EXPECT_EQ(clockText(3729), "1:02:09");
    EXPECT_EQ(percentText(0.15), "15 %");
    EXPECT_EQ(percentText(0.125), "12.5 %");
}

TEST(TerminalText, EscapeSequencesBidiOverridesAndBrokenUtf8AreShownNotObeyed) {
    EXPECT_EQ(printable("plain Ünïcode 文字", LineBreaks::Keep), "plain Ünïcode 文字");
    EXPECT_EQ(printable("a\x1b[31mb\x07", LineBreaks::Keep), "a<U+001B>[31mb<U+0007>");
    EXPECT_EQ(printable("x\u202Ey\u2066z\u200Bw\uFEFF", LineBreaks::Keep), "x<U+202E>y<U+2066>z<U+200B>w<U+FEFF>");
    EXPECT_EQ(printable("\xC2\x9B", LineBreaks::Keep), "<U+009B>") << "the C1 control sequence introducer";
    EXPECT_EQ(printable("a\xFF\xE2\x82", LineBreaks::Keep), "a\uFFFD\uFFFD\uFFFD");
    EXPECT_EQ(printable("a\nb\tc", LineBreaks::Keep), "a\nb\tc");
    EXPECT_EQ(printable("a\nb\tc", LineBreaks::Flatten), "a b c");
    EXPECT_EQ(printable("a\rb", LineBreaks::Keep), "a<U+000D>b");
}

TEST(TerminalText, ShortenedKeepsWholeCharactersAndMarksTheCut) {
    EXPECT_EQ(shortened("äöü", 3), "äöü");
    EXPECT_EQ(shortened("äöüß", 3), "äö…");
    EXPECT_EQ(shortened("abc", 1), "…");
}

TEST(TextTable, ColumnsAlignByCharactersNotBytes) {
    TextTable table({{"name", Align::Left}, {"n", Align::Right}, {"x", Align::Left}});
    table.addRow({"ä", "1,000", ""});
    table.addRow({"longer", "2", "end"});
    EXPECT_EQ(table.text(),
              "name        n  x\n"
              "ä       1,000\n"
              "longer      2  end\n");
}

ProgressState stateAt(std::int64_t first, std::int64_t done, std::int64_t total, double seconds) {
    ProgressState state;
    state.what = "precompute";
    state.first = first;
    state.done = done;
    state.total = total;
    state.unit = "tokens";
    state.elapsed = std::chrono::duration<double>(seconds);
    return state;
}

TEST(ProgressLine, TellsShareRateAndRemainingTime) {
    EXPECT_EQ(progressLine(stateAt(0, 1000, 4000, 5), 120),
              "precompute  █████░░░░░░░░░░░░░░░  25 %  1,000/4,000 tokens  200 tokens/s  0:15 left");
}

TEST(ProgressLine, RateOfAResumedJobIsThatOfThisRun) {
    EXPECT_EQ(progressLine(stateAt(3000, 3100, 4000, 5), 120),
              "precompute  ███████████████░░░░░  78 %  3,100/4,000 tokens  20 tokens/s  0:45 left");
}

TEST(ProgressLine, SaysNoMoreThanItKnows) {
    EXPECT_EQ(progressLine(stateAt(0, 7, -1, 3.5), 120), "precompute  7 tokens  2.0 tokens/s");
    EXPECT_EQ(progressLine(stateAt(0, 0, 4000, 5), 120), "precompute  ░░░░░░░░░░░░░░░░░░░░  0 %  0/4,000 tokens");
    EXPECT_EQ(progressLine(stateAt(0, 10, 4000, 0.1), 120), "precompute  ░░░░░░░░░░░░░░░░░░░░  0 %  10/4,000 tokens");
}

TEST(ProgressLine, OnANarrowTerminalTheBarGivesWayToFiguresAndNothingWraps) {
    const ProgressState state = stateAt(0, 1000, 4000, 5);
    EXPECT_EQ(progressLine(state, 73), "precompute  ██░░░░░░░  25 %  1,000/4,000 tokens  200 tokens/s  0:15 left");
    EXPECT_EQ(codePoints(progressLine(state, 73)), 72);
    EXPECT_EQ(progressLine(state, 64), "precompute  25 %  1,000/4,000 tokens  200 tokens/s  0:15 left");
    EXPECT_EQ(progressLine(state, 20), "precompute  25 %  …");
}

TEST(ProgressBar, DrawsOnlyOnATerminalAndCleansUpBehindItself) {
    std::ostringstream out, err;
    CommandContext context{out, err};
    { ProgressBar(context).progress("x", 1, 2, "files"); }
    EXPECT_EQ(err.str(), "");
    context.terminal = true;
    context.quiet = true;
    { ProgressBar(context).progress("x", 1, 2, "files"); }
    EXPECT_EQ(err.str(), "");
    context.quiet = false;
    { ProgressBar(context).progress("x", 1, 2, "files"); }
    EXPECT_EQ(err.str(), "\r\x1b[Kx  ██████████░░░░░░░░░░  50 %  1/2 files\r\x1b[K");
    EXPECT_EQ(out.str(), "");
}

}  // namespace
}  // namespace app
