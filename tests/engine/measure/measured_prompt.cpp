// A prompt of three precomputed chunks on a small model, and runs of it with every attention matrix written down.
#include "tests/engine/measure/measured_prompt.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "engine/backend/half.h"

namespace engine {

void RawAttention::afterAttention(int layer, TensorView q, std::span<const int> positions, std::span<const int> keyLimits,
                                  KvLayerView cache) {
    const auto width = static_cast<std::size_t>(cache.kvHeads * cache.headDim);
    const int keys = *std::max_element(keyLimits.begin(), keyLimits.end());
    std::vector<std::vector<float>> k(static_cast<std::size_t>(keys), std::vector<float>(width));
    std::vector<float> v(width);
    for (int key = 0; key < keys; ++key)
        m_backend.readKv(cache, key, k[static_cast<std::size_t>(key)], v);
    const auto columns = static_cast<std::size_t>(q.columns);
    std::vector<std::byte> bytes(columns * elementBytes(q.dtype));
    for (int head = 0; head < m_config.heads; ++head) {
        Rows rows;
        for (int row = 0; row < q.rows; ++row) {
            m_backend.download(bytes.data(), q.slice(row, 1).data, bytes.size());
            const auto queryAt = [&](std::size_t column) {
                if (q.dtype == DType::F32) {
                    float value = 0;
                    std::memcpy(&value, bytes.data() + 4 * column, sizeof value);
                    return value;
                }
                std::uint16_t value = 0;
                std::memcpy(&value, bytes.data() + 2 * column, sizeof value);
                return bf16ToFloat(value);
            };
            const auto from = static_cast<std::size_t>(head * cache.headDim);
            const auto keyFrom = static_cast<std::size_t>(head / (m_config.heads / cache.kvHeads) * cache.headDim);
            std::vector<double> p;
            for (int key = 0; key < keyLimits[static_cast<std::size_t>(row)]; ++key) {
                double sum = 0;
                for (std::size_t i = 0; i < static_cast<std::size_t>(cache.headDim); ++i)
                    sum += double{queryAt(from + i)} * k[static_cast<std::size_t>(key)][keyFrom + i];
                p.push_back(sum / std::sqrt(static_cast<double>(cache.headDim)));
            }
            const double greatest = *std::max_element(p.begin(), p.end());
            for (double& value : p)
                value = std::exp(value - greatest);
            const double total = std::accumulate(p.begin(), p.end(), 0.0);
            for (double& value : p)
                value /= total;
            rows[positions[static_cast<std::size_t>(row)]] = std::move(p);
        }
        m_rows[{layer, head}] = std::move(rows);
    }
    m_next.afterAttention(layer, q, positions, keyLimits, cache);
}

MeasuredPrompt::MeasuredPrompt(const BenchSettings& settings) : bench(settings) {
    m_prompt.chunks = {"The north gate opens at six and closes at nine.\n\n",
                       "The code of the shed by the river is 4417; Mira keeps the keys.\n\n",
                       "On Friday the market is closed and umbrellas are free.\n\n"};
    m_prompt.question = "Who keeps the keys?";
    bench.precompute(m_prompt.chunks);
}

MeasuredPrefill MeasuredPrompt::run(Strategy strategy, double ratio) {
    Query query;
    query.given = m_prompt;
    query.blend.strategy = strategy;
    query.blend.ratio = ratio;
    query.sampling.maxTokens = 1;
    auto plan = bench.planner->plan(query);
    EXPECT_TRUE(plan.ok()) << plan.status().message();
    MeasuredPrefill result{std::move(*plan), {}, {}, nullptr, nullptr};
    EXPECT_EQ(result.plan.hits, 3);
    const ModelConfig& config = bench.model->config();
    result.meter = std::make_unique<AttentionMeter>(*bench.backend, config, result.plan.segments, result.plan.promptTokens,
                                                    std::stop_token(), nullptr);
    result.raw = std::make_unique<RawAttention>(*bench.backend, config, *result.meter);
    result.cache = bench.model->makeCache(result.plan.promptTokens + 1);
    std::vector<SegmentFailure> failures;
    auto prefill =
        bench.blender->prefill(result.plan, bench.spec, bench.store->reader(), result.cache, {}, failures, result.raw.get());
    EXPECT_TRUE(prefill.ok()) << prefill.status().message();
    result.prefill = std::move(*prefill);
    return result;
}

}  // namespace engine
