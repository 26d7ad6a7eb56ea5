// What the bodies of attention need for a cache of fp32; included after the vectors.
#pragma once

namespace {

constexpr int kPack = 1;

inline Vec multiplyAdd(float a, Vec b, Vec c) { return fma(broadcast(a), b, c); }
inline void storeProbabilities(float* to, int j, Vec first, Vec second) {
    store(to + j, first);
    store(to + j + kLanes, second);
}
/// count is a multiple of 16.
inline bool anyNotFinite(const float* words, int count) {
    Vec sum = zero();
    for (int i = 0; i < count; i += kLanes)
        sum = fma(load(words + i), zero(), sum);  // 0 · NaN and 0 · ∞ are NaN
    return !(reduceAdd(sum) == 0);
}

}  // namespace
