// Checks of hyper-parameters that hold for every file format.
#pragma once

#include <string>
#include <string_view>

#include "engine/model/model_config.h"
#include "engine/model/rope_spec.h"
#include "engine/types.h"

namespace engine {

// Greatest hyper-parameters that are taken for meant. Products of two of them fit into an int.
constexpr int kMostLayers = 4096;
constexpr int kMostHidden = 1 << 18;
constexpr int kMostHeads = 4096;
constexpr int kMostHeadDim = 4096;
constexpr int kMostFeedForward = 1 << 22;
constexpr int kMostContext = 1 << 28;
/// Bounds the memory that a vocabulary of short pieces takes; the largest known has about half of it.
constexpr int kMostPieces = 512 * 1024;

/// Ok for "llama", "qwen2", "qwen3"; else Unsupported with the name and, where it is known, the reason.
Status checkArchitecture(std::string_view architecture);

/// How the positions of a model are turned into angles, before it is worked out.
struct RopeSettings {
    RopePairing pairing = RopePairing::HalfSplit;
    int dimensions = 0;
    double base = 10000;
    RopeScaling scaling;
    int slidingWindow = 0;       // tokens; 0 = none
    double extendedContext = 0;  // tokens that YaRN stretches to, where the file says from how many; 0 = unknown
};

/// Checks what relates the fields to each other (heads, RoPE, epsilon) and fills `rope` and `ropeDescription`. A sliding window
/// shorter than the context shortens the context to it: within the window, attention is the same as without.
Status completeConfig(ModelConfig& config, const RopeSettings& rope);

}  // namespace engine
