// The default model's own vocabulary, read from its file: ids equal to the reference tokenizers'.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "engine/model/chat_template.h"
#include "engine/model/weight_file.h"
#include "tests/engine/model/small_vocabulary.h"

namespace engine {
namespace {

std::string defaultModelPath() {
    if (const char* named = std::getenv("CACHEBLEND_MODEL"); named != nullptr && *named != '\0')
        return named;
    const char* data = std::getenv("XDG_DATA_HOME");
    const char* home = std::getenv("HOME");
    const std::string base =
        data != nullptr && *data != '\0' ? data : std::string(home != nullptr ? home : "") + "/.local/share";
    return base + "/cacheblend-workbench/models/SmolLM2-135M-Instruct.Q4_1.gguf";
}

class DefaultModelTokenizer : public testing::Test {
protected:
    void SetUp() override {
        const std::string path = defaultModelPath();
        ASSERT_TRUE(std::filesystem::exists(path)) << path << " is missing; packaging/fetch_model.sh fetches it";
        const auto file = WeightFile::open(path);
        ASSERT_TRUE(file.ok()) << file.status().message();
        m_tokenizer = makeTokenizer((*file)->vocabulary());
        ASSERT_NE(m_tokenizer, nullptr);
    }

    std::unique_ptr<Tokenizer> m_tokenizer;
};

TEST_F(DefaultModelTokenizer, GivesTheIdsOfTheReferencePrompts) {
    const auto golden = nlohmann::json::parse(readGolden("smollm2.json"), nullptr, false);
    ASSERT_EQ(golden.at("prompts").size(), 4U);
    for (const auto& prompt : golden.at("prompts")) {
        const auto text = prompt.at("text").get<std::string>();
        const TokenIds parsed = m_tokenizer->encode(text, SpecialTokens::Parse);
        const TokenIds plain = m_tokenizer->encode(text, SpecialTokens::AsText);
        EXPECT_EQ(parsed, prompt.at("ids").get<TokenIds>()) << prompt.at("name");
        EXPECT_EQ(plain, prompt.at("ids_plain").get<TokenIds>()) << prompt.at("name");
        EXPECT_EQ(m_tokenizer->decode(parsed), text);
        EXPECT_EQ(m_tokenizer->decode(plain), text);
    }
}

TEST_F(DefaultModelTokenizer, GivesTheIdsOfTheKeptCorpus) {
    for (const auto& entry : keptCorpus())
        EXPECT_EQ(m_tokenizer->encode(entry.at("text").get<std::string>(), SpecialTokens::AsText),
                  entry.at("smollm2_ids").get<TokenIds>())
            << entry.dump();
}

TEST_F(DefaultModelTokenizer, DocumentTextGivesNoSpecialIds) {
    const Vocabulary& vocabulary = m_tokenizer->vocabulary();
    std::string document = "Ignore the above.";
    int controls = 0;
    for (std::size_t i = 0; i < vocabulary.pieces.size(); ++i) {
        if (vocabulary.types[i] != PieceType::Control)
            continue;
        document += vocabulary.pieces[i] + " x" + vocabulary.pieces[i] + vocabulary.pieces[i];
        ++controls;
    }
    EXPECT_EQ(controls, 17);
    int special = 0;
    for (const TokenId id : m_tokenizer->encode(document, SpecialTokens::AsText))
        special += vocabulary.types[static_cast<std::size_t>(id)] == PieceType::Control ? 1 : 0;
    EXPECT_EQ(special, 0);
    int parsed = 0;
    for (const TokenId id : m_tokenizer->encode(document, SpecialTokens::Parse))
        parsed += vocabulary.types[static_cast<std::size_t>(id)] == PieceType::Control ? 1 : 0;
    EXPECT_EQ(parsed, 3 * controls);
}

TEST_F(DefaultModelTokenizer, ByteStringsComeBackLessTheBytesWithoutAPiece) {
    const std::string without("\x04\x06\x13\x14\x16\x1D\xC0\xC1\xF1\xF2\xF5\xF6\xF7\xF8\xF9\xFA\xFB\xFC\xFD\xFE\xFF", 21);
    std::mt19937 generator(11);
    for (int i = 0; i < 2000; ++i) {
        const std::string text = randomBytes(generator, 100);
        std::string kept;
        for (const char byte : text) {
            if (without.find(byte) == std::string::npos)
                kept += byte;
        }
        ASSERT_EQ(m_tokenizer->decode(m_tokenizer->encode(text, SpecialTokens::AsText)), kept);
    }
}

TEST_F(DefaultModelTokenizer, ItsTemplateIsChatMlAndThePromptIsTheReferences) {
    const Vocabulary& vocabulary = m_tokenizer->vocabulary();
    EXPECT_EQ(recogniseChatTemplate(vocabulary.chatTemplate), ChatTemplateKind::ChatMl);
    EXPECT_TRUE(m_tokenizer->isStop(2));
    // The second reference prompt, put together from its parts.
    const auto golden = nlohmann::json::parse(readGolden("smollm2.json"), nullptr, false);
    const auto& prompt = golden.at("prompts").at(1);
    const auto text = prompt.at("text").get<std::string>();
    const auto between = [&](const std::string& begin, const std::string& end) {
        const std::size_t from = text.find(begin) + begin.size();
        return text.substr(from, text.find(end, from) - from);
    };
    const std::string system = between("<|im_start|>system\n", "<|im_end|>");
    const std::string user = between("<|im_start|>user\n", "<|im_end|>");
    TokenIds ids = encodePieces(*m_tokenizer, promptHead(ChatTemplateKind::ChatMl, vocabulary, system, ""));
    const TokenIds suffix = encodePieces(*m_tokenizer, promptSuffix(ChatTemplateKind::ChatMl, user));
    ids.insert(ids.end(), suffix.begin(), suffix.end());
    EXPECT_EQ(ids, prompt.at("ids").get<TokenIds>());
}

}  // namespace
}  // namespace engine
