// A look into each layer's attention while a prefill runs.
#pragma once

#include <span>

#include "engine/backend/backend.h"

namespace engine {

/// Called by the blender after each layer's attention, on its thread; its time is counted in no stage. A later pass over the same
/// layer replaces what an earlier one told.
class AttentionProbe {
public:
    virtual ~AttentionProbe() = default;
    /// q: [M, H*D] narrow, rotated; row m stands at positions[m] and sees cache positions [0, keyLimits[m]). All views are borrowed.
    virtual void afterAttention(int layer, TensorView q, std::span<const int> positions, std::span<const int> keyLimits,
                                KvLayerView cache) = 0;
};

}  // namespace engine
