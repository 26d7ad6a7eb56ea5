// Where a prefill's attention goes: summed block by block while it runs, never holding a T×T matrix.
#pragma once

#include <functional>
#include <stop_token>
#include <vector>

#include "engine/backend/layer_placement.h"
#include "engine/blend/attention_probe.h"
#include "engine/model/model_config.h"
#include "engine/trace.h"

namespace engine {

/// Measures one run of one prompt. The back end sums the probabilities of each block of rows per key (Backend::attention's mass: a
/// pass for each row's maximum and sum, a second for the probabilities, fp32); here the keys of a block are added up.
/// Keeps the suffix rows' queries of every layer, so that two runs can be compared row by row afterwards.
class AttentionMeter final : public AttentionProbe {
public:
    /// `segments` of the prompt in order; what follows them is the suffix. `told`: layers done, layers.
    AttentionMeter(const LayerPlacement& placement, const ModelConfig& config, const std::vector<PlanSegment>& segments,
                   int promptTokens, std::stop_token stop, std::function<void(int, int)> told);

    void afterAttention(int layer, TensorView q, std::span<const int> positions, std::span<const int> keyLimits,
                        KvLayerView cache) override;

    const AttentionSummary& summary() const { return m_summary; }

    /// The suffix rows of a layer, as the run computed them: queries [S, H*D] narrow, in host memory, and their key limits.
    struct SuffixRows {
        std::vector<std::byte> queries;
        std::vector<int> limits;
    };
    const SuffixRows& suffixRows(int layer) const { return m_suffix[static_cast<std::size_t>(layer)]; }

private:
    void measureBlock(int layer, int block, TensorView q, std::span<const int> keyLimits, KvLayerView cache);

    /// In one back end's memory.
    struct Scratch {
        Buffer mass;  // [T] f32
        Buffer out;   // [rows, D] narrow: attention's output, not used
    };
    const Scratch& scratch(int layer) const { return m_scratch[static_cast<std::size_t>(m_placement.sideOf(layer))]; }

    const LayerPlacement m_placement;
    const int m_headDim;
    const int m_kvHeads;
    std::vector<int> m_begins;  // [B + 1], position where each block begins; the prompt's end
    const std::stop_token m_stop;
    const std::function<void(int, int)> m_told;
    AttentionSummary m_summary;
    std::vector<SuffixRows> m_suffix;  // [L]
    std::vector<Scratch> m_scratch;    // a side
    std::vector<float> m_hostMass;     // [T]
    const std::vector<float> m_zeros;  // [T]
};

}  // namespace engine
