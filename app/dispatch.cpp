// From arguments to an exit status.
#include "app/dispatch.h"

#include <poll.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <ostream>
#include <type_traits>

#include "app/commands/commands.h"
#include "app/startup.h"

namespace app {

namespace {

using engine::Engine;

ExitStatus run(Engine& e, const ImportCommand& c, CommandContext& context) { return runImport(e, c, context); }
ExitStatus run(Engine& e, const PrecomputeCommand& c, CommandContext& context) { return runPrecompute(e, c, context); }
ExitStatus run(Engine& e, const AskCommand& c, CommandContext& context) { return runAsk(e, c, context); }
ExitStatus run(Engine& e, const PlanCommand& c, CommandContext& context) { return runPlan(e, c, context); }
ExitStatus run(Engine& e, const EvalCommand& c, CommandContext& context) { return runEval(e, c, context); }
ExitStatus run(Engine& e, const BenchCommand& c, CommandContext& context) { return runBench(e, c, context); }
ExitStatus run(Engine& e, const TokenizeCommand& c, CommandContext& context) { return runTokenize(e, c, context); }
ExitStatus run(Engine& e, const LogitsCommand& c, CommandContext& context) { return runLogits(e, c, context); }
ExitStatus run(Engine& e, const CollectionsCommand& c, CommandContext& context) { return runCollections(e, c, context); }
ExitStatus run(Engine& e, const DocumentsCommand& c, CommandContext& context) { return runDocuments(e, c, context); }
ExitStatus run(Engine& e, const ChunksCommand& c, CommandContext& context) { return runChunks(e, c, context); }
ExitStatus run(Engine& e, const StoreCommand& c, CommandContext& context) { return runStore(e, c, context); }
ExitStatus run(Engine& e, const VerifyCommand& c, CommandContext& context) { return runVerify(e, c, context); }

template <class T>
constexpr bool kNeedsEngine =
    !std::is_same_v<T, DoctorCommand> && !std::is_same_v<T, ModelCommand> && !std::is_same_v<T, TraceCommand>;
/// Measuring never touches a person's workspace.
template <class T>
constexpr bool kAlwaysTemporary = std::is_same_v<T, BenchCommand>;
/// These read no library; unless a workspace is named they take none, so that they run beside a program that holds it.
template <class T>
constexpr bool kTemporaryUnlessGiven = std::is_same_v<T, EvalCommand> || std::is_same_v<T, TokenizeCommand> ||
                                       std::is_same_v<T, LogitsCommand> || std::is_same_v<T, VerifyCommand>;

/// These need no model: they open the workspace alone where there is none.
template <class T>
constexpr bool kModelOptional = std::is_same_v<T, CollectionsCommand> || std::is_same_v<T, DocumentsCommand> ||
                                std::is_same_v<T, ChunksCommand> || std::is_same_v<T, StoreCommand>;

/// Opens the engine; as long as another process holds the workspace, tries again every now and then when it may wait.
engine::Result<std::unique_ptr<Engine>> openWhenFree(const EngineDoor& door, const engine::EngineOptions& options,
                                                     WhenBusy whenBusy, const std::stop_token& stop) {
    constexpr std::chrono::milliseconds kBetweenTries{200};
    std::mutex mutex;
    std::condition_variable_any stopped;
    for (;;) {
        auto opened = door.open(options);
        if (opened || whenBusy == WhenBusy::Fail || opened.status().code() != engine::StatusCode::Busy)
            return opened;
        std::unique_lock lock(mutex);
        stopped.wait_for(lock, stop, kBetweenTries, [] { return false; });
        if (stop.stop_requested())
            return engine::Status(engine::StatusCode::Cancelled, "stopped while the workspace was in use");
    }
}

/// These tell the plan's notes, the notice about the back end among them.
template <class T>
constexpr bool kTellsNotes = std::is_same_v<T, AskCommand> || std::is_same_v<T, PlanCommand>;

template <class T>
ExitStatus openAndRun(const CommonOptions& given, const T& command, const Environment& environment, const EngineDoor& door,
                      CommandContext& context) {
    CommonOptions common = given;
    std::optional<TemporaryDirectory> temporary;  // outlives the engine
    if (kAlwaysTemporary<T> || (kTemporaryUnlessGiven<T> && !common.workspace)) {
        auto directory = TemporaryDirectory::create(environment);
        if (!directory)
            return reportFailure(context, "workspace", directory.status());
        temporary = std::move(*directory);
        common.workspace = temporary->path();
    }
    bool modelOptional = kModelOptional<T>;
    std::string synthetic;
    if constexpr (std::is_same_v<T, BenchCommand>) {
        synthetic = command.synthetic;
        modelOptional = !synthetic.empty();
    }
    auto options = engineOptions(common, modelOptional ? ModelNeed::Optional : ModelNeed::Required, environment);
    if (!options)
        return reportOpenFailure(context, "model", options.status());
    if (!synthetic.empty())
        options->model = "synthetic:" + synthetic;
    if constexpr (std::is_same_v<T, ImportCommand>)
        if (command.watch)
            return runImportWatch([&](WhenBusy whenBusy) { return openWhenFree(door, *options, whenBusy, context.stop); },
                                  command, context);
    auto opened = door.open(*options);
    if (!opened) {
        const engine::Status status = opened.status();
        const bool backendMissing =
            common.backend == engine::BackendKind::Cuda &&
            (status.code() == engine::StatusCode::Unsupported || status.code() == engine::StatusCode::OutOfMemory);
        return backendMissing ? reportFailure(context, "back end cuda", status) : reportOpenFailure(context, "open", status);
    }
    if (context.stop.stop_requested())
        return finished(context, true);
    if (kTellsNotes<T>)
        return run(**opened, command, context);
    const auto tell = [&](const std::string& told) {
        const std::string& notice = (*opened)->model().notice;
        if (!notice.empty() && notice != told)
            say(context, "note: " + notice);
        return notice;
    };
    const std::string atFirst = tell({});
    const ExitStatus status = run(**opened, command, context);
    tell(atFirst);  // memory may have run out on the way
    return status;
}

ExitStatus diagnose(const CommonOptions& common, const Environment& environment, const EngineDoor& door,
                    CommandContext& context) {
    const auto options = engineOptions(common, ModelNeed::Optional, environment);
    if (!options)
        return reportOpenFailure(context, "model", options.status());
    auto report = door.diagnose(*options);
    if (!report)
        return reportFailure(context, "doctor", report.status());
    if (options->model.empty())
        report->modelMessage = modelPath(common.model, environment).status().message();
    return runDoctor(*report, context);
}

/// Whether standard output is a pipe that nobody reads any more, as behind `| head`: not worth a message.
bool readerIsGone() {
    pollfd watched{STDOUT_FILENO, POLLOUT, 0};
    return ::poll(&watched, 1, 0) == 1 && (watched.revents & POLLERR) != 0;
}

ExitStatus dispatch(const CommandLine& line, const Environment& environment, const EngineDoor& door,
                    CommandContext& context) {
    return std::visit(
        [&](const auto& command) -> ExitStatus {
            using T = std::decay_t<decltype(command)>;
            if constexpr (kNeedsEngine<T>)
                return openAndRun(line.common, command, environment, door, context);
            else if constexpr (std::is_same_v<T, DoctorCommand>)
                return diagnose(line.common, environment, door, context);
            else if constexpr (std::is_same_v<T, TraceCommand>)
                return runTrace(command, context);
            else
                return runModel(command, line.common, environment, door, context);
        },
        line.command);
}

}  // namespace

ExitStatus runCommandLine(const std::vector<std::string>& arguments, const Environment& environment, const EngineDoor& door,
                          CommandContext& context) {
    const auto parsed = parseCommandLine(arguments);
    if (const auto* error = std::get_if<UsageError>(&parsed)) {
        context.err << "cacheblend: " << error->message << std::endl;
        return ExitStatus::Usage;
    }
    ExitStatus status = ExitStatus::Done;
    if (const auto* help = std::get_if<HelpText>(&parsed)) {
        context.out << help->text;
    } else {
        const CommandLine& line = std::get<CommandLine>(parsed);
        context.form = line.common.json ? OutputForm::Json : OutputForm::Text;
        context.quiet = line.common.quiet;
        status = dispatch(line, environment, door, context);
    }
    context.out.flush();
    if (!context.out && status == ExitStatus::Done && readerIsGone())
        return ExitStatus::Failed;
    if (!context.out && status == ExitStatus::Done)
        return reportFailure(context, "standard output",
                             engine::Status(engine::StatusCode::IoError, "it cannot be written; is the disk full?"));
    return status;
}

}  // namespace app
