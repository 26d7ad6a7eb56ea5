// An engine that plays what a test tells it and notes what it was asked.
#include "tests/fake_engine/fake_engine.h"

#include <algorithm>
#include <initializer_list>
#include <sstream>
#include <utility>

namespace testing_engine {

namespace {

/// As the command line spells it.
std::string nameOf(engine::Strategy strategy) {
    constexpr const char* kNames[] = {"full", "prefix", "reuse", "cacheblend", "first", "query", "query-value"};
    return kNames[static_cast<std::size_t>(strategy)];
}

engine::ChunkId chunkId(std::uint8_t fill) {
    engine::ChunkId id;
    id.digest.bytes.fill(fill);
    return id;
}

engine::PlanSegment chunkSegment(std::uint8_t fill, int tokens, int position) {
    engine::PlanSegment segment;
    segment.chunk = chunkId(fill);
    segment.document = "Valley survey";
    segment.path = "/papers/survey.pdf";
    segment.header = "Valley survey › Springs";
    segment.firstPage = 3;
    segment.lastPage = 4;
    segment.begin = 1201;
    segment.end = 2210;
    segment.score = 7.1;
    segment.ids.assign(static_cast<std::size_t>(tokens), 5);
    segment.position = position;
    return segment;
}

constexpr int kLayers = 2;
constexpr int kHeads = 2;

std::size_t product(std::initializer_list<int> dimensions) {
    std::size_t size = 1;
    for (const int dimension : dimensions)
        size *= static_cast<std::size_t>(dimension);
    return size;
}

/// A trace whose lists agree with the plan and the answer's counters: fifteen tokens of the stored chunk were computed again.
std::shared_ptr<engine::BlendTrace> traceOf(const engine::BlendPlan& plan, const engine::Answer& answer) {
    auto trace = std::make_shared<engine::BlendTrace>();
    trace->model = "Tiny";
    trace->backend = "cpu";
    trace->precision = "bf16";
    trace->layerCount = kLayers;
    trace->heads = kHeads;
    trace->kvHeads = 1;
    trace->question = plan.question;
    trace->collection = plan.collection;
    trace->options = plan.options;
    trace->sampling = plan.sampling;
    trace->segments = plan.segments;
    for (const engine::PlanSegment& segment : plan.segments)
        trace->promptIds.insert(trace->promptIds.end(), segment.ids.begin(), segment.ids.end());
    trace->promptIds.insert(trace->promptIds.end(), plan.suffix.begin(), plan.suffix.end());
    for (const engine::TokenId id : trace->promptIds)
        trace->pieces.push_back(" word" + std::to_string(id));
    for (int i = 0; i < 15; ++i)
        trace->selection.positions.push_back(12 + 6 * i);
    for (int i = 0; i < plan.contextTokens; ++i)
        trace->selection.score.push_back(0.5F + 0.25F * static_cast<float>(i % 7));
    trace->selection.threshold = 0.5F;
    trace->layers = {{0.5, 1.5, 2, 10}, {1.5, 2.5, 10, 20}};
    trace->top = {{7, 12.5F}, {3, 11.25F}};
    trace->tokens = answer.tokens;
    trace->ms = answer.ms;
    trace->bytesLoaded = answer.bytesLoaded;
    trace->chargedWork = answer.chargedWork;
    trace->answer = answer.text;
    trace->answerIds = answer.ids;
    trace->stopReason = answer.stopReason;
    return trace;
}

engine::Comparison exampleComparison() {
    engine::Comparison comparison;
    comparison.kl = {0.5, 0.25};
    comparison.meanKl = 0.375;
    comparison.top1Equal = true;
    comparison.firstDivergingToken = 1;
    comparison.fullAnswer = "Forty-three.";
    comparison.fullTtftMs = 128;
    comparison.chargedWork = 0.4375;
    return comparison;
}

/// Every row of blocks sums to 1; what a run computed follows from its rows.
engine::AttentionSummary attentionOf(const engine::BlendTrace& trace, float first) {
    engine::AttentionSummary attention;
    attention.layers = kLayers;
    attention.heads = kHeads;
    attention.context = trace.suffixBegin();
    attention.blocks = static_cast<int>(trace.segments.size()) + 1;
    attention.suffix.assign(product({kLayers, kHeads, attention.context}), first / 1000);
    attention.block.assign(product({kLayers, kHeads, attention.blocks, attention.blocks}),
                           1.0F / static_cast<float>(attention.blocks));
    attention.rowsComputed.assign(product({kLayers, attention.blocks}), 5);
    return attention;
}

engine::RunDeviation runOf(const engine::BlendTrace& trace, float first) {
    engine::RunDeviation run;
    run.attention = attentionOf(trace, first);
    run.kv.layers = kLayers;
    run.kv.tokens = trace.promptTokens();
    run.kv.k.assign(product({kLayers, run.kv.tokens}), first);
    run.kv.v.assign(product({kLayers, run.kv.tokens}), first / 2);
    run.attentionDeviation.assign(product({kLayers, kHeads}), first / 4);
    run.comparison = exampleComparison();
    run.answer = "Forty-two.";
    run.ttftMs = 32;
    return run;
}

}  // namespace

engine::ModelInfo exampleModel() {
    engine::ModelInfo info;
    info.path = "/models/tiny.gguf";
    info.name = "Tiny";
    info.architecture = "llama";
    info.quantisation = "Q4_1";
    info.layers = kLayers;
    info.heads = kHeads;
    info.kvHeads = 1;
    info.contextLength = 8192;
    info.canBlend = true;
    info.kvBytesPerToken = 23040;
    info.backend = "cpu";
    info.precision = "bf16";
    info.threads = 2;
    return info;
}

engine::BlendPlan examplePlan() {
    engine::BlendPlan plan;
    plan.question = "How many springs?";
    plan.collection = "papers";
    engine::PlanSegment head;
    head.kind = engine::SegmentKind::Head;
    head.ids.assign(10, 1);
    head.source = engine::KvSource::Store;
    head.prefixExact = true;
    engine::PlanSegment stored = chunkSegment(0xAB, 100, 10);
    stored.source = engine::KvSource::Store;
    engine::PlanSegment missing = chunkSegment(0xCD, 50, 110);
    missing.firstPage = missing.lastPage = 0;
    missing.document = "Notes\x1b[31m";
    missing.score = 2.25;
    plan.segments = {head, stored, missing};
    plan.suffix.assign(20, 2);
    plan.suffixText = "How many springs?";
    plan.promptTokens = 180;
    plan.contextTokens = 150;
    plan.hits = 1;
    plan.misses = 1;
    plan.bytesToLoad = 2304000;
    plan.chargedWork = 0.5;
    plan.forecastTtftMs = 118.5;
    plan.forecastFullTtftMs = 840.25;
    plan.retrieveMs = 1.5;
    plan.tokenizeMs = 0.25;
    plan.planMs = 0.125;
    return plan;
}

engine::Answer exampleAnswer(const engine::BlendPlan& plan) {
    engine::Answer answer;
    answer.text = "Forty-two.";
    answer.ids = {7, 8};
    answer.tokens = {180, 95, 15, 70, 2};
    answer.ms.retrieve = 1.5;
    answer.ms.tokenize = 0.25;
    answer.ms.plan = 0.125;
    answer.ms.load = 2;
    answer.ms.rotate = 3;
    answer.ms.questionPass = 4;
    answer.ms.recompute = 20;
    answer.ms.firstToken = 1.125;
    answer.ms.ttft = 32;
    answer.ms.decode = 8;
    answer.ms.total = 40;
    answer.ms.loadHidden = 5.5;
    answer.bytesLoaded = 2304000;
    answer.chargedWork = 0.4375;
    answer.trace = traceOf(plan, answer);
    return answer;
}

engine::Result<engine::IngestReport> FakeEngine::ingest(const engine::IngestRequest& request, engine::JobObserver& observer,
                                                        std::stop_token) {
    log->calls.push_back("ingest");
    log->ingested.push_back(request);
    for (const engine::IngestFile& file : ingestReport.files)
        observer.fileDone(file);
    return given(ingestReport);
}

engine::Result<engine::PrecomputeReport> FakeEngine::precompute(const engine::PrecomputeRequest& request,
                                                                engine::JobObserver& observer, std::stop_token stop) {
    log->calls.push_back("precompute");
    log->precomputed.push_back(request);
    if (whilePrecomputing)
        whilePrecomputing(observer, stop);
    return given(precomputeReport);
}

engine::Result<engine::BlendPlan> FakeEngine::plan(const engine::Query& query) {
    log->calls.push_back("plan " + nameOf(query.blend.strategy));
    log->queries.push_back(query);
    engine::BlendPlan plan = examplePlan();
    plan.options = query.blend;
    plan.sampling = query.sampling;
    plan.question = query.question;
    plan.memory = memory;
    plan.notes.insert(plan.notes.end(), planNotes.begin(), planNotes.end());
    return given(plan);
}

engine::Result<engine::Answer> FakeEngine::run(const engine::BlendPlan& plan, engine::QueryObserver& observer,
                                               std::stop_token stop) {
    log->calls.push_back("run");
    for (const std::string& piece : streamed)
        observer.text(piece);
    if (whileRunning)
        whileRunning();
    if (!failure.ok())
        return failure;
    auto answer = answerOf(plan);
    if (answer && stop.stop_requested())
        answer->stopReason = engine::StopReason::Cancelled;
    return answer;
}

engine::Result<engine::Answer> FakeEngine::runCompared(const engine::BlendPlan& plan, engine::QueryObserver& observer,
                                                       std::stop_token stop) {
    auto answer = run(plan, observer, stop);
    if (!answer || answer->comparison)
        return answer;
    auto trace = std::make_shared<engine::BlendTrace>(*answer->trace);
    answer->comparison = exampleComparison();
    trace->comparison = answer->comparison;
    answer->trace = std::move(trace);
    return answer;
}

engine::Result<engine::Answer> FakeEngine::measureDeviation(const engine::BlendPlan& plan, engine::QueryObserver& observer,
                                                            std::stop_token stop) {
    auto answer = runCompared(plan, observer, stop);
    if (!answer)
        return answer;
    observer.progress("measuring", 1, 1);
    auto trace = std::make_shared<engine::BlendTrace>(*answer->trace);
    engine::DeviationReport report;
    report.full = attentionOf(*trace, 1);
    report.reuse = runOf(*trace, 2);
    report.blend = runOf(*trace, 1);
    trace->deviation = std::make_shared<engine::DeviationReport>(std::move(report));
    answer->trace = std::move(trace);
    return answer;
}

engine::Result<std::vector<engine::AnswerRecord>> FakeEngine::history(int limit) {
    std::vector<engine::AnswerRecord> newest = answerList;
    newest.resize(std::min(newest.size(), static_cast<std::size_t>(std::max(limit, 0))));
    return given(newest);
}

engine::Result<std::vector<engine::ChunkInfo>> FakeEngine::chunks(const engine::ChunkQuery& query) {
    log->calls.push_back("chunks " + query.collection);
    log->chunkQueries.push_back(query);
    const auto size = static_cast<std::int64_t>(chunkList.size());
    const std::int64_t begin = std::clamp<std::int64_t>(query.offset, 0, size);
    const std::int64_t end = query.limit < 0 ? size : std::min(size, begin + query.limit);
    return given(std::vector<engine::ChunkInfo>(chunkList.begin() + begin, chunkList.begin() + end));
}

engine::Result<engine::ChunkInfo> FakeEngine::chunk(const engine::ChunkId& id) {
    if (!failure.ok())
        return failure;
    for (const engine::ChunkInfo& chunk : chunkList)
        if (chunk.record.id == id)
            return chunk;
    return engine::Status(engine::StatusCode::NotFound, "there is no chunk " + id.hex());
}

engine::Status FakeEngine::addToCollection(const std::string& from, const std::vector<std::string>& paths,
                                           const std::string& to) {
    log->calls.push_back("add " + std::to_string(paths.size()) + " from " + from + " to " + to);
    return failure;
}

engine::Status FakeEngine::removeFile(const std::string& collection, const std::string& path) {
    log->calls.push_back("remove " + path + " from " + collection);
    return failure;
}

engine::Status FakeEngine::removeCollection(const std::string& collection) {
    log->calls.push_back("remove collection " + collection);
    return failure;
}

engine::Result<std::int64_t> FakeEngine::storePinFiles(const std::string& collection, const std::vector<std::string>& paths,
                                                       bool pinned) {
    log->calls.push_back((pinned ? "pin " : "unpin ") + std::to_string(paths.size()) + " of " + collection);
    return given(std::int64_t{2});
}

engine::Result<std::vector<engine::StoreUsage>> FakeEngine::storeUsage(engine::StoreGroup group) {
    std::vector<engine::StoreUsage> ofGroup;
    for (const engine::StoreUsage& usage : usageList)
        if (usage.group == group)
            ofGroup.push_back(usage);
    return given(ofGroup);
}

engine::Result<std::uint64_t> FakeEngine::setStoreCap(std::uint64_t bytes) {
    log->calls.push_back("cap " + std::to_string(bytes));
    if (!failure.ok())
        return failure;
    stats.capBytes = bytes;
    const std::uint64_t before = stats.diskBytes;
    if (bytes > 0)
        stats.diskBytes = std::min(stats.diskBytes, bytes);
    return before - stats.diskBytes;
}

engine::Result<engine::TokenIds> FakeEngine::tokenize(const std::string& text, bool parseSpecial) {
    log->calls.push_back(parseSpecial ? "tokenize special" : "tokenize");
    std::istringstream words(text);
    engine::TokenIds ids;
    for (std::string word; words >> word;)
        ids.push_back(static_cast<engine::TokenId>(word.size()));
    return given(ids);
}

engine::Result<engine::PromptLogits> FakeEngine::logits(const engine::TokenIds& ids, int top, int greedy, std::stop_token) {
    log->calls.push_back("logits " + std::to_string(ids.size()) + " " + std::to_string(top) + " " + std::to_string(greedy));
    return given(promptLogits);
}

engine::Result<engine::KvVerifyReport> FakeEngine::storeVerify(int part, int modulus, engine::JobObserver&,
                                                               std::stop_token) {
    log->calls.push_back("verify " + std::to_string(part) + "/" + std::to_string(modulus));
    return given(verifyReport);
}

engine::Result<std::uint64_t> FakeEngine::storeEvict(std::uint64_t bytes, std::stop_token) {
    log->calls.push_back("evict " + std::to_string(bytes));
    if (!failure.ok())
        return failure;
    stats.diskBytes = std::min(stats.diskBytes, bytes);
    return stats.diskBytes;
}

engine::Result<std::int64_t> FakeEngine::storePin(const std::string& collection, bool pinned) {
    log->calls.push_back((pinned ? "pin " : "unpin ") + collection);
    return given(std::int64_t{3});
}

engine::Status FakeEngine::dropCaches() {
    log->calls.push_back("drop");
    return failure;
}

engine::Result<engine::GateReport> FakeEngine::verifyExactness(const std::vector<engine::GivenPrompt>& cases,
                                                               engine::JobObserver&, std::stop_token) {
    log->calls.push_back("gate " + std::to_string(cases.size()));
    return given(gate);
}

}  // namespace testing_engine
