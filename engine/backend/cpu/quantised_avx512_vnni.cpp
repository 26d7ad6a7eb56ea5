// Products of one row with quantised weights by the integer dot products of AVX-512 VNNI: a vector is four inputs of 16 outputs.
#include <immintrin.h>

#include <cstring>

#include "engine/backend/cpu/quantised_format.h"
#include "engine/backend/cpu/row_digits_body.h"

namespace engine::cpu {
namespace {

inline __m512 loadScales(const std::byte* from, bool wide) {
    return wide ? _mm512_loadu_ps(from)
                : _mm512_cvtph_ps(_mm256_loadu_si256(static_cast<const __m256i*>(static_cast<const void*>(from))));
}

inline __m512i fourInputs(const std::int8_t* from) {
    std::int32_t word = 0;
    std::memcpy(&word, from, sizeof word);
    return _mm512_set1_epi32(word);
}

/// Codes of inputs 4j … 4j+3 (lane = output), j = 0 … 7.
template <int Format>
inline void loadCodes(const std::byte* from, __m512i (&codes)[8]) {
    constexpr QuantisedFormat kFormat = kQuantisedFormats[Format];
    if constexpr (kFormat.bits == 8) {
#pragma GCC unroll 8
        for (int j = 0; j < 8; ++j)
            codes[j] = _mm512_loadu_si512(from + 64 * j);
    } else {
        const __m512i nibble = _mm512_set1_epi8(15);
#pragma GCC unroll 4
        for (int j = 0; j < 4; ++j) {
            const __m512i pair = _mm512_loadu_si512(from + 64 * j);
            codes[j] = _mm512_and_si512(pair, nibble);
            codes[j + 4] = _mm512_and_si512(_mm512_srli_epi16(pair, 4), nibble);
        }
        from += 256;
        for (int bit = 4; bit < kFormat.bits; ++bit, from += 64) {
            const __m512i value = _mm512_set1_epi8(static_cast<char>(1 << bit));
#pragma GCC unroll 8
            for (int j = 0; j < 8; ++j) {
                std::uint64_t mask = 0;
                std::memcpy(&mask, from + 8 * j, sizeof mask);
                codes[j] = _mm512_or_si512(codes[j], _mm512_maskz_mov_epi8(mask, value));
            }
        }
    }
}

constexpr std::size_t kAhead = 4096;

/// Asks for every line of a block: the processor alone fetches too little of a stream that is cut into small matrices (README, Bursts).
/// For use once: weights come back after all others, and shall not push anything else out of the caches.
template <std::size_t BlockBytes>
inline void fetch(const std::byte* block) {
    constexpr std::size_t kLine = 64;
#pragma GCC unroll 10
    for (std::size_t line = 0; line < BlockBytes; line += kLine)
        _mm_prefetch(block + line, _MM_HINT_NTA);
}

template <int Format>
void multiplyTiles(const std::byte* tiles, int blocks, const QuantisedRow& x, int begin, int end, float* out) {
    constexpr QuantisedFormat kFormat = kQuantisedFormats[Format];
    constexpr int kScaleRows = kBlockInputs / kFormat.group;
    constexpr int kVectors = 8 / kScaleRows;  // of codes that share a scale
    constexpr std::size_t kScaleRow = kTileOutputs * (kFormat.wideScales ? 4 : 2);
    constexpr std::size_t kCodesAt = kScaleRows * kScaleRow * (kFormat.offsets ? 2 : 1);
    constexpr std::size_t kBlockBytes = kCodesAt + (kFormat.bits == 8 ? 512 : 256 + 64 * (kFormat.bits - 4));
    const std::byte* block = tiles + static_cast<std::size_t>(begin) * static_cast<std::size_t>(blocks) * kBlockBytes;
    for (int tile = begin; tile < end; ++tile) {
        __m512 sums = _mm512_setzero_ps();
        for (int b = 0; b < blocks; ++b, block += kBlockBytes) {
            fetch<kBlockBytes>(block + kAhead);
            __m512i codes[8];
            loadCodes<Format>(block + kCodesAt, codes);
            const __m512 rowScale = _mm512_set1_ps(x.scales[b]);
#pragma GCC unroll 2
            for (int group = 0; group < kScaleRows; ++group) {
                const std::int32_t rowSum = kScaleRows == 2 ? x.sums[2 * b + group] : x.sums[2 * b] + x.sums[2 * b + 1];
                __m512i high = _mm512_setzero_si512();
                __m512i low = _mm512_set1_epi32(-kFormat.centre * rowSum);
#pragma GCC unroll 8
                for (int j = 0; j < kVectors; ++j) {
                    const int input = b * kBlockInputs + 4 * (group * kVectors + j);
                    high = _mm512_dpbusd_epi32(high, codes[group * kVectors + j], fourInputs(x.high + input));
                    low = _mm512_dpbusd_epi32(low, codes[group * kVectors + j], fourInputs(x.low + input));
                }
                const __m512i both = _mm512_add_epi32(_mm512_slli_epi32(high, 7), low);
                const __m512 product = _mm512_mul_ps(_mm512_cvtepi32_ps(both), rowScale);
                sums = _mm512_fmadd_ps(product, loadScales(block + group * kScaleRow, kFormat.wideScales), sums);
                if constexpr (kFormat.offsets) {
                    const __m512 offsets = loadScales(block + (kScaleRows + group) * kScaleRow, kFormat.wideScales);
                    sums = _mm512_fmadd_ps(offsets, _mm512_set1_ps(static_cast<float>(rowSum) * x.scales[b]), sums);
                }
            }
        }
        _mm512_storeu_ps(out + tile * kTileOutputs, sums);
    }
}

std::int64_t spin(std::int64_t rounds) {
    __m512i sums[12];
    for (__m512i& sum : sums)
        sum = _mm512_setzero_si512();
    const __m512i codes = _mm512_set1_epi8(3);
    __m512i inputs = _mm512_set1_epi8(2);
    for (std::int64_t i = 0; i < rounds; ++i) {
        asm volatile("" : "+v"(inputs));
#pragma GCC unroll 12
        for (__m512i& sum : sums)
            sum = _mm512_dpbusd_epi32(sum, codes, inputs);
    }
    for (__m512i& sum : sums)
        asm volatile("" : "+v"(sum));
    return rounds * 12 * 64 * 2;
}

}  // namespace

const QuantisedKernels& avx512VnniQuantised() {
    static constexpr QuantisedKernels kKernels = {{multiplyTiles<0>, multiplyTiles<1>, multiplyTiles<2>, multiplyTiles<3>,
                                                   multiplyTiles<4>, multiplyTiles<5>, multiplyTiles<6>, multiplyTiles<7>},
                                                  splitRow,
                                                  spin};
    return kKernels;
}

}  // namespace engine::cpu
