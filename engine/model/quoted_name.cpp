// Escaping of names, and a strict UTF-8 filter.
#include "engine/model/quoted_name.h"

#include <cstdint>

namespace engine {

namespace {

constexpr std::size_t kMostQuoted = 80;
constexpr std::size_t kMostDisplayed = 200;

/// Bytes of the well-formed UTF-8 character at the start of `text`, 0 when there is none (overlong, surrogate, cut off).
std::size_t utf8Length(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
    const std::uint8_t first = byte(0);
    if (first < 0x80)
        return 1;
    std::size_t length = 0;
    std::uint32_t code = 0;
    std::uint32_t least = 0;
    if (first >= 0xc2 && first < 0xe0) {
        length = 2;
        code = first & 0x1fU;
        least = 0x80;
    } else if (first >= 0xe0 && first < 0xf0) {
        length = 3;
        code = first & 0x0fU;
        least = 0x800;
    } else if (first >= 0xf0 && first < 0xf5) {
        length = 4;
        code = first & 0x07U;
        least = 0x10000;
    }
    if (length == 0 || text.size() < length)
        return 0;
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (byte(i) & 0x3fU);
    }
    const bool surrogate = code >= 0xd800 && code < 0xe000;
    const bool secondControls = code >= 0x80 && code < 0xa0;
    return code < least || code > 0x10ffff || surrogate || secondControls ? 0 : length;
}

}  // namespace

std::string quotedName(std::string_view name) {
    constexpr char kDigits[] = "0123456789abcdef";
    std::string out = "'";
    for (const char c : name.substr(0, kMostQuoted)) {
        const auto byte = static_cast<std::uint8_t>(c);
        if (byte >= 0x20 && byte < 0x7f) {
            out += c;
        } else {
            out += "\\x";
            out += kDigits[byte >> 4];
            out += kDigits[byte & 15];
        }
    }
    return out + (name.size() > kMostQuoted ? "…'" : "'");
}

std::string displayLine(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        const std::size_t length = utf8Length(text);
        if (out.size() + (length > 0 ? length : 1) > kMostDisplayed)
            break;
        const auto first = static_cast<std::uint8_t>(text[0]);
        if (length == 0 || first < 0x20 || first == 0x7f)
            out += '?';
        else
            out += text.substr(0, length);
        text.remove_prefix(length > 0 ? length : 1);
    }
    return out;
}

}  // namespace engine
