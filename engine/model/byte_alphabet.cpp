// GPT-2's byte alphabet, both ways.
#include "engine/model/byte_alphabet.h"

#include "engine/model/unicode_classes.h"

namespace engine {

namespace {

constexpr std::int32_t kFirstStandIn = 0x100;

// The bytes without a printable character of their own are 0x00–0x20, 0x7F–0xA0 and 0xAD: 68 of them.
constexpr int kControls = 0x21;
constexpr int kSecondControls = 0xA1 - 0x7F;

std::int32_t characterOf(std::uint8_t byte) {
    if (byte < 0x21)
        return kFirstStandIn + byte;
    if (byte >= 0x7F && byte <= 0xA0)
        return kFirstStandIn + kControls + (byte - 0x7F);
    if (byte == 0xAD)
        return kFirstStandIn + kControls + kSecondControls;
    return byte;
}

/// −1 when the character is not of the alphabet.
int byteOf(std::int32_t codePoint) {
    if (codePoint < 0)
        return -1;
    if (codePoint < kFirstStandIn)
        return characterOf(static_cast<std::uint8_t>(codePoint)) == codePoint ? codePoint : -1;
    const int index = codePoint - kFirstStandIn;
    if (index < kControls)
        return index;
    if (index < kControls + kSecondControls)
        return 0x7F + index - kControls;
    return index == kControls + kSecondControls ? 0xAD : -1;
}

}  // namespace

std::string byteAlphabetCharacter(std::uint8_t byte) {
    const std::int32_t codePoint = characterOf(byte);
    if (codePoint < 0x80)
        return std::string(1, static_cast<char>(codePoint));
    return {static_cast<char>(0xC0 | (codePoint >> 6)), static_cast<char>(0x80 | (codePoint & 0x3F))};
}

std::optional<std::string> bytesOfSpelling(std::string_view spelling) {
    std::string bytes;
    bytes.reserve(spelling.size());
    for (std::size_t position = 0; position < spelling.size();) {
        const Utf8Character character = utf8At(spelling, position);
        const int byte = byteOf(character.codePoint);
        if (byte < 0)
            return std::nullopt;
        bytes.push_back(static_cast<char>(byte));
        position += static_cast<std::size_t>(character.bytes);
    }
    return bytes;
}

}  // namespace engine
