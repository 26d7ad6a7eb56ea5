// Values as JSON text, with the names that the command line promises.
#include "app/json_output.h"

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>

#include "app/names.h"
#include "engine/trace.h"

namespace app {

namespace {

using json = nlohmann::ordered_json;

/// Invalid UTF-8 (a path, a token's bytes) becomes U+FFFD, so that the output is always JSON.
std::string lineOf(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace) + "\n"; }
std::string documentOf(const json& value) { return value.dump(2, ' ', false, json::error_handler_t::replace) + "\n"; }

/// Milliseconds to the microsecond; finer digits are noise.
double rounded(double ms) { return std::round(ms * 1000) / 1000; }

/// The double whose shortest text is the float's: 7.1, not 7.099999904632568.
double shortest(float value) {
    std::array<char, 32> buffer{};
    const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size() - 1, value).ptr;
    *end = '\0';
    return std::strtod(buffer.data(), nullptr);
}

json floats(const std::vector<float>& values) {
    json array = json::array();
    for (const float value : values)
        array.push_back(shortest(value));
    return array;
}

json topLogits(const std::vector<engine::TokenLogit>& top) {
    json array = json::array();
    for (const engine::TokenLogit& entry : top)
        array.push_back({{"id", entry.id}, {"logit", shortest(entry.logit)}});
    return array;
}

template <class T>
json orNull(const std::optional<T>& value) {
    return value ? json(*value) : json(nullptr);
}

json pages(int first, int last) { return first > 0 ? json::array({first, last}) : json::array(); }

/// Given text has no id.
std::string idText(const engine::ChunkId& id) { return id == engine::ChunkId{} ? "" : id.hex(); }

json chunkOf(const engine::PlanSegment& segment) {
    return {{"id", idText(segment.chunk)},
            {"document", segment.document},
            {"path", segment.path},
            {"header", segment.header},
            {"pages", pages(segment.firstPage, segment.lastPage)},
            {"begin", segment.begin},
            {"end", segment.end},
            {"position", segment.position},
            {"tokens", segment.tokens()},
            {"source", nameOf(segment.source)},
            {"prefix_exact", segment.prefixExact},
            {"score", segment.score}};
}

json chunksOf(const std::vector<engine::PlanSegment>& segments) {
    json array = json::array();
    for (const engine::PlanSegment& segment : segments)
        if (segment.kind == engine::SegmentKind::Chunk)
            array.push_back(chunkOf(segment));
    return array;
}

/// The fixed head's segment; null when the prompt has none.
json headOf(const std::vector<engine::PlanSegment>& segments) {
    for (const engine::PlanSegment& segment : segments)
        if (segment.kind == engine::SegmentKind::Head)
            return {{"tokens", segment.tokens()}, {"source", nameOf(segment.source)}};
    return nullptr;
}

void addOptions(json& object, const engine::BlendOptions& options) {
    object["strategy"] = nameOf(options.strategy);
    object["ratio"] = options.ratio;
    object["anchor"] = nameOf(options.anchor);
    object["metric"] = nameOf(options.metric);
    object["check_layer"] = options.checkLayer;
    object["first"] = options.first;
    object["mask"] = nameOf(options.mask);
}

json stagesOf(const engine::Timings& timings) {
    json object = json::object();
    for (const Stage& stage : kStages)
        object[std::string(stage.name)] = rounded(timings.*stage.ms);
    return object;
}

json memoryOf(const std::vector<engine::DeviceMemory>& memory) {
    json array = json::array();
    for (const engine::DeviceMemory& device : memory)
        array.push_back({{"backend", device.backend},
                         {"layers", device.layers},
                         {"weights", device.weights},
                         {"kv_cache", device.cache},
                         {"scratch", device.scratch},
                         {"needed", device.needed()},
                         {"held", device.held},
                         {"free", device.free},
                         {"fits", device.fits()}});
    return array;
}

json timingsOf(const engine::Timings& timings) {
    json object = stagesOf(timings);
    object["ttft"] = rounded(timings.ttft);
    object["decode"] = rounded(timings.decode);
    object["total"] = rounded(timings.total);
    object["load_hidden"] = rounded(timings.loadHidden);
    return object;
}

json answerObject(const engine::BlendPlan& plan, const engine::Answer& answer, const engine::ModelInfo& model) {
    json object;
    object["answer"] = answer.text;
    object["stop_reason"] = nameOf(answer.stopReason);
    addOptions(object, plan.options);
    object["backend"] = model.backend;
    object["precision"] = model.precision;
    object["model"] = model.name;
    object["tokens"] = {{"prompt", answer.tokens.prompt},
                        {"reused", answer.tokens.reused},
                        {"recomputed", answer.tokens.recomputed},
                        {"new", answer.tokens.fresh},
                        {"generated", answer.tokens.generated}};
    const auto& segments = answer.trace ? answer.trace->segments : plan.segments;
    object["head"] = headOf(segments);
    object["chunks"] = chunksOf(segments);
    object["ms"] = timingsOf(answer.ms);
    object["bytes_loaded"] = answer.bytesLoaded;
    object["bytes_from_ram"] = answer.bytesFromRam;
    object["charged_work"] = answer.chargedWork;
    object["ids"] = answer.ids;
    object["notes"] = answer.trace ? json(answer.trace->notes) : json::array();
    if (const auto& comparison = answer.comparison)
        object["compare"] = {{"kl", comparison->meanKl},
                             {"top1_equal", comparison->top1Equal},
                             {"first_diverging_token", comparison->firstDivergingToken},
                             {"full_answer", comparison->fullAnswer},
                             {"full_ttft_ms", rounded(comparison->fullTtftMs)},
                             {"charged_work", comparison->chargedWork}};
    return object;
}

json spreadOf(const Spread& spread) {
    return {{"median", rounded(spread.median)}, {"min", rounded(spread.min)}, {"max", rounded(spread.max)}};
}

json modelOf(const engine::ModelInfo& info) {
    return {{"path", info.path},
            {"name", info.name},
            {"architecture", info.architecture},
            {"quantisation", info.quantisation},
            {"parameters", info.parameters},
            {"weight_bytes", info.weightBytes},
            {"layers", info.layers},
            {"hidden", info.hidden},
            {"heads", info.heads},
            {"kv_heads", info.kvHeads},
            {"head_dim", info.headDim},
            {"feed_forward", info.feedForward},
            {"vocabulary", info.vocabulary},
            {"context_length", info.contextLength},
            {"tokenizer", info.tokenizer},
            {"chat_template", info.chatTemplate},
            {"rope", info.rope},
            {"kv_bytes_per_token", info.kvBytesPerToken},
            {"can_blend", info.canBlend},
            {"why_not", info.whyNot}};
}

}  // namespace

std::string importJson(const std::string& collection, const engine::IngestReport& report, JsonLayout layout) {
    json files = json::array();
    std::map<engine::IngestState, int> states;
    std::int64_t pageSum = 0, chunkSum = 0, tokenSum = 0;
    for (const engine::IngestFile& file : report.files) {
        files.push_back({{"path", file.path},
                         {"status", nameOf(file.state)},
                         {"reason", file.reason},
                         {"pages", file.pages},
                         {"chunks", file.chunks},
                         {"tokens", file.tokens}});
        ++states[file.state];
        pageSum += file.pages;
        chunkSum += file.chunks;
        tokenSum += file.tokens;
    }
    const json value{{"collection", collection},
                     {"files", files},
                     {"totals",
                      {{"files", report.files.size()},
                       {"indexed", states[engine::IngestState::Indexed]},
                       {"unchanged", states[engine::IngestState::Unchanged]},
                       {"skipped", states[engine::IngestState::Skipped]},
                       {"failed", states[engine::IngestState::Failed]},
                       {"pages", pageSum},
                       {"chunks", chunkSum},
                       {"tokens", tokenSum}}},
                     {"cancelled", report.cancelled}};
    return layout == JsonLayout::Line ? lineOf(value) : documentOf(value);
}

std::string precomputeJson(const engine::PrecomputeReport& report) {
    const double rate = report.ms > 0 ? static_cast<double>(report.tokens) / report.ms * 1000 : 0;
    return documentOf({{"chunks_done", report.chunksDone},
                       {"chunks_already", report.chunksAlready},
                       {"tokens", report.tokens},
                       {"bytes", report.bytes},
                       {"ms", rounded(report.ms)},
                       {"tokens_per_second", rounded(rate)},
                       {"budget_reached", report.budgetReached},
                       {"cancelled", report.cancelled}});
}

std::string answerJson(const engine::BlendPlan& plan, const engine::Answer& answer, const engine::ModelInfo& model) {
    return documentOf(answerObject(plan, answer, model));
}

std::string planJson(const engine::BlendPlan& plan, const engine::ModelInfo& model) {
    json object;
    object["question"] = plan.question;
    object["collection"] = plan.collection;
    addOptions(object, plan.options);
    object["backend"] = model.backend;
    object["gpu_layers"] = model.gpuLayers;
    object["precision"] = model.precision;
    object["model"] = model.name;
    object["tokens"] = {{"prompt", plan.promptTokens}, {"context", plan.contextTokens}, {"suffix", plan.suffix.size()}};
    object["hits"] = plan.hits;
    object["misses"] = plan.misses;
    object["bytes_to_load"] = plan.bytesToLoad;
    object["bytes_from_ram"] = plan.bytesFromRam;
    object["controller"] = {{"adaptive", plan.options.adaptive},
                            {"asked_ratio", plan.load.askedRatio},
                            {"computed_instead", plan.load.computedInstead},
                            {"forecast_load_ms", rounded(plan.load.loadMs)},
                            {"forecast_hiding_ms", rounded(plan.load.computeMs)}};
    object["memory"] = memoryOf(plan.memory);
    object["charged_work"] = plan.chargedWork;
    object["forecast_ttft_ms"] = rounded(plan.forecastTtftMs);
    object["forecast_full_ttft_ms"] = rounded(plan.forecastFullTtftMs);
    object["head"] = headOf(plan.segments);
    object["chunks"] = chunksOf(plan.segments);
    object["suffix"] = plan.suffixText;
    object["notes"] = plan.notes;
    object["ms"] = {
        {"retrieve", rounded(plan.retrieveMs)}, {"tokenize", rounded(plan.tokenizeMs)}, {"plan", rounded(plan.planMs)}};
    return documentOf(object);
}

std::string evalLine(const EvalRowKey& key, bool correct, const engine::BlendPlan& plan, const engine::Answer& answer,
                     const engine::ModelInfo& model) {
    json object{{"id", key.id}, {"correct", correct}};
    object.update(answerObject(plan, answer, model));
    object["strategy"] = nameOf(key.strategy);  // as asked for, so that rows, summaries and dumps have one name
    object["ratio"] = key.ratio.value;
    return lineOf(object);
}

std::string evalFailureLine(const EvalRowKey& key, const std::string& message) {
    return lineOf({{"id", key.id}, {"strategy", nameOf(key.strategy)}, {"ratio", key.ratio.value}, {"error", message}});
}

std::string evalSummaryLine(const EvalSummary& summary) {
    return lineOf({{"summary",
                    {{"strategy", nameOf(summary.strategy)},
                     {"ratio", summary.ratio.value},
                     {"cases", summary.cases},
                     {"failed", summary.failed},
                     {"kl_mean", orNull(summary.meanKl)},
                     {"kl_median", orNull(summary.medianKl)},
                     {"top1_agreement", orNull(summary.top1Agreement)},
                     {"correct", orNull(summary.correct)},
                     {"ttft_ms", orNull(summary.meanTtftMs)},
                     {"over_full", orNull(summary.overFull)},
                     {"charged_work", orNull(summary.meanChargedWork)}}}});
}

std::string evalDumpJson(const engine::Answer& answer) {
    const engine::BlendTrace empty;
    const engine::BlendTrace& trace = answer.trace ? *answer.trace : empty;
    return lineOf({{"selected", trace.selection.positions},
                   {"score", floats(trace.selection.score)},
                   {"top20", topLogits(trace.top)},
                   {"kl", answer.comparison ? json(answer.comparison->kl) : json::array()}});
}

std::string benchJson(const BenchReport& report) {
    json rows = json::array();
    for (const RateRow& rate : report.rates) {
        json row{{"kind", nameOf(rate.kind)}};
        if (rate.kind == RateKind::Decode)
            row["after"] = rate.after;
        row["tokens"] = rate.tokens;
        row["tokens_per_second"] = spreadOf(rate.tokensPerSecond);
        if (rate.throughput)
            row[rate.kind == RateKind::Prefill ? "gflops" : "read_gb_per_s"] = rounded(*rate.throughput);
        if (rate.ofPeak)
            row["of_peak"] = rounded(*rate.ofPeak);
        rows.push_back(std::move(row));
    }
    for (const TtftRow& row : report.ttft)
        rows.push_back({{"kind", "ttft"},
                        {"context", row.context},
                        {"prompt_tokens", row.promptTokens},
                        {"strategy", nameOf(row.strategy)},
                        {"ratio", row.ratio},
                        {"state", nameOf(row.state)},
                        {"ms", spreadOf(row.ms)},
                        {"over_full", orNull(row.overFull)},
                        {"charged_work", row.chargedWork},
                        {"load_hidden", rounded(row.loadHidden)},
                        {"load_hidden_share", orNull(row.loadHiddenShare)},
                        {"stages", stagesOf(row.stages)},
                        {"stage_sum_over_ttft", row.stageSumOverTtft}});
    json machine{
        {"cpu", report.cpu}, {"threads", report.threads}, {"gpu", report.gpu.empty() ? json(nullptr) : json(report.gpu)}};
    if (report.peak)
        machine["peak"] = {{"f32_gflops", rounded(report.peak->f32Gflops)},
                           {"bf16_gflops", rounded(report.peak->bf16Gflops)},
                           {"int8_gops", rounded(report.peak->int8Gops)},
                           {"read_gb_per_s", rounded(report.peak->readGBs)}};
    if (report.gpuPeak)
        machine["gpu_peak"] = {{"bf16_gflops", rounded(report.gpuPeak->bf16Gflops)},
                               {"memory_gb_per_s", rounded(report.gpuPeak->memoryGBs)},
                               {"upload_gb_per_s", rounded(report.gpuPeak->uploadGBs)}};
    return documentOf({{"machine", machine},
                       {"model", report.model},
                       {"backend", report.backend},
                       {"precision", report.precision},
                       {"repeat", report.repeat},
                       {"load_ms", rounded(report.loadMs)},
                       {"rows", rows}});
}

std::string tokenizeJson(const engine::TokenIds& ids, const std::vector<std::string>& pieces) {
    return lineOf({{"ids", ids}, {"pieces", pieces}});
}

std::string logitsJson(const engine::PromptLogits& logits, bool greedy) {
    json object{{"top", topLogits(logits.top)}};
    if (greedy)
        object["greedy"] = logits.greedy;
    object["prefill_ms"] = rounded(logits.prefillMs);
    if (greedy)
        object["decode_ms"] = rounded(logits.decodeMs);
    return documentOf(object);
}

std::string collectionsJson(const std::vector<engine::CollectionInfo>& collections) {
    json rows = json::array();
    for (const engine::CollectionInfo& info : collections)
        rows.push_back({{"name", info.record.name},
                        {"documents", info.record.documents},
                        {"chunks", info.record.chunks},
                        {"chunks_with_kv", info.chunksWithKv}});
    return documentOf({{"rows", rows}});
}

std::string documentsJson(const std::vector<engine::DocumentRecord>& documents,
                          const std::vector<engine::SourceRecord>& sources) {
    json rows = json::array();
    for (const engine::DocumentRecord& document : documents) {
        json paths = json::array();
        for (const engine::SourceRecord& source : sources)
            if (source.document == document.id)
                paths.push_back(source.path);
        rows.push_back({{"id", document.id.value},
                        {"title", document.title},
                        {"media_type", document.mediaType},
                        {"pages", document.pages},
                        {"characters", document.characters},
                        {"content", document.content.hex()},
                        {"paths", paths}});
    }
    json others = json::array();
    for (const engine::SourceRecord& source : sources)
        if (source.document == engine::DocumentId{})
            others.push_back({{"path", source.path}, {"status", nameOf(source.state)}, {"reason", source.reason}});
    return documentOf({{"rows", rows}, {"not_indexed", others}});
}

std::string chunksJson(const std::vector<engine::ChunkInfo>& chunks, bool searched) {
    json rows = json::array();
    for (const engine::ChunkInfo& chunk : chunks) {
        json row{{"id", chunk.record.id.hex()},
                 {"document", chunk.documentTitle},
                 {"pages", pages(chunk.record.firstPage, chunk.record.lastPage)},
                 {"begin", chunk.record.begin},
                 {"end", chunk.record.end},
                 {"tokens", chunk.record.tokens},
                 {"header", chunk.record.header},
                 {"text", chunk.text},
                 {"kv", chunk.inStore ? "disk" : "none"}};
        if (searched)
            row["score"] = chunk.score;
        rows.push_back(std::move(row));
    }
    return documentOf({{"rows", rows}});
}

std::string storeStatsJson(const engine::KvStoreStats& stats) {
    json fingerprints = json::array();
    for (const storage::KvFingerprintStats& entry : stats.fingerprints) {
        const engine::KvSpec& spec = entry.fingerprint.spec;
        fingerprints.push_back({{"id", entry.fingerprint.id.hex()},
                                {"records", entry.records},
                                {"tokens", entry.tokens},
                                {"live_bytes", entry.liveBytes},
                                {"pinned", entry.pinned},
                                {"layers", spec.layers},
                                {"kv_heads", spec.kvHeads},
                                {"head_dim", spec.headDim},
                                {"kv_dtype", nameOf(spec.dtype)},
                                {"fields", json::parse(entry.fingerprint.fieldsJson, nullptr, false)}});
        if (fingerprints.back()["fields"].is_discarded())
            fingerprints.back()["fields"] = nullptr;
    }
    return documentOf({{"records", stats.records},
                       {"segments", stats.segments},
                       {"live_bytes", stats.liveBytes},
                       {"garbage_bytes", stats.garbageBytes},
                       {"disk_bytes", stats.diskBytes},
                       {"cap_bytes", stats.capBytes},
                       {"quarantined", stats.quarantined},
                       {"fingerprints", fingerprints}});
}

std::string storeVerifyJson(const engine::KvVerifyReport& report, const std::vector<std::string>& libraryDamage,
                            bool cancelled) {
    json entries = json::array();
    for (const storage::KvDamage& damage : report.damaged)
        entries.push_back({{"fingerprint", damage.fingerprint.hex()}, {"key", damage.key.hex()}, {"reason", damage.reason}});
    return documentOf({{"checked", report.checked},
                       {"checked_bytes", report.checkedBytes},
                       {"damaged", report.damaged.size()},
                       {"repaired", report.damaged.size()},  // taken out: the store is whole again, the next use a miss
                       {"entries", entries},
                       {"library_damage", libraryDamage},
                       {"cancelled", cancelled}});
}

std::string storeEvictJson(std::uint64_t freedBytes, const engine::KvStoreStats& after) {
    return documentOf({{"freed_bytes", freedBytes}, {"disk_bytes", after.diskBytes}, {"records", after.records}});
}

std::string storeCompactJson(const engine::KvCompactReport& report) {
    return documentOf({{"reclaimed_bytes", report.reclaimedBytes}, {"moved_records", report.movedRecords}});
}

std::string storeRebuildJson(const engine::KvRebuildReport& report) {
    return documentOf({{"records", report.records}, {"rejected", report.rejected}});
}

std::string storePinJson(std::int64_t records) { return documentOf({{"records", records}}); }

std::string gateJson(const engine::GateReport& report, bool passed) {
    json checks = json::array();
    for (const engine::GateCheck& check : report.checks)
        checks.push_back({{"name", check.name},
                          {"passed", check.passed},
                          {"figure", check.figure},
                          {"tolerance", check.tolerance},
                          {"unit", check.unit},
                          {"detail", check.detail}});
    return documentOf({{"passed", passed}, {"checks", checks}});
}

std::string doctorJson(const engine::DoctorReport& report) {
    json features = json::object();
    for (const auto& [name, present] : report.machine.features)
        features[name] = present;
    json model = nullptr;
    if (const auto& estimate = report.model) {
        model = modelOf(estimate->model);
        std::uint64_t weights = 0, cache = 0;
        for (const engine::DeviceMemory& device : estimate->devices) {
            weights += device.weights;
            cache += device.cache;
        }
        model["memory"] = {
            {"weights", weights},       {"kv_cache", cache},          {"context_tokens", estimate->contextTokens},
            {"fits", estimate->fits()}, {"notice", estimate->notice}, {"devices", memoryOf(estimate->devices)}};
    }
    const engine::WorkspaceReport& workspace = report.workspace;
    json store = nullptr;
    if (workspace.store)
        store = json::parse(storeStatsJson(*workspace.store));
    json versions = json::object();
    for (const auto& [what, version] : report.versions)
        versions[what] = version;
    return documentOf(
        {{"cpu", {{"name", report.machine.cpu}, {"cores", report.machine.cores}, {"features", features}}},
         {"memory", {{"total", report.machine.memoryBytes}, {"available", report.machine.memoryAvailableBytes}}},
         {"backend", {{"name", report.backend}, {"precision", report.precision}, {"message", report.backendMessage}}},
         {"gpu", {{"available", report.gpu.available}, {"reason", report.gpu.reason}, {"message", report.gpu.message}}},
         {"model", model},
         {"model_message", report.modelMessage},
         {"workspace",
          {{"path", workspace.path},
           {"state", nameOf(workspace.state)},
           {"message", workspace.message},
           {"free_disk_bytes", workspace.freeDiskBytes},
           {"store", store}}},
         {"document_worker",
          {{"found", !report.documentWorker.empty()},
           {"path", report.documentWorker},
           {"message", report.documentWorkerMessage}}},
         {"versions", versions}});
}

std::string modelInfoJson(const engine::ModelInfo& info) { return documentOf(modelOf(info)); }

std::string modelListJson(const std::string& folder, const std::vector<LocalModel>& models) {
    json rows = json::array();
    for (const LocalModel& model : models) {
        json row = model.info ? modelOf(*model.info) : json{{"path", model.path}};
        row["embedded"] = model.embedded;
        row["default"] = model.isDefault;
        row["refused"] = model.info ? "" : model.info.status().message();
        rows.push_back(std::move(row));
    }
    return documentOf({{"folder", folder}, {"rows", rows}});
}

engine::Result<engine::TokenIds> tokenIdsOf(const std::string& text) {
    const auto wrong = [](const std::string& why) { return engine::Status(engine::StatusCode::InvalidArgument, why); };
    const json value = json::parse(text, nullptr, false);
    if (!value.is_array())
        return wrong("not a JSON array of token ids, such as [1, 2, 3]");
    engine::TokenIds ids;
    for (const json& id : value) {
        if (!id.is_number_integer() || id < 0 || id > INT32_MAX)
            return wrong("'" + id.dump(-1, ' ', false, json::error_handler_t::replace) + "' is not a token id");
        ids.push_back(id.get<engine::TokenId>());
    }
    if (ids.empty())
        return wrong("the array is empty");
    return ids;
}

}  // namespace app
