// One function a subcommand. Each prints its result on `context.out`, its messages on `context.err`, and returns the exit status.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "app/command_context.h"
#include "app/command_line.h"
#include "app/json_output.h"

namespace app {

ExitStatus runImport(engine::Engine& engine, const ImportCommand& command, CommandContext& context);
/// Opens the engine; whether to wait until nobody else holds the workspace.
enum class WhenBusy { Fail, Wait };
using EngineOpener = std::function<engine::Result<std::unique_ptr<engine::Engine>>(WhenBusy)>;
/// Imports, and imports again what changes until it is stopped. With --json a line each time.
ExitStatus runImportWatch(const EngineOpener& open, const ImportCommand& command, CommandContext& context);
ExitStatus runPrecompute(engine::Engine& engine, const PrecomputeCommand& command, CommandContext& context);
ExitStatus runAsk(engine::Engine& engine, const AskCommand& command, CommandContext& context);
ExitStatus runPlan(engine::Engine& engine, const PlanCommand& command, CommandContext& context);
ExitStatus runEval(engine::Engine& engine, const EvalCommand& command, CommandContext& context);
ExitStatus runBench(engine::Engine& engine, const BenchCommand& command, CommandContext& context);
ExitStatus runTokenize(engine::Engine& engine, const TokenizeCommand& command, CommandContext& context);
ExitStatus runLogits(engine::Engine& engine, const LogitsCommand& command, CommandContext& context);
ExitStatus runCollections(engine::Engine& engine, const CollectionsCommand& command, CommandContext& context);
ExitStatus runDocuments(engine::Engine& engine, const DocumentsCommand& command, CommandContext& context);
ExitStatus runChunks(engine::Engine& engine, const ChunksCommand& command, CommandContext& context);
ExitStatus runStore(engine::Engine& engine, const StoreCommand& command, CommandContext& context);
ExitStatus runVerify(engine::Engine& engine, const VerifyCommand& command, CommandContext& context);

/// These need no opened engine.
ExitStatus runTrace(const TraceCommand& command, CommandContext& context);
ExitStatus runDoctor(const engine::DoctorReport& report, CommandContext& context);
ExitStatus runModel(const ModelCommand& command, const CommonOptions& common, const Environment& environment,
                    const EngineDoor& door, CommandContext& context);

}  // namespace app
