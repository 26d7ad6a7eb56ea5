// Products of one row with quantised weights for processors with AVX2: eight outputs a vector, two vectors a tile.
#include <immintrin.h>

#include <cstring>

#include "engine/backend/cpu/quantised_format.h"
#include "engine/backend/cpu/row_digits_body.h"

namespace engine::cpu {
namespace {

inline __m256i loadBytes(const std::byte* from) {
    return _mm256_loadu_si256(static_cast<const __m256i*>(static_cast<const void*>(from)));
}

inline __m256 loadScales(const std::byte* from, bool wide) {
    return wide ? _mm256_loadu_ps(static_cast<const float*>(static_cast<const void*>(from)))
                : _mm256_cvtph_ps(_mm_loadu_si128(static_cast<const __m128i*>(static_cast<const void*>(from))));
}

inline __m256i fourInputs(const std::int8_t* from) {
    std::int32_t word = 0;
    std::memcpy(&word, from, sizeof word);
    return _mm256_set1_epi32(word);
}

/// sums + Σ of four code · input; codes ≤ 63, so that pairs stay within 16 bits.
inline __m256i dot(__m256i sums, __m256i codes, __m256i inputs) {
    return _mm256_add_epi32(sums, _mm256_madd_epi16(_mm256_maddubs_epi16(codes, inputs), _mm256_set1_epi16(1)));
}

/// A byte of `value` where the bit is set; bit i of `bits` is byte i.
inline __m256i spread(std::uint32_t bits, int value) {
    const __m256i which = _mm256_setr_epi64x(0, 0x0101010101010101, 0x0202020202020202, 0x0303030303030303);
    const __m256i bytes = _mm256_shuffle_epi8(_mm256_set1_epi32(static_cast<int>(bits)), which);
    const __m256i place = _mm256_set1_epi64x(static_cast<long long>(0x8040201008040201ULL));
    const __m256i set = _mm256_cmpeq_epi8(_mm256_and_si256(bytes, place), place);
    return _mm256_and_si256(set, _mm256_set1_epi8(static_cast<char>(value)));
}

/// Codes of inputs 4j … 4j+3 of eight outputs, `half` = which eight; 8-bit codes are not loaded by this.
template <int Format>
inline __m256i loadCode(const std::byte* from, int j, int half) {
    constexpr QuantisedFormat kFormat = kQuantisedFormats[Format];
    const __m256i pair = loadBytes(from + 64 * (j % 4) + 32 * half);
    __m256i codes = _mm256_and_si256(j < 4 ? pair : _mm256_srli_epi16(pair, 4), _mm256_set1_epi8(15));
    for (int bit = 4; bit < kFormat.bits; ++bit) {
        std::uint32_t bits = 0;
        std::memcpy(&bits, from + 256 + 64 * (bit - 4) + 8 * j + 4 * half, sizeof bits);
        codes = _mm256_or_si256(codes, spread(bits, 1 << bit));
    }
    return codes;
}

template <int Format>
void multiplyTiles(const std::byte* tiles, int blocks, const QuantisedRow& x, int begin, int end, float* out) {
    constexpr QuantisedFormat kFormat = kQuantisedFormats[Format];
    constexpr int kScaleRows = kBlockInputs / kFormat.group;
    constexpr int kVectors = 8 / kScaleRows;
    constexpr std::size_t kScaleBytes = kFormat.wideScales ? 4 : 2;
    constexpr std::size_t kScaleRow = kTileOutputs * kScaleBytes;
    constexpr std::size_t kCodesAt = kScaleRows * kScaleRow * (kFormat.offsets ? 2 : 1);
    constexpr std::size_t kBlockBytes = kCodesAt + (kFormat.bits == 8 ? 512 : 256 + 64 * (kFormat.bits - 4));
    const std::byte* block = tiles + static_cast<std::size_t>(begin) * static_cast<std::size_t>(blocks) * kBlockBytes;
    for (int tile = begin; tile < end; ++tile) {
        __m256 sums[2] = {_mm256_setzero_ps(), _mm256_setzero_ps()};
        for (int b = 0; b < blocks; ++b, block += kBlockBytes) {
            for (int half = 0; half < 2; ++half) {
                const std::byte* codesOfBlock = block + kCodesAt;
                for (int group = 0; group < kScaleRows; ++group) {
                    const std::int32_t rowSum = kScaleRows == 2 ? x.sums[2 * b + group] : x.sums[2 * b] + x.sums[2 * b + 1];
                    __m256i high = _mm256_setzero_si256();
                    __m256i low = _mm256_set1_epi32(-kFormat.centre * rowSum);
                    __m256i upperHigh = _mm256_setzero_si256();  // of the upper nibbles of 8-bit codes
                    __m256i upperLow = _mm256_setzero_si256();
                    for (int j = group * kVectors; j < (group + 1) * kVectors; ++j) {
                        const __m256i inputsHigh = fourInputs(x.high + b * kBlockInputs + 4 * j);
                        const __m256i inputsLow = fourInputs(x.low + b * kBlockInputs + 4 * j);
                        if constexpr (kFormat.bits == 8) {
                            const __m256i nibble = _mm256_set1_epi8(15);
                            const __m256i bytes = loadBytes(codesOfBlock + 64 * j + 32 * half);
                            const __m256i lower = _mm256_and_si256(bytes, nibble);
                            const __m256i upper = _mm256_and_si256(_mm256_srli_epi16(bytes, 4), nibble);
                            high = dot(high, lower, inputsHigh);
                            low = dot(low, lower, inputsLow);
                            upperHigh = dot(upperHigh, upper, inputsHigh);
                            upperLow = dot(upperLow, upper, inputsLow);
                        } else {
                            const __m256i codes = loadCode<Format>(codesOfBlock, j, half);
                            high = dot(high, codes, inputsHigh);
                            low = dot(low, codes, inputsLow);
                        }
                    }
                    if constexpr (kFormat.bits == 8) {
                        high = _mm256_add_epi32(high, _mm256_slli_epi32(upperHigh, 4));
                        low = _mm256_add_epi32(low, _mm256_slli_epi32(upperLow, 4));
                    }
                    const __m256i both = _mm256_add_epi32(_mm256_slli_epi32(high, 7), low);
                    const __m256 product = _mm256_mul_ps(_mm256_cvtepi32_ps(both), _mm256_set1_ps(x.scales[b]));
                    const std::byte* scales = block + group * kScaleRow + 8 * half * kScaleBytes;
                    sums[half] = _mm256_fmadd_ps(product, loadScales(scales, kFormat.wideScales), sums[half]);
                    if constexpr (kFormat.offsets) {
                        const __m256 offsets = loadScales(scales + kScaleRows * kScaleRow, kFormat.wideScales);
                        const __m256 rowValue = _mm256_set1_ps(static_cast<float>(rowSum) * x.scales[b]);
                        sums[half] = _mm256_fmadd_ps(offsets, rowValue, sums[half]);
                    }
                }
            }
        }
        _mm256_storeu_ps(out + tile * kTileOutputs, sums[0]);
        _mm256_storeu_ps(out + tile * kTileOutputs + 8, sums[1]);
    }
}

std::int64_t spin(std::int64_t rounds) {
    __m256i sums[12];
    for (__m256i& sum : sums)
        sum = _mm256_setzero_si256();
    const __m256i codes = _mm256_set1_epi8(3);
    __m256i inputs = _mm256_set1_epi8(2);
    for (std::int64_t i = 0; i < rounds; ++i) {
#pragma GCC unroll 12
        for (__m256i& sum : sums) {
            asm volatile("" : "+x"(inputs));
            sum = dot(sum, codes, inputs);
        }
    }
    for (__m256i& sum : sums)
        asm volatile("" : "+x"(sum));
    return rounds * 12 * 32 * 2;
}

}  // namespace

const QuantisedKernels& avx2Quantised() {
    static constexpr QuantisedKernels kKernels = {{multiplyTiles<0>, multiplyTiles<1>, multiplyTiles<2>, multiplyTiles<3>,
                                                   multiplyTiles<4>, multiplyTiles<5>, multiplyTiles<6>, multiplyTiles<7>},
                                                  splitRow,
                                                  spin};
    return kKernels;
}

}  // namespace engine::cpu
