// Where the words of a layer's K and V lie in the cpu back end's cache (kernels.h describes words).
#pragma once

#include <cstddef>

#include "engine/backend/backend.h"
#include "engine/backend/cpu/kernels.h"

namespace engine::cpu {

/// V's rows are padded to whole vectors; padding is never read into a result.
inline int valueStride(int headDim) { return (headDim + 15) / 16 * 16; }

/// A cache of one format: F32 or Bf16.
struct CacheLayout {
    Format format = Format::F32;
    int headDim = 0;
    int capacity = 0;

    CacheLayout(Format cacheFormat, const KvLayerView& cache)
        : format(cacheFormat), headDim(cache.headDim), capacity(cache.capacity) {}

    int pack() const { return format == Format::F32 ? 1 : 2; }  // values in a word
    int words() const { return headDim / pack(); }              // of a key
    int stride() const { return valueStride(headDim); }

    float* keys(const KvLayerView& cache, int head) const {
        return static_cast<float*>(cache.k) + static_cast<std::ptrdiff_t>(head) * capacity * words();
    }
    float* keyGroup(const KvLayerView& cache, int head, int position) const {
        return keys(cache, head) + static_cast<std::ptrdiff_t>(position / 16) * 16 * words();
    }
    float* values(const KvLayerView& cache, int head) const {
        return static_cast<float*>(cache.v) + static_cast<std::ptrdiff_t>(head) * (capacity / pack()) * stride();
    }
};

}  // namespace engine::cpu
