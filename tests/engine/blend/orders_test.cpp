// Six cached chunks in all 720 orders: everything hits, counters add up, and nothing is computed outside the chosen set.
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "tests/engine/blend/model_bench.h"

namespace {

const std::vector<std::string> kChunks = {"The north gate opens at six.\n\n",    "Boats leave from pier nine.\n\n",
                                          "The code of the shed is 4417.\n\n",   "Mira keeps the keys.\n\n",
                                          "On Friday the market is closed.\n\n", "Umbrellas are free.\n\n"};

class OrdersTest : public testing::Test {
protected:
    OrdersTest()
        : m_bench({randomModelPath("random-llama.gguf"), engine::BackendKind::Auto, engine::Precision::F32,
                   engine::KvDtype::F16}) {
        m_bench.precompute(kChunks);
    }

    engine::Prefill prefill(const engine::BlendPlan& plan, engine::KvCache& cache) {
        std::vector<engine::SegmentFailure> failures;
        auto result = m_bench.blender->prefill(plan, m_bench.spec, m_bench.store->reader(), cache, {}, failures);
        EXPECT_TRUE(result.ok());
        return std::move(*result);
    }

    /// K and V rows of `position` in all layers from `firstLayer` on.
    std::vector<float> rows(const engine::KvCache& cache, int firstLayer, int position) {
        const auto width = static_cast<std::size_t>(m_bench.spec.kvHeads * m_bench.spec.headDim);
        std::vector<float> all;
        std::vector<float> k(width), v(width);
        for (int layer = firstLayer; layer < m_bench.spec.layers; ++layer) {
            m_bench.backend->readKv(cache.layer(layer), position, k, v);
            all.insert(all.end(), k.begin(), k.end());
            all.insert(all.end(), v.begin(), v.end());
        }
        return all;
    }

    ModelBench m_bench;
};

TEST_F(OrdersTest, EveryChunkHitsInEveryOrderAndNothingElseIsComputed) {
    std::vector<std::size_t> order(kChunks.size());
    std::iota(order.begin(), order.end(), 0);
    int orders = 0;
    do {
        engine::Query query;
        query.given.emplace();
        for (const std::size_t index : order)
            query.given->chunks.push_back(kChunks[index]);
        query.given->question = "Who keeps the keys?";
        query.blend.ratio = 0.2;
        for (const engine::Strategy strategy : {engine::Strategy::QueryValue, engine::Strategy::CacheBlend}) {
            query.blend.strategy = engine::Strategy::Reuse;
            const auto reusePlan = m_bench.planner->plan(query);
            query.blend.strategy = strategy;
            const auto plan = m_bench.planner->plan(query);
            ASSERT_TRUE(plan.ok() && reusePlan.ok());
            ASSERT_EQ(plan->hits, 6);
            ASSERT_EQ(plan->misses, 0);
            engine::KvCache cache = m_bench.model->makeCache(plan->promptTokens);
            engine::KvCache untouched = m_bench.model->makeCache(plan->promptTokens);
            const engine::Prefill blend = prefill(*plan, cache);
            (void)prefill(*reusePlan, untouched);
            const engine::TokenCounts& tokens = blend.tokens;
            ASSERT_EQ(tokens.reused + tokens.recomputed + tokens.fresh, tokens.prompt);
            ASSERT_EQ(tokens.fresh, static_cast<int>(plan->suffix.size()));
            ASSERT_EQ(tokens.recomputed, static_cast<int>(0.2 * plan->contextTokens));
            // A row that was computed differs from the moved one in its bits; a row that was left alone does not.
            const int firstLayer = strategy == engine::Strategy::CacheBlend ? plan->options.checkLayer + 1 : 1;
            const engine::PromptLayout layout(*plan);
            int computed = 0;
            for (int position = layout.contextBegin; position < layout.suffixBegin; ++position) {
                const bool chosen =
                    std::binary_search(blend.selection.positions.begin(), blend.selection.positions.end(), position);
                const bool same = rows(cache, firstLayer, position) == rows(untouched, firstLayer, position);
                computed += same ? 0 : 1;
                ASSERT_TRUE(same || chosen) << "position " << position << " was computed without being chosen";
            }
            ASSERT_EQ(computed, tokens.recomputed);
        }
        ++orders;
    } while (std::next_permutation(order.begin(), order.end()));
    EXPECT_EQ(orders, 720);
}

}  // namespace
