// Laws of choosing from a row: what a plain sort puts first, whatever the values, the mask and the size.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include "tests/engine/backend/backend_fixture.h"

namespace engine {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

/// Indices of the candidates by a stable sort: greater first, NaN as +∞, equals as they stand.
std::vector<int> sorted(const std::vector<float>& row, const std::vector<std::uint8_t>& excluded = {}) {
    std::vector<int> order;
    for (std::size_t i = 0; i < row.size(); ++i)
        if (excluded.empty() || excluded[i] == 0)
            order.push_back(static_cast<int>(i));
    const auto rank = [&](int i) {
        const float value = row[static_cast<std::size_t>(i)];
        return std::isnan(value) ? kInfinity : value;
    };
    std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return rank(a) > rank(b); });
    return order;
}

class ChoosingTest : public BackendTest {
protected:
    /// The numbers of rows that were chosen, on the host.
    std::vector<int> download(RowNumbers numbers) {
        std::vector<int> values(static_cast<std::size_t>(numbers.count()));
        m_backend->download(values.data(), numbers.data(), values.size() * sizeof(int));
        return values;
    }
    /// Elements of the row that chooseRows takes when nothing is forced.
    std::vector<int> chosen(TensorView row, std::size_t count, const std::vector<std::uint8_t>& excluded = {}) {
        const std::vector<int> ofPosition(static_cast<std::size_t>(row.columns), 0);
        return download(m_backend->chooseRows(row, {{}, excluded, 0, static_cast<int>(count), ofPosition}).positions);
    }
    /// chooseRows and rankGreatest of `count` against the sort.
    void expectChosen(const std::vector<float>& row, std::size_t count, const std::vector<std::uint8_t>& excluded = {}) {
        const Matrix onDevice(*m_backend, 1, static_cast<int>(row.size()), DType::F32, row);
        std::vector<int> expected = sorted(row, excluded);
        ASSERT_GE(expected.size(), count);
        expected.resize(count);
        if (excluded.empty()) {
            std::vector<int> indices(count, -1);
            std::vector<float> values(count);
            m_backend->rankGreatest(onDevice, indices, values);
            ASSERT_EQ(indices, expected);
            for (std::size_t i = 0; i < count; ++i)
                ASSERT_EQ(std::memcmp(&values[i], &row[static_cast<std::size_t>(indices[i])], sizeof(float)), 0);
        }
        std::sort(expected.begin(), expected.end());
        ASSERT_EQ(chosen(onDevice, count, excluded), expected);
        ASSERT_TRUE(sameBits(onDevice.values(), row)) << "the row is only read";
    }
};

/// Values of which many are equal.
std::vector<float> coarse(Noise& noise, std::size_t count) {
    std::vector<float> values = noise.values(count, 40, DType::F32);
    for (float& value : values)
        value = std::round(value) / 8;
    return values;
}

TEST_P(ChoosingTest, EqualsAPlainSort) {
    Noise noise(1);
    for (const std::size_t size : {1U, 2U, 31U, 32U, 33U, 1000U, 2048U, 2049U, 4097U}) {
        const std::vector<float> fine = noise.values(size, 3, DType::F32);
        const std::vector<float> equals = coarse(noise, size);
        for (const std::size_t count : {std::size_t{1}, std::min<std::size_t>(size, 7), (size + 1) / 2, size}) {
            SCOPED_TRACE(std::to_string(count) + " of " + std::to_string(size));
            ASSERT_NO_FATAL_FAILURE(expectChosen(fine, count));
            ASSERT_NO_FATAL_FAILURE(expectChosen(equals, count));
        }
    }
}

TEST_P(ChoosingTest, EqualsAPlainSortInAVocabulary) {
    Noise noise(2);
    for (const std::size_t size : {49'152U, 151'936U}) {
        const std::vector<float> row = size % 5 == 1 ? coarse(noise, size) : noise.values(size, 5, DType::F32);
        for (const std::size_t count : {std::size_t{1}, std::size_t{40}, size / 2, size}) {
            SCOPED_TRACE(std::to_string(count) + " of " + std::to_string(size));
            ASSERT_NO_FATAL_FAILURE(expectChosen(row, count));
        }
    }
}

TEST_P(ChoosingTest, OfEqualValuesTheLowerIndexComesFirst) {
    for (const float value : {0.0F, -2.5F, kInfinity, -kInfinity, kNan})
        for (const std::size_t count : {1U, 2047U, 2048U, 2100U, 4097U})
            ASSERT_NO_FATAL_FAILURE(expectChosen(std::vector<float>(4097, value), count)) << value << ", " << count;
}

TEST_P(ChoosingTest, NanIsInfinityZerosAreEqualAndDenormalsAreNumbers) {
    constexpr float kLeast = std::numeric_limits<float>::denorm_min();
    constexpr float kMost = std::numeric_limits<float>::max();
    const std::vector<float> row = {-kInfinity, 0.0F,  -0.0F, -kMost, kLeast, -kLeast, kInfinity, kNan,
                                    1,          -kNan, 0.0F,  kMost,  -0.0F,  -1,      kInfinity, 2 * kLeast};
    EXPECT_EQ(sorted(row), (std::vector<int>{6, 7, 9, 14, 11, 8, 15, 4, 1, 2, 10, 12, 5, 13, 3, 0}));
    for (std::size_t count = 1; count <= row.size(); ++count)
        ASSERT_NO_FATAL_FAILURE(expectChosen(row, count)) << count;
}

TEST_P(ChoosingTest, TheExcludedAreNoCandidates) {
    Noise noise(3);
    for (const std::size_t size : {1U, 33U, 2500U}) {
        std::vector<float> row = coarse(noise, size);
        std::vector<std::uint8_t> excluded(size);
        for (std::size_t i = 0; i < size; ++i)
            excluded[i] = i == size / 2 || noise.below(4) == 0 ? 0 : static_cast<std::uint8_t>(1 + noise.below(255));
        for (std::size_t i = 0; i < size; ++i)
            if (excluded[i] == 0 && noise.below(8) == 0)
                row[i] = -kInfinity;  // the last candidates still come before the excluded
            else if (excluded[i] != 0 && noise.below(4) == 0)
                row[i] = kNan;
        const auto candidates = static_cast<std::size_t>(std::count(excluded.begin(), excluded.end(), 0));
        for (const std::size_t count : {std::size_t{1}, (candidates + 1) / 2, candidates}) {
            SCOPED_TRACE(std::to_string(count) + " of " + std::to_string(candidates));
            ASSERT_NO_FATAL_FAILURE(expectChosen(row, count, excluded));
        }
    }
}

TEST_P(ChoosingTest, AnyPartOfARowAndNothingOfIt) {
    Noise noise(4);
    const std::vector<float> values = noise.values(300, 1, DType::F32);
    const Matrix matrix(*m_backend, 1, 300, DType::F32, values);
    const TensorView part = matrix.view().columnsSlice(3, 201);  // no more aligned than a float
    const std::vector<float> same = rowsOf(values, 1, 3, 201);
    std::vector<int> expected = sorted(same);
    expected.resize(20);
    std::sort(expected.begin(), expected.end());
    EXPECT_EQ(chosen(part, 20), expected);
    EXPECT_TRUE(chosen(part, 0).empty());
    m_backend->rankGreatest(part, {}, {});
}

/// Forced and excluded elements of a score whose first element stands at `begin`, forced positions before and behind it.
struct Forcing {
    std::vector<int> positions;
    std::vector<std::uint8_t> excluded;
};
Forcing forcing(Noise& noise, int begin, int elements, int behind) {
    Forcing forcing;
    for (int position = begin - 2; position < begin; ++position)
        forcing.positions.push_back(position);
    for (int i = 0; i < elements; ++i) {
        forcing.excluded.push_back(i == elements / 2 || noise.below(3) > 0 ? 0 : 1);
        if (forcing.excluded.back() != 0)
            forcing.positions.push_back(begin + i);
    }
    for (int i = 0; i < behind; ++i)
        forcing.positions.push_back(begin + elements + i);
    return forcing;
}

TEST_P(ChoosingTest, ForcedAndChosenRowsComeTogetherAscendingWithWhatIsWantedOfThem) {
    Noise noise(6);
    constexpr int kBegin = 5;
    for (const int elements : {1, 40, 700})
        for (const int behind : {0, 3}) {
            const std::vector<float> score = noise.values(static_cast<std::size_t>(elements), 1, DType::F32);
            const Matrix onDevice(*m_backend, 1, elements, DType::F32, score);
            const Forcing forced = forcing(noise, kBegin, elements, behind);
            std::vector<int> ofPosition(static_cast<std::size_t>(kBegin + elements + behind));
            for (int& wanted : ofPosition)
                wanted = noise.below(1000);
            const std::vector<int> order = sorted(score, forced.excluded);
            for (const std::size_t count : {std::size_t{0}, std::size_t{1}, (order.size() + 1) / 2, order.size()}) {
                SCOPED_TRACE(std::to_string(count) + " of " + std::to_string(elements));
                std::vector<int> positions = forced.positions;
                for (std::size_t i = 0; i < count; ++i)
                    positions.push_back(kBegin + order[i]);
                std::sort(positions.begin(), positions.end());
                const ChosenRows rows = m_backend->chooseRows(
                    onDevice, {forced.positions, forced.excluded, kBegin, static_cast<int>(count), ofPosition});
                ASSERT_EQ(download(rows.positions), positions);
                ASSERT_GE(rows.limits.most(), positions.back() + 1);
                ASSERT_LE(rows.limits.most(), kBegin + elements + behind);
                const std::vector<int> limits = download(rows.limits);
                const std::vector<int> wanted = download(rows.ofPosition);
                for (std::size_t i = 0; i < positions.size(); ++i) {
                    ASSERT_EQ(limits[i], positions[i] + 1);
                    ASSERT_EQ(wanted[i], ofPosition[static_cast<std::size_t>(positions[i])]);
                }
            }
        }
}

// What a device has chosen goes into the next operations as numbers of the host would.
TEST_P(ChoosingTest, ChosenRowsAreReadAsNumbersOfTheHostAre) {
    Noise noise(7);
    constexpr int kTokens = 30;
    constexpr int kHeads = 2;
    constexpr int kHeadDim = 16;
    constexpr int kWidth = kHeads * kHeadDim;
    const Matrix score(*m_backend, 1, kTokens, DType::F32, noise.values(kTokens, 1, DType::F32));
    const std::vector<int> forced = {kTokens, kTokens + 1};
    const HostTensor table = weightTensor(kTokens + 2, kWidth, noise.values((kTokens + 2) * kWidth), WeightType::F32);
    m_backend->keepTable(table);
    std::vector<int> ids(kTokens + 2);
    std::iota(ids.rbegin(), ids.rend(), 0);
    const ChosenRows rows = m_backend->chooseRows(score, {forced, {}, 0, 9, ids});
    const RopeTable rope = ropeTable(RopePairing::HalfSplit, kHeadDim, 64);
    const auto through = [&](RowNumbers positions, RowNumbers limits, RowNumbers wanted) {
        const int count = positions.count();
        const Matrix x(*m_backend, count, kWidth, DType::F32);
        const Matrix again(*m_backend, count, kWidth, DType::F32);
        const Matrix rotated(*m_backend, count, kWidth, GetParam().narrow);
        const Matrix attended(*m_backend, count, kWidth, GetParam().narrow);
        Cache cache(*m_backend, kHeads, kHeadDim, 64);
        m_backend->embed(table, wanted, x);
        const Matrix source(*m_backend, kTokens + 2, kWidth, DType::F32, Noise(8).values((kTokens + 2) * kWidth));
        m_backend->gatherRows(source, positions, again);
        m_backend->scatterKv(x, again, positions, rope, cache);
        m_backend->rotateQueries(x, kHeads, positions, rope, rotated);
        m_backend->attention(rotated, kHeads, cache, limits, attended, nullptr);
        const int last = count - 1;
        m_backend->attention(rotated.view().slice(last, 1), kHeads, cache, limits.slice(last, 1),
                             attended.view().slice(last, 1), nullptr);
        std::vector<float> all = attended.values();
        const std::vector<float> embedded = x.values();
        const std::vector<float> gathered = again.values();
        all.insert(all.end(), embedded.begin(), embedded.end());
        all.insert(all.end(), gathered.begin(), gathered.end());
        return all;
    };
    const std::vector<float> chosen = through(rows.positions, rows.limits, rows.ofPosition);
    const std::vector<float> known = through(download(rows.positions), download(rows.limits), download(rows.ofPosition));
    EXPECT_TRUE(sameBits(chosen, known));
    m_backend->forgetTable(table);
}

TEST_P(ChoosingTest, TwiceIsTheSame) {
    Noise noise(5);
    const Matrix row(*m_backend, 1, 5000, DType::F32, coarse(noise, 5000));
    std::vector<int> first(700);
    std::vector<float> firstValues(700);
    m_backend->rankGreatest(row, first, firstValues);
    for (int run = 0; run < 3; ++run) {
        std::vector<int> again(700);
        std::vector<float> values(700);
        m_backend->rankGreatest(row, again, values);
        EXPECT_EQ(again, first);
        EXPECT_TRUE(sameBits(values, firstValues));
    }
}

INSTANTIATE_TEST_SUITE_P(Backends, ChoosingTest, ::testing::ValuesIn(allCases()), caseName);

}  // namespace
}  // namespace engine
