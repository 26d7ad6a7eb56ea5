// The layer loop on an emulated device: the host never waits for the device between the layers, whatever is chosen there.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "engine/backend/cuda/cuda_backend.h"
#include "tests/engine/backend/cuda/emulated/emulated_device.h"
#include "tests/engine/blend/model_bench.h"

namespace {

using engine::MaskKind;
using engine::Strategy;

engine::Query threeChunks(Strategy strategy, MaskKind mask = MaskKind::Exact) {
    engine::Query query;
    query.given.emplace();
    query.given->chunks = {"The north gate opens at six.\n\n", "Mira keeps the keys of the shed.\n\n",
                           "The code is 4417, not 12.\n\n"};
    query.given->question = "Who keeps the keys?";
    query.blend.strategy = strategy;
    query.blend.mask = mask;
    query.blend.ratio = 0.3;
    return query;
}

/// A model on the emulated device, or its first layers on one and the others on another, with the chunks in the store.
class DeviceBench {
public:
    explicit DeviceBench(int firstLayers = 0) : m_bench(settings(firstLayers)) {
        m_bench.precompute(threeChunks(Strategy::Full).given->chunks);
    }

    engine::Prefill prefill(const engine::Query& query, engine::AttentionProbe* probe = nullptr) {
        const auto plan = m_bench.planner->plan(query);
        EXPECT_TRUE(plan.ok());
        EXPECT_EQ(plan->hits, 3);
        engine::KvCache cache = m_bench.model->makeCache(plan->promptTokens);
        std::vector<engine::SegmentFailure> failures;
        auto result = m_bench.blender->prefill(*plan, m_bench.spec, m_bench.store->reader(), cache, {}, failures, probe);
        EXPECT_TRUE(result.ok());
        return std::move(*result);
    }

private:
    static BenchSettings settings(int firstLayers) {
        BenchSettings settings{randomModelPath("random-llama.gguf")};
        settings.kvDtype = engine::KvDtype::F16;
        settings.create = engine::cuda::createBackendOnDevice;
        settings.firstLayers = firstLayers;
        settings.createFirst = engine::cuda::createBackendOnDevice;
        return settings;
    }

    ModelBench m_bench;
};

/// Launches that had been asked for when the host waited for a stream, each time it did.
class Waits {
public:
    Waits() {
        emulated::whenTheHostWaits([this] { m_launchesBefore.push_back(emulated::counters().launches); });
    }
    ~Waits() { emulated::whenTheHostWaits(nullptr); }
    Waits(const Waits&) = delete;
    Waits& operator=(const Waits&) = delete;
    const std::vector<std::uint64_t>& launchesBefore() const { return m_launchesBefore; }

private:
    std::vector<std::uint64_t> m_launchesBefore;
};

TEST(DeviceLoop, TheHostWaitsForNoStreamBeforeEverythingWasLaunched) {
    DeviceBench bench;
    for (const engine::Query& query :
         {threeChunks(Strategy::CacheBlend), threeChunks(Strategy::CacheBlend, MaskKind::Published),
          threeChunks(Strategy::Query), threeChunks(Strategy::QueryValue), threeChunks(Strategy::Reuse)}) {
        bench.prefill(query);  // scratch memory and constants settle
        const Waits waits;
        const engine::Prefill prefill = bench.prefill(query);
        EXPECT_EQ(prefill.selection.positions.empty(), query.blend.strategy == Strategy::Reuse);
        ASSERT_FALSE(waits.launchesBefore().empty()) << "the logits come to the host";
        for (const std::uint64_t launches : waits.launchesBefore())
            EXPECT_EQ(launches, emulated::counters().launches) << static_cast<int>(query.blend.strategy);
    }
}

double milliseconds(std::chrono::steady_clock::duration duration) {
    return std::chrono::duration<double, std::milli>(duration).count();
}

double sumOfStages(const engine::Timings& ms) {
    return ms.plan + ms.load + ms.rotate + ms.questionPass + ms.layersBeforeCheck + ms.check + ms.recompute + ms.firstToken;
}

constexpr double kKernelMs = emulated::kKernelTakes / 1e6;
constexpr double kClockMs = 1e-4;  // what milliseconds in fp32 are rounded by, over a run

// The host runs ahead of all of it: by its own clock a layer would take what it takes to ask for it.
TEST(DeviceLoop, LayersAndPassesTakeWhatTheDeviceTook) {
    DeviceBench bench;
    bench.prefill(threeChunks(Strategy::Full));  // scratch memory and constants settle
    const auto begin = std::chrono::steady_clock::now();
    const engine::Prefill prefill = bench.prefill(threeChunks(Strategy::Full));
    const double whole = milliseconds(std::chrono::steady_clock::now() - begin);
    ASSERT_GE(prefill.layers.size(), 3U);
    const auto computed = [&](std::size_t layer) {
        return prefill.layers[layer].computeEnd - prefill.layers[layer].computeBegin;
    };
    double all = 0;
    for (std::size_t layer = 0; layer + 1 < prefill.layers.size(); ++layer) {
        EXPECT_NEAR(computed(layer), computed(0), kClockMs) << "the same launches in every layer but the last";
        all += computed(layer);
    }
    constexpr double kFewest = 10;  // norm, Q K V, scatter, rotation, attention, output, norm, gate and up, SwiGLU, down
    EXPECT_GE(computed(0), kFewest * kKernelMs - kClockMs);
    EXPECT_NEAR(std::remainder(computed(0), kKernelMs), 0, kClockMs) << "kernels and nothing else";
    ASSERT_EQ(prefill.passes.size(), 1U);
    constexpr double kProjection = 3;  // norm, Q K V, scatter: the last layer's count, too
    EXPECT_NEAR(prefill.passes[0].linearMs + prefill.passes[0].attentionMs, all + kProjection * kKernelMs, kClockMs);
    EXPECT_GE(prefill.passes[0].attentionMs, 2 * (static_cast<double>(prefill.layers.size()) - 1) * kKernelMs - kClockMs);
    EXPECT_GE(prefill.ms.recompute, all);
    EXPECT_LE(sumOfStages(prefill.ms), whole);
}

TEST(DeviceLoop, StagesTakeWhatTheDeviceTook) {
    DeviceBench bench;
    for (const Strategy strategy : {Strategy::CacheBlend, Strategy::QueryValue, Strategy::Reuse}) {
        bench.prefill(threeChunks(strategy));
        const engine::Prefill first = bench.prefill(threeChunks(strategy));
        const engine::Prefill second = bench.prefill(threeChunks(strategy));
        for (double engine::Timings::*stage : {&engine::Timings::rotate, &engine::Timings::questionPass,
                                               &engine::Timings::layersBeforeCheck, &engine::Timings::recompute})
            EXPECT_NEAR(first.ms.*stage, second.ms.*stage, 0.02 * (first.ms.*stage) + kClockMs)
                << static_cast<int>(strategy);
        EXPECT_GE(first.ms.rotate, kKernelMs - kClockMs);
        const engine::PassCost& cost = first.passes.back();
        const double stage = strategy == Strategy::Reuse ? first.ms.questionPass : first.ms.recompute;
        EXPECT_GE(stage, cost.attentionMs) << "the stage holds its pass";
        EXPECT_GE(cost.attentionMs, 2 * cost.layers * kKernelMs - kClockMs);
    }
}

// Rows that one device has chosen are computed by another from the border on, or from the next pass on.
TEST(DeviceLoop, RowsCrossABorderAsTheyWereChosen) {
    DeviceBench whole;
    DeviceBench split(2);  // the check layer is the last before the border
    for (const engine::Query& query :
         {threeChunks(Strategy::CacheBlend), threeChunks(Strategy::CacheBlend, MaskKind::Published),
          threeChunks(Strategy::QueryValue)}) {
        const engine::Prefill expected = whole.prefill(query);
        const engine::Prefill prefill = split.prefill(query);
        EXPECT_EQ(prefill.logits, expected.logits);
        EXPECT_EQ(prefill.selection.positions, expected.selection.positions);
        EXPECT_EQ(prefill.selection.score, expected.selection.score);
        ASSERT_EQ(prefill.passes.size(), 2U);
        EXPECT_EQ(prefill.passes[1].rowKeys, expected.passes[1].rowKeys);
    }
}

/// Remembers the rows that it was shown of the last layer.
class RowsSeen final : public engine::AttentionProbe {
public:
    void afterAttention(int, engine::TensorView, std::span<const int> positions, std::span<const int> keyLimits,
                        engine::KvLayerView) override {
        m_positions.assign(positions.begin(), positions.end());
        m_limits.assign(keyLimits.begin(), keyLimits.end());
    }
    const std::vector<int>& positions() const { return m_positions; }
    const std::vector<int>& limits() const { return m_limits; }

private:
    std::vector<int> m_positions, m_limits;
};

TEST(DeviceLoop, AProbeSeesTheRowsThatTheDeviceHasChosen) {
    DeviceBench bench;
    for (const engine::Query& query :
         {threeChunks(Strategy::CacheBlend), threeChunks(Strategy::CacheBlend, MaskKind::Published),
          threeChunks(Strategy::QueryValue)}) {
        const engine::Prefill plain = bench.prefill(query);
        RowsSeen seen;
        const engine::Prefill probed = bench.prefill(query, &seen);
        EXPECT_EQ(probed.selection.positions, plain.selection.positions);
        const auto rows = static_cast<int>(seen.positions().size());
        ASSERT_EQ(rows, plain.passes.back().rows);
        double keys = 0;
        for (std::size_t i = 0; i < seen.positions().size(); ++i) {
            const int row = static_cast<int>(i);
            EXPECT_EQ(seen.limits()[i], query.blend.mask == MaskKind::Exact ? seen.positions()[i] + 1
                                                                            : seen.positions().back() + 2 - rows + row);
            keys += seen.positions()[i] + 1;
        }
        EXPECT_EQ(plain.passes.back().rowKeys, keys);
        EXPECT_TRUE(std::includes(seen.positions().begin(), seen.positions().end(), plain.selection.positions.begin(),
                                  plain.selection.positions.end()));
    }
}

}  // namespace
