// Whole models: the seeded random ones that the tests make, the default model where it is installed, and memory bounds.
#include "engine/model/weight_file.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <functional>

#include "tests/engine/model/allocation_meter.h"
#include "tests/engine/model/gguf_writer.h"

namespace {

using engine::TensorRole;
using engine::WeightFile;
using gguf_test::File;

std::unique_ptr<WeightFile> openModel(const std::string& path) {
    auto opened = WeightFile::open(path);
    EXPECT_TRUE(opened.ok()) << opened.status().message();
    return opened ? std::move(*opened) : nullptr;
}

std::unique_ptr<WeightFile> randomModel(const std::string& name) {
    return openModel(std::string(RANDOM_MODELS) + "/" + name);
}

std::vector<float> values(const WeightFile& model, TensorRole role, int layer) {
    const auto tensor = model.read(role, layer);
    EXPECT_TRUE(tensor.ok()) << tensor.status().message();
    if (!tensor)
        return {};
    std::vector<float> out(static_cast<std::size_t>(tensor->rows) * static_cast<std::size_t>(tensor->columns));
    engine::dequantiseRows(*tensor, 0, tensor->rows, out.data());
    return out;
}

double relativeDifference(const std::vector<float>& a, const std::vector<float>& b) {
    EXPECT_EQ(a.size(), b.size());
    double difference = 0;
    double size = 0;
    for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
        difference += std::pow(static_cast<double>(a[i] - b[i]), 2);
        size += std::pow(static_cast<double>(a[i]), 2);
    }
    return std::sqrt(difference / size);
}

/// Rows of interleaved pairing put back into half-split order.
std::vector<float> halfSplitRows(const std::vector<float>& rows, int heads, int headDim, int columns) {
    std::vector<float> out;
    for (int head = 0; head < heads; ++head) {
        for (int part = 0; part < 2; ++part) {
            for (int pair = 0; pair < headDim / 2; ++pair) {
                const int row = head * headDim + 2 * pair + part;
                const auto begin = rows.begin() + static_cast<std::ptrdiff_t>(row) * columns;
                out.insert(out.end(), begin, begin + columns);
            }
        }
    }
    return out;
}

TEST(WeightFile, RandomModelsOpenWithEveryTensor) {
    for (const char* name :
         {"random-llama.gguf", "random-llama-q4_1.gguf", "random-llama-q8_0.gguf", "random-qwen2.gguf", "random-qwen3.gguf",
          "random-llama-linear.gguf", "random-llama-llama3.gguf", "random-llama-yarn.gguf", "random-llama-safetensors"}) {
        SCOPED_TRACE(name);
        const auto model = randomModel(name);
        ASSERT_TRUE(model);
        EXPECT_EQ(model->config().layers, 4);
        EXPECT_EQ(model->config().vocabulary, 640);
        EXPECT_EQ(model->config().contextLength, 2048);
        std::int64_t elements = 0;
        for (int layer = 0; layer < 4; ++layer) {
            for (int role = 0; role <= static_cast<int>(TensorRole::Down); ++role) {
                const auto one = static_cast<TensorRole>(role);
                const bool once =
                    one == TensorRole::TokenEmbedding || one == TensorRole::OutputNorm || one == TensorRole::Output;
                if ((once && layer > 0) || !model->has(one, layer))
                    continue;
                const auto tensor = model->read(one, layer);
                ASSERT_TRUE(tensor.ok()) << tensor.status().message();
                EXPECT_EQ(tensor->data.size(), tensor->rowBytes() * static_cast<std::size_t>(tensor->rows));
                elements += static_cast<std::int64_t>(tensor->rows) * tensor->columns;
            }
        }
        EXPECT_EQ(elements, model->parameters());
    }
}

TEST(WeightFile, SafetensorsAndGgufOfOneSeedHoldTheSameWeights) {
    const auto gguf = randomModel("random-llama.gguf");
    const auto folder = randomModel("random-llama-safetensors");
    ASSERT_TRUE(gguf && folder);
    for (const TensorRole role :
         {TensorRole::TokenEmbedding, TensorRole::Value, TensorRole::Down, TensorRole::AttentionNorm})
        EXPECT_EQ(values(*gguf, role, 2), values(*folder, role, 2));
    EXPECT_EQ(halfSplitRows(values(*gguf, TensorRole::Query, 1), 4, 16, 64), values(*folder, TensorRole::Query, 1));
    EXPECT_EQ(halfSplitRows(values(*gguf, TensorRole::Key, 3), 2, 16, 64), values(*folder, TensorRole::Key, 3));
    EXPECT_NE(values(*gguf, TensorRole::Key, 3), values(*folder, TensorRole::Key, 3));
    EXPECT_EQ(gguf->config().rope.pairing, engine::RopePairing::Interleaved);
    EXPECT_EQ(folder->config().rope.pairing, engine::RopePairing::HalfSplit);
    EXPECT_EQ(gguf->vocabulary().pieces, folder->vocabulary().pieces);
    EXPECT_EQ(gguf->vocabulary().merges, folder->vocabulary().merges);
    EXPECT_EQ(gguf->vocabulary().stopIds, folder->vocabulary().stopIds);
}

TEST(WeightFile, QuantisedRandomModelsApproximateTheirOriginal) {
    const auto exact = randomModel("random-llama.gguf");
    const auto q4 = randomModel("random-llama-q4_1.gguf");
    const auto q8 = randomModel("random-llama-q8_0.gguf");
    ASSERT_TRUE(exact && q4 && q8);
    EXPECT_EQ(q4->dominantType(), engine::WeightType::Q4_1);
    EXPECT_EQ(q8->dominantType(), engine::WeightType::Q8_0);
    for (const TensorRole role : {TensorRole::Query, TensorRole::Up, TensorRole::Output}) {
        const std::vector<float> original = values(*exact, role, 0);
        // Uniform steps of a range of about 4 σ in 15 or 254 parts: step/√12 ≈ 0.08 σ and 0.005 σ.
        EXPECT_LT(relativeDifference(original, values(*q4, role, 0)), 0.1);
        EXPECT_LT(relativeDifference(original, values(*q8, role, 0)), 0.008);
    }
}

TEST(WeightFile, ScaledRandomModelsHaveScaledFrequencies) {
    const auto plain = randomModel("random-llama.gguf");
    const auto yarn = randomModel("random-llama-yarn.gguf");
    const auto llama3 = randomModel("random-llama-llama3.gguf");
    ASSERT_TRUE(plain && yarn && llama3);
    // Literals: base 10000, R 16, factor 4, original context 512.
    EXPECT_NEAR(llama3->config().rope.inverseFrequencies[3], 0.0203718327157626, 2e-9);  // the divisor is fp32
    EXPECT_DOUBLE_EQ(llama3->config().rope.inverseFrequencies[7], plain->config().rope.inverseFrequencies[7] / 4);
    EXPECT_DOUBLE_EQ(yarn->config().rope.inverseFrequencies[7], plain->config().rope.inverseFrequencies[7] / 4);
    EXPECT_DOUBLE_EQ(yarn->config().rope.inverseFrequencies[0], 1);
    EXPECT_FLOAT_EQ(yarn->config().rope.magnitude, 1.138629436111989F);
}

TEST(WeightFile, DefaultModelHasItsPublishedShapeAndValues) {
    const char* named = std::getenv("CACHEBLEND_MODEL");
    const char* data = std::getenv("XDG_DATA_HOME");
    const char* home = std::getenv("HOME");
    const std::string base = data ? data : std::string(home ? home : "") + "/.local/share";
    const std::string path = named ? named : base + "/cacheblend-workbench/models/SmolLM2-135M-Instruct.Q4_1.gguf";
    ASSERT_TRUE(std::filesystem::exists(path)) << path << " is missing: run packaging/fetch_model.sh";
    const auto model = openModel(path);
    ASSERT_TRUE(model);
    const engine::ModelConfig& config = model->config();
    EXPECT_EQ(config.layers, 30);
    EXPECT_EQ(config.hidden, 576);
    EXPECT_EQ(config.heads, 9);
    EXPECT_EQ(config.kvHeads, 3);
    EXPECT_EQ(config.headDim, 64);
    EXPECT_EQ(config.feedForward, 1536);
    EXPECT_EQ(config.vocabulary, 49152);
    EXPECT_EQ(config.contextLength, 8192);
    EXPECT_TRUE(config.tiedEmbeddings);
    EXPECT_EQ(config.ropeDescription, "interleaved, base 100000, no scaling");
    EXPECT_EQ(model->parameters(), 134515008);
    EXPECT_EQ(model->dominantType(), engine::WeightType::Q4_1);
    EXPECT_EQ(model->vocabulary().stopIds, (std::vector<engine::TokenId>{0, 2}));
    EXPECT_EQ(model->vocabulary().merges.size(), 48900U);
    // By the independent Python package gguf 0.19; nine digits.
    const std::vector<float> query = values(*model, TensorRole::Query, 0);
    EXPECT_NEAR(query[0], -0.0963134766F, 1e-9);
    EXPECT_NEAR(values(*model, TensorRole::TokenEmbedding, 0).back(), -0.0417022705F, 1e-9);
    double squares = 0;
    for (const float value : values(*model, TensorRole::Down, 29))
        squares += static_cast<double>(value) * static_cast<double>(value);
    EXPECT_NEAR(squares, 29667.0749, 1e-4);
}

// ---- memory ----------------------------------------------------------------------------------------------------------

constexpr std::int64_t kAllowance = 64 << 20;

/// Opens a file and expects it to take at most twice its bytes and 64 MiB.
void expectBoundedMemory(const std::string& path, std::uint64_t fileBytes) {
    allocation_meter::resetPeak();
    const std::int64_t before = allocation_meter::liveBytes();
    const auto opened = WeightFile::open(path);
    EXPECT_LE(allocation_meter::peakBytes() - before, 2 * static_cast<std::int64_t>(fileBytes) + kAllowance)
        << opened.status().message();
}

TEST(WeightFile, MemoryForAHostileGgufIsBoundedByItsSize) {
    const std::vector<std::pair<const char*, std::function<void(File&)>>> hostile = {
        {"greatest vocabulary of shortest pieces",
         [](File& f) {
             f.set("tokenizer.ggml.tokens", std::vector<std::string>(512 * 1024, "a"));
             f.set("tokenizer.ggml.token_type", std::vector<std::int32_t>(512 * 1024, 1));
             f.set("tokenizer.ggml.merges", std::vector<std::string>(512 * 1024, "a b"));
         }},
        {"pieces just too long to lie in their own string",
         [](File& f) { f.set("tokenizer.ggml.tokens", std::vector<std::string>(300 * 1024, std::string(16, 'a'))); }},
        {"an unused array of a million empty strings", [](File& f) { f.set("x", std::vector<std::string>(1 << 20, "")); }},
        {"as many keys as allowed",
         [](File& f) {
             while (f.keys.size() < 65000)
                 f.keys.push_back({std::to_string(f.keys.size()), gguf_test::kU8, "1"});
         }},
        {"as many tensors as allowed",
         [](File& f) {
             f.set("llama.block_count", std::uint32_t{4096});
             while (f.tensors.size() < 65000)
                 f.tensors.push_back({std::string("blk.") + std::to_string(f.tensors.size()),
                                      {1},
                                      0,
                                      0,
                                      std::string(4, '\0'),
                                      std::nullopt});
             f.place();
         }},
        {"a string of 15 MiB as the architecture",
         [](File& f) { f.set("general.architecture", std::string(15 << 20, 'a')); }},
    };
    for (const auto& [what, change] : hostile) {
        SCOPED_TRACE(what);
        File model = gguf_test::smallModel();
        change(model);
        const std::string bytes = model.encode();
        const gguf_test::TemporaryFile file(bytes);
        expectBoundedMemory(file.path(), bytes.size());
    }
}

TEST(WeightFile, MemoryForAHostileSafetensorsFolderIsBoundedByItsSize) {
    const gguf_test::TemporaryFolder folder;
    const std::string config =
        R"({"model_type": "llama", "hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
            "vocab_size": 8, "max_position_embeddings": 64, "rms_norm_eps": 1e-5})";
    std::string list;
    std::string entries;
    std::string map;
    for (int i = 0; i < 170000; ++i) {
        list += "0,[],";
        if (i < 65000) {
            const std::string name = '"' + std::to_string(i) + '"';
            entries += name + R"(:{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)";
            map += name + R"(:"a.safetensors",)";
        }
    }
    const auto header = [](const std::string& text) {
        return gguf_test::Bytes().number(static_cast<std::uint64_t>(text.size())).raw(text).str();
    };
    const std::string weights[] = {header('{' + entries + '}'), header('"' + std::string(20 << 20, 'a') + '"'),
                                   header(std::string(20 << 20, '[')), header(std::string(20 << 20, '1'))};
    for (const std::string& bytes : weights) {
        folder.write("config.json", config);
        folder.write("model.safetensors", bytes);
        expectBoundedMemory(folder.path(), bytes.size());
    }
    std::filesystem::remove(folder.file("model.safetensors"));
    folder.write("model.safetensors.index.json", std::string(R"({"weight_map":{)") + map.substr(0, map.size() - 1) + "}}");
    expectBoundedMemory(folder.path(), map.size());
    const std::string wide = std::string(R"({"a": [)") + list.substr(0, list.size() - 1) + "]}";
    folder.write("config.json", wide);
    expectBoundedMemory(folder.path(), wide.size());
}

}  // namespace
