// Refills the buffer by whole blocks; large reads go past it.
#include "engine/model/byte_reader.h"

#include <algorithm>

namespace engine {

bool ByteReader::bytes(std::span<std::byte> out) {
    if (!m_status.ok() || out.size() > remaining())
        return false;
    if (out.size() > kBufferBytes) {
        m_status = m_file.read(m_position, out);
        if (!m_status.ok())
            return false;
        m_position += out.size();
        return true;
    }
    const bool buffered = m_position >= m_bufferBegin && m_position - m_bufferBegin <= m_bufferSize &&
                          out.size() <= m_bufferSize - (m_position - m_bufferBegin);
    if (!buffered) {
        const std::size_t size = static_cast<std::size_t>(std::min<std::uint64_t>(kBufferBytes, remaining()));
        m_status = m_file.read(m_position, std::span(m_buffer).first(size));
        m_bufferBegin = m_position;
        m_bufferSize = m_status.ok() ? size : 0;
        if (!m_status.ok())
            return false;
    }
    std::memcpy(out.data(), m_buffer.data() + (m_position - m_bufferBegin), out.size());
    m_position += out.size();
    return true;
}

bool ByteReader::skip(std::uint64_t count) {
    if (!m_status.ok() || count > remaining())
        return false;
    m_position += count;
    return true;
}

bool ByteReader::text(std::uint64_t length, std::string& out) {
    if (!m_status.ok() || length > remaining())
        return false;
    out.resize(static_cast<std::size_t>(length));
    return bytes(std::as_writable_bytes(std::span(out)));
}

}  // namespace engine
