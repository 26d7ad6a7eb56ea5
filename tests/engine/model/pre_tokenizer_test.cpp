// Words before merging: equal to the reference patterns', and nothing of a text is lost.
#include "engine/model/pre_tokenizer.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/engine/model/small_vocabulary.h"

namespace engine {
namespace {

std::vector<std::string> words(PreTokenizer kind, std::string_view text) {
    std::vector<std::string> found;
    while (!text.empty()) {
        const std::size_t bytes = firstWordBytes(kind, text);
        if (bytes == 0 || bytes > text.size()) {
            ADD_FAILURE() << "a word of " << bytes << " bytes of " << text.size();
            break;
        }
        found.emplace_back(text.substr(0, bytes));
        text.remove_prefix(bytes);
    }
    return found;
}

using Words = std::vector<std::string>;

constexpr std::pair<PreTokenizer, const char*> kKinds[] = {{PreTokenizer::Gpt2, "gpt2"},
                                                           {PreTokenizer::Smollm, "smollm"},
                                                           {PreTokenizer::Qwen2, "qwen2"},
                                                           {PreTokenizer::LlamaBpe, "llama_bpe"}};

TEST(PreTokenizer, CutsAsTheReferenceDoes) {
    for (const auto& entry : keptCorpus()) {
        const auto text = entry.at("text").get<std::string>();
        for (const auto& [kind, name] : kKinds) {
            std::vector<std::size_t> sizes;
            for (const std::string& word : words(kind, text))
                sizes.push_back(word.size());
            EXPECT_EQ(sizes, entry.at(name).get<std::vector<std::size_t>>()) << name << ": " << entry.dump();
        }
    }
}

TEST(PreTokenizer, Gpt2KeepsRunsOfDigitsAndSmollmCutsEach) {
    EXPECT_EQ(words(PreTokenizer::Gpt2, "in 1987, a1"), (Words{"in", " 1987", ",", " a", "1"}));
    EXPECT_EQ(words(PreTokenizer::Smollm, "in 1987, a1"), (Words{"in", " ", "1", "9", "8", "7", ",", " a", "1"}));
    EXPECT_EQ(words(PreTokenizer::Qwen2, "in 1987"), (Words{"in", " ", "1", "9", "8", "7"}));
    EXPECT_EQ(words(PreTokenizer::LlamaBpe, "in 1987"), (Words{"in", " ", "198", "7"}));
}

TEST(PreTokenizer, SpacesBeforeADigitStayTogetherOnlyWhereDigitsEndTheText) {
    EXPECT_EQ(words(PreTokenizer::Gpt2, "a   1"), (Words{"a", "  ", " 1"}));
    EXPECT_EQ(words(PreTokenizer::Smollm, "a   1"), (Words{"a", "   ", "1"}));
    EXPECT_EQ(words(PreTokenizer::LlamaBpe, "a   1"), (Words{"a", "  ", " ", "1"}));
}

TEST(PreTokenizer, ContractionsIgnoreCaseOnlyInTheNewerPatterns) {
    EXPECT_EQ(words(PreTokenizer::Gpt2, "we'll WE'LL"), (Words{"we", "'ll", " WE", "'", "LL"}));
    EXPECT_EQ(words(PreTokenizer::Qwen2, "we'll WE'LL"), (Words{"we", "'ll", " WE", "'LL"}));
    EXPECT_EQ(words(PreTokenizer::LlamaBpe,
                    "it'\xC5\xBF"
                    "a"),
              (Words{"it", "'\xC5\xBF", "a"}));
}

TEST(PreTokenizer, NewerPatternsKeepLineBreaksTogether) {
    EXPECT_EQ(words(PreTokenizer::Qwen2, "x \n\n  y;\r\n\r\nz"), (Words{"x", " \n\n", " ", " y", ";\r\n\r\n", "z"}));
    EXPECT_EQ(words(PreTokenizer::Gpt2, "x \n\n  y"), (Words{"x", " \n\n ", " y"}));
}

TEST(PreTokenizer, EveryByteStringIsCutIntoWordsThatJoinToIt) {
    std::mt19937 generator(3);
    for (int i = 0; i < 2000; ++i) {
        const std::string text = randomBytes(generator, 60);
        for (const auto& [kind, name] : kKinds) {
            std::string joined;
            for (const std::string& word : words(kind, text))
                joined += word;
            ASSERT_EQ(joined, text) << name;
        }
    }
}

TEST(PreTokenizer, BytesThatAreNotUtf8AreNeitherLettersNorSpaces) {
    EXPECT_EQ(words(PreTokenizer::Gpt2, "a\xFF\xC3 b"), (Words{"a", "\xFF\xC3", " b"}));
}

TEST(PreTokenizer, LongRunsAreOneWord) {
    // 64 MiB of one letter and 4 MiB of line breaks and spaces: a recursive or back-tracking matcher would not come back.
    EXPECT_EQ(firstWordBytes(PreTokenizer::LlamaBpe, std::string(std::size_t{64} << 20, 'a')), std::size_t{64} << 20);
    std::string breaks;
    while (breaks.size() < (std::size_t{4} << 20))
        breaks += "\n ";
    EXPECT_EQ(words(PreTokenizer::Qwen2, breaks), (Words{breaks.substr(0, breaks.size() - 1), " "}));
    EXPECT_EQ(words(PreTokenizer::Smollm, breaks).size(), 1U);
}

}  // namespace
}  // namespace engine
