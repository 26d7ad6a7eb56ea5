// Laws of the sandbox: the worker itself tries, inside it, what a hostile file would make it do.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <string>

#include "tests/engine/ingest/document_files.h"

namespace engine {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

/// What the worker prints for one of its self-tests.
std::string selfTest(const std::string& what) {
    const std::string command = workerOptions().worker + " --self-test " + what;
    FILE* pipe = ::popen(command.c_str(), "r");
    if (pipe == nullptr)
        return "cannot be started";
    std::string output;
    for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe))
        output.push_back(static_cast<char>(c));
    ::pclose(pipe);
    return output;
}

struct Layers {
    int landlock = 0;
    int seccomp = 0;
    int seccompBuilt = 0;
};

Layers layers() {
    Layers found;
    if (std::sscanf(selfTest("layers").c_str(), "landlock %d seccomp %d built %d", &found.landlock, &found.seccomp,
                    &found.seccompBuilt) != 3)
        ADD_FAILURE() << "the worker does not tell its layers";
    return found;
}

TEST(Sandbox, EveryLayerThatTheKernelHasHolds) {
    const Layers found = layers();
    if (found.seccompBuilt != 0 && std::filesystem::exists("/proc/sys/kernel/seccomp")) {
        EXPECT_EQ(found.seccomp, 1);
    }
    constexpr long kLandlockCreateRuleset = 444;
    constexpr std::uint32_t kVersion = 1;
    const long landlock = ::syscall(kLandlockCreateRuleset, nullptr, std::size_t{0}, kVersion);
    EXPECT_EQ(found.landlock, landlock > 0 ? landlock : 0);
}

class DeniedCalls : public testing::TestWithParam<const char*> {};

TEST_P(DeniedCalls, FailWithEperm) {
    if (layers().seccomp == 0)
        GTEST_SKIP() << "built or run without seccomp";
    EXPECT_EQ(selfTest(GetParam()), std::string(GetParam()) + ": denied (Operation not permitted)\n");
}

INSTANTIATE_TEST_SUITE_P(Sandbox, DeniedCalls, testing::Values("network", "write", "exec", "fork", "trace", "signal"));

TEST(Sandbox, MemoryCannotBecomeCode) {
    if (layers().seccomp == 0 || kSanitized)
        GTEST_SKIP() << "no seccomp, or a sanitizer that needs it";
    EXPECT_EQ(selfTest("code"), "code: denied (Operation not permitted)\n");
}

TEST(Sandbox, FilesOfAnyUserCannotBeRead) {
    if (layers().landlock == 0)
        GTEST_SKIP() << "the kernel has no Landlock";
    EXPECT_EQ(selfTest("read"), "read: denied (Permission denied)\n");
}

TEST(Sandbox, MemoryIsLimited) {
    if (kSanitized)
        GTEST_SKIP() << "a sanitizer's shadow memory is larger than any limit";
    EXPECT_EQ(selfTest("memory"), "memory: denied (Cannot allocate memory)\n");
}

TEST(Sandbox, AFileThatNeedsMoreMemoryFailsWithThatReason) {
    if (kSanitized)
        GTEST_SKIP() << "the limit is not set in sanitizer builds";
    const TemporaryDirectory directory;
    DocumentReaderOptions options = workerOptions();
    options.memoryBytes = std::uint64_t{200} << 20;
    const std::string text(std::size_t{150} << 20, 'a');
    const Result<ParsedDocument> result = readDocument(directory.write("large.txt", text), options, {});
    EXPECT_EQ(result.status().code(), StatusCode::Refused);
    EXPECT_NE(result.status().message().find("200 MiB of memory"), std::string::npos) << result.status().message();
}

}  // namespace
}  // namespace engine
