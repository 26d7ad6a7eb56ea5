// tokenizer.model: a bounded reader of strangers' bytes, and a writer.
#include "engine/model/sentencepiece_model.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/engine/model/small_vocabulary.h"

namespace engine {
namespace {

/// Field `number` of wire type 2.
std::string field(int number, const std::string& bytes) {
    EXPECT_LT(bytes.size(), 128U);
    return std::string{static_cast<char>(number << 3 | 2), static_cast<char>(bytes.size())} + bytes;
}

/// Field of wire type 0 with a one-byte value.
std::string number(int field, char value) {
    if (field < 16)
        return {static_cast<char>(field << 3), value};
    return {static_cast<char>((field << 3 & 0x7F) | 0x80), static_cast<char>(field >> 4), value};
}

std::string piece(const std::string& text) { return field(1, field(1, text)); }

/// A model of one piece that keeps text as it is, plus `more`.
std::string plainModel(const std::string& more) {
    return piece("a") + field(2, number(3, 2) + number(35, 1)) +
           field(3, field(1, "identity") + number(3, 1) + number(4, 0)) + more;
}

StatusCode readCode(const std::string& bytes) { return readSentencePieceModel(bytes, "").status().code(); }

TEST(SentencePieceModel, ReadsWhatTheTrainerWrote) {
    const auto model = readSentencePieceProto(readGolden("sentencepiece_bpe.model"));
    ASSERT_TRUE(model.ok()) << model.status().message();
    EXPECT_EQ(model->pieces.size(), 640U);
    EXPECT_EQ(model->scores.size(), 640U);
    EXPECT_EQ(model->types.size(), 640U);
    EXPECT_EQ(model->algorithm, SentencePieceAlgorithm::Bpe);
    EXPECT_TRUE(model->byteFallback);
    EXPECT_TRUE(model->addSpacePrefix);
    EXPECT_FALSE(model->removeExtraSpaces);
    EXPECT_FALSE(model->hasNormaliserRules);
    EXPECT_EQ(model->normaliser, "identity");
    EXPECT_EQ(model->pieces[0], "<unk>");
    EXPECT_EQ(model->types[0], PieceType::Unknown);
    EXPECT_EQ(model->pieces[1], "<s>");
    EXPECT_EQ(model->types[1], PieceType::Control);
    EXPECT_EQ(model->types[3], PieceType::Control);
    EXPECT_EQ(model->types[4], PieceType::UserDefined);
    EXPECT_EQ(model->pieces[5], "<0x00>");
    EXPECT_EQ(model->types[5], PieceType::Byte);
    EXPECT_EQ(model->scores[262], -1.0F);
}

TEST(SentencePieceModel, WhatIsWrittenIsReadBack) {
    SentencePieceModel model;
    model.algorithm = SentencePieceAlgorithm::Bpe;
    model.pieces = {"<unk>", "a", std::string(300, 'b'), "\xE2\x96\x81", "<x>", "<y>", "<0x00>", "old"};
    model.scores = {0, -1.5F, 3.25F, -1e30F, 0, 0, 0, 7};
    model.types = {PieceType::Unknown, PieceType::Normal,      PieceType::Normal, PieceType::Normal,
                   PieceType::Control, PieceType::UserDefined, PieceType::Byte,   PieceType::Unused};
    const auto read = readSentencePieceProto(writeSentencePieceProto(model));
    ASSERT_TRUE(read.ok()) << read.status().message();
    EXPECT_EQ(read->pieces, model.pieces);
    EXPECT_EQ(read->scores, model.scores);
    EXPECT_EQ(read->types, model.types);
    EXPECT_EQ(read->algorithm, model.algorithm);
    EXPECT_TRUE(read->byteFallback);
    EXPECT_FALSE(read->addSpacePrefix);
    EXPECT_FALSE(read->removeExtraSpaces);
    EXPECT_EQ(read->bos, -1);
    EXPECT_EQ(read->eos, -1);
}

TEST(SentencePieceModel, TruncatedFilesAreRefusedOrShorter) {
    const std::string whole = readGolden("sentencepiece_unigram.model");
    const std::size_t pieces = readSentencePieceProto(whole)->pieces.size();
    for (std::size_t bytes = 0; bytes < whole.size(); ++bytes) {
        // A cut between two fields leaves a shorter file that is well-formed.
        const auto read = readSentencePieceProto(std::string_view(whole).substr(0, bytes));
        if (read.ok())
            ASSERT_LE(read->pieces.size(), pieces);
        else
            ASSERT_EQ(read.status().code(), StatusCode::Refused);
    }
}

TEST(SentencePieceModel, DamagedFilesGiveATokenizerOrAReason) {
    const std::string whole = readGolden("sentencepiece_bpe.model");
    std::mt19937 generator(17);
    int refused = 0;
    for (int i = 0; i < 300; ++i) {
        std::string damaged = whole;
        for (unsigned int flips = 1 + generator() % 4; flips > 0; --flips)
            damaged[generator() % damaged.size()] = static_cast<char>(generator() & 0xFF);
        auto vocabulary = readSentencePieceModel(damaged, "");
        if (!vocabulary.ok()) {
            ++refused;
            continue;
        }
        const auto made = createTokenizer(std::move(*vocabulary));
        if (!made.ok()) {
            ++refused;
            continue;
        }
        const Tokenizer& tokenizer = **made;
        const std::string text = "the quick \xFF fox\n";
        EXPECT_EQ(tokenizer.decode(tokenizer.encodeContinuation(text, SpecialTokens::AsText)), text);
    }
    EXPECT_GT(refused, 50);
}

TEST(SentencePieceModel, BrokenFieldsAreRefused) {
    EXPECT_TRUE(readSentencePieceProto(plainModel("")).ok());
    EXPECT_EQ(readSentencePieceProto("").status().code(), StatusCode::Refused);
    EXPECT_EQ(readSentencePieceProto("not a model").status().code(), StatusCode::Refused);
    const std::vector<std::string> broken = {
        std::string("\x0A\x7F", 2),                                           // length past the end
        std::string("\x0A\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", 11),      // length of 2^64 − 1
        std::string("\x08\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x02", 11),      // number past 64 bits
        std::string("\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 12),  // number of eleven bytes
        std::string("\x0B", 1),                                               // a group
        std::string("\x02\x00", 2),                                           // field 0
        std::string("\x08\x01", 2),                                           // pieces as a number
        field(1, std::string("\x15\x00\x00", 3)),                             // half a score
        field(1, std::string("\x10\x01", 2)),                                 // score as a number
        field(1, field(1, "a") + number(3, 9)),                               // an unknown piece type
        field(1, number(1, 1)),                                               // piece text as a number
        field(2, field(3, "x")),                                              // model type as text
        field(3, number(1, 1)),                                               // normaliser's name as a number
    };
    for (std::size_t i = 0; i < broken.size(); ++i)
        EXPECT_EQ(readSentencePieceProto(piece("a") + broken[i]).status().code(), StatusCode::Refused) << i;
    // Fields that this program does not know are passed over.
    EXPECT_TRUE(
        readSentencePieceProto(plainModel(field(4, "self test") + std::string("\x31\x01\x02\x03\x04\x05\x06\x07\x08", 9)))
            .ok());
}

TEST(SentencePieceModel, ModelsThatChangeTextAreUnsupportedByName) {
    EXPECT_EQ(readCode(plainModel("")), StatusCode::Ok);
    const auto rules = readSentencePieceModel(plainModel(field(3, field(1, "nmt_nfkc") + field(2, "rules"))), "");
    EXPECT_EQ(rules.status().code(), StatusCode::Unsupported);
    EXPECT_NE(rules.status().message().find("nmt_nfkc"), std::string::npos);
    // A name without rules changes nothing.
    EXPECT_EQ(readCode(plainModel(field(3, field(1, "nmt_nfkc")))), StatusCode::Ok);
    EXPECT_EQ(readCode(plainModel(field(3, number(4, 1)))), StatusCode::Unsupported);
    EXPECT_EQ(readCode(plainModel(field(3, number(5, 0)))), StatusCode::Unsupported);
    EXPECT_EQ(readCode(plainModel(field(5, field(2, "rules")))), StatusCode::Unsupported);
    EXPECT_EQ(readCode(plainModel(field(2, number(24, 1)))), StatusCode::Unsupported);
    EXPECT_EQ(readCode(plainModel(field(2, number(35, 0)))), StatusCode::Unsupported);
    EXPECT_EQ(readCode(plainModel(field(2, number(3, 3)))), StatusCode::Unsupported);
    EXPECT_EQ(readCode(plainModel(field(2, number(3, 4)))), StatusCode::Unsupported);
}

TEST(SentencePieceModel, TheConfigurationAddsTokensAndNamesTheEnds) {
    const std::string model = readGolden("sentencepiece_bpe.model");
    const auto vocabulary = readSentencePieceModel(
        model, R"({"add_bos_token": false, "eos_token": {"content": "<|end|>"}, "chat_template": "[INST]",
                   "added_tokens_decoder": {"641": {"content": "<|more|>", "special": false},
                                            "640": {"content": "<|end|>", "special": true}}})");
    ASSERT_TRUE(vocabulary.ok()) << vocabulary.status().message();
    EXPECT_EQ(vocabulary->pieces.size(), 642U);
    EXPECT_EQ(vocabulary->scores.size(), 642U);
    EXPECT_EQ(vocabulary->types[640], PieceType::Control);
    EXPECT_EQ(vocabulary->types[641], PieceType::UserDefined);
    EXPECT_FALSE(vocabulary->addBos);
    EXPECT_EQ(vocabulary->eos, 640);
    EXPECT_EQ(vocabulary->bos, 1);
    EXPECT_EQ(vocabulary->chatTemplate, "[INST]");
    const auto tokenizer = makeTokenizer(*vocabulary);
    EXPECT_EQ(tokenizer->encode("<|end|><|more|>", SpecialTokens::Parse), (TokenIds{640, 641}));
    EXPECT_TRUE(readSentencePieceModel(model, "")->addBos);

    const auto code = [&](const std::string& config) { return readSentencePieceModel(model, config).status().code(); };
    EXPECT_EQ(code(R"({"added_tokens_decoder": {"642": {"content": "gap"}}})"), StatusCode::Refused);
    EXPECT_EQ(code(R"({"added_tokens_decoder": {"1": {"content": "other"}}})"), StatusCode::Refused);
    EXPECT_EQ(code(R"({"added_tokens_decoder": {"x": {"content": "other"}}})"), StatusCode::Refused);
    EXPECT_EQ(code(R"({"eos_token": "absent"})"), StatusCode::Refused);
    EXPECT_EQ(code(R"({"eos_token": 7})"), StatusCode::Refused);
    EXPECT_EQ(code(R"({"add_bos_token": "yes"})"), StatusCode::Refused);
    EXPECT_EQ(code("[]"), StatusCode::Refused);
    EXPECT_EQ(code("{"), StatusCode::Refused);
}

}  // namespace
}  // namespace engine
