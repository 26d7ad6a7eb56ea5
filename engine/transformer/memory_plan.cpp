// The memory plan: the sizes that Transformer::load, KvCache, RowBuffers and the slices' ring will ask for.
#include "engine/transformer/memory_plan.h"

#include <algorithm>
#include <array>
#include <vector>

#include "engine/kv/kv_loader.h"

namespace engine {
namespace {

std::uint64_t matrixBytes(const WeightFile& file, const Backend& backend, int layer, std::span<const TensorRole> roles,
                          MatrixUse use) {
    std::vector<HostTensor> shapes;
    std::vector<const HostTensor*> parts;
    for (const TensorRole role : roles)
        shapes.push_back(file.shapeOf(role, layer));
    for (const HostTensor& shape : shapes)
        parts.push_back(&shape);
    return backend.matrixBytes(parts, use);
}

std::uint64_t count(int value) { return static_cast<std::uint64_t>(value); }

}  // namespace

std::uint64_t planWeights(const WeightFile& file, const Backend& backend, LayerSpan layers) {
    using Role = TensorRole;
    const ModelConfig& config = file.config();
    std::uint64_t bytes = 0;
    for (int layer = layers.first; layer < layers.first + layers.count; ++layer)
        bytes += matrixBytes(file, backend, layer, std::array{Role::Query, Role::Key, Role::Value}, MatrixUse::Rows) +
                 matrixBytes(file, backend, layer, std::array{Role::AttentionOutput}, MatrixUse::Rows) +
                 matrixBytes(file, backend, layer, std::array{Role::Gate, Role::Up}, MatrixUse::Rows) +
                 matrixBytes(file, backend, layer, std::array{Role::Down}, MatrixUse::Rows);
    if (layers.first == 0) {
        const HostTensor table = file.shapeOf(Role::TokenEmbedding, 0);
        bytes += count(table.rows) * table.rowBytes();
    }
    if (layers.count > 0 && layers.first + layers.count == config.layers)
        bytes += matrixBytes(file, backend, 0, std::array{config.tiedEmbeddings ? Role::TokenEmbedding : Role::Output},
                             MatrixUse::OneRow);
    return bytes;
}

MemoryPlan planRun(const ModelConfig& config, const Backend& backend, LayerSpan layers, int positions, KvDtype stored) {
    const std::uint64_t narrow = elementBytes(backend.activationType());
    MemoryPlan plan;
    plan.cache =
        2 * count(layers.count) * backend.kvLayerBytes(config.kvHeads, config.headDim, Backend::paddedPositions(positions));
    const std::uint64_t q = count(config.heads) * count(config.headDim);
    const std::uint64_t kv = count(config.kvHeads) * count(config.headDim);
    const std::uint64_t hidden = count(config.hidden);
    const std::uint64_t row = 4 * (2 * hidden + 2 * q + 2 * kv) + narrow * (hidden + 2 * q);
    const std::uint64_t wide = narrow * 3 * count(config.feedForward);
    const std::uint64_t rows = count(Backend::paddedRows(positions));
    plan.scratch = rows * row + std::min(rows, count(Backend::paddedRows(backend.feedForwardRows()))) * wide;
    plan.scratch +=
        KvLoader::kRingLayers * 2 * storage::kvSliceBytes({1, config.kvHeads, config.headDim, stored}, positions);
    return plan;
}

MemoryPlan planMemory(const WeightFile& file, const Backend& backend, LayerSpan layers, int positions, KvDtype stored) {
    MemoryPlan plan = planRun(file.config(), backend, layers, positions, stored);
    plan.weights = planWeights(file, backend, layers);
    return plan;
}

int layersThatFit(const WeightFile& file, const Backend& backend, int positions, KvDtype stored) {
    const int layers = file.config().layers;
    const std::uint64_t free = backend.freeBytes();
    const std::uint64_t room = free - std::min(free, kDeviceReserveBytes);
    const MemoryPlan last = planRun(file.config(), backend, {layers - 1, 1}, positions, stored);
    std::uint64_t needed = last.scratch;
    for (int fitting = 0; fitting < layers; ++fitting) {
        // Each layer more adds its own matrices and cache; the last layer brings the output matrix, the first the table.
        needed += planWeights(file, backend, {layers - 1 - fitting, 1}) + last.cache;
        if (needed > room)
            return fitting;
    }
    return layers;
}

}  // namespace engine
