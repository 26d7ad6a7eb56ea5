// Laws of packMatrix and matmul.
#include <cstring>

#include "tests/engine/backend/backend_fixture.h"

namespace engine {
namespace {

// Inputs and weights are bf16 numbers, so both precisions multiply the same values exactly and only the order of fp32 additions
// differs: some sqrt(K) roundings of 6e-8.
constexpr double kSumError = 5e-6;
// A result narrowed to bf16 moves by at most 2^-8 of itself.
constexpr double kBf16Rounding = 0x1p-8;

class MatrixProductTest : public BackendTest {
protected:
    std::vector<float> product(Backend& backend, const HostTensor& weights, const std::vector<float>& bias,
                               const std::vector<float>& x, int rows) {
        const HostTensor* parts[] = {&weights};
        const auto packed = backend.packMatrix(parts, bias, MatrixUse::Rows);
        const Matrix input(backend, rows, weights.columns, backend.activationType(), x);
        const Matrix out(backend, rows, weights.rows, DType::F32);
        backend.matmul(input, *packed, out, Accumulate::No);
        return out.values();
    }
};

TEST_P(MatrixProductTest, EqualsReferenceForEveryShape) {
    struct Shape {
        int inputs;
        int outputs;
    };
    Noise noise(1);
    for (const Shape shape : {Shape{64, 32}, Shape{96, 80}, Shape{576, 960}, Shape{1536, 576}, Shape{64, 1100}}) {
        const HostTensor weights =
            weightTensor(shape.outputs, shape.inputs,
                         noise.values(static_cast<std::size_t>(shape.inputs) * static_cast<std::size_t>(shape.outputs)),
                         WeightType::Bf16);
        const std::vector<float> bias = noise.values(static_cast<std::size_t>(shape.outputs));
        for (const int rows : {1, 2, 31, 32, 33, 100, 517}) {
            const std::vector<float> x =
                noise.values(static_cast<std::size_t>(rows) * static_cast<std::size_t>(shape.inputs));
            EXPECT_LE(
                relativeError(product(*m_backend, weights, bias, x, rows), product(*m_reference, weights, bias, x, rows)),
                kSumError)
                << rows << " rows, " << shape.inputs << " -> " << shape.outputs;
        }
    }
}

TEST_P(MatrixProductTest, PartsAreStackedByRows) {
    Noise noise(2);
    const HostTensor first = weightTensor(70, 64, noise.values(70 * 64), WeightType::Bf16);
    const HostTensor second = weightTensor(1030, 64, noise.values(1030 * 64), WeightType::Bf16);
    const std::vector<float> x = noise.values(3 * 64);
    const HostTensor* parts[] = {&first, &second};
    const auto packed = m_backend->packMatrix(parts, {}, MatrixUse::Rows);
    EXPECT_EQ(packed->outputs(), 1100);
    EXPECT_EQ(packed->inputs(), 64);
    const Matrix input(*m_backend, 3, 64, narrow(), x);
    const Matrix out(*m_backend, 3, 1100, DType::F32);
    m_backend->matmul(input, *packed, out, Accumulate::No);
    const std::vector<float> stacked = out.values();
    const std::vector<float> a = product(*m_backend, first, {}, x, 3);
    const std::vector<float> b = product(*m_backend, second, {}, x, 3);
    for (int row = 0; row < 3; ++row) {
        EXPECT_TRUE(sameBits(std::span(stacked).subspan(static_cast<std::size_t>(row) * 1100, 70), rowsOf(a, 70, row, 1)));
        EXPECT_TRUE(
            sameBits(std::span(stacked).subspan(static_cast<std::size_t>(row) * 1100 + 70, 1030), rowsOf(b, 1030, row, 1)));
    }
}

TEST_P(MatrixProductTest, AccumulateAddsToWhatIsThere) {
    Noise noise(3);
    const HostTensor weights = weightTensor(96, 64, noise.values(96 * 64), WeightType::Bf16);
    const std::vector<float> bias = noise.values(96);
    for (const int rows : {1, 5, 40}) {
        const std::vector<float> x = noise.values(static_cast<std::size_t>(rows) * 64);
        const std::vector<float> before = noise.values(static_cast<std::size_t>(rows) * 96, 3);
        const std::vector<float> added = product(*m_reference, weights, bias, x, rows);
        const HostTensor* parts[] = {&weights};
        const auto packed = m_backend->packMatrix(parts, bias, MatrixUse::Rows);
        const Matrix input(*m_backend, rows, 64, narrow(), x);
        const Matrix out(*m_backend, rows, 96, DType::F32, before);
        m_backend->matmul(input, *packed, out, Accumulate::Yes);
        std::vector<float> expected = before;
        for (std::size_t i = 0; i < expected.size(); ++i) {
            expected[i] += added[i];
        }
        EXPECT_LE(relativeError(out.values(), expected), kSumError) << rows << " rows";
    }
}

TEST_P(MatrixProductTest, NarrowOutputIsTheRoundedProduct) {
    Noise noise(4);
    const HostTensor weights = weightTensor(96, 64, noise.values(96 * 64), WeightType::Bf16);
    const std::vector<float> x = noise.values(40 * 64);
    const HostTensor* parts[] = {&weights};
    const auto packed = m_backend->packMatrix(parts, {}, MatrixUse::Rows);
    const Matrix input(*m_backend, 40, 64, narrow(), x);
    const Matrix out(*m_backend, 40, 96, narrow());
    m_backend->matmul(input, *packed, out, Accumulate::No);
    EXPECT_LE(relativeError(out.values(), product(*m_reference, weights, {}, x, 40)), isBf16() ? kBf16Rounding : kSumError);
}

TEST_P(MatrixProductTest, RowsAndColumnsOutsideTheViewsStay) {
    Noise noise(5);
    const HostTensor weights = weightTensor(96, 64, noise.values(96 * 64), WeightType::Bf16);
    const HostTensor* parts[] = {&weights};
    const auto packed = m_backend->packMatrix(parts, {}, MatrixUse::Rows);
    const std::vector<float> x = noise.values(50 * 64);
    const std::vector<float> before = noise.values(50 * 128);
    const Matrix input(*m_backend, 50, 64, narrow(), x);
    const Matrix out(*m_backend, 50, 128, DType::F32, before);
    m_backend->matmul(input.view().slice(7, 33), *packed, out.view().slice(7, 33).columnsSlice(16, 96), Accumulate::No);
    const std::vector<float> after = out.values();
    std::vector<float> inside;
    for (int row = 0; row < 50; ++row) {
        for (int column = 0; column < 128; ++column) {
            const auto at = static_cast<std::size_t>(row * 128 + column);
            if (row >= 7 && row < 40 && column >= 16 && column < 112) {
                inside.push_back(after[at]);
            } else {
                ASSERT_EQ(after[at], before[at]) << row << ", " << column;
            }
        }
    }
    EXPECT_LE(relativeError(inside, product(*m_reference, weights, {}, rowsOf(x, 64, 7, 33), 33)), kSumError);
}

TEST_P(MatrixProductTest, RowDoesNotDependOnOtherRowsOrThreads) {
    struct Shape {
        int inputs;
        int outputs;
    };
    Noise noise(6);
    for (const Shape shape : {Shape{576, 960}, Shape{576, 576}, Shape{1536, 576}, Shape{96, 80}, Shape{576, 3072}}) {
        const auto inputs = static_cast<std::size_t>(shape.inputs);
        const HostTensor weights = weightTensor(
            shape.outputs, shape.inputs, noise.values(inputs * static_cast<std::size_t>(shape.outputs)), WeightType::Bf16);
        const std::vector<float> x = noise.values(517 * inputs);
        const std::vector<float> all = product(*m_backend, weights, {}, x, 517);
        struct Span {
            int begin;
            int count;
        };
        const auto expectSame = [&](const std::vector<float>& a, const std::vector<float>& b, const Span span) {
            const bool same = rowsOfProductsAreIndependent() ? sameBits(a, b) : relativeError(a, b) <= kSumError;
            EXPECT_TRUE(same) << shape.inputs << " -> " << shape.outputs << ", rows " << span.begin << " + " << span.count;
        };
        for (const Span span : {Span{0, 1}, Span{300, 1}, Span{511, 1}, Span{516, 1}, Span{100, 45}, Span{7, 300}}) {
            expectSame(product(*m_backend, weights, {}, rowsOf(x, shape.inputs, span.begin, span.count), span.count),
                       rowsOf(all, shape.outputs, span.begin, span.count), span);
        }
        const auto oneThread = GetParam().create(1);
        expectSame(product(*oneThread, weights, {}, x, 517), all, {0, 517});
        EXPECT_TRUE(sameBits(product(*m_backend, weights, {}, x, 517), all)) << "again";
    }
}

TEST_P(MatrixProductTest, ZeroRowsAreNoWork) {
    Noise noise(7);
    const HostTensor weights = weightTensor(64, 64, noise.values(64 * 64), WeightType::Bf16);
    EXPECT_TRUE(product(*m_backend, weights, {}, {}, 0).empty());
}

INSTANTIATE_TEST_SUITE_P(Backends, MatrixProductTest, ::testing::ValuesIn(allCases()), caseName);

}  // namespace
}  // namespace engine
