// `cacheblend`: streams, signals and the real engine for the command line.
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "app/compute_threads.h"
#include "app/dispatch.h"
#include "app/interrupt.h"

namespace {

std::optional<std::string> environmentVariable(const std::string& name) {
    const char* const value = std::getenv(name.c_str());
    if (value == nullptr)
        return std::nullopt;
    return std::string(value);
}

int terminalColumns() {
    winsize size{};
    return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

}  // namespace

int main(int argc, char** argv) {
    app::waitBriefly(argv);
    ::signal(SIGPIPE, SIG_IGN);  // a closed pipe is a write that fails, not the death of a job that writes the store
    const app::Interrupt interrupt;
    app::CommandContext context{std::cout, std::cerr};
    context.terminal = ::isatty(STDERR_FILENO) == 1;
    context.columns = terminalColumns();
    context.stop = interrupt.token();
    const app::EngineDoor door{engine::Engine::open, engine::inspectModel, engine::diagnose};
    return static_cast<int>(app::runCommandLine({argv + 1, argv + argc}, environmentVariable, door, context));
}
