// Each test is the attack itself, made with plain system calls.
#include "engine/ingest/worker/self_test.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

namespace engine::worker {
namespace {

constexpr int kDenied = 0;
constexpr int kAllowed = 1;
constexpr int kUnknown = 2;

int report(const std::string& what, bool allowed) {
    if (allowed)
        std::printf("%s: allowed\n", what.c_str());
    else
        std::printf("%s: denied (%s)\n", what.c_str(), std::strerror(errno));
    std::fflush(stdout);
    return allowed ? kAllowed : kDenied;
}

/// TCP to a port of this machine. Refused by nobody listening would count as allowed: the packet went out.
bool canConnect() {
    const int descriptor = ::socket(AF_INET, SOCK_STREAM, 0);
    if (descriptor < 0)
        return false;
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(9);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return ::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 || errno == ECONNREFUSED;
}

bool canWriteFile() {
    const int descriptor = ::open("/tmp/cacheblend-worker-self-test", O_WRONLY | O_CREAT, 0600);
    return descriptor >= 0;
}

bool canReadFile() { return ::open("/etc/passwd", O_RDONLY) >= 0; }

bool canExecute() {
    char program[] = "/bin/false";
    char* arguments[] = {program, nullptr};
    // Returns only when it failed; a success shows as false's own exit status, 1.
    return ::execv(program, arguments) == 0;
}

bool canFork() {
    const pid_t child = ::fork();
    if (child == 0)
        ::_exit(0);
    return child > 0;
}

bool canMakeCode() {
    return ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED;
}

bool canTakeMemory() {
    return ::mmap(nullptr, std::size_t{4} << 30, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
                  0) != MAP_FAILED;
}

}  // namespace

int runSelfTest(const std::string& what, const Sandbox& sandbox) {
    if (what == "layers") {
        std::printf("landlock %d seccomp %d built %d\n", sandbox.landlockVersion, sandbox.seccomp ? 1 : 0,
                    sandbox.seccompBuilt ? 1 : 0);
        std::fflush(stdout);
        return 0;
    }
    errno = 0;
    if (what == "network")
        return report(what, canConnect());
    if (what == "write")
        return report(what, canWriteFile());
    if (what == "read")
        return report(what, canReadFile());
    if (what == "exec")
        return report(what, canExecute());
    if (what == "fork")
        return report(what, canFork());
    if (what == "trace")
        return report(what, ::ptrace(PTRACE_ATTACH, ::getppid(), nullptr, nullptr) == 0);
    if (what == "signal")
        return report(what, ::kill(::getppid(), 0) == 0);
    if (what == "code")
        return report(what, canMakeCode());
    if (what == "memory")
        return report(what, canTakeMemory());
    std::printf("unknown test %s\n", what.c_str());
    return kUnknown;
}

}  // namespace engine::worker
