// The arguments as values. Parsing is the only use of CLI11.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "engine/types.h"

namespace app {

/// What every command takes, before or after its name.
struct CommonOptions {
    std::optional<std::string> workspace;
    std::optional<std::string> model;
    engine::BackendKind backend = engine::BackendKind::Auto;
    engine::Precision precision = engine::Precision::Auto;
    engine::KvDtype kvDtype = engine::KvDtype::F16;
    int threads = 0;     // 0 = one a physical core
    int gpuLayers = -1;  // −1 = as many as fit
    std::uint64_t ramTierBytes = engine::EngineOptions().ramTierBytes;
    std::uint64_t readBytesPerSecond = 0;  // 0 = as fast as it comes
    bool json = false;
    bool quiet = false;
};

/// A ratio with the text it was given as, which names the files of `eval --dump`.
struct RatioOption {
    double value = 0.15;
    std::string text = "0.15";
};

struct ImportCommand {
    engine::IngestRequest request;
    bool watch = false;  // import again what changes, until stopped
};
struct PrecomputeCommand {
    engine::PrecomputeRequest request;
};
struct AskCommand {
    engine::Query query;
    bool compare = false;
    bool measure = false;   // comparing included
    std::string tracePath;  // empty = no trace
};
struct PlanCommand {
    engine::Query query;
};
struct EvalCommand {
    std::string casesPath;  // "-" = standard input
    std::vector<engine::Strategy> strategies{engine::Strategy::QueryValue};
    std::vector<RatioOption> ratios{RatioOption{}};
    engine::Anchor anchor = engine::Anchor::None;
    int maxTokens = 64;
    bool compare = false;
    std::string dumpFolder;  // empty = no dump
};
struct BenchCommand {
    std::vector<int> lengths{512, 2048, 4096};  // context tokens
    int chunks = 8;                             // a context
    int generate = 64;                          // tokens
    int repeat = 5;                             // measured runs, after one that is not
    double ratio = 0.15;
    std::vector<engine::Strategy> strategies;  // empty = all
    bool peak = false;                         // measure the machine's ceilings too
    std::string synthetic;                     // a shape with made-up weights instead of a model; empty = the model
};
struct TokenizeCommand {
    std::optional<std::string> text;
    std::string path;  // when there is no text; "-" = standard input
    bool special = false;
};
struct LogitsCommand {
    std::string idsPath;  // a JSON array; "-" = standard input
    int top = 20;
    int greedy = 0;
};
struct CollectionsCommand {};
struct DocumentsCommand {
    std::string collection;
};
struct ChunksCommand {
    std::string collection;
    std::string search;
    int limit = -1;  // < 0 = all
};
enum class StoreAction { Stats, Verify, Evict, Compact, Pin, Unpin, RebuildIndex };
struct StoreCommand {
    StoreAction action = StoreAction::Stats;
    int part = 0;  // verify: records i with i % modulus == part
    int modulus = 1;
    std::uint64_t toBytes = 0;  // evict
    std::string collection;     // pin, unpin
};
/// Needs neither a model nor a workspace.
struct TraceCommand {
    std::string path;
    std::string csvFolder;  // empty = no tables
};
struct VerifyCommand {
    std::string casesPath;  // empty = the built-in ones
};
struct DoctorCommand {};
enum class ModelAction { List, Info, Fetch };
struct ModelCommand {
    ModelAction action = ModelAction::List;
    std::string path;  // info; empty = --model or the default
};

using Command = std::variant<ImportCommand, PrecomputeCommand, AskCommand, PlanCommand, EvalCommand, BenchCommand,
                             TokenizeCommand, LogitsCommand, CollectionsCommand, DocumentsCommand, ChunksCommand,
                             StoreCommand, TraceCommand, VerifyCommand, DoctorCommand, ModelCommand>;

struct CommandLine {
    CommonOptions common;
    Command command;
};

/// Help or version: to be printed, nothing to run.
struct HelpText {
    std::string text;
};

/// Wrong usage: what is wrong and what to do, in one sentence.
struct UsageError {
    std::string message;
};

/// `arguments`: without the program's name.
std::variant<CommandLine, HelpText, UsageError> parseCommandLine(const std::vector<std::string>& arguments);

}  // namespace app
