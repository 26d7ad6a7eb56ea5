// Runs whole command lines on a FakeEngine and keeps what they print.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "app/dispatch.h"
#include "tests/fake_engine/fake_engine.h"

namespace app::testing {

/// Each command that opens an engine gets a copy of this one; they share the log.
class CommandSession {
public:
    testing_engine::FakeEngine engine;
    engine::Status openStatus;  // when not ok, opening gives it
    std::vector<engine::EngineOptions> opened;
    engine::DoctorReport doctor;
    engine::Result<engine::ModelInfo> inspected = testing_engine::exampleModel();
    std::map<std::string, std::string> variables{{"HOME", "/nonexistent/home"}, {"CACHEBLEND_MODEL", "/dev/null"}};
    std::stop_source stop;

    std::string out;  // of the last command
    std::string err;

    /// Runs one command line; returns its exit status as a number.
    int run(const std::vector<std::string>& arguments);
    /// Like run(), with a stop requested before it.
    int runStopped(const std::vector<std::string>& arguments);
};

}  // namespace app::testing
