// What a GGUF file says about its model: hyper-parameters, vocabulary and tensors, right and wrong.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "engine/model/weight_file.h"
#include "tests/engine/model/gguf_writer.h"

namespace {

using engine::StatusCode;
using engine::TensorRole;
using engine::WeightFile;
using gguf_test::Bytes;
using gguf_test::File;
using gguf_test::smallModel;
using gguf_test::TemporaryFile;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

struct Case {
    const char* rule;
    const char* architecture;
    std::function<void(File&)> breakIt;
    const char* reason;  // part of the message
    StatusCode code = StatusCode::Refused;
};

constexpr StatusCode kUnsupported = StatusCode::Unsupported;

void expectRefusals(const std::vector<Case>& cases) {
    const TemporaryFile file("");
    for (const Case& one : cases) {
        SCOPED_TRACE(one.rule);
        File model = smallModel(one.architecture);
        one.breakIt(model);
        file.overwrite(model.encode());
        const auto opened = WeightFile::open(file.path());
        ASSERT_FALSE(opened.ok());
        EXPECT_EQ(opened.status().code(), one.code);
        EXPECT_NE(opened.status().message().find(one.reason), std::string::npos) << opened.status().message();
    }
}

/// The model that `change` makes of the small one; fails the test when it does not open.
std::unique_ptr<WeightFile> openChanged(const std::function<void(File&)>& change,
                                        const std::string& architecture = "llama") {
    File model = smallModel(architecture);
    change(model);
    const TemporaryFile file(model.encode());
    auto opened = WeightFile::open(file.path());
    EXPECT_TRUE(opened.ok()) << opened.status().message();
    return opened ? std::move(*opened) : nullptr;
}

std::uint32_t u(int value) { return static_cast<std::uint32_t>(value); }

TEST(GgufModel, WrongHyperParametersAreRefusedByName) {
    expectRefusals({
        {"no architecture", "llama", [](File& f) { f.remove("general.architecture"); },
         "'general.architecture': is missing"},
        {"architecture is a number", "llama", [](File& f) { f.set("general.architecture", u(7)); },
         "'general.architecture': is not a string"},
        {"a LoRA adapter", "llama", [](File& f) { f.set("general.type", "adapter"); }, "of type 'adapter'", kUnsupported},
        {"no layers key", "llama", [](File& f) { f.remove("llama.block_count"); }, "'llama.block_count': is missing"},
        {"0 layers", "llama", [](File& f) { f.set("llama.block_count", u(0)); }, "'llama.block_count': is 0"},
        {"2^32-1 layers", "llama", [](File& f) { f.set("llama.block_count", u(-1)); }, "'llama.block_count': is 4294967295"},
        {"layers as text", "llama", [](File& f) { f.set("llama.block_count", "1"); },
         "'llama.block_count': is not an integer"},
        {"layers as 2^64-1", "llama", [](File& f) { f.put("llama.block_count", gguf_test::kU64, std::string(8, '\xff')); },
         "'llama.block_count': is not an integer"},
        {"layers as -1", "llama", [](File& f) { f.put("llama.block_count", gguf_test::kI32, std::string(4, '\xff')); },
         "'llama.block_count': is -1"},
        {"more layers than tensors", "llama", [](File& f) { f.set("llama.block_count", u(4000)); },
         "declares 4000 layers but holds only"},
        {"no embedding length", "llama", [](File& f) { f.remove("llama.embedding_length"); },
         "'llama.embedding_length': is missing"},
        {"embedding length 2^30", "llama", [](File& f) { f.set("llama.embedding_length", u(1 << 30)); },
         "'llama.embedding_length': is 1073741824"},
        {"no feed-forward length", "llama", [](File& f) { f.remove("llama.feed_forward_length"); },
         "'llama.feed_forward_length': is missing"},
        {"feed-forward length differs by layer", "llama",
         [](File& f) {
             f.set("llama.feed_forward_length", std::vector<std::int32_t>{64, 32});
         },
         "differs from layer to layer", kUnsupported},
        {"no context length", "llama", [](File& f) { f.remove("llama.context_length"); },
         "'llama.context_length': is missing"},
        {"no heads", "llama", [](File& f) { f.set("llama.attention.head_count", u(0)); },
         "'llama.attention.head_count': is 0"},
        {"heads do not divide the embedding", "llama", [](File& f) { f.set("llama.attention.head_count", u(3)); },
         "3 heads do not divide the embedding of 32"},
        {"KV heads do not divide the heads", "llama", [](File& f) { f.set("llama.attention.head_count_kv", u(3)); },
         "3 KV heads do not divide the 2 heads"},
        {"0 KV heads", "llama", [](File& f) { f.set("llama.attention.head_count_kv", u(0)); },
         "'llama.attention.head_count_kv': is 0"},
        {"KV heads differ by layer", "llama",
         [](File& f) {
             f.set("llama.attention.head_count_kv", std::vector<std::int32_t>{1, 2});
         },
         "differs from layer to layer", kUnsupported},
        {"KV heads of no layer", "llama",
         [](File& f) { f.set("llama.attention.head_count_kv", std::vector<std::int32_t>{}); }, "is an empty array"},
        {"head dimension odd", "llama",
         [](File& f) { f.set("llama.attention.key_length", u(15)), f.set("llama.attention.value_length", u(15)); },
         "is not even"},
        {"key and value lengths differ", "llama",
         [](File& f) { f.set("llama.attention.key_length", u(16)), f.set("llama.attention.value_length", u(8)); },
         "values of another length than keys", kUnsupported},
        {"head dimension and tensors differ", "llama",
         [](File& f) { f.set("llama.attention.key_length", u(8)), f.set("llama.attention.value_length", u(8)); },
         "'blk.0.attn_q.weight': its shape is [32, 32], the hyper-parameters demand [16, 32]"},
        {"no epsilon", "llama", [](File& f) { f.remove("llama.attention.layer_norm_rms_epsilon"); },
         "rms_epsilon': is missing"},
        {"epsilon 0", "llama", [](File& f) { f.set("llama.attention.layer_norm_rms_epsilon", 0.0F); },
         "epsilon 0 is not in"},
        {"epsilon NaN", "llama", [](File& f) { f.set("llama.attention.layer_norm_rms_epsilon", kNan); },
         "is NaN or infinite"},
        {"epsilon as an integer", "llama", [](File& f) { f.set("llama.attention.layer_norm_rms_epsilon", u(1)); },
         "is not a floating-point number"},
        {"RoPE dimension odd", "llama", [](File& f) { f.set("llama.rope.dimension_count", u(15)); },
         "RoPE dimension 15 is not even"},
        {"RoPE dimension above the head's", "llama", [](File& f) { f.set("llama.rope.dimension_count", u(32)); },
         "RoPE dimension 32 exceeds the head dimension 16"},
        {"RoPE base 0", "llama", [](File& f) { f.set("llama.rope.freq_base", 0.0F); }, "RoPE base 0 is not"},
        {"RoPE base infinite", "llama",
         [](File& f) { f.set("llama.rope.freq_base", std::numeric_limits<float>::infinity()); },
         "'llama.rope.freq_base': is NaN or infinite"},
        {"RoPE factor negative", "llama",
         [](File& f) { f.set("llama.rope.scaling.type", "linear"), f.set("llama.rope.scaling.factor", -2.0F); },
         "RoPE scaling factor -2 is not"},
        {"longrope", "llama", [](File& f) { f.set("llama.rope.scaling.type", "longrope"); },
         "depend on the sequence's length", kUnsupported},
        {"dynamic RoPE", "llama", [](File& f) { f.set("llama.rope.scaling.type", "dynamic"); },
         "depend on the sequence's length", kUnsupported},
        {"unknown RoPE scaling", "llama", [](File& f) { f.set("llama.rope.scaling.type", "spiral"); },
         "RoPE scaling 'spiral' is not supported", kUnsupported},
        {"YaRN with a log multiplier", "llama",
         [](File& f) {
             f.set("llama.rope.scaling.type", "yarn");
             f.set("llama.rope.scaling.factor", 4.0F);
             f.set("llama.rope.scaling.yarn_log_multiplier", 0.1F);
         },
         "yarn_log_multiplier': only 0", kUnsupported},
        {"rope_freqs of the wrong length", "llama", [](File& f) { f.addTensor("rope_freqs.weight", {7}); },
         "there are 7 for 8 pairs"},
        {"rope_freqs of another type", "llama",
         [](File& f) {
             f.addTensor("rope_freqs.weight", {8});
             f.tensors.back().type = 1;
         },
         "is not a short vector of F32"},
        {"rope_freqs with NaN", "llama",
         [](File& f) {
             f.addTensor("rope_freqs.weight", {8});
             f.tensors.back().data.replace(4, 4, Bytes().number(kNan).str());
         },
         "RoPE frequency factor nan"},
        {"longrope factors", "llama", [](File& f) { f.addTensor("rope_factors_long.weight", {8}); },
         "longrope is not supported", kUnsupported},
        {"vocab_size differs", "llama", [](File& f) { f.set("llama.vocab_size", u(9)); },
         "'llama.vocab_size': differs from the 8 tokens"},
    });
}

TEST(GgufModel, OtherArchitecturesAndVariantsAreRefusedWithTheirReason) {
    const auto renamed = [](const char* name) { return [name](File& f) { f.set("general.architecture", name); }; };
    expectRefusals({
        {"mixture of experts", "llama", renamed("qwen2moe"), "'qwen2moe' is not supported: mixture-of-experts",
         kUnsupported},
        {"gemma", "llama", renamed("gemma3"), "'gemma3' is not supported: sliding-window", kUnsupported},
        {"mamba", "llama", renamed("mamba"), "a recurrent state", kUnsupported},
        {"encoder", "llama", renamed("nomic-bert"), "an encoder", kUnsupported},
        {"not known", "llama", renamed("no\nsuch"), "architecture 'no\\x0asuch' is not supported; supported are llama",
         kUnsupported},
        {"experts in a llama file", "llama", [](File& f) { f.set("llama.expert_count", u(8)); },
         "'llama.expert_count': is 8; mixture-of-experts", kUnsupported},
        {"scaled logits", "llama", [](File& f) { f.set("llama.logit_scale", 0.0625F); }, "scaled logits", kUnsupported},
        {"scaled embeddings", "llama", [](File& f) { f.set("llama.embedding_scale", 12.0F); }, "scaled embeddings",
         kUnsupported},
        {"scaled residuals", "llama", [](File& f) { f.set("llama.residual_scale", 0.2F); }, "scaled residuals",
         kUnsupported},
        {"capped scores", "llama", [](File& f) { f.set("llama.attn_logit_softcapping", 50.0F); }, "capped attention",
         kUnsupported},
        {"capped logits", "llama", [](File& f) { f.set("llama.final_logit_softcapping", 30.0F); }, "capped logits",
         kUnsupported},
        {"another attention scale", "llama", [](File& f) { f.set("llama.attention.scale", 0.5F); },
         "'llama.attention.scale': is 0.5", kUnsupported},
        {"not causal", "llama", [](File& f) { f.set("llama.attention.causal", false); }, "only causal", kUnsupported},
        {"parallel residual", "llama", [](File& f) { f.set("llama.use_parallel_residual", true); }, "parallel residuals",
         kUnsupported},
        {"embedding model", "qwen3", [](File& f) { f.set("qwen3.pooling_type", u(3)); }, "an embedding model", kUnsupported},
        {"unknown layout", "llama", [](File& f) { f.set("llama.tensor_data_layout", "mine"); }, "layout 'mine'",
         kUnsupported},
        {"unknown key", "llama", [](File& f) { f.set("llama.attention.trick", u(1)); },
         "key 'llama.attention.trick': is unknown", kUnsupported},
        {"output bias", "llama", [](File& f) { f.addTensor("blk.0.attn_output.bias", {32}); },
         "'blk.0.attn_output.bias': a bias of the attention's output", kUnsupported},
        {"feed-forward bias", "llama", [](File& f) { f.addTensor("blk.0.ffn_down.bias", {32}); },
         "'blk.0.ffn_down.bias': a bias in the feed-forward", kUnsupported},
        {"fused projections", "llama",
         [](File& f) {
             f.remove("blk.0.attn_q.weight"), f.remove("blk.0.attn_k.weight"), f.remove("blk.0.attn_v.weight");
             f.addTensor("blk.0.attn_qkv.weight", {32, 64});
         },
         "fused query, key and value", kUnsupported},
    });
}

TEST(GgufModel, NeutralValuesOfVariantKeysAreAccepted) {
    const auto model = openChanged([](File& f) {
        f.set("llama.expert_count", u(0));
        f.set("llama.logit_scale", 1.0F);
        f.set("llama.attn_logit_softcapping", 0.0F);
        f.set("llama.attention.scale", 0.25F);
        f.set("llama.attention.causal", true);
        f.set("llama.rope.scaling.type", "none");
        f.set("llama.tensor_data_layout", "Meta AI original pth");
        f.set("llama.attention.head_count_kv", std::vector<std::int32_t>{1});
    });
    ASSERT_TRUE(model);
    EXPECT_EQ(model->config().kvHeads, 1);
}

TEST(GgufModel, TensorsThatDoNotFitTheLayersAreRefusedByName) {
    expectRefusals({
        {"no embedding", "llama", [](File& f) { f.remove("token_embd.weight"); }, "'token_embd.weight': is missing"},
        {"no output norm", "llama", [](File& f) { f.remove("output_norm.weight"); }, "'output_norm.weight': is missing"},
        {"no query", "llama", [](File& f) { f.remove("blk.0.attn_q.weight"); }, "'blk.0.attn_q.weight': is missing"},
        {"no down projection", "llama", [](File& f) { f.remove("blk.0.ffn_down.weight"); },
         "'blk.0.ffn_down.weight': is missing"},
        {"a declared layer without tensors", "llama", [](File& f) { f.set("llama.block_count", u(2)); },
         "'blk.1.attn_norm.weight': is missing"},
        {"a layer more than declared", "llama", [](File& f) { f.addTensor("blk.1.attn_norm.weight", {32}); },
         "'blk.1.attn_norm.weight': is surplus"},
        {"a tensor of unknown name", "llama", [](File& f) { f.addTensor("extra", {32}); }, "'extra': is surplus"},
        {"layer number with a leading zero", "llama",
         [](File& f) { f.tensor("blk.0.ffn_up.weight").name = "blk.00.ffn_up.weight"; },
         "'blk.0.ffn_up.weight': is missing"},
        {"a query bias without the others", "llama", [](File& f) { f.addTensor("blk.0.attn_q.bias", {32}); },
         "'blk.0.attn_k.bias': is missing"},
        {"no bias in qwen2", "qwen2", [](File& f) { f.remove("blk.0.attn_v.bias"); }, "'blk.0.attn_v.bias': is missing"},
        {"no key norm in qwen3", "qwen3", [](File& f) { f.remove("blk.0.attn_k_norm.weight"); },
         "'blk.0.attn_k_norm.weight': is missing"},
        {"a query norm in llama", "llama", [](File& f) { f.addTensor("blk.0.attn_q_norm.weight", {16}); },
         "'blk.0.attn_q_norm.weight': is surplus"},
        {"embedding of another vocabulary", "llama",
         [](File& f) {
             f.tensor("token_embd.weight").extents = {32, 7}, f.tensor("token_embd.weight").data.resize(32 * 7 * 4),
             f.place();
         },
         "'token_embd.weight': its shape is [7, 32], the hyper-parameters demand [8, 32]"},
        {"a vector as a matrix", "llama",
         [](File& f) {
             f.tensor("output_norm.weight").extents = {16, 2};
         },
         "'output_norm.weight': its shape is [2, 16]"},
        {"a transposed matrix", "llama",
         [](File& f) {
             f.tensor("blk.0.ffn_down.weight").extents = {32, 64};
         },
         "'blk.0.ffn_down.weight': its shape is [64, 32], the hyper-parameters demand [32, 64]"},
        {"a third dimension", "llama",
         [](File& f) {
             f.tensor("blk.0.attn_q.weight").extents = {32, 16, 2};
         },
         "'blk.0.attn_q.weight': its shape is [2, 16, 32]"},
    });
}

TEST(GgufModel, WrongVocabulariesAreRefusedByName) {
    const auto sentencePiece = [](File& f) {
        f.set("tokenizer.ggml.model", "llama");
        f.set("tokenizer.ggml.tokens", std::vector<std::string>{"<unk>", "<s>", "</s>", "<0x00>", "<0x0A>", "a", "b", "ab"});
        f.set("tokenizer.ggml.token_type", std::vector<std::int32_t>{2, 3, 3, 6, 6, 1, 1, 1});
        f.set("tokenizer.ggml.scores", std::vector<float>{0, 0, 0, 0, 0, -1, -2, -3});
    };
    const auto tokens = [](File& f, std::size_t index, const char* piece) {
        std::vector<std::string> pieces = {"<unk>", "<s>", "</s>", "<0x00>", "<0x0A>", "a", "b", "ab"};
        pieces[index] = piece;
        f.set("tokenizer.ggml.tokens", pieces);
    };
    expectRefusals({
        {"no tokenizer", "llama", [](File& f) { f.remove("tokenizer.ggml.model"); }, "'tokenizer.ggml.model': is missing"},
        {"another tokenizer", "llama", [](File& f) { f.set("tokenizer.ggml.model", "t5"); }, "tokenizer 't5'", kUnsupported},
        {"no pre-tokenizer", "llama", [](File& f) { f.remove("tokenizer.ggml.pre"); }, "pre-tokenizer (none named)",
         kUnsupported},
        {"default pre-tokenizer", "llama", [](File& f) { f.set("tokenizer.ggml.pre", "default"); },
         "pre-tokenizer 'default'", kUnsupported},
        {"another pre-tokenizer", "llama", [](File& f) { f.set("tokenizer.ggml.pre", "tekken"); }, "pre-tokenizer 'tekken'",
         kUnsupported},
        {"no tokens", "llama", [](File& f) { f.remove("tokenizer.ggml.tokens"); }, "'tokenizer.ggml.tokens': is missing"},
        {"tokens as numbers", "llama", [](File& f) { f.set("tokenizer.ggml.tokens", std::vector<std::int32_t>(8)); },
         "'tokenizer.ggml.tokens': is not an array of strings"},
        {"tokens as a string", "llama", [](File& f) { f.set("tokenizer.ggml.tokens", "abc"); },
         "is not an array of strings"},
        {"too many tokens", "llama",
         [](File& f) { f.set("tokenizer.ggml.tokens", std::vector<std::string>(512 * 1024 + 1, "a")); },
         "has 524289 elements, the limit is 524288"},
        {"no types", "llama", [](File& f) { f.remove("tokenizer.ggml.token_type"); },
         "'tokenizer.ggml.token_type': is missing"},
        {"types too short", "llama", [](File& f) { f.set("tokenizer.ggml.token_type", std::vector<std::int32_t>(7, 1)); },
         "'tokenizer.ggml.token_type': has 7 elements for 8 tokens"},
        {"type 0", "llama",
         [](File& f) {
             f.set("tokenizer.ggml.token_type", std::vector<std::int32_t>{3, 3, 3, 1, 0, 1, 1, 1});
         },
         "token 4 is of type 0"},
        {"type 7", "llama",
         [](File& f) {
             f.set("tokenizer.ggml.token_type", std::vector<std::int32_t>{3, 3, 3, 1, 7, 1, 1, 1});
         },
         "token 4 is of type 7"},
        {"types as floats", "llama", [](File& f) { f.set("tokenizer.ggml.token_type", std::vector<float>(8)); },
         "'tokenizer.ggml.token_type': is not an array of int32"},
        {"no merges", "llama", [](File& f) { f.remove("tokenizer.ggml.merges"); }, "'tokenizer.ggml.merges': is missing"},
        {"merge of one piece", "llama",
         [](File& f) {
             f.set("tokenizer.ggml.merges", std::vector<std::string>{"a b", "abc"});
         },
         "merge 1 'abc' is not two pieces"},
        {"merge with an empty piece", "llama",
         [](File& f) { f.set("tokenizer.ggml.merges", std::vector<std::string>{" b"}); }, "merge 0 ' b' is not two pieces"},
        {"merge of three pieces", "llama",
         [](File& f) { f.set("tokenizer.ggml.merges", std::vector<std::string>{"a b c"}); },
         "merge 0 'a b c' is not two pieces"},
        {"EOS beyond the vocabulary", "llama", [](File& f) { f.set("tokenizer.ggml.eos_token_id", u(8)); },
         "'tokenizer.ggml.eos_token_id': token id 8 is not below the 8 tokens"},
        {"BOS beyond the vocabulary", "llama", [](File& f) { f.set("tokenizer.ggml.bos_token_id", u(-1)); },
         "'tokenizer.ggml.bos_token_id': token id 4294967295"},
        {"padding beyond the vocabulary", "llama", [](File& f) { f.set("tokenizer.ggml.padding_token_id", u(99)); },
         "'tokenizer.ggml.padding_token_id': token id 99"},
        {"BOS wanted but not there", "llama",
         [](File& f) { f.remove("tokenizer.ggml.bos_token_id"), f.set("tokenizer.ggml.add_bos_token", true); },
         "'tokenizer.ggml.bos_token_id': is missing"},
        {"add_bos_token as a number", "llama", [](File& f) { f.set("tokenizer.ggml.add_bos_token", u(1)); },
         "is not a boolean"},
        {"no scores", "llama", [&](File& f) { sentencePiece(f), f.remove("tokenizer.ggml.scores"); },
         "'tokenizer.ggml.scores': is missing"},
        {"scores too long", "llama",
         [&](File& f) { sentencePiece(f), f.set("tokenizer.ggml.scores", std::vector<float>(9)); },
         "'tokenizer.ggml.scores': has 9 elements for 8 tokens"},
        {"score NaN", "llama",
         [&](File& f) {
             sentencePiece(f), f.set("tokenizer.ggml.scores", std::vector<float>{0, 0, 0, 0, 0, kNan, 0, 0});
         },
         "the score of token 5 is NaN"},
        {"byte token without hex digits", "llama", [&](File& f) { sentencePiece(f), tokens(f, 4, "<0x0G>"); },
         "byte token 4 '<0x0G>' is not of the form <0xHH>"},
        {"byte token with a sign", "llama", [&](File& f) { sentencePiece(f), tokens(f, 4, "<0x+1>"); },
         "is not of the form <0xHH>"},
        {"byte token of three digits", "llama", [&](File& f) { sentencePiece(f), tokens(f, 4, "<0x00A>"); },
         "is not of the form <0xHH>"},
        {"byte token twice", "llama", [&](File& f) { sentencePiece(f), tokens(f, 4, "<0x00>"); },
         "names a byte that another token names"},
        {"SentencePiece's default EOS beyond the vocabulary", "llama",
         [&](File& f) {
             f.set("tokenizer.ggml.model", "llama");
             f.set("tokenizer.ggml.tokens", std::vector<std::string>{"a", "b"});
             f.set("tokenizer.ggml.token_type", std::vector<std::int32_t>{1, 1});
             f.set("tokenizer.ggml.scores", std::vector<float>{0, 0});
             f.remove("tokenizer.ggml.eos_token_id");
         },
         "token id 2 (the default) is not below the 2 tokens"},
        {"template above 1 MiB", "llama", [](File& f) { f.set("tokenizer.chat_template", std::string((1 << 20) + 1, '{')); },
         "'tokenizer.chat_template': has 1048577 bytes"},
    });
}

TEST(GgufModel, ConfigurationIsReadAsWritten) {
    const auto model = openChanged([](File&) {});
    ASSERT_TRUE(model);
    const engine::ModelConfig& config = model->config();
    EXPECT_EQ(config.name, "small");
    EXPECT_EQ(config.layers, 1);
    EXPECT_EQ(config.hidden, 32);
    EXPECT_EQ(config.heads, 2);
    EXPECT_EQ(config.kvHeads, 1);
    EXPECT_EQ(config.headDim, 16);
    EXPECT_EQ(config.feedForward, 64);
    EXPECT_EQ(config.vocabulary, 8);
    EXPECT_EQ(config.contextLength, 128);
    EXPECT_FLOAT_EQ(config.normEpsilon, 1e-5F);
    EXPECT_TRUE(config.tiedEmbeddings);
    EXPECT_FALSE(config.projectionBias);
    EXPECT_FALSE(config.queryKeyNorm);
    EXPECT_EQ(config.rope.pairing, engine::RopePairing::Interleaved);
    EXPECT_EQ(config.ropeDescription, "interleaved, base 10000, no scaling");
    EXPECT_EQ(model->dominantType(), engine::WeightType::F32);
    EXPECT_EQ(model->parameters(), 32 * 8 + 3 * 32 + 2 * 32 * 32 + 2 * 32 * 16 + 3 * 32 * 64);
    EXPECT_EQ(model->weightBytes(), static_cast<std::uint64_t>(model->parameters()) * 4);
    EXPECT_FALSE(model->has(TensorRole::Output, 0));
    EXPECT_FALSE(model->has(TensorRole::Query, 1));
    EXPECT_FALSE(model->has(TensorRole::Query, -1));
    EXPECT_EQ(model->read(TensorRole::Output, 0).status().code(), StatusCode::NotFound);
}

TEST(GgufModel, ArchitecturesDifferInPairingBiasesAndNorms) {
    const auto qwen2 = openChanged([](File& f) { f.addTensor("output.weight", {32, 8}); }, "qwen2");
    ASSERT_TRUE(qwen2);
    EXPECT_EQ(qwen2->config().rope.pairing, engine::RopePairing::HalfSplit);
    EXPECT_TRUE(qwen2->config().projectionBias);
    EXPECT_FALSE(qwen2->config().tiedEmbeddings);
    EXPECT_EQ(qwen2->read(TensorRole::KeyBias, 0)->columns, 16);
    EXPECT_EQ(qwen2->read(TensorRole::Output, 0)->rows, 8);
    const auto qwen3 = openChanged([](File&) {}, "qwen3");
    ASSERT_TRUE(qwen3);
    EXPECT_EQ(qwen3->config().rope.pairing, engine::RopePairing::HalfSplit);
    EXPECT_TRUE(qwen3->config().queryKeyNorm);
    EXPECT_EQ(qwen3->read(TensorRole::QueryNorm, 0)->columns, 16);
    const auto biased = openChanged([](File& f) {
        f.addTensor("blk.0.attn_q.bias", {32}), f.addTensor("blk.0.attn_k.bias", {16}),
            f.addTensor("blk.0.attn_v.bias", {16});
    });
    ASSERT_TRUE(biased);
    EXPECT_TRUE(biased->config().projectionBias);
}

TEST(GgufModel, HeadDimensionMayDifferFromEmbeddingByHeads) {
    const auto model = openChanged([](File& f) {
        f.set("llama.attention.key_length", u(32)), f.set("llama.attention.value_length", u(32));
        for (const char* name :
             {"blk.0.attn_q.weight", "blk.0.attn_k.weight", "blk.0.attn_v.weight", "blk.0.attn_output.weight"})
            f.remove(name);
        f.addTensor("blk.0.attn_q.weight", {32, 64}), f.addTensor("blk.0.attn_k.weight", {32, 32});
        f.addTensor("blk.0.attn_v.weight", {32, 32}), f.addTensor("blk.0.attn_output.weight", {64, 32});
    });
    ASSERT_TRUE(model);
    EXPECT_EQ(model->config().headDim, 32);
    EXPECT_EQ(model->config().rope.dimensions, 32);
    EXPECT_EQ(model->read(TensorRole::AttentionOutput, 0)->columns, 64);
}

TEST(GgufModel, RopeScalingsAreFoldedIntoTheFrequencies) {
    const auto linear = openChanged([](File& f) { f.set("llama.rope.scaling.factor", 4.0F); });  // no type: linear
    ASSERT_TRUE(linear);
    EXPECT_DOUBLE_EQ(linear->config().rope.inverseFrequencies[0], 0.25);
    EXPECT_EQ(linear->config().ropeDescription, "interleaved, base 10000, linear ×4");
    const auto old = openChanged([](File& f) { f.set("llama.rope.scale_linear", 2.0F); });
    ASSERT_TRUE(old);
    EXPECT_DOUBLE_EQ(old->config().rope.inverseFrequencies[0], 0.5);
    const auto none =
        openChanged([](File& f) { f.set("llama.rope.scaling.type", "none"), f.set("llama.rope.scaling.factor", 4.0F); });
    ASSERT_TRUE(none);
    EXPECT_DOUBLE_EQ(none->config().rope.inverseFrequencies[0], 1);

    const auto yarn = openChanged([](File& f) {
        f.set("llama.rope.scaling.type", "yarn");
        f.set("llama.rope.scaling.factor", 4.0F);
        f.set("llama.rope.scaling.original_context_length", u(64));
        f.set("llama.rope.scaling.attn_factor", 0.5F);
    });
    ASSERT_TRUE(yarn);
    EXPECT_FLOAT_EQ(yarn->config().rope.magnitude, 0.5F * 1.138629436111989F);
    EXPECT_EQ(yarn->config().contextLength, 256) << "four times the original context";
    EXPECT_DOUBLE_EQ(yarn->config().rope.inverseFrequencies[7], std::pow(10000, -7.0 / 8) / 4);

    const auto llama3 = openChanged([](File& f) {
        f.addTensor("rope_freqs.weight", {8});
        Bytes factors;
        for (const float factor : {1.0F, 1.0F, 1.0F, 2.0F, 4.0F, 8.0F, 8.0F, 8.0F})
            factors.number(factor);
        f.tensors.back().data = factors.str();
    });
    ASSERT_TRUE(llama3);
    EXPECT_DOUBLE_EQ(llama3->config().rope.inverseFrequencies[2], 0.1);
    EXPECT_DOUBLE_EQ(llama3->config().rope.inverseFrequencies[4], 0.01 / 4);
    EXPECT_EQ(llama3->config().ropeDescription, "interleaved, base 10000, frequency factors 1–8 (llama-3)");

    const auto partial = openChanged([](File& f) { f.set("llama.rope.dimension_count", u(8)); });
    ASSERT_TRUE(partial);
    EXPECT_EQ(partial->config().rope.inverseFrequencies.size(), 4U);
    EXPECT_EQ(partial->config().ropeDescription, "interleaved, 8 of 16 dimensions, base 10000, no scaling");
}

TEST(GgufModel, ContextIsLimitedToTheSlidingWindow) {
    const auto wide = openChanged([](File& f) { f.set("llama.attention.sliding_window", u(128)); });
    ASSERT_TRUE(wide);
    EXPECT_EQ(wide->config().contextLength, 128);
    EXPECT_EQ(wide->config().ropeDescription, "interleaved, base 10000, no scaling");
    const auto narrow = openChanged([](File& f) { f.set("llama.attention.sliding_window", u(100)); });
    ASSERT_TRUE(narrow);
    EXPECT_EQ(narrow->config().contextLength, 100);
    EXPECT_NE(narrow->config().ropeDescription.find("context limited from 128 tokens to the sliding window of 100"),
              std::string::npos);
}

TEST(GgufModel, VocabularyIsReadAsWritten) {
    const auto model = openChanged([](File&) {});
    ASSERT_TRUE(model);
    const engine::Vocabulary& bpe = model->vocabulary();
    EXPECT_EQ(bpe.kind, engine::VocabularyKind::Bpe);
    EXPECT_EQ(bpe.preTokenizer, engine::PreTokenizer::Smollm);
    EXPECT_EQ(bpe.pieces[7], "abc");
    EXPECT_EQ(bpe.types[1], engine::PieceType::Control);
    EXPECT_EQ(bpe.types[3], engine::PieceType::Normal);
    ASSERT_EQ(bpe.merges.size(), 2U);
    EXPECT_EQ(bpe.merges[1], (std::pair<std::string, std::string>("ab", "c")));
    EXPECT_FALSE(bpe.ignoreMerges);
    EXPECT_FALSE(bpe.addBos);
    EXPECT_EQ(bpe.bos, 1);
    EXPECT_EQ(bpe.eos, 2);
    EXPECT_EQ(bpe.stopIds, (std::vector<engine::TokenId>{0, 2})) << "<|endoftext|> ends a text too";
    EXPECT_EQ(bpe.chatTemplate, "<|im_start|>");
    EXPECT_FALSE(bpe.addSpacePrefix);
}

TEST(GgufModel, PreTokenizersAreKnownByTheirNames) {
    const std::pair<const char*, engine::PreTokenizer> names[] = {
        {"gpt-2", engine::PreTokenizer::Gpt2},        {"smollm", engine::PreTokenizer::Smollm},
        {"qwen2", engine::PreTokenizer::Qwen2},       {"llama-bpe", engine::PreTokenizer::LlamaBpe},
        {"llama-v3", engine::PreTokenizer::LlamaBpe}, {"llama3", engine::PreTokenizer::LlamaBpe},
    };
    for (const auto& [name, kind] : names) {
        const auto model =
            openChanged([&](File& f) { f.set("tokenizer.ggml.pre", name), f.remove("tokenizer.ggml.add_bos_token"); });
        ASSERT_TRUE(model);
        EXPECT_EQ(model->vocabulary().preTokenizer, kind) << name;
        EXPECT_EQ(model->vocabulary().ignoreMerges, kind == engine::PreTokenizer::LlamaBpe) << name;
        EXPECT_EQ(model->vocabulary().addBos, kind == engine::PreTokenizer::LlamaBpe) << name;
    }
}

TEST(GgufModel, SentencePieceVocabularyHasScoresAndDefaults) {
    const auto model = openChanged([](File& f) {
        f.set("tokenizer.ggml.model", "llama");
        f.set("tokenizer.ggml.tokens", std::vector<std::string>{"<unk>", "<s>", "</s>", "<0x00>", "<0x0a>", "a", "b", "ab"});
        f.set("tokenizer.ggml.token_type", std::vector<std::int32_t>{2, 3, 3, 6, 6, 1, 4, 5});
        f.set("tokenizer.ggml.scores", std::vector<float>{0, 0, 0, 0, 0, -1, -2, -3});
        for (const char* key : {"pre", "merges", "bos_token_id", "eos_token_id", "add_bos_token"})
            f.remove(std::string("tokenizer.ggml.") + key);
        f.set("tokenizer.ggml.eot_token_id", u(5));
    });
    ASSERT_TRUE(model);
    const engine::Vocabulary& vocabulary = model->vocabulary();
    EXPECT_EQ(vocabulary.kind, engine::VocabularyKind::SentencePiece);
    EXPECT_EQ(vocabulary.scores[7], -3);
    EXPECT_EQ(vocabulary.types, (std::vector<engine::PieceType>{engine::PieceType::Unknown, engine::PieceType::Control,
                                                                engine::PieceType::Control, engine::PieceType::Byte,
                                                                engine::PieceType::Byte, engine::PieceType::Normal,
                                                                engine::PieceType::UserDefined, engine::PieceType::Unused}));
    EXPECT_TRUE(vocabulary.addSpacePrefix);
    EXPECT_TRUE(vocabulary.addBos);
    EXPECT_EQ(vocabulary.bos, 1);
    EXPECT_EQ(vocabulary.stopIds, (std::vector<engine::TokenId>{2, 5}));
}

TEST(GgufModel, DamagedScalesAreRefusedByTensorNameWhenRead) {
    const auto model = openChanged([](File& f) {
        gguf_test::Tensor& up = f.tensor("blk.0.ffn_up.weight");
        up.type = 3;  // Q4_1: 64 rows of one block
        up.data.assign(64 * 20, '\0');
        up.data.replace(5 * 20 + 2, 2, "\x00\x7e", 2);
        gguf_test::Tensor& norm = f.tensor("blk.0.ffn_norm.weight");
        norm.data.replace(8, 4, Bytes().number(kNan).str());
        f.place();
    });
    ASSERT_TRUE(model);
    const auto up = model->read(TensorRole::Up, 0);
    ASSERT_FALSE(up.ok());
    EXPECT_EQ(up.status().code(), StatusCode::Refused);
    EXPECT_NE(up.status().message().find("tensor 'blk.0.ffn_up.weight': block 5 has a scale that is NaN"),
              std::string::npos);
    EXPECT_NE(model->read(TensorRole::FeedForwardNorm, 0).status().message().find("'blk.0.ffn_norm.weight'"),
              std::string::npos);
    EXPECT_TRUE(model->read(TensorRole::Gate, 0).ok());
}

TEST(GgufModel, NamesAreMadeSafeToShow) {
    const auto model = openChanged([](File& f) { f.set("general.name", "a\x1b[31m\xc3\xa9\xff\n"); });
    ASSERT_TRUE(model);
    EXPECT_EQ(model->config().name, "a?[31m\xc3\xa9??");
}

}  // namespace
