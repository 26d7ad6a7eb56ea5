// Synthetic weights: one block of noise, from which every tensor takes its elements at a place of its own.
#include "engine/model/synthetic_file.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <random>

#include "engine/backend/half.h"
#include "engine/model/byte_alphabet.h"
#include "engine/model/rope_spec.h"

namespace engine {
namespace {

struct Shape {
    std::string_view name;
    std::string_view architecture;
    int layers, hidden, heads, kvHeads, headDim, feedForward, vocabulary, contextLength;
    double ropeBase;
    bool bias;
};
// As the models' config.json files have them; "tiny" is for tests.
constexpr std::array<Shape, 4> kShapes = {{
    {"llama-3.1-8b", "llama", 32, 4096, 32, 8, 128, 14336, 128256, 131072, 500000, false},
    {"mistral-7b", "llama", 32, 4096, 32, 8, 128, 14336, 32768, 32768, 1000000, false},
    {"qwen2.5-7b", "qwen2", 28, 3584, 28, 4, 128, 18944, 152064, 32768, 1000000, true},
    {"tiny", "llama", 4, 256, 4, 2, 64, 512, 512, 4096, 10000, false},
}};

constexpr std::size_t kNoise = 1048573;  // a prime: rows of no matrix repeat at the same place

class SyntheticFile final : public WeightFile {
public:
    SyntheticFile(const Shape& shape, RopeSpec rope) {
        m_config.architecture = shape.architecture;
        m_config.name = "synthetic " + std::string(shape.name);
        m_config.layers = shape.layers;
        m_config.hidden = shape.hidden;
        m_config.heads = shape.heads;
        m_config.kvHeads = shape.kvHeads;
        m_config.headDim = shape.headDim;
        m_config.feedForward = shape.feedForward;
        m_config.vocabulary = shape.vocabulary;
        m_config.contextLength = shape.contextLength;
        m_config.normEpsilon = 1e-5F;
        m_config.rope = std::move(rope);
        m_config.ropeDescription = describeRope(RopePairing::HalfSplit, shape.headDim, shape.headDim, shape.ropeBase, {});
        m_config.projectionBias = shape.bias;
        makeVocabulary();
        std::mt19937 random(1);
        m_noise.resize(kNoise);
        for (std::uint16_t& bits : m_noise)  // uniform, of deviation 0.02, as trained weights have about
            bits = floatToBf16((static_cast<float>(random() >> 8) * 0x1p-24F - 0.5F) * 0.07F);
    }

    const ModelConfig& config() const override { return m_config; }
    const Vocabulary& vocabulary() const override { return m_vocabulary; }
    std::vector<std::string> files() const override { return {}; }
    std::uint64_t weightBytes() const override { return static_cast<std::uint64_t>(parameters()) * 2; }
    WeightType dominantType() const override { return WeightType::Bf16; }

    bool has(TensorRole role, int layer) const override {
        if (layer < 0 || layer >= m_config.layers)
            return false;
        switch (role) {
            case TensorRole::QueryNorm:
            case TensorRole::KeyNorm:
                return false;
            case TensorRole::QueryBias:
            case TensorRole::KeyBias:
            case TensorRole::ValueBias:
                return m_config.projectionBias;
            default:
                return true;
        }
    }

    HostTensor shapeOf(TensorRole role, int /*layer*/) const override {
        const auto [rows, columns] = sizeOf(role);
        return {WeightType::Bf16, rows, columns, {}};
    }

    std::int64_t parameters() const override {
        const auto size = [&](TensorRole role) {
            const auto [rows, columns] = sizeOf(role);
            return static_cast<std::int64_t>(rows) * columns;
        };
        std::int64_t layer = 0;
        for (const TensorRole role :
             {TensorRole::Query, TensorRole::Key, TensorRole::Value, TensorRole::AttentionOutput, TensorRole::Gate,
              TensorRole::Up, TensorRole::Down, TensorRole::AttentionNorm, TensorRole::FeedForwardNorm})
            layer += size(role);
        return size(TensorRole::TokenEmbedding) + size(TensorRole::Output) + size(TensorRole::OutputNorm) +
               layer * m_config.layers;
    }

    Result<HostTensor> read(TensorRole role, int layer) const override {
        if (!has(role, layer))
            return Status(StatusCode::NotFound, "a synthetic model has no such tensor");
        const auto [rows, columns] = sizeOf(role);
        HostTensor tensor;
        tensor.type = WeightType::Bf16;
        tensor.rows = rows;
        tensor.columns = columns;
        const std::size_t count = static_cast<std::size_t>(rows) * static_cast<std::size_t>(columns);
        tensor.data.resize(count * 2);
        const bool norm =
            role == TensorRole::AttentionNorm || role == TensorRole::FeedForwardNorm || role == TensorRole::OutputNorm;
        if (norm) {
            const std::uint16_t one = floatToBf16(1);
            for (std::size_t i = 0; i < count; ++i)
                std::memcpy(tensor.data.data() + 2 * i, &one, 2);
            return tensor;
        }
        std::size_t at = (static_cast<std::size_t>(role) * 7919 + static_cast<std::size_t>(layer) * 104729) % kNoise;
        for (std::size_t done = 0; done < count;) {
            const std::size_t piece = std::min(count - done, kNoise - at);
            std::memcpy(tensor.data.data() + 2 * done, m_noise.data() + at, 2 * piece);
            done += piece;
            at = 0;
        }
        return tensor;
    }

private:
    struct Size {
        int rows;
        int columns;
    };
    Size sizeOf(TensorRole role) const {
        const int q = m_config.heads * m_config.headDim;
        const int kv = m_config.kvHeads * m_config.headDim;
        switch (role) {
            case TensorRole::TokenEmbedding:
            case TensorRole::Output:
                return {m_config.vocabulary, m_config.hidden};
            case TensorRole::OutputNorm:
            case TensorRole::AttentionNorm:
            case TensorRole::FeedForwardNorm:
                return {1, m_config.hidden};
            case TensorRole::Query:
                return {q, m_config.hidden};
            case TensorRole::Key:
            case TensorRole::Value:
                return {kv, m_config.hidden};
            case TensorRole::QueryBias:
                return {1, q};
            case TensorRole::KeyBias:
            case TensorRole::ValueBias:
                return {1, kv};
            case TensorRole::QueryNorm:
            case TensorRole::KeyNorm:
                return {1, m_config.headDim};
            case TensorRole::AttentionOutput:
                return {m_config.hidden, q};
            case TensorRole::Gate:
            case TensorRole::Up:
                return {m_config.feedForward, m_config.hidden};
            case TensorRole::Down:
                return {m_config.hidden, m_config.feedForward};
        }
        return {0, 0};
    }

    /// A piece for each byte; the rest of the vocabulary is never written, but may be said.
    void makeVocabulary() {
        for (int byte = 0; byte < 256; ++byte)
            m_vocabulary.pieces.push_back(byteAlphabetCharacter(static_cast<std::uint8_t>(byte)));
        m_vocabulary.types.assign(256, PieceType::Normal);
        for (int id = 256; id < m_config.vocabulary; ++id) {
            m_vocabulary.pieces.push_back("<|" + std::to_string(id) + "|>");
            m_vocabulary.types.push_back(PieceType::Unused);
        }
        m_vocabulary.types.back() = PieceType::Control;
        m_vocabulary.eos = m_config.vocabulary - 1;
        m_vocabulary.stopIds = {m_config.vocabulary - 1};
    }

    ModelConfig m_config;
    Vocabulary m_vocabulary;
    std::vector<std::uint16_t> m_noise;  // bf16
};

}  // namespace

Result<std::unique_ptr<WeightFile>> openSyntheticModel(std::string_view name) {
    const auto shape = std::find_if(kShapes.begin(), kShapes.end(), [&](const Shape& each) { return each.name == name; });
    if (shape == kShapes.end()) {
        std::string names;
        for (const Shape& each : kShapes)
            names += (names.empty() ? "" : ", ") + std::string(each.name);
        return Status(StatusCode::NotFound, "there is no synthetic model '" + std::string(name) + "'; there are " + names);
    }
    Result<RopeSpec> rope = makeRopeSpec(RopePairing::HalfSplit, shape->headDim, shape->ropeBase, {});
    if (!rope.ok())
        return rope.status();
    return std::unique_ptr<WeightFile>(std::make_unique<SyntheticFile>(*shape, std::move(*rope)));
}

}  // namespace engine
