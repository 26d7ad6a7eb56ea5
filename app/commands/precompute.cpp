// `precompute`: the KV of a collection's chunks into the store.
#include <ostream>

#include "app/commands/commands.h"
#include "app/progress_bar.h"
#include "app/units.h"

namespace app {

ExitStatus runPrecompute(engine::Engine& engine, const PrecomputeCommand& command, CommandContext& context) {
    ProgressBar progress(context);
    auto report = engine.precompute(command.request, progress, context.stop);
    progress.clear();
    if (!report)
        return reportFailure(context, "precompute of '" + command.request.collection + "'", report.status());
    if (context.json()) {
        context.out << precomputeJson(*report);
    } else {
        context.out << countText(report->chunksDone, "chunk") << " computed, " << countText(report->chunksAlready)
                    << " in the store already\n";
        if (report->ms > 0 && report->tokens > 0)
            context.out << countText(report->tokens, "token") << " in " << millisecondsText(report->ms) << " ("
                        << decimalText(static_cast<double>(report->tokens) / report->ms * 1000, 0) << " tokens/s), "
                        << bytesText(report->bytes) << " written\n";
    }
    if (report->budgetReached)
        say(context, "the budget of " + bytesText(command.request.budgetBytes) +
                         " is reached; the other chunks are computed when a question needs them");
    return finished(context, report->cancelled);
}

}  // namespace app
