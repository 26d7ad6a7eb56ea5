// How far two runs of the same prompt lie apart: their KV per token, and the suffix's attention per head.
#pragma once

#include <stop_token>
#include <vector>

#include "engine/kv/kv_cache.h"
#include "engine/measure/attention_meter.h"
#include "engine/trace.h"

namespace engine {

/// Distance of each token's K and V between two caches of the same prompt. Caches hold K rotated; both rotate a position alike, and a
/// rotation changes no distance, so rotated K give the distance of the un-rotated ones once YaRN's magnitude is divided out.
KvDeviation kvDeviation(const LayerPlacement& placement, const RopeTable& rope, const KvCache& run, const KvCache& full,
                        int tokens, const std::stop_token& stop);

/// A measured run and the cache it left.
struct MeasuredRun {
    const AttentionMeter& meter;
    const KvCache& cache;
};

/// Frobenius distance, over suffix rows and context positions, of each run's probabilities from the full prefill's: per run [L, H].
std::vector<std::vector<float>> attentionDeviation(const LayerPlacement& placement, const ModelConfig& config,
                                                   MeasuredRun full, std::span<const MeasuredRun> runs,
                                                   const std::stop_token& stop);

}  // namespace engine
