// A row's digits (quantised_format.h, QuantisedRow) in plain loops that compilers turn into vectors. Included by the kernels of each
// instruction set; internal linkage, since no copy made with wider instructions may be picked by the linker for another.
#pragma once

#include <bit>
#include <cstdint>

#include "engine/backend/cpu/quantised_format.h"

namespace {  // NOLINT(google-build-namespaces): compiled several times, never shared

void splitRow(const float* x, int blocks, std::int8_t* high, std::int8_t* low, float* scales, std::int32_t* sums) {
    constexpr int kInputs = engine::cpu::kBlockInputs;
    constexpr float kGreatest = 128 * 127;  // of 128 · high + low with high ≤ 127, low ≤ 0
    constexpr float kRounding = 0x1.8p23F;  // adding it rounds to an integer, which then stands in the low bits
    constexpr std::uint32_t kNoSign = 0x7fffffff;
    for (int block = 0; block < blocks; ++block, x += kInputs, high += kInputs, low += kInputs) {
        std::uint32_t greatestBits = 0;  // of absolute values; they are ordered as the values are, and NaN is the greatest
        for (int i = 0; i < kInputs; ++i) {
            const std::uint32_t bits = std::bit_cast<std::uint32_t>(x[i]) & kNoSign;
            greatestBits = bits > greatestBits ? bits : greatestBits;
        }
        const auto greatest = std::bit_cast<float>(greatestBits);
        const float inverse = greatest > 0 ? kGreatest / greatest : 0;
        scales[block] = greatest / kGreatest;
        std::int32_t values[kInputs];
        for (int i = 0; i < kInputs; ++i)
            values[i] = std::bit_cast<std::int32_t>(x[i] * inverse + kRounding) - std::bit_cast<std::int32_t>(kRounding);
        for (int i = 0; i < kInputs; ++i) {
            const std::int32_t upper = (values[i] + 64) >> 7;
            high[i] = static_cast<std::int8_t>(upper);
            low[i] = static_cast<std::int8_t>(values[i] - 128 * upper);
        }
        for (int half = 0; half < 2; ++half) {
            std::int32_t sum = 0;
            for (int i = 0; i < kInputs / 2; ++i)
                sum += values[half * (kInputs / 2) + i];
            sums[2 * block + half] = sum;
        }
    }
}

}  // namespace
