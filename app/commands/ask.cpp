// `ask` and `plan`: a question, its plan, its answer.
#include <ostream>

#include "app/answer_text.h"
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

std::string planText(const engine::BlendPlan& plan) {
    std::string text = methodText(plan.options) + ", anchor " + std::string(nameOf(plan.options.anchor)) + ": " +
                       countText(plan.promptTokens, "prompt token") + ", " + countText(plan.contextTokens) +
                       " of context, " + countText(static_cast<std::int64_t>(plan.suffix.size())) + " of question\n" +
                       "chunks in the store " + std::to_string(plan.hits) + " of " +
                       std::to_string(plan.hits + plan.misses) + ", " + bytesText(plan.bytesToLoad) + " to load" +
                       (plan.bytesFromRam > 0 ? " (" + bytesText(plan.bytesFromRam) + " in memory), " : ", ") +
                       percentText(plan.chargedWork) + " of a full prefill's work\n";
    if (plan.forecastTtftMs > 0)
        text += "first token expected after " + millisecondsText(plan.forecastTtftMs) + ", with a full prefill after " +
                millisecondsText(plan.forecastFullTtftMs) + "\n";
    if (plan.load.loadMs > 0)
        text += "reading from disk takes " + millisecondsText(plan.load.loadMs) + ", behind " +
                millisecondsText(plan.load.computeMs) + " of computing\n";
    for (const engine::DeviceMemory& device : plan.memory)
        text += "memory of " + memoryText(device) + "\n";
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
    const auto answer = command.measure   ? engine.measureDeviation(*plan, stream, context.stop)
                        : command.compare ? engine.runCompared(*plan, stream, context.stop)
                                          : engine.run(*plan, stream, context.stop);
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
        context.out << "\n\n" << citations << (citations.empty() ? "" : "\n") << clockLines(plan->options, *answer);
        if (answer->comparison)
            context.out << comparisonText(*answer->comparison);
    }
    if (answer->trace)
        for (const std::string& note : answer->trace->notes)
            say(context, "note: " + note);
    if (!command.tracePath.empty() && answer->trace)
        if (const engine::Status saved = engine::saveTrace(*answer->trace, command.tracePath); !saved.ok())
            return reportFailure(context, "trace", saved);
    return finished(context, answer->stopReason == engine::StopReason::Cancelled);
}

ExitStatus runPlan(engine::Engine& engine, const PlanCommand& command, CommandContext& context) {
    const auto plan = engine.plan(command.query);
    if (!plan)
        return reportFailure(context, "plan of the question", plan.status());
    context.out << (context.json() ? planJson(*plan, engine.model()) : planText(*plan));
    for (const std::string& note : plan->notes)
        say(context, "note: " + note);
    return ExitStatus::Done;
}

}  // namespace app
