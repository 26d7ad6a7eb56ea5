// `eval`: given prompts with every strategy and ratio, and what they lose against a full prefill.
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <map>
#include <ostream>
#include <system_error>

#include "app/commands/commands.h"
#include "app/eval_cases.h"
#include "app/names.h"
#include "app/progress_bar.h"
#include "app/terminal_text.h"
#include "app/units.h"

namespace app {

namespace {

engine::Status writeFile(const std::filesystem::path& path, const std::string& text) {
    std::ofstream file(path, std::ios::binary | std::ios::trunc);
    file << text;
    file.close();
    if (!file)
        return engine::Status(engine::StatusCode::IoError,
                              path.string() + ": cannot be written: " + std::generic_category().message(errno));
    return {};
}

/// One strategy × ratio.
struct Setting {
    engine::Strategy strategy = engine::Strategy::QueryValue;
    RatioOption ratio;
    std::vector<EvalFigures> rows;
    int failed = 0;
};

std::vector<Setting> settingsOf(const EvalCommand& command) {
    std::vector<Setting> settings;
    for (const engine::Strategy strategy : command.strategies)
        for (const RatioOption& ratio : command.ratios)
            settings.push_back({strategy, ratio, {}, 0});
    return settings;
}

EvalFigures figuresOf(const std::string& id, const engine::Answer& answer, bool correct) {
    EvalFigures figures;
    figures.id = id;
    figures.correct = correct;
    figures.ttftMs = answer.ms.ttft;
    figures.chargedWork = answer.chargedWork;
    if (const auto& comparison = answer.comparison) {
        figures.meanKl = comparison->meanKl;
        figures.top1Equal = comparison->top1Equal;
        figures.fullTtftMs = comparison->fullTtftMs;
    }
    return figures;
}

std::string optionalText(const std::optional<double>& value, int decimals) {
    return value ? decimalText(*value, decimals) : "–";
}

std::string summaryTable(const std::vector<Setting>& settings) {
    TextTable table({{"strategy", Align::Left},
                     {"ratio", Align::Right},
                     {"cases", Align::Right},
                     {"failed", Align::Right},
                     {"mean KL", Align::Right},
                     {"median KL", Align::Right},
                     {"top-1 equal", Align::Right},
                     {"correct", Align::Right},
                     {"TTFT ms", Align::Right},
                     {"over full", Align::Right},
                     {"work", Align::Right}});
    for (const Setting& setting : settings) {
        const EvalSummary summary = summarise(setting.strategy, setting.ratio, setting.rows, setting.failed);
        table.addRow({std::string(nameOf(summary.strategy)), summary.ratio.text, std::to_string(summary.cases),
                      std::to_string(summary.failed), optionalText(summary.meanKl, 4), optionalText(summary.medianKl, 4),
                      optionalText(summary.top1Agreement, 3), optionalText(summary.correct, 3),
                      optionalText(summary.meanTtftMs, 1), optionalText(summary.overFull, 3),
                      optionalText(summary.meanChargedWork, 3)});
    }
    return table.text();
}

/// The evaluation of one command; lives for one call.
class Evaluation {
public:
    Evaluation(engine::Engine& engine, const EvalCommand& command, CommandContext& context)
        : m_engine(engine), m_command(command), m_context(context), m_settings(settingsOf(command)), m_progress(context) {}

    ExitStatus run(const std::vector<EvalCase>& cases) {
        engine::PrecomputeRequest request;
        request.anchor = m_command.anchor;
        for (const EvalCase& evalCase : cases)
            request.given.push_back(evalCase.prompt);
        const auto precomputed = m_engine.precompute(request, m_progress, m_context.stop);
        m_progress.clear();
        if (!precomputed)
            return reportFailure(m_context, "precompute of the cases", precomputed.status());

        const auto total = static_cast<std::int64_t>(cases.size() * m_settings.size());
        std::int64_t done = 0;
        for (const EvalCase& evalCase : cases) {
            for (Setting& setting : m_settings) {
                m_progress.progress("eval", done++, total, "runs");
                if (const auto status = runRow(evalCase, setting); status != ExitStatus::Done) {
                    m_progress.clear();
                    summarize();
                    return status;
                }
            }
        }
        m_progress.clear();
        summarize();
        return m_anyFailed ? ExitStatus::Failed : ExitStatus::Done;
    }

private:
    /// Done, or why the evaluation cannot go on; a row that fails is told and counted.
    ExitStatus runRow(const EvalCase& evalCase, Setting& setting) {
        if (m_context.stop.stop_requested())
            return finished(m_context, true);
        const EvalRowKey key{evalCase.id, setting.strategy, setting.ratio};
        engine::Query query;
        query.question = evalCase.prompt.question;
        query.given = evalCase.prompt;
        query.blend.strategy = setting.strategy;
        query.blend.ratio = setting.ratio.value;
        query.blend.anchor = m_command.anchor;
        query.sampling.maxTokens = m_command.maxTokens;
        const auto plan = m_engine.plan(query);
        if (!plan)
            return rowFailed(key, setting, plan.status());
        engine::QueryObserver silent;
        const auto answer = m_command.compare ? m_engine.runCompared(*plan, silent, m_context.stop)
                                              : m_engine.run(*plan, silent, m_context.stop);
        if (!answer)
            return rowFailed(key, setting, answer.status());
        if (answer->stopReason == engine::StopReason::Cancelled)
            return finished(m_context, true);

        const bool correct = containsAnswer(answer->text, evalCase.answers);
        setting.rows.push_back(figuresOf(key.id, *answer, correct));
        if (!m_command.dumpFolder.empty()) {
            const std::string name = key.id + "." + std::string(nameOf(key.strategy)) + "." + key.ratio.text + ".json";
            const auto written = writeFile(std::filesystem::path(m_command.dumpFolder) / name, evalDumpJson(*answer));
            if (!written.ok()) {
                m_progress.clear();
                return reportFailure(m_context, "dump", written);
            }
        }
        if (m_context.json())
            m_context.out << evalLine(key, correct, *plan, *answer, m_engine.model()) << std::flush;
        return ExitStatus::Done;
    }

    ExitStatus rowFailed(const EvalRowKey& key, Setting& setting, const engine::Status& status) {
        m_progress.clear();
        const std::string what = "case " + key.id + ", " + std::string(nameOf(key.strategy)) + " " + key.ratio.text;
        const ExitStatus outcome = reportFailure(m_context, what, status);
        if (outcome != ExitStatus::Failed)
            return outcome;  // a stop, or a store beyond use
        if (m_context.json())
            m_context.out << evalFailureLine(key, status.message()) << std::flush;
        ++setting.failed;
        m_anyFailed = true;
        return ExitStatus::Done;
    }

    /// Without a comparison the strategy `full`, when it ran too, tells what a full prefill takes.
    void fillFullTtft() {
        std::map<std::string, double> full;
        for (const Setting& setting : m_settings)
            if (setting.strategy == engine::Strategy::Full)
                for (const EvalFigures& row : setting.rows)
                    full.emplace(row.id, row.ttftMs);
        for (Setting& setting : m_settings)
            for (EvalFigures& row : setting.rows)
                if (const auto found = full.find(row.id); !row.fullTtftMs && found != full.end())
                    row.fullTtftMs = found->second;
    }

    void summarize() {
        fillFullTtft();
        if (!m_context.json()) {
            m_context.out << summaryTable(m_settings);
            return;
        }
        for (const Setting& setting : m_settings)
            m_context.out << evalSummaryLine(summarise(setting.strategy, setting.ratio, setting.rows, setting.failed));
    }

    engine::Engine& m_engine;
    const EvalCommand& m_command;
    CommandContext& m_context;
    std::vector<Setting> m_settings;
    ProgressBar m_progress;
    bool m_anyFailed = false;
};

}  // namespace

ExitStatus runEval(engine::Engine& engine, const EvalCommand& command, CommandContext& context) {
    const auto cases = readEvalCases(command.casesPath);
    if (!cases)
        return reportFailure(context, "cases", cases.status());
    if (!command.dumpFolder.empty()) {
        std::error_code error;
        std::filesystem::create_directories(command.dumpFolder, error);
        if (error)
            return reportFailure(
                context, "dump",
                engine::Status(engine::StatusCode::IoError, command.dumpFolder + ": cannot be made: " + error.message()));
    }
    return Evaluation(engine, command, context).run(*cases);
}

}  // namespace app
