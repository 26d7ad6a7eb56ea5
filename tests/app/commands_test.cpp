// Whole command lines on a scripted engine: what goes to which stream, and exit statuses.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <sstream>

#include "app/startup.h"
#include "engine/trace.h"
#include "tests/app/command_session.h"

namespace app {
namespace {

using engine::Status;
using engine::StatusCode;
using nlohmann::json;
using testing::CommandSession;

/// The options of `ask` that every test needs.
std::vector<std::string> ask(std::vector<std::string> more = {}) {
    more.insert(more.begin(), {"ask", "How many springs?", "--collection", "papers"});
    return more;
}

TEST(Ask, StreamsTheAnswerThenCitesThenTellsTheClock) {
    CommandSession session;
    session.engine.streamed = {"Forty", "-two."};
    EXPECT_EQ(session.run(ask()), 0);
    EXPECT_EQ(session.out,
              "Forty-two.\n\n"
              "[1] Valley survey, p. 3–4 (score 7.1, reused from store)\n"
              "[2] Notes<U+001B>[31m (score 2.2, computed, not in store)\n\n"
              "first token after 32.0 ms (retrieve 1.50 ms, tokenize 0.25 ms, plan 0.12 ms, load 2.00 ms, rotate 3.00 ms, "
              "question pass 4.00 ms, recompute 20.0 ms, first token 1.12 ms); 2 tokens, 40.0 ms in all\n"
              "query-value 15 %: 95 reused + 15 recomputed + 70 new = 180 prompt tokens, 43.8 % of a full prefill's work\n");
    EXPECT_EQ(session.err, "");
}

TEST(Ask, SavesATraceThatIsShownWithoutAModel) {
    const auto folder = TemporaryDirectory::create([](const std::string&) { return std::nullopt; }).value();
    const std::string path = folder.path() + "/run.trace";
    CommandSession session;
    session.engine.streamed = {"Forty-two."};
    ASSERT_EQ(session.run(ask({"--trace", path, "--measure"})), 0) << session.err;
    const std::string told = session.out;
    EXPECT_NE(told.find("full prefill: first token after 128 ms"), std::string::npos) << told;
    session.opened.clear();
    ASSERT_EQ(session.run({"trace", "show", path, "--csv", folder.path() + "/tables"}), 0) << session.err;
    EXPECT_TRUE(session.opened.empty()) << "no model, no workspace";
    EXPECT_EQ(session.out, "How many springs?\n\n" + told);
    const auto trace = engine::loadTrace(path).value();
    const auto table = [&](const std::string& name) {
        std::ifstream stream(folder.path() + "/tables/" + name + ".csv", std::ios::binary);
        return std::string(std::istreambuf_iterator<char>(stream), {});
    };
    EXPECT_EQ(table("recompute"), engine::recomputeCsv(*trace));
    EXPECT_EQ(table("kv_deviation"), engine::kvDeviationCsv(*trace));
    EXPECT_EQ(table("attention_blocks"), engine::attentionBlocksCsv(*trace));
    EXPECT_EQ(table("attention_deviation"), engine::attentionDeviationCsv(*trace));
    EXPECT_EQ(table("layer_times"), engine::layerTimesCsv(*trace));
    EXPECT_EQ(table("stages"), engine::stagesCsv(*trace));
    EXPECT_EQ(table("answer_kl"), engine::answerKlCsv(*trace));
}

TEST(Ask, ATraceIsShownAsTheAnswersOwnJson) {
    const auto folder = TemporaryDirectory::create([](const std::string&) { return std::nullopt; }).value();
    const std::string path = folder.path() + "/run.trace";
    CommandSession session;
    ASSERT_EQ(session.run(ask({"--trace", path, "--compare", "--json"})), 0) << session.err;
    const std::string told = session.out;
    ASSERT_EQ(session.run({"trace", "show", path, "--json"}), 0) << session.err;
    EXPECT_EQ(json::parse(session.out), json::parse(told));
}

TEST(Ask, ATraceThatCannotBeWrittenOrReadFails) {
    CommandSession session;
    EXPECT_EQ(session.run(ask({"--trace", "/nonexistent/run.trace"})), 1);
    EXPECT_NE(session.err.find("/nonexistent/run.trace"), std::string::npos) << session.err;
    EXPECT_EQ(session.run({"trace", "show", "/nonexistent/run.trace"}), 1);
    EXPECT_EQ(session.run({"trace", "show", "/dev/null"}), 1);
    EXPECT_NE(session.err.find("not a trace"), std::string::npos) << session.err;
}

TEST(Ask, AModelsTextCannotSteerTheTerminal) {
    CommandSession session;
    session.engine.streamed = {"\x1b]0;owned\x07", "ok"};
    session.run(ask());
    EXPECT_EQ(session.out.find('\x1b'), std::string::npos);
}

TEST(Ask, WithJsonStdoutHoldsOneDocumentAndNothingElse) {
    CommandSession session;
    session.engine.streamed = {"Forty", "-two."};
    session.engine.answerOf = [](const engine::BlendPlan& plan) {
        engine::Answer answer = testing_engine::exampleAnswer(plan);
        auto trace = std::make_shared<engine::BlendTrace>(*answer.trace);
        trace->notes = {"chunk abab was damaged"};
        answer.trace = trace;
        return engine::Result<engine::Answer>(answer);
    };
    EXPECT_EQ(session.run(ask({"--json", "--compare"})), 0);
    const json document = json::parse(session.out);
    EXPECT_EQ(document["answer"], "Forty-two.");
    EXPECT_EQ(document["compare"]["full_answer"], "Forty-three.");
    EXPECT_EQ(session.err, "note: chunk abab was damaged\n");
    session.run(ask({"--json", "--quiet"}));
    EXPECT_EQ(session.err, "");
}

TEST(Ask, CompareShowsBothAnswersInText) {
    CommandSession session;
    EXPECT_EQ(session.run(ask({"--compare"})), 0);
    EXPECT_NE(
        session.out.find("full prefill: first token after 128 ms, KL 0.3750 nats, same first token, the answers part at "
                         "token 2\nits answer: Forty-three.\n"),
        std::string::npos)
        << session.out;
}

TEST(Ask, AStoppedAnswerIsPrintedAndExits130) {
    CommandSession session;
    EXPECT_EQ(session.run(ask({"--json"})), 0);
    session.engine.whileRunning = [&session] { session.stop.request_stop(); };
    EXPECT_EQ(session.run(ask({"--json"})), 130);
    EXPECT_EQ(json::parse(session.out)["stop_reason"], "cancelled");
}

TEST(ExitStatus, AFailedRequestIs1WithTheMessageOnStderrAndNothingOnStdout) {
    CommandSession session;
    session.engine.failure = Status(StatusCode::NotFound, "there is no collection 'papers'; see `cacheblend collections`");
    for (const auto& arguments : std::vector<std::vector<std::string>>{ask({"--json"}),
                                                                       {"plan", "Q", "--collection", "papers", "--json"},
                                                                       {"import", "/a", "--collection", "papers", "--json"},
                                                                       {"precompute", "--collection", "papers", "--json"},
                                                                       {"collections", "--json"},
                                                                       {"documents", "--collection", "papers", "--json"},
                                                                       {"chunks", "--collection", "papers", "--json"},
                                                                       {"tokenize", "x", "--json"},
                                                                       {"store", "stats", "--json"},
                                                                       {"store", "verify", "--json"},
                                                                       {"store", "evict", "--to", "1G", "--json"},
                                                                       {"store", "compact", "--json"},
                                                                       {"store", "pin", "--collection", "papers", "--json"},
                                                                       {"store", "rebuild-index", "--json"},
                                                                       {"verify", "--json"},
                                                                       {"bench", "--json"}}) {
        EXPECT_EQ(session.run(arguments), 1) << arguments[0];
        EXPECT_EQ(session.out, "") << arguments[0];
        EXPECT_EQ(session.err.rfind("cacheblend: ", 0), 0U) << session.err;
        EXPECT_NE(session.err.find("there is no collection 'papers'; see"), std::string::npos) << session.err;
    }
}

TEST(ExitStatus, WrongUsageIs2AndOpensNothing) {
    CommandSession session;
    EXPECT_EQ(session.run({"ask"}), 2);
    EXPECT_EQ(session.out, "");
    EXPECT_EQ(session.err.rfind("cacheblend: ", 0), 0U) << session.err;
    EXPECT_TRUE(session.opened.empty());
    EXPECT_EQ(session.run({"ask", "--help"}), 0);
    EXPECT_EQ(session.err, "");
    EXPECT_EQ(session.run({}), 2);
}

TEST(ExitStatus, AFullOrReadOnlyDiskIsToldWithWhatHelps) {
    CommandSession session;
    session.engine.failure = Status(StatusCode::NoSpace, "cannot write /w/kv/a: No space left on device");
    EXPECT_EQ(session.run({"precompute", "--collection", "c"}), 1);
    EXPECT_NE(session.err.find("make room on that disk"), std::string::npos) << session.err;
    session.engine.failure = Status(StatusCode::ReadOnly, "the workspace /w is open for reading only");
    EXPECT_EQ(session.run({"precompute", "--collection", "c"}), 1);
    EXPECT_NE(session.err.find("make it writable"), std::string::npos) << session.err;
}

TEST(ExitStatus, EmptyNamesAndTooManyThreadsAreWrongUsage) {
    CommandSession session;
    for (const std::vector<std::string>& option :
         {std::vector<std::string>{"--workspace", ""}, {"--model", ""}, {"--threads", "1025"}, {"--threads", "0"}}) {
        EXPECT_EQ(session.run({"collections", option[0], option[1]}), 2) << option[0];
        EXPECT_NE(session.err.find(option[0]), std::string::npos) << session.err;
    }
    EXPECT_TRUE(session.opened.empty());
}

TEST(ExitStatus, ADamagedStoreIs3ARefusedModel4AHeldWorkspace1) {
    CommandSession session;
    session.openStatus = Status(StatusCode::Damaged, "workspace.db is damaged");
    EXPECT_EQ(session.run({"collections"}), 3);
    session.openStatus = Status(StatusCode::Refused, "tensor blk.0 overlaps another");
    EXPECT_EQ(session.run({"collections"}), 4);
    session.openStatus = Status(StatusCode::Unsupported, "architecture mamba");
    EXPECT_EQ(session.run(ask()), 4);
    session.openStatus = Status(StatusCode::Busy, "held by process 12 (cacheblend)");
    EXPECT_EQ(session.run(ask()), 1);
    EXPECT_NE(session.err.find("held by process 12"), std::string::npos);
    session.openStatus = Status(StatusCode::Cancelled, "stopped");
    EXPECT_EQ(session.run(ask()), 130);
}

TEST(ExitStatus, AMissingBackEndIsNotARefusedModel) {
    CommandSession session;
    session.openStatus = Status(StatusCode::Unsupported, "no_module: this build has no CUDA module");
    EXPECT_EQ(session.run(ask({"--backend", "cuda"})), 1);
}

TEST(ExitStatus, ARefusalInsideARequestIsOnlyAFailedRequest) {
    CommandSession session;
    session.engine.failure = Status(StatusCode::Refused, "encrypted document");
    EXPECT_EQ(session.run({"import", "/a.pdf", "--collection", "c"}), 1);
    session.engine.failure = Status(StatusCode::Damaged, "workspace.db is damaged");
    EXPECT_EQ(session.run({"collections"}), 3);
    session.engine.failure = Status(StatusCode::Cancelled, "stopped");
    EXPECT_EQ(session.run({"precompute", "--collection", "c"}), 130);
}

TEST(ExitStatus, AStopBeforeTheCommandRunsNothing) {
    CommandSession session;
    EXPECT_EQ(session.runStopped({"precompute", "--collection", "c"}), 130);
    EXPECT_TRUE(session.engine.log->calls.empty());
}

TEST(ExitStatus, StdoutThatCannotBeWrittenIsAFailure) {
    CommandSession session;
    EngineDoor door;
    std::ostringstream err;
    std::ostream closed(nullptr);
    CommandContext context{closed, err};
    EXPECT_EQ(runCommandLine(
                  {"--help"}, [](const std::string&) { return std::nullopt; }, door, context),
              ExitStatus::Failed);
    EXPECT_NE(err.str().find("standard output"), std::string::npos);
}

TEST(Model, AMissingModelIs4WithTheWayToGetOne) {
    CommandSession session;
    session.variables.erase("CACHEBLEND_MODEL");
    EXPECT_EQ(session.run(ask()), 4);
    EXPECT_NE(session.err.find("SmolLM2-135M-Instruct.Q4_1.gguf"), std::string::npos) << session.err;
    EXPECT_NE(session.err.find("cacheblend model fetch"), std::string::npos);
    EXPECT_NE(session.err.find("packaging/fetch_model.sh"), std::string::npos);
    EXPECT_EQ(session.run(ask({"--model", "/no/such.gguf"})), 4);
    EXPECT_NE(session.err.find("/no/such.gguf"), std::string::npos);
    EXPECT_TRUE(session.opened.empty());
}

TEST(Model, LibraryAndStoreNeedNone) {
    CommandSession session;
    session.variables.erase("CACHEBLEND_MODEL");
    for (const auto& arguments : std::vector<std::vector<std::string>>{
             {"collections"}, {"documents", "--collection", "c"}, {"chunks", "--collection", "c"}, {"store", "stats"}}) {
        EXPECT_EQ(session.run(arguments), 0) << session.err;
        EXPECT_EQ(session.opened.back().model, "");
    }
    EXPECT_EQ(session.run({"collections", "--model", "/no/such.gguf"}), 4) << "a model that is named must be there";
}

TEST(Model, InfoRefusesWith4AndTellsWhyItCannotBeBlended) {
    CommandSession session;
    session.inspected->canBlend = false;
    session.inspected->whyNot = "sliding windows";
    EXPECT_EQ(session.run({"model", "info"}), 0);
    EXPECT_NE(session.out.find("can be blended  no: sliding windows\n"), std::string::npos) << session.out;
    EXPECT_NE(session.out.find("KV              22.5 KiB per token\n"), std::string::npos) << session.out;
    EXPECT_EQ(session.run({"model", "info", "/dev/null", "--json"}), 0);
    EXPECT_EQ(json::parse(session.out)["kv_bytes_per_token"], 23040);
    EXPECT_EQ(json::parse(session.out)["why_not"], "sliding windows");
    session.inspected = Status(StatusCode::Refused, "not a GGUF file");
    EXPECT_EQ(session.run({"model", "info"}), 4);
    EXPECT_EQ(session.out, "");
    EXPECT_TRUE(session.opened.empty());
}

TEST(Model, ListShowsRefusedOnesWithTheReasonAndTheEmbeddedFirst) {
    const auto folder = TemporaryDirectory::create([](const std::string&) { return std::nullopt; }).value();
    const std::string models = folder.path() + "/cacheblend-workbench/models";
    std::filesystem::create_directories(models + "/a-folder");
    for (const char* name : {"/a.gguf", "/SmolLM2-135M-Instruct.Q4_1.gguf", "/notes.txt", "/a-folder/config.json"})
        std::ofstream(models + name) << "x";
    CommandSession session;
    session.variables = {{"XDG_DATA_HOME", folder.path()}};
    session.inspected = Status(StatusCode::Refused, "not a GGUF file");
    ASSERT_EQ(session.run({"model", "list", "--json"}), 0) << session.err;
    const json list = json::parse(session.out);
    EXPECT_EQ(list["folder"], models);
    ASSERT_EQ(list["rows"].size(), 3U);
    EXPECT_EQ(list["rows"][0]["path"], models + "/SmolLM2-135M-Instruct.Q4_1.gguf");
    EXPECT_EQ(list["rows"][0]["embedded"], true);
    EXPECT_EQ(list["rows"][0]["default"], true);
    EXPECT_EQ(list["rows"][0]["refused"], "not a GGUF file");
    EXPECT_EQ(list["rows"][1]["path"], models + "/a-folder");
    EXPECT_EQ(list["rows"][2]["embedded"], false);
}

TEST(Import, FilesAreToldAsTheyComeAndSummed) {
    CommandSession session;
    session.engine.ingestReport.files = {{"/a.pdf", engine::IngestState::Indexed, "", 3, 12, 2900},
                                         {"/b.txt", engine::IngestState::Unchanged, "", 0, 1, 90},
                                         {"/c\n.png", engine::IngestState::Skipped, "images are not read", 0, 0, 0},
                                         {"/d.pdf", engine::IngestState::Failed, "encrypted", 0, 0, 0}};
    EXPECT_EQ(session.run({"import", "/a.pdf", "/b.txt", "--collection", "c", "--recursive", "--chunk-tokens", "128"}), 0);
    EXPECT_EQ(session.out,
              "indexed  /a.pdf  (3 pages, 12 chunks, 2,900 tokens)\n"
              "unchanged  /b.txt  (1 chunk, 90 tokens)\n"
              "skipped  /c .png: images are not read\n"
              "failed  /d.pdf: encrypted\n"
              "1 indexed, 1 unchanged, 1 skipped, 1 failed\n");
    const engine::IngestRequest& request = session.engine.log->ingested.at(0);
    EXPECT_EQ(request.paths, (std::vector<std::string>{"/a.pdf", "/b.txt"}));
    EXPECT_EQ(request.collection, "c");
    EXPECT_EQ(request.chunkTokens, 128);
    EXPECT_TRUE(request.recursive);
}

TEST(Import, FailsOnlyWhenFilesFailedAndNoneCouldBeRead) {
    CommandSession session;
    session.engine.ingestReport.files = {{"/d.pdf", engine::IngestState::Failed, "encrypted", 0, 0, 0},
                                         {"/e.png", engine::IngestState::Skipped, "an image", 0, 0, 0}};
    EXPECT_EQ(session.run({"import", "/d.pdf", "--collection", "c", "--json"}), 1);
    EXPECT_EQ(json::parse(session.out)["files"][0]["reason"], "encrypted") << "the reasons are told all the same";
    session.engine.ingestReport.files.erase(session.engine.ingestReport.files.begin());
    EXPECT_EQ(session.run({"import", "/e.png", "--collection", "c", "--json"}), 0);
    session.engine.ingestReport.cancelled = true;
    EXPECT_EQ(session.run({"import", "/e.png", "--collection", "c", "--json"}), 130);
    EXPECT_EQ(json::parse(session.out)["cancelled"], true);
}

TEST(Import, WatchingEndsWithTheStopAndTellsALineOfJsonEachTime) {
    CommandSession session;
    const auto folder = TemporaryDirectory::create([](const std::string&) { return std::nullopt; }).value();
    session.engine.ingestReport.files = {{folder.path() + "/a.txt", engine::IngestState::Unchanged, "", 0, 1, 90}};
    EXPECT_EQ(session.runStopped({"import", folder.path(), "--collection", "c", "--recursive", "--watch", "--json"}), 130);
    EXPECT_EQ(std::count(session.out.begin(), session.out.end(), '\n'), 1) << session.out;
    EXPECT_EQ(json::parse(session.out)["totals"]["unchanged"], 1);
    EXPECT_NE(session.err.find("stopped"), std::string::npos);
}

TEST(Precompute, TellsTheRateAndTheReachedBudget) {
    CommandSession session;
    session.engine.precomputeReport = {4, 2, 1000, 23040000, 2000, false, true};
    EXPECT_EQ(session.run({"precompute", "--collection", "c", "--budget", "1MB", "--anchor", "head"}), 0);
    EXPECT_EQ(session.out,
              "4 chunks computed, 2 in the store already\n"
              "1,000 tokens in 2.00 s (500 tokens/s), 22.0 MiB written\n");
    EXPECT_NE(session.err.find("budget of 977 KiB is reached"), std::string::npos) << session.err;
    EXPECT_EQ(session.engine.log->precomputed[0].budgetBytes, 1'000'000U);
    EXPECT_EQ(session.engine.log->precomputed[0].anchor, engine::Anchor::Head);
    session.engine.precomputeReport.cancelled = true;
    EXPECT_EQ(session.run({"precompute", "--collection", "c", "--json"}), 130);
    EXPECT_EQ(json::parse(session.out)["chunks_done"], 4) << "finished work is told";
}

TEST(Plan, ShowsSegmentsInPromptOrder) {
    CommandSession session;
    EXPECT_EQ(session.run({"plan", "How many?", "--collection", "c", "--strategy", "reuse"}), 0);
    EXPECT_EQ(session.out,
              "reuse, anchor none: 180 prompt tokens, 150 of context, 20 of question\n"
              "chunks in the store 1 of 2, 2.20 MiB to load, 50 % of a full prefill's work\n"
              "first token expected after 118 ms, with a full prefill after 840 ms\n"
              "position  tokens  kv     score  segment\n"
              "       0      10  store         head\n"
              "      10     100  store    7.1  Valley survey, p. 3–4\n"
              "     110      50  miss     2.2  Notes<U+001B>[31m\n"
              "     160      20  new           question\n");
    EXPECT_EQ(session.engine.log->calls, std::vector<std::string>{"plan reuse"}) << "the model must not run";
}

TEST(Plan, TellsMemoryOfEachDeviceAndWhatAPersonShouldKnow) {
    CommandSession session;
    const std::uint64_t mebibyte = 1 << 20;
    session.engine.memory = {{"cpu", 1, 512 * mebibyte, mebibyte, mebibyte, 512 * mebibyte, 4096 * mebibyte},
                             {"cuda", 31, 2048 * mebibyte, 64 * mebibyte, 32 * mebibyte, 0, 1024 * mebibyte}};
    session.engine.planNotes = {"the last 31 of 32 layers are computed by the GPU"};
    EXPECT_EQ(session.run({"plan", "How many?", "--collection", "c"}), 0);
    EXPECT_NE(
        session.out.find("memory of cpu (1 layer): 512 MiB of weights, 1.00 MiB of KV, 1.00 MiB of scratch, 512 MiB of "
                         "it taken; 4.00 GiB free\n"
                         "memory of cuda (31 layers): 2.00 GiB of weights, 64.0 MiB of KV, 32.0 MiB of scratch; 1.00 GiB "
                         "free: does NOT fit\n"),
        std::string::npos)
        << session.out;
    EXPECT_NE(session.err.find("note: the last 31 of 32 layers"), std::string::npos) << session.err;
}

TEST(Notice, EveryCommandTellsItOnceWhereItIsComputed) {
    CommandSession session;
    session.engine.info.notice = "the processor computes everything";
    for (const std::vector<std::string>& command :
         {std::vector<std::string>{"collections"}, {"precompute", "--collection", "c"}, {"verify"}}) {
        session.run(command);
        const std::size_t at = session.err.find("note: the processor computes everything");
        EXPECT_NE(at, std::string::npos) << command.front();
        EXPECT_EQ(session.err.find("note: the processor", at + 1), std::string::npos) << command.front();
    }
}

TEST(Tokens, TextOrFileWithOrWithoutSpecialTokens) {
    CommandSession session;
    EXPECT_EQ(session.run({"tokenize", "a bb", "--json"}), 0);
    EXPECT_EQ(session.out, "{\"ids\":[1,2],\"pieces\":[\" word1\",\" word2\"]}\n");
    const auto folder = TemporaryDirectory::create([](const std::string&) { return std::nullopt; }).value();
    std::ofstream(folder.path() + "/f") << "ccc";
    EXPECT_EQ(session.run({"tokenize", "--special", "--file", folder.path() + "/f", "--json"}), 0);
    EXPECT_EQ(session.out, "{\"ids\":[3],\"pieces\":[\" word3\"]}\n");
    EXPECT_EQ(session.engine.log->calls, (std::vector<std::string>{"tokenize", "tokenize special"}));
    EXPECT_EQ(session.run({"tokenize", "", "--json"}), 0);
    EXPECT_EQ(session.out, "{\"ids\":[],\"pieces\":[]}\n");
    EXPECT_EQ(session.run({"tokenize", "--file", folder.path() + "/none"}), 1);
    EXPECT_EQ(session.run({"tokenize", "--file", folder.path()}), 1) << "a folder is no text";
    for (const auto& options : session.opened)
        EXPECT_EQ(options.workspace.find("/nonexistent"), std::string::npos) << "no library is read, so none is held";
}

TEST(Tokens, LogitsTakeAFileOfIds) {
    const auto folder = TemporaryDirectory::create([](const std::string&) { return std::nullopt; }).value();
    std::ofstream(folder.path() + "/ids.json") << "[5, 6, 7]";
    CommandSession session;
    session.engine.promptLogits.top = {{9, 3.5F}};
    EXPECT_EQ(session.run({"logits", "--ids", folder.path() + "/ids.json", "--top", "4", "--greedy", "2", "--json"}), 0);
    EXPECT_EQ(session.engine.log->calls, std::vector<std::string>{"logits 3 4 2"});
    EXPECT_EQ(json::parse(session.out)["top"][0]["logit"], 3.5);
    std::ofstream(folder.path() + "/ids.json") << "[5, \"x\"]";
    EXPECT_EQ(session.run({"logits", "--ids", folder.path() + "/ids.json"}), 1);
    EXPECT_NE(session.err.find("not a token id"), std::string::npos) << session.err;
}

TEST(Store, ActionsReachTheEngineWithTheirNumbers) {
    CommandSession session;
    session.engine.stats.diskBytes = 10 << 20;
    EXPECT_EQ(session.run({"store", "evict", "--to", "4MiB", "--json"}), 0);
    EXPECT_EQ(json::parse(session.out)["freed_bytes"], 6 << 20);
    EXPECT_EQ(json::parse(session.out)["disk_bytes"], 4 << 20);
    EXPECT_EQ(session.run({"store", "verify", "--sample", "1/4", "--json"}), 0);
    EXPECT_EQ(session.run({"store", "pin", "--collection", "c", "--json"}), 0);
    EXPECT_EQ(session.run({"store", "unpin", "--collection", "c", "--json"}), 0);
    EXPECT_EQ(json::parse(session.out)["records"], 3);
    EXPECT_EQ(session.run({"store", "compact", "--json"}), 0);
    EXPECT_EQ(json::parse(session.out)["reclaimed_bytes"], 4096);
    EXPECT_EQ(session.run({"store", "rebuild-index", "--json"}), 0);
    EXPECT_EQ(json::parse(session.out)["rejected"], 1);
    EXPECT_EQ(session.engine.log->calls, (std::vector<std::string>{"evict 4194304", "verify 1/4", "pin c", "unpin c"}));
}

TEST(Store, DamageThatAMissCoversIsToldAndIsNoFailure) {
    CommandSession session;
    session.engine.verifyReport.checked = 3;
    session.engine.verifyReport.damaged.resize(1);
    session.engine.verifyReport.damaged[0].reason = "layer 2: checksum mismatch";
    EXPECT_EQ(session.run({"store", "verify"}), 0);
    EXPECT_NE(session.out.find("3 records checked (0 bytes), 1 damaged\n"), std::string::npos) << session.out;
    EXPECT_NE(session.out.find("layer 2: checksum mismatch"), std::string::npos);
}

TEST(Store, ADamagedLibraryIs3) {
    CommandSession session;
    session.engine.libraryDamage = {"document 3: its text is damaged"};
    EXPECT_EQ(session.run({"store", "verify"}), 3);
    EXPECT_NE(session.out.find("library: document 3: its text is damaged\n"), std::string::npos) << session.out;
    EXPECT_NE(session.err.find("import the files again"), std::string::npos) << session.err;
    EXPECT_EQ(session.run({"store", "verify", "--json"}), 3);
    EXPECT_EQ(json::parse(session.out)["library_damage"].size(), 1U);
    EXPECT_EQ(session.run({"store", "verify", "--sample", "1/2"}), 0) << "one part of several looks at the library";
}

TEST(Verify, FailsWhenALawDoesNotHold) {
    CommandSession session;
    session.engine.gate.checks = {{"ratio 1 equals full", true, 0, 0.001, "logit", ""}, {"reuse", true, 0, 0, "", ""}};
    EXPECT_EQ(session.run({"verify", "--json"}), 0);
    EXPECT_EQ(json::parse(session.out)["passed"], true);
    session.engine.gate.checks[1].passed = false;
    EXPECT_EQ(session.run({"verify", "--json"}), 1);
    EXPECT_EQ(json::parse(session.out)["passed"], false);
    EXPECT_EQ(json::parse(session.out)["checks"][0]["name"], "ratio 1 equals full");
    EXPECT_EQ(session.run({"verify"}), 1);
    EXPECT_NE(session.out.find("FAILS"), std::string::npos);
    session.engine.gate.checks.clear();
    EXPECT_EQ(session.run({"verify"}), 1) << "nothing checked is nothing proven";
}

TEST(Doctor, AMissingModelIsAFindingNotAFailure) {
    CommandSession session;
    session.variables.erase("CACHEBLEND_MODEL");
    session.doctor.gpu.reason = "no_module";
    EXPECT_EQ(session.run({"doctor", "--json"}), 0) << session.err;
    const json report = json::parse(session.out);
    EXPECT_EQ(report["gpu"]["available"], false);
    EXPECT_EQ(report["gpu"]["reason"], "no_module");
    EXPECT_TRUE(report["model"].is_null());
    EXPECT_NE(report["model_message"].get<std::string>().find("model fetch"), std::string::npos);
    EXPECT_EQ(session.run({"doctor"}), 0);
    EXPECT_EQ(session.run({"doctor", "--model", "/no/such"}), 4);
}

}  // namespace
}  // namespace app
