// AttentionMeter: one call of the back end's attention per layer, head and block of rows.
#include "engine/measure/attention_meter.h"

#include <algorithm>
#include <numeric>

namespace engine {
namespace {

std::size_t index(int value) { return static_cast<std::size_t>(value); }

}  // namespace

AttentionMeter::AttentionMeter(const LayerPlacement& placement, const ModelConfig& config,
                               const std::vector<PlanSegment>& segments, int promptTokens, std::stop_token stop,
                               std::function<void(int, int)> told)
    : m_placement(placement),
      m_headDim(config.headDim),
      m_kvHeads(config.kvHeads),
      m_stop(std::move(stop)),
      m_told(std::move(told)),
      m_suffix(index(config.layers)),
      m_hostMass(index(promptTokens)),
      m_zeros(index(promptTokens), 0.0F) {
    for (int side = 0; side < placement.sides(); ++side)
        m_scratch.push_back({placement.side(side).allocate(index(promptTokens) * sizeof(float)),
                             placement.side(side).allocate(index(Backend::paddedRows(promptTokens)) * index(config.headDim) *
                                                           sizeof(float))});
    for (const PlanSegment& segment : segments)
        m_begins.push_back(segment.position);
    m_begins.push_back(segments.empty() ? 0 : segments.back().position + segments.back().tokens());
    m_begins.push_back(promptTokens);
    m_summary.layers = config.layers;
    m_summary.heads = config.heads;
    m_summary.context = m_begins[m_begins.size() - 2];
    m_summary.blocks = static_cast<int>(m_begins.size()) - 1;
    const std::size_t heads = index(config.layers) * index(config.heads);
    m_summary.suffix.assign(heads * index(m_summary.context), 0.0F);
    m_summary.block.assign(heads * index(m_summary.blocks) * index(m_summary.blocks), 0.0F);
    m_summary.rowsComputed.assign(index(config.layers) * index(m_summary.blocks), 0);
}

void AttentionMeter::afterAttention(int layer, TensorView q, std::span<const int> positions, std::span<const int> keyLimits,
                                    KvLayerView cache) {
    const std::size_t perLayer = index(m_summary.heads) * index(m_summary.blocks) * index(m_summary.blocks);
    std::fill_n(m_summary.block.begin() + static_cast<std::ptrdiff_t>(index(layer) * perLayer), perLayer, 0.0F);
    for (int block = 0; block < m_summary.blocks; ++block) {
        const auto first = std::lower_bound(positions.begin(), positions.end(), m_begins[index(block)]);
        const auto last = std::lower_bound(first, positions.end(), m_begins[index(block) + 1]);
        const auto begin = static_cast<int>(first - positions.begin());
        const auto rows = static_cast<int>(last - first);
        m_summary.rowsComputed[index(layer) * index(m_summary.blocks) + index(block)] = rows;
        if (rows == 0 || m_stop.stop_requested())
            continue;
        const TensorView queries = q.slice(begin, rows);
        const std::span<const int> limits = keyLimits.subspan(index(begin), index(rows));
        measureBlock(layer, block, queries, limits, cache);
        if (block + 1 == m_summary.blocks) {
            SuffixRows& kept = m_suffix[index(layer)];
            kept.limits.assign(limits.begin(), limits.end());
            kept.queries.resize(index(rows) * index(q.columns) * elementBytes(q.dtype));
            m_placement.of(layer).download(kept.queries.data(), queries.data, kept.queries.size());
        }
    }
    if (m_told)
        m_told(layer + 1, m_summary.layers);
}

void AttentionMeter::measureBlock(int layer, int block, TensorView q, std::span<const int> keyLimits, KvLayerView cache) {
    const int greatest = *std::max_element(keyLimits.begin(), keyLimits.end());
    const auto rows = static_cast<float>(q.rows);
    Backend& backend = m_placement.of(layer);
    const Buffer& massBuffer = scratch(layer).mass;
    const TensorView mass{massBuffer.data(), DType::F32, 1, greatest, greatest};
    const TensorView out{scratch(layer).out.data(), q.dtype, q.rows, m_headDim, m_headDim};
    const std::uint64_t bytes = index(greatest) * sizeof(float);
    for (int head = 0; head < m_summary.heads && !m_stop.stop_requested(); ++head) {
        backend.upload(massBuffer.data(), m_zeros.data(), bytes);
        backend.attention(q.columnsSlice(head * m_headDim, m_headDim), 1,
                          backend.headOf(cache, head / (m_summary.heads / m_kvHeads)), keyLimits, out, &mass);
        backend.download(m_hostMass.data(), massBuffer.data(), bytes);
        const std::size_t layerHead = index(layer) * index(m_summary.heads) + index(head);
        float* to = m_summary.block.data() + (layerHead * index(m_summary.blocks) + index(block)) * index(m_summary.blocks);
        for (int from = 0; from < m_summary.blocks; ++from) {
            const int begin = std::min(m_begins[index(from)], greatest);
            const int end = std::min(m_begins[index(from) + 1], greatest);
            const double sum = std::accumulate(m_hostMass.begin() + begin, m_hostMass.begin() + end, 0.0);
            to[from] = static_cast<float>(sum / static_cast<double>(rows));
        }
        if (block + 1 == m_summary.blocks)
            std::transform(m_hostMass.begin(), m_hostMass.begin() + m_summary.context,
                           m_summary.suffix.begin() + static_cast<std::ptrdiff_t>(layerHead * index(m_summary.context)),
                           [&](float probability) { return probability / rows; });
    }
}

}  // namespace engine
