// The operating system's files as storage uses them: an interface, so that tests can fail, record or "cut the power" at any
// call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace storage {

/// What one system call gave: a value, or the errno value that says why not (0 = done).
template <class T>
struct Outcome {
    T value{};
    int error = 0;
};

enum class FileKind { Regular, Directory, Other };

struct FileInfo {
    FileKind kind = FileKind::Other;
    std::uint64_t sizeBytes = 0;
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::int64_t modifiedNs = 0;
    std::int64_t changedNs = 0;
};

struct DirectoryEntry {
    std::string name;
    FileKind kind = FileKind::Other;  // of the entry itself: a symbolic link is Other
};

enum class OpenMode {
    Read,       // existing regular file
    ReadWrite,  // existing regular file
    CreateNew,  // EEXIST when anything has that name
};

using ReadPart = std::span<std::byte>;
using WritePart = std::span<const std::byte>;

/// One open regular file; closed on destruction. One thread at a time. Calls are thin: they may do less than asked or end
/// with EINTR, see os/file_io.h for the loops.
class File {
public:
    virtual ~File() = default;
    virtual const std::string& path() const = 0;
    /// Bytes read into `parts` in order (preadv); 0 = end of file.
    virtual Outcome<std::size_t> readAt(std::uint64_t offset, std::span<const ReadPart> parts) = 0;
    /// Bytes written from `parts` in order (pwritev).
    virtual Outcome<std::size_t> writeAt(std::uint64_t offset, std::span<const WritePart> parts) = 0;
    /// fdatasync / fsync. An error is final for this descriptor: never call it again on the same file object.
    virtual int syncData() = 0;
    virtual int sync() = 0;
    virtual int truncate(std::uint64_t sizeBytes) = 0;
    virtual Outcome<FileInfo> info() = 0;
    /// Asks the kernel to drop the file's clean pages.
    virtual int dropPages() = 0;
};

/// Thread-safe when its implementation says so; the POSIX one is.
class FileSystem {
public:
    virtual ~FileSystem() = default;
    /// Never follows a symbolic link in the last component and never blocks: a FIFO, device or directory is EINVAL, a link
    /// ELOOP.
    virtual Outcome<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) = 0;
    /// Of the name itself: links are not followed.
    virtual Outcome<FileInfo> info(const std::string& path) = 0;
    virtual Outcome<std::vector<DirectoryEntry>> list(const std::string& path) = 0;
    /// mkdir with mode 0700.
    virtual int makeDirectory(const std::string& path) = 0;
    virtual int rename(const std::string& from, const std::string& to) = 0;
    virtual int unlink(const std::string& path) = 0;
    /// fsync of the directory: names made, renamed or removed in it become durable.
    virtual int syncDirectory(const std::string& path) = 0;
};

std::unique_ptr<FileSystem> makePosixFileSystem();

}  // namespace storage
