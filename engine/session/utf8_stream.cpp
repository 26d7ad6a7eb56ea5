// Utf8Stream: RFC 3629 sequences, shortest forms only.
#include "engine/session/utf8_stream.h"

#include <cstdint>

namespace engine {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

enum class Sequence { Complete, Incomplete, Invalid };

struct Scan {
    Sequence state = Sequence::Invalid;
    std::size_t length = 1;
};

Scan scanCharacter(std::string_view bytes) {
    const auto lead = static_cast<std::uint8_t>(bytes[0]);
    if (lead < 0x80)
        return {Sequence::Complete, 1};
    const std::size_t length = lead >= 0xC2 && lead <= 0xDF   ? 2U
                               : lead >= 0xE0 && lead <= 0xEF ? 3U
                               : lead >= 0xF0 && lead <= 0xF4 ? 4U
                                                              : 0U;
    if (length == 0)
        return {Sequence::Invalid, 1};
    for (std::size_t i = 1; i < length; ++i) {
        if (i >= bytes.size())
            return {Sequence::Incomplete, i};
        const auto byte = static_cast<std::uint8_t>(bytes[i]);
        const std::uint8_t low = i > 1 ? 0x80 : lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
        const std::uint8_t high = i > 1 ? 0xBF : lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
        if (byte < low || byte > high)
            return {Sequence::Invalid, i};
    }
    return {Sequence::Complete, length};
}

}  // namespace

void Utf8Stream::add(std::string_view bytes) {
    m_held += bytes;
    std::string ready;
    std::size_t begin = 0;
    while (begin < m_held.size()) {
        const Scan scan = scanCharacter(std::string_view(m_held).substr(begin));
        if (scan.state == Sequence::Incomplete)
            break;
        ready += scan.state == Sequence::Complete ? std::string_view(m_held).substr(begin, scan.length) : kReplacement;
        begin += scan.length;
    }
    m_held.erase(0, begin);
    if (!ready.empty())
        m_sink(ready);
}

void Utf8Stream::finish() {
    if (!m_held.empty())
        m_sink(kReplacement);
    m_held.clear();
}

}  // namespace engine
