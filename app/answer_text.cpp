// An answer's citations, clock and comparison in words.
#include "app/answer_text.h"

#include "app/names.h"
#include "app/terminal_text.h"
#include "app/units.h"

namespace app {

namespace {

std::string_view sourceText(engine::KvSource source) {
    switch (source) {
        case engine::KvSource::Store:
            return "reused from store";
        case engine::KvSource::Miss:
            return "computed, not in store";
        case engine::KvSource::Damaged:
            return "computed, damaged in store";
        case engine::KvSource::Ram:
            return "reused from memory";
        case engine::KvSource::Slow:
            return "computed, loading would take longer";
    }
    return "";
}

}  // namespace

std::string pagesText(int first, int last) {
    if (first <= 0)
        return "";
    return ", p. " + std::to_string(first) + (last > first ? "–" + std::to_string(last) : "");
}

std::string citationsText(const std::vector<engine::PlanSegment>& segments) {
    std::string text;
    int number = 0;
    for (const engine::PlanSegment& segment : segments) {
        if (segment.kind != engine::SegmentKind::Chunk)
            continue;
        text += '[';
        text += std::to_string(++number) + "] " + printable(segment.document, LineBreaks::Flatten) +
                pagesText(segment.firstPage, segment.lastPage) + " (score " + decimalText(segment.score, 1) + ", " +
                std::string(sourceText(segment.source)) + ")\n";
    }
    return text;
}

std::string memoryText(const engine::DeviceMemory& device) {
    return device.backend + " (" + countText(device.layers, "layer") + "): " + bytesText(device.weights) + " of weights, " +
           bytesText(device.cache) + " of KV, " + bytesText(device.scratch) + " of scratch" +
           (device.held > 0 ? ", " + bytesText(device.held) + " of it taken" : "") +
           (device.free > 0 ? "; " + bytesText(device.free) + " free" : "") + (device.fits() ? "" : ": does NOT fit");
}

std::string methodText(const engine::BlendOptions& options) {
    std::string text(nameOf(options.strategy));
    const bool ranked = options.strategy != engine::Strategy::Full && options.strategy != engine::Strategy::Prefix &&
                        options.strategy != engine::Strategy::Reuse;
    return ranked ? text + " " + percentText(options.ratio) : text;
}

std::string clockLines(const engine::BlendOptions& options, const engine::Answer& answer) {
    std::string stages;
    for (const Stage& stage : kStages)
        if (answer.ms.*stage.ms >= 0.005)
            stages += (stages.empty() ? "" : ", ") + std::string(stage.label) + " " + millisecondsText(answer.ms.*stage.ms);
    std::string text = "first token after " + millisecondsText(answer.ms.ttft) +
                       (stages.empty() ? "" : " (" + stages + ")") + "; " + countText(answer.tokens.generated) +
                       " tokens, " + millisecondsText(answer.ms.total) + " in all\n";
    const engine::TokenCounts& tokens = answer.tokens;
    return text + methodText(options) + ": " + countText(tokens.reused) + " reused + " + countText(tokens.recomputed) +
           " recomputed + " + countText(tokens.fresh) + " new = " + countText(tokens.prompt, "prompt token") + ", " +
           percentText(answer.chargedWork) + " of a full prefill's work\n";
}

std::string comparisonText(const engine::Comparison& comparison) {
    std::string text = "full prefill: first token after " + millisecondsText(comparison.fullTtftMs) + ", KL " +
                       decimalText(comparison.meanKl, 4) + " nats, " + (comparison.top1Equal ? "same" : "another") +
                       " first token, ";
    if (comparison.firstDivergingToken < 0)
        return text + "the answers agree\n";
    return text + "the answers part at token " + std::to_string(comparison.firstDivergingToken + 1) +
           "\nits answer: " + printable(comparison.fullAnswer, LineBreaks::Keep) + "\n";
}

}  // namespace app
