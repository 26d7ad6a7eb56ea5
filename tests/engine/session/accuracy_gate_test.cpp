// The gate that every default path has to pass on the default model: KL against exact weights and fp32 arithmetic (the cpu back end in
// fp32, which golden_test holds against an independent implementation), mean ≤ 2e-3 nats and worst ≤ 5e-3, over the whole vocabulary.
// int8 KV is a choice, not a default: its worst may be 1e-2.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "engine/blend/logits.h"
#include "engine/blend/precompute.h"
#include "engine/names.h"
#include "tests/engine/blend/model_bench.h"

namespace {

using engine::TokenId;
using engine::TokenIds;

constexpr int kPositions = 16;
constexpr double kMeanKl = 2e-3;
constexpr double kWorstKl = 5e-3;
constexpr double kWorstKlInt8 = 1e-2;

engine::BlendPlan fullPlan(std::span<const TokenId> ids) {
    engine::BlendPlan plan;
    plan.options.strategy = engine::Strategy::Full;
    plan.suffix.assign(ids.begin(), ids.end());
    plan.promptTokens = static_cast<int>(ids.size());
    return plan;
}

std::vector<float> prefill(ModelBench& bench, const engine::BlendPlan& plan, engine::KvCache& cache) {
    std::vector<engine::SegmentFailure> failures;
    auto result = bench.blender->prefill(plan, bench.spec, bench.store->reader(), cache, {}, failures);
    EXPECT_TRUE(result.ok()) << result.status().message();
    return result.ok() ? result->logits : std::vector<float>();
}

ModelBench& exactBench() {
    static ModelBench bench({defaultModelPath(), engine::BackendKind::Cpu, engine::Precision::F32, engine::KvDtype::F32});
    return bench;
}

/// A golden prompt's ids, and the exact logits behind each of its last kPositions prefixes.
struct Prompt {
    std::string name;
    TokenIds ids;
    std::vector<std::vector<float>> exact;

    std::span<const TokenId> upTo(int position) const {  // of the last kPositions: ids before the one predicted
        return std::span(ids).first(ids.size() - static_cast<std::size_t>(kPositions - 1 - position));
    }
};

const std::vector<Prompt>& prompts() {
    static const std::vector<Prompt> kPrompts = [] {
        std::ifstream stream(std::string(GOLDEN_DIRECTORY) + "/smollm2.json");
        const nlohmann::json golden = nlohmann::json::parse(stream);
        std::vector<Prompt> list;
        for (const auto& entry : golden["prompts"]) {
            Prompt prompt{entry["name"], entry["ids"], {}};
            if (prompt.ids.size() < 2 * kPositions)
                continue;
            for (int position = 0; position < kPositions; ++position) {
                engine::KvCache cache = exactBench().model->makeCache(static_cast<int>(prompt.ids.size()));
                prompt.exact.push_back(prefill(exactBench(), fullPlan(prompt.upTo(position)), cache));
            }
            list.push_back(std::move(prompt));
        }
        return list;
    }();
    return kPrompts;
}

class AccuracyGate : public testing::Test {
protected:
    ~AccuracyGate() override {
        EXPECT_GT(m_count, 0);
        const double mean = m_sum / m_count;
        std::cout << testing::UnitTest::GetInstance()->current_test_info()->name() << ": mean KL " << mean << ", worst "
                  << m_worst << " nats over " << m_count << " positions\n";
        EXPECT_LE(mean, kMeanKl);
        EXPECT_LE(m_worst, m_worstAllowed);
    }

    void compare(const std::vector<float>& exact, const std::vector<float>& ours) {
        ASSERT_EQ(exact.size(), ours.size());
        const double kl = engine::klDivergence(exact, ours);
        m_sum += kl;
        m_worst = std::max(m_worst, kl);
        ++m_count;
    }

    double m_worstAllowed = kWorstKl;
    double m_sum = 0;
    double m_worst = 0;
    int m_count = 0;
};

TEST_F(AccuracyGate, PrefillInTheDefaultPrecision) {
    ModelBench bench({defaultModelPath(), engine::BackendKind::Cpu, engine::Precision::Auto, engine::KvDtype::F16});
    for (const Prompt& prompt : prompts())
        for (int position = 0; position < kPositions; ++position) {
            engine::KvCache cache = bench.model->makeCache(static_cast<int>(prompt.ids.size()));
            compare(prompt.exact[static_cast<std::size_t>(position)],
                    prefill(bench, fullPlan(prompt.upTo(position)), cache));
        }
}

TEST_F(AccuracyGate, DecodingOverQuantisedWeights) {
    ModelBench bench({defaultModelPath(), engine::BackendKind::Cpu, engine::Precision::Auto, engine::KvDtype::F16});
    for (const Prompt& prompt : prompts()) {
        // All but a few tokens are decoded, so that errors of many steps add up.
        constexpr int kPrefilled = 8;
        engine::KvCache cache = bench.model->makeCache(static_cast<int>(prompt.ids.size()));
        std::vector<float> logits = prefill(bench, fullPlan(std::span(prompt.ids).first(kPrefilled)), cache);
        const int first = static_cast<int>(prompt.ids.size()) - kPositions;
        for (int position = kPrefilled; position < static_cast<int>(prompt.ids.size()); ++position) {
            bench.model->decode(prompt.ids[static_cast<std::size_t>(position)], position, cache, bench.blender->rows(1),
                                logits);
            if (position >= first)
                compare(prompt.exact[static_cast<std::size_t>(position - first)], logits);
        }
    }
}

/// Full prefill against the same with all but the last tokens' KV through the store, where they stood already: nothing but the
/// rounding of stored KV.
class StoredKvGate : public AccuracyGate, public testing::WithParamInterface<engine::KvDtype> {};

TEST_P(StoredKvGate, KvThatWentThroughTheStore) {
    m_worstAllowed = GetParam() == engine::KvDtype::Int8 ? kWorstKlInt8 : kWorstKl;
    ModelBench bench({defaultModelPath(), engine::BackendKind::Cpu, engine::Precision::F32, GetParam()});
    for (const Prompt& prompt : prompts()) {
        const int stored = static_cast<int>(prompt.ids.size()) - kPositions;
        const TokenIds ids(prompt.ids.begin(), prompt.ids.begin() + stored);
        engine::ChunkPrecomputer precomputer(*bench.model, bench.spec, {});
        const auto kv = precomputer.compute(std::vector<TokenIds>{ids}, {});
        ASSERT_TRUE(kv.ok());
        engine::BlendPlan plan = fullPlan(std::span(prompt.ids).subspan(static_cast<std::size_t>(stored), 1));
        plan.options.strategy = engine::Strategy::Reuse;
        plan.promptTokens = stored + 1;
        plan.contextTokens = stored;
        engine::PlanSegment segment;
        segment.ids = ids;
        segment.source = engine::KvSource::Store;
        segment.key = engine::kvKey(bench.fingerprint, {}, ids);
        ASSERT_TRUE(bench.store->put(bench.fingerprint, segment.key, stored, (*kv)[0].slices).ok());
        segment.extent = *bench.store->find(bench.fingerprint, segment.key);
        plan.segments.push_back(std::move(segment));
        engine::KvCache cache = bench.model->makeCache(static_cast<int>(prompt.ids.size()));
        std::vector<float> logits = prefill(bench, plan, cache);
        for (int position = 0; position < kPositions; ++position) {
            if (position > 0)
                bench.model->decode(prompt.ids[static_cast<std::size_t>(stored + position)], stored + position, cache,
                                    bench.blender->rows(1), logits);
            compare(prompt.exact[static_cast<std::size_t>(position)], logits);
        }
    }
}

INSTANTIATE_TEST_SUITE_P(, StoredKvGate, testing::Values(engine::KvDtype::F16, engine::KvDtype::Bf16, engine::KvDtype::Int8),
                         [](const auto& test) { return std::string(engine::nameOf(test.param)); });

}  // namespace
