// Consistency of a trace's lists.
#include "engine/trace/trace_checks.h"

#include <algorithm>
#include <functional>
#include <initializer_list>

namespace engine {
namespace {

// More than any model or prompt; products of two such sizes stay within 64 bits.
constexpr int kMostLayers = 100'000;
constexpr int kMostTokens = 100'000'000;

template <class T>
bool hasSize(const std::vector<T>& values, std::initializer_list<int> dimensions) {
    if (std::any_of(dimensions.begin(), dimensions.end(), [](int dimension) { return dimension < 0; }))
        return false;
    if (std::any_of(dimensions.begin(), dimensions.end(), [](int dimension) { return dimension == 0; }))
        return values.empty();
    std::size_t size = 1;
    for (const int dimension : dimensions) {
        // The product never outgrows the list by more than one factor, so it cannot wrap around.
        if (size > values.size())
            return false;
        size *= static_cast<std::size_t>(dimension);
    }
    return values.size() == size;
}

std::string faultOfPrompt(const BlendTrace& trace) {
    if (trace.promptIds.size() > kMostTokens)
        return "the prompt is longer than any";
    const int prompt = trace.promptTokens();
    if (trace.pieces.size() != trace.promptIds.size())
        return "not every prompt token has its text";
    int position = 0;
    bool contextBegun = false;
    for (const PlanSegment& segment : trace.segments) {
        if (segment.position != position || segment.ids.size() > static_cast<std::size_t>(prompt - position))
            return "the segments do not follow each other in the prompt";
        if (!std::equal(segment.ids.begin(), segment.ids.end(), trace.promptIds.begin() + position))
            return "a segment's tokens are not the prompt's";
        if (segment.kind != SegmentKind::Chunk && contextBegun)
            return "a head stands behind a chunk";
        contextBegun = segment.kind == SegmentKind::Chunk;
        position += segment.tokens();
    }
    return {};
}

std::string faultOfWork(const BlendTrace& trace) {
    const int prompt = trace.promptTokens();
    const std::vector<int>& positions = trace.selection.positions;
    if (std::adjacent_find(positions.begin(), positions.end(), std::greater_equal<>()) != positions.end() ||
        (!positions.empty() && (positions.front() < 0 || positions.back() >= trace.suffixBegin())))
        return "the selection's positions do not ascend within the context";
    int context = 0;
    for (const PlanSegment& segment : trace.segments)
        context += segment.kind == SegmentKind::Chunk ? segment.tokens() : 0;
    if (!trace.selection.score.empty() && !hasSize(trace.selection.score, {context}))
        return "not every context token has its score";
    if (trace.layerCount < 0 || trace.layerCount > kMostLayers || trace.heads < 0 || trace.heads > kMostLayers)
        return "the model has more layers or heads than any";
    if (!trace.layers.empty() && !hasSize(trace.layers, {trace.layerCount}))
        return "not every layer has its times";
    const TokenCounts& tokens = trace.tokens;
    if (tokens.prompt != prompt || tokens.reused < 0 || tokens.recomputed < 0 || tokens.fresh < 0 ||
        tokens.reused > prompt || tokens.recomputed > prompt - tokens.reused ||
        tokens.fresh != prompt - tokens.reused - tokens.recomputed)
        return "the counters do not add up";
    return {};
}

std::string faultOfAttention(const BlendTrace& trace, const AttentionSummary& attention) {
    if (attention.layers != trace.layerCount || attention.heads != trace.heads || attention.context != trace.suffixBegin() ||
        attention.blocks != static_cast<int>(trace.segments.size()) + 1)
        return "an attention summary is not of this prompt and model";
    if (!hasSize(attention.suffix, {attention.layers, attention.heads, attention.context}) ||
        !hasSize(attention.block, {attention.layers, attention.heads, attention.blocks, attention.blocks}) ||
        !hasSize(attention.rowsComputed, {attention.layers, attention.blocks}))
        return "an attention summary's lists have the wrong length";
    return {};
}

std::string faultOfRun(const BlendTrace& trace, const RunDeviation& run) {
    if (std::string fault = faultOfAttention(trace, run.attention); !fault.empty())
        return fault;
    if (run.kv.layers != trace.layerCount || run.kv.tokens != trace.promptTokens() ||
        !hasSize(run.kv.k, {run.kv.layers, run.kv.tokens}) || !hasSize(run.kv.v, {run.kv.layers, run.kv.tokens}))
        return "a KV deviation is not of this prompt and model";
    if (!hasSize(run.attentionDeviation, {trace.layerCount, trace.heads}))
        return "an attention deviation is not of this model";
    return {};
}

}  // namespace

std::string faultOf(const BlendTrace& trace) {
    std::string fault = faultOfPrompt(trace);
    if (fault.empty())
        fault = faultOfWork(trace);
    if (trace.deviation == nullptr)
        return fault;
    if (fault.empty())
        fault = faultOfAttention(trace, trace.deviation->full);
    if (fault.empty())
        fault = faultOfRun(trace, trace.deviation->reuse);
    if (fault.empty())
        fault = faultOfRun(trace, trace.deviation->blend);
    return fault;
}

}  // namespace engine
