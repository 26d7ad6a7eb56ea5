// Decoding by hand: the few encodings that documents without a declaration have, so that no iconv module is loaded in the
// sandbox.
#include "engine/ingest/worker/text_encoding.h"

#include <algorithm>
#include <array>

#include "engine/ingest/utf8.h"

namespace engine::worker {
namespace {

/// Windows-1252, bytes 0x80–0x9F; the five holes map to U+FFFD (WHATWG maps them to C1 controls, which nobody means).
constexpr std::array<char16_t, 32> kWindows1252{0x20AC, 0xFFFD, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021,
                                                0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0xFFFD, 0x017D, 0xFFFD,
                                                0xFFFD, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014,
                                                0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0xFFFD, 0x017E, 0x0178};

enum class Charset { Utf8, Windows1252, Latin9, Unknown };

Charset charsetNamed(std::string_view label) {
    std::string name;
    for (const char c : label)
        name.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c);
    const auto isOneOf = [&](auto... labels) { return ((name == labels) || ...); };
    if (isOneOf("utf-8", "utf8"))
        return Charset::Utf8;
    if (isOneOf("iso-8859-1", "iso8859-1", "latin1", "latin-1", "l1", "windows-1252", "cp1252", "us-ascii", "ascii"))
        return Charset::Windows1252;
    if (isOneOf("iso-8859-15", "iso8859-15", "latin9", "latin-9"))
        return Charset::Latin9;
    return Charset::Unknown;
}

char32_t latin9(std::uint8_t byte) {
    switch (byte) {
        case 0xA4:
            return 0x20AC;
        case 0xA6:
            return 0x160;
        case 0xA8:
            return 0x161;
        case 0xB4:
            return 0x17D;
        case 0xB8:
            return 0x17E;
        case 0xBC:
            return 0x152;
        case 0xBD:
            return 0x153;
        case 0xBE:
            return 0x178;
        default:
            return byte;
    }
}

std::string decodeSingleBytes(std::string_view bytes, Charset charset) {
    std::string text;
    text.reserve(bytes.size() + bytes.size() / 8);
    for (const char c : bytes) {
        const auto byte = static_cast<std::uint8_t>(c);
        if (charset == Charset::Latin9)
            appendUtf8(text, latin9(byte));
        else
            appendUtf8(text, byte >= 0x80 && byte < 0xA0 ? char32_t{kWindows1252[byte - 0x80u]} : char32_t{byte});
    }
    return text;
}

std::string decodeUtf16(std::string_view bytes, bool littleEndian) {
    std::u16string units;
    units.reserve(bytes.size() / 2);
    for (std::size_t i = 0; i + 1 < bytes.size(); i += 2) {
        const auto first = static_cast<std::uint8_t>(bytes[i]);
        const auto second = static_cast<std::uint8_t>(bytes[i + 1]);
        units.push_back(static_cast<char16_t>(littleEndian ? first | second << 8 : first << 8 | second));
    }
    return utf8FromUtf16(units);
}

/// UTF-8 with U+FFFD in the place of every byte that does not fit.
std::string repaired(std::string_view bytes) {
    if (isUtf8(bytes))
        return std::string(bytes);
    std::string text;
    for (std::size_t at = 0; at < bytes.size();) {
        const CodePoint point = codePointAt(bytes, at);
        appendUtf8(text, point.value);
        at += static_cast<std::size_t>(point.bytes);
    }
    return text;
}

}  // namespace

std::string utf8FromUtf16(std::u16string_view units) {
    std::string text;
    text.reserve(units.size());
    for (std::size_t i = 0; i < units.size(); ++i) {
        char32_t value = units[i];
        if (i == 0 && value == 0xFEFF)
            continue;
        if (value >= 0xD800 && value < 0xDC00 && i + 1 < units.size() && units[i + 1] >= 0xDC00 && units[i + 1] < 0xE000) {
            value = 0x10000 + ((value - 0xD800) << 10) + (units[i + 1] - 0xDC00u);
            ++i;
        }
        appendUtf8(text, value);
    }
    return text;
}

Result<std::string> toUtf8(std::string_view bytes, std::string_view declared) {
    if (bytes.starts_with("\xEF\xBB\xBF"))
        return repaired(bytes.substr(3));
    if (bytes.starts_with("\xFF\xFE"))
        return decodeUtf16(bytes, true);
    if (bytes.starts_with("\xFE\xFF"))
        return decodeUtf16(bytes, false);
    if (isUtf8(bytes))
        return std::string(bytes);
    const Charset charset = declared.empty() ? Charset::Windows1252 : charsetNamed(declared);
    switch (charset) {
        case Charset::Utf8:
            return repaired(bytes);
        case Charset::Windows1252:
        case Charset::Latin9:
            return decodeSingleBytes(bytes, charset);
        default:
            break;
    }
    return Status(StatusCode::Unsupported,
                  "skipped: the character set " + oneLine(declared) + " is not read; save the document as UTF-8");
}

std::string withoutControls(std::string_view utf8) {
    std::string text;
    text.reserve(utf8.size());
    for (std::size_t i = 0; i < utf8.size(); ++i) {
        const char c = utf8[i];
        if (c == '\r') {
            if (i + 1 >= utf8.size() || utf8[i + 1] != '\n')
                text.push_back('\n');
        } else if (c == '\f') {
            text += "\n\n";
        } else if (c == '\v') {
            text.push_back('\n');
        } else if (c == '\t' || c == '\n' || static_cast<std::uint8_t>(c) >= 0x20) {
            text.push_back(c);
        }
    }
    return text;
}

}  // namespace engine::worker
