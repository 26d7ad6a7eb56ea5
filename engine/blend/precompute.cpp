// ChunkPrecomputer: chunks side by side in the row dimension, each with a one-layer cache of its own.
#include "engine/blend/precompute.h"

#include <algorithm>
#include <numeric>

namespace engine {
namespace {

std::vector<int> range(int begin, int count) {
    std::vector<int> values(static_cast<std::size_t>(count));
    std::iota(values.begin(), values.end(), begin);
    return values;
}

}  // namespace

ChunkPrecomputer::ChunkPrecomputer(const Transformer& model, const KvSpec& spec, TokenIds anchor)
    : m_model(model),
      m_spec(spec),
      m_anchor(std::move(anchor)),
      m_rows(model.placement(), model.config(), std::max(kBatchRows, static_cast<int>(m_anchor.size()))) {
    if (!m_anchor.empty())
        runAnchor();
}

TensorView ChunkPrecomputer::anchorView(const Buffer& buffer) const {
    const int columns = m_spec.kvHeads * m_spec.headDim;
    return {buffer.data(), DType::F32, static_cast<int>(m_anchor.size()), columns, columns};
}

/// A cache for one layer after the other on the same side.
KvCache ChunkPrecomputer::layerCache(int layer, int positions) const {
    return KvCache(m_model.backend(layer), 1, m_spec.kvHeads, m_spec.headDim, positions);
}

bool ChunkPrecomputer::crossesTo(int layer) const {
    const LayerPlacement& placement = m_model.placement();
    return layer > 0 && placement.sideOf(layer) != placement.sideOf(layer - 1);
}

void ChunkPrecomputer::runAnchor() {
    const auto count = static_cast<int>(m_anchor.size());
    const std::vector<int> positions = range(0, count);
    const std::vector<int> limits = range(1, count);
    KvCache cache = layerCache(0, count);
    const std::uint64_t bytes = static_cast<std::uint64_t>(Backend::paddedRows(count)) *
                                static_cast<std::uint64_t>(m_spec.kvHeads * m_spec.headDim) * sizeof(float);
    m_model.embed(m_anchor, m_rows);
    for (int layer = 0; layer < m_spec.layers; ++layer) {
        Backend& backend = m_model.backend(layer);
        if (crossesTo(layer))
            cache = layerCache(layer, count);
        m_model.projectQkv(layer, count, m_rows);
        AnchorLayer kept{backend.allocate(bytes), backend.allocate(bytes)};
        backend.gatherRows(m_rows.k(count), positions, anchorView(kept.k));
        backend.gatherRows(m_rows.v(count), positions, anchorView(kept.v));
        m_anchorLayers.push_back(std::move(kept));
        backend.scatterKv(m_rows.k(count), m_rows.v(count), positions, m_model.rope(), cache.layer(0));
        m_model.attend(layer, m_rows.q(count), positions, limits, cache.layer(0), m_rows);
        m_model.finishRows(layer, 0, count, m_rows);
    }
}

Result<std::vector<ChunkKv>> ChunkPrecomputer::compute(std::span<const TokenIds> chunks, std::stop_token stop,
                                                       const std::function<void()>& border) {
    const auto anchorTokens = static_cast<int>(m_anchor.size());
    const std::vector<int> anchorPositions = range(0, anchorTokens);
    struct Part {
        int begin = 0;  // first row
        int tokens = 0;
        std::vector<int> positions;
        std::vector<int> limits;
        KvCache cache;  // one layer
    };
    std::vector<Part> parts;
    std::vector<ChunkKv> results(chunks.size());
    TokenIds ids;
    for (std::size_t i = 0; i < chunks.size(); ++i) {
        const auto tokens = static_cast<int>(chunks[i].size());
        parts.push_back({static_cast<int>(ids.size()), tokens, range(anchorTokens, tokens), range(anchorTokens + 1, tokens),
                         layerCache(0, anchorTokens + tokens)});
        ids.insert(ids.end(), chunks[i].begin(), chunks[i].end());
        const std::size_t sliceBytes = storage::kvSliceBytes(m_spec, tokens);
        results[i].bytes.resize(sliceBytes * 2 * static_cast<std::size_t>(m_spec.layers));
        for (std::size_t slice = 0; slice < 2 * static_cast<std::size_t>(m_spec.layers); ++slice)
            results[i].slices.push_back(
                std::span<const std::byte>(results[i].bytes).subspan(slice * sliceBytes, sliceBytes));
    }
    const auto count = static_cast<int>(ids.size());
    if (count > m_rows.capacity())
        m_rows = RowBuffers(m_model.placement(), m_model.config(), count);
    m_model.embed(ids, m_rows);
    for (int layer = 0; layer < m_spec.layers; ++layer) {
        if (border)
            border();
        if (stop.stop_requested())
            return Status(StatusCode::Cancelled, "stopped while precomputing layer " + std::to_string(layer));
        Backend& backend = m_model.backend(layer);
        if (crossesTo(layer))
            for (Part& part : parts)
                part.cache = layerCache(layer, anchorTokens + part.tokens);
        m_model.projectQkv(layer, count, m_rows);
        for (std::size_t i = 0; i < parts.size(); ++i) {
            const Part& part = parts[i];
            const TensorView k = m_rows.k(count).slice(part.begin, part.tokens);
            const TensorView v = m_rows.v(count).slice(part.begin, part.tokens);
            const KvLayerView cache = part.cache.layer(0);
            if (anchorTokens > 0) {
                const AnchorLayer& anchor = m_anchorLayers[static_cast<std::size_t>(layer)];
                backend.scatterKv(anchorView(anchor.k), anchorView(anchor.v), anchorPositions, m_model.rope(), cache);
            }
            backend.scatterKv(k, v, part.positions, m_model.rope(), cache);
            std::byte* to =
                results[i].bytes.data() + 2 * static_cast<std::size_t>(layer) * storage::kvSliceBytes(m_spec, part.tokens);
            backend.exportSlice(k, v, m_spec.kvHeads, m_spec.dtype, to, to + storage::kvSliceBytes(m_spec, part.tokens));
            m_model.attendRows(layer, m_rows.q(count).slice(part.begin, part.tokens), part.positions, part.limits, cache,
                               m_rows, part.begin);
        }
        if (layer + 1 < m_spec.layers)
            m_model.finishRows(layer, 0, count, m_rows);
    }
    return results;
}

}  // namespace engine
