// Which fields a trace file holds, in their order: one description that writing and reading share, so that they cannot disagree.
// A change here is a new kTraceVersion (trace_file.cpp).
#pragma once

#include "engine/trace.h"

namespace engine {

template <class Archive, class T>
void describeSegment(Archive& a, T& segment) {
    a.choice(segment.kind, SegmentKind::Kept);
    a.bytes(segment.chunk.digest.bytes);
    a.text(segment.document);
    a.text(segment.path);
    a.text(segment.header);
    a.number(segment.firstPage);
    a.number(segment.lastPage);
    a.number(segment.begin);
    a.number(segment.end);
    a.number(segment.score);
    a.numbers(segment.ids);
    a.number(segment.position);
    a.bytes(segment.key.digest.bytes);
    a.choice(segment.source, KvSource::Slow);
    a.optional(segment.extent, [&](auto& extent) {
        a.bytes(extent.fingerprint.digest.bytes);
        a.bytes(extent.key.digest.bytes);
        a.number(extent.segment.value);
        a.number(extent.recordOffset);
        a.number(extent.recordBytes);
        a.number(extent.tokens);
    });
    a.number(segment.prefixExact);
}

template <class Archive, class T>
void describeTimings(Archive& a, T& ms) {
    for (auto* stage : {&ms.retrieve, &ms.tokenize, &ms.plan, &ms.load, &ms.rotate, &ms.questionPass, &ms.layersBeforeCheck,
                        &ms.check, &ms.recompute, &ms.firstToken, &ms.ttft, &ms.decode, &ms.total, &ms.loadHidden})
        a.number(*stage);
}

template <class Archive, class T>
void describeComparison(Archive& a, T& comparison) {
    a.numbers(comparison.kl);
    a.number(comparison.meanKl);
    a.number(comparison.top1Equal);
    a.number(comparison.firstDivergingToken);
    a.text(comparison.fullAnswer);
    a.number(comparison.fullTtftMs);
    a.number(comparison.chargedWork);
}

template <class Archive, class T>
void describeAttention(Archive& a, T& summary) {
    for (auto* size : {&summary.layers, &summary.heads, &summary.context, &summary.blocks})
        a.number(*size);
    a.numbers(summary.suffix);
    a.numbers(summary.block);
    a.numbers(summary.rowsComputed);
}

template <class Archive, class T>
void describeRunDeviation(Archive& a, T& run) {
    describeAttention(a, run.attention);
    a.number(run.kv.layers);
    a.number(run.kv.tokens);
    a.numbers(run.kv.k);
    a.numbers(run.kv.v);
    a.numbers(run.attentionDeviation);
    describeComparison(a, run.comparison);
    a.text(run.answer);
    a.number(run.ttftMs);
}

/// Of what: model, question, options.
template <class Archive, class T>
void describeSubject(Archive& a, T& trace) {
    a.text(trace.model);
    a.text(trace.backend);
    a.text(trace.precision);
    a.choice(trace.kvDtype, KvDtype::Int8);
    a.number(trace.layerCount);
    a.number(trace.heads);
    a.number(trace.kvHeads);
    a.text(trace.question);
    a.text(trace.collection);
    a.choice(trace.options.strategy, Strategy::QueryValue);
    a.number(trace.options.ratio);
    a.choice(trace.options.metric, DeviationMetric::Kv);
    a.number(trace.options.checkLayer);
    a.number(trace.options.first);
    a.choice(trace.options.mask, MaskKind::Published);
    a.choice(trace.options.anchor, Anchor::Head);
    a.number(trace.options.adaptive);
    a.number(trace.sampling.maxTokens);
    a.number(trace.sampling.temperature);
    a.number(trace.sampling.topK);
    a.number(trace.sampling.topP);
    a.number(trace.sampling.minP);
    a.number(trace.sampling.repeatPenalty);
    a.number(trace.sampling.seed);
}

template <class Archive, class T>
void describePrompt(Archive& a, T& trace) {
    a.numbers(trace.promptIds);
    a.list(trace.pieces, sizeof(std::uint64_t), [&](auto& piece) { a.text(piece); });
    a.list(trace.segments, 100, [&](auto& segment) { describeSegment(a, segment); });
}

template <class Archive, class T>
void describeWork(Archive& a, T& trace) {
    a.numbers(trace.selection.positions);
    a.numbers(trace.selection.score);
    a.number(trace.selection.threshold);
    a.list(trace.layers, 4 * sizeof(double), [&](auto& layer) {
        a.number(layer.loadBegin);
        a.number(layer.loadEnd);
        a.number(layer.computeBegin);
        a.number(layer.computeEnd);
    });
    a.list(trace.top, sizeof(TokenLogit), [&](auto& entry) {
        a.number(entry.id);
        a.number(entry.logit);
    });
    for (auto* count : {&trace.tokens.prompt, &trace.tokens.reused, &trace.tokens.recomputed, &trace.tokens.fresh,
                        &trace.tokens.generated})
        a.number(*count);
    describeTimings(a, trace.ms);
    a.number(trace.bytesLoaded);
    a.number(trace.bytesFromRam);
    a.number(trace.load.askedRatio);
    a.number(trace.load.computedInstead);
    a.number(trace.load.loadMs);
    a.number(trace.load.computeMs);
    a.number(trace.chargedWork);
}

template <class Archive, class T>
void describeAnswer(Archive& a, T& trace) {
    a.text(trace.answer);
    a.numbers(trace.answerIds);
    a.choice(trace.stopReason, StopReason::Cancelled);
    a.list(trace.notes, sizeof(std::uint64_t), [&](auto& note) { a.text(note); });
    a.optional(trace.comparison, [&](auto& comparison) { describeComparison(a, comparison); });
}

template <class Archive, class T>
void describeDeviation(Archive& a, T& report) {
    describeAttention(a, report.full);
    describeRunDeviation(a, report.reuse);
    describeRunDeviation(a, report.blend);
}

}  // namespace engine
