// UTF-8 as ingest and retrieve read it: one code point at a time, any bytes allowed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace engine {

/// What stands for bytes that are not UTF-8.
inline constexpr char32_t kReplacementCharacter = 0xFFFD;

/// One code point and how many bytes it took. Bytes that are not UTF-8 are taken one by one, with valid = false.
struct CodePoint {
    char32_t value = kReplacementCharacter;
    int bytes = 1;
    bool valid = false;
};

/// Reads the code point at `at`, which must be inside `text`. Overlong forms, surrogates and values above U+10FFFF are not
/// valid (Unicode 15, table 3-7).
inline CodePoint codePointAt(std::string_view text, std::size_t at) {
    const auto byteAt = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
    const std::uint8_t first = byteAt(at);
    if (first < 0x80)
        return {first, 1, true};
    const int bytes = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if (first < 0xC2 || first > 0xF4 || text.size() - at < static_cast<std::size_t>(bytes))
        return {};
    char32_t value = first & (0x7Fu >> bytes);
    for (int i = 1; i < bytes; ++i) {
        const std::uint8_t next = byteAt(at + static_cast<std::size_t>(i));
        if ((next & 0xC0) != 0x80)
            return {};
        value = value << 6 | (next & 0x3Fu);
    }
    const bool overlong = (bytes == 3 && value < 0x800) || (bytes == 4 && value < 0x10000);
    if (overlong || (value >= 0xD800 && value < 0xE000) || value > 0x10FFFF)
        return {};
    return {value, bytes, true};
}

/// Appends a code point; surrogates and values above U+10FFFF become U+FFFD.
inline void appendUtf8(std::string& text, char32_t value) {
    if ((value >= 0xD800 && value < 0xE000) || value > 0x10FFFF)
        value = kReplacementCharacter;
    const auto append = [&](char32_t byte) { text.push_back(static_cast<char>(static_cast<unsigned char>(byte))); };
    if (value < 0x80) {
        append(value);
    } else if (value < 0x800) {
        append(0xC0 | value >> 6);
        append(0x80 | (value & 0x3F));
    } else if (value < 0x10000) {
        append(0xE0 | value >> 12);
        append(0x80 | (value >> 6 & 0x3F));
        append(0x80 | (value & 0x3F));
    } else {
        append(0xF0 | value >> 18);
        append(0x80 | (value >> 12 & 0x3F));
        append(0x80 | (value >> 6 & 0x3F));
        append(0x80 | (value & 0x3F));
    }
}

inline bool isUtf8(std::string_view text) {
    for (std::size_t at = 0; at < text.size();) {
        const CodePoint point = codePointAt(text, at);
        if (!point.valid)
            return false;
        at += static_cast<std::size_t>(point.bytes);
    }
    return true;
}

/// Characters (code points) of valid UTF-8; of other bytes, those that do not continue a character.
inline std::int64_t countCharacters(std::string_view text) {
    std::int64_t characters = 0;
    for (const char byte : text)
        characters += (static_cast<std::uint8_t>(byte) & 0xC0) != 0x80;
    return characters;
}

/// The longest beginning of at most `bytes` bytes that cuts no character.
inline std::string_view beginningOf(std::string_view text, std::size_t bytes) {
    if (text.size() <= bytes)
        return text;
    while (bytes > 0 && (static_cast<std::uint8_t>(text[bytes]) & 0xC0) == 0x80)
        --bytes;
    return text.substr(0, bytes);
}

/// White space in the sense of Unicode's White_Space property.
inline bool isWhiteSpace(char32_t value) {
    return value == ' ' || (value >= 0x09 && value <= 0x0D) || value == 0x85 || value == 0xA0 || value == 0x1680 ||
           (value >= 0x2000 && value <= 0x200A) || value == 0x2028 || value == 0x2029 || value == 0x202F ||
           value == 0x205F || value == 0x3000;
}

/// The text on one line: runs of white space and control characters become one space, none at the ends; bytes that are not
/// UTF-8 become U+FFFD.
inline std::string oneLine(std::string_view text) {
    std::string line;
    bool pendingSpace = false;
    for (std::size_t at = 0; at < text.size();) {
        const CodePoint point = codePointAt(text, at);
        at += static_cast<std::size_t>(point.bytes);
        if (isWhiteSpace(point.value) || point.value < 0x20 || point.value == 0x7F) {
            pendingSpace = true;
            continue;
        }
        if (pendingSpace && !line.empty())
            line.push_back(' ');
        pendingSpace = false;
        appendUtf8(line, point.value);
    }
    return line;
}

}  // namespace engine
