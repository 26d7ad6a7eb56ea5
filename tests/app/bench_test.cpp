// `bench`: rows from samples, distinct prompts, turns, cold and warm.
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "app/bench_report.h"
#include "app/names.h"
#include "tests/app/command_session.h"

namespace app {
namespace {

using nlohmann::json;
using testing::CommandSession;

TtftSample sampleOf(double ttft, double recompute, double hidden, double work) {
    TtftSample sample;
    sample.ms.ttft = ttft;
    sample.ms.recompute = recompute;
    sample.ms.firstToken = 1;
    sample.ms.loadHidden = hidden;
    sample.chargedWork = work;
    sample.promptTokens = 600;
    return sample;
}

TEST(TtftRow, FiguresAreMediansAndTheWorstSumIsShown) {
    const TtftRow row = ttftRow(512, engine::Strategy::Query, 0.3, CacheState::Cold,
                                {sampleOf(10, 9, 3, 0.2), sampleOf(20, 17, 1, 0.25), sampleOf(40, 39, 2, 0.3)});
    EXPECT_EQ(row.ms.median, 20);
    EXPECT_EQ(row.ms.min, 10);
    EXPECT_EQ(row.ms.max, 40);
    EXPECT_EQ(row.chargedWork, 0.25);
    EXPECT_EQ(row.loadHidden, 2);
    EXPECT_FALSE(row.loadHiddenShare) << "nothing was read from disk";
    EXPECT_EQ(row.stages.recompute, 17);
    EXPECT_EQ(row.stages.firstToken, 1);
    EXPECT_DOUBLE_EQ(row.stageSumOverTtft, 18.0 / 20) << "the other runs' stages sum to their TTFT";
    EXPECT_EQ(row.promptTokens, 600);
    EXPECT_FALSE(row.overFull);
}

TEST(TtftRow, OverFullIsOfTheSameContextAndState) {
    const auto row = [](int context, engine::Strategy strategy, CacheState state, double ms) {
        return ttftRow(context, strategy, 0.15, state, {sampleOf(ms, ms - 1, 0, 1)});
    };
    using engine::Strategy;
    std::vector<TtftRow> rows{row(512, Strategy::Reuse, CacheState::Cold, 20),
                              row(512, Strategy::Full, CacheState::Cold, 80), row(512, Strategy::Full, CacheState::Warm, 40),
                              row(512, Strategy::Reuse, CacheState::Warm, 20),
                              row(2048, Strategy::Reuse, CacheState::Warm, 20)};
    relateToFull(rows);
    EXPECT_EQ(rows[0].overFull, 0.25);
    EXPECT_EQ(rows[1].overFull, 1.0);
    EXPECT_EQ(rows[3].overFull, 0.5);
    EXPECT_FALSE(rows[4].overFull) << "no full prefill of that context was measured";
}

TEST(BenchText, IsTheSameEveryTimeAndDiffersByItsSeedFromTheStart) {
    EXPECT_EQ(benchText(5, 40), benchText(5, 40));
    EXPECT_EQ(benchText(5, 40).substr(0, benchText(5, 10).size()), benchText(5, 10)) << "longer text continues shorter";
    std::set<std::string> openings, bodies;
    for (int seed = 1; seed <= 200; ++seed) {
        openings.insert(benchText(seed, 2).substr(0, 12));
        bodies.insert(benchText(seed, 8).substr(12));
    }
    EXPECT_EQ(openings.size(), 200U);
    EXPECT_EQ(bodies.size(), 200U);
}

class BenchCommandTest : public ::testing::Test {
protected:
    void SetUp() override {
        session.engine.promptLogits.greedy = {1, 2, 3, 4, 5};
        session.engine.promptLogits.prefillMs = 50;
        session.engine.promptLogits.decodeMs = 200;
        session.engine.promptLogits.prefillOperations = 10e9;
        session.engine.promptLogits.decodeBytes = 5e9;
        session.engine.info.loadMs = 250;
        session.engine.precomputeReport.chunksDone = 4;
        session.engine.precomputeReport.tokens = 200;
        session.engine.precomputeReport.ms = 400;
        session.engine.answerOf = [](const engine::BlendPlan& plan) {
            engine::Answer answer = testing_engine::exampleAnswer(plan);
            if (plan.options.strategy == engine::Strategy::Full)
                answer.ms.ttft = 64;
            return engine::Result<engine::Answer>(answer);
        };
    }
    json bench(std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), {"bench", "--json", "--lengths", "200", "--chunks", "4", "--generate", "5"});
        EXPECT_EQ(session.run(arguments), 0) << session.err;
        return json::parse(session.out);
    }

    CommandSession session;
};

TEST_F(BenchCommandTest, RatesAreTokensOverTheirOwnTime) {
    const json report = bench({"--repeat", "2"});
    EXPECT_EQ(report["rows"][0]["kind"], "prefill");
    EXPECT_EQ(report["rows"][0]["tokens"], 200);
    EXPECT_EQ(report["rows"][0]["tokens_per_second"]["median"], 4000.0);
    EXPECT_EQ(report["rows"][1]["kind"], "decode");
    EXPECT_EQ(report["rows"][1]["after"], 200);
    EXPECT_EQ(report["rows"][1]["tokens"], 5);
    EXPECT_EQ(report["rows"][1]["tokens_per_second"]["median"], 20.0)
        << "the first token belongs to the prefill: 4 in 200 ms";
    EXPECT_EQ(report["rows"][0]["gflops"], 200.0) << "10 GFLOP in 50 ms";
    EXPECT_EQ(report["rows"][1]["read_gb_per_s"], 25.0) << "5 GB in 200 ms";
    EXPECT_FALSE(report["rows"][0].contains("of_peak")) << "no peak was measured";
    EXPECT_EQ(report["load_ms"], 250);
    EXPECT_EQ(report["rows"][2]["kind"], "precompute");
    EXPECT_EQ(report["rows"][2]["tokens"], 200);
    EXPECT_EQ(report["rows"][2]["tokens_per_second"]["median"], 500.0);
    EXPECT_EQ(std::count(session.engine.log->calls.begin(), session.engine.log->calls.end(), "logits 200 1 5"), 3)
        << "two measured runs after one that is not";
}

TEST_F(BenchCommandTest, EveryStrategyIsMeasuredColdAndWarm) {
    const json report = bench({"--repeat", "1"});
    std::set<std::string> seen;
    for (const json& row : report["rows"])
        if (row["kind"] == "ttft")
            seen.insert(row["strategy"].get<std::string>() + " " + row["state"].get<std::string>());
    std::set<std::string> wanted;
    for (const engine::Strategy strategy : allOf<engine::Strategy>())
        for (const char* state : {" cold", " warm"})
            wanted.insert(std::string(nameOf(strategy)) + state);
    EXPECT_EQ(seen, wanted);
    for (const json& row : report["rows"])
        if (row["kind"] == "ttft") {
            EXPECT_EQ(row["over_full"], row["strategy"] == "full" ? 1.0 : 0.5);
        }
}

TEST_F(BenchCommandTest, StrategiesTakeTurnsAndPagesAreDroppedBeforeEachColdRunOnly) {
    bench({"--repeat", "1", "--strategy", "full", "--strategy", "reuse"});
    auto calls = session.engine.log->calls;
    const auto firstDrop = std::find(calls.begin(), calls.end(), "drop");
    const std::vector<std::string> asked(firstDrop, calls.end());
    EXPECT_EQ(asked, (std::vector<std::string>{
                         "drop",       "plan full",  "run",        "drop", "plan reuse", "run",  // cold, not measured
                         "drop",       "plan reuse", "run",        "drop", "plan full",  "run",  // cold
                         "plan full",  "run",        "plan reuse", "run",                        // warm, not measured
                         "plan reuse", "run",        "plan full",  "run"}));                     // warm
}

TEST_F(BenchCommandTest, TheFirstRunOfEachStrategyAndStateIsNotMeasured) {
    session.engine.answerOf = [log = session.engine.log](const engine::BlendPlan& plan) {
        engine::Answer answer = testing_engine::exampleAnswer(plan);
        const auto runs = std::count(log->calls.begin(), log->calls.end(), "run");
        answer.ms.ttft = runs == 1 || runs == 4 ? 1000 : 32;  // the first of three cold runs, the first of three warm ones
        return engine::Result<engine::Answer>(answer);
    };
    for (const json& row : bench({"--repeat", "2", "--strategy", "full"})["rows"])
        if (row["kind"] == "ttft") {
            EXPECT_EQ(row["ms"]["max"], 32.0) << row;
        }
}

TEST_F(BenchCommandTest, FullIsMeasuredEvenWhenNotAskedFor) {
    const json report = bench({"--repeat", "1", "--strategy", "query", "--ratio", "0.4"});
    for (const json& row : report["rows"])
        if (row["kind"] == "ttft" && row["strategy"] == "query") {
            EXPECT_EQ(row["over_full"], 0.5);
            EXPECT_EQ(row["ratio"], 0.4);
        }
    EXPECT_EQ(session.engine.log->queries.front().blend.ratio, 0.4);
}

TEST_F(BenchCommandTest, ChunksAreDistinctHaveTheAskedLengthAndArePrecomputedOnce) {
    bench({"--repeat", "2"});
    std::set<std::string> chunks;
    for (const auto& request : session.engine.log->precomputed) {
        ASSERT_EQ(request.given.size(), 1U);
        ASSERT_EQ(request.given[0].chunks.size(), 4U);
        for (const std::string& chunk : request.given[0].chunks) {
            EXPECT_TRUE(chunks.insert(chunk).second) << "a chunk seen before would not be computed";
            const auto words = 1 + std::count(chunk.begin(), chunk.end(), ' ');
            EXPECT_EQ(words, 50) << "the fake's tokens are words";
        }
    }
    EXPECT_EQ(session.engine.log->precomputed.size(), 3U);
    EXPECT_EQ(session.engine.log->queries.front().given->chunks, session.engine.log->precomputed.front().given[0].chunks);
    EXPECT_EQ(session.engine.log->queries.front().sampling.maxTokens, 1);
}

TEST(BenchReport, SharesAreOfThePeakWhereTheModelIsComputed) {
    BenchReport report;
    report.rates = {{RateKind::Prefill, 512, 0, {}, 300.0, {}},
                    {RateKind::Decode, 64, 512, {}, 20.0, {}},
                    {RateKind::Precompute, 512, 0, {}, {}, {}}};
    report.peak = engine::MachinePeak{2, 200, 400, 800, 25};
    report.gpuPeak = engine::GpuPeak{600, 40, 10};
    const auto shares = [&](const char* backend, const char* precision) {
        report.backend = backend;
        report.precision = precision;
        for (RateRow& row : report.rates)
            row.ofPeak.reset();
        relateToPeak(report);
        EXPECT_FALSE(report.rates[2].ofPeak.has_value()) << "precompute has no rate of its own";
        return std::pair(report.rates[0].ofPeak, report.rates[1].ofPeak);
    };
    EXPECT_EQ(shares("cpu", "bf16"), std::pair(std::optional(0.75), std::optional(0.8)));
    EXPECT_EQ(shares("cpu", "f32"), std::pair(std::optional(1.5), std::optional(0.8)));
    EXPECT_EQ(shares("cuda", "bf16"), std::pair(std::optional(0.5), std::optional(0.5)));
    EXPECT_EQ(shares("cpu+cuda", "bf16"), std::pair(std::optional<double>(), std::optional<double>())) << "two places";
}

TEST_F(BenchCommandTest, NeverTouchesANamedWorkspace) {
    bench({"--repeat", "1", "--workspace", "/w"});
    EXPECT_NE(session.opened[0].workspace, "/w");
}

TEST_F(BenchCommandTest, LengthsBeyondTheModelsContextAreLeftOutAndToldOrRefusedWhenNoneIsLeft) {
    session.engine.info.contextLength = 400;
    ASSERT_EQ(session.run({"bench", "--json", "--lengths", "200,512", "--chunks", "4", "--generate", "5", "--repeat", "1"}),
              0);
    EXPECT_NE(session.err.find("512 tokens of context do not fit"), std::string::npos) << session.err;
    EXPECT_EQ(session.out.find("\"context\": 512"), std::string::npos);
    EXPECT_EQ(session.run({"bench", "--json", "--lengths", "512", "--chunks", "4"}), 1);
    EXPECT_EQ(session.out, "");
    EXPECT_NE(session.err.find("--lengths"), std::string::npos) << session.err;
}

TEST_F(BenchCommandTest, AStopEndsItWithoutARow) {
    session.engine.whileRunning = [this] { session.stop.request_stop(); };
    EXPECT_EQ(session.run({"bench", "--json", "--lengths", "200", "--chunks", "4", "--repeat", "1"}), 130);
    EXPECT_EQ(session.out, "");
}

TEST_F(BenchCommandTest, TextFormIsATable) {
    ASSERT_EQ(session.run(
                  {"bench", "--lengths", "200", "--chunks", "4", "--generate", "5", "--repeat", "1", "--strategy", "reuse"}),
              0);
    EXPECT_NE(session.out.find("context  state  strategy  TTFT ms  least  greatest  over full   work  load hidden ms\n"
                               "    200  cold   full         64.0   64.0      64.0      1.000  0.438             5.5\n"
                               "    200  cold   reuse        32.0   32.0      32.0      0.500  0.438             5.5\n"),
              std::string::npos)
        << session.out;
}

}  // namespace
}  // namespace app
