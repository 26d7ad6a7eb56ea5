// A law of every back end: operations give the same bits in bursts and outside, however often a burst like it came before.
#include <array>
#include <cstring>

#include "engine/backend/half.h"
#include "tests/engine/backend/backend_fixture.h"

namespace engine {
namespace {

constexpr int kHeads = 4;
constexpr int kKvHeads = 2;
constexpr int kHeadDim = 64;
constexpr int kHidden = kHeads * kHeadDim;
constexpr int kKeyWidth = kKvHeads * kHeadDim;

/// Weights [outputs, kHidden] of up to 1/16, one scale a block of 32.
HostTensor quantised(Noise& noise, int outputs) {
    HostTensor tensor{WeightType::Q8_0, outputs, kHidden, {}};
    tensor.data.resize(static_cast<std::size_t>(outputs) * tensor.rowBytes());
    for (std::byte& code : tensor.data)
        code = static_cast<std::byte>(noise.below(256));
    const std::uint16_t scale = floatToHalf(0x1p-11F);
    for (std::size_t block = 0; block < tensor.data.size(); block += static_cast<std::size_t>(weightBlockBytes(tensor.type)))
        std::memcpy(tensor.data.data() + block, &scale, sizeof scale);
    return tensor;
}

/// One layer's operations on a row, as decoding makes them, with buffers that stay where they are.
class Layer {
public:
    Layer(Backend& backend, DType narrow, Noise& noise)
        : m_backend(backend),
          m_norm(noise.values(kHidden)),
          m_qkv(pack(quantised(noise, kHidden + 2 * kKeyWidth))),
          m_output(pack(weightTensor(kHidden, kHidden, noise.values(kHidden * kHidden, 0.06F), WeightType::Bf16))),
          m_x(backend, 1, kHidden, DType::F32),
          m_normed(backend, 1, kHidden, narrow),
          m_projected(backend, 1, kHidden + 2 * kKeyWidth, DType::F32),
          m_rotated(backend, 1, kHidden, narrow),
          m_attended(backend, 1, kHidden, narrow) {}

    void enter(const std::vector<float>& x) { m_backend.upload(m_x.view().data, x.data(), x.size() * sizeof(float)); }
    void token(int position, const RopeTable& rope, KvLayerView cache) {
        const std::array positions{position};
        const std::array limits{position + 1};
        const TensorView qkv = m_projected;
        m_backend.rmsNorm(m_x, m_norm, 1e-5F, m_normed);
        m_backend.matmulRow(m_normed, *m_qkv, qkv, Accumulate::No);
        m_backend.scatterKv(qkv.columnsSlice(kHidden, kKeyWidth), qkv.columnsSlice(kHidden + kKeyWidth, kKeyWidth),
                            positions, rope, cache);
        m_backend.rotateQueries(qkv.columnsSlice(0, kHidden), kHeads, positions, rope, m_rotated);
        m_backend.attention(m_rotated, kHeads, cache, limits, m_attended, nullptr);
        m_backend.matmulRow(m_attended, *m_output, m_x, Accumulate::Yes);
    }
    std::vector<float> result() const { return m_x.values(); }

private:
    std::unique_ptr<WeightMatrix> pack(const HostTensor& weights) {
        const HostTensor* parts[] = {&weights};
        return m_backend.packMatrix(parts, {}, MatrixUse::Rows);
    }

    Backend& m_backend;
    std::vector<float> m_norm;
    std::unique_ptr<WeightMatrix> m_qkv;
    std::unique_ptr<WeightMatrix> m_output;
    Matrix m_x, m_normed, m_projected, m_rotated, m_attended;
};

class BurstTest : public BackendTest {};

// Limits cross 256 and 512 keys, where the CUDA back end divides keys differently; each token is computed apart and in a burst.
TEST_P(BurstTest, TokenAfterTokenInBurstsEqualsTheSameApart) {
    Noise noise(21);
    constexpr int kPositions = 640;
    const RopeTable rope = ropeTable(RopePairing::HalfSplit, kHeadDim, kPositions);
    Layer layer(*m_backend, narrow(), noise);
    Cache apart(*m_backend, kKvHeads, kHeadDim, kPositions);
    Cache together(*m_backend, kKvHeads, kHeadDim, kPositions);
    const std::vector<float> k = noise.values(kPositions * kKeyWidth);
    const std::vector<float> v = noise.values(kPositions * kKeyWidth);
    apart.fill(0, k, v);
    together.fill(0, k, v);
    for (const int first : {3, 250, 508})
        for (int position = first; position < first + 10; ++position) {
            const std::vector<float> x = noise.values(kHidden);
            layer.enter(x);
            layer.token(position, rope, apart);
            const std::vector<float> expected = layer.result();
            layer.enter(x);
            m_backend->burst([&] { layer.token(position, rope, together); });
            EXPECT_TRUE(sameBits(layer.result(), expected)) << "position " << position;
        }
    EXPECT_EQ(together.bytes(), apart.bytes());
}

INSTANTIATE_TEST_SUITE_P(Backends, BurstTest, ::testing::ValuesIn(allCases()), caseName);

}  // namespace
}  // namespace engine
