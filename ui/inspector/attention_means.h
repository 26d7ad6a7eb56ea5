// Parts and means of a run's attention, as the views show them.
#pragma once

#include <vector>

#include "engine/trace.h"

namespace ui {

/// [B × B] probability paid by rows of block i to block j for a layer and head; −1 = mean. A mean over layers counts the layers that
/// computed rows of the block. NaN where no row of block i was computed.
std::vector<float> attentionBlocks(const engine::AttentionSummary& attention, int layer, int head);
/// [P] probability the suffix pays to each position before it; −1 = mean.
std::vector<float> suffixAttention(const engine::AttentionSummary& attention, int layer, int head);

}  // namespace ui
