// Distances between runs against their definitions.
#include "engine/measure/deviation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "tests/engine/measure/measured_prompt.h"

namespace engine {
namespace {

BenchSettings reference(const std::string& model) {
    return {randomModelPath(model), BackendKind::Reference, Precision::F32, KvDtype::F32};
}

float greatest(const std::vector<float>& values) { return *std::max_element(values.begin(), values.end()); }
double sum(const std::vector<float>& values) { return std::accumulate(values.begin(), values.end(), 0.0); }

/// K of one head turned back to position 0, its magnitude taken out.
void unrotate(float* head, const RopeTable& rope, int position) {
    const int half = rope.dimensions() / 2;
    const float magnitude = rope.cosines(0)[0];
    for (int i = 0; i < half; ++i) {
        const bool split = rope.pairing() == RopePairing::HalfSplit;
        float& a = head[split ? i : 2 * i];
        float& b = head[split ? i + half : 2 * i + 1];
        const float c = rope.cosines(position)[i] / magnitude;
        const float s = rope.sines(position)[i] / magnitude;
        const float x = (a * c + b * s) / magnitude;
        b = (b * c - a * s) / magnitude;
        a = x;
    }
}

TEST(DeviationTest, KvDeviationIsTheDistanceOfUnrotatedKeysAndOfValues) {
    for (const char* model : {"random-llama.gguf", "random-llama-yarn.gguf"}) {
        MeasuredPrompt prompt(reference(model));
        const MeasuredPrefill full = prompt.run(Strategy::Full);
        const MeasuredPrefill reuse = prompt.run(Strategy::Reuse);
        const RopeTable& rope = prompt.bench.model->rope();
        const int tokens = full.plan.promptTokens;
        const KvDeviation deviation = kvDeviation(*prompt.bench.backend, rope, reuse.cache, full.cache, tokens, {});
        ASSERT_EQ(deviation.k.size(), static_cast<std::size_t>(deviation.layers * tokens));
        const KvSpec& spec = prompt.bench.spec;
        std::vector<float> k(static_cast<std::size_t>(spec.kvHeads * spec.headDim)), v(k), fullK(k), fullV(k);
        for (int layer = 0; layer < spec.layers; ++layer)
            for (int token = 0; token < tokens; ++token) {
                prompt.bench.backend->readKv(reuse.cache.layer(layer), token, k, v);
                prompt.bench.backend->readKv(full.cache.layer(layer), token, fullK, fullV);
                for (int head = 0; head < spec.kvHeads; ++head) {
                    unrotate(k.data() + head * spec.headDim, rope, token);
                    unrotate(fullK.data() + head * spec.headDim, rope, token);
                }
                double kSum = 0;
                double vSum = 0;
                for (std::size_t i = 0; i < k.size(); ++i) {
                    kSum += std::pow(double{k[i]} - fullK[i], 2);
                    vSum += std::pow(double{v[i]} - fullV[i], 2);
                }
                const auto at = static_cast<std::size_t>(layer * tokens + token);
                ASSERT_NEAR(deviation.k[at], std::sqrt(kSum), 1e-4 * (1 + std::sqrt(kSum))) << model << ' ' << layer;
                ASSERT_NEAR(deviation.v[at], std::sqrt(vSum), 1e-5 * (1 + std::sqrt(vSum)));
            }
        EXPECT_GT(greatest(deviation.k), 1e-3);
    }
}

TEST(DeviationTest, AttentionDeviationIsTheFrobeniusDistanceOfTheSuffixRows) {
    MeasuredPrompt prompt(reference("random-llama.gguf"));
    const ModelConfig& config = prompt.bench.model->config();
    const MeasuredPrefill full = prompt.run(Strategy::Full);
    const MeasuredPrefill reuse = prompt.run(Strategy::Reuse);
    const std::array runs{MeasuredRun{*reuse.meter, reuse.cache}, MeasuredRun{*full.meter, full.cache}};
    const auto found = attentionDeviation(*prompt.bench.backend, config, {*full.meter, full.cache}, runs, {});
    const int context = full.meter->summary().context;
    for (int layer = 0; layer < config.layers; ++layer)
        for (int head = 0; head < config.heads; ++head) {
            double squares = 0;
            for (const auto& [position, row] : full.raw->rows(layer, head))
                for (int key = 0; position >= context && key < context; ++key) {
                    const auto at = static_cast<std::size_t>(key);
                    squares += std::pow(row[at] - reuse.raw->rows(layer, head).at(position)[at], 2);
                }
            const auto at = static_cast<std::size_t>(layer * config.heads + head);
            EXPECT_NEAR(found[0][at], std::sqrt(squares), 1e-5);
            EXPECT_EQ(found[1][at], 0) << "a run against itself";
        }
    EXPECT_GT(greatest(found[0]), 1e-3);
}

TEST(DeviationTest, ComputingEverythingAgainLeavesNoDeviation) {
    MeasuredPrompt prompt(reference("random-llama.gguf"));
    const MeasuredPrefill full = prompt.run(Strategy::Full);
    for (const Strategy strategy : {Strategy::Full, Strategy::QueryValue, Strategy::CacheBlend}) {
        const MeasuredPrefill again = prompt.run(strategy, 1);
        const KvDeviation kv = kvDeviation(*prompt.bench.backend, prompt.bench.model->rope(), again.cache, full.cache,
                                           full.plan.promptTokens, {});
        const MeasuredRun run{*again.meter, again.cache};
        const auto attention = attentionDeviation(*prompt.bench.backend, prompt.bench.model->config(),
                                                  {*full.meter, full.cache}, std::span(&run, 1), {});
        // The head's record is rotated where a fresh row would be computed: the same numbers but for the last bits.
        EXPECT_LT(greatest(kv.k), 1e-5) << static_cast<int>(strategy);
        EXPECT_LT(greatest(kv.v), 1e-5);
        EXPECT_LT(greatest(attention[0]), 1e-5);
    }
}

TEST(DeviationTest, ABlendLiesNearerToFullPrefillThanFullReuse) {
    MeasuredPrompt prompt(reference("random-llama.gguf"));
    const MeasuredPrefill full = prompt.run(Strategy::Full);
    const MeasuredPrefill reuse = prompt.run(Strategy::Reuse);
    const MeasuredPrefill blend = prompt.run(Strategy::QueryValue, 0.5);
    const auto kvOf = [&](const MeasuredPrefill& run) {
        const KvDeviation kv = kvDeviation(*prompt.bench.backend, prompt.bench.model->rope(), run.cache, full.cache,
                                           full.plan.promptTokens, {});
        return sum(kv.k) + sum(kv.v);
    };
    EXPECT_LT(kvOf(blend), kvOf(reuse));
    const std::array runs{MeasuredRun{*reuse.meter, reuse.cache}, MeasuredRun{*blend.meter, blend.cache}};
    const auto attention =
        attentionDeviation(*prompt.bench.backend, prompt.bench.model->config(), {*full.meter, full.cache}, runs, {});
    EXPECT_LT(sum(attention[1]), sum(attention[0]));
}

}  // namespace
}  // namespace engine
