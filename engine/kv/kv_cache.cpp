// KvCache: one allocation for K and one for V of every layer.
#include "engine/kv/kv_cache.h"

#include <cassert>

namespace engine {

KvCache::KvCache(const LayerPlacement& placement, int layers, int kvHeads, int headDim, int positions)
    : m_capacity(Backend::paddedPositions(positions)), m_kvHeads(kvHeads), m_headDim(headDim) {
    m_k.reserve(static_cast<std::size_t>(layers));
    m_v.reserve(static_cast<std::size_t>(layers));
    for (int layer = 0; layer < layers; ++layer) {
        Backend& backend = placement.of(layer);
        const std::uint64_t bytes = backend.kvLayerBytes(kvHeads, headDim, m_capacity);
        m_k.push_back(backend.allocate(bytes));
        m_v.push_back(backend.allocate(bytes));
    }
}

std::uint64_t KvCache::bytes() const {
    std::uint64_t sum = 0;
    for (const Buffer& buffer : m_k)
        sum += 2 * buffer.bytes();
    return sum;
}

void KvCache::copyFrom(const LayerPlacement& placement, const KvCache& from, int count) {
    assert(from.layers() == layers() && from.m_kvHeads == m_kvHeads && from.m_headDim == m_headDim && count <= m_capacity);
    for (int index = 0; index < layers(); ++index)
        placement.of(index).copyKv(from.layer(index), layer(index), count);
}

}  // namespace engine
