// How failures become messages and exit statuses.
#include "app/command_context.h"

#include <ostream>

#include "app/terminal_text.h"

namespace app {

namespace {

/// What helps against failures of the medium, which are named where nobody knows what a person can do about them.
std::string_view remedyOf(engine::StatusCode code) {
    switch (code) {
        case engine::StatusCode::NoSpace:
            return "; make room on that disk and try again: nothing finished was lost";
        case engine::StatusCode::ReadOnly:
            return "; make it writable, or choose another place";
        default:
            return "";
    }
}

void printError(CommandContext& context, std::string_view what, const engine::Status& status) {
    context.out.flush();
    context.err << "cacheblend: " << printable(what, LineBreaks::Flatten) << ": "
                << printable(status.message(), LineBreaks::Keep) << remedyOf(status.code()) << std::endl;
}

}  // namespace

ExitStatus reportFailure(CommandContext& context, std::string_view what, const engine::Status& status) {
    if (status.code() == engine::StatusCode::Cancelled)
        return finished(context, true);
    printError(context, what, status);
    return status.code() == engine::StatusCode::Damaged ? ExitStatus::Damaged : ExitStatus::Failed;
}

ExitStatus reportOpenFailure(CommandContext& context, std::string_view what, const engine::Status& status) {
    switch (status.code()) {
        case engine::StatusCode::Refused:
        case engine::StatusCode::Unsupported:
        case engine::StatusCode::NotFound:
            printError(context, what, status);
            return ExitStatus::Refused;
        default:
            return reportFailure(context, what, status);
    }
}

void say(CommandContext& context, std::string_view message) {
    if (!context.quiet)
        context.err << printable(message, LineBreaks::Keep) << std::endl;
}

ExitStatus finished(CommandContext& context, bool cancelled) {
    if (!cancelled)
        return ExitStatus::Done;
    context.err << "cacheblend: stopped; finished work is kept" << std::endl;
    return ExitStatus::Interrupted;
}

}  // namespace app
