// Runs whole command lines on a FakeEngine.
#include "tests/app/command_session.h"

#include <sstream>
#include <utility>

namespace app::testing {

int CommandSession::run(const std::vector<std::string>& arguments) {
    EngineDoor door;
    door.open = [this](const engine::EngineOptions& options) -> engine::Result<std::unique_ptr<engine::Engine>> {
        opened.push_back(options);
        if (!openStatus.ok())
            return openStatus;
        return std::unique_ptr<engine::Engine>(std::make_unique<testing_engine::FakeEngine>(engine));
    };
    door.inspectModel = [this](const std::string&, engine::KvDtype) { return inspected; };
    door.diagnose = [this](const engine::EngineOptions& options) -> engine::Result<engine::DoctorReport> {
        opened.push_back(options);
        return doctor;
    };
    const auto environment = [this](const std::string& name) -> std::optional<std::string> {
        const auto found = variables.find(name);
        return found == variables.end() ? std::nullopt : std::optional(found->second);
    };
    std::ostringstream outStream, errStream;
    CommandContext context{outStream, errStream};
    context.stop = stop.get_token();
    const ExitStatus status = runCommandLine(arguments, environment, door, context);
    out = outStream.str();
    err = errStream.str();
    return static_cast<int>(status);
}

int CommandSession::runStopped(const std::vector<std::string>& arguments) {
    stop.request_stop();
    return run(arguments);
}

}  // namespace app::testing
