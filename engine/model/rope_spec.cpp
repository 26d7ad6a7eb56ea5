// The formulas, as in the papers and in Hugging Face's modeling_rope_utils.
#include "engine/model/rope_spec.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numbers>

namespace engine {

namespace {

Status refused(const std::string& message) { return Status(StatusCode::Refused, message); }

bool positive(double value) { return std::isfinite(value) && value > 0; }

Status checkScaling(const RopeScaling& scaling, std::size_t pairs) {
    if (!positive(scaling.factor))
        return refused("RoPE scaling factor " + shortNumber(scaling.factor) + " is not a positive number");
    const bool needsContext = scaling.kind == RopeScalingKind::Llama3 || scaling.kind == RopeScalingKind::Yarn;
    if (needsContext && !positive(scaling.originalContext))
        return refused("RoPE scaling has no original context length");
    if (scaling.kind == RopeScalingKind::Llama3 &&
        !(positive(scaling.lowFrequencyFactor) && std::isfinite(scaling.highFrequencyFactor) &&
          scaling.highFrequencyFactor > scaling.lowFrequencyFactor))
        return refused("RoPE scaling: the llama-3 frequency factors " + shortNumber(scaling.lowFrequencyFactor) + " and " +
                       shortNumber(scaling.highFrequencyFactor) + " are not positive and ascending");
    if (scaling.kind == RopeScalingKind::Yarn &&
        !(positive(scaling.betaSlow) && std::isfinite(scaling.betaFast) && scaling.betaFast >= scaling.betaSlow))
        return refused("RoPE scaling: YaRN's beta_fast " + shortNumber(scaling.betaFast) + " and beta_slow " +
                       shortNumber(scaling.betaSlow) + " are not positive and descending");
    if (scaling.magnitude && !positive(*scaling.magnitude))
        return refused("RoPE scaling: attention factor " + shortNumber(*scaling.magnitude) + " is not a positive number");
    if (!scaling.pairDivisors.empty() && scaling.pairDivisors.size() != pairs)
        return refused("RoPE frequency factors: there are " + std::to_string(scaling.pairDivisors.size()) + " for " +
                       std::to_string(pairs) + " pairs");
    for (const float divisor : scaling.pairDivisors) {
        if (!positive(divisor))
            return refused("RoPE frequency factor " + shortNumber(divisor) + " is not a positive number");
    }
    return {};
}

double llama3Frequency(double frequency, const RopeScaling& scaling) {
    const double wavelength = 2 * std::numbers::pi / frequency;
    if (wavelength > scaling.originalContext / scaling.lowFrequencyFactor)
        return frequency / scaling.factor;
    if (wavelength < scaling.originalContext / scaling.highFrequencyFactor)
        return frequency;
    const double smooth = (scaling.originalContext / wavelength - scaling.lowFrequencyFactor) /
                          (scaling.highFrequencyFactor - scaling.lowFrequencyFactor);
    return (1 - smooth) * frequency / scaling.factor + smooth * frequency;
}

struct PairRange {
    double low;
    double high;
};

/// Pairs that make betaFast and betaSlow rotations within the original context.
PairRange yarnRange(int dimensions, double base, const RopeScaling& scaling) {
    const auto pairOfRotations = [&](double rotations) {
        return dimensions * std::log(scaling.originalContext / (rotations * 2 * std::numbers::pi)) / (2 * std::log(base));
    };
    double low = pairOfRotations(scaling.betaFast);
    double high = pairOfRotations(scaling.betaSlow);
    if (scaling.roundRange) {
        low = std::floor(low);
        high = std::ceil(high);
    }
    low = std::max(low, 0.0);
    high = std::min(high, static_cast<double>(dimensions - 1));
    return {low, low == high ? high + 0.001 : high};
}

std::string describeScaling(const RopeScaling& scaling) {
    if (!scaling.pairDivisors.empty()) {
        const auto [least, most] = std::minmax_element(scaling.pairDivisors.begin(), scaling.pairDivisors.end());
        const std::string linear =
            scaling.kind == RopeScalingKind::Linear ? "linear ×" + shortNumber(scaling.factor) + ", " : "";
        return linear + "frequency factors " + shortNumber(*least) + "–" + shortNumber(*most) + " (llama-3)";
    }
    const std::string from = " from " + shortNumber(scaling.originalContext) + " tokens";
    switch (scaling.kind) {
        case RopeScalingKind::None:
            return "no scaling";
        case RopeScalingKind::Linear:
            return "linear ×" + shortNumber(scaling.factor);
        case RopeScalingKind::Llama3:
            return "llama-3 ×" + shortNumber(scaling.factor) + from;
        case RopeScalingKind::Yarn:
            return "YaRN ×" + shortNumber(scaling.factor) + from;
    }
    return {};
}

}  // namespace

double yarnMagnitude(double factor, double scale) { return factor <= 1 ? 1 : 0.1 * scale * std::log(factor) + 1; }

std::string shortNumber(double value) {
    char text[32];
    std::snprintf(text, sizeof text, "%.6g", value);
    const std::string shown = text;
    // Six digits turn 1,000,000 into "1e+06", which nobody writes.
    if (shown.find('e') != std::string::npos && std::abs(value) < 1e15 && value == std::floor(value))
        return std::to_string(static_cast<long long>(value));
    return shown;
}

Result<RopeSpec> makeRopeSpec(RopePairing pairing, int dimensions, double base, const RopeScaling& scaling) {
    if (dimensions < 2 || dimensions % 2 != 0)
        return refused("RoPE dimension " + std::to_string(dimensions) + " is not even and positive");
    if (!std::isfinite(base) || base <= 1)
        return refused("RoPE base " + shortNumber(base) + " is not a number above 1");
    const auto pairs = static_cast<std::size_t>(dimensions / 2);
    if (Status status = checkScaling(scaling, pairs); !status.ok())
        return status;

    RopeSpec spec;
    spec.pairing = pairing;
    spec.dimensions = dimensions;
    spec.inverseFrequencies.resize(pairs);
    const PairRange range = scaling.kind == RopeScalingKind::Yarn ? yarnRange(dimensions, base, scaling) : PairRange{};
    for (std::size_t i = 0; i < pairs; ++i) {
        const auto pair = static_cast<double>(i);
        double frequency = std::pow(base, -2 * pair / dimensions);
        if (scaling.kind == RopeScalingKind::Linear) {
            frequency /= scaling.factor;
        } else if (scaling.kind == RopeScalingKind::Llama3) {
            frequency = llama3Frequency(frequency, scaling);
        } else if (scaling.kind == RopeScalingKind::Yarn) {
            const double interpolated = std::clamp((pair - range.low) / (range.high - range.low), 0.0, 1.0);
            frequency = frequency / scaling.factor * interpolated + frequency * (1 - interpolated);
        }
        if (!scaling.pairDivisors.empty())
            frequency /= scaling.pairDivisors[i];
        spec.inverseFrequencies[i] = frequency;
    }
    if (scaling.kind == RopeScalingKind::Yarn)
        spec.magnitude = static_cast<float>(scaling.magnitude.value_or(yarnMagnitude(scaling.factor, 1)));
    return spec;
}

std::string describeRope(RopePairing pairing, int dimensions, int headDim, double base, const RopeScaling& scaling) {
    std::string text = pairing == RopePairing::Interleaved ? "interleaved" : "half-split";
    if (dimensions != headDim)
        text += ", " + std::to_string(dimensions) + " of " + std::to_string(headDim) + " dimensions";
    return text + ", base " + shortNumber(base) + ", " + describeScaling(scaling);
}

}  // namespace engine
