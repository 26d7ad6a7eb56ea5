// `verify`: the laws of blending with this model.
#include <algorithm>
#include <ostream>

#include "app/commands/commands.h"
#include "app/eval_cases.h"
#include "app/progress_bar.h"
#include "app/terminal_text.h"

namespace app {

ExitStatus runVerify(engine::Engine& engine, const VerifyCommand& command, CommandContext& context) {
    std::vector<engine::GivenPrompt> prompts;
    if (!command.casesPath.empty()) {
        const auto cases = readEvalCases(command.casesPath);
        if (!cases)
            return reportFailure(context, "cases", cases.status());
        for (const EvalCase& evalCase : *cases)
            prompts.push_back(evalCase.prompt);
    }
    ProgressBar progress(context);
    const auto report = engine.verifyExactness(prompts, progress, context.stop);
    progress.clear();
    if (!report)
        return reportFailure(context, "verify", report.status());
    const bool cancelled = context.stop.stop_requested();
    const bool passed = !cancelled && report->passed();
    if (context.json()) {
        context.out << gateJson(*report, passed);
    } else {
        TextTable table({{"", Align::Left},
                         {"figure", Align::Right},
                         {"tolerance", Align::Right},
                         {"unit", Align::Left},
                         {"law", Align::Left},
                         {"detail", Align::Left}});
        const auto figure = [](double value) {
            char text[32];
            std::snprintf(text, sizeof text, "%.4g", value);
            return std::string(text);
        };
        for (const engine::GateCheck& check : report->checks)
            table.addRow({check.passed ? "holds" : "FAILS", figure(check.figure), figure(check.tolerance), check.unit,
                          check.name, printable(check.detail, LineBreaks::Flatten)});
        context.out << table.text() << (passed ? "every law holds\n" : "not every law holds\n");
    }
    if (cancelled)
        return finished(context, true);
    return passed ? ExitStatus::Done : ExitStatus::Failed;
}

}  // namespace app
