// Sequential reading of a file through a small fixed buffer, with remaining-bytes arithmetic.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string>

#include "engine/model/read_only_file.h"
#include "engine/types.h"

namespace engine {

/// Borrows the file. Every function is false, and moves nothing, when fewer bytes remain than it needs; after a failed system
/// call `status()` says which, and all functions stay false.
class ByteReader {
public:
    ByteReader(const ReadOnlyFile& file, std::uint64_t begin, std::uint64_t end)
        : m_file(file), m_position(begin), m_end(end) {}

    std::uint64_t position() const { return m_position; }
    std::uint64_t remaining() const { return m_end - m_position; }
    const Status& status() const { return m_status; }

    bool bytes(std::span<std::byte> out);
    bool skip(std::uint64_t count);
    bool text(std::uint64_t length, std::string& out);

    /// A little-endian number.
    template <class T>
    bool number(T& out) {
        static_assert(std::endian::native == std::endian::little);
        return bytes(std::as_writable_bytes(std::span(&out, 1)));
    }

private:
    static constexpr std::size_t kBufferBytes = 64 * 1024;

    const ReadOnlyFile& m_file;
    std::uint64_t m_position;
    std::uint64_t m_end;
    std::uint64_t m_bufferBegin = 0;  // file offset of m_buffer[0]
    std::size_t m_bufferSize = 0;
    Status m_status;
    std::array<std::byte, kBufferBytes> m_buffer;
};

}  // namespace engine
