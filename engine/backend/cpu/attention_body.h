// Attention of a block of query rows over a range of keys, over the vectors of the simd_*.h included before this file.
// Compiled once an instruction set and cache format; internal linkage. The includer defines, in an unnamed namespace,
//   kPack             values in a word: 1 (fp32 cache) or 2 (bf16)
//   Vec multiplyAdd(float a, Vec b, Vec c)   c + a · b, per lane over the values of words
//   void storeProbabilities(float* to, int j, Vec first, Vec second)   words of keys j … j + 2 kLanes − 1
//   Vec narrowPowerOfTwo(Vec x)   2^x for x ≤ 0, where kPack is 2
//   bool anyNotFinite(const float* words, int count)
//   kRegisterVectors  vectors of accumulators a register block is wide
//
// Scores of a tile of 128 keys are made with register blocks of 6 rows, scaled to powers of two, and turned to probabilities
// against the running maximum (online softmax). Keys beyond a row's limit are replaced after the dot product, so that whatever K
// holds there cannot matter. V needs more care, since 0 · NaN is NaN: only a tile that straddles limits has probabilities of zero,
// and if its V holds anything not finite where some row must not look, its rows are done one by one up to their own limit.
//
// A row's result depends on its own query, limit and keys alone: every row of every block is computed with the same sequence of
// operations, zero probabilities add nothing, and the tiles lie at fixed keys.
#pragma once

#include <cstring>
#include <type_traits>

#include "engine/backend/cpu/kernels.h"

namespace {  // NOLINT(google-build-namespaces): compiled several times, never shared

using engine::cpu::AttentionBlock;
using engine::cpu::AttentionPartial;
using engine::cpu::kNoMaximum;

constexpr int kRows = AttentionBlock::kRows;
constexpr int kTileKeys = AttentionBlock::kTileKeys;
constexpr int kRegisterRows = 6;
constexpr int kFewRows = 8;                    // a decoded token's: so few that reading the cache takes longest
constexpr int kTileWords = kTileKeys / kPack;  // of a row's probabilities

/// 2^x for x ≤ 0; 2^0 is exactly 1, NaN stays NaN. For an fp32 cache below −126 as −126: minimax polynomial of degree 6 on [−½, ½],
/// relative error 1e-7, fp32's own rounding. Probabilities that are narrowed are rounded at 4e-3 and have a power of their own. A template
/// so that only its user need have one.
template <class V>
inline V powerOfTwo(V x) {
    if constexpr (kPack == 1) {
        x = maximum(broadcast(-126.0F), x);
        const Vec n = roundToInteger(x);
        const Vec f = x - n;
        Vec p = broadcast(1.535336437e-4F);
        p = fma(p, f, broadcast(1.339887569e-3F));
        p = fma(p, f, broadcast(9.618437359e-3F));
        p = fma(p, f, broadcast(5.550332468e-2F));
        p = fma(p, f, broadcast(2.402264791e-1F));
        p = fma(p, f, broadcast(6.931472029e-1F));
        p = fma(p, f, broadcast(1.0F));
        return timesPowerOfTwo(p, n);
    } else {
        return narrowPowerOfTwo(x);
    }
}

/// c[Rows, Vectors * kLanes] (+)= a[Rows, depth] · b, where b holds a vector of words for each step and vector.
template <int Rows, int Vectors, bool Add>
inline void multiplyBlock(const float* a, int aStride, const float* b, std::ptrdiff_t step, std::ptrdiff_t next, int depth,
                          float* c, int cStride) {
    Vec sums[Rows][Vectors];
#pragma GCC unroll 8
    for (int i = 0; i < Rows; ++i) {
#pragma GCC unroll 8
        for (int j = 0; j < Vectors; ++j) {
            sums[i][j] = Add ? load(c + i * cStride + j * kLanes) : zero();
        }
    }
    for (int k = 0; k < depth; ++k, b += step) {
        Vec right[Vectors];
#pragma GCC unroll 8
        for (int j = 0; j < Vectors; ++j) {
            right[j] = load(b + j * next);
        }
#pragma GCC unroll 8
        for (int i = 0; i < Rows; ++i) {
            const float left = a[i * aStride + k];
#pragma GCC unroll 8
            for (int j = 0; j < Vectors; ++j) {
                sums[i][j] = multiplyAdd(left, right[j], sums[i][j]);
            }
        }
    }
#pragma GCC unroll 8
    for (int i = 0; i < Rows; ++i) {
#pragma GCC unroll 8
        for (int j = 0; j < Vectors; ++j) {
            store(c + i * cStride + j * kLanes, sums[i][j]);
        }
    }
}

template <int Vectors, bool Add>
inline void multiplyRows(int rows, const float* a, int aStride, const float* b, std::ptrdiff_t step, std::ptrdiff_t next,
                         int depth, float* c, int cStride) {
    for (; rows >= kRegisterRows; rows -= kRegisterRows, a += kRegisterRows * aStride, c += kRegisterRows * cStride) {
        multiplyBlock<kRegisterRows, Vectors, Add>(a, aStride, b, step, next, depth, c, cStride);
    }
    switch (rows) {
        case 5:
            return multiplyBlock<5, Vectors, Add>(a, aStride, b, step, next, depth, c, cStride);
        case 4:
            return multiplyBlock<4, Vectors, Add>(a, aStride, b, step, next, depth, c, cStride);
        case 3:
            return multiplyBlock<3, Vectors, Add>(a, aStride, b, step, next, depth, c, cStride);
        case 2:
            return multiplyBlock<2, Vectors, Add>(a, aStride, b, step, next, depth, c, cStride);
        case 1:
            return multiplyBlock<1, Vectors, Add>(a, aStride, b, step, next, depth, c, cStride);
        default:
            return;
    }
}

/// scores[rows, kTileKeys] = q · K of a tile; unscaled. Whole groups of 16 keys up to `keys`.
inline void scoreTile(const AttentionBlock& block, int begin, int keys, float* scores) {
    const int words = block.headDim / kPack;
    const std::ptrdiff_t groupFloats = static_cast<std::ptrdiff_t>(words) * 16;
    const float* tile = block.keys + begin / 16 * groupFloats;
    constexpr int kColumns = kRegisterVectors * kLanes;
    static_assert(kColumns % 16 == 0 || 16 % kColumns == 0);
    const auto columns = [&]<int Vectors>(int column, std::integral_constant<int, Vectors>) {
        const float* b = tile + column / 16 * groupFloats + column % 16;
        multiplyRows<Vectors, false>(block.rows, block.queries, words, b, 16, kLanes == 16 ? groupFloats : kLanes, words,
                                     scores + column, kTileKeys);
    };
    int column = 0;
    if (kLanes == 16 && block.rows <= kFewRows) {  // K from front to back, as the processor fetches ahead best
        for (; column < keys; column += kLanes) {
            columns(column, std::integral_constant<int, 1>());
        }
        return;
    }
    for (; column + kColumns <= keys; column += kColumns) {
        columns(column, std::integral_constant<int, kRegisterVectors>());
    }
    if constexpr (kColumns > 16) {  // a vector is a group
        static_assert(kColumns <= 64);
        switch ((keys - column + kLanes - 1) / kLanes) {
            case 4:
                return columns(column, std::integral_constant<int, 4>());
            case 3:
                return columns(column, std::integral_constant<int, 3>());
            case 2:
                return columns(column, std::integral_constant<int, 2>());
            case 1:
                return columns(column, std::integral_constant<int, 1>());
            default:
                return;
        }
    } else if (column < keys) {
        columns(column, std::integral_constant<int, kRegisterVectors>());
    }
}

/// output[rows, stride] += p[rows, kTileWords] · V of the first `depth` words of keys of a tile.
inline void addValues(int rows, const float* p, const float* values, int stride, int depth, float* output) {
    constexpr int kColumns = kRegisterVectors * kLanes;
    int column = 0;
    for (; column + kColumns <= stride; column += kColumns) {
        multiplyRows<kRegisterVectors, true>(rows, p, kTileWords, values + column, stride, kLanes, depth, output + column,
                                             stride);
    }
    if constexpr (kColumns > 16) {
        static_assert(kColumns <= 64);
        const int rest = (stride - column) / kLanes;
        if (rest == 3) {
            multiplyRows<3, true>(rows, p, kTileWords, values + column, stride, kLanes, depth, output + column, stride);
        } else if (rest == 2) {
            multiplyRows<2, true>(rows, p, kTileWords, values + column, stride, kLanes, depth, output + column, stride);
        } else if (rest == 1) {
            multiplyRows<1, true>(rows, p, kTileWords, values + column, stride, kLanes, depth, output + column, stride);
        }
    }
}

/// The same for one row that sees `keys` keys: nothing beyond them is touched.
inline void addValuesExactly(const float* p, const float* values, int stride, int keys, float* output) {
    addValues(1, p, values, stride, keys / kPack, output);
    if (keys % kPack != 0) {  // a word holds the last key seen and the first one not seen
        const float* words = values + static_cast<std::ptrdiff_t>(keys / kPack) * stride;
        for (int column = 0; column < stride; column += 16) {
            alignas(64) float clean[16];
            for (int i = 0; i < 16; ++i) {
                std::memset(clean + i, 0, 4);
                std::memcpy(clean + i, words + column + i, 2);
            }
            for (int i = 0; i < 16; i += kLanes) {
                multiplyBlock<1, 1, true>(p + keys / kPack, 0, clean + i, 0, 0, 1, output + column + i, 0);
            }
        }
    }
}

inline int clamped(int value, int least, int greatest) {
    return value < least ? least : value > greatest ? greatest : value;
}

/// Turns a tile's scores to probabilities against the running maximum, and brings sums and output to it. Writes whole pairs of
/// vectors up to `keys`, of which no row sees more; a tile that does not straddle limits is seen whole.
template <bool Straddles, bool Keeps>
inline void addProbabilities(const AttentionBlock& block, int tile, int keys, const float* scores,
                             const AttentionPartial& partial, float* probabilities) {
    constexpr int kVectors = kTileKeys / kLanes;
    const int vectors = Straddles ? (keys + 2 * kLanes - 1) / (2 * kLanes) * 2 : kVectors;
    const Vec scale = broadcast(block.scale);
    for (int r = 0; r < block.rows; ++r) {
        const float* s = scores + r * kTileKeys;
        const int visible = clamped(block.limits[r] - tile, 0, keys);
        const auto score = [&](int j) {
            const Vec value = load(s + j * kLanes);
            return Straddles ? selectFirst(visible - j * kLanes, value, broadcast(kNoMaximum)) : value;
        };
        Vec highest[2] = {broadcast(kNoMaximum), broadcast(kNoMaximum)};
#pragma GCC unroll 4
        for (int j = 0; j < vectors; j += 2) {
            highest[0] = maximum(highest[0], score(j));
            highest[1] = maximum(highest[1], score(j + 1));
        }
        const float tileMaximum = reduceMax(maximum(highest[0], highest[1]));
        const float old = partial.maxima[r];
        float* output = partial.output + static_cast<std::ptrdiff_t>(r) * block.stride;
        if (tileMaximum > old) {
            const Vec factor = powerOfTwo(scale * broadcast(old - tileMaximum));
            for (int column = 0; column < block.stride; column += kLanes) {
                store(output + column, load(output + column) * factor);
            }
            partial.sums[r] *= factor[0];
            partial.maxima[r] = tileMaximum;
        }
        const Vec offset = broadcast(-block.scale * partial.maxima[r]);
        Vec sums[2] = {zero(), zero()};
        float* p = probabilities + r * kTileWords;
        float* kept = nullptr;
        if constexpr (Keeps) {
            kept = block.kept + r * block.keptStride + tile;
            block.keptMaxima[tile / kTileKeys * kRows + r] = partial.maxima[r];
        }
#pragma GCC unroll 4
        for (int j = 0; j < vectors; j += 2) {
            Vec first = powerOfTwo(fma(score(j), scale, offset));
            Vec second = powerOfTwo(fma(score(j + 1), scale, offset));
            if (Straddles) {
                first = selectFirst(visible - j * kLanes, first, zero());
                second = selectFirst(visible - (j + 1) * kLanes, second, zero());
            }
            sums[0] = sums[0] + first;
            sums[1] = sums[1] + second;
            storeProbabilities(p, j * kLanes, first, second);
            if constexpr (Keeps) {
                store(kept + j * kLanes, first);
                store(kept + (j + 1) * kLanes, second);
            }
        }
        partial.sums[r] += reduceAdd(sums[0] + sums[1]);
    }
}

/// A function of its own: it is called for few rows, and leaves `attend` as small as it was.
[[gnu::noinline]] void addKeptProbabilities(const AttentionBlock& block, int tile, bool straddles, int keys,
                                            const float* scores, const AttentionPartial& partial, float* probabilities) {
    if (straddles) {
        addProbabilities<true, true>(block, tile, keys, scores, partial, probabilities);
    } else {
        addProbabilities<false, true>(block, tile, kTileKeys, scores, partial, probabilities);
    }
}

void attend(const AttentionBlock& block, int begin, int end, const AttentionPartial& partial) {
    alignas(64) float scores[kRows * kTileKeys];
    alignas(64) float probabilities[kRows * kTileWords];
    const int stride = block.stride;
    std::memset(partial.output, 0, static_cast<std::size_t>(block.rows) * static_cast<std::size_t>(stride) * sizeof(float));
    for (int r = 0; r < block.rows; ++r) {
        partial.maxima[r] = kNoMaximum;
        partial.sums[r] = 0;
    }
    if (end > block.greatestLimit) {
        end = block.greatestLimit;
    }
    for (int tile = begin; tile < end; tile += kTileKeys) {
        const int keys = clamped(end - tile, 0, kTileKeys);  // no row sees more
        const bool straddles = tile + kTileKeys > block.lowestLimit;
        scoreTile(block, tile, straddles ? keys : kTileKeys, scores);
        if (block.kept != nullptr) {
            addKeptProbabilities(block, tile, straddles, keys, scores, partial, probabilities);
        } else if (straddles) {
            addProbabilities<true, false>(block, tile, keys, scores, partial, probabilities);
        } else {
            addProbabilities<false, false>(block, tile, kTileKeys, scores, partial, probabilities);
        }
        const float* values = block.values + static_cast<std::ptrdiff_t>(tile / kPack) * stride;
        const int depth = (keys + kPack - 1) / kPack;
        bool poisoned = false;
        if (straddles) {
            const int exact = clamped(block.lowestLimit - tile, 0, keys) / kPack;  // words that every row may see whole
            poisoned = anyNotFinite(values + static_cast<std::ptrdiff_t>(exact) * stride, (depth - exact) * stride);
        }
        if (!poisoned) {
            addValues(block.rows, probabilities, values, stride, depth, partial.output);
        } else {
            for (int r = 0; r < block.rows; ++r) {
                addValuesExactly(probabilities + r * kTileWords, values, stride, clamped(block.limits[r] - tile, 0, keys),
                                 partial.output + static_cast<std::ptrdiff_t>(r) * stride);
            }
        }
    }
}

void merge(const AttentionBlock& block, const AttentionPartial& into, const AttentionPartial& other) {
    for (int r = 0; r < block.rows; ++r) {
        const float highest = into.maxima[r] > other.maxima[r] ? into.maxima[r] : other.maxima[r];
        const Vec ours = powerOfTwo(broadcast(block.scale * (into.maxima[r] - highest)));
        const Vec theirs = powerOfTwo(broadcast(block.scale * (other.maxima[r] - highest)));
        float* to = into.output + static_cast<std::ptrdiff_t>(r) * block.stride;
        const float* from = other.output + static_cast<std::ptrdiff_t>(r) * block.stride;
        for (int column = 0; column < block.stride; column += kLanes) {
            store(to + column, fma(load(to + column), ours, load(from + column) * theirs));
        }
        into.sums[r] = into.sums[r] * ours[0] + other.sums[r] * theirs[0];
        into.maxima[r] = highest;
    }
}

void sumKept(const AttentionBlock& block, const float* maxima, const float* inverseSums, float* mass) {
    std::memset(mass, 0, static_cast<std::size_t>(block.keptStride) * sizeof(float));
    for (int tile = 0; tile < block.greatestLimit; tile += kTileKeys) {
        for (int r = 0; r < block.rows; ++r) {
            const int visible = clamped(block.limits[r] - tile, 0, kTileKeys);
            const float* kept = block.kept + r * block.keptStride + tile;
            const float above = block.keptMaxima[tile / kTileKeys * kRows + r] - maxima[r];
            const Vec factor = powerOfTwo(broadcast(block.scale * above)) * broadcast(inverseSums[r]);
            for (int j = 0; j < visible; j += kLanes) {
                store(mass + tile + j, fma(load(kept + j), factor, load(mass + tile + j)));
            }
        }
    }
}

}  // namespace
