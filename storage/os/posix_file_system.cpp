// FileSystem over POSIX calls, one call each, without retries.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "storage/file_system.h"

namespace storage {
namespace {

constexpr std::size_t kMaxParts = 64;  // iovecs handed to one call; the caller's loop does the rest

FileInfo infoOf(const struct stat& state) {
    FileInfo info;
    info.kind = S_ISREG(state.st_mode) ? FileKind::Regular : S_ISDIR(state.st_mode) ? FileKind::Directory : FileKind::Other;
    info.sizeBytes = static_cast<std::uint64_t>(state.st_size);
    info.device = static_cast<std::uint64_t>(state.st_dev);
    info.inode = static_cast<std::uint64_t>(state.st_ino);
    info.modifiedNs = static_cast<std::int64_t>(state.st_mtim.tv_sec) * 1'000'000'000 + state.st_mtim.tv_nsec;
    info.changedNs = static_cast<std::int64_t>(state.st_ctim.tv_sec) * 1'000'000'000 + state.st_ctim.tv_nsec;
    return info;
}

int errorOf(int result) { return result == 0 ? 0 : errno; }

class PosixFile final : public File {
public:
    PosixFile(int descriptor, std::string path) : m_descriptor(descriptor), m_path(std::move(path)) {}
    ~PosixFile() override { ::close(m_descriptor); }
    PosixFile(const PosixFile&) = delete;
    PosixFile& operator=(const PosixFile&) = delete;

    const std::string& path() const override { return m_path; }

    Outcome<std::size_t> readAt(std::uint64_t offset, std::span<const ReadPart> parts) override {
        std::array<iovec, kMaxParts> vectors;
        const std::size_t count = std::min(parts.size(), kMaxParts);
        for (std::size_t i = 0; i < count; ++i)
            vectors[i] = {parts[i].data(), parts[i].size()};
        return outcomeOf(::preadv(m_descriptor, vectors.data(), static_cast<int>(count), static_cast<off_t>(offset)));
    }

    Outcome<std::size_t> writeAt(std::uint64_t offset, std::span<const WritePart> parts) override {
        std::array<iovec, kMaxParts> vectors;
        const std::size_t count = std::min(parts.size(), kMaxParts);
        for (std::size_t i = 0; i < count; ++i)
            vectors[i] = {const_cast<std::byte*>(parts[i].data()), parts[i].size()};
        return outcomeOf(::pwritev(m_descriptor, vectors.data(), static_cast<int>(count), static_cast<off_t>(offset)));
    }

    int syncData() override { return errorOf(::fdatasync(m_descriptor)); }
    int sync() override { return errorOf(::fsync(m_descriptor)); }
    int truncate(std::uint64_t sizeBytes) override {
        return errorOf(::ftruncate(m_descriptor, static_cast<off_t>(sizeBytes)));
    }

    Outcome<FileInfo> info() override {
        struct stat state;
        if (::fstat(m_descriptor, &state) != 0)
            return {{}, errno};
        return {infoOf(state), 0};
    }

    int dropPages() override { return ::posix_fadvise(m_descriptor, 0, 0, POSIX_FADV_DONTNEED); }

private:
    static Outcome<std::size_t> outcomeOf(ssize_t result) {
        if (result < 0)
            return {0, errno};
        return {static_cast<std::size_t>(result), 0};
    }

    const int m_descriptor;
    const std::string m_path;
};

class PosixFileSystem final : public FileSystem {
public:
    Outcome<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override {
        // O_NONBLOCK: opening a FIFO must not wait for its other end; it means nothing for regular files.
        int flags = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
        flags |= mode == OpenMode::Read ? O_RDONLY : O_RDWR;
        if (mode == OpenMode::CreateNew)
            flags |= O_CREAT | O_EXCL;
        const int descriptor = ::open(path.c_str(), flags, 0600);
        if (descriptor < 0)
            return {nullptr, errno};
        auto file = std::make_unique<PosixFile>(descriptor, path);
        const Outcome<FileInfo> info = file->info();
        if (info.error != 0)
            return {nullptr, info.error};
        if (info.value.kind != FileKind::Regular)
            return {nullptr, EINVAL};
        return {std::move(file), 0};
    }

    Outcome<FileInfo> info(const std::string& path) override {
        struct stat state;
        if (::lstat(path.c_str(), &state) != 0)
            return {{}, errno};
        return {infoOf(state), 0};
    }

    Outcome<std::vector<DirectoryEntry>> list(const std::string& path) override {
        DIR* directory = ::opendir(path.c_str());
        if (directory == nullptr)
            return {{}, errno};
        Outcome<std::vector<DirectoryEntry>> outcome;
        for (;;) {
            errno = 0;
            const dirent* entry = ::readdir(directory);
            if (entry == nullptr) {
                outcome.error = errno;
                break;
            }
            if (std::strcmp(entry->d_name, ".") == 0 || std::strcmp(entry->d_name, "..") == 0)
                continue;
            struct stat state;
            if (::fstatat(::dirfd(directory), entry->d_name, &state, AT_SYMLINK_NOFOLLOW) != 0)
                continue;  // removed since it was listed
            outcome.value.push_back({entry->d_name, infoOf(state).kind});
        }
        ::closedir(directory);
        return outcome;
    }

    int makeDirectory(const std::string& path) override { return errorOf(::mkdir(path.c_str(), 0700)); }
    int rename(const std::string& from, const std::string& to) override {
        return errorOf(::rename(from.c_str(), to.c_str()));
    }
    int unlink(const std::string& path) override { return errorOf(::unlink(path.c_str())); }

    int syncDirectory(const std::string& path) override {
        const int descriptor = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (descriptor < 0)
            return errno;
        const int error = errorOf(::fsync(descriptor));
        ::close(descriptor);
        return error;
    }
};

}  // namespace

std::unique_ptr<FileSystem> makePosixFileSystem() { return std::make_unique<PosixFileSystem>(); }

}  // namespace storage
