// GPT-2's byte alphabet: each byte written as one printable character, so that pieces and merges are text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace engine {

/// Bytes 0x21–0x7E, 0xA1–0xAC and 0xAE–0xFF stand for themselves; the others, in order, are U+0100, U+0101, …
std::string byteAlphabetCharacter(std::uint8_t byte);  // UTF-8

/// The bytes that `spelling` writes; nothing when a character is not of the alphabet.
std::optional<std::string> bytesOfSpelling(std::string_view spelling);

}  // namespace engine
