// PageArena: slabs of huge pages, each kept by the pieces cut from it.
#include "engine/backend/cpu/page_arena.h"

#include "engine/backend/cpu/aligned_buffer.h"

namespace engine::cpu {
namespace {

constexpr std::uint64_t kSlabBytes = std::uint64_t{16} << 20;

}  // namespace

Buffer PageArena::allocate(std::uint64_t bytes) {
    if (bytes > kSlabBytes / 4)
        return allocateAligned(bytes);
    if (m_slab == nullptr || m_used + bytes > m_slab->bytes()) {
        m_slab = std::make_shared<Buffer>(allocateAligned(kSlabBytes));
        m_used = 0;
    }
    void* const data = static_cast<std::byte*>(m_slab->data()) + m_used;
    m_used += (bytes + 63) / 64 * 64;
    return Buffer(data, bytes, [slab = m_slab](void*) {});
}

}  // namespace engine::cpu
