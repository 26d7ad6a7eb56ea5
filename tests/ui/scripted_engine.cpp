// An engine that plays a small library from memory.
#include "tests/ui/scripted_engine.h"

#include <algorithm>
#include <array>
#include <utility>

namespace testing_ui {

namespace {

constexpr int kLayers = 4;
constexpr int kHeadTokens = 10;
constexpr int kSuffixTokens = 14;

const std::array<const char*, 6> kSentences = {
    "Eleven springs feed the upper valley, and none of them dries out before October. ",
    "The survey counted the springs twice: once after the thaw and once in the driest week of August. ",
    "A spring that is lined with stone keeps its temperature within half a degree over the year. ",
    "The wardens read the gauges on the first Monday of the month and enter the figures in ink. ",
    "Water from the third spring is led past the mill and joins the stream below the footbridge. ",
    "Two springs have moved since the last survey, both of them downhill by less than ten metres. "};

std::string chunkText(int number) {
    std::string text;
    for (int sentence = 0; sentence < 4; ++sentence)
        text += kSentences[static_cast<std::size_t>(number + sentence) % kSentences.size()];
    return text + "\n\n";
}

std::string documentPath(int document) { return "/papers/survey-" + std::to_string(document) + ".pdf"; }

}  // namespace

// ---- what is in the library ------------------------------------------------------------------------------------

engine::ModelInfo exampleModel() {
    engine::ModelInfo info;
    info.path = "/models/tiny.gguf";
    info.name = "Tiny 135M";
    info.architecture = "llama";
    info.quantisation = "Q4_1";
    info.layers = kLayers;
    info.heads = 3;
    info.kvHeads = 1;
    info.contextLength = 8192;
    info.canBlend = true;
    info.kvBytesPerToken = kBytesPerToken;
    info.fingerprint = std::string(64, 'a');
    info.backend = "cpu";
    info.precision = "bf16";
    info.threads = 2;
    return info;
}

engine::ChunkId chunkId(int number) {
    engine::ChunkId id;
    id.digest.bytes[0] = static_cast<std::uint8_t>(number >> 16);
    id.digest.bytes[1] = static_cast<std::uint8_t>(number >> 8);
    id.digest.bytes[2] = static_cast<std::uint8_t>(number);
    id.digest.bytes[31] = 1;
    return id;
}

ScriptedEngine::ScriptedEngine(std::shared_ptr<Script> script)
    : m_script(std::move(script)), m_model(exampleModel()), m_collections{"papers"} {
    m_script->note("open");
    m_chunksWithKv = m_script->chunkCount;
}

ScriptedEngine::~ScriptedEngine() {
    const std::lock_guard lock(m_script->m_mutex);
    ++m_script->m_closed;
}

engine::ChunkInfo ScriptedEngine::chunkInfo(int number) const {
    const int document = number / kChunksOfDocument;
    const int ordinal = number % kChunksOfDocument;
    engine::ChunkInfo chunk;
    chunk.record.id = chunkId(number);
    chunk.record.document = engine::DocumentId{document + 1};
    chunk.record.ordinal = ordinal;
    chunk.text = chunkText(number);
    std::int64_t begin = 0;
    for (int before = 0; before < ordinal; ++before)
        begin += static_cast<std::int64_t>(chunkText(number - ordinal + before).size());
    chunk.record.begin = begin;
    chunk.record.end = begin + static_cast<std::int64_t>(chunk.text.size());
    chunk.record.firstPage = ordinal / 2 + 1;
    chunk.record.lastPage = ordinal / 2 + 1;
    chunk.record.tokens = kTokensOfChunk;
    chunk.record.header = "Valley survey " + std::to_string(document) + " › Springs";
    chunk.documentTitle = "Valley survey " + std::to_string(document);
    chunk.inStore = number < m_chunksWithKv;
    return chunk;
}

engine::FileInfo ScriptedEngine::fileInfo(int number) const {
    engine::FileInfo file;
    file.source.path = documentPath(number);
    file.source.state = storage::SourceState::Indexed;
    file.source.document = engine::DocumentId{number + 1};
    file.source.sizeBytes = 20'480;
    file.title = "Valley survey " + std::to_string(number);
    file.mediaType = "application/pdf";
    file.pages = 3;
    file.chunks = std::min(kChunksOfDocument, m_script->chunkCount - number * kChunksOfDocument);
    file.tokens = file.chunks * kTokensOfChunk;
    file.chunksWithKv = std::clamp(m_chunksWithKv - number * kChunksOfDocument, 0, file.chunks);
    file.kvBytes = static_cast<std::uint64_t>(file.chunksWithKv) * kTokensOfChunk * kBytesPerToken;
    file.pinnedChunks = m_pinned ? file.chunksWithKv : 0;
    return file;
}

engine::Result<std::vector<engine::CollectionInfo>> ScriptedEngine::collections() {
    m_script->note("collections");
    std::vector<engine::CollectionInfo> list;
    for (const std::string& name : m_collections) {
        engine::CollectionInfo info;
        info.record.id.value = static_cast<std::int64_t>(list.size()) + 1;
        info.record.name = name;
        info.record.documents = (m_script->chunkCount + kChunksOfDocument - 1) / kChunksOfDocument;
        info.record.chunks = m_script->chunkCount;
        info.chunksWithKv = m_chunksWithKv;
        list.push_back(info);
    }
    return list;
}

engine::Result<std::vector<engine::FileInfo>> ScriptedEngine::files(const std::string&) {
    m_script->note("files");
    std::vector<engine::FileInfo> list;
    for (int document = 0; document * kChunksOfDocument < m_script->chunkCount; ++document)
        list.push_back(fileInfo(document));
    engine::FileInfo broken;
    broken.source.path = "/papers/scan.pdf";
    broken.source.state = storage::SourceState::Failed;
    broken.source.reason = "no text: the pages are pictures";
    list.push_back(broken);
    engine::FileInfo picture;
    picture.source.path = "/papers/map.png";
    picture.source.state = storage::SourceState::Skipped;
    picture.source.reason = "not a document";
    list.push_back(picture);
    std::erase_if(list, [this](const engine::FileInfo& file) {
        return std::find(m_removed.begin(), m_removed.end(), file.source.path) != m_removed.end();
    });
    return list;
}

engine::Result<std::vector<engine::OnDisk>> ScriptedEngine::filesOnDisk(const std::string& collection) {
    std::vector<engine::OnDisk> states;
    const std::vector<engine::FileInfo> ledger = files(collection).value();
    for (const engine::FileInfo& file : ledger)
        states.push_back(m_script->changedFiles.contains(file.source.path)   ? engine::OnDisk::Changed
                         : m_script->missingFiles.contains(file.source.path) ? engine::OnDisk::Missing
                                                                             : engine::OnDisk::Same);
    return states;
}

engine::Result<std::vector<engine::SourceRecord>> ScriptedEngine::sources(const std::string&) {
    return std::vector<engine::SourceRecord>{};
}

engine::Result<std::vector<engine::DocumentRecord>> ScriptedEngine::documents(const std::string&) {
    return std::vector<engine::DocumentRecord>{};
}

engine::Result<engine::DocumentRecord> ScriptedEngine::document(engine::DocumentId id) {
    m_script->note("document");
    const int number = static_cast<int>(id.value) - 1;
    engine::DocumentRecord record;
    record.id = id;
    record.title = "Valley survey " + std::to_string(number);
    record.mediaType = "application/pdf";
    record.pages = 3;
    for (int ordinal = 0; ordinal < kChunksOfDocument; ++ordinal) {
        if (ordinal % 2 == 0)
            record.pageMap.push_back({ordinal / 2 + 1, static_cast<std::int64_t>(record.text.size()), 0});
        record.text += chunkText(number * kChunksOfDocument + ordinal);
        record.pageMap.back().end = static_cast<std::int64_t>(record.text.size());
    }
    record.characters = static_cast<std::int64_t>(record.text.size());
    return record;
}

engine::Result<std::vector<engine::ChunkInfo>> ScriptedEngine::chunks(const engine::ChunkQuery& query) {
    m_script->note("chunks");
    std::vector<engine::ChunkInfo> list;
    const std::int64_t limit = query.limit < 0 ? m_script->chunkCount : query.limit;
    std::int64_t skipped = 0;
    const bool plain = query.search.empty() && query.document.value == 0;
    for (std::int64_t number = plain ? query.offset : 0;
         number < m_script->chunkCount && static_cast<std::int64_t>(list.size()) < limit; ++number) {
        const engine::ChunkInfo chunk = chunkInfo(static_cast<int>(number));
        if (!query.search.empty() && chunk.text.find(query.search) == std::string::npos)
            continue;
        if (query.document.value != 0 && query.document != chunk.record.document)
            continue;
        if (!plain && skipped++ < query.offset)
            continue;
        list.push_back(chunk);
        if (!query.search.empty())
            list.back().score = 9.5 - 0.1 * static_cast<double>(list.size());
    }
    return list;
}

engine::Result<engine::ChunkInfo> ScriptedEngine::chunk(const engine::ChunkId& id) {
    m_script->note("chunk");
    for (int number = 0; number < m_script->chunkCount; ++number) {
        if (chunkId(number) == id)
            return chunkInfo(number);
    }
    return engine::Status(engine::StatusCode::NotFound, "no such chunk");
}

engine::Status ScriptedEngine::addToCollection(const std::string&, const std::vector<std::string>&, const std::string& to) {
    m_script->note("addToCollection " + to);
    if (std::find(m_collections.begin(), m_collections.end(), to) == m_collections.end())
        m_collections.push_back(to);
    return {};
}

engine::Status ScriptedEngine::removeFile(const std::string&, const std::string& path) {
    m_script->note("removeFile " + path);
    m_removed.push_back(path);
    return {};
}

engine::Status ScriptedEngine::removeCollection(const std::string& collection) {
    m_script->note("removeCollection " + collection);
    std::erase(m_collections, collection);
    return {};
}

// ---- jobs ------------------------------------------------------------------------------------------------------

engine::Result<engine::IngestReport> ScriptedEngine::ingest(const engine::IngestRequest& request,
                                                            engine::JobObserver& observer, std::stop_token stop) {
    m_script->note("ingest");
    engine::IngestReport report;
    for (const std::string& path : request.paths) {
        if (stop.stop_requested()) {
            report.cancelled = true;
            break;
        }
        m_script->middle("ingest", stop);
        engine::IngestFile file;
        file.path = path;
        const auto calls = m_script->calls();
        const bool known = std::find(calls.begin(), calls.end(), "imported " + path) != calls.end();
        file.state = known ? engine::IngestState::Unchanged : engine::IngestState::Indexed;
        file.chunks = kChunksOfDocument;
        m_script->note("imported " + path);
        report.files.push_back(file);
        observer.fileDone(file);
        observer.progress("importing", static_cast<std::int64_t>(report.files.size()),
                          static_cast<std::int64_t>(request.paths.size()), "files");
    }
    if (std::find(m_collections.begin(), m_collections.end(), request.collection) == m_collections.end())
        m_collections.push_back(request.collection);
    return report;
}

engine::Result<engine::PrecomputeReport> ScriptedEngine::precompute(const engine::PrecomputeRequest&,
                                                                    engine::JobObserver& observer, std::stop_token stop) {
    m_script->note("precompute");
    engine::PrecomputeReport report;
    for (int border = 0; border < m_script->precomputeBorders && !stop.stop_requested(); ++border) {
        m_script->middle("precompute", stop);
        observer.progress("computing KV", border * 100, m_script->precomputeBorders * 100, "tokens");
        observer.atBorder();
    }
    report.cancelled = stop.stop_requested();
    if (!report.cancelled) {
        report.chunksDone = m_script->chunkCount;
        report.tokens = m_script->chunkCount * kTokensOfChunk;
        m_chunksWithKv = m_script->chunkCount;
    }
    m_script->note(report.cancelled ? "precompute stopped" : "precompute done");
    return report;
}

engine::Result<engine::PrecomputeForecast> ScriptedEngine::precomputeForecast(const engine::PrecomputeRequest&) {
    m_script->note("precomputeForecast");
    engine::PrecomputeForecast forecast;
    forecast.chunks = 3;
    forecast.already = m_script->chunkCount - 3;
    forecast.tokens = 3 * kTokensOfChunk;
    forecast.bytes = static_cast<std::uint64_t>(forecast.tokens) * kBytesPerToken;
    forecast.ms = 420;
    return forecast;
}

// ---- questions -------------------------------------------------------------------------------------------------

engine::Result<engine::BlendPlan> ScriptedEngine::plan(const engine::Query& query) {
    m_script->note("plan " + query.question);
    {
        const std::lock_guard lock(m_script->m_mutex);
        m_script->m_queries.push_back(query);
    }
    m_script->middle("plan", {});
    engine::BlendPlan plan;
    plan.options = query.blend;
    plan.sampling = query.sampling;
    plan.question = query.question;
    plan.collection = query.collection;
    plan.followUpOf = query.followUpOf;
    engine::PlanSegment head;
    head.kind = engine::SegmentKind::Head;
    head.ids.assign(kHeadTokens, 1);
    head.source = engine::KvSource::Store;
    head.prefixExact = true;
    plan.segments.push_back(head);
    int position = kHeadTokens;
    const int count =
        query.chunks.empty() ? std::min(query.topK, m_script->chunkCount) : static_cast<int>(query.chunks.size());
    for (int index = 0; index < count; ++index) {
        int number = index;
        if (!query.chunks.empty()) {
            const auto& bytes = query.chunks[static_cast<std::size_t>(index)].digest.bytes;
            number = bytes[0] << 16 | bytes[1] << 8 | bytes[2];
        }
        const engine::ChunkInfo chunk = chunkInfo(number);
        engine::PlanSegment segment;
        segment.chunk = chunk.record.id;
        segment.document = chunk.documentTitle;
        segment.path = documentPath(number / kChunksOfDocument);
        segment.header = chunk.record.header;
        segment.firstPage = chunk.record.firstPage;
        segment.lastPage = chunk.record.lastPage;
        segment.begin = chunk.record.begin;
        segment.end = chunk.record.end;
        segment.score = query.chunks.empty() ? 10.7 - index : 0;
        segment.ids.assign(kTokensOfChunk, 5);
        segment.position = position;
        segment.source = chunk.inStore ? engine::KvSource::Store : engine::KvSource::Miss;
        position += kTokensOfChunk;
        (chunk.inStore ? plan.hits : plan.misses) += 1;
        plan.contextTokens += kTokensOfChunk;
        plan.segments.push_back(segment);
    }
    plan.suffix.assign(kSuffixTokens, 7);
    plan.suffixText = query.question;
    plan.promptTokens = position + kSuffixTokens;
    plan.bytesToLoad = static_cast<std::uint64_t>(plan.hits) * kTokensOfChunk * kBytesPerToken;
    plan.chargedWork = query.blend.ratio + 0.03;
    plan.forecastTtftMs = 118;
    plan.forecastFullTtftMs = 840;
    if (query.question == "nothing")
        plan.notes.push_back("no passage matches the question");
    return plan;
}

engine::Result<engine::Answer> ScriptedEngine::run(const engine::BlendPlan& plan, engine::QueryObserver& observer,
                                                   std::stop_token stop) {
    m_script->note("run " + plan.question);
    if (!m_script->endOfRun.empty()) {
        m_ended = std::exchange(m_script->endOfRun, {});
        return engine::Status(engine::StatusCode::Internal, m_ended);
    }
    auto trace = std::make_shared<engine::BlendTrace>();
    engine::Answer answer;
    answer.run = ++m_runs;
    answer.tokens.prompt = plan.promptTokens;
    const int chosen = static_cast<int>(plan.options.ratio * plan.contextTokens);
    answer.tokens.recomputed = chosen;
    answer.tokens.fresh = kSuffixTokens + plan.misses * kTokensOfChunk;
    answer.tokens.reused = plan.promptTokens - answer.tokens.recomputed - answer.tokens.fresh;
    answer.ms.retrieve = 0.6;
    answer.ms.tokenize = 0.4;
    answer.ms.plan = 20;
    answer.ms.load = 10;
    answer.ms.rotate = 7;
    answer.ms.questionPass = 40;
    answer.ms.recompute = 40;
    answer.ms.firstToken = 2;
    answer.ms.ttft = 120;
    answer.ms.decode = 400;
    answer.ms.total = 520;
    answer.bytesLoaded = plan.bytesToLoad;
    answer.bytesFromRam = m_script->bytesFromRam;
    answer.chargedWork = plan.chargedWork;
    observer.firstToken(answer.ms);
    for (const std::string& piece : m_script->answer) {
        m_script->middle("run", stop);
        if (stop.stop_requested())
            break;
        answer.text += piece;
        ++answer.tokens.generated;
        observer.text(piece);
    }
    answer.stopReason = stop.stop_requested() ? engine::StopReason::Cancelled : engine::StopReason::EndOfText;

    trace->model = m_model.name;
    trace->backend = "cpu";
    trace->precision = "bf16";
    trace->layerCount = kLayers;
    trace->heads = m_model.heads;
    trace->kvHeads = m_model.kvHeads;
    trace->question = plan.question;
    trace->collection = plan.collection;
    trace->options = plan.options;
    trace->segments = plan.segments;
    for (const engine::PlanSegment& segment : plan.segments)
        trace->promptIds.insert(trace->promptIds.end(), segment.ids.begin(), segment.ids.end());
    trace->promptIds.insert(trace->promptIds.end(), plan.suffix.begin(), plan.suffix.end());
    for (std::size_t token = 0; token < trace->promptIds.size(); ++token)
        trace->pieces.push_back(" w" + std::to_string(token));
    trace->selection.score.assign(static_cast<std::size_t>(plan.contextTokens), 0.5F);
    for (int token = 0; token < chosen; ++token)
        trace->selection.positions.push_back(kHeadTokens + token);
    trace->selection.threshold = 0.5F;
    trace->layers.assign(kLayers, engine::LayerTiming{0, 2, 2, 20});
    trace->tokens = answer.tokens;
    trace->ms = answer.ms;
    trace->bytesLoaded = answer.bytesLoaded;
    trace->chargedWork = answer.chargedWork;
    trace->answer = answer.text;
    answer.trace = trace;
    engine::AnswerRecord record;
    record.id = static_cast<std::int64_t>(m_history.size()) + 1;
    record.askedAtMs = 1'700'000'000'000 + record.id;
    record.question = plan.question;
    record.answer = answer.text;
    m_history.insert(m_history.begin(), record);
    if (m_script->afterRun)
        m_script->afterRun();
    return answer;
}

engine::Result<engine::Answer> ScriptedEngine::runCompared(const engine::BlendPlan& plan, engine::QueryObserver& observer,
                                                           std::stop_token stop) {
    auto answer = run(plan, observer, stop);
    if (!answer)
        return answer;
    engine::Comparison comparison;
    comparison.kl = {0.001, 0.002, 0.003};
    comparison.meanKl = 0.002;
    comparison.top1Equal = true;
    comparison.fullAnswer = answer->text;
    comparison.fullTtftMs = 840;
    comparison.chargedWork = 0.18;
    answer->comparison = comparison;
    auto trace = std::make_shared<engine::BlendTrace>(*answer->trace);
    trace->comparison = comparison;
    answer->trace = trace;
    return answer;
}

engine::Result<engine::Answer> ScriptedEngine::measureDeviation(const engine::BlendPlan& plan,
                                                                engine::QueryObserver& observer, std::stop_token stop) {
    m_script->note("measureDeviation");
    m_script->middle("measureDeviation", stop);
    if (stop.stop_requested())
        return engine::Status(engine::StatusCode::Cancelled, "stopped while measuring");
    observer.progress("full prefill", 1, 3);
    return runCompared(plan, observer, stop);
}

engine::Result<std::vector<engine::AnswerRecord>> ScriptedEngine::history(int limit) {
    m_script->note("history");
    std::vector<engine::AnswerRecord> list = m_history;
    if (limit >= 0 && list.size() > static_cast<std::size_t>(limit))
        list.resize(static_cast<std::size_t>(limit));
    return list;
}

engine::Result<engine::TokenIds> ScriptedEngine::tokenize(const std::string& text, bool) {
    return engine::TokenIds(text.size() / 4 + 1, 5);
}

std::string ScriptedEngine::piece(engine::TokenId id) const { return " word" + std::to_string(id); }

engine::Result<engine::PromptLogits> ScriptedEngine::logits(const engine::TokenIds&, int, int, std::stop_token) {
    return engine::PromptLogits{};
}

engine::Status ScriptedEngine::dropCaches() { return {}; }

engine::Result<engine::GateReport> ScriptedEngine::verifyExactness(const std::vector<engine::GivenPrompt>&,
                                                                   engine::JobObserver&, std::stop_token) {
    return engine::GateReport{};
}

ui::EngineFactory factoryOf(std::shared_ptr<Script> script) {
    return [script](const engine::EngineOptions& options) -> engine::Result<std::unique_ptr<engine::Engine>> {
        if (options.model == "broken")
            return engine::Status(engine::StatusCode::Refused, "the model file is damaged");
        return std::unique_ptr<engine::Engine>(std::make_unique<ScriptedEngine>(script));
    };
}

engine::Result<engine::ModelInfo> inspect(const std::string& path, engine::KvDtype) {
    if (path.find("broken") != std::string::npos)
        return engine::Status(engine::StatusCode::Refused, "the model file is damaged");
    engine::ModelInfo info = exampleModel();
    info.path = path;
    return info;
}

}  // namespace testing_ui
