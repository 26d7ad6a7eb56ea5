// Stored KV in int8: one head of one token is D codes with a scale of its own, value = scale · code. A slice holds all codes, [T rows
// of KH heads] as [KH, T, D], then all scales, [KH, T] fp16.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "engine/backend/half.h"

namespace engine {

/// The least fp16 that is ≥ greatest / 127, so that every code fits; 0 for a row of zeroes.
inline std::uint16_t int8RowScale(float greatest) {
    const float wanted = std::min(greatest / 127.0F, 65504.0F);
    std::uint16_t bits = floatToHalf(wanted);
    if (halfToFloat(bits) < wanted) {
        ++bits;
    }
    return bits;
}

/// Codes of a row, nearest (values beyond what the greatest scale reaches become ±127); returns the scale's bits.
inline std::uint16_t encodeInt8Row(const float* x, int count, std::byte* codes) {
    float greatest = 0;
    for (int i = 0; i < count; ++i) {
        greatest = std::max(greatest, std::fabs(x[i]));
    }
    const std::uint16_t scale = int8RowScale(greatest);
    const float inverse = scale == 0 ? 0.0F : 1.0F / halfToFloat(scale);
    for (int i = 0; i < count; ++i) {
        const float code = std::clamp(std::nearbyint(x[i] * inverse), -127.0F, 127.0F);
        codes[i] = static_cast<std::byte>(static_cast<std::int8_t>(code));
    }
    return scale;
}

/// Where row (head, token) of a slice of `tokens` tokens lies.
struct Int8Row {
    std::size_t codes = 0;  // byte offset
    std::size_t scale = 0;  // byte offset

    Int8Row(int head, int token, int kvHeads, int tokens, int headDim) {
        const auto row = static_cast<std::size_t>(head) * static_cast<std::size_t>(tokens) + static_cast<std::size_t>(token);
        const std::size_t rows = static_cast<std::size_t>(kvHeads) * static_cast<std::size_t>(tokens);
        codes = row * static_cast<std::size_t>(headDim);
        scale = rows * static_cast<std::size_t>(headDim) + row * sizeof(std::uint16_t);
    }
};

inline float int8ScaleAt(const std::byte* slice, const Int8Row& row) {
    std::uint16_t bits = 0;
    std::memcpy(&bits, slice + row.scale, sizeof bits);
    return halfToFloat(bits);
}

}  // namespace engine
