// RowBuffers: sizes of the scratch rows, and their way over a border.
#include "engine/transformer/row_buffers.h"

#include <algorithm>

namespace engine {

RowBuffers::RowBuffers(const LayerPlacement& placement, const ModelConfig& config, int rows)
    : m_placement(placement),
      m_capacity(Backend::paddedRows(rows)),
      m_hidden(config.hidden),
      m_q(config.heads * config.headDim),
      m_kv(config.kvHeads * config.headDim),
      m_feedForward(config.feedForward) {
    for (int index = 0; index < placement.sides(); ++index)
        m_sides.push_back(makeSide(placement.side(index)));
}

RowBuffers::Side RowBuffers::makeSide(Backend& backend) const {
    const auto make = [&](int count, int columns, DType dtype) {
        return backend.allocate(static_cast<std::uint64_t>(count) * static_cast<std::uint64_t>(columns) *
                                elementBytes(dtype));
    };
    const DType narrow = backend.activationType();
    const int blockRows = std::min(m_capacity, Backend::paddedRows(backend.feedForwardRows()));
    Side side;
    side.backend = &backend;
    side.x = make(m_capacity, m_hidden, DType::F32);
    side.gatheredX = make(m_capacity, m_hidden, DType::F32);
    side.normed = make(m_capacity, m_hidden, narrow);
    side.qkv = make(m_capacity, m_q + 2 * m_kv, DType::F32);
    side.gatheredQ = make(m_capacity, m_q, DType::F32);
    side.rotatedQ = make(m_capacity, m_q, narrow);
    side.attended = make(m_capacity, m_q, narrow);
    side.gateUp = make(blockRows, 2 * m_feedForward, narrow);
    side.activated = make(blockRows, m_feedForward, narrow);
    return side;
}

void RowBuffers::enter(int layer, int count) {
    const auto to = static_cast<std::size_t>(m_placement.sideOf(layer));
    if (to == m_at)
        return;
    const Side& from = std::exchange(m_at, to) == 0 ? m_sides.front() : m_sides.back();
    if (count == 0)
        return;
    m_crossing.resize(static_cast<std::size_t>(count) * static_cast<std::size_t>(m_hidden));
    from.backend->download(m_crossing.data(), from.x.data(), m_crossing.size() * sizeof(float));
    side().backend->upload(side().x.data(), m_crossing.data(), m_crossing.size() * sizeof(float));
}

}  // namespace engine
