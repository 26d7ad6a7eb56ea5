// `trace show`: a saved trace as answer, citations, counters and times, and its tables as CSV.
#include <filesystem>
#include <fstream>
#include <ostream>

#include "app/answer_text.h"
#include "app/commands/commands.h"
#include "app/terminal_text.h"
#include "engine/trace.h"

namespace app {

namespace {

struct Table {
    const char* name;
    std::string (*text)(const engine::BlendTrace&);
};
constexpr Table kTables[] = {{"recompute", engine::recomputeCsv},
                             {"kv_deviation", engine::kvDeviationCsv},
                             {"attention_blocks", engine::attentionBlocksCsv},
                             {"attention_deviation", engine::attentionDeviationCsv},
                             {"layer_times", engine::layerTimesCsv},
                             {"stages", engine::stagesCsv},
                             {"answer_kl", engine::answerKlCsv}};

engine::Status writeTables(const engine::BlendTrace& trace, const std::string& folder) {
    std::error_code failure;
    std::filesystem::create_directories(folder, failure);
    if (failure)
        return engine::Status(engine::StatusCode::IoError, "cannot make the folder " + folder + ": " + failure.message());
    for (const Table& table : kTables) {
        const std::string path = folder + "/" + table.name + ".csv";
        std::ofstream stream(path, std::ios::binary | std::ios::trunc);
        stream << table.text(trace);
        stream.close();
        if (!stream)
            return engine::Status(engine::StatusCode::IoError, "cannot write " + path);
    }
    return {};
}

/// The answer that the trace was made of, as far as it tells.
engine::Answer answerOf(const std::shared_ptr<const engine::BlendTrace>& trace) {
    engine::Answer answer;
    answer.text = trace->answer;
    answer.ids = trace->answerIds;
    answer.stopReason = trace->stopReason;
    answer.tokens = trace->tokens;
    answer.ms = trace->ms;
    answer.bytesLoaded = trace->bytesLoaded;
    answer.chargedWork = trace->chargedWork;
    answer.comparison = trace->comparison;
    answer.trace = trace;
    return answer;
}

}  // namespace

ExitStatus runTrace(const TraceCommand& command, CommandContext& context) {
    const auto trace = engine::loadTrace(command.path);
    if (!trace)
        return reportFailure(context, "trace", trace.status());
    const engine::BlendTrace& shown = **trace;
    const engine::Answer answer = answerOf(*trace);
    if (context.json()) {
        engine::BlendPlan plan;
        plan.options = shown.options;
        engine::ModelInfo model;
        model.name = shown.model;
        model.backend = shown.backend;
        model.precision = shown.precision;
        context.out << answerJson(plan, answer, model);
    } else {
        const std::string citations = citationsText(shown.segments);
        context.out << printable(shown.question, LineBreaks::Flatten) << "\n\n"
                    << printable(shown.answer, LineBreaks::Keep) << "\n\n"
                    << citations << (citations.empty() ? "" : "\n") << clockLines(shown.options, answer);
        if (shown.comparison)
            context.out << comparisonText(*shown.comparison);
    }
    for (const std::string& note : shown.notes)
        say(context, "note: " + note);
    if (!command.csvFolder.empty())
        if (const engine::Status written = writeTables(shown, command.csvFolder); !written.ok())
            return reportFailure(context, "trace", written);
    return ExitStatus::Done;
}

}  // namespace app
