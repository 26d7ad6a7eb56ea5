// RowBuffers: sizes of the scratch rows.
#include "engine/transformer/row_buffers.h"

#include <algorithm>

namespace engine {

RowBuffers::RowBuffers(Backend& backend, const ModelConfig& config, int rows)
    : m_capacity(Backend::paddedRows(rows)),
      m_hidden(config.hidden),
      m_q(config.heads * config.headDim),
      m_kv(config.kvHeads * config.headDim),
      m_feedForward(config.feedForward),
      m_narrow(backend.activationType()) {
    const auto make = [&](int count, int columns, DType dtype) {
        return backend.allocate(static_cast<std::uint64_t>(count) * static_cast<std::uint64_t>(columns) *
                                elementBytes(dtype));
    };
    const int blockRows = std::min(m_capacity, Backend::paddedRows(backend.feedForwardRows()));
    m_x = make(m_capacity, m_hidden, DType::F32);
    m_gatheredX = make(m_capacity, m_hidden, DType::F32);
    m_normed = make(m_capacity, m_hidden, m_narrow);
    m_qkv = make(m_capacity, m_q + 2 * m_kv, DType::F32);
    m_gatheredQ = make(m_capacity, m_q, DType::F32);
    m_rotatedQ = make(m_capacity, m_q, m_narrow);
    m_attended = make(m_capacity, m_q, m_narrow);
    m_gateUp = make(blockRows, 2 * m_feedForward, m_narrow);
    m_activated = make(blockRows, m_feedForward, m_narrow);
}

}  // namespace engine
