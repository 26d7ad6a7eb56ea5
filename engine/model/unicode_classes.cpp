// UTF-8 decoding by the table of well-formed sequences (Unicode 15, table 3-7); classes by utf8proc's general categories.
#include "engine/model/unicode_classes.h"

#include <utf8proc.h>

namespace engine {

namespace {

bool isSpace(std::int32_t codePoint) {
    if (codePoint < 0x80)
        return codePoint == ' ' || (codePoint >= '\t' && codePoint <= '\r');
    // White_Space is a property of its own: the separators' categories and U+0085.
    return codePoint == 0x85 || codePoint == 0xA0 || codePoint == 0x1680 || (codePoint >= 0x2000 && codePoint <= 0x200A) ||
           codePoint == 0x2028 || codePoint == 0x2029 || codePoint == 0x202F || codePoint == 0x205F || codePoint == 0x3000;
}

}  // namespace

Utf8Character utf8At(std::string_view text, std::size_t position) {
    const auto byteAt = [&](std::size_t offset) {
        return static_cast<std::int32_t>(static_cast<unsigned char>(text[position + offset]));
    };
    const std::size_t left = text.size() - position;
    const std::int32_t lead = byteAt(0);
    if (lead < 0x80)
        return {lead, 1};
    int bytes = 0;
    std::int32_t least = 0x80;  // bounds of the second byte exclude overlong forms, surrogates and values past U+10FFFF
    std::int32_t greatest = 0xBF;
    std::int32_t codePoint = 0;
    if (lead >= 0xC2 && lead <= 0xDF) {
        bytes = 2;
        codePoint = lead & 0x1F;
    } else if (lead >= 0xE0 && lead <= 0xEF) {
        bytes = 3;
        codePoint = lead & 0x0F;
        if (lead == 0xE0)
            least = 0xA0;
        if (lead == 0xED)
            greatest = 0x9F;
    } else if (lead >= 0xF0 && lead <= 0xF4) {
        bytes = 4;
        codePoint = lead & 0x07;
        if (lead == 0xF0)
            least = 0x90;
        if (lead == 0xF4)
            greatest = 0x8F;
    } else {
        return {};
    }
    if (left < static_cast<std::size_t>(bytes) || byteAt(1) < least || byteAt(1) > greatest)
        return {};
    for (int i = 1; i < bytes; ++i) {
        const std::int32_t next = byteAt(static_cast<std::size_t>(i));
        if ((next & 0xC0) != 0x80)
            return {};
        codePoint = (codePoint << 6) | (next & 0x3F);
    }
    return {codePoint, bytes};
}

bool isUtf8(std::string_view text) {
    for (std::size_t position = 0; position < text.size();) {
        const Utf8Character character = utf8At(text, position);
        if (!character.valid())
            return false;
        position += static_cast<std::size_t>(character.bytes);
    }
    return true;
}

CharacterClass characterClass(std::int32_t codePoint) {
    if (codePoint < 0)
        return CharacterClass::Other;
    if (isSpace(codePoint))
        return CharacterClass::Space;
    if (codePoint < 0x80) {
        const std::int32_t lower = codePoint | 0x20;
        if (lower >= 'a' && lower <= 'z')
            return CharacterClass::Letter;
        return codePoint >= '0' && codePoint <= '9' ? CharacterClass::Number : CharacterClass::Other;
    }
    switch (utf8proc_category(codePoint)) {
        case UTF8PROC_CATEGORY_LU:
        case UTF8PROC_CATEGORY_LL:
        case UTF8PROC_CATEGORY_LT:
        case UTF8PROC_CATEGORY_LM:
        case UTF8PROC_CATEGORY_LO:
            return CharacterClass::Letter;
        case UTF8PROC_CATEGORY_ND:
        case UTF8PROC_CATEGORY_NL:
        case UTF8PROC_CATEGORY_NO:
            return CharacterClass::Number;
        default:
            return CharacterClass::Other;
    }
}

}  // namespace engine
