// UTF-8 decoding and character classes.
#include "engine/model/unicode_classes.h"

#include <gtest/gtest.h>

#include <string>

namespace engine {
namespace {

TEST(UnicodeClasses, WellFormedCharactersAreDecoded) {
    const std::string text = "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80";
    EXPECT_EQ(utf8At(text, 0).codePoint, 'a');
    EXPECT_EQ(utf8At(text, 1).codePoint, 0xE9);
    EXPECT_EQ(utf8At(text, 1).bytes, 2);
    EXPECT_EQ(utf8At(text, 3).codePoint, 0x20AC);
    EXPECT_EQ(utf8At(text, 6).codePoint, 0x1F600);
    EXPECT_EQ(utf8At(text, 6).bytes, 4);
}

TEST(UnicodeClasses, WhatIsNotUtf8IsOneByte) {
    for (const std::string bytes :
         {"\x80", "\xC0\x80", "\xC1\xBF", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80",
          "\xF5\x80\x80\x80", "\xFF", "\xC3", "\xE2\x82", "\xF0\x9F\x98", "\xC3(", "\xE2\x82("}) {
        EXPECT_FALSE(utf8At(bytes, 0).valid()) << testing::PrintToString(bytes);
        EXPECT_EQ(utf8At(bytes, 0).bytes, 1);
        EXPECT_FALSE(isUtf8(bytes));
    }
}

TEST(UnicodeClasses, EveryCodePointSurvivesDecoding) {
    for (std::int32_t code = 0; code <= 0x10FFFF; ++code) {
        const int bytes = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
        constexpr int kLeads[] = {0, 0, 0xC0, 0xE0, 0xF0};
        std::string text(1, static_cast<char>(kLeads[bytes] | (code >> (6 * (bytes - 1)))));
        for (int shift = 6 * (bytes - 2); shift >= 0; shift -= 6)
            text.push_back(static_cast<char>(0x80 | ((code >> shift) & 0x3F)));
        const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
        const Utf8Character character = utf8At(text, 0);
        ASSERT_EQ(character.codePoint, surrogate ? -1 : code);
        ASSERT_EQ(character.bytes, surrogate ? 1 : bytes);
    }
}

TEST(UnicodeClasses, SpacesAreExactlyUnicodeWhiteSpace) {
    std::string found;
    for (std::int32_t code = 0; code <= 0x10FFFF; ++code) {
        if (characterClass(code) == CharacterClass::Space)
            found += std::to_string(code) + " ";
    }
    // White_Space of PropList.txt: U+0009–000D, 0020, 0085, 00A0, 1680, 2000–200A, 2028, 2029, 202F, 205F, 3000.
    EXPECT_EQ(
        found,
        "9 10 11 12 13 32 133 160 5760 8192 8193 8194 8195 8196 8197 8198 8199 8200 8201 8202 8232 8233 8239 8287 12288 ");
}

TEST(UnicodeClasses, LettersAndNumbersOfAllScripts) {
    for (const std::int32_t letter :
         {0x7A, 0x41, 0xAA, 0xE9, 0x2B0, 0x3B1, 0x416, 0x5D0, 0x627, 0x905, 0x4E2D, 0xAC00, 0x1C5, 0x10400})
        EXPECT_EQ(characterClass(letter), CharacterClass::Letter) << letter;
    for (const std::int32_t number : {0x30, 0xB2, 0xBD, 0x661, 0x2163, 0x2460, 0x3007, 0xFF15, 0x1D7D8})
        EXPECT_EQ(characterClass(number), CharacterClass::Number) << number;
    for (const std::int32_t other : {0x5F, 0x27, 0, 0x7F, 0x300, 0x200B, 0x200D, 0x20AC, 0x1F600, 0x180E, 0xE000, -1})
        EXPECT_EQ(characterClass(other), CharacterClass::Other) << other;
}

}  // namespace
}  // namespace engine
