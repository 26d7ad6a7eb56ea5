// `eval`: cases, right answers, summaries, rows and dumps.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "app/eval_cases.h"
#include "app/startup.h"
#include "app/statistics.h"
#include "tests/app/command_session.h"

namespace app {
namespace {

using nlohmann::json;
using testing::CommandSession;

engine::Result<std::vector<EvalCase>> parse(const std::string& text) {
    std::istringstream lines(text);
    return parseEvalCases(lines, "cases.jsonl");
}

TEST(EvalCases, FieldsBecomeThePrompt) {
    const auto cases =
        parse(R"({"id":"a","head":"H","chunks":["one","two"],"question":"Q?","answers":["x","y"],"kind":"extra"}

{"id":7,"head":"","chunks":[],"question":"Q","answers":[],"raw":true}
)");
    ASSERT_TRUE(cases.ok()) << cases.status().message();
    ASSERT_EQ(cases->size(), 2U);
    EXPECT_EQ((*cases)[0].id, "a");
    EXPECT_EQ((*cases)[0].prompt.head, "H");
    EXPECT_EQ((*cases)[0].prompt.chunks, (std::vector<std::string>{"one", "two"}));
    EXPECT_EQ((*cases)[0].prompt.question, "Q?");
    EXPECT_FALSE((*cases)[0].prompt.raw);
    EXPECT_EQ((*cases)[0].answers, (std::vector<std::string>{"x", "y"}));
    EXPECT_EQ((*cases)[1].id, "7");
    EXPECT_TRUE((*cases)[1].prompt.raw);
}

TEST(EvalCases, ABadLineIsNamedWithItsReason) {
    const auto message = [](const std::string& line) {
        return parse("{\"id\":\"a\",\"head\":\"\",\"chunks\":[],\"question\":\"Q\",\"answers\":[]}\n" + line + "\n")
            .status()
            .message();
    };
    EXPECT_EQ(message("{nonsense"), "cases.jsonl:2: not JSON, at byte 3");
    EXPECT_EQ(message("[1]"), "cases.jsonl:2: not a JSON object");
    EXPECT_EQ(message(R"({"id":"b","chunks":[],"question":"Q"})"), "cases.jsonl:2: \"head\" is missing");
    EXPECT_EQ(message(R"({"id":"b","head":1,"chunks":[],"question":"Q"})"), "cases.jsonl:2: \"head\" is not a string");
    EXPECT_EQ(message(R"({"id":"b","head":"","chunks":"x","question":"Q"})"),
              "cases.jsonl:2: \"chunks\" is not an array of strings");
    EXPECT_EQ(message(R"({"id":"b","head":"","chunks":[1],"question":"Q"})"),
              "cases.jsonl:2: \"chunks\" is not an array of strings");
    EXPECT_EQ(message(R"({"id":"b","head":"","chunks":[],"question":"Q","raw":1})"),
              "cases.jsonl:2: \"raw\" is neither true nor false");
    EXPECT_EQ(message(R"({"id":"a","head":"","chunks":[],"question":"Q"})"),
              "cases.jsonl:2: the id 'a' stands on an earlier line already");
    EXPECT_EQ(parse("\n\n").status().message(), "cases.jsonl: holds no case");
}

TEST(EvalCases, AnIdCannotLeadADumpOutOfItsFolder) {
    for (const char* id : {"\"../x\"", "\"a/b\"", "\"\"", "\".hidden\"", "\"a\\nb\"", "null", "1.5"})
        EXPECT_FALSE(parse(std::string("{\"id\":") + id + R"(,"head":"","chunks":[],"question":"Q"})").ok()) << id;
}

TEST(EvalCases, AnAnswerCountsWhereverItOccursInEitherCase) {
    EXPECT_TRUE(containsAnswer("It was the North Bridge, surely.", {"south", "north bridge"}));
    EXPECT_TRUE(containsAnswer("ja: Größe", {"größe"})) << "letters beyond A-Z must match as they are";
    EXPECT_FALSE(containsAnswer("the bridge", {"north bridge"}));
    EXPECT_FALSE(containsAnswer("anything", {}));
    EXPECT_FALSE(containsAnswer("anything", {""})) << "an empty answer occurs everywhere and tells nothing";
}

TEST(Statistics, MedianAndSpread) {
    EXPECT_EQ(medianOf({3}), 3);
    EXPECT_EQ(medianOf({9, 1, 5}), 5);
    EXPECT_EQ(medianOf({4, 1, 3, 2}), 2.5);
    const Spread spread = spreadOf({7, 3, 4});
    EXPECT_EQ(spread.median, 4);
    EXPECT_EQ(spread.min, 3);
    EXPECT_EQ(spread.max, 7);
}

TEST(EvalSummary, FiguresAreThoseOfTheCasesThatHaveThem) {
    const std::vector<EvalFigures> rows{{"a", true, 10, 0.2, 0.5, true, 40.0},
                                        {"d", true, 100, 0.1, std::nullopt, std::nullopt, std::nullopt},
                                        {"b", false, 20, 0.3, 0.1, false, 60.0},
                                        {"c", true, 30, 0.4, 0.3, true, 100.0}};
    const EvalSummary summary = summarise(engine::Strategy::Query, {0.3, "0.3"}, rows, 1);
    EXPECT_EQ(summary.cases, 5);
    EXPECT_EQ(summary.failed, 1);
    EXPECT_DOUBLE_EQ(*summary.correct, 0.75);
    EXPECT_DOUBLE_EQ(*summary.meanTtftMs, 40);
    EXPECT_DOUBLE_EQ(*summary.meanChargedWork, 0.25);
    EXPECT_DOUBLE_EQ(*summary.meanKl, 0.3);
    EXPECT_DOUBLE_EQ(*summary.medianKl, 0.3);
    EXPECT_DOUBLE_EQ(*summary.top1Agreement, 2.0 / 3);
    EXPECT_DOUBLE_EQ(*summary.overFull, 20.0 / (200.0 / 3)) << "case d has no full prefill and must not count";
    const EvalSummary empty = summarise(engine::Strategy::Query, {}, {}, 2);
    EXPECT_EQ(empty.cases, 2);
    EXPECT_FALSE(empty.meanTtftMs);
}

/// A folder with a case file of two cases; gone with the test.
class EvalCommandTest : public ::testing::Test {
protected:
    void SetUp() override {
        std::ofstream(casesPath()) << R"({"id":"one","head":"H","chunks":["c1"],"question":"Q1","answers":["forty-TWO"]})"
                                   << '\n'
                                   << R"({"id":"two","head":"H","chunks":["c2"],"question":"Q2","answers":["seven"]})"
                                   << '\n';
    }
    std::string casesPath() const { return folder.path() + "/cases.jsonl"; }
    std::vector<json> jsonLines() const {
        std::istringstream lines(session.out);
        std::vector<json> values;
        for (std::string line; std::getline(lines, line);)
            values.push_back(json::parse(line));
        return values;
    }

    TemporaryDirectory folder = TemporaryDirectory::create([](const std::string&) { return std::nullopt; }).value();
    CommandSession session;
};

TEST_F(EvalCommandTest, EveryCaseMeetsEveryStrategyAndRatioThenSummariesFollow) {
    ASSERT_EQ(session.run({"eval", "--cases", casesPath(), "--strategy", "full", "--strategy", "query", "--ratio", "0.15",
                           "--ratio", "0.5", "--compare", "--json", "--anchor", "bos", "--max-tokens", "9"}),
              0)
        << session.err;
    const auto lines = jsonLines();
    ASSERT_EQ(lines.size(), 2 * 4 + 4U);
    EXPECT_EQ(lines[0]["id"], "one");
    EXPECT_EQ(lines[0]["strategy"], "full");
    EXPECT_EQ(lines[0]["correct"], true);
    EXPECT_EQ(lines[3]["strategy"], "query");
    EXPECT_EQ(lines[3]["ratio"], 0.5);
    EXPECT_EQ(lines[4]["id"], "two");
    EXPECT_EQ(lines[4]["correct"], false);
    EXPECT_EQ(lines[4]["compare"]["kl"], 0.375);
    const json summary = lines[8]["summary"];
    EXPECT_EQ(summary["strategy"], "full");
    EXPECT_EQ(summary["ratio"], 0.15);
    EXPECT_EQ(summary["cases"], 2);
    EXPECT_EQ(summary["correct"], 0.5);
    EXPECT_EQ(summary["kl_mean"], 0.375);
    EXPECT_EQ(summary["over_full"], 0.25);
    const auto& log = *session.engine.log;
    EXPECT_EQ(log.calls.front(), "precompute") << "before the clock starts";
    ASSERT_EQ(log.precomputed.size(), 1U);
    EXPECT_EQ(log.precomputed[0].given.size(), 2U);
    EXPECT_EQ(log.precomputed[0].anchor, engine::Anchor::Bos);
    ASSERT_EQ(log.queries.size(), 8U);
    EXPECT_EQ(log.queries[1].blend.ratio, 0.5);
    EXPECT_EQ(log.queries[1].blend.anchor, engine::Anchor::Bos);
    EXPECT_EQ(log.queries[1].sampling.maxTokens, 9);
    EXPECT_EQ(log.queries[4].given->question, "Q2");
}

TEST_F(EvalCommandTest, WorksInAWorkspaceOfItsOwnUnlessOneIsNamed) {
    ASSERT_EQ(session.run({"eval", "--cases", casesPath(), "--json"}), 0) << session.err;
    const std::string own = session.opened[0].workspace;
    EXPECT_EQ(own.find("/nonexistent/home"), std::string::npos);
    EXPECT_FALSE(std::filesystem::exists(own)) << "a temporary workspace must go";
    ASSERT_EQ(session.run({"eval", "--cases", casesPath(), "--json", "--workspace", "/w"}), 0);
    EXPECT_EQ(session.opened[1].workspace, "/w");
}

TEST_F(EvalCommandTest, DumpsOneFileARowNamedByTheRatioAsTyped) {
    const std::string dump = folder.path() + "/dump";
    ASSERT_EQ(session.run({"eval", "--cases", casesPath(), "--ratio", "0.300", "--dump", dump, "--json"}), 0) << session.err;
    std::ifstream file(dump + "/two.query-value.0.300.json");
    ASSERT_TRUE(file.good());
    const json value = json::parse(file);
    EXPECT_EQ(value["selected"].size(), 15U);
    EXPECT_EQ(value["selected"][1], 18);
    EXPECT_EQ(value["kl"], json({0.5, 0.25}));
    EXPECT_EQ(value["top20"][0]["id"], 7);
    EXPECT_TRUE(std::filesystem::exists(dump + "/one.query-value.0.300.json"));
}

TEST_F(EvalCommandTest, FullIsTheMeasureWhenNothingIsCompared) {
    session.engine.answerOf = [](const engine::BlendPlan& plan) {
        engine::Answer answer = testing_engine::exampleAnswer(plan);
        answer.ms.ttft = plan.options.strategy == engine::Strategy::Full ? 100 : 25;
        return engine::Result<engine::Answer>(answer);
    };
    ASSERT_EQ(session.run({"eval", "--cases", casesPath(), "--strategy", "query,full", "--json"}), 0);
    const auto lines = jsonLines();
    EXPECT_EQ(lines[4]["summary"]["over_full"], 0.25);
    EXPECT_EQ(lines[5]["summary"]["over_full"], 1.0);
    EXPECT_TRUE(lines[4]["summary"]["kl_mean"].is_null());
}

TEST_F(EvalCommandTest, ARowThatFailsIsToldAndTheOthersGoOn) {
    int runs = 0;
    session.engine.answerOf = [&runs](const engine::BlendPlan& plan) -> engine::Result<engine::Answer> {
        if (runs++ == 0)
            return engine::Status(engine::StatusCode::InvalidArgument, "the prompt is too long");
        return testing_engine::exampleAnswer(plan);
    };
    EXPECT_EQ(session.run({"eval", "--cases", casesPath(), "--json"}), 1);
    const auto lines = jsonLines();
    ASSERT_EQ(lines.size(), 3U);
    EXPECT_EQ(lines[0]["error"], "the prompt is too long");
    EXPECT_EQ(lines[1]["id"], "two");
    EXPECT_EQ(lines[2]["summary"]["failed"], 1);
    EXPECT_EQ(lines[2]["summary"]["cases"], 2);
    EXPECT_NE(session.err.find("case one, query-value 0.15: the prompt is too long"), std::string::npos) << session.err;
}

TEST_F(EvalCommandTest, WithoutJsonATableIsShown) {
    ASSERT_EQ(session.run({"eval", "--cases", casesPath(), "--compare"}), 0);
    EXPECT_EQ(session.out,
              "strategy     ratio  cases  failed  mean KL  median KL  top-1 equal  correct  TTFT ms  over full   work\n"
              "query-value   0.15      2       0   0.3750     0.3750        1.000    0.500     32.0      0.250  0.438\n");
}

TEST_F(EvalCommandTest, AStopKeepsWhatIsDone) {
    session.engine.whileRunning = [this] {
        if (session.engine.log->queries.size() == 2)
            session.stop.request_stop();
    };
    EXPECT_EQ(session.run({"eval", "--cases", casesPath(), "--json"}), 130);
    const auto lines = jsonLines();
    ASSERT_EQ(lines.size(), 2U);
    EXPECT_EQ(lines[0]["id"], "one");
    EXPECT_EQ(lines[1]["summary"]["cases"], 1);
}

TEST_F(EvalCommandTest, ARunThatEndsItselfByAStopEndsTheEvaluation) {
    session.engine.answerOf = [](const engine::BlendPlan&) {
        return engine::Result<engine::Answer>(engine::Status(engine::StatusCode::Cancelled, "stopped"));
    };
    EXPECT_EQ(session.run({"eval", "--cases", casesPath(), "--json"}), 130);
    EXPECT_EQ(session.engine.log->queries.size(), 1U);
    ASSERT_EQ(jsonLines().size(), 1U);
    EXPECT_EQ(jsonLines()[0]["summary"]["failed"], 0);
}

TEST_F(EvalCommandTest, BadCasesAreARequestThatFailed) {
    std::ofstream(casesPath()) << "{\n";
    EXPECT_EQ(session.run({"eval", "--cases", casesPath(), "--json"}), 1);
    EXPECT_EQ(session.out, "");
    EXPECT_NE(session.err.find("cases.jsonl:1: not JSON"), std::string::npos) << session.err;
    EXPECT_EQ(session.run({"eval", "--cases", folder.path() + "/none", "--json"}), 1);
    EXPECT_NE(session.err.find("No such file"), std::string::npos) << session.err;
}

}  // namespace
}  // namespace app
