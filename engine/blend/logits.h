// What is read off logits: the greatest ones, and how far two distributions lie apart.
#pragma once

#include <span>
#include <vector>

#include "engine/types.h"

namespace engine {

/// The `count` greatest, descending; ties by lower id.
std::vector<TokenLogit> greatestLogits(std::span<const float> logits, int count);
/// Id of the greatest; the lowest id among equals.
TokenId argmax(std::span<const float> logits);
/// KL(full ‖ other) of the two next-token distributions, nats, over the whole vocabulary, in double precision. Infinite when a
/// logit is NaN.
double klDivergence(std::span<const float> full, std::span<const float> other);

}  // namespace engine
