// Blender: one layer loop serves every strategy. A *pass* runs a set of rows through all layers; strategies differ in which rows
// run, in what is loaded beneath them, and in where the choice is made:
//
//   full, prefix      one pass over all rows (after the exact prefix)
//   reuse, first      one pass over forced and chosen rows, over the loaded KV
//   cacheblend        one pass that starts with all rows and goes on with the chosen ones from the check layer
//   query(-value)     the reuse pass, which scores the context, then a pass over the chosen rows
#include "engine/blend/blender.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numeric>
#include <optional>

#include "engine/blend/context_score.h"
#include "engine/blend/pass_rows.h"
#include "engine/blend/stage_clock.h"
#include "engine/blend/token_selector.h"

namespace engine {
namespace {

/// A stop or damage in the middle of a pass; caught in Blender::prefill.
struct PassStopped {
    Status status;
};

/// State of one prefill.
class PrefillRun {
public:
    PrefillRun(const Transformer& model, const BlendPlan& plan, const KvSpec& spec, KvCache& cache, RowBuffers& rows,
               std::stop_token stop, AttentionProbe* probe)
        : m_model(model),
          m_plan(plan),
          m_layout(plan),
          m_spec(spec),
          m_cache(cache),
          m_rows(rows),
          m_stop(std::move(stop)),
          m_probe(probe),
          m_layers(model.config().layers),
          m_work(model.layerWork()) {
        m_result.layers.resize(static_cast<std::size_t>(m_layers));
        m_computed.resize(m_result.layers.size());
    }
    ~PrefillRun() {  // the loader's buffers go away with it
        for (int side = 0; side < m_model.placement().sides(); ++side)
            m_model.placement().side(side).awaitUploads(m_model.placement().side(side).uploadTicket());
    }
    PrefillRun(const PrefillRun&) = delete;
    PrefillRun& operator=(const PrefillRun&) = delete;

    Prefill run(SliceSource source) {
        for (int side = 0; side < m_model.placement().sides(); ++side)
            m_clock.moment(m_model.placement().side(side));  // a device counts from here: it has nothing to do yet
        if (m_plan.keptTokens > 0) {
            m_exactPrefix = m_plan.keptTokens;
            std::vector<int> positions(static_cast<std::size_t>(m_layout.promptTokens - m_exactPrefix));
            std::iota(positions.begin(), positions.end(), m_exactPrefix);
            startRows(std::move(positions));
            runPass(m_result.ms.questionPass);
        } else {
            runStrategy(std::move(source));
        }
        m_clock.switchTo(m_result.ms.firstToken, m_model.backend(m_layers - 1));
        m_model.logits(m_pass.count() - 1, m_rows, m_result.logits);
        tellChoice();
        finishLoading();
        finishCounts();
        m_clock.stop();
        takeTimes();
        return std::move(m_result);
    }

    const std::vector<SegmentFailure>& failures() const { return m_failures; }

private:
    using Moment = StageClock::Moment;

    void runStrategy(SliceSource source) {
        switch (m_plan.options.strategy) {
            case Strategy::Full:
                runExact(0, {nullptr});
                break;
            case Strategy::Prefix:
                runExact(m_layout.exactPrefix(m_plan), std::move(source));
                break;
            case Strategy::CacheBlend:
                runCacheBlend(std::move(source));
                break;
            case Strategy::Reuse:
            case Strategy::First:
                runReuse(std::move(source));
                break;
            case Strategy::Query:
            case Strategy::QueryValue:
                runQuery(std::move(source));
                break;
        }
    }

    void startRows(std::vector<int> positions) {
        m_pass.set(std::move(positions));
        m_result.passes.push_back({m_pass.count(), 0, m_pass.sumOfKeys(), 0, 0});
    }
    /// Rows that may be known to the device alone: their keys are counted when they are told (tellChoice).
    void startRows(ChosenRows rows, Backend& chooser) {
        m_pass.set(std::move(rows), chooser);
        m_result.passes.push_back({m_pass.count(), 0, 0, 0, 0});
        if (m_probe != nullptr)  // which looks at them after every layer
            m_pass.bringToHost();
    }

    /// Begins a pass, in its stage.
    void embedRows(double& stageMs) {
        Backend& backend = m_model.backend(0);
        m_clock.switchTo(stageMs, backend);
        m_pass.bringTo(backend);
        if (m_pass.onHost())
            m_model.embed(idsOfRows(), m_rows);
        else
            m_model.embed(m_pass.ofPosition(), m_rows);
        m_clock.moment(backend);
    }
    TokenIds idsOfRows() const {
        TokenIds ids;
        ids.reserve(static_cast<std::size_t>(m_pass.count()));
        for (const int position : m_pass.positions().values())
            ids.push_back(m_layout.ids[static_cast<std::size_t>(position)]);
        return ids;
    }

    /// Starts reading the hits that `wanted` accepts.
    template <class Wanted>
    void startLoading(SliceSource source, Wanted wanted) {
        std::vector<LoadItem> items;
        for (const PromptLayout::Hit& hit : m_layout.hits) {
            const int firstLayer = wanted(hit);
            if (firstLayer >= m_layers)
                continue;
            items.push_back({*m_plan.segments[static_cast<std::size_t>(hit.segment)].extent, firstLayer});
            m_loaded.push_back(hit);
        }
        m_loader = std::make_unique<KvLoader>(std::move(source), m_spec, std::move(items),
                                              hostMemoryOf(m_model.placement().hostMemory()));
        m_loading = true;
    }

    /// From the end of the layer before on; what is named next begins another stage.
    std::span<const KvSliceView> waitForLayer(int layer) {
        if (m_stop.stop_requested())
            throw PassStopped{Status(StatusCode::Cancelled, "stopped while prefilling layer " + std::to_string(layer))};
        if (!m_loading)
            return {};
        m_clock.enter(m_result.ms.load);
        const std::span<const KvSliceView> slices = m_loader->wait(layer);
        if (!m_loader->failures().empty()) {
            for (const LoadFailure& failure : m_loader->failures())
                m_failures.push_back({m_loaded[static_cast<std::size_t>(failure.item)].segment, failure.status});
            throw PassStopped{m_failures.front().status};
        }
        return slices;
    }

    /// Moves loaded slices to their positions in the cache.
    template <class Wanted>
    void placeSlices(int layer, std::span<const KvSliceView> slices, Wanted wanted) {
        m_slices.clear();
        for (std::size_t i = 0; i < slices.size(); ++i)
            if (slices[i].tokens > 0 && wanted(m_loaded[i]))
                m_slices.push_back({slices[i], m_loaded[i].begin});
        if (m_slices.empty())
            return;
        Backend& backend = m_model.backend(layer);
        m_clock.switchTo(m_result.ms.rotate, backend, backend.placeSlices(m_slices, m_model.rope(), m_cache.layer(layer)));
    }

    /// Gives the layer's buffers back to the loader: at once, or, while a device still reads them, with the next layer.
    void releaseLayer(int layer) {
        if (!m_loading)
            return;
        const std::uint64_t ticket = m_model.backend(layer).uploadTicket();
        if (m_heldTicket != 0) {
            m_model.backend(layer - 1).awaitUploads(m_heldTicket);
            m_loader->release(layer - 1);
        }
        m_heldTicket = ticket;
        if (ticket == 0)
            m_loader->release(layer);
    }

    /// When the layer's rows are begun with, in the stage: behind what was loaded for it, or where the layer before has ended.
    Moment beginLayer(int layer, double& stageMs) {
        return m_loading ? m_clock.switchTo(stageMs, m_model.backend(layer)) : m_clock.enter(stageMs);
    }

    /// Q, K, V of the rows; K and V into the cache at their true positions. Returns its end.
    Moment projectAndScatter(int layer, Moment begin) {
        Backend& backend = m_model.backend(layer);
        const int count = m_pass.count();
        m_pass.bringTo(backend);
        m_model.projectQkv(layer, count, m_rows);
        backend.scatterKv(m_rows.k(count), m_rows.v(count), m_pass.positions(), m_model.rope(), m_cache.layer(layer));
        m_linearWork += count * m_work.qkv;
        const Moment end = m_clock.moment(backend);
        addCost(&PassCost::linearMs, begin, end);
        return end;
    }

    /// Returns its end.
    Moment attendAndFinish(int layer, TensorView q, Moment begin, const TensorView* mass = nullptr, int massBegin = 0) {
        Backend& backend = m_model.backend(layer);
        // Above the last layer's K and V only the last row is needed, for the logits; the others only if someone looks at them.
        const bool lastLayer = layer + 1 == m_layers;
        const int count = m_pass.count();
        const int finished = lastLayer ? count - 1 : 0;
        const int from = mass == nullptr && m_probe == nullptr ? finished : 0;
        if (from > 0) {
            m_model.attendRows(layer, q.slice(from, count - from), m_pass.positions().slice(from, count - from),
                               m_pass.limits().slice(from, count - from), m_cache.layer(layer), m_rows, from);
        } else {
            m_model.attend(layer, q, m_pass.positions(), m_pass.limits(), m_cache.layer(layer), m_rows, mass, massBegin);
        }
        const Moment attended = m_clock.moment(backend);
        if (m_probe != nullptr)
            m_clock.aside(backend, [&] {
                m_probe->afterAttention(layer, m_rows.rotatedQ(count), m_pass.positions().values(), m_pass.limits().values(),
                                        m_cache.layer(layer));
            });
        m_model.finishRows(layer, finished, count - finished, m_rows);
        m_linearWork += count * (m_work.total - m_work.qkv);  // as if every row were finished: `full` saves the same
        const Moment end = m_clock.moment(backend);
        if (!lastLayer) {
            addCost(&PassCost::attentionMs, begin, attended);
            addCost(&PassCost::linearMs, attended, end);
            m_result.passes.back().layers += 1;
        }
        return end;
    }

    /// Of the pass at hand.
    void addCost(double PassCost::*what, Moment begin, Moment end) {
        m_costs.push_back({m_result.passes.size() - 1, what, {begin, end}});
    }
    void stampLayer(int layer, Moment begin, Moment end) { m_computed[static_cast<std::size_t>(layer)] = {begin, end}; }

    /// The rows through all layers, over what is loaded on the way.
    void runPass(double& stageMs) {
        embedRows(stageMs);
        for (int layer = 0; layer < m_layers; ++layer) {
            placeSlices(layer, waitForLayer(layer), [](const PromptLayout::Hit&) { return true; });
            releaseLayer(layer);
            const Moment begin = beginLayer(layer, stageMs);
            const Moment projected = projectAndScatter(layer, begin);
            stampLayer(layer, begin, attendAndFinish(layer, m_rows.q(m_pass.count()), projected));
        }
    }

    void runExact(int prefix, SliceSource source) {
        if (prefix > 0)
            startLoading(std::move(source),
                         [&](const PromptLayout::Hit& hit) { return hit.begin + hit.tokens <= prefix ? 0 : m_layers; });
        m_exactPrefix = prefix;
        std::vector<int> positions(static_cast<std::size_t>(m_layout.promptTokens - prefix));
        std::iota(positions.begin(), positions.end(), prefix);
        startRows(std::move(positions));
        runPass(m_result.ms.recompute);
    }

    void runReuse(SliceSource source) {
        const bool byOffset = m_plan.options.strategy == Strategy::First && m_plan.options.first == 0;
        m_result.selection =
            byOffset ? selectTokens(m_layout, offsetScore(m_layout), m_plan.options.ratio) : selectTokens(m_layout, {}, 0);
        startLoading(std::move(source), [](const PromptLayout::Hit&) { return 0; });
        startRows(chosenRows());
        runPass(m_plan.options.strategy == Strategy::Reuse ? m_result.ms.questionPass : m_result.ms.recompute);
    }

    /// Forced rows and the selection's, ascending.
    std::vector<int> chosenRows() const {
        const std::vector<int> forced = m_layout.forcedPositions();
        std::vector<int> rows;
        std::set_union(forced.begin(), forced.end(), m_result.selection.positions.begin(),
                       m_result.selection.positions.end(), std::back_inserter(rows));
        return rows;
    }

    void runQuery(SliceSource source) {
        startLoading(std::move(source), [](const PromptLayout::Hit&) { return 0; });
        startRows(m_layout.forcedPositions());
        scoreContext();
        m_loading = false;  // its last buffers are read while the next pass runs
        if (chosenCount(m_layout, m_plan.options.ratio) == 0)
            return;  // nothing to compute again: the pass over the question was the whole prefill
        Backend& backend = m_score->backend();
        m_clock.switchTo(m_result.ms.check, backend);
        startRows(chooseRows(m_layout, backend, m_score->view(), m_plan.options.ratio, m_layout.ids), backend);
        runPass(m_result.ms.recompute);
    }

    /// The question's pass over the loaded KV; scores each context token by what the suffix's attention says of it.
    void scoreContext() {
        const int suffixRows = m_layout.promptTokens - m_layout.suffixBegin;
        const int suffixRow = m_pass.count() - suffixRows;
        m_score.emplace(m_model.backend(0), m_layout.contextTokens);
        LayerMass sums(m_layout.promptTokens);
        const ScoreWeight weight =
            m_plan.options.strategy == Strategy::QueryValue ? ScoreWeight::AttentionTimesValueNorm : ScoreWeight::Attention;
        // Mean over layers 1 … L−1, heads and suffix rows: layer 0 sees tokens, not what they mean here.
        const float scale = 1.0F / (static_cast<float>(std::max(1, m_layers - 1)) *
                                    static_cast<float>(m_model.config().heads) * static_cast<float>(suffixRows));
        embedRows(m_result.ms.questionPass);
        for (int layer = 0; layer < m_layers; ++layer) {
            placeSlices(layer, waitForLayer(layer), [](const PromptLayout::Hit&) { return true; });
            releaseLayer(layer);
            const Moment begin = beginLayer(layer, m_result.ms.questionPass);
            const Moment projected = projectAndScatter(layer, begin);
            const TensorView q = m_rows.q(m_pass.count());
            if (layer == 0) {
                stampLayer(layer, begin, attendAndFinish(layer, q, projected));
                continue;
            }
            Backend& backend = m_model.backend(layer);
            m_score->moveTo(backend);
            const TensorView mass = sums.cleared(backend);
            attendAndFinish(layer, q, projected, &mass, suffixRow);
            backend.accumulateScore(mass, m_cache.layer(layer), m_layout.contextBegin, m_layout.contextTokens, weight, scale,
                                    m_score->view());
            stampLayer(layer, begin, m_clock.moment(backend));
        }
    }

    void runCacheBlend(SliceSource source) {
        const int checkLayer = m_plan.options.checkLayer;
        startLoading(std::move(source), [&](const PromptLayout::Hit& hit) { return hit.head ? 0 : checkLayer; });
        const int firstRow = m_layout.reusedHeadTokens();
        std::vector<int> positions(static_cast<std::size_t>(m_layout.promptTokens - firstRow));
        std::iota(positions.begin(), positions.end(), firstRow);
        startRows(std::move(positions));
        embedRows(m_result.ms.layersBeforeCheck);
        for (int layer = 0; layer < m_layers; ++layer) {
            const std::span<const KvSliceView> slices = waitForLayer(layer);
            // Up to the check layer every context row is computed afresh; only the head's KV comes from the store.
            placeSlices(layer, slices, [&](const PromptLayout::Hit& hit) { return hit.head || layer > checkLayer; });
            double& stageMs = layer < checkLayer    ? m_result.ms.layersBeforeCheck
                              : layer == checkLayer ? m_result.ms.check
                                                    : m_result.ms.recompute;
            const Moment begin = beginLayer(layer, stageMs);
            Moment projected = projectAndScatter(layer, begin);
            TensorView q = m_rows.q(m_pass.count());
            if (layer == checkLayer) {
                q = selectByDeviation(layer, slices, firstRow);
                projected = m_clock.switchTo(m_result.ms.recompute, m_model.backend(layer));
            }
            releaseLayer(layer);
            stampLayer(layer, begin, attendAndFinish(layer, q, projected));
        }
    }

    /// Compares the fresh K and V of all rows with the stored ones, chooses, and narrows the pass to the chosen rows. Returns their Q.
    TensorView selectByDeviation(int layer, std::span<const KvSliceView> slices, int firstRow) {
        Backend& backend = m_model.backend(layer);
        m_score.emplace(backend, m_layout.contextTokens);
        m_slices.clear();
        for (std::size_t i = 0; i < slices.size(); ++i)
            if (!m_loaded[i].head)
                m_slices.push_back({slices[i], m_loaded[i].begin - m_layout.contextBegin});
        const int all = m_pass.count();
        const int contextRow = m_layout.contextBegin - firstRow;
        m_clock.enter(m_result.ms.load);  // until the slices are where they are compared
        m_clock.switchTo(m_result.ms.check, backend,
                         backend.deviations(m_rows.k(all).slice(contextRow, m_layout.contextTokens),
                                            m_rows.v(all).slice(contextRow, m_layout.contextTokens), m_slices,
                                            m_spec.kvHeads, m_plan.options.metric, m_score->view()));
        std::vector<int> rowOfPosition(static_cast<std::size_t>(m_layout.promptTokens));
        std::iota(rowOfPosition.begin(), rowOfPosition.end(), -firstRow);
        ChosenRows chosen = chooseRows(m_layout, backend, m_score->view(), m_plan.options.ratio, rowOfPosition);
        const int count = chosen.positions.count();
        backend.gatherRows(m_rows.x(all), chosen.ofPosition, m_rows.gatheredX(count));
        backend.gatherRows(m_rows.q(all), chosen.ofPosition, m_rows.gatheredQ(count));
        m_rows.swapX();
        startRows(std::move(chosen), backend);
        if (m_plan.options.mask == MaskKind::Published)
            m_pass.limitFromTheEnd(m_layout.promptTokens);
        return m_rows.gatheredQ(count);
    }

    /// What was chosen by a score, for whoever looks at the run; waits for the device, which has done all else by now.
    void tellChoice() {
        if (!m_score)
            return;
        m_pass.bringToHost();
        m_result.passes.back().rowKeys = m_pass.sumOfKeys();
        m_result.selection = selectionOf(m_layout, m_pass.positions().values(), m_score->values());
    }

    void finishLoading() {
        if (m_loader == nullptr)
            return;
        m_clock.switchToHost(m_result.ms.load);
        m_result.bytesLoaded = m_loader->bytesLoaded();
        m_result.bytesFromRam = m_loader->bytesFromRam();
        for (std::size_t i = 0; i < m_loaded.size(); ++i)
            if (m_loader->cameFromRam(static_cast<int>(i)))
                m_result.segmentsFromRam.push_back(m_loaded[i].segment);
        for (int layer = 0; layer < m_layers; ++layer) {
            const KvLoader::Interval interval = m_loader->interval(layer);
            LayerTiming& timing = m_result.layers[static_cast<std::size_t>(layer)];
            timing.loadBegin = interval.beginMs;
            timing.loadEnd = interval.endMs;
        }
        m_model.backend(m_layers - 1).awaitUploads(m_heldTicket);
        m_heldTicket = 0;
        m_loading = false;
        m_loader.reset();
    }

    /// Of the stopped clock.
    void takeTimes() {
        m_result.asideMs = m_clock.asideMs();
        double busy = 0;
        for (std::size_t layer = 0; layer < m_computed.size(); ++layer) {
            LayerTiming& timing = m_result.layers[layer];
            timing.computeBegin = m_clock.ms(m_computed[layer].begin);
            timing.computeEnd = m_clock.ms(m_computed[layer].end);
            busy += timing.loadEnd - timing.loadBegin;
        }
        m_result.ms.loadHidden = std::max(0.0, busy - m_result.ms.load);
        for (const Cost& cost : m_costs)
            m_result.passes[cost.pass].*cost.what += m_clock.ms(cost.time.end) - m_clock.ms(cost.time.begin);
    }

    void finishCounts() {
        TokenCounts& tokens = m_result.tokens;
        tokens.prompt = m_layout.promptTokens;
        const auto cached = static_cast<int>(std::count(m_layout.cached.begin(), m_layout.cached.end(), 1));
        tokens.fresh = tokens.prompt - cached;
        switch (m_plan.options.strategy) {
            case Strategy::Full:
            case Strategy::Prefix:
                tokens.reused = m_exactPrefix;
                break;
            default:
                tokens.reused = cached - static_cast<int>(m_result.selection.positions.size());
                break;
        }
        tokens.recomputed = cached - tokens.reused;
        m_result.chargedWork = m_linearWork / (m_work.total * m_layers * m_layout.promptTokens);
    }

    struct Interval {
        Moment begin = 0;
        Moment end = 0;
    };
    struct Cost {
        std::size_t pass;
        double PassCost::*what;
        Interval time;
    };

    Prefill m_result;
    StageClock m_clock{m_result.ms.plan};  // before the layout: making it is a stage's time too
    const Transformer& m_model;
    const BlendPlan& m_plan;
    const PromptLayout m_layout;
    const KvSpec m_spec;
    KvCache& m_cache;
    RowBuffers& m_rows;
    const std::stop_token m_stop;
    AttentionProbe* const m_probe;
    const int m_layers;
    const LayerWork m_work;

    std::vector<PromptLayout::Hit> m_loaded;  // what the loader's items are
    std::vector<SliceAt> m_slices;            // of the layer at hand
    std::uint64_t m_heldTicket = 0;           // uploads on the back end of the layer before, which its buffers still serve
    std::unique_ptr<KvLoader> m_loader;
    bool m_loading = false;  // whether the pass at hand takes layers from the loader
    std::vector<SegmentFailure> m_failures;
    std::vector<Interval> m_computed;  // [L], by the last pass
    std::vector<Cost> m_costs;
    PassRows m_pass;
    std::optional<ContextScore> m_score;  // of the strategies that choose by what is computed
    int m_exactPrefix = 0;
    double m_linearWork = 0;
};

}  // namespace

RowBuffers& Blender::rows(int rows) {
    if (m_rows == nullptr || m_rows->capacity() < rows) {
        m_rows.reset();
        m_rows = std::make_unique<RowBuffers>(m_model.placement(), m_model.config(), rows);
    }
    return *m_rows;
}

Result<Prefill> Blender::prefill(const BlendPlan& plan, const KvSpec& spec, SliceSource source, KvCache& cache,
                                 std::stop_token stop, std::vector<SegmentFailure>& failures, AttentionProbe* probe) {
    PrefillRun run(m_model, plan, spec, cache, rows(plan.promptTokens), std::move(stop), probe);
    try {
        return run.run(std::move(source));
    } catch (const PassStopped& stopped) {
        failures = run.failures();
        return stopped.status;
    }
}

std::vector<PassCost> forecastPasses(const BlendPlan& plan, const ModelConfig& config) {
    const PromptLayout layout(plan);
    const auto pass = [&](double rows, double meanKeys, int layers) {
        return PassCost{static_cast<int>(std::lround(rows)), layers, rows * meanKeys, 0, 0};
    };
    const double prompt = layout.promptTokens;
    const auto from = [&](double first) { return pass(prompt - first, (first + 1 + prompt) / 2, config.layers); };
    if (plan.keptTokens > 0)
        return {from(plan.keptTokens)};
    const std::vector<int> forced = layout.forcedPositions();
    const double forcedKeys = std::accumulate(forced.begin(), forced.end(), static_cast<double>(forced.size()));
    const auto forcedRows = static_cast<double>(forced.size());
    int forcedContext = 0;
    for (int i = 0; i < layout.contextTokens; ++i)
        forcedContext += layout.forced[static_cast<std::size_t>(layout.contextBegin + i)] != 0 ? 1 : 0;
    const double chosen = std::floor(plan.options.ratio * (layout.contextTokens - forcedContext) + 1e-9);
    // Where the chosen rows will stand is not known yet: on the average in the middle of the context.
    const double chosenKeys = chosen * (layout.contextBegin + layout.contextTokens / 2.0);
    const auto selected = [&](double extra, int layers) {
        return PassCost{static_cast<int>(std::lround(forcedRows + extra)), layers, forcedKeys + (extra > 0 ? chosenKeys : 0),
                        0, 0};
    };
    switch (plan.options.strategy) {
        case Strategy::Full:
            return {from(0)};
        case Strategy::Prefix:
            return {from(layout.exactPrefix(plan))};
        case Strategy::Reuse:
            return {selected(0, config.layers)};
        case Strategy::First:
            return {selected(plan.options.first > 0 ? 0 : chosen, config.layers)};
        case Strategy::Query:
        case Strategy::QueryValue:
            if (chosen == 0)
                return {selected(0, config.layers)};
            return {selected(0, config.layers), selected(chosen, config.layers)};
        case Strategy::CacheBlend: {
            PassCost all = from(layout.reusedHeadTokens());
            all.layers = plan.options.checkLayer;
            return {all, selected(chosen, config.layers - plan.options.checkLayer)};
        }
    }
    return {};
}

double forecastWork(const BlendPlan& plan, const ModelConfig& config) {
    if (plan.keptTokens > 0)
        return static_cast<double>(plan.promptTokens - plan.keptTokens) / plan.promptTokens;
    const PromptLayout layout(plan);
    const LayerWork work = layerWork(config);
    const double layers = config.layers;
    const double prompt = layout.promptTokens;
    const auto forced = static_cast<double>(layout.forcedPositions().size());
    int forcedContext = 0;
    for (int i = 0; i < layout.contextTokens; ++i)
        forcedContext += layout.forced[static_cast<std::size_t>(layout.contextBegin + i)] != 0 ? 1 : 0;
    const double chosen = std::floor(plan.options.ratio * (layout.contextTokens - forcedContext) + 1e-9);
    const double all = prompt - layout.reusedHeadTokens();
    double rowsTimesLayers = 0;
    switch (plan.options.strategy) {
        case Strategy::Full:
            return 1;
        case Strategy::Prefix:
            return (prompt - layout.exactPrefix(plan)) / prompt;
        case Strategy::Reuse:
            rowsTimesLayers = forced * layers;
            break;
        case Strategy::First:
            rowsTimesLayers = (forced + (plan.options.first > 0 ? 0 : chosen)) * layers;
            break;
        case Strategy::Query:
        case Strategy::QueryValue:
            rowsTimesLayers = (chosen > 0 ? 2 * forced + chosen : forced) * layers;
            break;
        case Strategy::CacheBlend: {
            const double check = plan.options.checkLayer;
            const double rows = forced + chosen;
            const double share = work.qkv / work.total;
            rowsTimesLayers = check * all + all * share + rows * (1 - share) + (layers - check - 1) * rows;
            break;
        }
    }
    return rowsTimesLayers / (prompt * layers);
}

}  // namespace engine
