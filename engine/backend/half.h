// 16-bit floating point formats of stored KV and weights: conversion to and from fp32, portable, rounding to nearest even.
#pragma once

#include <bit>
#include <cstdint>

namespace engine {

inline float bf16ToFloat(std::uint16_t bits) { return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16); }

/// NaN stays NaN (quiet); values beyond bf16's range become infinite.
inline std::uint16_t floatToBf16(float value) {
    const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
    if ((bits & 0x7fffffffU) > 0x7f800000U) {
        return static_cast<std::uint16_t>((bits >> 16) | 0x40U);
    }
    return static_cast<std::uint16_t>((bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16);
}

/// IEEE 754 binary16, subnormals included.
inline float halfToFloat(std::uint16_t bits) {
    const std::uint32_t sign = static_cast<std::uint32_t>(bits & 0x8000U) << 16;
    const std::uint32_t magnitude = bits & 0x7fffU;
    if (magnitude >= 0x7c00U) {  // infinity, NaN
        return std::bit_cast<float>(sign | 0x7f800000U | (magnitude & 0x3ffU) << 13);
    }
    if (magnitude < 0x0400U) {  // zero, subnormal: magnitude * 2^-24, exact in fp32
        return std::bit_cast<float>(sign | std::bit_cast<std::uint32_t>(static_cast<float>(magnitude) * 0x1p-24F));
    }
    return std::bit_cast<float>(sign | ((magnitude << 13) + 0x38000000U));
}

/// NaN stays NaN (quiet); values beyond 65,520 become infinite; values below 2^-14 become subnormal.
inline std::uint16_t floatToHalf(float value) {
    const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
    const std::uint32_t sign = (bits >> 16) & 0x8000U;
    const std::uint32_t magnitude = bits & 0x7fffffffU;
    if (magnitude > 0x7f800000U) {
        return static_cast<std::uint16_t>(sign | 0x7e00U | ((magnitude >> 13) & 0x3ffU));
    }
    if (magnitude >= 0x477ff000U) {  // 65,520 rounds to 65,536
        return static_cast<std::uint16_t>(sign | 0x7c00U);
    }
    if (magnitude <
        0x38800000U) {  // adding 0.5 leaves value * 2^24 rounded to nearest even in the lowest bits of 0.5's mantissa
        const float shifted = std::bit_cast<float>(magnitude) + 0.5F;
        return static_cast<std::uint16_t>(sign | (std::bit_cast<std::uint32_t>(shifted) - 0x3f000000U));
    }
    const std::uint32_t rounded = magnitude - 0x38000000U + 0xfffU + ((magnitude >> 13) & 1U);
    return static_cast<std::uint16_t>(sign | (rounded >> 13));
}

}  // namespace engine
