// A trace in words: segments' names, captions, strategy, figures. Said once, used by Inspect and Compare.
#pragma once

#include <QString>
#include <QStringList>
#include <vector>

#include "engine/trace.h"
#include "ui/inspector/text_layout.h"

namespace ui {

/// "12", "12–13", empty when unknown.
QString pagesText(const engine::PlanSegment& segment);
/// Number of the segment among the chunks, from 1; 0 = head, earlier turns or question.
int chunkNumber(const engine::BlendTrace& trace, int segment);
/// "2  Station handbook · p. 12", "Fixed head", "Question".
QString segmentTitle(const engine::BlendTrace& trace, int segment);
/// For axes and matrices: "head", "1", "2", … "question".
QStringList segmentLabels(const engine::BlendTrace& trace);
std::vector<SegmentCaption> segmentCaptions(const engine::BlendTrace& trace);
QString strategyText(const engine::BlendOptions& options);
QString fateText(engine::TokenFate fate);
/// "reused 865 · recomputed 147 · new 18 of 1,030 tokens"
QString countsText(const engine::TokenCounts& counts);
/// Whether Engine::measureDeviation takes such a run: it refuses follow-ups.
bool canMeasure(const engine::BlendTrace& trace);
/// Seconds that Engine::measureDeviation will about take for this run; whole, at least 1.
int measureSeconds(const engine::BlendTrace& trace);

}  // namespace ui
