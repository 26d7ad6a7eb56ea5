// `ask` and `plan`: a question, its plan, its answer.
#include <ostream>

#include "app/commands/commands.h"
#include "app/names.h"
#include "app/terminal_text.h"
#include "app/units.h"

namespace app {

namespace {

using engine::PlanSegment;

/// Shows the answer's pieces as they come.
class AnswerStream : public engine::QueryObserver {
public:
    explicit AnswerStream(CommandContext& context) : m_context(context) {}
    void text(std::string_view piece) override {
        if (!m_context.json())
            m_context.out << printable(piece, LineBreaks::Keep) << std::flush;
    }

private:
    CommandContext& m_context;
};

std::string pagesText(int first, int last) {
    if (first <= 0)
        return "";
    return ", p. " + std::to_string(first) + (last > first ? "–" + std::to_string(last) : "");
}

std::string_view sourceText(engine::KvSource source) {
    switch (source) {
        case engine::KvSource::Store:
            return "reused from store";
        case engine::KvSource::Miss:
            return "computed, not in store";
        case engine::KvSource::Damaged:
            return "computed, damaged in store";
    }
    return "";
}

/// "[1] document, p. 3–4 (score 7.1, reused from store)" for each chunk.
std::string citationsText(const std::vector<PlanSegment>& segments) {
    std::string text;
    int number = 0;
    for (const PlanSegment& segment : segments) {
        if (segment.kind != engine::SegmentKind::Chunk)
            continue;
        text += '[';
        text += std::to_string(++number) + "] " + printable(segment.document, LineBreaks::Flatten) +
                pagesText(segment.firstPage, segment.lastPage) + " (score " + decimalText(segment.score, 1) + ", " +
                std::string(sourceText(segment.source)) + ")\n";
    }
    return text;
}

std::string methodText(const engine::BlendOptions& options) {
    std::string text(nameOf(options.strategy));
    const bool ranked = options.strategy != engine::Strategy::Full && options.strategy != engine::Strategy::Prefix &&
                        options.strategy != engine::Strategy::Reuse;
    return ranked ? text + " " + percentText(options.ratio) : text;
}

/// What happened and how long it took, in two short lines.
std::string clockLines(const engine::BlendPlan& plan, const engine::Answer& answer) {
    std::string stages;
    for (const Stage& stage : kStages)
        if (answer.ms.*stage.ms >= 0.005)
            stages += (stages.empty() ? "" : ", ") + std::string(stage.label) + " " + millisecondsText(answer.ms.*stage.ms);
    std::string text = "first token after " + millisecondsText(answer.ms.ttft) +
                       (stages.empty() ? "" : " (" + stages + ")") + "; " + countText(answer.tokens.generated) +
                       " tokens, " + millisecondsText(answer.ms.total) + " in all\n";
    const engine::TokenCounts& tokens = answer.tokens;
    return text + methodText(plan.options) + ": " + countText(tokens.reused) + " reused + " + countText(tokens.recomputed) +
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

std::string planText(const engine::BlendPlan& plan) {
    std::string text = methodText(plan.options) + ", anchor " + std::string(nameOf(plan.options.anchor)) + ": " +
                       countText(plan.promptTokens, "prompt token") + ", " + countText(plan.contextTokens) +
                       " of context, " + countText(static_cast<std::int64_t>(plan.suffix.size())) + " of question\n" +
                       "chunks in the store " + std::to_string(plan.hits) + " of " +
                       std::to_string(plan.hits + plan.misses) + ", " + bytesText(plan.bytesToLoad) + " to load, " +
                       percentText(plan.chargedWork) + " of a full prefill's work\n";
    TextTable table({{"position", Align::Right},
                     {"tokens", Align::Right},
                     {"kv", Align::Left},
                     {"score", Align::Right},
                     {"segment", Align::Left}});
    for (const PlanSegment& segment : plan.segments) {
        const bool head = segment.kind == engine::SegmentKind::Head;
        table.addRow(
            {countText(segment.position), countText(segment.tokens()), std::string(nameOf(segment.source)),
             head ? "" : decimalText(segment.score, 1),
             head ? "head"
                  : printable(segment.document, LineBreaks::Flatten) + pagesText(segment.firstPage, segment.lastPage)});
    }
    table.addRow({countText(plan.promptTokens - static_cast<int>(plan.suffix.size())),
                  countText(static_cast<std::int64_t>(plan.suffix.size())), "new", "", "question"});
    return text + table.text();
}

}  // namespace

ExitStatus runAsk(engine::Engine& engine, const AskCommand& command, CommandContext& context) {
    const auto plan = engine.plan(command.query);
    if (!plan)
        return reportFailure(context, "plan of the question", plan.status());
    AnswerStream stream(context);
    const auto answer =
        command.compare ? engine.runCompared(*plan, stream, context.stop) : engine.run(*plan, stream, context.stop);
    if (!answer) {
        if (!context.json())
            context.out << std::endl;  // ends what was streamed
        return reportFailure(context, "answer", answer.status());
    }
    if (context.json()) {
        context.out << answerJson(*plan, *answer, engine.model());
    } else {
        const auto& segments = answer->trace ? answer->trace->segments : plan->segments;
        const std::string citations = citationsText(segments);
        context.out << "\n\n" << citations << (citations.empty() ? "" : "\n") << clockLines(*plan, *answer);
        if (answer->comparison)
            context.out << comparisonText(*answer->comparison);
    }
    if (answer->trace)
        for (const std::string& note : answer->trace->notes)
            say(context, "note: " + note);
    return finished(context, answer->stopReason == engine::StopReason::Cancelled);
}

ExitStatus runPlan(engine::Engine& engine, const PlanCommand& command, CommandContext& context) {
    const auto plan = engine.plan(command.query);
    if (!plan)
        return reportFailure(context, "plan of the question", plan.status());
    context.out << (context.json() ? planJson(*plan, engine.model()) : planText(*plan));
    return ExitStatus::Done;
}

}  // namespace app
