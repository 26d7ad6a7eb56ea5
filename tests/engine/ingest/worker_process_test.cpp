// Laws of running the worker: whatever it does, the caller gets a reason in bounded time, and no process stays behind.
#include "engine/ingest/worker_process.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <stop_token>
#include <string>
#include <thread>

#include "tests/engine/ingest/document_files.h"

namespace engine {
namespace {

/// Reads a small file with a shell script in the worker's place.
Result<ParsedDocument> readWith(const std::string& commands, int wallSeconds = 30) {
    const TemporaryDirectory directory;
    DocumentReaderOptions options;
    options.worker = directory.writeScript("worker", commands);
    options.wallSeconds = wallSeconds;
    return readDocument(directory.write("file.txt", "Hello."), options, {});
}

void expectRefused(const Result<ParsedDocument>& result, const std::string& reason) {
    EXPECT_EQ(result.status().code(), StatusCode::Refused);
    EXPECT_NE(result.status().message().find(reason), std::string::npos) << result.status().message();
}

/// An answer's head: magic, version 1, payload length as octal escapes for printf.
const std::string kHead = "printf 'CBDW\\001\\000\\000\\000'; ";

TEST(WorkerProcess, ACrashIsAReason) { expectRefused(readWith("kill -SEGV $$"), "crashed"); }

TEST(WorkerProcess, ABadCallKilledBySeccompIsAReason) { expectRefused(readWith("kill -SYS $$"), "crashed"); }

TEST(WorkerProcess, TooMuchProcessorTimeIsAReason) {
    expectRefused(readWith("kill -XCPU $$"), "more than 30 s of processor time");
}

TEST(WorkerProcess, AKillFromOutsideIsAReason) { expectRefused(readWith("kill -KILL $$"), "was killed"); }

TEST(WorkerProcess, ExitWithoutAnAnswerIsAReason) {
    expectRefused(readWith("exit 7"), "exit status 7");
    expectRefused(readWith("exit 0"), "in the middle");
    expectRefused(readWith("exit 3"), "1024 MiB of memory");
}

TEST(WorkerProcess, AHangEndsAtTheDeadline) { expectRefused(readWith("exec sleep 1000", 1), "longer than 1 s"); }

TEST(WorkerProcess, AWorkerThatClosesItsOutputAndStaysIsKilled) {
    expectRefused(readWith("exec sleep 1000 >&-", 1), "longer than 1 s");
}

TEST(WorkerProcess, GarbageIsRefused) {
    expectRefused(readWith("echo this is no answer at all"), "does not start like one");
}

TEST(WorkerProcess, AFloodIsRefused) {
    expectRefused(readWith("exec cat /dev/zero"), "does not start like one");
    expectRefused(readWith(kHead + "printf '\\001\\000\\000\\000\\000\\000\\000\\000'; exec cat /dev/zero"),
                  "wrote more than its answer");
    expectRefused(readWith(kHead + "printf '\\000\\000\\000\\000\\001\\000\\000\\000'; exec cat /dev/zero"), "claims");
}

TEST(WorkerProcess, AnAnswerThatStopsEarlyIsRefused) {
    expectRefused(readWith(kHead + "printf '\\144\\000\\000\\000\\000\\000\\000\\000abc'"), "in the middle");
}

TEST(WorkerProcess, AMissingWorkerIsNotFound) {
    const TemporaryDirectory directory;
    DocumentReaderOptions options;
    options.worker = directory.path("nothing");
    const Result<ParsedDocument> result = readDocument(directory.write("file.txt", "Hello."), options, {});
    EXPECT_EQ(result.status().code(), StatusCode::NotFound);
    EXPECT_NE(result.status().message().find("CACHEBLEND_DOCUMENT_WORKER"), std::string::npos) << result.status().message();
}

TEST(WorkerProcess, TheWorkerInheritsNeitherEnvironmentNorDescriptors) {
    const TemporaryDirectory directory;
    const std::ifstream open(directory.write("open", "x"));  // not close-on-exec everywhere
    const int leaked = ::dup(0);
    ASSERT_EQ(::setenv("CACHEBLEND_SECRET", "secret", 1), 0);
    // Exit 9 where the environment came through, 8 where a descriptor above 2 did (the shell's own is the script, above 9).
    expectRefused(
        readWith(
            "[ -z \"$CACHEBLEND_SECRET\" ] || exit 9\nfor n in 3 4 5 6 7 8 9; do [ ! -e /proc/$$/fd/$n ] || exit 8; done\n"
            "exit 5"),
        "exit status 5");
    ::unsetenv("CACHEBLEND_SECRET");
    ::close(leaked);
}

TEST(WorkerProcess, TheFileIsStandardInput) {
    expectRefused(readWith("[ \"$(cat)\" = Hello. ] && exit 5"), "exit status 5");
}

TEST(WorkerProcess, AStopBeforeTheStartReadsNothing) {
    std::stop_source stop;
    stop.request_stop();
    const TemporaryDirectory directory;
    DocumentReaderOptions options;
    options.worker = directory.writeScript("worker", "exit 5");
    EXPECT_EQ(readDocument(directory.write("file.txt", "Hello."), options, stop.get_token()).status().code(),
              StatusCode::Cancelled);
}

TEST(WorkerProcess, AStopKillsTheWorker) {
    const TemporaryDirectory directory;
    const std::string pipe = directory.path("started");
    ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
    DocumentReaderOptions options;
    options.worker = directory.writeScript("worker", "echo $$ > " + pipe + "\nexec sleep 1000");
    options.wallSeconds = 1000;
    std::stop_source stop;
    pid_t worker = 0;
    std::jthread stopper([&] {
        std::ifstream started(pipe);  // opens when the worker opens its end
        started >> worker;
        stop.request_stop();
    });
    const Result<ParsedDocument> result = readDocument(directory.write("file.txt", "Hello."), options, stop.get_token());
    stopper.join();
    EXPECT_EQ(result.status().code(), StatusCode::Cancelled);
    ASSERT_GT(worker, 0);
    EXPECT_EQ(::kill(worker, 0), -1);
    EXPECT_EQ(errno, ESRCH);
}

TEST(WorkerProcess, ProcessesOfTheWorkerGoWithIt) {
    const TemporaryDirectory directory;
    const std::string pipe = directory.path("started");
    ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
    DocumentReaderOptions options;
    // The child holds the other end of a FIFO; reading it to its end waits until the child is gone.
    options.worker = directory.writeScript("worker", "sleep 1000 > " + pipe + " &\nexit 7");
    std::jthread reader([&] {
        std::ifstream started(pipe);
        std::string line;
        std::getline(started, line);
    });
    expectRefused(readDocument(directory.write("file.txt", "Hello."), options, {}), "exit status 7");
}

}  // namespace
}  // namespace engine
