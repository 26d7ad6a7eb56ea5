// Multiply-adds on registers alone, over the vectors, kPack and multiplyAdd that attention_body.h is written over.
#pragma once

#include <cstdint>

namespace {  // NOLINT(google-build-namespaces): compiled several times, never shared

std::int64_t spin(std::int64_t rounds) {
    // Different starts, and a factor unknown to the compiler: nothing can be shared, folded or left out.
    volatile float unknown = 0.5F;
    const Vec right = broadcast(unknown);
    Vec sums[12];
#pragma GCC unroll 12
    for (int i = 0; i < 12; ++i)
        sums[i] = broadcast(static_cast<float>(i));
    for (std::int64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 12
        for (int i = 0; i < 12; ++i)
            sums[i] = multiplyAdd(0.25F, right, sums[i]);
    }
    volatile float result = 0;
#pragma GCC unroll 12
    for (int i = 0; i < 12; ++i)
        result = result + reduceAdd(sums[i]);
    return rounds * 12 * kLanes * kPack * 2;
}

}  // namespace
