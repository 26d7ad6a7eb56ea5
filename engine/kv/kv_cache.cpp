// KvCache: one allocation for all layers of a back end.
#include "engine/kv/kv_cache.h"

#include <cassert>

namespace engine {

KvCache::KvCache(const LayerPlacement& placement, int layers, int kvHeads, int headDim, int positions)
    : m_capacity(Backend::paddedPositions(positions)), m_kvHeads(kvHeads), m_headDim(headDim) {
    for (int side = 0; side < placement.sides(); ++side) {
        Backend& backend = placement.side(side);
        const std::uint64_t bytes = backend.kvLayerBytes(kvHeads, headDim, m_capacity);
        const int count = placement.layersOf(side, layers).count;
        m_memory.push_back(backend.allocate(2 * bytes * static_cast<std::uint64_t>(count)));
        auto* free = static_cast<std::byte*>(m_memory.back().data());
        for (int i = 0; i < count; ++i) {
            m_k.push_back(free);
            m_v.push_back(free + bytes);
            free += 2 * bytes;
        }
    }
}

std::uint64_t KvCache::bytes() const {
    std::uint64_t sum = 0;
    for (const Buffer& buffer : m_memory)
        sum += buffer.bytes();
    return sum;
}

void KvCache::copyFrom(const LayerPlacement& placement, const KvCache& from, int count) {
    assert(from.layers() == layers() && from.m_kvHeads == m_kvHeads && from.m_headDim == m_headDim && count <= m_capacity);
    for (int index = 0; index < layers(); ++index)
        placement.of(index).copyKv(from.layer(index), layer(index), count);
}

}  // namespace engine
