// How far an answer lies from a full prefill's: divergence while both are fed the same tokens, KV, and attention.
#include <algorithm>
#include <numeric>

#include "engine/blend/logits.h"
#include "engine/blend/stopwatch.h"
#include "engine/measure/deviation.h"
#include "engine/session/engine_impl.h"

namespace engine {
namespace {

class SilentObserver final : public QueryObserver {};

Status stopped() { return Status(StatusCode::Cancelled, "stopped while comparing with a full prefill"); }

/// Rows of a cache behind a prompt, put back when they were written over.
class RowKeeper {
public:
    RowKeeper(const LayerPlacement& placement, KvCache& cache, int begin, int count)
        : m_placement(placement), m_cache(cache), m_begin(begin) {
        const KvLayerView shape = cache.layer(0);
        m_columns = static_cast<std::size_t>(shape.kvHeads * shape.headDim);
        m_count = std::min(count, cache.capacity() - begin);
        m_rows.resize(2 * m_columns * static_cast<std::size_t>(m_count) * static_cast<std::size_t>(cache.layers()));
        each([](Backend& backend, KvLayerView layer, int position, std::span<float> k, std::span<float> v) {
            backend.readKv(layer, position, k, v);
        });
    }
    ~RowKeeper() {
        each([](Backend& backend, KvLayerView layer, int position, std::span<float> k, std::span<float> v) {
            backend.writeKv(layer, position, k, v);
        });
    }
    RowKeeper(const RowKeeper&) = delete;
    RowKeeper& operator=(const RowKeeper&) = delete;

private:
    template <class Visit>
    void each(Visit visit) {
        std::span<float> rest(m_rows);
        for (int layer = 0; layer < m_cache.layers(); ++layer)
            for (int i = 0; i < m_count; ++i, rest = rest.subspan(2 * m_columns))
                visit(m_placement.of(layer), m_cache.layer(layer), m_begin + i, rest.first(m_columns),
                      rest.subspan(m_columns, m_columns));
    }

    const LayerPlacement m_placement;
    KvCache& m_cache;
    const int m_begin;
    int m_count = 0;
    std::size_t m_columns = 0;
    std::vector<float> m_rows;  // [L, count, 2, KH*D]; fp32 holds every narrow value exactly
};

}  // namespace

Result<EngineImpl::FullRun> EngineImpl::runFull(const Run& run, AttentionProbe* probe, std::stop_token stop) {
    FullRun full;
    full.run.plan = run.plan;
    full.run.plan.options.strategy = Strategy::Full;
    full.run.ids = run.ids;
    if (run.plan.keptTokens > 0) {  // a full prefill computes the earlier turns as well
        full.run.plan.keptTokens = 0;
        full.run.plan.suffix = run.ids;
    }
    const int promptTokens = run.plan.promptTokens;
    full.run.cache = m_transformer->makeCache(promptTokens + std::max(kComparedTokens, run.plan.sampling.maxTokens));
    const Stopwatch clock;
    if (Status status = prefill(full.run, probe, stop); !status.ok())
        return status;
    full.ttftMs = clock.elapsedMs() - full.run.prefill.asideMs;
    SilentObserver silent;
    full.answer = answer(full.run, silent, stop);

    // The answer's rows are written anew: under sampling it need not be the likeliest one.
    RowBuffers& rows = m_blender->rows(1);
    full.logits.push_back(full.run.prefill.logits);
    while (static_cast<int>(full.logits.size()) < kComparedTokens) {
        const TokenId next = argmax(full.logits.back());
        if (m_tokenizer->isStop(next))
            break;
        if (stop.stop_requested())
            return stopped();
        std::vector<float> logits;
        m_transformer->decode(next, promptTokens + static_cast<int>(full.forced.size()), full.run.cache, rows, logits);
        full.forced.push_back(next);
        full.logits.push_back(std::move(logits));
    }
    return full;
}

Result<Comparison> EngineImpl::compare(const FullRun& full, Run& run, const Answer& answer, std::stop_token stop) {
    Comparison comparison;
    comparison.chargedWork = answer.chargedWork;
    comparison.fullTtftMs = full.ttftMs;
    comparison.fullAnswer = full.answer.text;
    const TokenIds& fullIds = full.answer.ids;
    const auto common = std::mismatch(answer.ids.begin(), answer.ids.end(), fullIds.begin(), fullIds.end());
    if (common.first != answer.ids.end() || common.second != fullIds.end())
        comparison.firstDivergingToken = static_cast<int>(common.first - answer.ids.begin());

    const int promptTokens = run.plan.promptTokens;
    const RowKeeper answerRows(m_transformer->placement(), run.cache, promptTokens, kComparedTokens);
    RowBuffers& rows = m_blender->rows(1);
    std::vector<float> logits = run.prefill.logits;
    comparison.top1Equal = argmax(full.logits.front()) == argmax(logits);
    for (std::size_t step = 0; step < full.logits.size(); ++step) {
        comparison.kl.push_back(klDivergence(full.logits[step], logits));
        if (step == full.forced.size())
            break;
        if (stop.stop_requested())
            return stopped();
        m_transformer->decode(full.forced[step], promptTokens + static_cast<int>(step), run.cache, rows, logits);
    }
    comparison.meanKl =
        std::accumulate(comparison.kl.begin(), comparison.kl.end(), 0.0) / static_cast<double>(comparison.kl.size());
    return comparison;
}

Result<std::shared_ptr<const DeviationReport>> EngineImpl::measure(Run& run, const Answer& blendAnswer,
                                                                   QueryObserver& observer, std::stop_token stop) {
    const ModelConfig& config = m_weights->config();
    const int promptTokens = run.plan.promptTokens;
    const auto meterOf = [&](std::string_view what) {
        return AttentionMeter(m_transformer->placement(), config, run.plan.segments, promptTokens, stop,
                              [&observer, what](int done, int total) { observer.progress(what, done, total); });
    };
    AttentionMeter fullMeter = meterOf("full prefill");
    const Result<FullRun> full = runFull(run, &fullMeter, stop);
    if (!full.ok())
        return full.status();

    // The plan's run again, with the meter: the same rows get the same values, and the answer's own times stay undisturbed.
    auto report = std::make_shared<DeviationReport>();
    AttentionMeter blendMeter = meterOf("the plan's run");
    if (Status status = prefill(run, &blendMeter, stop); !status.ok())
        return status;
    Result<Comparison> blended = compare(*full, run, blendAnswer, stop);
    if (!blended.ok())
        return blended.status();
    report->blend.comparison = std::move(*blended);
    report->blend.answer = blendAnswer.text;
    report->blend.ttftMs = blendAnswer.ms.ttft;

    AttentionMeter reuseMeter = meterOf("full reuse");
    Run reuse;
    reuse.plan = run.plan;
    reuse.plan.options.strategy = Strategy::Reuse;
    reuse.plan.options.first = 0;
    reuse.ids = run.ids;
    reuse.cache = takeCache(promptTokens + std::max(kComparedTokens, run.plan.sampling.maxTokens));
    const Stopwatch clock;
    if (Status status = prefill(reuse, &reuseMeter, stop); !status.ok())
        return status;
    report->reuse.ttftMs = clock.elapsedMs() - reuse.prefill.asideMs;
    SilentObserver silent;
    const Answer reuseAnswer = answer(reuse, silent, stop);
    Result<Comparison> reused = compare(*full, reuse, reuseAnswer, stop);
    if (!reused.ok())
        return reused.status();
    report->reuse.comparison = std::move(*reused);
    report->reuse.answer = reuseAnswer.text;

    observer.progress("KV deviation", 0, 2);
    const KvCache& fullCache = full->run.cache;
    report->reuse.kv =
        kvDeviation(m_transformer->placement(), m_transformer->rope(), reuse.cache, fullCache, promptTokens, stop);
    observer.progress("KV deviation", 1, 2);
    report->blend.kv =
        kvDeviation(m_transformer->placement(), m_transformer->rope(), run.cache, fullCache, promptTokens, stop);
    observer.progress("KV deviation", 2, 2);
    const std::array runs{MeasuredRun{reuseMeter, reuse.cache}, MeasuredRun{blendMeter, run.cache}};
    std::vector<std::vector<float>> attention =
        attentionDeviation(m_transformer->placement(), config, MeasuredRun{fullMeter, fullCache}, runs, stop);
    report->reuse.attentionDeviation = std::move(attention[0]);
    report->blend.attentionDeviation = std::move(attention[1]);
    if (stop.stop_requested())
        return Status(StatusCode::Cancelled, "stopped while measuring the deviation");
    report->full = fullMeter.summary();
    report->reuse.attention = reuseMeter.summary();
    report->blend.attention = blendMeter.summary();
    giveCacheBack(std::move(reuse.cache));
    return std::shared_ptr<const DeviationReport>(std::move(report));
}

}  // namespace engine
