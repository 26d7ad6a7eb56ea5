// Paths, options, temporary workspaces, signals.
#include "app/startup.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <semaphore>

#include "app/interrupt.h"

namespace app {
namespace {

Environment environmentOf(std::map<std::string, std::string> variables) {
    return [variables](const std::string& name) -> std::optional<std::string> {
        const auto found = variables.find(name);
        return found == variables.end() ? std::nullopt : std::optional(found->second);
    };
}

TEST(Startup, DataLiesWhereTheXdgSpecificationSays) {
    EXPECT_EQ(dataFolder(environmentOf({{"HOME", "/h"}})).value(), "/h/.local/share/cacheblend-workbench");
    EXPECT_EQ(dataFolder(environmentOf({{"HOME", "/h"}, {"XDG_DATA_HOME", "/x"}})).value(), "/x/cacheblend-workbench");
    EXPECT_EQ(dataFolder(environmentOf({{"HOME", "/h"}, {"XDG_DATA_HOME", "x"}})).value(),
              "/h/.local/share/cacheblend-workbench")
        << "a relative path is to be ignored";
    EXPECT_EQ(dataFolder(environmentOf({})).status().code(), engine::StatusCode::NotFound);
    EXPECT_EQ(modelsFolder(environmentOf({{"HOME", "/h"}})).value(), "/h/.local/share/cacheblend-workbench/models");
}

TEST(Startup, TheModelIsTheNamedOneElseTheVariablesElseTheEmbedded) {
    const auto folder = TemporaryDirectory::create(environmentOf({})).value();
    const std::string models = folder.path() + "/cacheblend-workbench/models";
    std::filesystem::create_directories(models);
    const std::string embedded = models + "/" + std::string(kEmbeddedModel);
    const Environment plain = environmentOf({{"XDG_DATA_HOME", folder.path()}});
    const Environment variable = environmentOf({{"XDG_DATA_HOME", folder.path()}, {"CACHEBLEND_MODEL", "/dev/null"}});
    EXPECT_EQ(modelPath(std::nullopt, plain).status().code(), engine::StatusCode::NotFound);
    std::ofstream(embedded.c_str()) << "x";
    EXPECT_EQ(modelPath(std::nullopt, plain).value(), embedded);
    EXPECT_EQ(modelPath(std::nullopt, variable).value(), "/dev/null");
    EXPECT_EQ(modelPath(embedded, variable).value(), embedded);
    EXPECT_FALSE(modelPath("/no/such", variable).ok()) << "a named model is never replaced by another";
}

TEST(Startup, OptionsAreThoseOfTheCommandLine) {
    CommonOptions common;
    common.workspace = "/w";
    common.model = "/dev/null";
    common.backend = engine::BackendKind::Reference;
    common.precision = engine::Precision::F32;
    common.kvDtype = engine::KvDtype::Bf16;
    common.threads = 3;
    const auto options = engineOptions(common, ModelNeed::Required, environmentOf({})).value();
    EXPECT_EQ(options.workspace, "/w");
    EXPECT_EQ(options.model, "/dev/null");
    EXPECT_EQ(options.backend, engine::BackendKind::Reference);
    EXPECT_EQ(options.precision, engine::Precision::F32);
    EXPECT_EQ(options.kvDtype, engine::KvDtype::Bf16);
    EXPECT_EQ(options.threads, 3);
}

TEST(TemporaryDirectory, IsItsOwnersAloneAndGoesWithItsContents) {
    std::string path;
    {
        TemporaryDirectory directory = TemporaryDirectory::create(environmentOf({})).value();
        path = directory.path();
        std::filesystem::create_directories(path + "/kv/deep");
        std::ofstream(path + "/kv/deep/file") << "x";
        EXPECT_EQ(std::filesystem::status(path).permissions(), std::filesystem::perms::owner_all);
        const TemporaryDirectory moved = std::move(directory);
        EXPECT_TRUE(std::filesystem::exists(path));
    }
    EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(TemporaryDirectory, LiesInTmpdirWhereThatIsSet) {
    const auto outer = TemporaryDirectory::create(environmentOf({})).value();
    const auto inner = TemporaryDirectory::create(environmentOf({{"TMPDIR", outer.path()}})).value();
    EXPECT_EQ(inner.path().rfind(outer.path() + "/", 0), 0U);
}

TEST(FetchScript, ItsStatusIsToldAndItsOutputStaysOffStdout) {
    const auto folder = TemporaryDirectory::create(environmentOf({})).value();
    const std::string script = folder.path() + "/script.sh";
    std::ofstream(script) << "#!/bin/sh\necho to stdout\nexit 7\n";
    std::filesystem::permissions(script, std::filesystem::perms::owner_all);
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    const auto status = runFetchScript(script, {});
    EXPECT_EQ(::testing::internal::GetCapturedStdout(), "");
    EXPECT_EQ(::testing::internal::GetCapturedStderr(), "to stdout\n");
    ASSERT_TRUE(status.ok()) << status.status().message();
    EXPECT_EQ(*status, 7);
    EXPECT_EQ(runFetchScript(folder.path() + "/none", {}).status().code(), engine::StatusCode::IoError);
}

TEST(FetchScript, AStopEndsIt) {
    const auto folder = TemporaryDirectory::create(environmentOf({})).value();
    const std::string script = folder.path() + "/script.sh";
    std::ofstream(script) << "#!/bin/sh\nexec sleep 1000\n";
    std::filesystem::permissions(script, std::filesystem::perms::owner_all);
    const Interrupt interrupt;  // its blocked signals must not reach the script
    std::stop_source stop;
    stop.request_stop();
    EXPECT_EQ(runFetchScript(script, stop.get_token()).status().code(), engine::StatusCode::Cancelled);
}

TEST(Interrupt, TheFirstSignalAsksForAStop) {
    for (const int signal : {SIGINT, SIGTERM}) {
        const Interrupt interrupt;
        EXPECT_FALSE(interrupt.token().stop_requested());
        std::binary_semaphore stopped(0);
        const std::stop_callback told(interrupt.token(), [&stopped] { stopped.release(); });
        ::kill(::getpid(), signal);
        stopped.acquire();
        EXPECT_TRUE(interrupt.token().stop_requested());
    }
}

TEST(Interrupt, SignalsWorkAsBeforeWhenItIsGone) {
    { const Interrupt interrupt; }
    sigset_t blocked{};
    ::pthread_sigmask(SIG_BLOCK, nullptr, &blocked);
    EXPECT_EQ(sigismember(&blocked, SIGINT), 0);
    EXPECT_EQ(sigismember(&blocked, SIGTERM), 0);
}

void interruptTwice() {
    const Interrupt interrupt;
    std::binary_semaphore stopped(0);
    const std::stop_callback told(interrupt.token(), [&stopped] { stopped.release(); });
    ::kill(::getpid(), SIGINT);
    stopped.acquire();
    ::kill(::getpid(), SIGINT);
    for (;;)
        ::pause();
}

TEST(InterruptDeathTest, TheSecondSignalEndsTheProgramAtOnce) {
    ::testing::FLAGS_gtest_death_test_style = "threadsafe";
    EXPECT_EXIT(interruptTwice(), ::testing::ExitedWithCode(130), "");
}

}  // namespace
}  // namespace app
