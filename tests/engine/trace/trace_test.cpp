// What a trace tells of single tokens, and its tables.
#include <gtest/gtest.h>

#include <array>
#include <charconv>
#include <limits>

#include "tests/engine/trace/example_trace.h"

namespace engine::testing {
namespace {

using enum TokenFate;

/// Rows of fields, the header first; quotes undone.
std::vector<std::vector<std::string>> parseCsv(const std::string& text) {
    std::vector<std::vector<std::string>> rows;
    std::vector<std::string> row{""};
    bool quoted = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (quoted && c == '"' && i + 1 < text.size() && text[i + 1] == '"') {
            row.back() += text[++i];
        } else if (c == '"') {
            quoted = !quoted;
        } else if (!quoted && c == ',') {
            row.emplace_back();
        } else if (!quoted && c == '\r' && i + 1 < text.size() && text[i + 1] == '\n') {
            rows.push_back(std::move(row));
            row = {""};
            ++i;
        } else {
            row.back() += c;
        }
    }
    EXPECT_FALSE(quoted);
    EXPECT_EQ(row, std::vector<std::string>{""}) << "the last line has no end";
    return rows;
}

float floatOf(const std::string& text) {
    float value = std::numeric_limits<float>::quiet_NaN();
    const auto end = std::from_chars(text.data(), text.data() + text.size(), value).ptr;
    EXPECT_EQ(end, text.data() + text.size()) << text;
    return value;
}

double doubleOf(const std::string& text) {
    double value = std::numeric_limits<double>::quiet_NaN();
    const auto end = std::from_chars(text.data(), text.data() + text.size(), value).ptr;
    EXPECT_EQ(end, text.data() + text.size()) << text;
    return value;
}

std::array<int, 3> countsOf(const std::vector<TokenFate>& fates) {
    std::array<int, 3> counts{};
    for (const TokenFate fate : fates)
        ++counts[static_cast<std::size_t>(fate)];
    return counts;
}

TEST(Trace, SegmentAtFindsTheSegmentOfEachPosition) {
    const BlendTrace trace = exampleTrace();
    EXPECT_EQ(trace.suffixBegin(), 12);
    const std::vector<int> expected{0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 3, 3, 4, 4};
    for (int position = 0; position < trace.promptTokens(); ++position)
        EXPECT_EQ(trace.segmentAt(position), expected[static_cast<std::size_t>(position)]) << position;
    EXPECT_EQ(BlendTrace{}.segmentAt(0), 0);
}

TEST(Trace, FatesOfABlendAreItsCounters) {
    const BlendTrace trace = exampleTrace();
    const std::vector<TokenFate> expected{Reused,     Reused, Reused, Recomputed, Reused, Recomputed, Reused,
                                          Recomputed, Reused, Reused, Fresh,      Fresh,  Fresh,      Fresh};
    EXPECT_EQ(tokenFates(trace), expected);
    EXPECT_EQ(countsOf(expected), (std::array{trace.tokens.reused, trace.tokens.recomputed, trace.tokens.fresh}));
}

TEST(Trace, FatesOfFullPrefillAndOfPrefixCachingAreTheirCounters) {
    BlendTrace trace = exampleTrace();
    trace.selection = {};
    trace.options.strategy = Strategy::Full;
    trace.tokens = {14, 0, 10, 4, 2};
    EXPECT_EQ(countsOf(tokenFates(trace)), (std::array{0, 10, 4}));
    trace.options.strategy = Strategy::Prefix;
    trace.tokens = {14, 3, 7, 4, 2};
    EXPECT_EQ(countsOf(tokenFates(trace)), (std::array{3, 7, 4}));
    EXPECT_EQ(tokenFates(trace)[2], Reused);
    EXPECT_EQ(tokenFates(trace)[3], Recomputed);
}

TEST(Trace, RanksFollowTheSelectionsOrder) {
    // Position 3 and 7 are the first of their chunks and forced; the missing chunk is not ranked. 0.1 twice: the lower position first.
    EXPECT_EQ(scoreRanks(exampleTrace()), (std::vector<int>{0, 0, 0, 0, 4, 1, 2, 0, 5, 3, 0, 0, 0, 0}));
    BlendTrace trace = exampleTrace();
    trace.selection.score[6] = std::numeric_limits<float>::quiet_NaN();
    EXPECT_EQ(scoreRanks(trace)[9], 1) << "NaN is chosen first";
    trace.selection.score.clear();
    EXPECT_EQ(scoreRanks(trace), std::vector<int>(14, 0));
}

TEST(TraceTables, TheRecomputeTableEqualsTheLists) {
    const BlendTrace trace = exampleTrace();
    const auto rows = parseCsv(recomputeCsv(trace));
    ASSERT_EQ(rows.size(), 15U);
    EXPECT_EQ(rows[0], (std::vector<std::string>{"position", "segment", "document", "token", "text", "fate", "chosen",
                                                 "score", "rank"}));
    EXPECT_EQ(rows[1], (std::vector<std::string>{"0", "0", "", "1", "<s>", "reused", "0", "", ""}));
    EXPECT_EQ(rows[4], (std::vector<std::string>{"3", "1", "Springs, \"wells\" and fens", "40", "Spr", "recomputed", "1",
                                                 "9.5", ""}));
    EXPECT_EQ(rows[6][4], " \"");
    EXPECT_EQ(rows[7][4], "\xEF\xBF\xBD\xEF\xBF\xBD") << "half a character is two replaced bytes";
    EXPECT_EQ(rows[9][4], "\r\n");
    EXPECT_EQ(rows[14], (std::vector<std::string>{"13", "4", "", "71", "?", "new", "0", "", ""}));
    const std::vector<int> ranks = scoreRanks(trace);
    for (std::size_t position = 3; position < 12; ++position) {
        EXPECT_EQ(floatOf(rows[position + 1][7]), trace.selection.score[position - 3]) << position;
        EXPECT_EQ(rows[position + 1][8], ranks[position] > 0 ? std::to_string(ranks[position]) : "") << position;
    }
}

TEST(TraceTables, TheDeviationTablesEqualTheLists) {
    const BlendTrace trace = measuredTrace();
    const DeviationReport& report = *trace.deviation;
    const auto kv = parseCsv(kvDeviationCsv(trace));
    ASSERT_EQ(kv.size(), 1U + 2 * 2 * 14);
    for (std::size_t at = 0; at < 28; ++at) {
        const auto& reuse = kv[1 + 2 * at];
        const auto& blend = kv[2 + 2 * at];
        EXPECT_EQ(reuse[0] + "," + reuse[1] + "," + reuse[2],
                  std::to_string(at / 14) + "," + std::to_string(at % 14) + ",reuse");
        EXPECT_EQ(blend[2], "blend");
        EXPECT_EQ(floatOf(reuse[3]), report.reuse.kv.k[at]);
        EXPECT_EQ(floatOf(reuse[4]), report.reuse.kv.v[at]);
        EXPECT_EQ(floatOf(blend[3]), report.blend.kv.k[at]);
        EXPECT_EQ(floatOf(blend[4]), report.blend.kv.v[at]);
    }
    const auto blocks = parseCsv(attentionBlocksCsv(trace));
    ASSERT_EQ(blocks.size(), 1U + 3 * 2 * 2 * 25);
    std::size_t row = 1;
    for (std::size_t head = 0; head < 4; ++head)
        for (const auto& [name, attention] :
             {std::pair{"reuse", &report.reuse.attention}, {"blend", &report.blend.attention}, {"full", &report.full}})
            for (std::size_t cell = 0; cell < 25; ++cell, ++row) {
                EXPECT_EQ(blocks[row],
                          (std::vector<std::string>{std::to_string(head / 2), std::to_string(head % 2), name,
                                                    std::to_string(cell / 5), std::to_string(cell % 5), blocks[row][5]}));
                EXPECT_EQ(floatOf(blocks[row][5]), attention->block[head * 25 + cell]);
            }
    const auto heads = parseCsv(attentionDeviationCsv(trace));
    ASSERT_EQ(heads.size(), 5U);
    EXPECT_EQ(heads[4], (std::vector<std::string>{"1", "1", "1", "0.5"}));
}

TEST(TraceTables, TimesAndDivergenceEqualTheLists) {
    const BlendTrace trace = measuredTrace();
    EXPECT_EQ(layerTimesCsv(trace),
              "layer,load_begin,load_end,compute_begin,compute_end\r\n0,0.5,1.5,2.5,3.5\r\n1,1.75,2.75,3.75,4.75\r\n");
    const auto stages = parseCsv(stagesCsv(trace));
    ASSERT_EQ(stages.size(), 15U);
    double sum = 0;
    for (std::size_t i = 1; i <= 10; ++i)
        sum += doubleOf(stages[i][1]);
    EXPECT_EQ(stages[11][0], "ttft");
    EXPECT_EQ(sum, doubleOf(stages[11][1]));
    EXPECT_EQ(answerKlCsv(trace), "position,kl\r\n0,0.1\r\n1,1e-300\r\n");
}

TEST(TraceTables, WithoutAMeasurementOnlyTheHeaderStands) {
    const BlendTrace trace = exampleTrace();
    EXPECT_EQ(kvDeviationCsv(trace), "layer,position,run,k,v\r\n");
    EXPECT_EQ(attentionBlocksCsv(trace), "layer,head,run,from,to,probability\r\n");
    EXPECT_EQ(attentionDeviationCsv(trace), "layer,head,reuse,blend\r\n");
    EXPECT_EQ(answerKlCsv(trace), "position,kl\r\n");
}

}  // namespace
}  // namespace engine::testing
