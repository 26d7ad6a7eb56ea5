// Questions: prefill by plan, decode, and what is told of it.
#include <algorithm>

#include "engine/blend/logits.h"
#include "engine/blend/stopwatch.h"
#include "engine/kv/throttled_reader.h"
#include "engine/session/engine_impl.h"
#include "engine/session/forecast.h"
#include "engine/session/utf8_stream.h"
#include "engine/transformer/device_sampler.h"

namespace engine {
namespace {

constexpr int kTraceLogits = 20;
// Room behind an answer, so that a follow-up seldom has to move the cache.
constexpr int kFollowUpPositions = 512;
constexpr int kSpeedSavedEvery = 8;

/// Passes everything on and remembers whether the answer has begun.
class AttentiveObserver final : public QueryObserver {
public:
    explicit AttentiveObserver(QueryObserver& inner) : m_inner(inner) {}
    void firstToken(const Timings& timings) override {
        m_begun = true;
        m_inner.firstToken(timings);
    }
    void text(std::string_view piece) override { m_inner.text(piece); }
    void progress(std::string_view what, std::int64_t done, std::int64_t total) override {
        m_inner.progress(what, done, total);
    }
    bool begun() const { return m_begun; }

private:
    QueryObserver& m_inner;
    bool m_begun = false;
};

/// Positions of the cache that a run of the plan takes.
int positionsOf(const BlendPlan& plan, int leastAnswer) {
    return plan.promptTokens + std::max(leastAnswer, plan.sampling.maxTokens) +
           (plan.followUpOf == 0 ? kFollowUpPositions : 0);
}

}  // namespace

Result<BlendPlan> EngineImpl::plan(const Query& query) {
    return guarded([&]() -> Result<BlendPlan> {
        if (Status status = needModel(); !status.ok())
            return status;
        const Conversations::Turn* turn = query.followUpOf != 0 ? m_conversations.find(query.followUpOf) : nullptr;
        if (query.followUpOf != 0 && turn == nullptr)
            return Status(StatusCode::NotFound,
                          "the answer that this question goes on from is no longer in memory (the last " +
                              std::to_string(Conversations::kMost) + " conversations are); ask it as a new question");
        Result<BlendPlan> plan =
            turn != nullptr ? m_planner->planFollowUp(query, turn->cachedTokens, turn->pending) : m_planner->plan(query);
        if (!plan.ok())
            return plan;
        Forecast(m_weights->config(), m_spec, m_speed, *m_ramTier).complete(*plan, query.strategyChoice);
        plan->memory = memoryOf(positionsOf(*plan, kComparedTokens));
        if (!m_info.notice.empty())
            plan->notes.push_back(m_info.notice);
        for (const DeviceMemory& device : plan->memory)
            if (!device.fits())
                plan->notes.push_back("this run may not fit into the memory of " + device.backend);
        return plan;
    });
}

KvCache EngineImpl::takeCache(int positions) {
    if (m_spareCache && m_spareCache->capacity() >= positions) {
        KvCache cache = std::move(*m_spareCache);
        m_spareCache.reset();
        return cache;
    }
    m_spareCache.reset();
    return m_transformer->makeCache(positions);
}

void EngineImpl::giveCacheBack(KvCache cache) {
    if (!m_spareCache || m_spareCache->capacity() < cache.capacity())
        m_spareCache = std::move(cache);
}

Result<EngineImpl::Run> EngineImpl::startRun(const BlendPlan& plan) {
    Run run;
    run.plan = plan;
    const int positions = positionsOf(plan, kComparedTokens);
    if (plan.followUpOf == 0) {
        for (KvCache& cache : m_conversations.makeRoom())
            giveCacheBack(std::move(cache));
        run.cache = takeCache(positions);
        run.ids = PromptLayout(plan).ids;
        return run;
    }
    std::optional<Conversations::Conversation> kept = m_conversations.take(plan.followUpOf);
    if (!kept || static_cast<int>(kept->ids.size()) != plan.keptTokens) {
        if (kept)
            m_conversations.keep(std::move(*kept));
        return Status(StatusCode::NotFound,
                      "the answer that this question goes on from is no longer in memory; plan it again");
    }
    run.cache = std::move(kept->cache);
    if (run.cache.capacity() < positions) {
        KvCache larger = takeCache(positions + kFollowUpPositions);
        larger.copyFrom(m_transformer->placement(), run.cache, plan.keptTokens);
        run.cache = std::move(larger);
    }
    run.ids = std::move(kept->ids);
    run.ids.insert(run.ids.end(), plan.suffix.begin(), plan.suffix.end());
    run.turns = std::move(kept->turns);
    return run;
}

SliceSource EngineImpl::sliceSource() {
    std::unique_ptr<storage::KvReader> reader = m_store->reader();
    if (m_options.readBytesPerSecond > 0)
        reader = std::make_unique<ThrottledReader>(std::move(reader), m_options.readBytesPerSecond);
    return {std::move(reader), m_ramTier.get()};
}

Status EngineImpl::prefill(Run& run, AttentionProbe* probe, std::stop_token stop) {
    for (;;) {
        std::vector<SegmentFailure> failures;
        Result<Prefill> prefill = m_blender->prefill(run.plan, m_spec, sliceSource(), run.cache, stop, failures, probe);
        if (prefill.ok()) {
            run.prefill = std::move(*prefill);
            // Memory may have changed between planning and running.
            for (PlanSegment& segment : run.plan.segments)
                segment.source = segment.source == KvSource::Ram ? KvSource::Store : segment.source;
            for (const int segment : run.prefill.segmentsFromRam)
                run.plan.segments[static_cast<std::size_t>(segment)].source = KvSource::Ram;
            return {};
        }
        if (failures.empty())
            return prefill.status();
        // A damaged slice is a miss: the record goes, the chunk is computed in place, the answer goes on.
        for (const SegmentFailure& failure : failures) {
            PlanSegment& segment = run.plan.segments[static_cast<std::size_t>(failure.segment)];
            const std::string name =
                segment.kind == SegmentKind::Head ? "the prompt's head" : "chunk " + segment.chunk.hex().substr(0, 12);
            run.notes.push_back("stored KV of " + name + " is unusable and was computed again: " + failure.status.message());
            if (Status status = m_store->quarantine(*segment.extent, failure.status.message()); !status.ok())
                run.notes.push_back("the store could not set it aside: " + status.message());
            segment.source = KvSource::Damaged;
            segment.extent.reset();
        }
    }
}

Answer EngineImpl::answer(Run& run, QueryObserver& observer, std::stop_token stop) {
    const Stopwatch clock;
    Answer answer;
    const int promptTokens = run.prefill.tokens.prompt;
    DeviceSampler sampler(run.plan.sampling);
    Utf8Stream stream([&](std::string_view piece) {
        answer.text += piece;
        observer.text(piece);
    });
    Backend& device = m_transformer->backend(m_info.layers - 1);
    TensorView logits;  // on the device; those of the prompt's last token are here already, for the trace
    RowBuffers& rows = m_blender->rows(1);
    answer.stopReason = StopReason::Length;
    answer.ms = run.prefill.ms;
    double firstTokenMs = 0;
    while (static_cast<int>(answer.ids.size()) < run.plan.sampling.maxTokens) {
        const TokenId id =
            answer.ids.empty() ? sampler.sample(run.prefill.logits, answer.ids) : sampler.sample(device, logits, answer.ids);
        if (answer.ids.empty()) {
            firstTokenMs = clock.elapsedMs();
            answer.ms.firstToken += firstTokenMs;
            answer.ms.ttft += firstTokenMs;
            observer.firstToken(answer.ms);
        }
        if (m_tokenizer->isStop(id)) {
            answer.stopReason = StopReason::EndOfText;
            break;
        }
        answer.ids.push_back(id);
        stream.add(m_tokenizer->bytes(id));
        if (stop.stop_requested()) {
            answer.stopReason = StopReason::Cancelled;
            break;
        }
        if (static_cast<int>(answer.ids.size()) < run.plan.sampling.maxTokens)
            logits = m_transformer->decode(id, promptTokens + static_cast<int>(answer.ids.size()) - 1, run.cache, rows);
    }
    stream.finish();
    answer.ms.decode = clock.elapsedMs() - firstTokenMs;
    answer.ms.total = answer.ms.ttft + answer.ms.decode;
    answer.tokens = run.prefill.tokens;
    answer.tokens.generated = static_cast<int>(answer.ids.size());
    answer.bytesLoaded = run.prefill.bytesLoaded;
    answer.bytesFromRam = run.prefill.bytesFromRam;
    answer.chargedWork = run.prefill.chargedWork;
    return answer;
}

std::shared_ptr<BlendTrace> EngineImpl::traceOf(const Run& run, const Answer& answer) const {
    auto trace = std::make_shared<BlendTrace>();
    trace->model = m_info.name;
    trace->backend = m_info.backend;
    trace->precision = m_info.precision;
    trace->kvDtype = m_spec.dtype;
    trace->layerCount = m_info.layers;
    trace->heads = m_info.heads;
    trace->kvHeads = m_info.kvHeads;
    trace->question = run.plan.question;
    trace->collection = run.plan.collection;
    trace->options = run.plan.options;
    trace->sampling = run.plan.sampling;
    trace->promptIds = run.ids;
    for (const TokenId id : run.ids)
        trace->pieces.push_back(m_tokenizer->bytes(id));
    trace->segments = run.plan.segments;
    if (run.plan.keptTokens > 0) {
        PlanSegment kept;
        kept.kind = SegmentKind::Kept;
        kept.ids.assign(run.ids.begin(), run.ids.begin() + run.plan.keptTokens);
        kept.source = KvSource::Store;
        kept.prefixExact = true;
        trace->segments.push_back(std::move(kept));
    }
    trace->selection = run.prefill.selection;
    trace->layers = run.prefill.layers;
    trace->top = greatestLogits(run.prefill.logits, kTraceLogits);
    trace->tokens = answer.tokens;
    trace->ms = answer.ms;
    trace->bytesLoaded = run.prefill.bytesLoaded;
    trace->bytesFromRam = run.prefill.bytesFromRam;
    trace->load = run.plan.load;
    trace->chargedWork = run.prefill.chargedWork;
    trace->answer = answer.text;
    trace->answerIds = answer.ids;
    trace->stopReason = answer.stopReason;
    trace->notes = run.plan.notes;
    trace->notes.insert(trace->notes.end(), run.notes.begin(), run.notes.end());
    const auto& told = run.plan.notes;
    if (!m_info.notice.empty() && std::find(told.begin(), told.end(), m_info.notice) == told.end())
        trace->notes.push_back(m_info.notice);  // it came up after the plan was made
    return trace;
}

void EngineImpl::keepConversation(Run run, const Answer& answer) {
    // The last token of an answer that did not end by itself was never fed back.
    const bool allFed = answer.stopReason == StopReason::EndOfText || answer.ids.empty();
    const auto fed = answer.ids.end() - (allFed ? 0 : 1);
    Conversations::Conversation conversation{std::move(run.cache), std::move(run.ids), std::move(run.turns)};
    conversation.ids.insert(conversation.ids.end(), answer.ids.begin(), fed);
    conversation.turns.push_back({answer.run, static_cast<int>(conversation.ids.size()), TokenIds(fed, answer.ids.end())});
    for (KvCache& cache : m_conversations.keep(std::move(conversation)))
        giveCacheBack(std::move(cache));
}

void EngineImpl::learnSpeed(const Prefill& prefill, const Timings& ms) {
    m_speed.learn(prefill, ms);
    if (++m_unsavedSpeed < kSpeedSavedEvery)
        return;
    m_unsavedSpeed = 0;
    // Forgetting a speed costs a forecast, nothing else.
    (void)m_store->rememberRates(m_fingerprint, speedKey(), m_speed.text());
}

Result<Answer> EngineImpl::runPlan(const BlendPlan& plan, QueryObserver& asker, Compare compared, std::stop_token stop) {
    AttentiveObserver observer(asker);
    int attempts = 0;
    return computing([&]() -> Result<Answer> {
        // What was told cannot be taken back, and the conversation's KV lay on the GPU.
        if (attempts++ > 0 && (observer.begun() || plan.followUpOf != 0))
            return Status(StatusCode::OutOfMemory,
                          m_info.notice + "; ask " + (plan.followUpOf != 0 ? "this as a new question" : "again"));
        if (Status status = needTransformer(); !status.ok())
            return status;
        if (compared == Compare::AllRuns && plan.keptTokens > 0)
            return Status(StatusCode::InvalidArgument,
                          "deviation is measured on the first answer of a conversation; ask this as a new question");
        const Stopwatch clock;
        Result<Run> run = startRun(plan);
        if (!run.ok())
            return run.status();
        if (Status status = prefill(*run, nullptr, stop); !status.ok()) {
            // What was said before still stands in front of the rows that were being written.
            if (!run->turns.empty()) {
                run->ids.resize(static_cast<std::size_t>(plan.keptTokens));
                m_conversations.keep({std::move(run->cache), std::move(run->ids), std::move(run->turns)});
            } else {
                giveCacheBack(std::move(run->cache));
            }
            return status;
        }
        Timings& ms = run->prefill.ms;
        ms.retrieve = plan.retrieveMs;
        ms.tokenize = plan.tokenizeMs;
        // Setting a run up (cache, rows, a restart after damage) belongs to no stage of the blend; it is counted with the plan.
        const double prefillMs = clock.elapsedMs();
        ms.plan = plan.planMs + prefillMs -
                  (ms.load + ms.rotate + ms.questionPass + ms.layersBeforeCheck + ms.check + ms.recompute + ms.firstToken);
        ms.ttft = plan.retrieveMs + plan.tokenizeMs + plan.planMs + prefillMs;
        Answer result = answer(*run, observer, stop);
        result.run = ++m_runs;
        if (run->notes.empty())
            learnSpeed(run->prefill, result.ms);
        std::vector<storage::KvExtent> used;
        for (const PlanSegment& segment : run->plan.segments)
            if (isHit(segment.source) && plan.options.strategy != Strategy::Full)
                used.push_back(*segment.extent);
        // The order of use only steers eviction: failing to note it must not fail an answer.
        (void)m_store->touch(used);

        std::shared_ptr<BlendTrace> trace = traceOf(*run, result);
        if (compared == Compare::WithFull) {
            observer.progress("full prefill", 0, 1);
            const Result<FullRun> full = runFull(*run, nullptr, stop);
            observer.progress("full prefill", 1, 1);
            if (!full.ok())
                return full.status();
            Result<Comparison> comparison = compare(*full, *run, result, stop);
            if (!comparison.ok())
                return comparison.status();
            trace->comparison = std::move(*comparison);
        } else if (compared == Compare::AllRuns) {
            Result<std::shared_ptr<const DeviationReport>> report = measure(*run, result, observer, stop);
            if (!report.ok())
                return report.status();
            trace->deviation = std::move(*report);
            trace->comparison = trace->deviation->blend.comparison;
        }
        result.comparison = trace->comparison;
        if (const std::string problem = record(*trace); !problem.empty())
            trace->notes.push_back(problem);
        result.trace = std::move(trace);
        keepConversation(std::move(*run), result);
        return result;
    });
}

Result<Answer> EngineImpl::run(const BlendPlan& plan, QueryObserver& observer, std::stop_token stop) {
    return runPlan(plan, observer, Compare::No, std::move(stop));
}

Result<Answer> EngineImpl::runCompared(const BlendPlan& plan, QueryObserver& observer, std::stop_token stop) {
    return runPlan(plan, observer, Compare::WithFull, std::move(stop));
}

Result<Answer> EngineImpl::measureDeviation(const BlendPlan& plan, QueryObserver& observer, std::stop_token stop) {
    return runPlan(plan, observer, Compare::AllRuns, std::move(stop));
}

Result<PromptLogits> EngineImpl::logits(const TokenIds& ids, int top, int greedy, std::stop_token stop) {
    return computing([&]() -> Result<PromptLogits> {
        if (Status status = needTransformer(); !status.ok())
            return status;
        const int vocabulary = m_weights->config().vocabulary;
        if (ids.empty())
            return Status(StatusCode::InvalidArgument, "no token ids were given");
        if (static_cast<int>(ids.size()) + greedy > m_maxContext)
            return Status(StatusCode::InvalidArgument, "more tokens than the context of " + std::to_string(m_maxContext));
        for (const TokenId id : ids)
            if (id < 0 || id >= vocabulary)
                return Status(
                    StatusCode::InvalidArgument,
                    "token id " + std::to_string(id) + " is outside the vocabulary of " + std::to_string(vocabulary));
        Run run;
        run.plan.options.strategy = Strategy::Full;
        run.plan.suffix = ids;
        run.plan.promptTokens = static_cast<int>(ids.size());
        run.cache = takeCache(run.plan.promptTokens + std::max(1, greedy));
        const Stopwatch prefillClock;
        if (Status status = prefill(run, nullptr, stop); !status.ok())
            return status;
        PromptLogits result;
        result.prefillMs = prefillClock.elapsedMs();
        result.prefillOperations = prefillOperations(m_weights->config(), run.plan.promptTokens);
        result.top = greatestLogits(run.prefill.logits, top);
        const Stopwatch decodeClock;
        SamplingOptions likeliest;
        likeliest.temperature = 0;
        DeviceSampler sampler(likeliest);
        Backend& device = m_transformer->backend(m_info.layers - 1);
        TensorView logits;  // on the device
        for (int i = 0; i < greedy; ++i) {
            result.greedy.push_back(i == 0 ? sampler.sample(run.prefill.logits, {}) : sampler.sample(device, logits, {}));
            if (stop.stop_requested())
                return Status(StatusCode::Cancelled, "stopped while decoding");
            if (i + 1 == greedy)
                break;
            const int position = static_cast<int>(ids.size()) + i;
            logits = m_transformer->decode(result.greedy.back(), position, run.cache, m_blender->rows(1));
            result.decodeBytes += static_cast<double>(m_transformer->decodeBytes(position));
        }
        result.decodeMs = decodeClock.elapsedMs();
        giveCacheBack(std::move(run.cache));
        return result;
    });
}

}  // namespace engine
