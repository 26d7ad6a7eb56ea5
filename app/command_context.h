// What every command is handed besides its options: streams, the form of its output, the stop; and how failures become exit statuses.
#pragma once

#include <functional>
#include <iosfwd>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "engine/doctor.h"
#include "engine/engine.h"

namespace app {

enum class ExitStatus {
    Done = 0,
    Failed = 1,        // the request failed
    Usage = 2,         // wrong usage
    Damaged = 3,       // the store is damaged beyond what a miss can cover
    Refused = 4,       // model or file refused
    Interrupted = 130  // stopped by a signal; finished work is kept
};

enum class OutputForm { Text, Json };

/// Borrowed streams; one thread.
struct CommandContext {
    std::ostream& out;
    std::ostream& err;
    OutputForm form = OutputForm::Text;
    bool quiet = false;     // no progress, no messages but errors
    bool terminal = false;  // err is a terminal: bars are drawn
    int columns = 80;       // of that terminal
    std::stop_token stop{};

    bool json() const { return form == OutputForm::Json; }
};

/// The value of an environment variable; empty when unset.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;

/// The ways into the engine; tests put their own here.
struct EngineDoor {
    std::function<engine::Result<std::unique_ptr<engine::Engine>>(const engine::EngineOptions&)> open;
    std::function<engine::Result<engine::ModelInfo>(const std::string& path, engine::KvDtype)> inspectModel;
    std::function<engine::Result<engine::DoctorReport>(const engine::EngineOptions&)> diagnose;
};

/// Says on `err` "cacheblend: what: why; what to do" and returns the exit status of a failed request.
ExitStatus reportFailure(CommandContext& context, std::string_view what, const engine::Status& status);
/// The same for a model (or another file) that could not be opened: refused, not merely failed.
ExitStatus reportOpenFailure(CommandContext& context, std::string_view what, const engine::Status& status);
/// A message that --quiet hides.
void say(CommandContext& context, std::string_view message);
/// What a finished command returns: a job that was stopped counts as interrupted.
ExitStatus finished(CommandContext& context, bool cancelled);

}  // namespace app
