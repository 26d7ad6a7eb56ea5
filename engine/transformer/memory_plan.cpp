// The memory plan: the sizes that Transformer::load, KvCache and RowBuffers will ask for.
#include "engine/transformer/memory_plan.h"

#include <algorithm>

namespace engine {
namespace {

std::string gibibytes(std::uint64_t bytes) {
    const std::uint64_t tenths = (bytes * 10 + (1ULL << 30U) - 1) / (1ULL << 30U);
    return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " GiB";
}

}  // namespace

MemoryPlan planMemory(const WeightFile& file, const Backend& backend, int positions) {
    const ModelConfig& config = file.config();
    const std::uint64_t narrow = elementBytes(backend.activationType());
    const auto count = [](int value) { return static_cast<std::uint64_t>(value); };
    MemoryPlan plan;
    plan.weights = static_cast<std::uint64_t>(file.parameters()) * narrow + file.weightBytes();
    plan.cache =
        2 * count(config.layers) * backend.kvLayerBytes(config.kvHeads, config.headDim, Backend::paddedPositions(positions));
    const std::uint64_t q = count(config.heads) * count(config.headDim);
    const std::uint64_t kv = count(config.kvHeads) * count(config.headDim);
    const std::uint64_t hidden = count(config.hidden);
    const std::uint64_t row = 4 * (2 * hidden + 2 * q + 2 * kv) + narrow * (hidden + 2 * q);
    const std::uint64_t wide = narrow * 3 * count(config.feedForward);
    const std::uint64_t rows = count(Backend::paddedRows(positions));
    plan.rows = rows * row + std::min(rows, count(Backend::paddedRows(backend.feedForwardRows()))) * wide;
    return plan;
}

Status checkMemory(const WeightFile& file, const Backend& backend, int positions) {
    const MemoryPlan plan = planMemory(file, backend, positions);
    const std::uint64_t free = backend.freeBytes();
    if (plan.total() <= free)
        return {};
    return Status(StatusCode::OutOfMemory, "too_little_memory: " + gibibytes(plan.total()) + " needed (weights " +
                                               gibibytes(plan.weights) + ", KV of " + std::to_string(positions) +
                                               " tokens " + gibibytes(plan.cache) + ", rows " + gibibytes(plan.rows) +
                                               "), " + gibibytes(free) +
                                               " free; use a smaller model, a shorter context, or the cpu back end");
}

}  // namespace engine
