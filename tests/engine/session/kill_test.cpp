// SIGKILL at random moments of precompute: what was acknowledged is there, everything verifies, and the resumed result is, byte by
// byte, that of a run that was left alone.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <map>
#include <random>

#include "engine/blend/planner.h"
#include "storage/digest.h"
#include "tests/engine/blend/model_bench.h"
#include "tests/engine/session/many_chunks.h"

extern char** environ;

namespace {

using Clock = std::chrono::steady_clock;

class SilentJob final : public engine::JobObserver {
public:
    void progress(std::string_view, std::int64_t, std::int64_t, std::string_view) override {}
};

/// Runs the child; kills it after `patience` (never when negative). Returns the last acknowledged token count.
long long runChild(const std::string& workspace, std::chrono::microseconds patience) {
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    std::string program = PRECOMPUTE_CHILD;
    std::string folder = workspace;
    std::string model = randomModelPath("random-llama.gguf");
    char* arguments[] = {program.data(), folder.data(), model.data(), nullptr};
    pid_t child = 0;
    EXPECT_EQ(::posix_spawn(&child, program.c_str(), &actions, nullptr, arguments, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);

    const Clock::time_point start = Clock::now();
    std::string said;
    bool killed = false;
    for (;;) {
        const auto left = patience - std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - start);
        if (!killed && patience.count() >= 0 && left.count() <= 0) {
            ::kill(child, SIGKILL);
            killed = true;
        }
        pollfd poller{ends[0], POLLIN, 0};
        const timespec wait{
            0, killed || patience.count() < 0 ? 100'000'000 : std::min<long>(long{left.count()} * 1000, 100'000'000)};
        if (::ppoll(&poller, 1, &wait, nullptr) <= 0)
            continue;
        char bytes[256];
        const ssize_t count = ::read(ends[0], bytes, sizeof bytes);
        if (count <= 0)
            break;
        said.append(bytes, static_cast<std::size_t>(count));
    }
    ::close(ends[0]);
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_TRUE(killed || (WIFEXITED(status) && WEXITSTATUS(status) == 0));
    said.erase(said.rfind('\n') == std::string::npos ? 0 : said.rfind('\n'));  // a line cut by the kill says nothing
    const std::size_t last = said.rfind('\n');
    return said.empty() ? 0 : std::stoll(said.substr(last == std::string::npos ? 0 : last + 1));
}

/// Digest of every chunk's slices, by key; reads and verifies all of them. `tokens`: of all records, the head's included.
std::map<std::string, std::string> contents(const std::string& workspace, std::int64_t& tokens) {
    const std::unique_ptr<storage::FileSystem> fileSystem = storage::makePosixFileSystem();
    storage::KvStoreOptions options;
    options.directory = workspace;
    auto store = storage::KvStore::open(options, *fileSystem);
    EXPECT_TRUE(store.ok()) << store.status().message();
    const auto report = (*store)->verify(0, 1, {}, {});
    EXPECT_TRUE(report.ok());
    EXPECT_TRUE(report->damaged.empty());
    std::map<std::string, std::string> result;
    tokens = 0;
    const auto stats = (*store)->stats();
    EXPECT_TRUE(stats.ok());
    if (stats->fingerprints.empty())
        return result;
    const storage::FingerprintRecord& fingerprint = stats->fingerprints.front().fingerprint;
    tokens = stats->fingerprints.front().tokens;
    const auto weights = engine::WeightFile::open(randomModelPath("random-llama.gguf"));
    const auto tokenizer = engine::createTokenizer((*weights)->vocabulary());
    const std::unique_ptr<storage::KvReader> reader = (*store)->reader();
    const engine::PrecomputeRequest request = manyChunks();
    for (const std::string& text : request.given.front().chunks) {
        const engine::TokenIds ids = (*tokenizer)->encode(text, engine::SpecialTokens::AsText);
        const engine::KvKey key = engine::kvKey(fingerprint.id, {}, ids);
        const auto extent = (*store)->find(fingerprint.id, key);
        EXPECT_TRUE(extent.ok());
        if (!extent->has_value())
            continue;
        storage::DigestBuilder builder;
        std::vector<std::byte> slice(2 * storage::kvSliceBytes(fingerprint.spec, (*extent)->tokens));
        for (int layer = 0; layer < fingerprint.spec.layers; ++layer) {
            EXPECT_TRUE(reader->readLayer(**extent, layer, slice).ok());
            builder.addBytes(slice);
        }
        result[key.hex()] = builder.finish().hex();
    }
    return result;
}

TEST(Kill, NothingAcknowledgedIsLostAndTheResumedResultIsTheSame) {
    const TemporaryFolder calm;
    const Clock::time_point start = Clock::now();
    runChild(calm.path(), std::chrono::microseconds(-1));
    const auto whole = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - start);
    std::int64_t tokens = 0;
    const std::map<std::string, std::string> expected = contents(calm.path(), tokens);
    ASSERT_EQ(expected.size(), 120U);

    std::mt19937_64 generator(77);
    auto folder = std::make_unique<TemporaryFolder>();
    int interrupted = 0;
    std::int64_t before = 0;
    for (int trial = 0; trial < 50; ++trial) {
        const std::int64_t acknowledged =
            runChild(folder->path(), std::chrono::microseconds(generator() % static_cast<std::uint64_t>(whole.count())));
        const std::map<std::string, std::string> found = contents(folder->path(), tokens);
        ASSERT_GE(tokens, before + acknowledged);
        before = tokens;
        for (const auto& [key, digest] : found)
            ASSERT_EQ(digest, expected.at(key));
        interrupted += found.size() < expected.size() ? 1 : 0;
        if (found.size() == expected.size()) {
            folder = std::make_unique<TemporaryFolder>();
            before = 0;
        }
    }
    EXPECT_GT(interrupted, 5) << "too few kills hit the middle of the work to prove anything";
    const TemporaryFolder* last = folder.get();
    runChild(last->path(), std::chrono::microseconds(-1));
    EXPECT_EQ(contents(last->path(), tokens), expected);
    std::cout << interrupted << " of 50 kills left work to resume\n";
}

}  // namespace
