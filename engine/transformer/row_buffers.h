// Scratch rows of a forward pass: allocated once, used by every layer.
#pragma once

#include "engine/backend/backend.h"
#include "engine/model/model_config.h"

namespace engine {

/// Buffers for up to `rows` rows. Nothing in it outlives a layer but x, the residual stream. One thread.
class RowBuffers {
public:
    RowBuffers(Backend& backend, const ModelConfig& config, int rows);

    int capacity() const { return m_capacity; }

    TensorView x(int rows) const { return view(m_x, DType::F32, rows, m_hidden); }                  // [M, E] f32, residual
    TensorView gatheredX(int rows) const { return view(m_gatheredX, DType::F32, rows, m_hidden); }  // [M, E] f32
    void swapX() { std::swap(m_x, m_gatheredX); }
    TensorView normed(int rows) const { return view(m_normed, m_narrow, rows, m_hidden); }     // [M, E] narrow
    TensorView qkv(int rows) const { return view(m_qkv, DType::F32, rows, m_q + 2 * m_kv); }   // [M, (H+2KH)*D] f32
    TensorView q(int rows) const { return qkv(rows).columnsSlice(0, m_q); }                    // [M, H*D] f32
    TensorView k(int rows) const { return qkv(rows).columnsSlice(m_q, m_kv); }                 // [M, KH*D] f32, un-rotated
    TensorView v(int rows) const { return qkv(rows).columnsSlice(m_q + m_kv, m_kv); }          // [M, KH*D] f32
    TensorView gatheredQ(int rows) const { return view(m_gatheredQ, DType::F32, rows, m_q); }  // [M, H*D] f32
    TensorView rotatedQ(int rows) const { return view(m_rotatedQ, m_narrow, rows, m_q); }      // [M, H*D] narrow
    TensorView attended(int rows) const { return view(m_attended, m_narrow, rows, m_q); }      // [M, H*D] narrow
    TensorView gateUp(int rows) const {
        return view(m_gateUp, m_narrow, rows, 2 * m_feedForward);
    }  // [≤ feedForwardRows, 2F]
    TensorView activated(int rows) const {
        return view(m_activated, m_narrow, rows, m_feedForward);
    }  // [≤ feedForwardRows, F]

private:
    static TensorView view(const Buffer& buffer, DType dtype, int rows, int columns) {
        return {buffer.data(), dtype, rows, columns, columns};
    }

    int m_capacity;
    int m_hidden;
    int m_q;   // H*D
    int m_kv;  // KH*D
    int m_feedForward;
    DType m_narrow;
    Buffer m_x, m_gatheredX, m_normed, m_qkv, m_gatheredQ, m_rotatedQ, m_attended, m_gateUp, m_activated;
};

}  // namespace engine
