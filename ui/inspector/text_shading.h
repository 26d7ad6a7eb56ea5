// How tokens are coloured and marked on a text; made from a trace or from the difference of two.
#pragma once

#include <QByteArray>
#include <QString>
#include <functional>
#include <memory>
#include <vector>

#include "engine/trace.h"
#include "ui/inspector/prompt_text.h"
#include "ui/theme/theme.h"

namespace ui {

/// A mark is a shape, so that it is seen without colour: a solid, dotted or dashed line under the token.
enum class TokenMark : std::uint8_t { None, Solid, Dotted, Dashed };

struct MarkMeaning {
    TokenMark mark = TokenMark::None;
    Role role = Role::Recomputed;
    Role tint = Role::RecomputedTint;
    QString name;
    int tokens = 0;
};

/// What the tokens' grounds say.
enum class Ground {
    Marks,       // each mark's tint
    Sequential,  // value between low and high
    Diverging    // value between −high and high
};

struct TextShading {
    Ground ground = Ground::Marks;
    std::vector<TokenMark> marks;       // [T]
    std::vector<MarkMeaning> meanings;  // of the marks that occur or could
    std::vector<float> values;          // [T], NaN = none; empty with Ground::Marks
    double low = 0;
    double high = 1;
    QString quantity;                 // "K deviation, mean of layers"
    std::function<QByteArray()> csv;  // the engine's own table of this
};

/// What the text is coloured by.
enum class TextColoring { Fate, Score, KDeviation, VDeviation };
/// Whose KV is held against the full prefill's.
enum class DeviatingRun { Reuse, Blend };

/// `layer` −1 = mean of layers. Without the figures asked for (no ranking, nothing measured) the values are empty.
TextShading shadingOf(const std::shared_ptr<const engine::BlendTrace>& shown, TextColoring coloring, DeviatingRun run,
                      int layer);

/// [T]: the strategy's score of context tokens, NaN elsewhere; empty where the strategy ranks nothing.
std::vector<float> scoresByPosition(const engine::BlendTrace& trace);
/// What the score is: "the question's attention × |V|".
QString scoreName(const engine::BlendTrace& trace);
/// [L × T] of the run's K or V; null unless measured.
const std::vector<float>* deviationOf(const engine::BlendTrace& trace, DeviatingRun run, TextColoring coloring);
/// One row of [L × T], or the mean of all.
std::vector<float> layerRow(const std::vector<float>& matrix, int layers, int tokens, int layer);
/// Value below which `share` of the finite values lie; a colour scale's end that a few outliers cannot stretch. 0 when all are 0.
double quantile(const std::vector<float>& values, double share);

/// [cells]: one value a cell: the mean over the unit's tokens that have one.
std::vector<float> unitMeans(const PromptText& text, Granularity granularity, const std::vector<float>& values);
/// [cells]: the share of the unit's tokens that bear the mark.
std::vector<float> unitShares(const PromptText& text, Granularity granularity, const std::vector<TokenMark>& marks,
                              TokenMark mark);

}  // namespace ui
