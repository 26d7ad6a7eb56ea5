// A model's RoPE settings turned into inverse frequencies: no scaling, linear, llama-3 and YaRN.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/backend/rope_table.h"
#include "engine/types.h"

namespace engine {

enum class RopeScalingKind { None, Linear, Llama3, Yarn };

/// As a model file gives them. Scalings whose angles depend on the sequence's length have no place here.
struct RopeScaling {
    RopeScalingKind kind = RopeScalingKind::None;
    double factor = 1;                // context extended so many times
    double originalContext = 0;       // tokens before the extension; llama-3, YaRN
    double lowFrequencyFactor = 1;    // llama-3
    double highFrequencyFactor = 4;   // llama-3
    double betaFast = 32;             // YaRN: rotations within the original context above which a pair is left alone
    double betaSlow = 1;              // YaRN: … below which a pair is fully interpolated
    bool roundRange = true;           // YaRN: the range between the betas is widened to whole pairs
    std::optional<double> magnitude;  // YaRN: attention factor; absent = 0.1·ln(factor) + 1
    std::vector<float> pairDivisors;  // GGUF's rope_freqs: each pair's frequency is divided by its own
};

/// Inverse frequencies [R/2]: base^(−2i/R), scaled. Linear: divided by the factor. llama-3: wavelengths beyond
/// originalContext/low are stretched by the factor, those below originalContext/high kept, between them a linear mix. YaRN (arXiv
/// 2309.00071): a linear ramp over the pairs between the betas. Errors: Refused when a number makes no sense, with its name.
Result<RopeSpec> makeRopeSpec(RopePairing pairing, int dimensions, double base, const RopeScaling& scaling);

/// "interleaved, base 100000, no scaling", "half-split, base 500000, llama-3 scaling ×8 from 8192 tokens".
std::string describeRope(RopePairing pairing, int dimensions, int headDim, double base, const RopeScaling& scaling);

/// YaRN's factor for attention scores: 0.1·scale·ln(factor) + 1, or 1 when nothing is extended.
double yarnMagnitude(double factor, double scale);

/// "100000", "0.25": at most six significant digits.
std::string shortNumber(double value);

}  // namespace engine
