// Laws of the operations on keys and values: scatter, placing and exporting slices, deviation, looking inside.
#include <cstring>
#include <limits>
#include <numeric>

#include "engine/backend/half.h"
#include "tests/engine/backend/backend_fixture.h"

namespace engine {
namespace {

constexpr double kF32Error = 1e-6;         // rotation: two products and a sum, each rounded at 6e-8
constexpr double kBf16Rounding = 0x1p-8;   // one rounding to bf16
constexpr double kHalfRounding = 0x1p-11;  // one rounding to f16

struct HeadShape {
    int kvHeads;
    int headDim;
    int rotated;
};
constexpr HeadShape kShapes[] = {{3, 64, 64}, {1, 16, 16}, {2, 80, 20}, {4, 96, 96}, {2, 128, 64}, {1, 40, 40}};

constexpr HeadShape kTwoHeads = {2, 64, 64};

/// A stored record of one layer.
struct Slice {
    std::vector<std::byte> k;
    std::vector<std::byte> v;
    KvDtype dtype;
    int tokens;

    Slice(KvDtype sliceType, int tokenCount, HeadShape shape) : dtype(sliceType), tokens(tokenCount) {
        k.resize(storage::kvSliceBytes({1, shape.kvHeads, shape.headDim, sliceType}, tokenCount));
        v.resize(k.size());
    }
    KvSliceView view() const { return {k.data(), v.data(), dtype, tokens}; }
};

// Steps of 1/127 of a row's greatest value, at most 4 deviations of noise: 4 / 127 / sqrt(12).
constexpr double kInt8Rounding = 0.01;

class KeyValueTest : public BackendTest {
protected:
    double cacheError() const { return isBf16() ? kBf16Rounding : kF32Error; }
};

std::vector<int> range(int begin, int count) {
    std::vector<int> positions(static_cast<std::size_t>(count));
    std::iota(positions.begin(), positions.end(), begin);
    return positions;
}

TEST_P(KeyValueTest, WrittenRowsAreReadBack) {
    Noise noise(1);
    for (const HeadShape shape : kShapes) {
        Cache cache(*m_backend, shape.kvHeads, shape.headDim, 200);
        const auto count = static_cast<std::size_t>(200 * cache.width());
        const std::vector<float> k = noise.values(count);
        const std::vector<float> v = noise.values(count);
        cache.fill(0, k, v);
        EXPECT_TRUE(sameBits(cache.keys(200), k)) << shape.headDim;
        EXPECT_TRUE(sameBits(cache.valueRows(200), v)) << shape.headDim;
    }
}

TEST_P(KeyValueTest, ScatteredRowsEqualReference) {
    Noise noise(2);
    for (const RopePairing pairing : {RopePairing::HalfSplit, RopePairing::Interleaved}) {
        for (const HeadShape shape : kShapes) {
            const RopeTable rope = ropeTable(pairing, shape.rotated, 256);
            // Runs that begin and end inside groups of 16, lone rows, and rows out of order.
            std::vector<int> positions = range(5, 60);
            for (const int lone : {255, 0, 100, 102, 103, 69, 67}) {
                positions.push_back(lone);
            }
            const int rows = static_cast<int>(positions.size());
            Cache ours(*m_backend, shape.kvHeads, shape.headDim, 256);
            Cache expected(*m_reference, shape.kvHeads, shape.headDim, 256);
            const auto count = static_cast<std::size_t>(rows * ours.width());
            const std::vector<float> k = noise.values(count, 1, DType::F32);
            const std::vector<float> v = noise.values(count, 1, DType::F32);
            ours.fillWith(0, 9, -9);
            expected.fillWith(0, 9, -9);
            m_backend->scatterKv(Matrix(*m_backend, rows, ours.width(), DType::F32, k),
                                 Matrix(*m_backend, rows, ours.width(), DType::F32, v), positions, rope, ours);
            m_reference->scatterKv(Matrix(*m_reference, rows, ours.width(), DType::F32, k),
                                   Matrix(*m_reference, rows, ours.width(), DType::F32, v), positions, rope, expected);
            EXPECT_LE(relativeError(ours.keys(256), expected.keys(256)), cacheError()) << shape.headDim;
            EXPECT_LE(relativeError(ours.valueRows(256), expected.valueRows(256)), cacheError()) << shape.headDim;
            EXPECT_EQ(rowsOf(ours.keys(256), ours.width(), 101, 1),
                      std::vector<float>(static_cast<std::size_t>(ours.width()), 9.0F))
                << "a position that no row has stays";
        }
    }
}

TEST_P(KeyValueTest, PlacedSliceEqualsReferenceAndLeavesNeighboursAlone) {
    Noise noise(3);
    for (const KvDtype dtype : {KvDtype::F32, KvDtype::F16, KvDtype::Bf16, KvDtype::Int8}) {
        for (const HeadShape shape : kShapes) {
            for (const int first : {0, 1, 16, 27}) {
                const int tokens = 37;
                const RopeTable rope = ropeTable(RopePairing::HalfSplit, shape.rotated, 128);
                Cache ours(*m_backend, shape.kvHeads, shape.headDim, 128);
                Cache expected(*m_reference, shape.kvHeads, shape.headDim, 128);
                Slice slice(dtype, tokens, shape);
                const auto count = static_cast<std::size_t>(tokens * ours.width());
                const Matrix k(*m_reference, tokens, ours.width(), DType::F32, noise.values(count, 1, DType::F32));
                const Matrix v(*m_reference, tokens, ours.width(), DType::F32, noise.values(count, 1, DType::F32));
                m_reference->exportSlice(k, v, shape.kvHeads, dtype, slice.k.data(), slice.v.data());
                ours.fillWith(0, 9, -9);
                expected.fillWith(0, 9, -9);
                m_backend->placeSlice(slice.view(), first, rope, ours);
                m_reference->placeSlice(slice.view(), first, rope, expected);
                EXPECT_LE(relativeError(ours.keys(128), expected.keys(128)), cacheError())
                    << shape.headDim << " at " << first;
                EXPECT_LE(relativeError(ours.valueRows(128), expected.valueRows(128)), cacheError())
                    << shape.headDim << " at " << first;
                for (const int outside : {first - 1, first + tokens}) {
                    if (outside >= 0) {
                        EXPECT_EQ(rowsOf(ours.keys(128), ours.width(), outside, 1),
                                  std::vector<float>(static_cast<std::size_t>(ours.width()), 9.0F));
                        EXPECT_EQ(rowsOf(ours.valueRows(128), ours.width(), outside, 1),
                                  std::vector<float>(static_cast<std::size_t>(ours.width()), -9.0F));
                    }
                }
            }
        }
    }
}

TEST_P(KeyValueTest, ExportedSliceEqualsReferenceBitwise) {
    Noise noise(4);
    std::vector<float> k = noise.values(19 * 128, 1, DType::F32);
    std::vector<float> v = noise.values(19 * 128, 1, DType::F32);
    // Where formats differ: halfway cases, subnormal and too large numbers.
    const std::vector<float> hard = {1.00048828125F, 1.00146484375F, 65519.0F,    65520.0F, 1e-7F,
                                     3e-8F,          2.9802322e-8F,  6.1e-5F,     -1e-40F,  1e30F,
                                     -0.0F,          1.00390625F,    1.01171875F, -65504.0F};
    std::copy(hard.begin(), hard.end(), k.begin());
    std::copy(hard.begin(), hard.end(), v.begin() + 5);
    for (const KvDtype dtype : {KvDtype::F32, KvDtype::F16, KvDtype::Bf16, KvDtype::Int8}) {
        Slice ours(dtype, 19, kTwoHeads);
        Slice expected(dtype, 19, kTwoHeads);
        m_backend->exportSlice(Matrix(*m_backend, 19, 128, DType::F32, k), Matrix(*m_backend, 19, 128, DType::F32, v), 2,
                               dtype, ours.k.data(), ours.v.data());
        m_reference->exportSlice(Matrix(*m_reference, 19, 128, DType::F32, k), Matrix(*m_reference, 19, 128, DType::F32, v),
                                 2, dtype, expected.k.data(), expected.v.data());
        EXPECT_EQ(ours.k, expected.k);
        EXPECT_EQ(ours.v, expected.v);
    }
}

TEST_P(KeyValueTest, PlacingAnExportedSliceEqualsScatteringTheRows) {
    Noise noise(5);
    for (const RopePairing pairing : {RopePairing::HalfSplit, RopePairing::Interleaved}) {
        for (const KvDtype dtype : {KvDtype::F32, KvDtype::F16, KvDtype::Bf16, KvDtype::Int8}) {
            for (const HeadShape shape : kShapes) {
                const int tokens = 45;
                const int first = 7;
                const RopeTable rope = ropeTable(pairing, shape.rotated, 128);
                Cache placed(*m_backend, shape.kvHeads, shape.headDim, 128);
                Cache scattered(*m_backend, shape.kvHeads, shape.headDim, 128);
                const auto count = static_cast<std::size_t>(tokens * placed.width());
                const Matrix k(*m_backend, tokens, placed.width(), DType::F32, noise.values(count, 1, DType::F32));
                const Matrix v(*m_backend, tokens, placed.width(), DType::F32, noise.values(count, 1, DType::F32));
                Slice slice(dtype, tokens, shape);
                m_backend->exportSlice(k, v, shape.kvHeads, dtype, slice.k.data(), slice.v.data());
                m_backend->placeSlice(slice.view(), first, rope, placed);
                m_backend->scatterKv(k, v, range(first, tokens), rope, scattered);
                if (dtype == KvDtype::F32) {
                    EXPECT_EQ(placed.bytes(), scattered.bytes()) << shape.headDim;
                } else {
                    const double stored = dtype == KvDtype::F16    ? kHalfRounding
                                          : dtype == KvDtype::Bf16 ? kBf16Rounding
                                                                   : kInt8Rounding;
                    EXPECT_LE(relativeError(placed.keys(128), scattered.keys(128)), stored + cacheError()) << shape.headDim;
                    EXPECT_LE(relativeError(placed.valueRows(128), scattered.valueRows(128)), stored + cacheError());
                }
            }
        }
    }
}

TEST_P(KeyValueTest, DeviationEqualsReference) {
    Noise noise(6);
    for (const KvDtype dtype : {KvDtype::F32, KvDtype::F16, KvDtype::Bf16, KvDtype::Int8}) {
        for (const HeadShape shape : kShapes) {
            const int tokens = 21;
            const int width = shape.kvHeads * shape.headDim;
            const auto count = static_cast<std::size_t>(tokens * width);
            Slice slice(dtype, tokens, shape);
            m_reference->exportSlice(Matrix(*m_reference, tokens, width, DType::F32, noise.values(count)),
                                     Matrix(*m_reference, tokens, width, DType::F32, noise.values(count)), shape.kvHeads,
                                     dtype, slice.k.data(), slice.v.data());
            const std::vector<float> k = noise.values(count, 1, DType::F32);
            const std::vector<float> v = noise.values(count, 1, DType::F32);
            for (const DeviationMetric metric : {DeviationMetric::K, DeviationMetric::V, DeviationMetric::Kv}) {
                const Matrix ours(*m_backend, 1, tokens, DType::F32);
                const Matrix expected(*m_reference, 1, tokens, DType::F32);
                m_backend->deviation(Matrix(*m_backend, tokens, width, DType::F32, k),
                                     Matrix(*m_backend, tokens, width, DType::F32, v), slice.view(), shape.kvHeads, metric,
                                     ours);
                m_reference->deviation(Matrix(*m_reference, tokens, width, DType::F32, k),
                                       Matrix(*m_reference, tokens, width, DType::F32, v), slice.view(), shape.kvHeads,
                                       metric, expected);
                EXPECT_LE(relativeError(ours.values(), expected.values()), kF32Error);
            }
        }
    }
}

TEST_P(KeyValueTest, DeviationOfEqualRowsIsZeroUpToStorage) {
    Noise noise(7);
    const Matrix k(*m_backend, 9, 128, DType::F32, noise.values(9 * 128));
    const Matrix v(*m_backend, 9, 128, DType::F32, noise.values(9 * 128));
    for (const KvDtype dtype : {KvDtype::F32, KvDtype::Bf16}) {  // the noise is made of bf16 numbers: nothing is lost
        Slice slice(dtype, 9, kTwoHeads);
        m_backend->exportSlice(k, v, 2, dtype, slice.k.data(), slice.v.data());
        const Matrix dev(*m_backend, 1, 9, DType::F32, std::vector<float>(9, 5.0F));
        m_backend->deviation(k, v, slice.view(), 2, DeviationMetric::Kv, dev);
        EXPECT_EQ(dev.values(), std::vector<float>(9, 0.0F));
    }
}

TEST_P(KeyValueTest, ScoreAddsMassTimesValueNorm) {
    Noise noise(8);
    for (const HeadShape shape : kShapes) {
        Cache ours(*m_backend, shape.kvHeads, shape.headDim, 640);
        Cache expected(*m_reference, shape.kvHeads, shape.headDim, 640);
        const auto count = static_cast<std::size_t>(640 * ours.width());
        const std::vector<float> k = noise.values(count);
        const std::vector<float> v = noise.values(count);
        ours.fill(0, k, v);
        expected.fill(0, k, v);
        const std::vector<float> mass = noise.values(640, 1, DType::F32);
        const std::vector<float> before = noise.values(600, 1, DType::F32);
        for (const ScoreWeight weight : {ScoreWeight::Attention, ScoreWeight::AttentionTimesValueNorm}) {
            const Matrix score(*m_backend, 1, 600, DType::F32, before);
            m_backend->accumulateScore(Matrix(*m_backend, 1, 640, DType::F32, mass), ours, 33, 599, weight, 0.25F, score);
            const Matrix same(*m_reference, 1, 600, DType::F32, before);
            m_reference->accumulateScore(Matrix(*m_reference, 1, 640, DType::F32, mass), expected, 33, 599, weight, 0.25F,
                                         same);
            EXPECT_LE(relativeError(score.values(), same.values()), kF32Error) << shape.headDim;
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Backends, KeyValueTest, ::testing::ValuesIn(allCases()), caseName);

TEST(HalfTest, EveryHalfSurvivesTheWayThroughFloat) {
    for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
        const float value = halfToFloat(static_cast<std::uint16_t>(bits));
        const bool isNan = (bits & 0x7fffU) > 0x7c00U;
        const auto back = floatToHalf(value);
        if (isNan) {
            EXPECT_GT(back & 0x7fff, 0x7c00) << bits;
        } else {
            ASSERT_EQ(back, bits);
        }
    }
}

TEST(HalfTest, RoundsToNearestEven) {
    EXPECT_EQ(floatToHalf(1.00048828125F), 0x3c00);  // halfway between 1 and the next: to the even one
    EXPECT_EQ(floatToHalf(1.00146484375F), 0x3c02);
    EXPECT_EQ(floatToHalf(65519.99F), 0x7bff);
    EXPECT_EQ(floatToHalf(65520.0F), 0x7c00);
    EXPECT_EQ(floatToHalf(0x1p-25F), 0x0000);
    EXPECT_EQ(floatToHalf(0x1.8p-25F), 0x0001);
    EXPECT_EQ(floatToBf16(1.00390625F), 0x3f80);
    EXPECT_EQ(floatToBf16(1.01171875F), 0x3f82);
    EXPECT_EQ(floatToBf16(std::numeric_limits<float>::max()), 0x7f80);
}

}  // namespace
}  // namespace engine
