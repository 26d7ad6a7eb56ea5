// A model whose layers are shared out between two back ends of the same kind computes what one back end computes, bit by bit.
#include <gtest/gtest.h>

#include "engine/blend/precompute.h"
#include "engine/measure/deviation.h"
#include "tests/engine/blend/model_bench.h"

namespace {

using engine::Strategy;

constexpr Strategy kAll[] = {Strategy::Full,  Strategy::Prefix, Strategy::Reuse,     Strategy::CacheBlend,
                             Strategy::First, Strategy::Query,  Strategy::QueryValue};

/// One model, whole or with its first layers on a back end of their own.
struct Side {
    Side(const char* model, int firstLayers) : bench(settings(model, firstLayers)) {}

    static BenchSettings settings(const char* model, int firstLayers) {
        BenchSettings settings{randomModelPath(model)};
        settings.firstLayers = firstLayers;
        settings.kvDtype = engine::KvDtype::F16;
        return settings;
    }

    /// Stores head and chunks of the query behind the anchor; returns their bytes.
    std::vector<std::vector<std::byte>> store(const engine::Query& query) {
        const engine::TokenIds head = bench.planner->headOf(*query.given);
        std::vector<std::vector<std::byte>> bytes;
        const auto put = [&](const engine::TokenIds& anchor, const engine::TokenIds& ids) {
            engine::ChunkPrecomputer precomputer(*bench.model, bench.spec, anchor);
            auto kv = precomputer.compute(std::span(&ids, 1), {});
            ASSERT_TRUE(kv.ok());
            ASSERT_TRUE(bench.store
                            ->put(bench.fingerprint, engine::kvKey(bench.fingerprint, anchor, ids),
                                  static_cast<int>(ids.size()), kv->front().slices)
                            .ok());
            bytes.push_back(std::move(kv->front().bytes));
        };
        put({}, head);
        for (const std::string& chunk : query.given->chunks)
            put(engine::Planner::anchorIds(query.blend.anchor, head), bench.planner->givenChunkIds(chunk));
        return bytes;
    }

    engine::Prefill prefill(const engine::BlendPlan& plan, engine::KvCache& cache, engine::AttentionProbe* probe = nullptr) {
        std::vector<engine::SegmentFailure> failures;
        auto result = bench.blender->prefill(plan, bench.spec, bench.store->reader(), cache, {}, failures, probe);
        EXPECT_TRUE(result.ok()) << result.status().message();
        return std::move(*result);
    }

    ModelBench bench;
};

engine::Query threeChunks(Strategy strategy) {
    engine::Query query;
    query.given.emplace();
    query.given->head = "Use the notes.";
    query.given->chunks = {"The north gate opens at six.\n\n", "Mira keeps the keys of the shed.\n\n",
                           "The code is 4417, not 12.\n\n"};
    query.given->question = "Who keeps the keys?";
    query.blend.strategy = strategy;
    query.blend.anchor = engine::Anchor::Head;
    query.sampling.maxTokens = 4;
    return query;
}

class SplitLaw : public testing::TestWithParam<std::tuple<const char*, int>> {
protected:
    Side m_whole{std::get<0>(GetParam()), 0};
    Side m_split{std::get<0>(GetParam()), std::get<1>(GetParam())};
};

TEST_P(SplitLaw, EqualsOneBackEnd) {
    ASSERT_EQ(m_split.bench.model->placement().sides(), 2);
    EXPECT_EQ(m_whole.store(threeChunks(Strategy::Full)), m_split.store(threeChunks(Strategy::Full)));
    for (const Strategy strategy : kAll) {
        const auto plan = m_whole.bench.planner->plan(threeChunks(strategy));
        const auto splitPlan = m_split.bench.planner->plan(threeChunks(strategy));
        ASSERT_TRUE(plan.ok() && splitPlan.ok());
        ASSERT_EQ(splitPlan->hits, 3);
        engine::KvCache cache = m_whole.bench.model->makeCache(plan->promptTokens + 4);
        engine::KvCache splitCache = m_split.bench.model->makeCache(plan->promptTokens + 4);
        const engine::Prefill whole = m_whole.prefill(*plan, cache);
        const engine::Prefill split = m_split.prefill(*splitPlan, splitCache);
        EXPECT_EQ(whole.logits, split.logits) << static_cast<int>(strategy);
        EXPECT_EQ(whole.selection.positions, split.selection.positions);
        EXPECT_EQ(whole.selection.score, split.selection.score);
        std::vector<float> logits, splitLogits;
        for (int i = 0; i < 3; ++i) {
            m_whole.bench.model->decode(5 + i, plan->promptTokens + i, cache, m_whole.bench.blender->rows(1), logits);
            m_split.bench.model->decode(5 + i, plan->promptTokens + i, splitCache, m_split.bench.blender->rows(1),
                                        splitLogits);
            EXPECT_EQ(logits, splitLogits);
        }
    }
}

TEST_P(SplitLaw, MeasuresTheSame) {
    m_whole.store(threeChunks(Strategy::Full));
    m_split.store(threeChunks(Strategy::Full));
    const auto measured = [](Side& side) {
        const auto full = side.bench.planner->plan(threeChunks(Strategy::Full));
        const auto reuse = side.bench.planner->plan(threeChunks(Strategy::Reuse));
        EXPECT_TRUE(full.ok() && reuse.ok());
        const engine::LayerPlacement& placement = side.bench.model->placement();
        const auto& config = side.bench.weights->config();
        const int tokens = full->promptTokens;
        engine::AttentionMeter fullMeter(placement, config, full->segments, tokens, {}, {});
        engine::AttentionMeter reuseMeter(placement, config, reuse->segments, tokens, {}, {});
        engine::KvCache fullCache = side.bench.model->makeCache(tokens);
        engine::KvCache reuseCache = side.bench.model->makeCache(tokens);
        side.prefill(*full, fullCache, &fullMeter);
        side.prefill(*reuse, reuseCache, &reuseMeter);
        engine::RunDeviation deviation;
        deviation.attention = reuseMeter.summary();
        deviation.kv = engine::kvDeviation(placement, side.bench.model->rope(), reuseCache, fullCache, tokens, {});
        const engine::MeasuredRun run{reuseMeter, reuseCache};
        deviation.attentionDeviation =
            engine::attentionDeviation(placement, config, {fullMeter, fullCache}, std::span(&run, 1), {}).front();
        return deviation;
    };
    const engine::RunDeviation whole = measured(m_whole);
    const engine::RunDeviation split = measured(m_split);
    EXPECT_EQ(whole.attention.suffix, split.attention.suffix);
    EXPECT_EQ(whole.attention.block, split.attention.block);
    EXPECT_EQ(whole.kv.k, split.kv.k);
    EXPECT_EQ(whole.kv.v, split.kv.v);
    EXPECT_EQ(whole.attentionDeviation, split.attentionDeviation);
    EXPECT_GT(whole.attentionDeviation.back(), 0);
}

// Random models have four layers; cacheblend's check layer is 1: the border below it, above it, and at the last layer.
INSTANTIATE_TEST_SUITE_P(
    Borders, SplitLaw, testing::Combine(testing::Values("random-llama.gguf", "random-qwen2.gguf"), testing::Values(1, 2, 3)),
    [](const auto& test) {
        return std::string(std::get<0>(test.param)).substr(7, 5) + "First" + std::to_string(std::get<1>(test.param));
    });

}  // namespace
