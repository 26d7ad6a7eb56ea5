// posix_spawn, a pipe and an eventfd: nothing of the caller but the file reaches the worker, nothing but the pipe comes
// back.
#include "engine/ingest/worker_process.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <optional>

#include "engine/ingest/worker_answer.h"

namespace engine {
namespace {

using Clock = std::chrono::steady_clock;

/// How long a worker that closed its output may take to be gone before it is looked at again.
constexpr int kExitPollMs = 2;

class Descriptor {
public:
    explicit Descriptor(int value = -1) : m_value(value) {}
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor() { close(); }
    int get() const { return m_value; }
    void reset(int value) {
        close();
        m_value = value;
    }
    void close() {
        if (m_value >= 0)
            ::close(m_value);
        m_value = -1;
    }

private:
    int m_value;
};

Status systemError(std::string_view what) {
    return Status(StatusCode::IoError, std::string(what) + ": " + std::strerror(errno));
}

/// A copy at 3 or above, so that arranging standard input and output overwrites nothing still needed.
Status moveAboveStandard(int descriptor, Descriptor& moved) {
    moved.reset(::fcntl(descriptor, F_DUPFD_CLOEXEC, 3));
    return moved.get() < 0 ? systemError("cannot copy a descriptor for the document worker") : Status();
}

/// Owner of the child process: killed and reaped at the latest here.
class Child {
public:
    Child() = default;
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    ~Child() { kill(); }

    /// Starts the worker with a clean environment, default signals and only descriptors 0, 1 and 2.
    Status start(const WorkerRequest& request, int input, int output) {
        posix_spawn_file_actions_t actions;
        posix_spawnattr_t attributes;
        posix_spawn_file_actions_init(&actions);
        posix_spawnattr_init(&attributes);
        posix_spawn_file_actions_adddup2(&actions, input, 0);
        posix_spawn_file_actions_adddup2(&actions, output, 1);
        posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
        posix_spawn_file_actions_addclosefrom_np(&actions, 3);
        sigset_t none;
        sigset_t all;
        sigemptyset(&none);
        sigfillset(&all);
        posix_spawnattr_setsigmask(&attributes, &none);
        posix_spawnattr_setsigdefault(&attributes, &all);
        posix_spawnattr_setpgroup(&attributes, 0);
        posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);

        std::vector<std::string> words{request.worker};
        words.insert(words.end(), request.arguments.begin(), request.arguments.end());
        std::vector<char*> arguments;
        for (std::string& word : words)
            arguments.push_back(word.data());
        arguments.push_back(nullptr);
        std::string path = "PATH=/usr/bin:/bin";
        std::string locale = "LC_ALL=C.UTF-8";
        std::array<char*, 3> environment{path.data(), locale.data(), nullptr};
        const int error =
            ::posix_spawn(&m_pid, request.worker.c_str(), &actions, &attributes, arguments.data(), environment.data());
        posix_spawn_file_actions_destroy(&actions);
        posix_spawnattr_destroy(&attributes);
        if (error == 0)
            return {};
        m_pid = -1;
        return Status(error == ENOENT ? StatusCode::NotFound : StatusCode::IoError,
                      "cannot start the document worker " + request.worker + ": " + std::strerror(error) +
                          "; it is installed beside the program, and CACHEBLEND_DOCUMENT_WORKER may name another");
    }

    /// Whether the process is gone; then its group is too, and status() is its wait status, or 0 when somebody else reaped
    /// it.
    bool gone() {
        if (m_pid < 0)
            return true;
        siginfo_t info{};
        const int waited = ::waitid(P_PID, static_cast<id_t>(m_pid), &info, WEXITED | WNOHANG | WNOWAIT);
        if (waited == 0 && info.si_pid == m_pid)
            kill();
        else if (waited < 0 && errno == ECHILD)
            m_pid = -1;
        return m_pid < 0;
    }
    int status() const { return m_status; }

    /// Kills the process and those it started. Before it is reaped, its number cannot be another group's.
    void kill() {
        if (m_pid < 0)
            return;
        ::kill(-m_pid, SIGKILL);
        ::kill(m_pid, SIGKILL);
        while (::waitpid(m_pid, &m_status, 0) < 0 && errno == EINTR) {
        }
        m_pid = -1;
    }

private:
    pid_t m_pid = -1;
    int m_status = 0;
};

Status refused(std::string message) { return Status(StatusCode::Refused, std::move(message)); }

Status explainDeath(int status, const WorkerRequest& request) {
    if (WIFSIGNALED(status)) {
        const int signal = WTERMSIG(status);
        if (signal == SIGXCPU)
            return refused("reading needed more than " + std::to_string(request.cpuSeconds) + " s of processor time");
        if (signal == SIGKILL)
            return refused("the document worker was killed, perhaps because the machine ran out of memory");
        return refused("the file crashed the document worker (signal " + std::to_string(signal) + ", " + strsignal(signal) +
                       ")");
    }
    if (WEXITSTATUS(status) == kWorkerOutOfMemory)
        return refused("reading needed more than " + std::to_string(request.memoryBytes >> 20) + " MiB of memory");
    return refused("the document worker stopped without an answer (exit status " + std::to_string(WEXITSTATUS(status)) +
                   ")");
}

/// Waits for the pipe or the stop, up to the deadline, and collects the answer.
class AnswerPump {
public:
    AnswerPump(Child& child, int pipe, int wake, const WorkerRequest& request, std::stop_token stop)
        : m_child(child),
          m_pipe(pipe),
          m_wake(wake),
          m_request(request),
          m_stop(std::move(stop)),
          m_deadline(Clock::now() + request.wall) {}

    Result<std::string> run() {
        std::array<char, std::size_t{1} << 16> block;
        std::optional<std::uint64_t> expected;  // payload bytes
        std::string bytes;
        for (;;) {
            if (Status waited = wait(m_pipe, -1); !waited.ok())
                return waited;
            const ssize_t count = ::read(m_pipe, block.data(), block.size());
            if (count < 0 && (errno == EINTR || errno == EAGAIN))
                continue;
            if (count < 0)
                return systemError("reading from the document worker");
            if (count == 0)
                break;
            bytes.append(block.data(), static_cast<std::size_t>(count));
            if (!expected && bytes.size() >= kAnswerHeadBytes) {
                Result<std::uint64_t> claimed = answerPayloadBytes(bytes);
                if (!claimed.ok())
                    return claimed.status();
                expected = *claimed;
            }
            if (expected && bytes.size() - kAnswerHeadBytes > *expected)
                return refused("the document worker wrote more than its answer; the file may have been made to attack it");
        }
        while (!m_child.gone())
            if (Status waited = wait(-1, kExitPollMs); !waited.ok())
                return waited;
        if (m_child.status() != 0)
            return explainDeath(m_child.status(), m_request);
        if (!expected || bytes.size() - kAnswerHeadBytes != *expected)
            return refused("the document worker stopped in the middle of its answer");
        bytes.erase(0, kAnswerHeadBytes);
        return bytes;
    }

private:
    /// Until the pipe is readable or `pauseMs` (−1 = none) is over. Errors: Cancelled, Refused at the deadline.
    Status wait(int pipe, int pauseMs) {
        for (;;) {
            if (m_stop.stop_requested())
                return Status(StatusCode::Cancelled, "reading was cancelled");
            const auto left = std::chrono::ceil<std::chrono::milliseconds>(m_deadline - Clock::now()).count();
            if (left <= 0)
                return refused("reading took longer than " + std::to_string(m_request.wall.count()) + " s");
            std::array<pollfd, 2> waited{pollfd{m_wake, POLLIN, 0}, pollfd{pipe, POLLIN, 0}};
            const int timeout = static_cast<int>(std::min<std::int64_t>(left, pauseMs < 0 ? 1'000'000 : pauseMs));
            const int ready = ::poll(waited.data(), waited.size(), timeout);
            if (ready < 0 && errno != EINTR)
                return systemError("waiting for the document worker");
            if ((ready > 0 && waited[1].revents != 0) || (ready == 0 && pauseMs >= 0))
                return {};
        }
    }

    Child& m_child;
    const int m_pipe;
    const int m_wake;
    const WorkerRequest& m_request;
    const std::stop_token m_stop;
    const Clock::time_point m_deadline;
};

}  // namespace

Result<std::string> runDocumentWorker(const WorkerRequest& request, std::stop_token stop) {
    if (stop.stop_requested())
        return Status(StatusCode::Cancelled, "reading was cancelled");
    std::array<int, 2> ends{-1, -1};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
        return systemError("cannot open a pipe for the document worker");
    Descriptor readEnd(ends[0]);
    Descriptor writeEnd(ends[1]);
    Descriptor input;
    Descriptor output;
    if (Status moved = moveAboveStandard(request.file, input); !moved.ok())
        return moved;
    if (Status moved = moveAboveStandard(writeEnd.get(), output); !moved.ok())
        return moved;
    writeEnd.close();
    Descriptor wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (wake.get() < 0 || ::fcntl(readEnd.get(), F_SETFL, O_NONBLOCK) != 0)
        return systemError("cannot prepare the document worker's pipe");

    Child child;
    if (Status started = child.start(request, input.get(), output.get()); !started.ok())
        return started;
    output.close();
    input.close();
    const std::stop_callback wakeUp(stop, [&wake] {
        const std::uint64_t one = 1;
        // The counter cannot be full: it is written once.
        [[maybe_unused]] const ssize_t written = ::write(wake.get(), &one, sizeof one);
    });
    Result<std::string> answer = AnswerPump(child, readEnd.get(), wake.get(), request, stop).run();
    child.kill();
    return answer;
}

}  // namespace engine
