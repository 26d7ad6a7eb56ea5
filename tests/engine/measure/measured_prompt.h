// A prompt of three precomputed chunks on a small model, and runs of it with every attention matrix written down.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "engine/measure/attention_meter.h"
#include "tests/engine/blend/model_bench.h"

namespace engine {

/// Computes the whole matrix of probabilities in double precision from the very queries and keys that the run used.
class RawAttention final : public AttentionProbe {
public:
    RawAttention(Backend& backend, const ModelConfig& config, AttentionProbe& next)
        : m_backend(backend), m_config(config), m_next(next) {}

    void afterAttention(int layer, TensorView q, std::span<const int> positions, std::span<const int> keyLimits,
                        KvLayerView cache) override;

    /// Rows by position: probability of each key before the row's limit.
    using Rows = std::map<int, std::vector<double>>;
    const Rows& rows(int layer, int head) const { return m_rows.at({layer, head}); }

private:
    Backend& m_backend;
    const ModelConfig& m_config;
    AttentionProbe& m_next;
    std::map<std::pair<int, int>, Rows> m_rows;
};

struct MeasuredPrefill {
    BlendPlan plan;
    Prefill prefill;
    KvCache cache;
    std::unique_ptr<AttentionMeter> meter;
    std::unique_ptr<RawAttention> raw;
};

class MeasuredPrompt {
public:
    explicit MeasuredPrompt(const BenchSettings& settings);
    MeasuredPrefill run(Strategy strategy, double ratio = 0.25);

    ModelBench bench;

private:
    GivenPrompt m_prompt;
};

}  // namespace engine
