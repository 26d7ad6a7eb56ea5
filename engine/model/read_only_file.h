// A regular file read by position into the caller's memory, never mapped: a file cut short under us is an error, not a signal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "engine/types.h"

namespace engine {

/// Owns a descriptor. Constant after opening; any thread.
class ReadOnlyFile {
public:
    /// Errors: NotFound, IoError (with the system's words), Refused when it is not a regular file.
    static Result<ReadOnlyFile> open(const std::string& path);

    ReadOnlyFile(ReadOnlyFile&& other) noexcept;
    ReadOnlyFile& operator=(ReadOnlyFile&& other) noexcept;
    ReadOnlyFile(const ReadOnlyFile&) = delete;
    ReadOnlyFile& operator=(const ReadOnlyFile&) = delete;
    ~ReadOnlyFile();

    const std::string& path() const { return m_path; }
    /// Bytes, as of opening.
    std::uint64_t size() const { return m_size; }
    /// Fills all of `out` from `offset` on. Errors: IoError, also when the file ends earlier than it did at opening.
    Status read(std::uint64_t offset, std::span<std::byte> out) const;

private:
    ReadOnlyFile(std::string path, int descriptor, std::uint64_t size);

    std::string m_path;
    int m_descriptor = -1;
    std::uint64_t m_size = 0;
};

/// The whole of a file as text. Errors: as open; Refused when it has more than `mostBytes`.
Result<std::string> readSmallFile(const std::string& path, std::uint64_t mostBytes);

}  // namespace engine
