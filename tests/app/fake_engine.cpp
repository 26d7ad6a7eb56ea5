// An engine that plays what a test tells it and notes what it was asked.
#include "tests/app/fake_engine.h"

#include <algorithm>
#include <sstream>

#include "app/names.h"

namespace app::testing {

namespace {

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

}  // namespace

engine::ModelInfo exampleModel() {
    engine::ModelInfo info;
    info.path = "/models/tiny.gguf";
    info.name = "Tiny";
    info.architecture = "llama";
    info.quantisation = "Q4_1";
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
    auto trace = std::make_shared<engine::BlendTrace>();
    trace->options = plan.options;
    trace->segments = plan.segments;
    trace->selection.positions = {12, 40};
    trace->selection.score = {0.5F, 7.1F};
    trace->top = {{7, 12.5F}, {3, 11.25F}};
    answer.trace = trace;
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
                                                                engine::JobObserver&, std::stop_token) {
    log->calls.push_back("precompute");
    log->precomputed.push_back(request);
    return given(precomputeReport);
}

engine::Result<engine::BlendPlan> FakeEngine::plan(const engine::Query& query) {
    log->calls.push_back("plan " + std::string(nameOf(query.blend.strategy)));
    log->queries.push_back(query);
    engine::BlendPlan plan = examplePlan();
    plan.options = query.blend;
    plan.sampling = query.sampling;
    plan.question = query.question;
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
    engine::Comparison comparison;
    comparison.kl = {0.5, 0.25};
    comparison.meanKl = 0.375;
    comparison.top1Equal = true;
    comparison.firstDivergingToken = 1;
    comparison.fullAnswer = "Forty-three.";
    comparison.fullTtftMs = 128;
    comparison.chargedWork = 0.4375;
    answer->comparison = comparison;
    return answer;
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

}  // namespace app::testing
