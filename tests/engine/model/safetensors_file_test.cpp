// Safetensors folders: each broken rule is refused with its own reason; good ones open, in one file or several.
#include <gtest/gtest.h>
#include <unistd.h>

#include <functional>
#include <random>

#include "engine/model/weight_file.h"
#include "tests/engine/model/gguf_writer.h"

namespace {

using engine::StatusCode;
using engine::TensorRole;
using engine::WeightFile;
using gguf_test::Bytes;
using gguf_test::TemporaryFolder;

constexpr StatusCode kUnsupported = StatusCode::Unsupported;

struct Tensor {
    std::string name;
    std::string dtype;
    std::string shape;  // JSON
    std::string data;
};

Tensor floats(const std::string& name, const std::string& shape, std::size_t elements) {
    Bytes data;
    for (std::size_t i = 0; i < elements; ++i)
        data.number(static_cast<float>(i % 7) + 0.5F);
    return {name, "F32", shape, data.str()};
}

/// E 8, H 2, KH 1, D 4, F 16, V 8, one layer, tied.
std::vector<Tensor> smallTensors() {
    const std::string layer = "model.layers.0.";
    return {floats("model.embed_tokens.weight", "[8,8]", 64),
            floats(layer + "input_layernorm.weight", "[8]", 8),
            floats(layer + "self_attn.q_proj.weight", "[8,8]", 64),
            floats(layer + "self_attn.k_proj.weight", "[4,8]", 32),
            floats(layer + "self_attn.v_proj.weight", "[4,8]", 32),
            floats(layer + "self_attn.o_proj.weight", "[8,8]", 64),
            floats(layer + "post_attention_layernorm.weight", "[8]", 8),
            floats(layer + "mlp.gate_proj.weight", "[16,8]", 128),
            floats(layer + "mlp.up_proj.weight", "[16,8]", 128),
            floats(layer + "mlp.down_proj.weight", "[8,16]", 128),
            floats("model.norm.weight", "[8]", 8)};
}

std::string entry(const Tensor& tensor, std::size_t begin) {
    return std::string("\"") + tensor.name + "\":{\"dtype\":\"" + tensor.dtype + "\",\"shape\":" + tensor.shape +
           ",\"data_offsets\":[" + std::to_string(begin) + "," + std::to_string(begin + tensor.data.size()) + "]}";
}

std::string encodeWith(const std::string& header, const std::string& data) {
    return Bytes().number(static_cast<std::uint64_t>(header.size())).raw(header).raw(data).str();
}

std::string headerOf(const std::vector<Tensor>& tensors) {
    std::string header = R"({"__metadata__":{"format":"pt"})";
    std::size_t end = 0;
    for (const Tensor& tensor : tensors) {
        header += ',';
        header += entry(tensor, end);
        end += tensor.data.size();
    }
    return header + "}";
}

std::string dataOf(const std::vector<Tensor>& tensors) {
    std::string data;
    for (const Tensor& tensor : tensors)
        data += tensor.data;
    return data;
}

std::string encode(const std::vector<Tensor>& tensors) { return encodeWith(headerOf(tensors), dataOf(tensors)); }

/// `text` with the first `from` replaced; the test is wrong when there is none.
std::string replaced(std::string text, const std::string& from, const std::string& to) {
    const std::size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

const std::string kConfig = R"({
  "model_type": "llama", "hidden_act": "silu", "hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 1,
  "num_attention_heads": 2, "num_key_value_heads": 1, "vocab_size": 8, "max_position_embeddings": 64,
  "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "rope_scaling": null, "tie_word_embeddings": true, "eos_token_id": [2, 5]
})";

const std::string kTokenizer =
    R"({"added_tokens": [{"id": 0, "content": "<|endoftext|>", "special": true}], "normalizer": null,
  "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "use_regex": true}, "decoder": {"type": "ByteLevel"},
  "model": {"type": "BPE", "vocab": {"<|endoftext|>": 0, "a": 1, "b": 2, "c": 3, "ab": 4, "abc": 5}, "merges": ["a b", "ab c"]}})";

/// Adds a field to kConfig, or replaces it.
std::string configWith(const std::string& field) {
    return replaced(kConfig, "\"model_type\": \"llama\"", std::string("\"model_type\": \"llama\", ") + field);
}

struct Folder : TemporaryFolder {
    Folder() {
        write("config.json", kConfig);
        write("tokenizer.json", kTokenizer);
        write("model.safetensors", encode(smallTensors()));
    }
};

void expectRefusal(const std::string& folder, const char* reason, StatusCode code) {
    const auto opened = WeightFile::open(folder);
    ASSERT_FALSE(opened.ok()) << reason;
    EXPECT_EQ(opened.status().code(), code) << opened.status().message();
    EXPECT_NE(opened.status().message().find(reason), std::string::npos) << opened.status().message();
    EXPECT_EQ(opened.status().message().find(folder), 0U) << "the message begins with the path";
}

TEST(Safetensors, AFolderOpensWithItsConfiguration) {
    const Folder folder;
    const auto opened = WeightFile::open(folder.path());
    ASSERT_TRUE(opened.ok()) << opened.status().message();
    const engine::ModelConfig& config = (*opened)->config();
    EXPECT_EQ(config.architecture, "llama");
    EXPECT_EQ(config.hidden, 8);
    EXPECT_EQ(config.headDim, 4);
    EXPECT_EQ(config.feedForward, 16);
    EXPECT_EQ(config.contextLength, 64);
    EXPECT_TRUE(config.tiedEmbeddings);
    EXPECT_EQ(config.rope.pairing, engine::RopePairing::HalfSplit);
    EXPECT_EQ(config.ropeDescription, "half-split, base 10000, no scaling");
    EXPECT_EQ((*opened)->files(), (std::vector<std::string>{folder.file("config.json"), folder.file("model.safetensors"),
                                                            folder.file("tokenizer.json")}));
    const auto down = (*opened)->read(TensorRole::Down, 0);
    ASSERT_TRUE(down.ok());
    EXPECT_EQ(down->rows, 8);
    EXPECT_EQ(down->columns, 16);
    EXPECT_EQ(std::string(reinterpret_cast<const char*>(down->data.data()), down->data.size()), smallTensors()[9].data);
}

TEST(Safetensors, VocabularyIsPaddedToTheEmbeddingAndEndsComeFromBothFiles) {
    const Folder folder;
    const auto opened = WeightFile::open(folder.path());
    ASSERT_TRUE(opened.ok()) << opened.status().message();
    const engine::Vocabulary& vocabulary = (*opened)->vocabulary();
    ASSERT_EQ(vocabulary.pieces.size(), 8U);
    EXPECT_EQ(vocabulary.types[7], engine::PieceType::Unused);
    EXPECT_NE(vocabulary.pieces[6], vocabulary.pieces[7]);
    EXPECT_EQ(vocabulary.stopIds, (std::vector<engine::TokenId>{0, 2, 5}));
}

TEST(Safetensors, HalfAndBrainFloatsKeepTheirTypes) {
    Folder folder;
    std::vector<Tensor> tensors = smallTensors();
    tensors[2].dtype = "BF16", tensors[2].data.resize(128);
    tensors[9].dtype = "F16", tensors[9].data.resize(256);
    folder.write("model.safetensors", encode(tensors));
    const auto opened = WeightFile::open(folder.path());
    ASSERT_TRUE(opened.ok()) << opened.status().message();
    EXPECT_EQ((*opened)->read(TensorRole::Query, 0)->type, engine::WeightType::Bf16);
    EXPECT_EQ((*opened)->read(TensorRole::Down, 0)->type, engine::WeightType::F16);
    EXPECT_EQ((*opened)->dominantType(), engine::WeightType::F32);
}

TEST(Safetensors, NanWeightsAreRead) {
    Folder folder;
    std::vector<Tensor> tensors = smallTensors();
    tensors[10].data.replace(0, 4, "\xff\xff\xff\xff", 4);
    folder.write("model.safetensors", encode(tensors));
    EXPECT_TRUE((*WeightFile::open(folder.path()))->read(TensorRole::OutputNorm, 0).ok());
}

TEST(Safetensors, EachBrokenHeaderIsRefusedByItsReason) {
    const std::vector<Tensor> good = smallTensors();
    const std::string header = headerOf(good);
    const std::string data = dataOf(good);
    const auto with = [&](const std::string& from, const std::string& to) {
        return encodeWith(replaced(header, from, to), data);
    };
    const auto retyped = [&](const char* dtype) {
        std::vector<Tensor> tensors = good;
        tensors[1].dtype = dtype;
        return encode(tensors);
    };
    const std::string firstEntry = entry(good[0], 0);
    struct Case {
        const char* reason;
        std::string bytes;
        StatusCode code = StatusCode::Refused;
    };
    const Case cases[] = {
        {"ends inside the header's length", "1234567"},
        {"header of 100000001 bytes, the limit is 100 MB", Bytes().number(std::uint64_t{100'000'001}).raw("{}").str()},
        {"header of 18446744073709551615 bytes", std::string(8, '\xff')},
        {"header of 3 bytes is longer than the file", Bytes().number(std::uint64_t{3}).raw("{}").str()},
        {"not valid JSON at byte", encodeWith("", data)},
        {"not valid JSON at byte", encodeWith("nonsense", data)},
        {"not valid JSON at byte", encodeWith(header + "x", data)},
        {"not valid JSON at byte", encodeWith(header.substr(0, header.size() - 1), data)},
        {"unexpected array", encodeWith("[]", data)},
        {"unexpected number", encodeWith("5", data)},
        {"nesting at byte", encodeWith(std::string(200000, '['), data)},
        {"longer than 65536 bytes", with("model.norm", std::string(70000, 'n'))},
        {"tensor 'model.norm.weight' appears twice",
         with(firstEntry, firstEntry + "," + replaced(firstEntry, "model.embed_tokens", "model.norm"))},
        {"key 'format' of __metadata__ appears twice", with(R"("format":"pt")", R"("format":"pt","format":"pt")")},
        {"unexpected number", with(R"("format":"pt")", R"("format":1)")},
        {"unexpected object", with(R"("format":"pt")", R"("format":{})")},
        {"tensor name of 0 bytes", with("model.norm.weight", "")},
        {"tensor name of 513 bytes", with("model.norm.weight", std::string(513, 'n'))},
        {"field 'dtype' is unknown or appears twice", with(R"("dtype":"F32")", R"("dtype":"F32","dtype":"F32")")},
        {"field 'note' is unknown or appears twice", with(R"("dtype":"F32")", R"("dtype":"F32","note":"x")")},
        {"dtype, shape or the two data_offsets are missing", with(R"("dtype":"F32",)", "")},
        {"dtype, shape or the two data_offsets are missing", with(R"("shape":[8,8],)", "")},
        {"dtype, shape or the two data_offsets are missing", with(R"(,"data_offsets":[0,256])", "")},
        {"dtype, shape or the two data_offsets are missing", with("[0,256]", "[0]")},
        {"more than two numbers", with("[0,256]", "[0,256,256]")},
        {"unexpected negative number", with("[0,256]", "[-1,256]")},
        {"unexpected fraction", with("[8,8]", "[8,8.5]")},
        {"unexpected string", with("[8,8]", "[8,\"8\"]")},
        {"unexpected null", with("[8,8]", "null")},
        {"unexpected boolean", with(R"("dtype":"F32")", R"("dtype":true)")},
        {"deeper than 3", with("[8,8]", "[[8],8]")},
        {"more than 4 dimensions", with("[8,8]", "[8,8,1,1,1]")},
        {"dimension of 0", with("[8,8]", "[8,0]")},
        {"dimension of 2147483648", with("[8,8]", "[8,2147483648]")},
        {"product of its dimensions overflows", with("[8,8]", "[2147483647,2147483647,2147483647]")},
        {"dtype 'I64' is not supported", retyped("I64"), kUnsupported},
        {"dtype 'F8_E4M3' is not supported", retyped("F8_E4M3"), kUnsupported},
        {"do not hold the 32 bytes of its shape and dtype", with("[256,288]", "[256,292]")},
        {"do not hold the 256 bytes of its shape and dtype", with("[0,256]", "[256,0]")},
        {"do not hold the 256 bytes", with("[0,256]", "[0,18446744073709551615]")},
        {"begin at 260, the data before end at 256", with("[256,288]", "[260,292]")},
        {"begin at 0, the data before end at 256", with("[256,288]", "[0,32]")},
        {"end behind the file's end", encodeWith(header, data.substr(0, data.size() - 4))},
        {"the tensors cover", encodeWith(header, data + "rest")},
        {"its shape is [4, 16], the hyper-parameters demand [8, 8]", with("[8,8]", "[4,16]")},
        {"'model.norm.weight': is missing", with("model.norm.weight", "model.norms.weight")},
    };
    const Folder folder;
    for (const Case& one : cases) {
        folder.write("model.safetensors", one.bytes);
        expectRefusal(folder.path(), one.reason, one.code);
    }
}

TEST(Safetensors, SurplusTensorsAreRefusedExceptThoseWithoutEffect) {
    const Folder folder;
    std::vector<Tensor> tensors = smallTensors();
    tensors.push_back(floats("model.layers.0.self_attn.rotary_emb.inv_freq", "[2]", 2));
    tensors.push_back(floats("lm_head.weight", "[8,8]", 64));  // tied: not used
    folder.write("model.safetensors", encode(tensors));
    EXPECT_TRUE(WeightFile::open(folder.path()).ok());
    tensors.back().name = "model.layers.1.mlp.up_proj.weight";
    folder.write("model.safetensors", encode(tensors));
    expectRefusal(folder.path(), "'model.layers.1.mlp.up_proj.weight': is surplus", StatusCode::Refused);
    tensors.back() = floats("model.layers.0.self_attn.o_proj.bias", "[8]", 8);
    folder.write("model.safetensors", encode(tensors));
    expectRefusal(folder.path(), "'model.layers.0.self_attn.o_proj.bias': a bias of the attention's output", kUnsupported);
    folder.write("config.json", replaced(kConfig, "\"tie_word_embeddings\": true", "\"tie_word_embeddings\": false"));
    folder.write("model.safetensors", encode(smallTensors()));
    expectRefusal(folder.path(), "'lm_head.weight': is missing", StatusCode::Refused);
}

TEST(Safetensors, WrongConfigurationsAreRefusedByField) {
    struct Case {
        const char* reason;
        std::string config;
        StatusCode code = StatusCode::Refused;
    };
    const auto with = [](const std::string& from, const std::string& to) { return replaced(kConfig, from, to); };
    const auto scaled = [](const std::string& scaling) {
        return replaced(kConfig, "\"rope_scaling\": null", std::string("\"rope_scaling\": ") + scaling);
    };
    const Case cases[] = {
        {"config.json", "{"},
        {"is not a JSON object", "[]"},
        {"config.json", std::string(100000, '[')},
        {"config.json", configWith(R"("vocab_size": 8)")},  // twice
        {"has 1048577 bytes", std::string((1 << 20) + 1, ' ')},
        {"'model_type': is missing", with("\"model_type\": \"llama\",", "")},
        {"'model_type': is not a string", with("\"llama\"", "5")},
        {"'mixtral' is not supported: mixture-of-experts", with("\"llama\"", "\"mixtral\""), kUnsupported},
        {"'gemma2' is not supported", with("\"llama\"", "\"gemma2\""), kUnsupported},
        {"'num_hidden_layers': is missing", with("\"num_hidden_layers\": 1,", "")},
        {"'num_hidden_layers': is not an integer", with("\"num_hidden_layers\": 1", "\"num_hidden_layers\": 1.5")},
        {"'num_hidden_layers': is -1", with("\"num_hidden_layers\": 1", "\"num_hidden_layers\": -1")},
        {"'num_hidden_layers': is 18446744073709551615",
         with("\"num_hidden_layers\": 1", "\"num_hidden_layers\": 18446744073709551615")},
        {"'hidden_size': is 0", with("\"hidden_size\": 8", "\"hidden_size\": 0")},
        {"3 heads do not divide the hidden size of 8", with("\"num_attention_heads\": 2", "\"num_attention_heads\": 3")},
        {"3 KV heads do not divide the 2 heads", with("\"num_key_value_heads\": 1", "\"num_key_value_heads\": 3")},
        {"'vocab_size': is 1000000", with("\"vocab_size\": 8", "\"vocab_size\": 1000000")},
        {"epsilon 0 is not", with("1e-5", "0")},
        {"'rms_norm_eps': is not a number", with("1e-5", "\"1e-5\"")},
        {"RoPE base 1 is not", with("10000.0", "1")},
        {"'hidden_act': activation 'gelu'", with("\"silu\"", "\"gelu\""), kUnsupported},
        {"'mlp_bias': a bias", configWith(R"("mlp_bias": true)"), kUnsupported},
        {"'quantization_config'", configWith(R"("quantization_config": {"quant_method": "gptq"})"), kUnsupported},
        {"'num_local_experts': mixture", configWith(R"("num_local_experts": 8)"), kUnsupported},
        {"'logits_scaling': scaled logits", configWith(R"("logits_scaling": 8.0)"), kUnsupported},
        {"'attention_multiplier': another scaling", configWith(R"("attention_multiplier": 0.1)"), kUnsupported},
        {"layers of kind 'chunked_attention'", configWith(R"("layer_types": ["chunked_attention"])"), kUnsupported},
        {"'partial_rotary_factor': is not in", configWith(R"("partial_rotary_factor": 1.5)")},
        {"RoPE dimension 1 is not even", configWith(R"("partial_rotary_factor": 0.25)")},
        {"'rope_scaling': is not an object", scaled("5")},
        {"RoPE scaling 'dynamic' is not supported: its angles depend", scaled(R"({"type": "dynamic", "factor": 2.0})"),
         kUnsupported},
        {"RoPE scaling 'longrope' is not supported: its angles depend", scaled(R"({"rope_type": "longrope"})"),
         kUnsupported},
        {"RoPE scaling 'mrope' is not supported", scaled(R"({"rope_type": "mrope"})"), kUnsupported},
        {"'factor': is missing", scaled(R"({"rope_type": "linear"})")},
        {"'low_freq_factor': is missing", scaled(R"({"rope_type": "llama3", "factor": 8.0})")},
        {"RoPE that differs from layer to layer",
         configWith(R"("rope_parameters": {"full_attention": {"rope_theta": 1.0}})"), kUnsupported},
        {"'eos_token_id': is not a token id", with("[2, 5]", "\"2\"")},
        {"'eos_token_id': 8 is not below", with("[2, 5]", "8")},
    };
    const Folder folder;
    for (const Case& one : cases) {
        folder.write("config.json", one.config);
        expectRefusal(folder.path(), one.reason, one.code);
    }
}

TEST(Safetensors, RopeScalingsOfOldAndNewConfigurationsAreUnderstood) {
    const Folder folder;
    const auto ropeOf = [&](const std::string& config) {
        folder.write("config.json", config);
        const auto opened = WeightFile::open(folder.path());
        EXPECT_TRUE(opened.ok()) << opened.status().message();
        return opened ? (*opened)->config() : engine::ModelConfig();
    };
    const auto scaled = [](const std::string& scaling) {
        return replaced(kConfig, "\"rope_scaling\": null", std::string("\"rope_scaling\": ") + scaling);
    };
    EXPECT_DOUBLE_EQ(ropeOf(scaled(R"({"type": "linear", "factor": 4.0})")).rope.inverseFrequencies.at(0), 0.25);
    EXPECT_DOUBLE_EQ(ropeOf(scaled(R"({"rope_type": "default"})")).rope.inverseFrequencies.at(0), 1);
    const engine::ModelConfig yarn =
        ropeOf(scaled(R"({"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64})"));
    EXPECT_FLOAT_EQ(yarn.rope.magnitude, 1.138629436111989F);
    EXPECT_EQ(yarn.contextLength, 256);
    EXPECT_EQ(ropeOf(scaled(R"({"rope_type": "yarn", "factor": 4.0, "attention_factor": 2.0})")).rope.magnitude, 2.0F);
    EXPECT_FLOAT_EQ(
        ropeOf(scaled(R"({"rope_type": "yarn", "factor": 4.0, "mscale": 1.0, "mscale_all_dim": 1.0})")).rope.magnitude,
        1.0F);
    const engine::ModelConfig llama3 = ropeOf(scaled(
        R"({"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 64})"));
    EXPECT_DOUBLE_EQ(llama3.rope.inverseFrequencies.at(1), 0.01 / 8) << "wavelength 628 exceeds 64";
    EXPECT_DOUBLE_EQ(llama3.rope.inverseFrequencies.at(0), 1) << "wavelength 6.3 is below 16";
    EXPECT_EQ(llama3.ropeDescription, "half-split, base 10000, llama-3 ×8 from 64 tokens");
    const engine::ModelConfig newer =
        ropeOf(configWith(R"("rope_parameters": {"rope_type": "linear", "factor": 2.0, "rope_theta": 100.0})"));
    EXPECT_DOUBLE_EQ(newer.rope.inverseFrequencies.at(1), 0.1 / 2);
    const engine::ModelConfig partial = ropeOf(configWith(R"("partial_rotary_factor": 0.5)"));
    EXPECT_EQ(partial.rope.dimensions, 2);
}

TEST(Safetensors, SlidingWindowLimitsTheContextWhereItIsUsed) {
    const Folder folder;
    const auto contextOf = [&](const std::string& config) {
        folder.write("config.json", config);
        const auto opened = WeightFile::open(folder.path());
        EXPECT_TRUE(opened.ok()) << opened.status().message();
        return opened ? (*opened)->config().contextLength : 0;
    };
    const auto mistral = [&](const std::string& field) { return replaced(configWith(field), "\"llama\"", "\"mistral\""); };
    EXPECT_EQ(contextOf(mistral(R"("sliding_window": 32)")), 32);
    EXPECT_EQ(contextOf(mistral(R"("sliding_window": null)")), 64);
    EXPECT_EQ(contextOf(mistral(R"("sliding_window": 32, "layer_types": ["full_attention"])")), 64);
    EXPECT_EQ(contextOf(mistral(R"("sliding_window": 32, "layer_types": ["sliding_attention"])")), 32);
}

TEST(Safetensors, ShardsFormOneModel) {
    const Folder folder;
    std::vector<Tensor> first = smallTensors();
    const std::vector<Tensor> second(first.begin() + 5, first.end());
    first.resize(5);
    const auto indexOf = [&](const std::string& firstName, const std::string& secondName) {
        std::string map;
        for (const Tensor& tensor : first)
            map += std::string("\"") + tensor.name + "\": \"" + firstName + "\", ";
        for (const Tensor& tensor : second)
            map += std::string("\"") + tensor.name + "\": \"" + secondName + "\", ";
        return std::string(R"({"metadata": {"total_size": 1, "more": [1, {}]}, "weight_map": {)") +
               map.substr(0, map.size() - 2) + "}}";
    };
    const std::string good = indexOf("a.safetensors", "b.safetensors");
    ASSERT_EQ(::remove(folder.file("model.safetensors").c_str()), 0);
    expectRefusal(folder.path(), "neither model.safetensors nor", StatusCode::NotFound);
    folder.write("a.safetensors", encode(first));
    folder.write("b.safetensors", encode(second));
    folder.write("model.safetensors.index.json", good);
    const auto opened = WeightFile::open(folder.path());
    ASSERT_TRUE(opened.ok()) << opened.status().message();
    EXPECT_EQ((*opened)->files().at(1), folder.file("a.safetensors"));
    EXPECT_EQ((*opened)->files().at(2), folder.file("b.safetensors"));
    const auto down = (*opened)->read(TensorRole::Down, 0);
    ASSERT_TRUE(down.ok());
    EXPECT_EQ(std::string(reinterpret_cast<const char*>(down->data.data()), down->data.size()), smallTensors()[9].data);

    struct Case {
        const char* reason;
        std::string index;
        StatusCode code = StatusCode::Refused;
    };
    const Case cases[] = {
        {"not valid JSON", "{"},
        {"has no weight_map", "{}"},
        {"has no weight_map", R"({"weight_map": 5})"},
        {"names 0 files", R"({"weight_map": {}})"},
        {"weight_map appears twice", replaced(good, "\"metadata\": {", "\"weight_map\": {}, \"metadata\": {")},
        {"weight_map holds something other", R"({"weight_map": {"a": 5}})"},
        {"weight_map holds an object", R"({"weight_map": {"a": {}}})"},
        {"weight_map holds an array", R"({"weight_map": {"a": []}})"},
        {"tensor 'model.norm.weight' appears twice",
         replaced(good, "\"model.norm.weight\":", "\"model.norm.weight\": \"a.safetensors\", \"model.norm.weight\":")},
        {"'../b.safetensors' is not the plain name", indexOf("a.safetensors", "../b.safetensors")},
        {"'/b.safetensors' is not the plain name", indexOf("a.safetensors", "/b.safetensors")},
        {"'.hidden.safetensors' is not the plain name", indexOf("a.safetensors", ".hidden.safetensors")},
        {"'b.bin' is not the plain name", indexOf("a.safetensors", "b.bin")},
        {"'b\\x00.safetensors' is not the plain name", indexOf("a.safetensors", "b\\u0000.safetensors")},
        {"cannot be opened", indexOf("a.safetensors", "c.safetensors"), StatusCode::NotFound},
        {"which is not what the index says", indexOf("b.safetensors", "a.safetensors")},
        {"lists 12 tensors, its files hold 11",
         replaced(good, "\"weight_map\": {", "\"weight_map\": {\"x\": \"a.safetensors\", ")},
        {"deeper than 8", R"({"metadata": [[[[[[[[[[]]]]]]]]]]})"},
    };
    for (const Case& one : cases) {
        folder.write("model.safetensors.index.json", one.index);
        expectRefusal(folder.path(), one.reason, one.code);
    }
}

TEST(Safetensors, FoldersWithoutTokenizerOrConfigurationAreRefused) {
    const Folder folder;
    folder.write("tokenizer.json", "{");
    expectRefusal(folder.path(), "tokenizer.json", StatusCode::Refused);
    ASSERT_EQ(::remove(folder.file("tokenizer.json").c_str()), 0);
    expectRefusal(folder.path(), "neither tokenizer.json nor tokenizer.model", StatusCode::NotFound);
    ASSERT_EQ(::remove(folder.file("config.json").c_str()), 0);
    expectRefusal(folder.path(), "config.json: cannot be opened", StatusCode::NotFound);
    const auto alone = WeightFile::open(folder.file("model.safetensors"));
    EXPECT_EQ(alone.status().code(), kUnsupported);
    EXPECT_NE(alone.status().message().find("open the folder"), std::string::npos);
}

TEST(Safetensors, TokenizerWithMorePiecesThanTheEmbeddingIsRefused) {
    const Folder folder;
    folder.write("tokenizer.json", replaced(kTokenizer, "\"abc\": 5", "\"abc\": 5, \"d\": 6, \"e\": 7, \"f\": 8"));
    expectRefusal(folder.path(), "the tokenizer has 9 tokens, config.json's vocab_size says 8", StatusCode::Refused);
}

TEST(Safetensors, EveryTruncationIsRefused) {
    const Folder folder;
    const std::string bytes = encode(smallTensors());
    const std::size_t header = headerOf(smallTensors()).size() + 8;
    for (std::size_t size = bytes.size() - 1; size + 1 > 0; --size) {
        if (size > header && size % 64 != 0)
            continue;
        ASSERT_EQ(::truncate(folder.file("model.safetensors").c_str(), static_cast<off_t>(size)), 0);
        const auto opened = WeightFile::open(folder.path());
        EXPECT_EQ(opened.status().code(), StatusCode::Refused) << size;
    }
}

TEST(Safetensors, RandomChangesOfHeaderAndConfigurationNeverCrash) {
    const Folder folder;
    const std::string bytes = encode(smallTensors());
    const std::size_t header = headerOf(smallTensors()).size() + 8;
    std::mt19937 generator(21);
    for (int round = 0; round < 1500; ++round) {
        const bool inConfig = round % 3 == 0;
        const char* name = inConfig ? "config.json" : "model.safetensors";
        const std::string good = inConfig ? kConfig : bytes.substr(0, header);
        std::string altered = good;
        for (int i = 0; i < 2; ++i)
            altered[generator() % altered.size()] = static_cast<char>(generator());
        folder.overwriteStart(name, altered);
        const auto opened = WeightFile::open(folder.path());
        if (opened)
            EXPECT_TRUE((*opened)->has(TensorRole::Query, 0));
        else
            EXPECT_FALSE(opened.status().message().empty());
        folder.overwriteStart(name, good);
    }
}

}  // namespace
