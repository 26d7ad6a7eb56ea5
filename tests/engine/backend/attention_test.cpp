// Laws of attention: equal to the reference, limits that nothing crosses, probability mass, independence of threads and rows.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "tests/engine/backend/backend_fixture.h"

namespace engine {
namespace {

// fp32: sums in another order and an exponential within 2e-7 of scores of some units.
constexpr double kF32Error = 3e-6;
// bf16: probabilities and the result are each rounded by at most 2^-8; queries, K and V are bf16 numbers already. Weighted by random signs
// of V the rounding of probabilities grows relative to the (cancelling) sum, at most to about its own size.
constexpr double kBf16Error = 6e-3;
// The mass comes from fp32 probabilities in both precisions; bf16's powers of two are within 3e-6.
constexpr double kMassError = 1e-5;

/// Queries, keys and values of one layer.
struct Problem {
    int heads;
    int kvHeads;
    int headDim;
    int keys;
    std::vector<int> limits;
    std::vector<float> q;
    std::vector<float> k;
    std::vector<float> v;

    Problem(int headCount, int kvHeadCount, int dim, int keyCount, std::vector<int> keyLimits, std::uint32_t seed)
        : heads(headCount), kvHeads(kvHeadCount), headDim(dim), keys(keyCount), limits(std::move(keyLimits)) {
        Noise noise(seed);
        q = noise.values(limits.size() * static_cast<std::size_t>(heads * headDim), 2);
        k = noise.values(static_cast<std::size_t>(keys * kvHeads * headDim));
        v = noise.values(static_cast<std::size_t>(keys * kvHeads * headDim));
    }
    int rows() const { return static_cast<int>(limits.size()); }
    int columns() const { return heads * headDim; }
};

std::vector<int> causal(int keys, int rows) {
    std::vector<int> limits(static_cast<std::size_t>(rows));
    std::iota(limits.begin(), limits.end(), keys - rows + 1);
    for (int& limit : limits) {
        limit = std::max(limit, 1);
    }
    return limits;
}

std::vector<int> scattered(int keys, int rows, std::uint32_t seed, bool sorted) {
    Noise noise(seed);
    std::vector<int> limits(static_cast<std::size_t>(rows));
    for (int& limit : limits) {
        limit = 1 + noise.below(keys);
    }
    limits.back() = keys;
    if (sorted) {
        std::sort(limits.begin(), limits.end());
    }
    return limits;
}

class AttentionTest : public BackendTest {
protected:
    double error() const { return isBf16() ? kBf16Error : kF32Error; }

    std::vector<float> attend(Backend& backend, const Problem& problem, const Cache& cache,
                              std::vector<float>* mass = nullptr) {
        const Matrix q(backend, problem.rows(), problem.columns(), backend.activationType(), problem.q);
        const Matrix out(backend, problem.rows(), problem.columns(), backend.activationType());
        if (mass == nullptr) {
            backend.attention(q, problem.heads, cache, problem.limits, out, nullptr);
        } else {
            const Matrix masses(backend, 1, cache.view().capacity, DType::F32);
            const TensorView view = masses;
            backend.attention(q, problem.heads, cache, problem.limits, out, &view);
            *mass = masses.values();
        }
        return out.values();
    }
    std::vector<float> attend(Backend& backend, const Problem& problem, std::vector<float>* mass = nullptr) {
        return attend(backend, problem, filled(backend, problem), mass);
    }
    Cache filled(Backend& backend, const Problem& problem) {
        Cache cache(backend, problem.kvHeads, problem.headDim, problem.keys);
        cache.fill(0, problem.k, problem.v);
        return cache;
    }
};

TEST_P(AttentionTest, EqualsReferenceForEveryShape) {
    struct Heads {
        int heads;
        int kvHeads;
    };
    const int rowCounts[] = {1, 2, 31, 32, 33, 100};
    std::size_t turn = 0;
    for (const int headDim : {16, 64, 80, 96, 128, 40}) {
        for (const Heads heads : {Heads{1, 1}, Heads{3, 1}, Heads{9, 3}, Heads{4, 4}, Heads{14, 2}}) {
            for (const int keys : {1, 15, 16, 17, 127, 128, 129, 1000}) {
                const int rows = rowCounts[turn++ % 6];
                const auto seed = static_cast<std::uint32_t>(turn);
                if (turn % GetParam().every != 0) {
                    continue;
                }
                const Problem problem(heads.heads, heads.kvHeads, headDim, keys,
                                      turn % 3 == 0 ? causal(keys, rows) : scattered(keys, rows, seed, turn % 3 == 1), seed);
                EXPECT_LE(relativeError(attend(*m_backend, problem), attend(*m_reference, problem)), error())
                    << "D " << headDim << ", H " << heads.heads << "/" << heads.kvHeads << ", " << keys << " keys, " << rows
                    << " rows";
            }
        }
    }
}

TEST_P(AttentionTest, EveryRowCountEqualsReference) {
    for (const int rows : {1, 2, 31, 32, 33, 100}) {
        const Problem problem(9, 3, 64, 700, scattered(700, rows, 5, true), 6);
        EXPECT_LE(relativeError(attend(*m_backend, problem), attend(*m_reference, problem)), error()) << rows;
    }
}

// Few rows over many keys are shared out by ranges of keys; the borders of ranges are where one could be lost.
TEST_P(AttentionTest, FewRowsOverManyKeysEqualReference) {
    for (const int keys : {511, 512, 513, 1024, 1025, 3000}) {
        for (const int rows : {1, 2, 16}) {
            Problem problem(9, 3, 64, keys, causal(keys, rows), 19);
            // The last key decides: a range that is lost or stale shows however few keys it has.
            for (std::size_t i = problem.k.size() - 192; i < problem.k.size(); ++i) {
                problem.k[i] = problem.q[problem.q.size() - 576 + (i % 192) / 64 * 192 + i % 64];
            }
            EXPECT_LE(relativeError(attend(*m_backend, problem), attend(*m_reference, problem)), error())
                << keys << " keys, " << rows << " rows";
        }
    }
}

TEST_P(AttentionTest, OneVisibleKeyGivesItsValue) {
    const Problem problem(3, 1, 64, 5, {1, 1}, 7);
    const std::vector<float> out = attend(*m_backend, problem);
    for (int row = 0; row < 2 * 3; ++row) {
        EXPECT_TRUE(sameBits(rowsOf(out, 64, row, 1), rowsOf(problem.v, 64, 0, 1))) << row;
    }
}

TEST_P(AttentionTest, LargeScoresDoNotOverflow) {
    Problem problem(3, 1, 64, 300, {100, 300}, 8);
    for (float& value : problem.q) {
        value *= 64;  // scores of some hundreds: the softmax picks one key
    }
    EXPECT_LE(relativeError(attend(*m_backend, problem), attend(*m_reference, problem)), error());
}

// What lies in the cache beyond the greatest limit, padding included, is whatever an earlier or coming step left there.
TEST_P(AttentionTest, PositionsBeyondEveryLimitNeverMatter) {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    const float infinity = std::numeric_limits<float>::infinity();
    std::size_t turn = 0;
    for (const int keys : {1, 2, 15, 16, 17, 127, 128, 129, 511, 512, 513, 1000}) {
        for (const int rows : {1, 7, 40}) {
            if (turn++ % GetParam().every != 0) {
                continue;
            }
            const Problem problem(9, 3, 64, keys, causal(keys, rows), 9);
            Cache cache(*m_backend, 3, 64, keys + 300);
            cache.fill(0, problem.k, problem.v);
            std::vector<float> cleanMass;
            const std::vector<float> clean = attend(*m_backend, problem, cache, &cleanMass);
            struct Poison {
                float k;
                float v;
            };
            for (const Poison poison :
                 {Poison{nan, nan}, Poison{nan, 1e30F}, Poison{infinity, -infinity}, Poison{1e30F, 1e30F}}) {
                cache.fillWith(keys, poison.k, poison.v);
                std::vector<float> mass;
                EXPECT_TRUE(sameBits(attend(*m_backend, problem, cache, &mass), clean))
                    << keys << " keys, " << rows << " rows, K " << poison.k << ", V " << poison.v;
                EXPECT_TRUE(sameBits(mass, cleanMass));
            }
        }
    }
}

// Rows of one block see different numbers of keys: what a later row sees must not touch an earlier one.
TEST_P(AttentionTest, RowsNeverSeeBeyondTheirOwnLimit) {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    for (const int headDim : {64, 80}) {
        const int keys = 660;
        const std::vector<int> limits = {1,   2,   15,  16,  17,  63,  64,  65,  127, 128,
                                         129, 200, 511, 512, 513, 514, 600, 659, 660};
        const Problem problem(6, 2, headDim, keys, limits, 10);
        const std::vector<float> clean = attend(*m_backend, problem);
        for (std::size_t row = 0; row + 1 < limits.size(); row += GetParam().every) {
            for (const float value : {nan, 1e30F}) {
                Cache cache = filled(*m_backend, problem);
                cache.fillWith(limits[row], nan, value);
                const std::vector<float> out = attend(*m_backend, problem, cache);
                const int columns = problem.columns();
                for (int m = 0; m < problem.rows(); ++m) {
                    const std::vector<float> ours = rowsOf(out, columns, m, 1);
                    if (m <= static_cast<int>(row)) {
                        EXPECT_TRUE(sameBits(ours, rowsOf(clean, columns, m, 1)))
                            << "limit " << limits[row] << ", row " << m;
                    } else {
                        EXPECT_TRUE(std::isnan(ours[0])) << "poison within the limit must show: row " << m;
                    }
                }
            }
        }
    }
}

TEST_P(AttentionTest, RowDoesNotDependOnOtherRows) {
    const Problem all(9, 3, 64, 1700, scattered(1700, 200, 11, true), 12);
    const std::vector<float> together = attend(*m_backend, all);
    const Cache cache = filled(*m_backend, all);
    struct Span {
        int begin;
        int count;
    };
    for (const Span span : {Span{0, 1}, Span{199, 1}, Span{57, 1}, Span{150, 16}, Span{3, 100}}) {
        Problem part = all;
        part.limits.assign(all.limits.begin() + span.begin, all.limits.begin() + span.begin + span.count);
        part.q = rowsOf(all.q, all.columns(), span.begin, span.count);
        const std::vector<float> alone = attend(*m_backend, part, cache);
        const std::vector<float> beside = rowsOf(together, all.columns(), span.begin, span.count);
        EXPECT_TRUE(GetParam().rowsOfAttentionAreIndependent ? sameBits(alone, beside)
                                                             : relativeError(alone, beside) <= error())
            << span.begin << " + " << span.count;
    }
}

TEST_P(AttentionTest, ThreadsDoNotChangeABit) {
    for (const int rows : {1, 5, 200}) {
        const Problem problem(9, 3, 64, 2100, scattered(2100, rows, 13, true), 14);
        std::vector<float> mass;
        const std::vector<float> out = attend(*m_backend, problem, &mass);
        for (const int threads : {1, 3}) {
            const auto other = GetParam().create(threads);
            std::vector<float> otherMass;
            EXPECT_TRUE(sameBits(attend(*other, problem, &otherMass), out)) << threads;
            EXPECT_TRUE(sameBits(otherMass, mass)) << threads;
        }
        EXPECT_TRUE(sameBits(attend(*m_backend, problem), out)) << "again";
    }
}

TEST_P(AttentionTest, MassEqualsReferenceAndSumsToRowsTimesHeads) {
    for (const int keys : {1, 17, 128, 1000}) {
        for (const int rows : {1, 16, 50}) {
            const Problem problem(9, 3, 64, keys, scattered(keys, rows, 15, false), 16);
            std::vector<float> ours;
            std::vector<float> expected;
            attend(*m_backend, problem, &ours);
            attend(*m_reference, problem, &expected);
            EXPECT_LE(relativeError(ours, expected), kMassError) << keys << " keys, " << rows << " rows";
            const double total = std::accumulate(ours.begin(), ours.end(), 0.0);
            // Normalised by the very sum of its terms, but for factors between running maxima, each within the error above.
            EXPECT_NEAR(total, rows * 9, rows * 9 * kMassError);
        }
    }
}

// More rows than a back end may sum at a time, and limits that change within each part.
TEST_P(AttentionTest, MassOfManyRowsIsTheSumOfItsParts) {
    const Problem problem(32, 2, 16, 2000, scattered(2000, 120, 21, false), 22);
    std::vector<float> ours;
    std::vector<float> expected;
    attend(*m_backend, problem, &ours);
    attend(*m_reference, problem, &expected);
    EXPECT_LE(relativeError(ours, expected), kMassError);
}

TEST_P(AttentionTest, MassIsAddedToWhatIsThere) {
    const Problem problem(3, 1, 64, 130, {100, 130}, 17);
    std::vector<float> mass;
    attend(*m_backend, problem, &mass);
    const Cache cache = filled(*m_backend, problem);
    const Matrix q(*m_backend, 2, 192, narrow(), problem.q);
    const Matrix out(*m_backend, 2, 192, narrow());
    const Matrix masses(*m_backend, 1, 256, DType::F32, std::vector<float>(256, 2.0F));
    const TensorView view = masses;
    m_backend->attention(q, 3, cache, problem.limits, out, &view);
    for (std::size_t key = 0; key < 256; ++key) {
        ASSERT_FLOAT_EQ(masses.values()[key], 2.0F + mass[key]) << key;
    }
}

TEST_P(AttentionTest, ZeroRowsAreNoWork) {
    const Problem problem(3, 1, 64, 10, {}, 18);
    std::vector<float> mass;
    EXPECT_TRUE(attend(*m_backend, problem, &mass).empty());
    EXPECT_EQ(mass, std::vector<float>(128, 0.0F));
}

INSTANTIATE_TEST_SUITE_P(Backends, AttentionTest, ::testing::ValuesIn(allCases()), caseName);

}  // namespace
}  // namespace engine
