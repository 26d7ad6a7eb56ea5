// `import`: documents in; with --watch, again whenever they change.
#include <chrono>
#include <map>
#include <ostream>
#include <utility>

#include "app/commands/commands.h"
#include "app/file_watch.h"
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

using Counts = std::map<engine::IngestState, std::int64_t>;

Counts countsOf(const engine::IngestReport& report) {
    Counts counts;
    for (const engine::IngestFile& file : report.files)
        ++counts[file.state];
    return counts;
}

std::string countsLine(Counts counts) {
    std::string line;
    for (const auto state : {engine::IngestState::Indexed, engine::IngestState::Unchanged, engine::IngestState::Skipped,
                             engine::IngestState::Failed})
        line += (line.empty() ? "" : ", ") + countText(counts[state]) + " " + std::string(nameOf(state));
    return line + "\n";
}

/// Tells of files that are indexed or seen for the first time, and of those whose state or reason is not what was told before.
class NewsOfFiles : public ImportProgress {
public:
    using ImportProgress::ImportProgress;

    void fileDone(const engine::IngestFile& file) override {
        const std::pair state(file.state, file.reason);
        const auto [told, isFirst] = m_told.try_emplace(file.path, state);
        const bool isOther = file.state != engine::IngestState::Unchanged && told->second != state;
        if (!isFirst && !isOther && file.state != engine::IngestState::Indexed)
            return;
        told->second = state;
        m_news.push_back(file);
        ImportProgress::fileDone(file);
    }

    /// What was told since the last call.
    std::vector<engine::IngestFile> takeNews() { return std::exchange(m_news, {}); }

private:
    std::map<std::string, std::pair<engine::IngestState, std::string>> m_told;  // by path
    std::vector<engine::IngestFile> m_news;
};

/// How long files must be left alone before they are imported: a program that saves writes several times.
constexpr std::chrono::milliseconds kRest{1000};

}  // namespace

ExitStatus runImport(engine::Engine& engine, const ImportCommand& command, CommandContext& context) {
    ImportProgress progress(context);
    auto report = engine.ingest(command.request, progress, context.stop);
    progress.clear();
    if (!report)
        return reportFailure(context, "import into '" + command.request.collection + "'", report.status());

    Counts counts = countsOf(*report);
    if (context.json())
        context.out << importJson(command.request.collection, *report, JsonLayout::Document);
    else
        context.out << countsLine(counts);
    if (report->cancelled)
        return finished(context, true);
    const std::int64_t usable = counts[engine::IngestState::Indexed] + counts[engine::IngestState::Unchanged];
    if (counts[engine::IngestState::Failed] > 0 && usable == 0)
        return reportFailure(
            context, "import into '" + command.request.collection + "'",
            engine::Status(engine::StatusCode::IoError, "no file could be read; the reasons stand with the files"));
    return ExitStatus::Done;
}

ExitStatus runImportWatch(const EngineOpener& open, const ImportCommand& command, CommandContext& context) {
    const std::string what = "import into '" + command.request.collection + "'";
    const auto watch = FileWatch::create(command.request.paths, kRest);
    if (!watch)
        return reportFailure(context, what, watch.status());
    NewsOfFiles progress(context);
    for (bool isFirst = true;; isFirst = false) {
        engine::Result<engine::IngestReport> report = engine::IngestReport();
        {
            // Open only while files are imported, so that questions can be asked in between.
            const auto engine = open(isFirst ? WhenBusy::Fail : WhenBusy::Wait);
            if (!engine)
                return engine.status().code() == engine::StatusCode::Cancelled
                           ? finished(context, true)
                           : reportOpenFailure(context, "open", engine.status());
            report = (*engine)->ingest(command.request, progress, context.stop);
            progress.clear();
        }
        if (!report)
            return reportFailure(context, what, report.status());
        const bool cancelled = report->cancelled;
        const engine::IngestReport news{progress.takeNews(), cancelled};
        if (isFirst || !news.files.empty()) {
            if (context.json())
                context.out << importJson(command.request.collection, news, JsonLayout::Line) << std::flush;
            else
                context.out << countsLine(countsOf(news)) << std::flush;
        }
        if (isFirst)
            say(context, "watching; Ctrl-C ends it");
        if (cancelled)
            return finished(context, true);
        if (const engine::Status changed = (*watch)->waitForChange(context.stop); !changed.ok())
            return reportFailure(context, what, changed);
    }
}

}  // namespace app
