// Loops over thin file calls: short counts and EINTR are continued here, every other error becomes a Status.
#include "storage/os/file_io.h"

#include <cerrno>
#include <cstring>
#include <utility>

namespace storage {
namespace {

/// Drops the first `count` bytes of `parts`.
template <class Part>
void advance(std::vector<Part>& parts, std::size_t& first, std::size_t count) {
    while (first < parts.size() && count >= parts[first].size()) {
        count -= parts[first].size();
        ++first;
    }
    if (first < parts.size())
        parts[first] = parts[first].subspan(count);
}

template <class Part>
void skipEmpty(const std::vector<Part>& parts, std::size_t& first) {
    while (first < parts.size() && parts[first].empty())
        ++first;
}

}  // namespace

Status statusOfErrno(int error, std::string_view action, const std::string& path) {
    StatusCode code = StatusCode::IoError;
    if (error == ENOSPC || error == EDQUOT)
        code = StatusCode::NoSpace;
    else if (error == ENOENT)
        code = StatusCode::NotFound;
    else if (error == EROFS || error == EACCES || error == EPERM)
        code = StatusCode::ReadOnly;
    return Status(code, "cannot " + std::string(action) + " " + path + ": " + std::strerror(error));
}

Outcome<std::unique_ptr<File>> openFile(FileSystem& fileSystem, const std::string& path, OpenMode mode) {
    for (;;) {
        Outcome<std::unique_ptr<File>> opened = fileSystem.open(path, mode);
        if (opened.error != EINTR)
            return opened;
    }
}

Status readFully(File& file, std::uint64_t offset, std::span<const ReadPart> parts) {
    std::vector<ReadPart> left(parts.begin(), parts.end());
    std::size_t first = 0;
    for (;;) {
        skipEmpty(left, first);
        if (first == left.size())
            return {};
        const Outcome<std::size_t> got = file.readAt(offset, std::span(left).subspan(first));
        if (got.error == EINTR)
            continue;
        if (got.error != 0)
            return statusOfErrno(got.error, "read", file.path());
        if (got.value == 0)
            return Status(StatusCode::Damaged, file.path() + " ends before offset " + std::to_string(offset));
        offset += got.value;
        advance(left, first, got.value);
    }
}

Status readFully(File& file, std::uint64_t offset, std::span<std::byte> bytes) {
    const ReadPart part = bytes;
    return readFully(file, offset, std::span(&part, 1));
}

Status writeFully(File& file, std::uint64_t offset, std::span<const WritePart> parts) {
    std::vector<WritePart> left(parts.begin(), parts.end());
    std::size_t first = 0;
    for (;;) {
        skipEmpty(left, first);
        if (first == left.size())
            return {};
        const Outcome<std::size_t> done = file.writeAt(offset, std::span(left).subspan(first));
        if (done.error == EINTR)
            continue;
        if (done.error != 0 || done.value == 0) {
            std::uint64_t needed = 0;
            for (const WritePart part : std::span(left).subspan(first))
                needed += part.size();
            const Status status = statusOfErrno(done.error == 0 ? EIO : done.error, "write", file.path());
            return Status(status.code(),
                          status.message() + " (" + std::to_string(needed) + " bytes were still to be written)");
        }
        offset += done.value;
        advance(left, first, done.value);
    }
}

Result<std::vector<std::byte>> readWholeFile(FileSystem& fileSystem, const std::string& path, std::uint64_t maxBytes) {
    Outcome<std::unique_ptr<File>> opened = openFile(fileSystem, path, OpenMode::Read);
    if (opened.error != 0)
        return statusOfErrno(opened.error, "open", path);
    const Outcome<FileInfo> info = opened.value->info();
    if (info.error != 0)
        return statusOfErrno(info.error, "examine", path);
    if (info.value.sizeBytes > maxBytes)
        return Status(StatusCode::Refused, path + " has " + std::to_string(info.value.sizeBytes) + " bytes; at most " +
                                               std::to_string(maxBytes) + " were expected");
    std::vector<std::byte> bytes(info.value.sizeBytes);
    if (Status status = readFully(*opened.value, 0, std::span(bytes)); !status.ok())
        return status;
    return bytes;
}

Status ensureDirectory(FileSystem& fileSystem, const std::string& path) {
    const int error = fileSystem.makeDirectory(path);
    if (error == EEXIST) {
        const Outcome<FileInfo> info = fileSystem.info(path);
        if (info.error != 0)
            return statusOfErrno(info.error, "examine", path);
        if (info.value.kind != FileKind::Directory)
            return Status(StatusCode::IoError, path + " is not a directory");
        return {};
    }
    if (error != 0)
        return statusOfErrno(error, "create the directory", path);
    if (const int syncError = fileSystem.syncDirectory(parentDirectory(path)); syncError != 0)
        return statusOfErrno(syncError, "sync the directory", parentDirectory(path));
    return {};
}

Status writeFileDurably(FileSystem& fileSystem, const std::string& temporaryPath, const std::string& path,
                        std::span<const std::byte> bytes) {
    fileSystem.unlink(temporaryPath);  // left over from a crash
    Outcome<std::unique_ptr<File>> created = openFile(fileSystem, temporaryPath, OpenMode::CreateNew);
    if (created.error != 0)
        return statusOfErrno(created.error, "create", temporaryPath);
    const WritePart part = bytes;
    Status status = writeFully(*created.value, 0, std::span(&part, 1));
    if (status.ok()) {
        if (const int error = created.value->sync(); error != 0)
            status = statusOfErrno(error, "sync", temporaryPath);
    }
    created.value.reset();
    if (status.ok()) {
        if (const int error = fileSystem.rename(temporaryPath, path); error != 0)
            status = statusOfErrno(error, "rename " + temporaryPath + " to", path);
    }
    if (!status.ok()) {
        fileSystem.unlink(temporaryPath);
        return status;
    }
    if (const int error = fileSystem.syncDirectory(parentDirectory(path)); error != 0)
        return statusOfErrno(error, "sync the directory of", path);
    return {};
}

Status removeFileDurably(FileSystem& fileSystem, const std::string& path) {
    // An absent file may have been removed without its directory having been synced.
    if (const int error = fileSystem.unlink(path); error != 0 && error != ENOENT)
        return statusOfErrno(error, "remove", path);
    if (const int syncError = fileSystem.syncDirectory(parentDirectory(path)); syncError != 0)
        return statusOfErrno(syncError, "sync the directory of", path);
    return {};
}

std::string parentDirectory(const std::string& path) {
    const std::size_t slash = path.find_last_of('/');
    if (slash == std::string::npos)
        return ".";
    return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace storage
