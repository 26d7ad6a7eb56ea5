// The sums by blocks against the whole matrix.
#include "engine/measure/attention_meter.h"

#include <gtest/gtest.h>

#include "tests/engine/measure/measured_prompt.h"

namespace engine {
namespace {

struct Arithmetic {
    const char* name;
    BackendKind backend;
    Precision precision;
};

class AttentionMeterTest : public ::testing::TestWithParam<Arithmetic> {
protected:
    BenchSettings settings(const std::string& model = "random-llama.gguf") const {
        return {randomModelPath(model), GetParam().backend, GetParam().precision, KvDtype::F32};
    }
};

/// The bound of the issue: fp32 sums of at most some hundred probabilities stay far below it.
constexpr double kTolerance = 1e-4;

void expectSummaryOf(const MeasuredPrefill& run) {
    const AttentionSummary& summary = run.meter->summary();
    const std::vector<PlanSegment>& segments = run.plan.segments;
    ASSERT_EQ(summary.blocks, static_cast<int>(segments.size()) + 1);
    const int suffixBegin = segments.back().position + segments.back().tokens();
    ASSERT_EQ(summary.context, suffixBegin);
    const auto blockOf = [&](int position) {
        for (std::size_t i = 0; i < segments.size(); ++i)
            if (position < segments[i].position + segments[i].tokens())
                return i;
        return segments.size();
    };
    const auto blocks = static_cast<std::size_t>(summary.blocks);
    for (int layer = 0; layer < summary.layers; ++layer)
        for (int head = 0; head < summary.heads; ++head) {
            std::vector<double> sums(blocks * blocks, 0.0);
            std::vector<double> suffix(static_cast<std::size_t>(suffixBegin), 0.0);
            std::vector<int> counts(blocks, 0);
            for (const auto& [position, row] : run.raw->rows(layer, head)) {
                ++counts[blockOf(position)];
                for (std::size_t key = 0; key < row.size(); ++key) {
                    sums[blockOf(position) * blocks + blockOf(static_cast<int>(key))] += row[key];
                    if (position >= suffixBegin && key < suffix.size())
                        suffix[key] += row[key];
                }
            }
            const std::size_t layerHead = static_cast<std::size_t>(layer * summary.heads + head);
            for (std::size_t from = 0; from < blocks; ++from) {
                EXPECT_EQ(summary.rowsComputed[static_cast<std::size_t>(layer) * blocks + from], counts[from]);
                double total = 0;
                for (std::size_t to = 0; to < blocks; ++to) {
                    const double expected = counts[from] > 0 ? sums[from * blocks + to] / counts[from] : 0;
                    const float found = summary.block[(layerHead * blocks + from) * blocks + to];
                    EXPECT_NEAR(found, expected, kTolerance) << layer << ' ' << head << ' ' << from << ' ' << to;
                    total += found;
                }
                EXPECT_NEAR(total, counts[from] > 0 ? 1 : 0, kTolerance);
            }
            for (std::size_t key = 0; key < suffix.size(); ++key)
                EXPECT_NEAR(summary.suffix[layerHead * suffix.size() + key], suffix[key] / counts.back(), kTolerance);
        }
}

TEST_P(AttentionMeterTest, BlockSumsAreThoseOfTheWholeMatrix) {
    for (const char* model : {"random-llama.gguf", "random-qwen3.gguf"}) {
        MeasuredPrompt prompt(settings(model));
        for (const Strategy strategy : {Strategy::Full, Strategy::Reuse, Strategy::CacheBlend, Strategy::QueryValue}) {
            SCOPED_TRACE(static_cast<int>(strategy));
            expectSummaryOf(prompt.run(strategy));
        }
    }
}

TEST_P(AttentionMeterTest, MeasuringChangesNothing) {
    MeasuredPrompt prompt(settings());
    const MeasuredPrefill measured = prompt.run(Strategy::QueryValue);
    KvCache cache = prompt.bench.model->makeCache(measured.plan.promptTokens + 1);
    std::vector<SegmentFailure> failures;
    const auto plain =
        prompt.bench.blender->prefill(measured.plan, prompt.bench.spec, prompt.bench.store->reader(), cache, {}, failures);
    ASSERT_TRUE(plain.ok());
    EXPECT_EQ(plain->logits, measured.prefill.logits);
    EXPECT_EQ(plain->selection.positions, measured.prefill.selection.positions);
    EXPECT_EQ(plain->asideMs, 0);
    EXPECT_GT(measured.prefill.asideMs, 0);
    const Timings& ms = measured.prefill.ms;
    double layers = 0;
    for (const LayerTiming& layer : measured.prefill.layers)
        layers = std::max(layers, layer.computeEnd);
    EXPECT_LE(layers, ms.plan + ms.load + ms.rotate + ms.questionPass + ms.check + ms.recompute + ms.firstToken + 1)
        << "the meter's time stands in no stage";
}

TEST_P(AttentionMeterTest, AHeadSeenAloneIsThatHead) {
    MeasuredPrompt prompt(settings("random-qwen3.gguf"));
    const MeasuredPrefill run = prompt.run(Strategy::Full);
    const KvLayerView all = run.cache.layer(1);
    std::vector<float> k(static_cast<std::size_t>(all.kvHeads * all.headDim)), v(k.size());
    std::vector<float> oneK(static_cast<std::size_t>(all.headDim)), oneV(oneK.size());
    for (int head = 0; head < all.kvHeads; ++head) {
        const KvLayerView one = prompt.bench.backend->headOf(all, head);
        ASSERT_EQ(one.kvHeads, 1);
        for (const int position : {0, 15, 16, run.plan.promptTokens - 1}) {
            prompt.bench.backend->readKv(all, position, k, v);
            prompt.bench.backend->readKv(one, position, oneK, oneV);
            const auto at = head * all.headDim;
            EXPECT_TRUE(std::equal(oneK.begin(), oneK.end(), k.begin() + at)) << head << ' ' << position;
            EXPECT_TRUE(std::equal(oneV.begin(), oneV.end(), v.begin() + at)) << head << ' ' << position;
        }
    }
}

std::vector<Arithmetic> arithmetics() {
    std::vector<Arithmetic> all{{"Reference", BackendKind::Reference, Precision::F32}};
    if (createBackend(BackendKind::Cpu, Precision::F32, 2).ok())
        all.push_back({"CpuF32", BackendKind::Cpu, Precision::F32});
    if (createBackend(BackendKind::Cpu, Precision::Bf16, 2).ok())
        all.push_back({"CpuBf16", BackendKind::Cpu, Precision::Bf16});
    return all;
}

INSTANTIATE_TEST_SUITE_P(Backends, AttentionMeterTest, ::testing::ValuesIn(arithmetics()),
                         [](const auto& parameter) { return std::string(parameter.param.name); });

}  // namespace
}  // namespace engine
