// Characters that arrive in pieces.
#include "engine/session/utf8_stream.h"

#include <gtest/gtest.h>

#include <vector>

namespace {

std::vector<std::string> pieces(const std::vector<std::string>& bytes) {
    std::vector<std::string> result;
    engine::Utf8Stream stream([&](std::string_view piece) { result.emplace_back(piece); });
    for (const std::string& part : bytes)
        stream.add(part);
    stream.finish();
    return result;
}

TEST(Utf8Stream, HoldsBackWhatIsNotYetACharacter) {
    EXPECT_EQ(pieces({"a\xE2", "\x82",
                      "\xAC"
                      "b"}),
              (std::vector<std::string>{"a",
                                        "\xE2\x82\xAC"
                                        "b"}));
    EXPECT_EQ(pieces({"\xF0\x9F", "\x98\x80"}), (std::vector<std::string>{"\xF0\x9F\x98\x80"}));
}

TEST(Utf8Stream, ReplacesWhatCanNeverBeOne) {
    EXPECT_EQ(pieces({"\xFFx"}), (std::vector<std::string>{"\xEF\xBF\xBDx"}));
    EXPECT_EQ(pieces({"\xE2\x82", "x"}), (std::vector<std::string>{"\xEF\xBF\xBDx"}));
    EXPECT_EQ(pieces({"\xC0\xAF"}), (std::vector<std::string>{"\xEF\xBF\xBD\xEF\xBF\xBD"}));                  // overlong
    EXPECT_EQ(pieces({"\xED\xA0\x80"}), (std::vector<std::string>{"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"}));  // surrogate
}

TEST(Utf8Stream, EndsWithAReplacementForARest) {
    EXPECT_EQ(pieces({"ok\xE2\x82"}), (std::vector<std::string>{"ok", "\xEF\xBF\xBD"}));
}

}  // namespace
