// A tensor of a weight file as its header describes it: where it lies and what it is.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/model/host_tensor.h"

namespace engine {

/// The header's own claims, checked against the file's size and against each other.
struct StoredTensor {
    std::string name;
    WeightType type = WeightType::F32;
    std::vector<std::int64_t> shape;  // outermost extent first, [rows, columns]; 1–4 extents, each ≥ 1
    int file = 0;                     // index of the file (shard) that holds it
    std::uint64_t offset = 0;         // in that file
    std::uint64_t bytes = 0;
};

}  // namespace engine
