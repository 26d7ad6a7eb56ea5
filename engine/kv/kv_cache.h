// One query's K and V, per layer, in the layout of the back end that computes the layer. Never a member of the model.
#pragma once

#include <vector>

#include "engine/backend/layer_placement.h"

namespace engine {

/// Move-only owner of `capacity` positions of K (rotated) and V for every layer. Contents are unspecified until written: attention
/// never looks beyond a row's key limit. One thread at a time; the back ends must outlive it.
class KvCache {
public:
    KvCache() = default;
    KvCache(const LayerPlacement& placement, int layers, int kvHeads, int headDim, int positions);

    int capacity() const { return m_capacity; }
    int layers() const { return static_cast<int>(m_k.size()); }
    std::uint64_t bytes() const;
    /// Copies positions [0, count) of another cache of the same shape.
    void copyFrom(const LayerPlacement& placement, const KvCache& from, int count);
    KvLayerView layer(int index) const {
        const auto i = static_cast<std::size_t>(index);
        return {m_k[i], m_v[i], m_capacity, m_kvHeads, m_headDim};
    }

private:
    int m_capacity = 0;
    int m_kvHeads = 0;
    int m_headDim = 0;
    std::vector<Buffer> m_memory;  // of each back end, all its layers: large enough for huge pages, which one layer is not
    std::vector<void*> m_k;        // per layer
    std::vector<void*> m_v;
};

}  // namespace engine
