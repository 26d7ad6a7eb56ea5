// What a model needs of a device's memory, reckoned before anything is loaded.
#pragma once

#include <cstdint>

#include "engine/backend/backend.h"
#include "engine/model/weight_file.h"

namespace engine {

/// Bytes. `positions`: longest prompt with its answer.
struct MemoryPlan {
    std::uint64_t weights = 0;  // matrices in the back end's type, and their codes as the file has them
    std::uint64_t cache = 0;    // K and V of all layers
    std::uint64_t rows = 0;     // scratch rows, at most all positions at once
    std::uint64_t total() const { return weights + cache + rows; }
};
MemoryPlan planMemory(const WeightFile& file, const Backend& backend, int positions);

/// Errors: OutOfMemory "too_little_memory: …" with what is needed and what is free, when the back end knows that it cannot hold it.
Status checkMemory(const WeightFile& file, const Backend& backend, int positions);

}  // namespace engine
