// `import`: documents in.
#include <map>
#include <ostream>

#include "app/commands/commands.h"
#include "app/names.h"
#include "app/progress_bar.h"
#include "app/terminal_text.h"
#include "app/units.h"

namespace app {

namespace {

std::string fileLine(const engine::IngestFile& file) {
    std::string line = std::string(nameOf(file.state)) + "  " + printable(file.path, LineBreaks::Flatten);
    if (file.state == engine::IngestState::Indexed || file.state == engine::IngestState::Unchanged) {
        line += "  (";
        if (file.pages > 0)
            line += countText(file.pages, "page") + ", ";
        line += countText(file.chunks, "chunk") + ", " + countText(file.tokens, "token") + ")";
    }
    if (!file.reason.empty())
        line += ": " + printable(file.reason, LineBreaks::Flatten);
    return line;
}

/// Tells of each file as it is done.
class ImportProgress : public ProgressBar {
public:
    explicit ImportProgress(CommandContext& context) : ProgressBar(context), m_context(context) {}
    void fileDone(const engine::IngestFile& file) override {
        if (m_context.json())
            return;
        clear();
        m_context.out << fileLine(file) << std::endl;
    }

private:
    CommandContext& m_context;
};

}  // namespace

ExitStatus runImport(engine::Engine& engine, const ImportCommand& command, CommandContext& context) {
    ImportProgress progress(context);
    auto report = engine.ingest(command.request, progress, context.stop);
    progress.clear();
    if (!report)
        return reportFailure(context, "import into '" + command.request.collection + "'", report.status());

    std::map<engine::IngestState, std::int64_t> counts;
    for (const engine::IngestFile& file : report->files)
        ++counts[file.state];
    if (context.json()) {
        context.out << importJson(command.request.collection, *report);
    } else {
        std::string line;
        for (const auto state : {engine::IngestState::Indexed, engine::IngestState::Unchanged, engine::IngestState::Skipped,
                                 engine::IngestState::Failed})
            line += (line.empty() ? "" : ", ") + countText(counts[state]) + " " + std::string(nameOf(state));
        context.out << line << '\n';
    }
    if (report->cancelled)
        return finished(context, true);
    const std::int64_t usable = counts[engine::IngestState::Indexed] + counts[engine::IngestState::Unchanged];
    if (counts[engine::IngestState::Failed] > 0 && usable == 0)
        return reportFailure(
            context, "import into '" + command.request.collection + "'",
            engine::Status(engine::StatusCode::IoError, "no file could be read; the reasons stand with the files"));
    return ExitStatus::Done;
}

}  // namespace app
