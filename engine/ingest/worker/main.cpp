// The document worker: one file on standard input, its text on standard output. README.md describes the protocol and the
// sandbox.
#include <poppler-global.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <new>
#include <string>
#include <string_view>

#include "engine/ingest/worker/limits.h"
#include "engine/ingest/worker/readers.h"
#include "engine/ingest/worker/sandbox.h"
#include "engine/ingest/worker/self_test.h"
#include "engine/ingest/worker_answer.h"
#include "engine/ingest/worker_process.h"

namespace {

using namespace engine;
using namespace engine::worker;

constexpr int kUsageStatus = 2;
constexpr int kSandboxStatus = 4;

struct Arguments {
    SandboxLimits limits;
    std::string name;      // of the file, for its ending
    std::string selfTest;  // empty = read a file
    bool valid = true;
};

Arguments parse(int count, char** words) {
    Arguments arguments;
    for (int i = 1; i < count; i += 2) {
        const std::string_view option = words[i];
        if (i + 1 == count) {
            arguments.valid = false;
            break;
        }
        if (option == "--memory")
            arguments.limits.memoryBytes = std::strtoull(words[i + 1], nullptr, 10);
        else if (option == "--cpu")
            arguments.limits.cpuSeconds = static_cast<int>(std::strtol(words[i + 1], nullptr, 10));
        else if (option == "--name")
            arguments.name = words[i + 1];
        else if (option == "--self-test")
            arguments.selfTest = words[i + 1];
        else
            arguments.valid = false;
    }
    return arguments;
}

Result<std::string> readStandardInput() {
    std::string bytes;
    std::string block(std::size_t{1} << 20, '\0');
    for (;;) {
        const ssize_t count = ::read(STDIN_FILENO, block.data(), block.size());
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return Status(StatusCode::IoError, "reading the file failed; the medium may be damaged");
        if (count == 0)
            return bytes;
        bytes.append(block.data(), static_cast<std::size_t>(count));
        if (bytes.size() > kMaxFileBytes)
            return Status(StatusCode::Refused, "the file has more than " + std::to_string(kMaxFileBytes >> 20) + " MiB");
    }
}

Result<ParsedDocument> readDocumentFrom(const std::string& name) {
    Result<std::string> bytes = readStandardInput();
    if (!bytes.ok())
        return bytes.status();
    try {
        return readFile(std::move(*bytes), name);
    } catch (const std::bad_alloc&) {
        ::_exit(kWorkerOutOfMemory);
    } catch (const std::exception& error) {
        return Status(StatusCode::Refused, std::string("the file could not be read: ") + error.what());
    }
}

bool writeAll(std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t count = ::write(STDOUT_FILENO, bytes.data(), bytes.size());
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return false;
        bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
}

}  // namespace

int main(int count, char** words) {
    const Arguments arguments = parse(count, words);
    if (!arguments.valid) {
        std::fputs(
            "usage: cacheblend-document-worker [--memory BYTES] [--cpu SECONDS] [--name NAME] < FILE\n"
            "Started by CacheBlend Workbench for one document; not meant to be used by hand.\n",
            stderr);
        return kUsageStatus;
    }
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    std::set_new_handler([] { ::_exit(kWorkerOutOfMemory); });
    // poppler converts strings with iconv, whose module must be loaded before the sandbox forbids it.
    static_cast<void>(poppler::ustring::from_utf8("x").to_utf8());
    const Result<Sandbox> sandbox = enterSandbox(arguments.limits);
    if (!sandbox.ok())
        return kSandboxStatus;
    if (!arguments.selfTest.empty())
        ::_exit(runSelfTest(arguments.selfTest, *sandbox));
    const bool written = writeAll(encodeAnswer(readDocumentFrom(arguments.name)));
    // No destructors of libraries: nothing is left to be saved.
    ::_exit(written ? 0 : 1);
}
