// What stands in the cache is gone on with: rows behind it equal those that decoding token by token would have made.
#include <gtest/gtest.h>

#include "tests/engine/blend/model_bench.h"

namespace {

class FollowUpLaw : public testing::TestWithParam<const char*> {
protected:
    FollowUpLaw()
        : m_bench(
              {randomModelPath(GetParam()), engine::BackendKind::Reference, engine::Precision::F32, engine::KvDtype::F16}) {}

    engine::Prefill prefill(const engine::BlendPlan& plan, engine::KvCache& cache) {
        std::vector<engine::SegmentFailure> failures;
        auto result = m_bench.blender->prefill(plan, m_bench.spec, m_bench.store->reader(), cache, {}, failures);
        EXPECT_TRUE(result.ok()) << result.status().message();
        return std::move(*result);
    }

    ModelBench m_bench;
};

TEST_P(FollowUpLaw, OverABlendedCacheANewTurnIsThatOfDecodingIt) {
    engine::Query query;
    query.given.emplace();
    query.given->chunks = {"The north gate opens at six.\n\n", "Mira keeps the keys of the shed.\n\n"};
    query.given->question = "Who keeps the keys?";
    query.blend.strategy = engine::Strategy::Reuse;
    m_bench.precompute(query.given->chunks);
    const auto first = m_bench.planner->plan(query);
    ASSERT_TRUE(first.ok());
    ASSERT_EQ(first->hits, 2);
    engine::KvCache cache = m_bench.model->makeCache(first->promptTokens + 64);
    prefill(*first, cache);

    engine::Query next;
    next.question = "And who opens the gate?";
    next.sampling.maxTokens = 1;
    const auto second = m_bench.planner->planFollowUp(next, first->promptTokens, {5, 6});
    ASSERT_TRUE(second.ok()) << second.status().message();
    EXPECT_EQ(second->suffix[0], 5);
    EXPECT_EQ(second->suffix[1], 6);
    engine::KvCache decoded = m_bench.model->makeCache(second->promptTokens + 300);
    decoded.copyFrom(m_bench.model->placement(), cache, first->promptTokens);

    const engine::Prefill turn = prefill(*second, cache);
    std::vector<float> logits;
    for (std::size_t i = 0; i < second->suffix.size(); ++i)
        m_bench.model->decode(second->suffix[i], first->promptTokens + static_cast<int>(i), decoded,
                              m_bench.blender->rows(1), logits);
    EXPECT_EQ(turn.logits, logits);
    EXPECT_EQ(turn.tokens.reused, first->promptTokens);
    EXPECT_EQ(turn.tokens.fresh, static_cast<int>(second->suffix.size()));
    EXPECT_EQ(turn.bytesLoaded, 0U);
    const auto width = static_cast<std::size_t>(m_bench.spec.kvHeads * m_bench.spec.headDim);
    std::vector<float> k(width), v(width), otherK(width), otherV(width);
    for (int layer = 0; layer < m_bench.spec.layers; ++layer)
        for (int position = 0; position < second->promptTokens; ++position) {
            m_bench.backend->readKv(cache.layer(layer), position, k, v);
            m_bench.backend->readKv(decoded.layer(layer), position, otherK, otherV);
            ASSERT_EQ(k, otherK) << layer << ' ' << position;
            ASSERT_EQ(v, otherV) << layer << ' ' << position;
        }
}

INSTANTIATE_TEST_SUITE_P(Models, FollowUpLaw, testing::Values("random-llama.gguf", "random-qwen3.gguf"),
                         [](const auto& model) { return std::string(model.param).substr(7, 5); });

}  // namespace
