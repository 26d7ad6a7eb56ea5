// Forecast: the load-or-recompute controller on machines with a fast and a slow disk.
#include "engine/session/forecast.h"

#include <gtest/gtest.h>

namespace {

using engine::BlendPlan;
using engine::KvSource;
using engine::Strategy;

constexpr int kChunkTokens = 200;
constexpr int kChunks = 6;
const storage::KvSpec kSpec{30, 3, 64, storage::KvDtype::F16};

engine::ModelConfig smallModel() {
    engine::ModelConfig config;
    config.layers = kSpec.layers;
    config.hidden = 576;
    config.heads = 9;
    config.kvHeads = kSpec.kvHeads;
    config.headDim = kSpec.headDim;
    config.feedForward = 1536;
    config.vocabulary = 49152;
    return config;
}

/// Rows cost 20 µs a layer, a disk so many bytes a second.
engine::Speed speedOf(double diskBytesPerSecond) {
    engine::Speed speed;
    for (const int rows : {40, 200, 800}) {
        engine::Prefill prefill;
        prefill.passes = {{rows, kSpec.layers, rows * 600.0, rows * 0.020 * kSpec.layers, 0}};
        prefill.bytesLoaded = 10'000'000;
        engine::Timings ms;
        ms.load = 1e7 / diskBytesPerSecond * 1000;
        ms.ttft = 5 + prefill.passes[0].linearMs + ms.load;
        speed.learn(prefill, ms);
    }
    return speed;
}

BlendPlan planOf(Strategy strategy) {
    BlendPlan plan;
    plan.options.strategy = strategy;
    plan.options.adaptive = true;
    int position = 0;
    for (int i = 0; i < kChunks; ++i) {
        engine::PlanSegment segment;
        segment.ids.assign(kChunkTokens, i);
        segment.position = position;
        segment.source = KvSource::Store;
        segment.extent.emplace();
        segment.extent->key.digest.bytes[0] = static_cast<std::uint8_t>(i + 1);
        segment.extent->tokens = kChunkTokens;
        position += kChunkTokens;
        plan.segments.push_back(std::move(segment));
    }
    plan.suffix.assign(30, 1);
    plan.promptTokens = position + 30;
    plan.contextTokens = position;
    plan.hits = kChunks;
    return plan;
}

class ForecastTest : public testing::Test {
protected:
    BlendPlan completed(BlendPlan plan, const engine::Speed& speed,
                        engine::StrategyChoice choice = engine::StrategyChoice::Asked) {
        engine::Forecast(m_config, kSpec, speed, m_ram).complete(plan, choice);
        return plan;
    }

    const engine::ModelConfig m_config = smallModel();
    engine::RamTier m_ram{kSpec, std::uint64_t{1} << 30};
    const engine::Speed m_fast = speedOf(5e9);
    const engine::Speed m_slow = speedOf(2e7);
    const engine::Speed m_middling = speedOf(1.9e8);
};

TEST_F(ForecastTest, WithNothingMeasuredThePlanStaysAsAsked) {
    const BlendPlan plan = completed(planOf(Strategy::CacheBlend), engine::Speed());
    EXPECT_EQ(plan.options.ratio, 0.15);
    EXPECT_EQ(plan.load.computedInstead, 0);
    EXPECT_EQ(plan.forecastTtftMs, 0);
}

TEST_F(ForecastTest, AFastDiskChangesNothing) {
    for (const Strategy strategy : {Strategy::Reuse, Strategy::CacheBlend, Strategy::First, Strategy::QueryValue}) {
        const BlendPlan plan = completed(planOf(strategy), m_fast);
        EXPECT_EQ(plan.options.ratio, 0.15);
        EXPECT_EQ(plan.hits, kChunks);
        EXPECT_TRUE(plan.notes.empty());
    }
}

TEST_F(ForecastTest, ChunksThatLoadLongerThanTheyComputeAreComputed) {
    for (const Strategy strategy : {Strategy::Reuse, Strategy::CacheBlend, Strategy::First, Strategy::QueryValue}) {
        BlendPlan asked = planOf(strategy);
        asked.options.adaptive = false;
        const BlendPlan fixed = completed(asked, m_slow);
        const BlendPlan plan = completed(planOf(strategy), m_slow);
        EXPECT_GT(plan.load.computedInstead, 0);
        EXPECT_EQ(plan.hits + plan.misses, kChunks);
        EXPECT_EQ(plan.misses, plan.load.computedInstead);
        EXPECT_LT(plan.bytesToLoad, fixed.bytesToLoad);
        EXPECT_LT(plan.forecastTtftMs, fixed.forecastTtftMs);
        EXPECT_EQ(fixed.hits, kChunks);
    }
}

TEST_F(ForecastTest, TheRatioRisesToWhereComputingTakesAsLongAsLoading) {
    const BlendPlan plan = completed(planOf(Strategy::First), m_middling);
    EXPECT_EQ(plan.load.computedInstead, 0);
    EXPECT_EQ(plan.load.askedRatio, 0.15);
    EXPECT_GT(plan.options.ratio, 0.16);
    EXPECT_NEAR(plan.load.computeMs, plan.load.loadMs, 0.1 * plan.load.loadMs);
    BlendPlan asked = planOf(Strategy::First);
    asked.options.adaptive = false;
    EXPECT_NEAR(plan.forecastTtftMs, completed(asked, m_middling).forecastTtftMs, 0.01 * plan.forecastTtftMs);
}

TEST_F(ForecastTest, AnOpenStrategyIsCacheblendWhereTheQuestionsPassWouldWait) {
    const auto byLoading = engine::StrategyChoice::ByLoading;
    const BlendPlan plan = completed(planOf(Strategy::QueryValue), m_middling, byLoading);
    const BlendPlan asked = completed(planOf(Strategy::QueryValue), m_middling);
    EXPECT_EQ(plan.options.strategy, Strategy::CacheBlend);
    EXPECT_EQ(asked.options.strategy, Strategy::QueryValue);
    EXPECT_LT(plan.forecastTtftMs, 0.97 * asked.forecastTtftMs);
    EXPECT_GE(plan.options.ratio, 0.15);
    ASSERT_FALSE(plan.notes.empty());
    EXPECT_NE(plan.notes.front().find("cacheblend instead of query-value"), std::string::npos);

    EXPECT_EQ(completed(planOf(Strategy::QueryValue), m_fast, byLoading).options.strategy, Strategy::QueryValue);
    EXPECT_EQ(completed(planOf(Strategy::Query), m_middling, byLoading).options.strategy, Strategy::Query);
    BlendPlan fixed = planOf(Strategy::QueryValue);
    fixed.options.adaptive = false;
    EXPECT_EQ(completed(fixed, m_middling, byLoading).options.strategy, Strategy::QueryValue);
}

TEST_F(ForecastTest, WhatIsInMemoryIsNotSlow) {
    BlendPlan plan = planOf(Strategy::QueryValue);
    m_ram.beginQuery();
    for (const engine::PlanSegment& segment : plan.segments) {
        const auto record = m_ram.take(*segment.extent);
        ASSERT_NE(record, nullptr);
        for (int layer = 0; layer < kSpec.layers; ++layer)
            m_ram.publish(*record, layer);
    }
    plan = completed(std::move(plan), m_slow);
    EXPECT_EQ(plan.load.computedInstead, 0);
    EXPECT_EQ(plan.bytesFromRam, plan.bytesToLoad);
    for (const engine::PlanSegment& segment : plan.segments)
        EXPECT_EQ(segment.source, KvSource::Ram);
}

TEST_F(ForecastTest, ExactStrategiesAreLeftAlone) {
    for (const Strategy strategy : {Strategy::Full, Strategy::Prefix}) {
        const BlendPlan plan = completed(planOf(strategy), m_slow);
        EXPECT_EQ(plan.load.computedInstead, 0);
        EXPECT_EQ(plan.hits, kChunks);
    }
}

}  // namespace
