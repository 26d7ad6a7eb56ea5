// A small trace in which every field differs from its default and from its neighbours.
#include "tests/engine/trace/example_trace.h"

namespace engine::testing {
namespace {

PlanSegment segmentOf(SegmentKind kind, int position, TokenIds ids, KvSource source, std::uint8_t fill) {
    PlanSegment segment;
    segment.kind = kind;
    segment.position = position;
    segment.ids = std::move(ids);
    segment.source = source;
    segment.key.digest.bytes.fill(fill);
    if (source == KvSource::Store)
        segment.extent = storage::KvExtent{{}, segment.key, {fill}, 4096U * fill, 8192, segment.tokens()};
    if (kind == SegmentKind::Chunk) {
        segment.chunk.digest.bytes.fill(static_cast<std::uint8_t>(fill + 100));
        segment.document = "Springs, \"wells\" and fens";
        segment.path = "/papers/springs.pdf";
        segment.header = "Springs › Wells";
        segment.firstPage = fill;
        segment.lastPage = fill + 1;
        segment.begin = 100 * fill;
        segment.end = 100 * fill + 50;
        segment.score = 7.1 / fill;
    }
    return segment;
}

std::vector<float> ramp(std::size_t size, float first) {
    std::vector<float> values(size);
    for (std::size_t i = 0; i < size; ++i)
        values[i] = first + 0.1F * static_cast<float>(i);
    return values;
}

AttentionSummary attentionOf(float first) {
    return {2, 2, 12, 5, ramp(2 * 2 * 12, first), ramp(2 * 2 * 5 * 5, first + 0.5F), {3, 4, 3, 2, 2, 0, 1, 0, 2, 2}};
}

RunDeviation runOf(float first) {
    RunDeviation run;
    run.attention = attentionOf(first);
    run.kv = {2, 14, ramp(28, first + 1), ramp(28, first + 2)};
    run.attentionDeviation = {first, first * 2, first * 3, first * 4};
    run.comparison = {{0.5, first}, 0.25, true, 1, "Forty-three.", 128.5, 0.4375};
    run.answer = "Forty-two.";
    run.ttftMs = 31.25;
    return run;
}

}  // namespace

BlendTrace exampleTrace() {
    BlendTrace trace;
    trace.model = "Tiny";
    trace.backend = "cpu";
    trace.precision = "bf16";
    trace.kvDtype = KvDtype::Bf16;
    trace.layerCount = 2;
    trace.heads = 2;
    trace.kvHeads = 1;
    trace.question = "How many springs?";
    trace.collection = "papers";
    trace.options = {Strategy::CacheBlend, 0.25, DeviationMetric::K, 1, 1, MaskKind::Published, Anchor::Bos};
    trace.sampling = {17, 0.5, 3, 0.75, 0.125, 1.5, 99};
    trace.promptIds = {1, 2, 3, 40, 41, 42, 43, 50, 51, 52, 60, 61, 70, 71};
    trace.pieces = {"<s>", "Be", " brief", "Spr", "ings,", " \"", "\xE2\x80", "\xBA", "\r\n", "a", "b", "c", "How", "?"};
    trace.segments = {segmentOf(SegmentKind::Head, 0, {1, 2, 3}, KvSource::Store, 1),
                      segmentOf(SegmentKind::Chunk, 3, {40, 41, 42, 43}, KvSource::Store, 2),
                      segmentOf(SegmentKind::Chunk, 7, {50, 51, 52}, KvSource::Store, 3),
                      segmentOf(SegmentKind::Chunk, 10, {60, 61}, KvSource::Damaged, 4)};
    trace.segments[0].prefixExact = true;
    trace.selection = {{3, 5, 7}, {9.5F, 0.1F, 3.25F, 0.3F, 8, 0.1F, 0.2F, 0, 0}, 3.25F};
    trace.layers = {{0.5, 1.5, 2.5, 3.5}, {1.75, 2.75, 3.75, 4.75}};
    trace.top = {{7, 12.5F}, {3, 11.1F}};
    trace.tokens = {14, 7, 3, 4, 2};
    trace.ms = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 55, 12, 67, 0.1};
    trace.bytesLoaded = 123456789012;
    trace.chargedWork = 0.40625;
    trace.answer = "Forty-two.";
    trace.answerIds = {7, 8};
    trace.stopReason = StopReason::Length;
    trace.notes = {"stored KV of chunk abab was unusable", ""};
    return trace;
}

BlendTrace measuredTrace() {
    BlendTrace trace = exampleTrace();
    trace.comparison = Comparison{{0.1, 1e-300}, 0.05, true, -1, "Forty-two.", 128, 0.5};
    trace.deviation = std::make_shared<DeviationReport>(DeviationReport{attentionOf(0), runOf(0.25F), runOf(0.125F)});
    return trace;
}

}  // namespace engine::testing
