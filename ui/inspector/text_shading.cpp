// From a trace's lists to colours and marks.
#include "ui/inspector/text_shading.h"

#include <QCoreApplication>
#include <algorithm>
#include <cmath>
#include <limits>

namespace ui {

namespace {

constexpr float kNoValue = std::numeric_limits<float>::quiet_NaN();

QString translated(const char* text) { return QCoreApplication::translate("ui::TextShading", text); }

std::size_t index(int value) { return static_cast<std::size_t>(value); }

QByteArray bytesOf(const std::string& text) { return QByteArray(text.data(), static_cast<qsizetype>(text.size())); }

/// [units]: mean of `value` over the tokens for which it is finite.
template <class Value>
std::vector<float> spread(const PromptText& text, Granularity granularity, const Value& value) {
    const std::vector<int>& units = text.units(granularity);
    const std::size_t count = units.empty() ? 0 : index(units.back()) + 1;
    std::vector<double> sum(count, 0);
    std::vector<int> tokens(count, 0);
    for (int token = 0; token < text.tokens(); ++token) {
        const float own = value(token);
        if (std::isfinite(own)) {
            const std::size_t unit = index(units[index(text.cellOfToken(token))]);
            sum[unit] += own;
            ++tokens[unit];
        }
    }
    std::vector<float> result;
    for (const int unit : units) {
        result.push_back(tokens[index(unit)] > 0 ? static_cast<float>(sum[index(unit)] / tokens[index(unit)]) : kNoValue);
    }
    return result;
}

}  // namespace

std::vector<float> scoresByPosition(const engine::BlendTrace& trace) {
    const std::vector<float>& score = trace.selection.score;
    if (score.empty()) {
        return {};
    }
    std::vector<float> result(trace.promptIds.size(), kNoValue);
    std::size_t context = 0;
    for (const engine::PlanSegment& segment : trace.segments) {
        if (segment.kind == engine::SegmentKind::Chunk) {
            for (int i = 0; i < segment.tokens() && context < score.size(); ++i) {
                result[index(segment.position + i)] = score[context++];
            }
        }
    }
    return result;
}

QString scoreName(const engine::BlendTrace& trace) {
    switch (trace.options.strategy) {
        case engine::Strategy::CacheBlend:
            return translated("KV deviation at layer %1").arg(trace.options.checkLayer);
        case engine::Strategy::Query:
            return translated("the question's attention");
        case engine::Strategy::QueryValue:
            return translated("the question's attention × |V|");
        case engine::Strategy::Full:
        case engine::Strategy::Prefix:
        case engine::Strategy::Reuse:
        case engine::Strategy::First:
            break;
    }
    return translated("score");
}

const std::vector<float>* deviationOf(const engine::BlendTrace& trace, DeviatingRun run, TextColoring coloring) {
    if (!trace.deviation) {
        return nullptr;
    }
    const engine::KvDeviation& kv = run == DeviatingRun::Reuse ? trace.deviation->reuse.kv : trace.deviation->blend.kv;
    return coloring == TextColoring::KDeviation ? &kv.k : &kv.v;
}

std::vector<float> layerRow(const std::vector<float>& matrix, int layers, int tokens, int layer) {
    if (layer >= 0 && layer < layers) {
        const auto begin = matrix.begin() + std::ptrdiff_t{layer} * tokens;
        return {begin, begin + tokens};
    }
    std::vector<float> mean(index(tokens), 0);
    for (int row = 0; row < layers; ++row) {
        const float* values = matrix.data() + std::ptrdiff_t{row} * tokens;
        for (std::size_t i = 0; i < mean.size(); ++i) {
            mean[i] += values[i];
        }
    }
    for (float& value : mean) {
        value /= static_cast<float>(std::max(layers, 1));
    }
    return mean;
}

double quantile(const std::vector<float>& values, double share) {
    std::vector<float> finite;
    finite.reserve(values.size());
    std::ranges::copy_if(values, std::back_inserter(finite), [](float value) { return std::isfinite(value); });
    if (finite.empty()) {
        return 0;
    }
    const auto nth = finite.begin() + static_cast<std::ptrdiff_t>(share * static_cast<double>(finite.size() - 1));
    std::nth_element(finite.begin(), nth, finite.end());
    return *nth > 0 ? *nth : std::max(0.0F, *std::ranges::max_element(finite));
}

TextShading shadingOf(const std::shared_ptr<const engine::BlendTrace>& shown, TextColoring coloring, DeviatingRun run,
                      int layer) {
    const engine::BlendTrace& trace = *shown;
    TextShading shading;
    const std::vector<engine::TokenFate> fates = engine::tokenFates(trace);
    int recomputed = 0;
    int fresh = 0;
    for (const engine::TokenFate fate : fates) {
        shading.marks.push_back(fate == engine::TokenFate::Recomputed ? TokenMark::Solid
                                : fate == engine::TokenFate::Fresh    ? TokenMark::Dotted
                                                                      : TokenMark::None);
        recomputed += fate == engine::TokenFate::Recomputed ? 1 : 0;
        fresh += fate == engine::TokenFate::Fresh ? 1 : 0;
    }
    shading.meanings = {
        {TokenMark::None, Role::Reused, Role::Paper, translated("reused"), trace.promptTokens() - recomputed - fresh},
        {TokenMark::Solid, Role::Recomputed, Role::RecomputedTint, translated("recomputed"), recomputed},
        {TokenMark::Dotted, Role::Fresh, Role::FreshTint, translated("new"), fresh}};
    shading.csv = [shown] { return bytesOf(engine::recomputeCsv(*shown)); };
    if (coloring == TextColoring::Fate) {
        return shading;
    }
    shading.ground = Ground::Sequential;
    if (coloring == TextColoring::Score) {
        shading.values = scoresByPosition(trace);
        shading.quantity = scoreName(trace);
    } else {
        shading.csv = [shown] { return bytesOf(engine::kvDeviationCsv(*shown)); };
        if (const std::vector<float>* matrix = deviationOf(trace, run, coloring)) {
            shading.values = layerRow(*matrix, trace.layerCount, trace.promptTokens(), layer);
        }
        const QString what =
            coloring == TextColoring::KDeviation ? translated("K deviation from full") : translated("V deviation from full");
        shading.quantity =
            layer >= 0 ? translated("%1, layer %2").arg(what).arg(layer) : translated("%1, mean of layers").arg(what);
    }
    shading.high = quantile(shading.values, 0.99);
    if (shading.high <= 0) {
        shading.high = 1;
    }
    return shading;
}

std::vector<float> unitMeans(const PromptText& text, Granularity granularity, const std::vector<float>& values) {
    return spread(text, granularity, [&](int token) { return values[index(token)]; });
}

std::vector<float> unitShares(const PromptText& text, Granularity granularity, const std::vector<TokenMark>& marks,
                              TokenMark mark) {
    return spread(text, granularity, [&](int token) { return marks[index(token)] == mark ? 1.0F : 0.0F; });
}

}  // namespace ui
