// Forecast: every decision compares forecasts of the time to first token, so that what hides behind what is judged in one place.
#include "engine/session/forecast.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "engine/blend/prompt_layout.h"

namespace engine {
namespace {

// Forecasts are some percent off: a decision against the usual way needs a gain that is not noise.
constexpr double kClearGain = 0.97;
constexpr double kNoticedMs = 5;  // a strategy is not changed for less
constexpr double kNoCost = 1.005;
constexpr double kRatioStep = 0.01;

std::string percent(double ratio) { return std::to_string(std::lround(ratio * 100)) + " %"; }

/// The passes that run while slices are still being read: a strategy that ranks by the question's attention needs all of them first.
std::size_t hidingPasses(Strategy strategy) {
    return strategy == Strategy::Query || strategy == Strategy::QueryValue ? 1 : 2;
}

/// Strategies that recompute while they load, by a ratio.
bool ratioHidesLoading(const BlendOptions& options) {
    return options.strategy == Strategy::CacheBlend || (options.strategy == Strategy::First && options.first == 0);
}

}  // namespace

LoadCost Forecast::loading(const BlendPlan& plan) const {
    const PromptLayout layout(plan);
    const Strategy strategy = plan.options.strategy;
    const int prefix = layout.exactPrefix(plan);
    LoadCost cost;
    cost.hidingPasses = hidingPasses(strategy);
    for (const PromptLayout::Hit& hit : layout.hits) {
        if (strategy == Strategy::Full || (strategy == Strategy::Prefix && hit.begin + hit.tokens > prefix))
            continue;
        const int skipped = strategy == Strategy::CacheBlend && !hit.head ? plan.options.checkLayer : 0;
        const std::uint64_t bytes =
            2 * storage::kvSliceBytes(m_spec, hit.tokens) * static_cast<std::uint64_t>(m_spec.layers - skipped);
        cost.bytes += bytes;
        if (plan.segments[static_cast<std::size_t>(hit.segment)].source != KvSource::Ram)
            cost.bytesFromDisk += bytes;
    }
    return cost;
}

double Forecast::ttftMs(const BlendPlan& plan) const {
    return m_speed.forecastMs(forecastPasses(plan, m_config), loading(plan));
}

void Forecast::preferPipelined(BlendPlan& plan) const {
    if (plan.options.strategy != Strategy::QueryValue || plan.options.checkLayer >= m_config.layers)
        return;
    const LoadCost load = loading(plan);
    const double readMs = m_speed.readMs(load);
    const double hidingMs = m_speed.hidingMs(forecastPasses(plan, m_config), load);
    const double usual = ttftMs(plan);
    plan.options.strategy = Strategy::CacheBlend;
    const double pipelined = ttftMs(plan);
    if (readMs > hidingMs && pipelined < std::min(usual * kClearGain, usual - kNoticedMs))
        plan.notes.push_back("strategy cacheblend instead of query-value: it computes while it loads (" +
                             std::to_string(std::lround(usual - pipelined)) + " ms less to the first token)");
    else
        plan.options.strategy = Strategy::QueryValue;
}

void Forecast::computeSlowChunks(BlendPlan& plan) const {
    double best = ttftMs(plan);
    for (PlanSegment& segment : plan.segments) {
        if (segment.kind != SegmentKind::Chunk || segment.source != KvSource::Store)
            continue;
        segment.source = KvSource::Slow;
        const double computed = ttftMs(plan);
        if (computed < best * kClearGain) {
            best = computed;
            plan.load.computedInstead += 1;
            plan.hits -= 1;
            plan.misses += 1;
        } else {
            segment.source = KvSource::Store;
        }
    }
    if (plan.load.computedInstead > 0)
        plan.notes.push_back(std::to_string(plan.load.computedInstead) +
                             " of the stored chunks are computed: loading them would take longer");
}

void Forecast::raiseRatio(BlendPlan& plan) const {
    const double usual = ttftMs(plan);
    const double asked = plan.options.ratio;
    double raised = asked;
    for (double ratio = asked + kRatioStep; ratio < 1 + kRatioStep / 2; ratio += kRatioStep) {
        plan.options.ratio = std::min(1.0, ratio);
        if (ttftMs(plan) > usual * kNoCost)
            break;
        raised = plan.options.ratio;
    }
    plan.options.ratio = raised;
    if (raised > asked)
        plan.notes.push_back("ratio raised from " + percent(asked) + " to " + percent(raised) +
                             ": computing that many tokens hides behind loading");
}

void Forecast::complete(BlendPlan& plan, StrategyChoice choice) const {
    const int checkLayer = plan.options.strategy == Strategy::CacheBlend ? plan.options.checkLayer : 0;
    for (PlanSegment& segment : plan.segments)
        if (segment.source == KvSource::Store && segment.extent.has_value() &&
            m_ram.holds(*segment.extent, segment.kind == SegmentKind::Head ? 0 : checkLayer))
            segment.source = KvSource::Ram;
    plan.load.askedRatio = plan.options.ratio;
    const Strategy strategy = plan.options.strategy;
    if (plan.options.adaptive && strategy != Strategy::Full && strategy != Strategy::Prefix && m_speed.known()) {
        if (choice == StrategyChoice::ByLoading)
            preferPipelined(plan);
        computeSlowChunks(plan);
        if (ratioHidesLoading(plan.options))
            raiseRatio(plan);
    }
    const LoadCost load = loading(plan);
    const std::vector<PassCost> passes = forecastPasses(plan, m_config);
    plan.bytesToLoad = load.bytes;
    plan.bytesFromRam = load.bytes - load.bytesFromDisk;
    plan.load.loadMs = m_speed.readMs(load);
    plan.load.computeMs = m_speed.hidingMs(passes, load);
    plan.chargedWork = forecastWork(plan, m_config);
    plan.forecastTtftMs = m_speed.forecastMs(passes, load);
    const double prompt = plan.promptTokens;
    const PassCost full{plan.promptTokens, m_config.layers, prompt * (prompt + 1) / 2, 0, 0};
    plan.forecastFullTtftMs = m_speed.forecastMs(std::span(&full, 1), {});
}

}  // namespace engine
