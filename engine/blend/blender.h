// The blend prefill: loads cached KV, moves it to its place, chooses tokens and computes them again. The heart of the program.
#pragma once

#include <memory>
#include <stop_token>
#include <vector>

#include "engine/blend/attention_probe.h"
#include "engine/blend/prompt_layout.h"
#include "engine/kv/kv_loader.h"
#include "engine/transformer/transformer.h"
#include "engine/types.h"

namespace engine {

/// A stored slice that failed in mid-pass: the segment of the plan, and why.
struct SegmentFailure {
    int segment = 0;
    Status status;
};

/// Rows that went through some layers together, and what that took.
struct PassCost {
    int rows = 0;
    int layers = 0;
    double rowKeys = 0;      // Σ over its rows of the keys each attended to, in one layer
    double linearMs = 0;     // projections and feed-forward, all layers
    double attentionMs = 0;  // all layers
};

/// What a prefill leaves behind, besides the filled KvCache.
struct Prefill {
    std::vector<float> logits;  // [V] of the last prompt row
    TokenSelection selection;
    TokenCounts tokens;
    Timings
        ms;  // plan (setting up), load, rotate, questionPass, layersBeforeCheck, check, recompute, firstToken (logits), loadHidden
    std::vector<LayerTiming> layers;
    std::uint64_t bytesLoaded = 0;
    std::uint64_t bytesFromRam = 0;    // of those, not read in this run
    std::vector<int> segmentsFromRam;  // of the plan: nothing of them was read
    double chargedWork = 0;            // linear work done ÷ that of a full prefill
    std::vector<PassCost> passes;
    double asideMs = 0;  // of the probe; in none of the times above
};

/// Runs plans with one model. Holds scratch rows that grow with the longest prompt seen. One thread.
class Blender {
public:
    explicit Blender(const Transformer& model) : m_model(model) {}

    /// Prefills `cache` (capacity ≥ the prompt) by the plan's strategy. Layer loop and rules: ALGORITHM in engine/README.md.
    /// Errors: Cancelled; Damaged, when slices fail their check: `failures` names their segments and the caller runs again with
    /// those marked as not there.
    Result<Prefill> prefill(const BlendPlan& plan, const KvSpec& spec, SliceSource source, KvCache& cache,
                            std::stop_token stop, std::vector<SegmentFailure>& failures, AttentionProbe* probe = nullptr);

    /// Scratch rows for at least `rows` rows; also used for decoding between prefills.
    RowBuffers& rows(int rows);
    int rowCapacity() const { return m_rows == nullptr ? 0 : m_rows->capacity(); }

private:
    const Transformer& m_model;
    std::unique_ptr<RowBuffers> m_rows;
};

/// The forecast of Prefill::chargedWork, by the formulas of the strategy.
double forecastWork(const BlendPlan& plan, const ModelConfig& config);
/// The forecast of Prefill::passes, without times.
std::vector<PassCost> forecastPasses(const BlendPlan& plan, const ModelConfig& config);

}  // namespace engine
