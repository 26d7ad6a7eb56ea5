// Laws of reading UTF-8: nothing malformed passes, and counting agrees with decoding.
#include "engine/ingest/utf8.h"

#include <gtest/gtest.h>

#include <string>

namespace engine {
namespace {

TEST(Utf8, EveryCodePointRoundTrips) {
    for (char32_t value = 0; value <= 0x10FFFF; ++value) {
        if (value >= 0xD800 && value < 0xE000)
            continue;
        std::string bytes;
        appendUtf8(bytes, value);
        const CodePoint point = codePointAt(bytes, 0);
        ASSERT_TRUE(point.valid) << std::hex << static_cast<std::uint32_t>(value);
        ASSERT_EQ(point.value, value);
        ASSERT_EQ(static_cast<std::size_t>(point.bytes), bytes.size());
    }
}

TEST(Utf8, MalformedBytesAreNotValid) {
    for (const char* bytes : {"\x80", "\xBF", "\xC0\x80", "\xC1\xBF", "\xC3", "\xC3(", "\xE0\x80\x80", "\xE0\x9F\xBF",
                              "\xED\xA0\x80", "\xED\xBF\xBF", "\xE2\x82", "\xF0\x80\x80\x80", "\xF0\x8F\xBF\xBF",
                              "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFE", "\xFF"})
        EXPECT_FALSE(isUtf8(bytes)) << testing::PrintToString(std::string(bytes));
}

TEST(Utf8, SurrogatesAreWrittenAsReplacement) {
    std::string bytes;
    appendUtf8(bytes, 0xD800);
    appendUtf8(bytes, 0x110000);
    EXPECT_EQ(bytes, "\uFFFD\uFFFD");
}

TEST(Utf8, CharactersAreCounted) {
    EXPECT_EQ(countCharacters(""), 0);
    EXPECT_EQ(countCharacters("aä€𠀀"), 4);
}

TEST(Utf8, BeginningsCutNoCharacter) {
    EXPECT_EQ(beginningOf("aä€", 2), "a");
    EXPECT_EQ(beginningOf("aä€", 3), "aä");
    EXPECT_EQ(beginningOf("aä€", 5), "aä");
    EXPECT_EQ(beginningOf("aä€", 6), "aä€");
}

TEST(Utf8, OneLineHoldsNoControlsAndNoEdges) {
    EXPECT_EQ(oneLine("  a\r\n\tb\x01\x7F c\u00A0\u3000d \n"), "a b c d");
    EXPECT_EQ(oneLine("a\xFF"
                      "b"),
              "a\uFFFDb");
}

}  // namespace
}  // namespace engine
