// flock() on the workspace's LOCK file, whose text names the holder for whoever comes second.
#include "storage/workspace_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

#include "storage/os/file_io.h"

namespace storage {
namespace {

/// A descriptor that holds (or tries to get) the lock; closing it gives the lock back.
class FlockedFile final : public WorkspaceLock {
public:
    explicit FlockedFile(int descriptor) : m_descriptor(descriptor) {}
    ~FlockedFile() override { ::close(m_descriptor); }
    FlockedFile(const FlockedFile&) = delete;
    FlockedFile& operator=(const FlockedFile&) = delete;

private:
    const int m_descriptor;
};

std::string programName() {
    std::string name;
    std::ifstream comm("/proc/self/comm");
    std::getline(comm, name);
    return name.empty() ? "unknown" : name;
}

/// "4711 cacheblend" as the holder wrote it, without control characters.
std::string holderOf(int descriptor) {
    char text[128];
    const ssize_t count = ::pread(descriptor, text, sizeof text, 0);
    std::string holder;
    for (ssize_t i = 0; i < count && text[i] != '\n'; ++i)
        holder.push_back(static_cast<unsigned char>(text[i]) < 0x20 ? '?' : text[i]);
    return holder;
}

Status busy(const std::string& directory, const std::string& holder) {
    const std::size_t space = holder.find(' ');
    const std::string who = holder.empty() ? "another process"
                            : space == std::string::npos
                                ? "process " + holder
                                : "process " + holder.substr(0, space) + " (" + holder.substr(space + 1) + ")";
    return Status(StatusCode::Busy,
                  "the workspace " + directory + " is in use by " + who + "; close it there or choose another workspace");
}

/// Creates the directory, and those above it, when it is not there: what it will hold is its owner's own business.
Status makeWorkspace(const std::string& directory) {
    std::error_code failure;
    if (!std::filesystem::create_directories(directory, failure) || failure) {
        if (!failure)
            return {};  // it is there, with the permissions that it was given
        const Status status = statusOfErrno(failure.value(), "create the workspace", directory);
        return status.code() == StatusCode::NotFound ? Status(StatusCode::IoError, status.message()) : status;
    }
    std::filesystem::permissions(directory, std::filesystem::perms::owner_all, failure);
    return failure ? statusOfErrno(failure.value(), "set the permissions of", directory) : Status();
}

}  // namespace

Result<std::unique_ptr<WorkspaceLock>> WorkspaceLock::acquire(const std::string& directory) {
    if (Status made = makeWorkspace(directory); !made.ok())
        return made;
    const std::string path = directory + "/LOCK";
    for (;;) {
        const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
        if (descriptor < 0 && errno == EINTR)
            continue;
        if (descriptor < 0)
            return statusOfErrno(errno, "open", path);
        auto lock = std::make_unique<FlockedFile>(descriptor);
        struct stat held;
        struct stat named;
        if (::fstat(descriptor, &held) != 0)
            return statusOfErrno(errno, "examine", path);
        if (!S_ISREG(held.st_mode))
            return Status(StatusCode::IoError, path + " is not a regular file; remove it");
        if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
            if (errno == EINTR)
                continue;
            if (errno == EWOULDBLOCK)
                return busy(directory, holderOf(descriptor));
            return statusOfErrno(errno, "lock", path);
        }
        // Someone may have removed the file between open and flock: then the lock is on a nameless file.
        if (::lstat(path.c_str(), &named) != 0 || named.st_ino != held.st_ino || named.st_dev != held.st_dev)
            continue;
        const std::string text = std::to_string(::getpid()) + " " + programName() + "\n";
        if (::ftruncate(descriptor, 0) != 0 ||
            ::pwrite(descriptor, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size()))
            return statusOfErrno(errno, "write", path);
        return std::unique_ptr<WorkspaceLock>(std::move(lock));
    }
}

}  // namespace storage
