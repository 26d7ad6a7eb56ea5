// tokenizer.json: which pipelines are recognised, and that everything else is refused with its reason.
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "engine/model/bounded_json.h"
#include "engine/model/sentencepiece_model.h"
#include "tests/engine/model/small_vocabulary.h"

namespace engine {
namespace {

using nlohmann::json;

const std::string kSpace = "\xE2\x96\x81";

// As they stand in the files of Qwen 2 and Llama 3.
const std::string kQwen2 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
const std::string kLlama3 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

json byteLevel(bool useRegex) { return {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", useRegex}}; }
json sequence(std::vector<json> steps) { return {{"type", "Sequence"}, {"pretokenizers", std::move(steps)}}; }
json split(const std::string& pattern) {
    return {{"type", "Split"}, {"pattern", {{"Regex", pattern}}}, {"behavior", "Isolated"}, {"invert", false}};
}

/// 256 bytes, "ab" and "abc", and an added control token behind them.
json byteLevelFile() {
    const Vocabulary vocabulary = byteLevelVocabulary({{"a", "b"}, {"ab", "c"}}, {});
    json vocab = json::object();
    for (std::size_t i = 0; i < vocabulary.pieces.size(); ++i)
        vocab[vocabulary.pieces[i]] = i;
    return {{"added_tokens",
             {{{"id", 258}, {"content", "<|im_end|>"}, {"special", true}},
              {{"id", 259}, {"content", "<tool>"}, {"special", false}}}},
            {"normalizer", nullptr},
            {"pre_tokenizer", byteLevel(true)},
            {"model", {{"type", "BPE"}, {"vocab", vocab}, {"merges", {"a b", "ab c"}}}}};
}

Result<Vocabulary> read(const json& file, const std::string& config = "") { return readTokenizerJson(file.dump(), config); }

/// The small trained SentencePiece model, written the way Llama 2's and Mistral's tokenizer.json are.
json sentencePieceFile() {
    const SentencePieceModel model = *readSentencePieceProto(readGolden("sentencepiece_bpe.model"));
    json vocab = json::object();
    json added = json::array();
    std::vector<std::size_t> normal;
    for (std::size_t i = 0; i < model.pieces.size(); ++i) {
        vocab[model.pieces[i]] = i;
        if (model.types[i] == PieceType::Normal)
            normal.push_back(i);
        else if (model.types[i] != PieceType::Byte)
            added.push_back(
                {{"id", i}, {"content", model.pieces[i]}, {"special", model.types[i] != PieceType::UserDefined}});
    }
    std::stable_sort(normal.begin(), normal.end(),
                     [&](std::size_t a, std::size_t b) { return model.scores[a] > model.scores[b]; });
    const auto isNormal = [&](const std::string& piece) {
        return vocab.contains(piece) && model.types[vocab[piece].get<std::size_t>()] == PieceType::Normal;
    };
    json merges = json::array();
    for (const std::size_t id : normal) {
        const std::string& piece = model.pieces[id];
        for (std::size_t cut = 1; cut < piece.size(); ++cut) {
            if (isNormal(piece.substr(0, cut)) && isNormal(piece.substr(cut)))
                merges.push_back({piece.substr(0, cut), piece.substr(cut)});
        }
    }
    return {
        {"added_tokens", added},
        {"normalizer",
         {{"type", "Sequence"},
          {"normalizers",
           {{{"type", "Prepend"}, {"prepend", kSpace}},
            {{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", kSpace}}}}}},
        {"pre_tokenizer", nullptr},
        {"model", {{"type", "BPE"}, {"unk_token", "<unk>"}, {"byte_fallback", true}, {"vocab", vocab}, {"merges", merges}}}};
}

TEST(TokenizerJson, ByteLevelFilesAreRead) {
    const auto vocabulary = read(byteLevelFile());
    ASSERT_TRUE(vocabulary.ok()) << vocabulary.status().message();
    EXPECT_EQ(vocabulary->kind, VocabularyKind::Bpe);
    EXPECT_EQ(vocabulary->types[258], PieceType::Control);
    EXPECT_EQ(vocabulary->types[259], PieceType::UserDefined);
    EXPECT_EQ(vocabulary->stopIds, TokenIds{258});
    EXPECT_FALSE(vocabulary->bos);
    const auto tokenizer = makeTokenizer(*vocabulary);
    EXPECT_EQ(tokenizer->encode("abc<|im_end|><tool>", SpecialTokens::Parse), (TokenIds{257, 258, 259}));
    EXPECT_EQ(tokenizer->encode("ab<", SpecialTokens::AsText), (TokenIds{256, '<'}));
}

TEST(TokenizerJson, KnownPreTokenizersAreRecognised) {
    const auto kind = [](const json& preTokenizer) -> std::optional<PreTokenizer> {
        json file = byteLevelFile();
        file["pre_tokenizer"] = preTokenizer;
        const auto vocabulary = read(file);
        EXPECT_TRUE(vocabulary.ok()) << vocabulary.status().message();
        return vocabulary.ok() ? std::optional(vocabulary->preTokenizer) : std::nullopt;
    };
    EXPECT_EQ(kind(byteLevel(true)), PreTokenizer::Gpt2);
    EXPECT_EQ(kind(sequence({{{"type", "Digits"}, {"individual_digits", true}}, byteLevel(true)})), PreTokenizer::Smollm);
    EXPECT_EQ(kind(sequence({split(kQwen2), byteLevel(false)})), PreTokenizer::Qwen2);
    EXPECT_EQ(kind(sequence({split(kLlama3), byteLevel(false)})), PreTokenizer::LlamaBpe);
}

TEST(TokenizerJson, MergesMayBePairs) {
    json file = byteLevelFile();
    file["model"]["merges"] = json::array({json::array({"a", "b"}), json::array({"ab", "c"})});
    const auto vocabulary = read(file);
    ASSERT_TRUE(vocabulary.ok()) << vocabulary.status().message();
    EXPECT_EQ(vocabulary->merges, read(byteLevelFile())->merges);
}

TEST(TokenizerJson, OptionsOfTheModelAreKept) {
    json file = byteLevelFile();
    file["model"]["ignore_merges"] = true;
    file["normalizer"] = {{"type", "NFC"}};
    file["post_processor"] = {{"type", "Sequence"},
                              {"processors",
                               {{{"type", "ByteLevel"}},
                                {{"type", "TemplateProcessing"},
                                 {"single", {{{"SpecialToken", {{"id", "<|im_end|>"}}}}, {{"Sequence", {{"id", "A"}}}}}}}}}};
    const std::string config = R"({"bos_token": "<|im_end|>", "chat_template": [{"name": "tool", "template": "x"},
                                   {"name": "default", "template": "<|im_start|>"}]})";
    const auto vocabulary = read(file, config);
    ASSERT_TRUE(vocabulary.ok()) << vocabulary.status().message();
    EXPECT_TRUE(vocabulary->ignoreMerges);
    EXPECT_TRUE(vocabulary->addBos);
    EXPECT_EQ(vocabulary->bos, 258);
    EXPECT_EQ(vocabulary->chatTemplate, "<|im_start|>");
    EXPECT_FALSE(read(file, R"({"bos_token": "<|im_end|>", "add_bos_token": false})")->addBos);
}

TEST(TokenizerJson, AConvertedSentencePieceModelGivesTheSameIdsAsTheModel) {
    const auto vocabulary = read(sentencePieceFile());
    ASSERT_TRUE(vocabulary.ok()) << vocabulary.status().message();
    EXPECT_EQ(vocabulary->kind, VocabularyKind::SentencePiece);
    EXPECT_TRUE(vocabulary->addSpacePrefix);
    const auto tokenizer = makeTokenizer(*vocabulary);
    for (const auto& entry : keptCorpus())
        EXPECT_EQ(tokenizer->encode(entry.at("text").get<std::string>(), SpecialTokens::AsText),
                  entry.at("sentencepiece_bpe_ids").get<TokenIds>())
            << entry.dump();
}

TEST(TokenizerJson, MergesWithoutASentencePieceEqualAreUnsupported) {
    json absent = sentencePieceFile();
    json& merges = absent["model"]["merges"];
    merges.erase(merges.begin() + static_cast<std::ptrdiff_t>(merges.size() / 2));
    EXPECT_EQ(read(absent).status().code(), StatusCode::Unsupported);
    json apart = sentencePieceFile();
    apart["model"]["merges"].push_back(apart["model"]["merges"].front());
    EXPECT_EQ(read(apart).status().code(), StatusCode::Unsupported);
    json unknown = sentencePieceFile();
    unknown["model"]["merges"].push_back({"no such", "piece"});
    EXPECT_EQ(read(unknown).status().code(), StatusCode::Refused);
    json metaspace = sentencePieceFile();
    metaspace["normalizer"] = nullptr;
    metaspace["pre_tokenizer"] = {
        {"type", "Metaspace"}, {"replacement", kSpace}, {"prepend_scheme", "first"}, {"split", false}};
    EXPECT_EQ(read(metaspace).status().code(), StatusCode::Unsupported);
    metaspace["pre_tokenizer"]["prepend_scheme"] = "never";
    const auto vocabulary = read(metaspace);
    ASSERT_TRUE(vocabulary.ok()) << vocabulary.status().message();
    EXPECT_FALSE(vocabulary->addSpacePrefix);
}

TEST(TokenizerJson, UnknownPipelinesAreUnsupportedByName) {
    const auto message = [](const json& file) {
        const auto vocabulary = read(file);
        EXPECT_EQ(vocabulary.status().code(), StatusCode::Unsupported);
        return vocabulary.status().message();
    };
    json file = byteLevelFile();
    file["model"]["type"] = "WordPiece";
    EXPECT_NE(message(file).find("WordPiece"), std::string::npos);
    file = byteLevelFile();
    file["normalizer"] = {{"type", "Lowercase"}};
    EXPECT_NE(message(file).find("Lowercase"), std::string::npos);
    file = byteLevelFile();
    file["pre_tokenizer"] = {{"type", "Whitespace"}};
    EXPECT_NE(message(file).find("Whitespace"), std::string::npos);
    file["pre_tokenizer"] = nullptr;
    message(file);
    file["pre_tokenizer"] = sequence({split(R"(\d+)"), byteLevel(false)});
    EXPECT_NE(message(file).find("d+"), std::string::npos);
    file["pre_tokenizer"] = sequence({split(kQwen2), byteLevel(true)});
    message(file);
    file["pre_tokenizer"] = {{"type", "ByteLevel"}, {"add_prefix_space", true}};
    message(file);
    file = byteLevelFile();
    file["model"]["end_of_word_suffix"] = "</w>";
    EXPECT_NE(message(file).find("</w>"), std::string::npos);
    file = byteLevelFile();
    file["model"]["dropout"] = 0.1;
    message(file);
}

TEST(TokenizerJson, MalformedFilesAreRefused) {
    const auto code = [](const json& file) { return read(file).status().code(); };
    EXPECT_EQ(code(byteLevelFile()), StatusCode::Ok);
    for (const char* text : {"", "{", "[]", "7", "{}", R"({"model": 7})", R"({"model": {"type": "BPE"}})"})
        EXPECT_EQ(readTokenizerJson(text, "").status().code(), StatusCode::Refused) << text;
    json file = byteLevelFile();
    file["model"]["vocab"]["a"] = "7";
    EXPECT_EQ(code(file), StatusCode::Refused);
    file["model"]["vocab"]["a"] = -1;
    EXPECT_EQ(code(file), StatusCode::Refused);
    file["model"]["vocab"]["a"] = 98;  // b's
    EXPECT_EQ(code(file), StatusCode::Refused);
    file["model"]["vocab"]["a"] = 5'000'000'000;
    EXPECT_EQ(code(file), StatusCode::Refused);
    file = byteLevelFile();
    file["added_tokens"][1]["id"] = 300;  // a gap
    EXPECT_EQ(code(file), StatusCode::Refused);
    file["added_tokens"][1] = "text";
    EXPECT_EQ(code(file), StatusCode::Refused);
    file["added_tokens"] = 3;
    EXPECT_EQ(code(file), StatusCode::Refused);
    for (const json& merge :
         {json("ab"), json("a b c"), json({"a"}), json({"a", 1}), json(5), json({"", "a"}), json(" a")}) {
        file = byteLevelFile();
        file["model"]["merges"].push_back(merge);
        EXPECT_EQ(code(file), StatusCode::Refused) << merge;
    }
    file = byteLevelFile();
    file["model"]["merges"].push_back("x y");
    const auto vocabulary = read(file);
    ASSERT_TRUE(vocabulary.ok());
    EXPECT_EQ(createTokenizer(*vocabulary).status().code(), StatusCode::Refused);
}

TEST(BoundedJson, BoundsAndRepeatedKeysAreRefused) {
    const auto parse = [](const std::string& text, int depth = 4) { return parseBoundedJson(text, {1000, depth}); };
    EXPECT_TRUE(parse(R"({"a": [{"b": 1}], "c": {"b": 2}})").ok());
    EXPECT_EQ(parse(R"({"a": 1, "b": {"c": 1, "c": 2}})").status().code(), StatusCode::Refused);
    EXPECT_EQ(parse(R"({"a": 1, "\u0061": 2})").status().code(), StatusCode::Refused);
    EXPECT_TRUE(parse("[[[[]]]]").ok());
    EXPECT_EQ(parse("[[[[[]]]]]").status().code(), StatusCode::Refused);
    EXPECT_EQ(parse("[" + std::string(1000, ' ') + "]").status().code(), StatusCode::Refused);
    EXPECT_EQ(parse("[1] x").status().code(), StatusCode::Refused);
    EXPECT_EQ(parse("\"\xFF\"").status().code(), StatusCode::Refused);
    // A million brackets: refused at the fifth, no recursion.
    EXPECT_EQ(parseBoundedJson(std::string(1'000'000, '['), {2'000'000, 4}).status().code(), StatusCode::Refused);
}

}  // namespace
}  // namespace engine
