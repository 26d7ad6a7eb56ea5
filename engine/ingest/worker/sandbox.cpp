// Resource limits, Landlock by raw system calls (glibc 2.36 has no wrappers), seccomp as a list of what is allowed.
#include "engine/ingest/worker/sandbox.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>

#ifdef CACHEBLEND_WITH_SECCOMP
#include <seccomp.h>
#endif

namespace engine::worker {
namespace {

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define CACHEBLEND_SANITIZED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(CACHEBLEND_SANITIZED)
/// A sanitizer's shadow memory is terabytes of address space, and its runtime looks at its own process when it reports.
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

constexpr rlim_t kMaxDescriptors = 64;

Status failed(const char* what) { return Status(StatusCode::Internal, std::string(what) + ": " + std::strerror(errno)); }

Status setLimits(const SandboxLimits& limits) {
    const auto set = [](auto resource, rlim_t soft, rlim_t hard) {
        const rlimit limit{soft, hard};
        return ::setrlimit(resource, &limit) == 0;
    };
    const auto cpu = static_cast<rlim_t>(limits.cpuSeconds);
    // The soft limit's SIGXCPU tells the parent why; the hard one's SIGKILL cannot be caught.
    if (!set(RLIMIT_CPU, cpu, cpu + 1) || !set(RLIMIT_FSIZE, 0, 0) || !set(RLIMIT_CORE, 0, 0) ||
        !set(RLIMIT_NOFILE, kMaxDescriptors, kMaxDescriptors))
        return failed("setting resource limits");
    if (!kSanitized && !set(RLIMIT_AS, limits.memoryBytes, limits.memoryBytes))
        return failed("setting the memory limit");
    return {};
}

// ---- Landlock: the kernel's documentation, userspace-api/landlock.rst ----

struct LandlockRuleset {
    std::uint64_t handledFileAccess;
    std::uint64_t handledNetAccess;  // since ABI 4
    std::uint64_t scoped;            // since ABI 6
};
struct LandlockPath {
    std::uint64_t allowedAccess;
    std::int32_t parent;
} __attribute__((packed));

constexpr int kCreateRulesetCall = 444;
constexpr int kAddRuleCall = 445;
constexpr int kRestrictSelfCall = 446;
constexpr std::uint32_t kRulesetVersion = 1;
constexpr int kRulePathBeneath = 1;
constexpr std::uint64_t kReadFile = 1u << 2;
constexpr std::uint64_t kReadDirectory = 1u << 3;

/// All rights on files that an ABI version knows.
std::uint64_t fileRights(int version) {
    const int bits = version >= 5 ? 16 : version >= 3 ? 15 : version == 2 ? 14 : 13;
    return (std::uint64_t{1} << bits) - 1;
}

/// Poppler's tables for CJK text, fonts that a PDF names and does not embed, their configuration. Nothing of any user.
constexpr std::array<const char*, 5> kReadable{"/usr/share/poppler", "/usr/share/fonts", "/usr/share/fontconfig",
                                               "/usr/local/share/fonts", "/etc/fonts"};

/// The ABI version that now holds; 0 = the kernel has no Landlock.
int restrictFiles() {
    const long version = ::syscall(kCreateRulesetCall, nullptr, std::size_t{0}, kRulesetVersion);
    if (version < 1)
        return 0;
    LandlockRuleset ruleset{fileRights(static_cast<int>(version)), 0, 0};
    std::size_t size = sizeof ruleset.handledFileAccess;
    if (version >= 4) {
        ruleset.handledNetAccess = 0x3;  // bind and connect over TCP
        size += sizeof ruleset.handledNetAccess;
    }
    if (version >= 6) {
        ruleset.scoped = 0x3;  // abstract sockets and signals
        size += sizeof ruleset.scoped;
    }
    const int descriptor = static_cast<int>(::syscall(kCreateRulesetCall, &ruleset, size, std::uint32_t{0}));
    if (descriptor < 0)
        return 0;
    for (const char* path : kReadable) {
        const int parent = ::open(path, O_PATH | O_CLOEXEC);
        if (parent < 0)
            continue;
        const LandlockPath rule{kReadFile | kReadDirectory, parent};
        ::syscall(kAddRuleCall, descriptor, kRulePathBeneath, &rule, std::uint32_t{0});
        ::close(parent);
    }
    const bool holds = ::syscall(kRestrictSelfCall, descriptor, std::uint32_t{0}) == 0;
    ::close(descriptor);
    return holds ? static_cast<int>(version) : 0;
}

// ---- seccomp ----

#ifdef CACHEBLEND_WITH_SECCOMP

constexpr bool kSeccompBuilt = true;

/// Everything not allowed here fails with EPERM: files can be opened for reading only, memory cannot become code, and there
/// is no network, no other process, no thread.
bool restrictCalls() {
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    if (filter == nullptr)
        return false;
    bool complete = true;
    const auto allow = [&](const char* name) {
        const int call = seccomp_syscall_resolve_name(name);
        // Calls that this architecture does not have need no rule.
        if (call != __NR_SCMP_ERROR)
            complete = seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 0) == 0 && complete;
    };
    const auto allowWhen = [&](const char* name, scmp_arg_cmp condition) {
        const int call = seccomp_syscall_resolve_name(name);
        if (call != __NR_SCMP_ERROR)
            complete = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, call, 1, &condition) == 0 && complete;
    };
    for (const char* name : {"read",
                             "readv",
                             "pread64",
                             "write",
                             "writev",
                             "close",
                             "lseek",
                             "fstat",
                             "newfstatat",
                             "stat",
                             "lstat",
                             "statx",
                             "access",
                             "faccessat",
                             "faccessat2",
                             "readlink",
                             "readlinkat",
                             "getdents64",
                             "getcwd",
                             "munmap",
                             "mremap",
                             "brk",
                             "madvise",
                             "futex",
                             "rt_sigaction",
                             "rt_sigprocmask",
                             "rt_sigreturn",
                             "sigaltstack",
                             "exit",
                             "exit_group",
                             "getpid",
                             "gettid",
                             "getuid",
                             "geteuid",
                             "getgid",
                             "getegid",
                             "clock_gettime",
                             "clock_getres",
                             "gettimeofday",
                             "time",
                             "getrandom",
                             "sched_yield",
                             "sched_getaffinity",
                             "getrlimit",
                             "uname",
                             "restart_syscall"})
        allow(name);
    // Opening: no access mode but reading, and no flag that creates, truncates or makes a temporary file.
    const scmp_datum_t writing = O_ACCMODE | O_CREAT | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY);
    allowWhen("open", {1, SCMP_CMP_MASKED_EQ, writing, 0});
    allowWhen("openat", {2, SCMP_CMP_MASKED_EQ, writing, 0});
    const scmp_datum_t executable = kSanitized ? 0 : PROT_EXEC;
    allowWhen("mmap", {2, SCMP_CMP_MASKED_EQ, executable, 0});
    allowWhen("mprotect", {2, SCMP_CMP_MASKED_EQ, executable, 0});
    // abort() signals itself.
    allowWhen("tgkill", {0, SCMP_CMP_EQ, static_cast<scmp_datum_t>(::getpid()), 0});
    // Reading limits, own ones only: the new limit is a null pointer.
    allowWhen("prlimit64", {2, SCMP_CMP_EQ, 0, 0});
    const bool loaded = complete && seccomp_load(filter) == 0;
    seccomp_release(filter);
    return loaded;
}

#else

bool restrictCalls() { return false; }
constexpr bool kSeccompBuilt = false;

#endif

}  // namespace

Result<Sandbox> enterSandbox(const SandboxLimits& limits) {
    if (Status limited = setLimits(limits); !limited.ok())
        return limited;
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return failed("giving up new privileges");
    ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    Sandbox sandbox;
    sandbox.landlockVersion = restrictFiles();
    sandbox.seccomp = restrictCalls();
    sandbox.seccompBuilt = kSeccompBuilt;
    return sandbox;
}

}  // namespace engine::worker
