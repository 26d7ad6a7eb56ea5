// What a model needs of a device's memory, reckoned before anything is loaded.
#pragma once

#include <cstdint>

#include "engine/backend/layer_placement.h"
#include "engine/model/weight_file.h"

namespace engine {

/// Left free on a device when layers are given to it: partial results of attention, cuBLASLt's kernels, other programs.
constexpr std::uint64_t kDeviceReserveBytes = std::uint64_t{256} << 20U;

/// Bytes on the device that computes some of a model's layers.
struct MemoryPlan {
    std::uint64_t weights =
        0;  // matrices as packed; with the first layer the embedding table, with the last one the output matrix
    std::uint64_t cache = 0;    // K and V
    std::uint64_t scratch = 0;  // rows between operations, and three layers' slices on their way
    std::uint64_t total() const { return weights + cache + scratch; }
};

/// Of the layers' matrices alone; takes some time in a model of many layers.
std::uint64_t planWeights(const WeightFile& file, const Backend& backend, LayerSpan layers);
/// KV and scratch of one prompt with its answer; `stored`: the type of the slices that are loaded.
MemoryPlan planRun(const ModelConfig& config, const Backend& backend, LayerSpan layers, int positions, KvDtype stored);
MemoryPlan planMemory(const WeightFile& file, const Backend& backend, LayerSpan layers, int positions, KvDtype stored);

/// How many of the last layers fit into what the back end has free, the reserve left aside. 0 = not even one.
int layersThatFit(const WeightFile& file, const Backend& backend, int positions, KvDtype stored);

}  // namespace engine
