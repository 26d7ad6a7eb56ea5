// UTF-8 decoding and the Unicode character classes that tokenizers distinguish.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace engine {

/// One character of a text, or one byte that is not part of well-formed UTF-8.
struct Utf8Character {
    std::int32_t codePoint = -1;  // −1: a byte that is not UTF-8
    int bytes = 1;

    bool valid() const { return codePoint >= 0; }
};

/// The character that starts at `position` (< text.size()). Strict: overlong forms, surrogates and values past U+10FFFF are
/// not UTF-8.
Utf8Character utf8At(std::string_view text, std::size_t position);
bool isUtf8(std::string_view text);

/// Letter = \p{L}, Number = \p{N}, Space = Unicode White_Space (\s); Other = everything else, bytes that are not UTF-8
/// included.
enum class CharacterClass : std::uint8_t { Letter, Number, Space, Other };

CharacterClass characterClass(std::int32_t codePoint);

}  // namespace engine
