// Laws of the operations on rows: embedding, norms, SwiGLU, gathering, rotating queries.
#include <cmath>
#include <limits>
#include <numeric>

#include "tests/engine/backend/backend_fixture.h"

namespace engine {
namespace {

// fp32: a few roundings of 6e-8 in another order, exponential within 2e-7.
constexpr double kF32Error = 1e-6;
// bf16: the result is rounded once, by at most 2^-8 of itself.
constexpr double kBf16Rounding = 0x1p-8;

class RowsTest : public BackendTest {
protected:
    double narrowError() const { return isBf16() ? kBf16Rounding : kF32Error; }
};

TEST_P(RowsTest, EmbedCopiesTheTablesRows) {
    Noise noise(1);
    const std::vector<float> values = noise.values(10 * 48);
    for (const WeightType type : {WeightType::F32, WeightType::Bf16}) {
        const HostTensor table = weightTensor(10, 48, values, type);
        const TokenIds ids = {3, 0, 9, 3};
        const Matrix x(*m_backend, 4, 48, DType::F32);
        m_backend->embed(table, ids, x);
        const std::vector<float> rows = x.values();
        for (int m = 0; m < 4; ++m) {
            EXPECT_TRUE(sameBits(rowsOf(rows, 48, m, 1), rowsOf(values, 48, ids[static_cast<std::size_t>(m)], 1)));
        }
    }
}

TEST_P(RowsTest, RmsNormEqualsReference) {
    Noise noise(2);
    for (const int columns : {1, 15, 16, 40, 64, 576, 577}) {
        for (const int rows : {1, 2, 33}) {
            const std::vector<float> x = noise.values(static_cast<std::size_t>(rows * columns), 2, DType::F32);
            const std::vector<float> weight = noise.values(static_cast<std::size_t>(columns), 1, DType::F32);
            const Matrix input(*m_backend, rows, columns, DType::F32, x);
            const Matrix out(*m_backend, rows, columns, narrow());
            m_backend->rmsNorm(input, weight, 1e-5F, out);
            const Matrix expected(*m_reference, rows, columns, DType::F32, x);
            m_reference->rmsNorm(expected, weight, 1e-5F, expected);
            EXPECT_LE(relativeError(out.values(), expected.values()), narrowError()) << rows << " x " << columns;
        }
    }
}

TEST_P(RowsTest, RmsNormOfALiteral) {
    const Matrix x(*m_backend, 1, 2, DType::F32, {3, 4});
    const Matrix out(*m_backend, 1, 2, narrow());
    m_backend->rmsNorm(x, std::vector<float>{1, 2}, 0, out);
    const float root = std::sqrt(12.5F);  // mean of 9 and 16
    EXPECT_LE(relativeError(out.values(), std::vector<float>{3 / root, 8 / root}), narrowError());
}

TEST_P(RowsTest, RmsNormEpsilonKeepsZeroRowsFinite) {
    const Matrix x(*m_backend, 1, 32, DType::F32);
    const Matrix out(*m_backend, 1, 32, narrow());
    m_backend->rmsNorm(x, std::vector<float>(32, 1.0F), 1e-5F, out);
    EXPECT_EQ(out.values(), std::vector<float>(32, 0.0F));
}

TEST_P(RowsTest, HeadNormNormalisesEachHeadAlone) {
    Noise noise(3);
    for (const int headDim : {16, 64, 80, 128}) {
        const std::vector<float> x = noise.values(static_cast<std::size_t>(5 * 3 * headDim), 2, DType::F32);
        const std::vector<float> weight = noise.values(static_cast<std::size_t>(headDim), 1, DType::F32);
        const Matrix ours(*m_backend, 5, 3 * headDim, DType::F32, x);
        const Matrix expected(*m_reference, 5, 3 * headDim, DType::F32, x);
        m_backend->headNorm(ours, 3, weight, 1e-6F);
        m_reference->headNorm(expected, 3, weight, 1e-6F);
        EXPECT_LE(relativeError(ours.values(), expected.values()), kF32Error) << headDim;
    }
}

TEST_P(RowsTest, SwigluEqualsReference) {
    Noise noise(4);
    for (const int columns : {1, 16, 50, 1536}) {
        for (const int rows : {1, 3, 33}) {
            const std::vector<float> gateUp = noise.values(static_cast<std::size_t>(rows * 2 * columns), 4);
            for (const DType inputType : {DType::F32, narrow()}) {
                const Matrix input(*m_backend, rows, 2 * columns, inputType, gateUp);
                const Matrix out(*m_backend, rows, columns, narrow());
                m_backend->swiglu(input, out);
                const Matrix same(*m_reference, rows, 2 * columns, DType::F32, gateUp);
                const Matrix expected(*m_reference, rows, columns, DType::F32);
                m_reference->swiglu(same, expected);
                EXPECT_LE(relativeError(out.values(), expected.values()), narrowError()) << rows << " x " << columns;
            }
        }
    }
}

TEST_P(RowsTest, SwigluIsRightAtEveryMagnitude) {
    std::vector<float> gates;
    for (float gate = -86; gate <= 86; gate += 0.37F) {
        gates.push_back(gate);
    }
    const int columns = static_cast<int>(gates.size());
    std::vector<float> gateUp = gates;
    gateUp.resize(2 * gates.size(), 1.0F);
    const Matrix input(*m_backend, 1, 2 * columns, DType::F32, gateUp);
    const Matrix out(*m_backend, 1, columns, narrow());
    m_backend->swiglu(input, out);
    const std::vector<float> ours = out.values();
    for (std::size_t i = 0; i < gates.size(); ++i) {
        const double gate = gates[i];
        const double exact = gate / (1 + std::exp(-gate));
        EXPECT_NEAR(ours[i], exact, narrowError() * std::abs(exact)) << gate;
    }
}

/// Where exp(−gate) is 0 or infinite in fp32.
TEST_P(RowsTest, SwigluEndsInTheGateOrInZero) {
    const std::vector<float> gates = {90, 130, 200, 1e4F, -90, -130, -200, -1e4F, std::numeric_limits<float>::quiet_NaN()};
    const int columns = static_cast<int>(gates.size());
    std::vector<float> gateUp = gates;
    gateUp.resize(2 * gates.size(), 1.0F);
    const Matrix input(*m_backend, 1, 2 * columns, DType::F32, gateUp);
    const Matrix out(*m_backend, 1, columns, narrow());
    m_backend->swiglu(input, out);
    const std::vector<float> ours = out.values();
    for (std::size_t i = 0; i < 4; ++i)
        EXPECT_NEAR(ours[i], gates[i], narrowError() * static_cast<double>(gates[i]));
    for (std::size_t i = 4; i < 8; ++i)
        EXPECT_NEAR(ours[i], 0, 1e-30) << gates[i];
    EXPECT_TRUE(std::isnan(ours[8]));
}

TEST_P(RowsTest, GatherTakesTheNamedRows) {
    Noise noise(5);
    const std::vector<float> x = noise.values(20 * 24, 1, DType::F32);
    const std::vector<int> rows = {19, 0, 7, 7};
    const Matrix input(*m_backend, 20, 24, DType::F32, x);
    const Matrix out(*m_backend, 4, 24, DType::F32);
    m_backend->gatherRows(input, rows, out);
    for (int m = 0; m < 4; ++m) {
        EXPECT_TRUE(sameBits(rowsOf(out.values(), 24, m, 1), rowsOf(x, 24, rows[static_cast<std::size_t>(m)], 1)));
    }
}

TEST_P(RowsTest, RotatedQueriesEqualReferenceForBothPairingsAndPartialRotation) {
    Noise noise(6);
    struct Shape {
        int headDim;
        int rotated;
    };
    const std::vector<int> positions = {0, 1, 77, 1000, 4095};
    for (const RopePairing pairing : {RopePairing::HalfSplit, RopePairing::Interleaved}) {
        for (const Shape shape :
             {Shape{16, 16}, Shape{64, 64}, Shape{64, 32}, Shape{80, 20}, Shape{96, 96}, Shape{128, 128}}) {
            const RopeTable rope = ropeTable(pairing, shape.rotated, 4096);
            const std::vector<float> q = noise.values(static_cast<std::size_t>(5 * 3 * shape.headDim), 1, DType::F32);
            const Matrix input(*m_backend, 5, 3 * shape.headDim, DType::F32, q);
            const Matrix out(*m_backend, 5, 3 * shape.headDim, narrow());
            m_backend->rotateQueries(input, 3, positions, rope, out);
            const Matrix expected(*m_reference, 5, 3 * shape.headDim, DType::F32, q);
            m_reference->rotateQueries(expected, 3, positions, rope, expected);
            EXPECT_LE(relativeError(out.values(), expected.values()), narrowError())
                << shape.headDim << ", " << shape.rotated << " rotated";
        }
    }
}

TEST_P(RowsTest, RotationOfALiteral) {
    RopeSpec spec;
    spec.dimensions = 4;
    spec.inverseFrequencies = {1.5707963267948966, 0};  // position 1 turns the first pair by a right angle
    spec.magnitude = 2;
    const std::vector<int> positions = {1};
    const std::vector<float> q = {1, 2, 3, 4, 5, 6};  // D = 6: the last two are not rotated
    const auto rotated = [&](RopePairing pairing) {
        spec.pairing = pairing;
        const Matrix input(*m_backend, 1, 6, DType::F32, q);
        const Matrix out(*m_backend, 1, 6, narrow());
        m_backend->rotateQueries(input, 1, positions, RopeTable(spec, 2), out);
        return out.values();
    };
    EXPECT_LE(relativeError(rotated(RopePairing::HalfSplit), std::vector<float>{-6, 4, 2, 8, 5, 6}), 1e-6);
    EXPECT_LE(relativeError(rotated(RopePairing::Interleaved), std::vector<float>{-4, 2, 6, 8, 5, 6}), 1e-6);
}

INSTANTIATE_TEST_SUITE_P(Backends, RowsTest, ::testing::ValuesIn(allCases()), caseName);

}  // namespace
}  // namespace engine
