// Sampling: greedy, the cuts, the penalty, the distribution drawn.
#include "engine/model/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <set>
#include <vector>

namespace engine {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

/// Temperature 1, nothing cut off.
SamplingOptions plain(std::uint64_t seed = 1) {
    SamplingOptions options;
    options.temperature = 1;
    options.topK = 0;
    options.topP = 1;
    options.minP = 0;
    options.seed = seed;
    return options;
}

std::set<TokenId> drawn(const SamplingOptions& options, const std::vector<float>& logits, const TokenIds& history = {}) {
    Sampler sampler(options);
    std::set<TokenId> ids;
    for (int i = 0; i < 4000; ++i)
        ids.insert(sampler.sample(logits, history));
    return ids;
}

TEST(Sampler, TemperatureZeroTakesTheGreatestAndOfEqualOnesTheLowerId) {
    SamplingOptions options;
    options.temperature = 0;
    Sampler sampler(options);
    EXPECT_EQ(sampler.sample(std::vector<float>{1, 5, 3, 5}, {}), 1);
    EXPECT_EQ(sampler.sample(std::vector<float>{-2, -3}, {}), 0);
    EXPECT_EQ(sampler.sample(std::vector<float>{kNan, -3, kNan, 2}, {}), 3);
    EXPECT_EQ(sampler.sample(std::vector<float>{1, std::numeric_limits<float>::max(), kInfinity}, {}), 1);
    EXPECT_EQ(sampler.sample(std::vector<float>{kNan, -kInfinity}, {}), 0);
}

TEST(Sampler, SameSeedSameTokens) {
    std::vector<float> logits;
    for (int i = 0; i < 100; ++i)
        logits.push_back(static_cast<float>(i % 7));
    Sampler one(plain(42));
    Sampler two(plain(42));
    Sampler other(plain(43));
    int differing = 0;
    for (int i = 0; i < 200; ++i) {
        const TokenId id = one.sample(logits, {});
        ASSERT_EQ(two.sample(logits, {}), id);
        differing += other.sample(logits, {}) != id ? 1 : 0;
    }
    EXPECT_GT(differing, 100);
}

TEST(Sampler, DrawsAreTheGeneratorsTopBits) {
    // The standard fixes mt19937_64, so these tokens are the same everywhere: uniform over 1000 ids, id = ⌊1000 · u⌋.
    const std::vector<float> logits(1000, 0.0F);
    Sampler sampler(plain(7));
    std::mt19937_64 generator(7);
    for (int i = 0; i < 50; ++i) {
        const double u = static_cast<double>(generator() >> 11) * 0x1.0p-53;
        EXPECT_EQ(sampler.sample(logits, {}), static_cast<TokenId>(u * 1000));
    }
}

/// Σ (drawn − expected)² / expected over 100,000 draws.
double chiSquare(const SamplingOptions& options, const std::vector<float>& logits,
                 const std::vector<double>& probabilities) {
    constexpr int kDraws = 100'000;
    Sampler sampler(options);
    std::vector<int> counts(logits.size(), 0);
    for (int i = 0; i < kDraws; ++i)
        ++counts[static_cast<std::size_t>(sampler.sample(logits, {}))];
    double sum = 0;
    for (std::size_t i = 0; i < counts.size(); ++i) {
        const double expected = probabilities[i] * kDraws;
        if (expected == 0)
            EXPECT_EQ(counts[i], 0);
        else
            sum += (counts[i] - expected) * (counts[i] - expected) / expected;
    }
    return sum;
}

TEST(Sampler, DrawsFollowTheSoftmax) {
    const std::vector<float> logits = {2.0F, 1.0F, 0.0F, -1.0F, 1.5F};
    for (const double temperature : {0.5, 1.0, 2.0}) {
        SamplingOptions options = plain();
        options.temperature = temperature;
        std::vector<double> probabilities;
        double sum = 0;
        for (const float logit : logits)
            sum += std::exp(logit / temperature);
        for (const float logit : logits)
            probabilities.push_back(std::exp(logit / temperature) / sum);
        // 4 degrees of freedom: a fair draw passes 23.5 once in 10,000 seeds; the seed is fixed.
        EXPECT_LT(chiSquare(options, logits, probabilities), 23.5) << temperature;
    }
}

TEST(Sampler, WhatIsLeftAfterACutKeepsItsProportions) {
    SamplingOptions options = plain();
    options.topK = 2;
    const double e = std::exp(1.0);
    // 1 degree of freedom: 15.1 once in 10,000 seeds.
    EXPECT_LT(chiSquare(options, {1, 0, -1, -2}, {e / (e + 1), 1 / (e + 1), 0, 0}), 15.1);
}

TEST(Sampler, TopKKeepsTheKGreatestAndZeroKeepsAll) {
    const std::vector<float> logits = {0, 1, 2, 3, 3};
    SamplingOptions options = plain();
    options.topK = 1;
    EXPECT_EQ(drawn(options, logits), (std::set<TokenId>{3}));
    options.topK = 3;
    EXPECT_EQ(drawn(options, logits), (std::set<TokenId>{2, 3, 4}));
    options.topK = 0;
    EXPECT_EQ(drawn(options, logits).size(), 5U);
    options.topK = 99;
    EXPECT_EQ(drawn(options, logits).size(), 5U);
    options.topK = -1;
    EXPECT_EQ(drawn(options, logits).size(), 5U);
}

TEST(Sampler, TopPKeepsTheShortestRunThatReachesIt) {
    const std::vector<float> logits = {std::log(0.5F), std::log(0.3F), std::log(0.15F), std::log(0.05F)};
    SamplingOptions options = plain();
    options.topP = 0.7;
    EXPECT_EQ(drawn(options, logits), (std::set<TokenId>{0, 1}));
    options.topP = 0.9;
    EXPECT_EQ(drawn(options, logits), (std::set<TokenId>{0, 1, 2}));
    options.topP = 0;
    EXPECT_EQ(drawn(options, logits), (std::set<TokenId>{0}));
    options.topP = 1;
    EXPECT_EQ(drawn(options, logits).size(), 4U);
}

TEST(Sampler, MinPIsRelativeToTheGreatest) {
    const std::vector<float> logits = {std::log(0.5F), std::log(0.3F), std::log(0.15F), std::log(0.05F)};
    SamplingOptions options = plain();
    options.minP = 0.2;
    EXPECT_EQ(drawn(options, logits), (std::set<TokenId>{0, 1, 2}));
    options.minP = 0.5;
    EXPECT_EQ(drawn(options, logits), (std::set<TokenId>{0, 1}));
    options.minP = 2;
    EXPECT_EQ(drawn(options, logits), (std::set<TokenId>{0}));
}

TEST(Sampler, TemperatureComesBeforeTheCuts) {
    // Twice as probable at temperature 1 is four times as probable at 0.5.
    const std::vector<float> logits = {std::log(2.0F), 0.0F};
    SamplingOptions options = plain();
    options.minP = 0.3;
    EXPECT_EQ(drawn(options, logits).size(), 2U);
    options.temperature = 0.5;
    EXPECT_EQ(drawn(options, logits).size(), 1U);
}

TEST(Sampler, TopPCountsOnlyWhatTopKLeft) {
    // Of four equal ones two are left; the first of them is half of what is left.
    SamplingOptions options = plain();
    options.topK = 2;
    options.topP = 0.5;
    EXPECT_EQ(drawn(options, {0, 0, 0, 0}), (std::set<TokenId>{0}));
    options.topK = 0;
    EXPECT_EQ(drawn(options, {0, 0, 0, 0}), (std::set<TokenId>{0, 1}));
}

TEST(Sampler, ThePenaltyLowersWhatWasSaidOnce) {
    SamplingOptions options;
    options.temperature = 0;
    options.repeatPenalty = 1.5;
    Sampler sampler(options);
    EXPECT_EQ(sampler.sample(std::vector<float>{3, 2.5F}, TokenIds{}), 0);
    EXPECT_EQ(sampler.sample(std::vector<float>{3, 2.5F}, TokenIds{0}), 1);
    // Twice in the history is penalised once: 3 / 1.5 = 2 stays above 1.9, 3 / 1.5² would not.
    EXPECT_EQ(sampler.sample(std::vector<float>{3, 1.9F}, TokenIds{0, 0}), 0);
    // Negative logits are multiplied.
    EXPECT_EQ(sampler.sample(std::vector<float>{-1, -1.2F}, TokenIds{0}), 1);
    // Ids outside the vocabulary are passed over.
    EXPECT_EQ(sampler.sample(std::vector<float>{3, 2.5F}, TokenIds{-1, 2, 1'000'000}), 0);
    for (const double none : {1.0, 0.0, -2.0, std::numeric_limits<double>::quiet_NaN()}) {
        options.repeatPenalty = none;
        EXPECT_EQ(Sampler(options).sample(std::vector<float>{3, 2.5F}, TokenIds{0}), 0) << none;
    }
}

/// The `count` greatest in order, as a device gives them.
void rank(const std::vector<float>& logits, int count, TokenIds& ids, std::vector<float>& values) {
    TokenIds order(logits.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](TokenId a, TokenId b) {
        return logits[static_cast<std::size_t>(a)] > logits[static_cast<std::size_t>(b)];
    });
    ids.assign(order.begin(), order.begin() + count);
    values.clear();
    for (const TokenId id : ids)
        values.push_back(logits[static_cast<std::size_t>(id)]);
}

// Logits with many equals and a history full of repeats; every option drawn anew, hostile values included.
TEST(Sampler, TheGreatestLogitsTellWhatAllOfThemDo) {
    std::mt19937 random(3);
    const auto one = [&](const auto&... choices) {
        const std::array values{static_cast<double>(choices)...};
        return values[random() % values.size()];
    };
    int told = 0;
    int toldByMinP = 0;
    for (int round = 0; round < 3000; ++round) {
        SamplingOptions options;
        options.temperature = one(0, 0.3, 0.8, 1, 2, 20, -1);
        options.topK = static_cast<int>(one(0, 0, 1, 2, 5, 40, 200, -3));
        options.topP = one(0, 0.3, 0.95, 1, 1.5);
        options.minP = one(0, 0.01, 0.05, 0.5, 1, 1.5);
        options.repeatPenalty = one(1, 1, 1.1, 1.5, 100, 0.7, 0, -2);
        options.seed = random();
        const std::size_t vocabulary = 300 + random() % 700;
        const double step = one(0.01, 0.25, 1, 3);
        const double spread = one(1, 8, 60);
        std::vector<float> logits(vocabulary);
        for (float& logit : logits)
            logit = static_cast<float>(std::round((static_cast<double>(random()) * 0x1p-31 - 1) * spread / step) * step);
        if (random() % 8 == 0)
            logits[random() % vocabulary] = -kInfinity;
        TokenIds history(random() % 60);
        for (TokenId& id : history)  // mostly of the greatest, now and then of no vocabulary
            id = static_cast<TokenId>(random() % (random() % 4 == 0 ? vocabulary + 50 : 20));
        TokenIds ids;
        std::vector<float> values;
        rank(logits, 20, ids, values);
        for (TokenId& id : history)
            if (id < 20)
                id = ids[static_cast<std::size_t>(id)];

        Sampler all(options);
        Sampler few(options);
        const int wanted = few.wanted(static_cast<int>(vocabulary), history);
        ASSERT_GE(wanted, 1);
        rank(logits, wanted, ids, values);
        for (int draws = 0; draws < 3; ++draws) {
            const TokenId expected = all.sample(logits, history);
            const std::optional<TokenId> id =
                wanted < static_cast<int>(vocabulary) ? few.sampleGreatest(ids, values, history) : std::nullopt;
            told += id ? 1 : 0;
            toldByMinP += id && options.temperature > 0 && options.topK <= 0 ? 1 : 0;
            ASSERT_EQ(id ? *id : few.sample(logits, history), expected)
                << "round " << round << ", temperature " << options.temperature << ", top-k " << options.topK << ", top-p "
                << options.topP << ", min-p " << options.minP << ", penalty " << options.repeatPenalty;
        }
    }
    EXPECT_GT(told, 5000) << "of 9,000 draws";
    EXPECT_GT(toldByMinP, 300);
}

TEST(Sampler, AsManyAreWantedAsTheCutsLeave) {
    SamplingOptions options;
    EXPECT_EQ(Sampler(options).wanted(50'000, {}), 1) << "greedy";
    EXPECT_EQ(Sampler(options).wanted(50'000, TokenIds{5, 6}), 1) << "no penalty";
    options.repeatPenalty = 1.1;
    EXPECT_EQ(Sampler(options).wanted(50'000, TokenIds{5, 6}), 3);
    options.temperature = 1;
    EXPECT_EQ(Sampler(options).wanted(50'000, TokenIds{5, 6}), 42);
    EXPECT_EQ(Sampler(options).wanted(10, TokenIds{5, 6}), 10);
    options.repeatPenalty = 0.9;
    EXPECT_EQ(Sampler(options).wanted(50'000, TokenIds{5}), 50'000) << "what was said may rise from anywhere";
    options.repeatPenalty = 1;
    options.topK = 0;
    EXPECT_LT(Sampler(options).wanted(50'000, {}), 1000) << "min-p";
    options.minP = 0;
    EXPECT_EQ(Sampler(options).wanted(50'000, {}), 50'000) << "top-p is a share of all";
}

TEST(Sampler, TheGreatestDoNotTellWhenTheyAreNotFiniteOrMinPCutsBelowThem) {
    SamplingOptions options;
    EXPECT_FALSE(Sampler(options).sampleGreatest(TokenIds{3}, std::vector<float>{kNan}, {}));
    EXPECT_FALSE(Sampler(options).sampleGreatest(TokenIds{3}, std::vector<float>{kInfinity}, {}));
    EXPECT_EQ(Sampler(options).sampleGreatest(TokenIds{3}, std::vector<float>{-kInfinity}, {}), 3);
    options.temperature = 1;
    options.topK = 0;
    options.minP = 0.5;
    EXPECT_FALSE(Sampler(options).sampleGreatest(TokenIds{3, 4}, std::vector<float>{2, 1.5F}, {}));
    EXPECT_EQ(Sampler(options).sampleGreatest(TokenIds{3, 4}, std::vector<float>{2, 1}, {}), 3);
}

TEST(Sampler, InfinitiesAndNansDoNotWin) {
    for (const double temperature : {0.0, 1.0}) {
        SamplingOptions options = plain();
        options.temperature = temperature;
        EXPECT_EQ(drawn(options, {-kInfinity, -kInfinity, -5, -kInfinity}), (std::set<TokenId>{2})) << temperature;
        EXPECT_EQ(drawn(options, {kNan, 1, kNan}), (std::set<TokenId>{1}));
        EXPECT_EQ(drawn(options, {-kInfinity, -kInfinity}), (std::set<TokenId>{0}));
        EXPECT_EQ(drawn(options, {kNan, kNan}), (std::set<TokenId>{0}));
        EXPECT_EQ(drawn(options, {0, kInfinity, 0}), (std::set<TokenId>{1}));
        EXPECT_EQ(drawn(options, {-7}), (std::set<TokenId>{0}));
    }
}

TEST(Sampler, ATinyTemperatureIsGreedyAndAHugeOneUniform) {
    SamplingOptions options = plain();
    options.temperature = 1e-30;
    EXPECT_EQ(drawn(options, {1, 1.001F, -1e30F}), (std::set<TokenId>{1}));
    options.temperature = 1e30;
    EXPECT_EQ(drawn(options, {1, 50, -50}).size(), 3U);
}

}  // namespace
}  // namespace engine
