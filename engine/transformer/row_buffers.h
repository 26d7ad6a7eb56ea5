// Scratch rows of a forward pass: allocated once, used by every layer.
#pragma once

#include <vector>

#include "engine/backend/layer_placement.h"
#include "engine/model/model_config.h"

namespace engine {

/// Buffers for up to `rows` rows, on each side of the placement. Nothing in it outlives a layer but x, the residual stream. One thread.
class RowBuffers {
public:
    RowBuffers(const LayerPlacement& placement, const ModelConfig& config, int rows);

    int capacity() const { return m_capacity; }
    /// From here on the views are of the memory where `layer` is computed. Behind a border the first `count` rows of x move there.
    void enter(int layer, int count);

    TensorView x(int rows) const { return view(side().x, DType::F32, rows, m_hidden); }  // [M, E] f32, residual
    TensorView gatheredX(int rows) const { return view(side().gatheredX, DType::F32, rows, m_hidden); }  // [M, E] f32
    void swapX() { std::swap(side().x, side().gatheredX); }
    TensorView normed(int rows) const { return narrow(side().normed, rows, m_hidden); }            // [M, E] narrow
    TensorView qkv(int rows) const { return view(side().qkv, DType::F32, rows, m_q + 2 * m_kv); }  // [M, (H+2KH)*D] f32
    TensorView q(int rows) const { return qkv(rows).columnsSlice(0, m_q); }                        // [M, H*D] f32
    TensorView k(int rows) const { return qkv(rows).columnsSlice(m_q, m_kv); }         // [M, KH*D] f32, un-rotated
    TensorView v(int rows) const { return qkv(rows).columnsSlice(m_q + m_kv, m_kv); }  // [M, KH*D] f32
    TensorView gatheredQ(int rows) const { return view(side().gatheredQ, DType::F32, rows, m_q); }  // [M, H*D] f32
    TensorView rotatedQ(int rows) const { return narrow(side().rotatedQ, rows, m_q); }              // [M, H*D] narrow
    TensorView attended(int rows) const { return narrow(side().attended, rows, m_q); }              // [M, H*D] narrow
    TensorView gateUp(int rows) const { return narrow(side().gateUp, rows, 2 * m_feedForward); }  // [≤ feedForwardRows, 2F]
    TensorView activated(int rows) const { return narrow(side().activated, rows, m_feedForward); }  // [≤ feedForwardRows, F]

private:
    /// The buffers in one back end's memory.
    struct Side {
        Backend* backend = nullptr;
        Buffer x, gatheredX, normed, qkv, gatheredQ, rotatedQ, attended, gateUp, activated;
    };
    Side makeSide(Backend& backend) const;
    Side& side() { return m_sides[m_at]; }
    const Side& side() const { return m_sides[m_at]; }
    static TensorView view(const Buffer& buffer, DType dtype, int rows, int columns) {
        return {buffer.data(), dtype, rows, columns, columns};
    }
    TensorView narrow(const Buffer& buffer, int rows, int columns) const {
        return view(buffer, side().backend->activationType(), rows, columns);
    }

    LayerPlacement m_placement;
    int m_capacity;
    int m_hidden;
    int m_q;   // H*D
    int m_kv;  // KH*D
    int m_feedForward;
    std::vector<Side> m_sides;
    std::size_t m_at = 0;           // the side that the views are of
    std::vector<float> m_crossing;  // rows of x between two memories
};

}  // namespace engine
