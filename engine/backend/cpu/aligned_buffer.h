// Host memory for rows, caches, weights and scratch: aligned to cache lines, large pieces on huge pages where the system has them.
#pragma once

#include <cstdint>

#include "engine/backend/tensor.h"

namespace engine::cpu {

/// Zero-filled. Throws std::bad_alloc.
Buffer allocateAligned(std::uint64_t bytes);

}  // namespace engine::cpu
