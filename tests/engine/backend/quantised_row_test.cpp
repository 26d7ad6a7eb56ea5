// Laws of matmulRow: the product of one row with weights as their file holds them.
#include <cstring>

#include "engine/model/quantisation.h"
#include "tests/engine/backend/backend_fixture.h"

namespace engine {
namespace {

// The row is rounded to steps of 1/16,256 of each 32 inputs' greatest value, about 3 deviations of noise: an error of
// 3 / 16,256 / sqrt(12) = 5e-5 deviations. bf16 weights would be off by 1e-3.
constexpr double kRowError = 1e-4;
constexpr double kPlainTypeError = 5e-6;

const WeightType kKeptTypes[] = {WeightType::Q4_0, WeightType::Q4_1, WeightType::Q5_0, WeightType::Q5_1,
                                 WeightType::Q8_0, WeightType::Q4_K, WeightType::Q5_K, WeightType::Q6_K};

/// Random codes and scales of any sign and size that models have; every bit of every code is used.
HostTensor randomTensor(Noise& noise, WeightType type, int rows, int columns) {
    HostTensor tensor;
    tensor.type = type;
    tensor.rows = rows;
    tensor.columns = columns;
    tensor.data.resize(tensor.rowBytes() * static_cast<std::size_t>(rows));
    for (std::byte& byte : tensor.data)
        byte = static_cast<std::byte>(noise.below(256));
    const auto blockBytes = static_cast<std::size_t>(weightBlockBytes(type));
    const auto setHalf = [&](std::size_t at) {
        // ± 2^-8 … 2^-5 with a random mantissa.
        const int half = noise.below(2) << 15 | (7 + noise.below(4)) << 10 | noise.below(1024);
        tensor.data[at] = static_cast<std::byte>(half & 255);
        tensor.data[at + 1] = static_cast<std::byte>(half >> 8);
    };
    for (std::size_t block = 0; block < tensor.data.size(); block += blockBytes) {
        const bool sixBits = type == WeightType::Q6_K;
        setHalf(block + (sixBits ? 208 : 0));
        if (type == WeightType::Q4_1 || type == WeightType::Q5_1 || type == WeightType::Q4_K || type == WeightType::Q5_K)
            setHalf(block + 2);
    }
    return tensor;
}

std::vector<double> exactProduct(const std::vector<const HostTensor*>& parts, const std::vector<float>& bias,
                                 const std::vector<float>& x) {
    std::vector<double> out;
    std::vector<float> row(x.size());
    for (const HostTensor* part : parts) {
        for (int i = 0; i < part->rows; ++i) {
            dequantiseRows(*part, i, 1, row.data());
            double sum = bias.empty() ? 0 : static_cast<double>(bias[out.size()]);
            for (std::size_t k = 0; k < x.size(); ++k)
                sum += static_cast<double>(row[k]) * static_cast<double>(x[k]);
            out.push_back(sum);
        }
    }
    return out;
}

std::vector<float> narrowed(const std::vector<double>& values) { return {values.begin(), values.end()}; }

class QuantisedRowTest : public BackendTest {
protected:
    std::vector<float> rowProduct(Backend& backend, const std::vector<const HostTensor*>& parts,
                                  const std::vector<float>& bias, const std::vector<float>& x, MatrixUse use) {
        const auto packed = backend.packMatrix(parts, bias, use);
        const Matrix input(backend, 1, static_cast<int>(x.size()), backend.activationType(), x);
        const Matrix out(backend, 1, packed->outputs(), DType::F32);
        backend.matmulRow(input, *packed, out, Accumulate::No);
        return out.values();
    }
};

TEST_P(QuantisedRowTest, GivesTheProductWithTheFilesOwnWeights) {
    Noise noise(11);
    for (const WeightType type : kKeptTypes) {
        for (const int outputs : {16, 5, 80, 131}) {
            const HostTensor weights = randomTensor(noise, type, outputs, 768);
            const std::vector<float> x = noise.values(768);
            for (const MatrixUse use : {MatrixUse::Rows, MatrixUse::OneRow})
                EXPECT_LE(
                    relativeError(rowProduct(*m_backend, {&weights}, {}, x, use), narrowed(exactProduct({&weights}, {}, x))),
                    kRowError)
                    << weightTypeName(type) << ", " << outputs << " outputs";
        }
    }
}

TEST_P(QuantisedRowTest, PartsOfDifferentTypesAndTheirBiasesAreStacked) {
    Noise noise(12);
    const HostTensor query = randomTensor(noise, WeightType::Q4_K, 70, 512);
    const HostTensor key = randomTensor(noise, WeightType::Q4_K, 24, 512);
    const HostTensor value = randomTensor(noise, WeightType::Q6_K, 24, 512);
    const std::vector<float> bias = noise.values(118, 4);
    const std::vector<float> x = noise.values(512);
    EXPECT_LE(relativeError(rowProduct(*m_backend, {&query, &key, &value}, bias, x, MatrixUse::Rows),
                            narrowed(exactProduct({&query, &key, &value}, bias, x))),
              kRowError);
}

TEST_P(QuantisedRowTest, PlainTypesGiveTheProductToo) {
    Noise noise(13);
    for (const WeightType type : {WeightType::F32, WeightType::Bf16}) {
        const HostTensor weights = weightTensor(80, 96, noise.values(80 * 96), type);
        const std::vector<float> x = noise.values(96);
        EXPECT_LE(relativeError(rowProduct(*m_backend, {&weights}, {}, x, MatrixUse::OneRow),
                                narrowed(exactProduct({&weights}, {}, x))),
                  kPlainTypeError);
    }
}

TEST_P(QuantisedRowTest, AccumulateAddsAndNarrowOutputIsRounded) {
    Noise noise(14);
    const HostTensor weights = randomTensor(noise, WeightType::Q4_1, 96, 64);
    const std::vector<const HostTensor*> parts{&weights};
    const std::vector<float> x = noise.values(64);
    const std::vector<float> before = noise.values(96, 3);
    const auto packed = m_backend->packMatrix(parts, {}, MatrixUse::Rows);
    const Matrix input(*m_backend, 1, 64, narrow(), x);
    const std::vector<float> product = narrowed(exactProduct(parts, {}, x));
    std::vector<float> expected = before;
    for (std::size_t i = 0; i < expected.size(); ++i)
        expected[i] += product[i];
    const Matrix sum(*m_backend, 1, 96, DType::F32, before);
    m_backend->matmulRow(input, *packed, sum, Accumulate::Yes);
    EXPECT_LE(relativeError(sum.values(), expected), kRowError);
    const Matrix rounded(*m_backend, 1, 96, narrow());
    m_backend->matmulRow(input, *packed, rounded, Accumulate::No);
    EXPECT_LE(relativeError(rounded.values(), product), isBf16() ? 0x1p-8 : kRowError);
}

TEST_P(QuantisedRowTest, ZeroesAndOutliersDoNotDisturbOtherBlocks) {
    Noise noise(15);
    const HostTensor weights = randomTensor(noise, WeightType::Q8_0, 48, 128);
    std::vector<float> x(128, 0.0F);
    EXPECT_EQ(rowProduct(*m_backend, {&weights}, {}, x, MatrixUse::Rows), std::vector<float>(48, 0.0F));
    x[5] = 32768;  // its block is rounded in steps of 2; the others must keep their own scale
    for (std::size_t i = 64; i < 128; ++i)
        x[i] = noise.values(1)[0];
    std::vector<float> alone = x;
    alone[5] = 0;
    const std::vector<float> with = rowProduct(*m_backend, {&weights}, {}, x, MatrixUse::Rows);
    const std::vector<float> without = rowProduct(*m_backend, {&weights}, {}, alone, MatrixUse::Rows);
    std::vector<float> row(128);
    for (int i = 0; i < 48; ++i) {
        dequantiseRows(weights, i, 1, row.data());
        const auto at = static_cast<std::size_t>(i);
        EXPECT_NEAR(with[at], without[at] + 32768 * row[5], 1e-6 * std::abs(32768 * row[5]) + 1e-4);
    }
}

TEST_P(QuantisedRowTest, ThreadsAndRepetitionDoNotChangeABit) {
    Noise noise(16);
    const HostTensor weights = randomTensor(noise, WeightType::Q5_0, 1000, 576);
    const std::vector<float> x = noise.values(576);
    const std::vector<float> two = rowProduct(*m_backend, {&weights}, {}, x, MatrixUse::Rows);
    EXPECT_TRUE(sameBits(two, rowProduct(*m_backend, {&weights}, {}, x, MatrixUse::Rows)));
    const auto one = GetParam().create(1);
    EXPECT_TRUE(sameBits(two, rowProduct(*one, {&weights}, {}, x, MatrixUse::Rows)));
}

/// A token's operations in a row: three products around an attention, twice, as decoding makes them.
TEST_P(QuantisedRowTest, ABurstChangesNoBit) {
    Noise noise(18);
    constexpr int kWidth = 256;  // 4 heads of 64
    const HostTensor first = randomTensor(noise, WeightType::Q4_1, kWidth, kWidth);
    const HostTensor second = randomTensor(noise, WeightType::Q6_K, 100, kWidth);
    const HostTensor* firstParts[] = {&first};
    const HostTensor* secondParts[] = {&second};
    const auto project = m_backend->packMatrix(firstParts, {}, MatrixUse::Rows);
    const auto output = m_backend->packMatrix(secondParts, {}, MatrixUse::OneRow);
    const std::vector<float> values = noise.values(kWidth);
    for (const int keys : {70, 1300}) {
        Cache cache(*m_backend, 2, 64, keys);
        cache.fill(0, noise.values(static_cast<std::size_t>(keys * 128)),
                   noise.values(static_cast<std::size_t>(keys * 128)));
        const auto token = [&] {
            const Matrix x(*m_backend, 1, kWidth, narrow(), values);
            const Matrix attended(*m_backend, 1, kWidth, narrow());
            const Matrix projected(*m_backend, 1, kWidth, narrow());
            const Matrix logits(*m_backend, 1, 100, DType::F32);
            const int limits[] = {keys};
            m_backend->matmulRow(x, *project, projected, Accumulate::No);
            m_backend->attention(projected, 4, cache, limits, attended, nullptr);
            m_backend->matmulRow(attended, *output, logits, Accumulate::No);
            return logits.values();
        };
        const std::vector<float> apart = token();
        std::vector<float> together[2];
        m_backend->burst([&] {
            for (std::vector<float>& result : together)
                result = token();
        });
        EXPECT_TRUE(sameBits(apart, together[0])) << keys << " keys";
        EXPECT_TRUE(sameBits(apart, together[1])) << keys << " keys";
    }
}

TEST(WeightGroups, HoldWhatDequantisationGives) {
    Noise noise(17);
    for (const WeightType type : kKeptTypes) {
        const int elements = weightBlockElements(type);
        const HostTensor weights = randomTensor(noise, type, 3, 2 * elements);
        const int centre = type == WeightType::Q4_0   ? 8
                           : type == WeightType::Q5_0 ? 16
                           : type == WeightType::Q8_0 ? 128
                           : type == WeightType::Q6_K ? 32
                                                      : 0;
        std::vector<float> row(static_cast<std::size_t>(weights.columns));
        for (int i = 0; i < weights.rows; ++i) {
            dequantiseRows(weights, i, 1, row.data());
            for (int group = 0; group < weights.columns / 32; ++group) {
                WeightGroup values;
                const int perBlock = elements / 32;
                unpackGroup(type, weights.row(i).data() + group / perBlock * weightBlockBytes(type), group % perBlock,
                            values);
                for (int k = 0; k < 32; ++k)
                    EXPECT_EQ(values.scales[k / 16] * static_cast<float>(values.codes[k] - centre) + values.offsets[k / 16],
                              row[static_cast<std::size_t>(group * 32 + k)])
                        << weightTypeName(type) << ", weight " << group * 32 + k;
            }
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Backends, QuantisedRowTest, ::testing::ValuesIn(allCases()), caseName);

}  // namespace
}  // namespace engine
