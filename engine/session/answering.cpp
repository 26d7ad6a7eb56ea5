// Questions: prefill by plan, decode, and the comparison with a full prefill.
#include <algorithm>
#include <numeric>

#include "engine/blend/logits.h"
#include "engine/blend/stage_clock.h"
#include "engine/model/sampler.h"
#include "engine/session/engine_impl.h"
#include "engine/session/utf8_stream.h"

namespace engine {
namespace {

constexpr int kTraceLogits = 20;
constexpr int kComparedTokens = 16;

class SilentObserver final : public QueryObserver {};

}  // namespace

Result<BlendPlan> EngineImpl::plan(const Query& query) {
    return guarded([&]() -> Result<BlendPlan> {
        if (Status status = needModel(); !status.ok())
            return status;
        Result<BlendPlan> plan = m_planner->plan(query);
        if (!plan.ok())
            return plan;
        const PromptLayout layout(*plan);
        const int prefix = layout.exactPrefix(*plan);
        for (const PromptLayout::Hit& hit : layout.hits) {
            const Strategy strategy = plan->options.strategy;
            const bool loaded = strategy == Strategy::Prefix ? hit.begin + hit.tokens <= prefix : strategy != Strategy::Full;
            const int skipped = strategy == Strategy::CacheBlend && !hit.head ? plan->options.checkLayer : 0;
            if (loaded)
                plan->bytesToLoad +=
                    2 * storage::kvSliceBytes(m_spec, hit.tokens) * static_cast<std::uint64_t>(m_spec.layers - skipped);
        }
        plan->chargedWork = forecastWork(*plan, m_weights->config());
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

Result<EngineImpl::Run> EngineImpl::prefill(BlendPlan plan, int positions, std::stop_token stop) {
    Run run;
    run.cache = takeCache(positions);
    run.plan = std::move(plan);
    for (;;) {
        std::vector<SegmentFailure> failures;
        Result<Prefill> prefill = m_blender->prefill(run.plan, m_spec, m_store->reader(), run.cache, stop, failures);
        if (prefill.ok()) {
            run.prefill = std::move(*prefill);
            break;
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
    return run;
}

Result<Answer> EngineImpl::answer(Run& run, QueryObserver& observer, std::stop_token stop) {
    const StageClock clock;
    Answer answer;
    const int promptTokens = run.prefill.tokens.prompt;
    Sampler sampler(run.plan.sampling);
    Utf8Stream stream([&](std::string_view piece) {
        answer.text += piece;
        observer.text(piece);
    });
    std::vector<float> logits = run.prefill.logits;
    RowBuffers& rows = m_blender->rows(1);
    answer.stopReason = StopReason::Length;
    answer.ms = run.prefill.ms;
    double firstTokenMs = 0;
    while (static_cast<int>(answer.ids.size()) < run.plan.sampling.maxTokens) {
        const TokenId id = sampler.sample(logits, answer.ids);
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
            m_transformer->decode(id, promptTokens + static_cast<int>(answer.ids.size()) - 1, run.cache, rows, logits);
    }
    stream.finish();
    answer.ms.decode = clock.elapsedMs() - firstTokenMs;
    answer.ms.total = answer.ms.ttft + answer.ms.decode;
    answer.tokens = run.prefill.tokens;
    answer.tokens.generated = static_cast<int>(answer.ids.size());
    answer.bytesLoaded = run.prefill.bytesLoaded;
    answer.chargedWork = run.prefill.chargedWork;

    auto trace = std::make_shared<BlendTrace>();
    trace->options = run.plan.options;
    trace->promptIds = PromptLayout(run.plan).ids;
    trace->segments = run.plan.segments;
    trace->selection = run.prefill.selection;
    trace->layers = run.prefill.layers;
    trace->top = greatestLogits(run.prefill.logits, kTraceLogits);
    trace->bytesLoaded = run.prefill.bytesLoaded;
    trace->notes = run.plan.notes;
    trace->notes.insert(trace->notes.end(), run.notes.begin(), run.notes.end());
    answer.trace = std::move(trace);
    return answer;
}

Result<Comparison> EngineImpl::compare(Run& run, const Answer& answer, std::stop_token stop) {
    Comparison comparison;
    comparison.chargedWork = answer.chargedWork;
    BlendPlan fullPlan = run.plan;
    fullPlan.options.strategy = Strategy::Full;
    const int promptTokens = run.prefill.tokens.prompt;
    KvCache cache = m_transformer->makeCache(promptTokens + std::max(kComparedTokens, fullPlan.sampling.maxTokens));
    std::vector<SegmentFailure> failures;
    const StageClock clock;
    Result<Prefill> full = m_blender->prefill(fullPlan, m_spec, nullptr, cache, stop, failures);
    if (!full.ok())
        return full.status();
    comparison.fullTtftMs = clock.elapsedMs();

    // The full answer under the same sampling; its own cache holds it afterwards.
    Run fullRun{fullPlan, std::move(*full), std::move(cache), {}};
    const std::vector<float> fullFirst = fullRun.prefill.logits;
    SilentObserver silent;
    const Result<Answer> fullAnswer = this->answer(fullRun, silent, stop);
    if (!fullAnswer.ok())
        return fullAnswer.status();
    comparison.fullAnswer = fullAnswer->text;
    const auto common = std::mismatch(answer.ids.begin(), answer.ids.end(), fullAnswer->ids.begin(), fullAnswer->ids.end());
    if (common.first != answer.ids.end() || common.second != fullAnswer->ids.end())
        comparison.firstDivergingToken = static_cast<int>(common.first - answer.ids.begin());

    // Both fed with the full run's own greedy tokens, each over its cache: the answers' rows are written anew.
    RowBuffers& rows = m_blender->rows(1);
    KvCache& fullCache = fullRun.cache;
    std::vector<float> fullLogits = fullFirst;
    std::vector<float> blendedLogits = run.prefill.logits;
    comparison.top1Equal = argmax(fullLogits) == argmax(blendedLogits);
    for (int step = 0; step < kComparedTokens; ++step) {
        comparison.kl.push_back(klDivergence(fullLogits, blendedLogits));
        const TokenId next = argmax(fullLogits);
        if (m_tokenizer->isStop(next) || step + 1 == kComparedTokens)
            break;
        if (stop.stop_requested())
            return Status(StatusCode::Cancelled, "stopped while comparing with a full prefill");
        m_transformer->decode(next, promptTokens + step, fullCache, rows, fullLogits);
        m_transformer->decode(next, promptTokens + step, run.cache, rows, blendedLogits);
    }
    comparison.meanKl =
        std::accumulate(comparison.kl.begin(), comparison.kl.end(), 0.0) / static_cast<double>(comparison.kl.size());
    return comparison;
}

Result<Answer> EngineImpl::runPlan(const BlendPlan& plan, QueryObserver& observer, bool compared, std::stop_token stop) {
    return guarded([&]() -> Result<Answer> {
        if (Status status = needTransformer(); !status.ok())
            return status;
        const StageClock clock;
        const int positions = plan.promptTokens + std::max(kComparedTokens, plan.sampling.maxTokens);
        Result<Run> run = prefill(plan, positions, stop);
        if (!run.ok())
            return run.status();
        Timings& ms = run->prefill.ms;
        ms.retrieve = plan.retrieveMs;
        ms.tokenize = plan.tokenizeMs;
        // Setting a run up (cache, rows, a restart after damage) belongs to no stage of the blend; it is counted with the plan.
        const double prefillMs = clock.elapsedMs();
        ms.plan = plan.planMs + prefillMs -
                  (ms.load + ms.rotate + ms.questionPass + ms.layersBeforeCheck + ms.check + ms.recompute + ms.firstToken);
        ms.ttft = plan.retrieveMs + plan.tokenizeMs + plan.planMs + prefillMs;
        Result<Answer> result = answer(*run, observer, stop);
        if (!result.ok())
            return result;
        std::vector<storage::KvExtent> used;
        for (const PlanSegment& segment : run->plan.segments)
            if (segment.source == KvSource::Store && plan.options.strategy != Strategy::Full)
                used.push_back(*segment.extent);
        // The order of use only steers eviction: failing to note it must not fail an answer.
        (void)m_store->touch(used);
        if (compared) {
            Result<Comparison> comparison = compare(*run, *result, stop);
            if (!comparison.ok())
                return comparison.status();
            result->comparison = std::move(*comparison);
        }
        giveCacheBack(std::move(run->cache));
        return result;
    });
}

Result<Answer> EngineImpl::run(const BlendPlan& plan, QueryObserver& observer, std::stop_token stop) {
    return runPlan(plan, observer, false, std::move(stop));
}

Result<Answer> EngineImpl::runCompared(const BlendPlan& plan, QueryObserver& observer, std::stop_token stop) {
    return runPlan(plan, observer, true, std::move(stop));
}

Result<PromptLogits> EngineImpl::logits(const TokenIds& ids, int top, int greedy, std::stop_token stop) {
    return guarded([&]() -> Result<PromptLogits> {
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
        BlendPlan plan;
        plan.options.strategy = Strategy::Full;
        plan.suffix = ids;
        plan.promptTokens = static_cast<int>(ids.size());
        const StageClock prefillClock;
        Result<Run> run = prefill(std::move(plan), static_cast<int>(ids.size()) + std::max(1, greedy), stop);
        if (!run.ok())
            return run.status();
        PromptLogits result;
        result.prefillMs = prefillClock.elapsedMs();
        result.top = greatestLogits(run->prefill.logits, top);
        const StageClock decodeClock;
        std::vector<float>& logits = run->prefill.logits;
        for (int i = 0; i < greedy; ++i) {
            result.greedy.push_back(argmax(logits));
            if (stop.stop_requested())
                return Status(StatusCode::Cancelled, "stopped while decoding");
            if (i + 1 < greedy)
                m_transformer->decode(result.greedy.back(), static_cast<int>(ids.size()) + i, run->cache, m_blender->rows(1),
                                      logits);
        }
        result.decodeMs = decodeClock.elapsedMs();
        giveCacheBack(std::move(run->cache));
        return result;
    });
}

}  // namespace engine
