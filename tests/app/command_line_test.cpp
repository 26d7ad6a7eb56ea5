// The grammar: what arguments mean, and what is refused.
#include "app/command_line.h"

#include <gtest/gtest.h>

namespace app {
namespace {

CommandLine parsed(const std::vector<std::string>& arguments) {
    const auto result = parseCommandLine(arguments);
    if (const auto* error = std::get_if<UsageError>(&result)) {
        ADD_FAILURE() << error->message;
        return {};
    }
    EXPECT_TRUE(std::holds_alternative<CommandLine>(result)) << "help instead of a command";
    return std::get<CommandLine>(result);
}

template <class Command>
Command commandOf(const std::vector<std::string>& arguments) {
    const CommandLine line = parsed(arguments);
    EXPECT_TRUE(std::holds_alternative<Command>(line.command)) << "another command";
    return std::get<Command>(line.command);
}

std::string errorOf(const std::vector<std::string>& arguments) {
    const auto result = parseCommandLine(arguments);
    const auto* error = std::get_if<UsageError>(&result);
    return error != nullptr ? error->message : "no error";
}

std::string helpOf(const std::vector<std::string>& arguments) {
    const auto result = parseCommandLine(arguments);
    const auto* help = std::get_if<HelpText>(&result);
    return help != nullptr ? help->text : "no help";
}

TEST(CommandLine, CommonOptionsStandBeforeOrAfterTheCommand) {
    const std::vector<std::vector<std::string>> orders{
        {"--workspace", "/w", "--model", "/m", "--threads", "3", "--json", "ask", "Why?", "--collection", "c"},
        {"ask", "Why?", "--collection", "c", "--workspace", "/w", "--model", "/m", "--threads", "3", "--json"},
        {"--workspace", "/w", "ask", "--json", "--collection", "c", "--model", "/m", "Why?", "--threads", "3"}};
    for (const auto& order : orders) {
        const CommandLine line = parsed(order);
        EXPECT_EQ(line.common.workspace, "/w");
        EXPECT_EQ(line.common.model, "/m");
        EXPECT_EQ(line.common.threads, 3);
        EXPECT_TRUE(line.common.json);
        EXPECT_EQ(std::get<AskCommand>(line.command).query.question, "Why?");
    }
    EXPECT_TRUE(parsed({"store", "stats", "--json"}).common.json);
    EXPECT_TRUE(parsed({"store", "--json", "stats"}).common.json);
}

TEST(CommandLine, DefaultsAreThoseOfThePresetFast) {
    const AskCommand ask = commandOf<AskCommand>({"ask", "Why?", "--collection", "c"});
    EXPECT_EQ(ask.query.blend.strategy, engine::Strategy::QueryValue);
    EXPECT_EQ(ask.query.blend.ratio, 0.15);
    EXPECT_EQ(ask.query.blend.anchor, engine::Anchor::None);
    EXPECT_EQ(ask.query.blend.metric, engine::DeviationMetric::V);
    EXPECT_EQ(ask.query.blend.checkLayer, 1);
    EXPECT_EQ(ask.query.blend.mask, engine::MaskKind::Exact);
    EXPECT_EQ(ask.query.topK, 6);
    EXPECT_EQ(ask.query.sampling.temperature, 0);
    EXPECT_FALSE(ask.compare);
    const CommonOptions common = parsed({"collections"}).common;
    EXPECT_FALSE(common.workspace);
    EXPECT_EQ(common.kvDtype, engine::KvDtype::F16);
    EXPECT_EQ(common.backend, engine::BackendKind::Auto);
    EXPECT_EQ(common.precision, engine::Precision::Auto);
    EXPECT_EQ(common.gpuLayers, -1);
}

TEST(CommandLine, LayersAreGivenToAGpuThatIsAskedFor) {
    EXPECT_EQ(parsed({"collections", "--backend", "cuda", "--gpu-layers", "12"}).common.gpuLayers, 12);
    EXPECT_EQ(parsed({"--gpu-layers", "0", "collections", "--backend", "cuda"}).common.gpuLayers, 0);
    for (const std::vector<std::string>& wrong : {std::vector<std::string>{"collections", "--gpu-layers", "12"},
                                                  {"collections", "--backend", "cuda", "--gpu-layers", "-1"},
                                                  {"collections", "--backend", "cuda", "--gpu-layers", "some"}})
        EXPECT_TRUE(std::holds_alternative<UsageError>(parseCommandLine(wrong)));
}

TEST(CommandLine, PresetsNameStrategyAndRatio) {
    const auto blendOf = [](const std::string& preset) {
        return commandOf<PlanCommand>({"plan", "Why?", "--collection", "c", "--preset", preset}).query.blend;
    };
    EXPECT_EQ(blendOf("fast").strategy, engine::Strategy::QueryValue);
    EXPECT_EQ(blendOf("fast").ratio, 0.15);
    EXPECT_EQ(blendOf("faithful").strategy, engine::Strategy::QueryValue);
    EXPECT_EQ(blendOf("faithful").ratio, 0.30);
    EXPECT_EQ(blendOf("exact").strategy, engine::Strategy::Full);
    EXPECT_EQ(blendOf("exact").ratio, 1);
}

TEST(CommandLine, ExplicitStrategyAndRatioOverrideThePreset) {
    const auto blend = commandOf<AskCommand>({"ask", "Why?", "--collection", "c", "--strategy", "cacheblend", "--preset",
                                              "faithful", "--ratio", "0.4"})
                           .query.blend;
    EXPECT_EQ(blend.strategy, engine::Strategy::CacheBlend);
    EXPECT_EQ(blend.ratio, 0.4);
    const auto strategyOnly =
        commandOf<AskCommand>({"ask", "Why?", "--collection", "c", "--preset", "faithful", "--strategy", "first"})
            .query.blend;
    EXPECT_EQ(strategyOnly.strategy, engine::Strategy::First);
    EXPECT_EQ(strategyOnly.ratio, 0.30);
}

TEST(CommandLine, TheStrategyIsLeftToLoadingOnlyWhereNoneAndNoRatioIsGiven) {
    const auto choiceOf = [](std::vector<std::string> options) {
        options.insert(options.begin(), {"ask", "Why?", "--collection", "c"});
        return commandOf<AskCommand>(options).query.strategyChoice;
    };
    EXPECT_EQ(choiceOf({}), engine::StrategyChoice::ByLoading);
    EXPECT_EQ(choiceOf({"--preset", "faithful"}), engine::StrategyChoice::ByLoading);
    EXPECT_EQ(choiceOf({"--strategy", "query-value"}), engine::StrategyChoice::Asked);
    EXPECT_EQ(choiceOf({"--ratio", "0.15"}), engine::StrategyChoice::Asked);
}

TEST(CommandLine, EveryBlendOptionReachesTheQuery) {
    const auto query = commandOf<AskCommand>({"ask",           "Why?",
                                              "--collection",  "c",
                                              "--top-k",       "9",
                                              "--anchor",      "head",
                                              "--metric",      "kv",
                                              "--check-layer", "2",
                                              "--first",       "4",
                                              "--mask",        "published",
                                              "--max-tokens",  "17",
                                              "--temperature", "0.5",
                                              "--seed",        "18446744073709551615"})
                           .query;
    EXPECT_EQ(query.collection, "c");
    EXPECT_EQ(query.topK, 9);
    EXPECT_EQ(query.blend.anchor, engine::Anchor::Head);
    EXPECT_EQ(query.blend.metric, engine::DeviationMetric::Kv);
    EXPECT_EQ(query.blend.checkLayer, 2);
    EXPECT_EQ(query.blend.first, 4);
    EXPECT_EQ(query.blend.mask, engine::MaskKind::Published);
    EXPECT_EQ(query.sampling.maxTokens, 17);
    EXPECT_EQ(query.sampling.temperature, 0.5);
    EXPECT_EQ(query.sampling.seed, UINT64_MAX);
}

TEST(CommandLine, ChunksAreIdsInTheGivenOrderAndDoNotSwallowTheQuestion) {
    const std::string b(64, 'b'), a(64, 'a');
    const auto query = commandOf<AskCommand>({"ask", "--collection", "c", "--chunks", b + "," + a, "Why?"}).query;
    ASSERT_EQ(query.chunks.size(), 2U);
    EXPECT_EQ(query.chunks[0].hex(), b);
    EXPECT_EQ(query.chunks[1].hex(), a);
    EXPECT_EQ(query.question, "Why?");
    EXPECT_NE(errorOf({"ask", "Why?", "--collection", "c", "--chunks", "abc"}).find("not a chunk's id"), std::string::npos);
}

TEST(CommandLine, EvalTakesStrategiesAndRatiosSeveralTimesAndKeepsTheRatiosText) {
    const auto eval = commandOf<EvalCommand>({"eval", "--cases", "f", "--strategy", "full", "--strategy", "query,reuse",
                                              "--ratio", "0.30", "--ratio", "1", "--dump", "d"});
    EXPECT_EQ(eval.strategies, (std::vector{engine::Strategy::Full, engine::Strategy::Query, engine::Strategy::Reuse}));
    ASSERT_EQ(eval.ratios.size(), 2U);
    EXPECT_EQ(eval.ratios[0].text, "0.30");
    EXPECT_EQ(eval.ratios[0].value, 0.3);
    EXPECT_EQ(eval.ratios[1].text, "1");
    EXPECT_TRUE(eval.compare) << "a dump holds the KL of a comparison";
    const auto standard = commandOf<EvalCommand>({"eval", "--cases", "f"});
    EXPECT_EQ(standard.strategies, std::vector{engine::Strategy::QueryValue});
    ASSERT_EQ(standard.ratios.size(), 1U);
    EXPECT_EQ(standard.ratios[0].text, "0.15");
    EXPECT_FALSE(standard.compare);
}

TEST(CommandLine, BenchDefaultsAreThoseOfTheContract) {
    const auto bench = commandOf<BenchCommand>({"bench"});
    EXPECT_EQ(bench.lengths, (std::vector{512, 2048, 4096}));
    EXPECT_EQ(bench.chunks, 8);
    EXPECT_EQ(bench.generate, 64);
    EXPECT_EQ(bench.repeat, 5);
    EXPECT_EQ(bench.ratio, 0.15);
    EXPECT_TRUE(bench.strategies.empty());
    EXPECT_EQ(commandOf<BenchCommand>({"bench", "--lengths", "256,1024"}).lengths, (std::vector{256, 1024}));
}

TEST(CommandLine, StoreActionsAndTheirOptions) {
    EXPECT_EQ(commandOf<StoreCommand>({"store", "stats"}).action, StoreAction::Stats);
    EXPECT_EQ(commandOf<StoreCommand>({"store", "compact"}).action, StoreAction::Compact);
    EXPECT_EQ(commandOf<StoreCommand>({"store", "rebuild-index"}).action, StoreAction::RebuildIndex);
    const auto evict = commandOf<StoreCommand>({"store", "evict", "--to", "2GiB"});
    EXPECT_EQ(evict.action, StoreAction::Evict);
    EXPECT_EQ(evict.toBytes, std::uint64_t{2} << 30);
    EXPECT_EQ(commandOf<StoreCommand>({"store", "evict", "--to", "0"}).toBytes, 0U);
    const auto verify = commandOf<StoreCommand>({"store", "verify", "--sample", "2/10"});
    EXPECT_EQ(verify.part, 2);
    EXPECT_EQ(verify.modulus, 10);
    EXPECT_EQ(commandOf<StoreCommand>({"store", "verify"}).modulus, 1);
    const auto unpin = commandOf<StoreCommand>({"store", "unpin", "--collection", "c"});
    EXPECT_EQ(unpin.action, StoreAction::Unpin);
    EXPECT_EQ(unpin.collection, "c");
}

TEST(CommandLine, WrongUsageIsRefusedWithTheReason) {
    const auto expectError = [](const std::vector<std::string>& arguments, const std::string& part) {
        const std::string error = errorOf(arguments);
        EXPECT_NE(error.find(part), std::string::npos) << "\"" << error << "\" lacks \"" << part << "\"";
        EXPECT_NE(error.find("--help"), std::string::npos) << error;
    };
    expectError({}, "A subcommand is required");
    expectError({"frobnicate"}, "'frobnicate' is not a command");
    expectError({"ask", "Why?"}, "--collection is required");
    expectError({"ask", "--collection", "c"}, "QUESTION is required");
    expectError({"ask", " ", "--collection", "c"}, "empty");
    expectError({"ask", "Why?", "--collection", "c", "--frob"}, "--frob");
    expectError({"ask", "Why?", "too?", "--collection", "c"}, "too?");
    expectError({"ask", "Why?", "--collection", "c", "--strategy", "best"}, "best");
    for (const char* ratio : {"1.01", "-0.1", "nan", "0.1x", ""})
        expectError({"ask", "Why?", "--collection", "c", std::string("--ratio=") + ratio},
                    ratio[0] == '\0' ? "ratio" : "0 to 1");
    expectError({"ask", "Why?", "--collection", "c", "--top-k", "0"}, "whole number from 1");
    expectError({"ask", "Why?", "--collection", "c", "--check-layer", "0"}, "whole number from 1");
    expectError({"ask", "Why?", "--collection", "c", "--seed", "-1"}, "whole number from 0");
    expectError({"ask", "Why?", "--collection", "c", "--max-tokens", "many"}, "many");
    expectError({"ask", "Why?", "--collection", "c", "--kv-dtype", "int4"}, "int4");
    expectError({"precompute", "--collection", "c", "--budget", "lots"}, "not a size");
    expectError({"precompute", "--collection", "c", "--budget", "0"}, "--budget");
    expectError({"store"}, "A subcommand is required");
    expectError({"store", "evict"}, "--to is required");
    expectError({"store", "evict", "--to", "-5"}, "not a size");
    for (const char* sample : {"10", "3/3", "-1/3", "1/", "/2", "1/2x"})
        expectError({"store", "verify", std::string("--sample=") + sample}, "--sample");
    expectError({"tokenize"}, "either the text or --file");
    expectError({"tokenize", "x", "--file", "f"}, "either the text or --file");
    expectError({"eval"}, "--cases is required");
    expectError({"eval", "--cases", "f", "--strategy", "full", "--strategy", "full"}, "twice");
    expectError({"eval", "--cases", "f", "--ratio", "0.3", "--ratio", "0.30"}, "twice");
    expectError({"bench", "--lengths", "63"}, "8 chunks");
    expectError({"bench", "--repeat", "0"}, "--repeat");
}

TEST(CommandLine, EveryCommandHasItsHelpAndHelpNamesNothingThatIsNotThere) {
    const std::string help = helpOf({"--help"});
    for (const char* command : {"import", "precompute", "ask", "plan", "eval", "bench", "tokenize", "logits", "collections",
                                "documents", "chunks", "store", "verify", "doctor", "model"}) {
        EXPECT_NE(help.find(std::string("\n  ") + command), std::string::npos) << command;
        EXPECT_NE(helpOf({command, "--help"}).find("Usage: cacheblend " + std::string(command)), std::string::npos)
            << command;
    }
    for (const char* absent : {"serve", "watch", "export"})
        EXPECT_EQ(help.find(absent), std::string::npos) << absent;
    EXPECT_NE(helpOf({"ask", "--help"}).find("default: fast"), std::string::npos);
    EXPECT_NE(helpOf({"store", "evict", "--help"}).find("--to BYTES"), std::string::npos);
    EXPECT_EQ(helpOf({"--version"}).rfind("cacheblend ", 0), 0U);
}

TEST(CommandLine, NamesAreThoseOfTheContract) {
    for (const char* strategy : {"full", "prefix", "reuse", "cacheblend", "first", "query", "query-value"})
        parsed({"ask", "Why?", "--collection", "c", "--strategy", strategy});
    for (const char* type : {"f16", "bf16", "f32"})
        parsed({"collections", "--kv-dtype", type});
    for (const char* backend : {"auto", "reference", "cpu", "cuda"})
        parsed({"collections", "--backend", backend});
    for (const char* precision : {"auto", "bf16", "f32"})
        parsed({"collections", "--precision", precision});
}

}  // namespace
}  // namespace app
