// Memory for weights: pieces that follow one another on huge pages.
#pragma once

#include <memory>

#include "engine/backend/tensor.h"

namespace engine::cpu {

/// A matrix of a small model is less than a huge page; in pages of 4 KiB the processor's prefetch would start anew at each of them, and
/// every one would need its entry of the TLB. Pieces come zero-filled and 64-byte aligned, and are never used again; the memory goes back
/// when all pieces of a slab are gone and the arena is, or has begun another slab.
class PageArena {
public:
    /// Throws std::bad_alloc.
    Buffer allocate(std::uint64_t bytes);

private:
    std::shared_ptr<Buffer> m_slab;
    std::uint64_t m_used = 0;
};

}  // namespace engine::cpu
