// open(2), fstat(2) and pread(2) behind a value type.
#include "engine/model/read_only_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

namespace engine {

namespace {

std::string systemError(int number) { return std::generic_category().message(number); }

}  // namespace

ReadOnlyFile::ReadOnlyFile(std::string path, int descriptor, std::uint64_t size)
    : m_path(std::move(path)), m_descriptor(descriptor), m_size(size) {}

ReadOnlyFile::ReadOnlyFile(ReadOnlyFile&& other) noexcept
    : m_path(std::move(other.m_path)), m_descriptor(std::exchange(other.m_descriptor, -1)), m_size(other.m_size) {}

ReadOnlyFile& ReadOnlyFile::operator=(ReadOnlyFile&& other) noexcept {
    std::swap(m_path, other.m_path);
    std::swap(m_descriptor, other.m_descriptor);
    std::swap(m_size, other.m_size);
    return *this;
}

ReadOnlyFile::~ReadOnlyFile() {
    if (m_descriptor >= 0)
        ::close(m_descriptor);
}

Result<ReadOnlyFile> ReadOnlyFile::open(const std::string& path) {
    // O_NONBLOCK: opening a named pipe must not wait for a writer.
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) {
        const int number = errno;
        const StatusCode code = number == ENOENT || number == ENOTDIR ? StatusCode::NotFound : StatusCode::IoError;
        return Status(code, path + ": cannot be opened: " + systemError(number));
    }
    ReadOnlyFile file(path, descriptor, 0);
    struct stat info = {};
    if (::fstat(descriptor, &info) != 0)
        return Status(StatusCode::IoError, path + ": cannot be examined: " + systemError(errno));
    if (!S_ISREG(info.st_mode))
        return Status(StatusCode::Refused, path + ": is not a regular file");
    file.m_size = static_cast<std::uint64_t>(info.st_size);
    return file;
}

Status ReadOnlyFile::read(std::uint64_t offset, std::span<std::byte> out) const {
    // Linux reads at most 2^31 − 4096 bytes a call.
    constexpr std::size_t kMostBytes = std::size_t{1} << 30;
    while (!out.empty()) {
        const ssize_t got = ::pread(m_descriptor, out.data(), std::min(out.size(), kMostBytes), static_cast<off_t>(offset));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return Status(StatusCode::IoError, m_path + ": cannot be read: " + systemError(errno));
        if (got == 0)
            return Status(StatusCode::IoError, m_path + ": ends at byte " + std::to_string(offset) +
                                                   ", earlier than when it was opened; it was cut short meanwhile");
        out = out.subspan(static_cast<std::size_t>(got));
        offset += static_cast<std::uint64_t>(got);
    }
    return {};
}

Result<std::string> readSmallFile(const std::string& path, std::uint64_t mostBytes) {
    Result<ReadOnlyFile> file = ReadOnlyFile::open(path);
    if (!file)
        return file.status();
    if (file->size() > mostBytes)
        return Status(StatusCode::Refused, path + ": has " + std::to_string(file->size()) + " bytes, more than the " +
                                               std::to_string(mostBytes) + " allowed for such a file");
    std::string text(static_cast<std::size_t>(file->size()), '\0');
    if (Status status = file->read(0, std::as_writable_bytes(std::span(text))); !status.ok())
        return status;
    return text;
}

}  // namespace engine
