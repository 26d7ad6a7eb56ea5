// De-quantisation of GGUF's block formats. q = stored integer, d = block scale, m = block minimum, both fp16.
//
// 32 elements a block: Q4_0 (q−8)·d; Q4_1 q·d+m; Q5_0 (q−16)·d; Q5_1 q·d+m; Q8_0 q·d. The low nibbles hold elements 0–15, the
// high nibbles 16–31; the fifth bits of Q5 are one little-endian word, bit i for element i.
// 256 elements a block ("K"): sub-blocks of 16 (Q2, Q3, Q6) or 32 (Q4, Q5) with small integer scales of their own, multiplied by
// the block's d; Q2, Q4 and Q5 also have integer minima, multiplied by the block's dmin and subtracted.
#include "engine/model/quantisation.h"

#include <bit>
#include <cassert>
#include <cstring>

namespace engine {

namespace {

const std::uint8_t* bytesAt(const std::byte* block, std::size_t offset) {
    return reinterpret_cast<const std::uint8_t*>(block + offset);
}

std::uint16_t bits16At(const std::byte* block, std::size_t offset) {
    std::uint16_t bits = 0;
    std::memcpy(&bits, block + offset, sizeof bits);
    return bits;
}

float halfAt(const std::byte* block, std::size_t offset) { return halfToFloat(bits16At(block, offset)); }

void dequantiseQ4(const std::byte* block, bool hasMinimum, float* out) {
    const float d = halfAt(block, 0);
    const float m = hasMinimum ? halfAt(block, 2) : 0;
    const int zero = hasMinimum ? 0 : 8;
    const std::uint8_t* quants = bytesAt(block, hasMinimum ? 4 : 2);
    for (int i = 0; i < 16; ++i) {
        out[i] = static_cast<float>((quants[i] & 15) - zero) * d + m;
        out[i + 16] = static_cast<float>((quants[i] >> 4) - zero) * d + m;
    }
}

void dequantiseQ5(const std::byte* block, bool hasMinimum, float* out) {
    const float d = halfAt(block, 0);
    const float m = hasMinimum ? halfAt(block, 2) : 0;
    const int zero = hasMinimum ? 0 : 16;
    const std::size_t offset = hasMinimum ? 4 : 2;
    std::uint32_t fifth = 0;
    std::memcpy(&fifth, block + offset, sizeof fifth);
    const std::uint8_t* quants = bytesAt(block, offset + 4);
    for (int i = 0; i < 16; ++i) {
        const int low = (quants[i] & 15) | static_cast<int>((fifth >> i & 1) << 4);
        const int high = (quants[i] >> 4) | static_cast<int>((fifth >> (i + 16) & 1) << 4);
        out[i] = static_cast<float>(low - zero) * d + m;
        out[i + 16] = static_cast<float>(high - zero) * d + m;
    }
}

void dequantiseQ8(const std::byte* block, float* out) {
    const float d = halfAt(block, 0);
    const auto* quants = reinterpret_cast<const std::int8_t*>(block + 2);
    for (int i = 0; i < 32; ++i)
        out[i] = static_cast<float>(quants[i]) * d;
}

// scales[16] (low nibble scale, high nibble minimum), quants[64], d, dmin. Each half of 128 elements has 32 bytes of quants; bits
// 2k and 2k+1 of them are the half's elements 32k … 32k+31.
void dequantiseQ2K(const std::byte* block, float* out) {
    const std::uint8_t* scales = bytesAt(block, 0);
    const std::uint8_t* quants = bytesAt(block, 16);
    const float d = halfAt(block, 80);
    const float dmin = halfAt(block, 82);
    for (int sub = 0; sub < 16; ++sub) {
        const float scale = d * static_cast<float>(scales[sub] & 15);
        const float minimum = dmin * static_cast<float>(scales[sub] >> 4);
        const std::uint8_t* part = quants + sub / 8 * 32 + sub % 2 * 16;
        const int shift = sub % 8 / 2 * 2;
        for (int i = 0; i < 16; ++i)
            out[sub * 16 + i] = scale * static_cast<float>(part[i] >> shift & 3) - minimum;
    }
}

// mask[32] (third bits; inverted: a clear bit subtracts 4), quants[64] as in Q2_K, scales[12] (16 of 6 bits, minus 32), d.
void dequantiseQ3K(const std::byte* block, float* out) {
    const std::uint8_t* mask = bytesAt(block, 0);
    const std::uint8_t* quants = bytesAt(block, 32);
    const std::uint8_t* packed = bytesAt(block, 96);
    const float d = halfAt(block, 108);
    for (int sub = 0; sub < 16; ++sub) {
        const int low = sub < 8 ? packed[sub] & 15 : packed[sub - 8] >> 4;
        const int high = packed[8 + sub % 4] >> (sub / 4 * 2) & 3;
        const float scale = d * static_cast<float>((low | high << 4) - 32);
        const std::uint8_t* part = quants + sub / 8 * 32 + sub % 2 * 16;
        const std::uint8_t* third = mask + sub % 2 * 16;
        const int shift = sub % 8 / 2 * 2;
        const int bit = sub / 2;
        for (int i = 0; i < 16; ++i) {
            const int quant = (part[i] >> shift & 3) - ((third[i] >> bit & 1) ? 0 : 4);
            out[sub * 16 + i] = scale * static_cast<float>(quant);
        }
    }
}

struct ScaleAndMinimum {
    int scale;
    int minimum;
};

// 8 scales and 8 minima of 6 bits in 12 bytes: bytes 0–3 and 4–7 hold the first four of each and, in their top bits, the upper
// two bits of the last four, whose lower nibbles are in bytes 8–11.
ScaleAndMinimum sixBits(const std::uint8_t* packed, int index) {
    if (index < 4)
        return {packed[index] & 63, packed[index + 4] & 63};
    return {(packed[index + 4] & 15) | (packed[index - 4] >> 6) << 4, (packed[index + 4] >> 4) | (packed[index] >> 6) << 4};
}

// d, dmin, scales[12], then for Q5_K fifth[32] (bit s of byte i: element i of sub-block s), quants[128]: each 32 bytes hold a
// sub-block in their low and the next one in their high nibbles.
void dequantiseQ4KOrQ5K(const std::byte* block, bool fiveBits, float* out) {
    const float d = halfAt(block, 0);
    const float dmin = halfAt(block, 2);
    const std::uint8_t* packed = bytesAt(block, 4);
    const std::uint8_t* fifth = bytesAt(block, 16);
    const std::uint8_t* quants = bytesAt(block, fiveBits ? 48 : 16);
    for (int sub = 0; sub < 8; ++sub) {
        const ScaleAndMinimum six = sixBits(packed, sub);
        const float scale = d * static_cast<float>(six.scale);
        const float minimum = dmin * static_cast<float>(six.minimum);
        const std::uint8_t* part = quants + sub / 2 * 32;
        const int shift = sub % 2 * 4;
        for (int i = 0; i < 32; ++i) {
            const int high = fiveBits ? (fifth[i] >> sub & 1) << 4 : 0;
            out[sub * 32 + i] = scale * static_cast<float>((part[i] >> shift & 15) | high) - minimum;
        }
    }
}

// low[128], high[64], scales[16] int8, d. Each half of 128 elements has four runs of 32: run r takes the low (r < 2) or high
// nibbles of the half's bytes 32·(r mod 2) …, and bits 2r, 2r+1 of its 32 high bytes. Value (q − 32)·scale·d.
void dequantiseQ6K(const std::byte* block, float* out) {
    const std::uint8_t* low = bytesAt(block, 0);
    const std::uint8_t* high = bytesAt(block, 128);
    const auto* scales = reinterpret_cast<const std::int8_t*>(block + 192);
    const float d = halfAt(block, 208);
    for (int run = 0; run < 8; ++run) {
        const int half = run / 4;
        const int inHalf = run % 4;
        const std::uint8_t* lowPart = low + half * 64 + inHalf % 2 * 32;
        const std::uint8_t* highPart = high + half * 32;
        for (int i = 0; i < 32; ++i) {
            const int quant = (lowPart[i] >> (inHalf / 2 * 4) & 15) | (highPart[i] >> (inHalf * 2) & 3) << 4;
            const float scale = d * static_cast<float>(scales[run * 2 + i / 16]);
            out[run * 32 + i] = scale * static_cast<float>(quant - 32);
        }
    }
}

void dequantiseBlock(WeightType type, const std::byte* block, float* out) {
    switch (type) {
        case WeightType::F32:
            std::memcpy(out, block, sizeof *out);
            return;
        case WeightType::F16:
            *out = halfAt(block, 0);
            return;
        case WeightType::Bf16:
            *out = bf16ToFloat(bits16At(block, 0));
            return;
        case WeightType::Q4_0:
            dequantiseQ4(block, false, out);
            return;
        case WeightType::Q4_1:
            dequantiseQ4(block, true, out);
            return;
        case WeightType::Q5_0:
            dequantiseQ5(block, false, out);
            return;
        case WeightType::Q5_1:
            dequantiseQ5(block, true, out);
            return;
        case WeightType::Q8_0:
            dequantiseQ8(block, out);
            return;
        case WeightType::Q2_K:
            dequantiseQ2K(block, out);
            return;
        case WeightType::Q3_K:
            dequantiseQ3K(block, out);
            return;
        case WeightType::Q4_K:
            dequantiseQ4KOrQ5K(block, false, out);
            return;
        case WeightType::Q5_K:
            dequantiseQ4KOrQ5K(block, true, out);
            return;
        case WeightType::Q6_K:
            dequantiseQ6K(block, out);
            return;
    }
}

void unpackNibbles(const std::uint8_t* quants, std::uint32_t fifth, std::uint8_t* codes) {
    for (int i = 0; i < 16; ++i) {
        codes[i] = static_cast<std::uint8_t>((quants[i] & 15) | (fifth >> i & 1) << 4);
        codes[i + 16] = static_cast<std::uint8_t>((quants[i] >> 4) | (fifth >> (i + 16) & 1) << 4);
    }
}

void unpackQ4KOrQ5K(const std::byte* block, bool fiveBits, int sub, WeightGroup& out) {
    const ScaleAndMinimum six = sixBits(bytesAt(block, 4), sub);
    out.scales[0] = halfAt(block, 0) * static_cast<float>(six.scale);
    out.offsets[0] = -(halfAt(block, 2) * static_cast<float>(six.minimum));
    const std::uint8_t* fifth = bytesAt(block, 16);
    const std::uint8_t* part = bytesAt(block, fiveBits ? 48 : 16) + sub / 2 * 32;
    for (int i = 0; i < 32; ++i) {
        const int high = fiveBits ? (fifth[i] >> sub & 1) << 4 : 0;
        out.codes[i] = static_cast<std::uint8_t>((part[i] >> (sub % 2 * 4) & 15) | high);
    }
}

void unpackQ6K(const std::byte* block, int run, WeightGroup& out) {
    const int inHalf = run % 4;
    const std::uint8_t* low = bytesAt(block, 0) + run / 4 * 64 + inHalf % 2 * 32;
    const std::uint8_t* high = bytesAt(block, 128) + run / 4 * 32;
    const auto* scales = reinterpret_cast<const std::int8_t*>(block + 192) + 2 * run;
    for (int i = 0; i < 32; ++i)
        out.codes[i] = static_cast<std::uint8_t>((low[i] >> (inHalf / 2 * 4) & 15) | (high[i] >> (inHalf * 2) & 3) << 4);
    out.scales[0] = halfAt(block, 208) * static_cast<float>(scales[0]);
    out.scales[1] = halfAt(block, 208) * static_cast<float>(scales[1]);
}

/// Where a block's fp16 scales (d, and m or dmin) lie; −1 = there is no second one.
struct ScalePlaces {
    int first;
    int second;
};

ScalePlaces scalePlaces(WeightType type) {
    switch (type) {
        case WeightType::Q4_1:
        case WeightType::Q5_1:
        case WeightType::Q4_K:
        case WeightType::Q5_K:
            return {0, 2};
        case WeightType::Q2_K:
            return {80, 82};
        case WeightType::Q3_K:
            return {108, -1};
        case WeightType::Q6_K:
            return {208, -1};
        default:
            return {0, -1};
    }
}

bool halfIsFinite(std::uint16_t half) { return (half & 0x7c00) != 0x7c00; }

}  // namespace

float halfToFloat(std::uint16_t half) {
    // The mantissa and exponent moved into fp32's places are the value times 2^−112, subnormals included.
    const std::uint32_t magnitude = static_cast<std::uint32_t>(half & 0x7fff) << 13;
    float value = std::bit_cast<float>(magnitude) * 0x1p112F;
    if (!halfIsFinite(half))
        value = std::bit_cast<float>(magnitude | 0x7f800000U);
    const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000) << 16;
    return std::bit_cast<float>(std::bit_cast<std::uint32_t>(value) | sign);
}

float bf16ToFloat(std::uint16_t bits) { return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16); }

void dequantiseBlocks(WeightType type, std::span<const std::byte> blocks, float* out) {
    const auto blockBytes = static_cast<std::size_t>(weightBlockBytes(type));
    const auto elements = static_cast<std::size_t>(weightBlockElements(type));
    assert(blocks.size() % blockBytes == 0);
    if (type == WeightType::F32) {
        if (!blocks.empty())
            std::memcpy(out, blocks.data(), blocks.size());
        return;
    }
    const std::size_t count = blocks.size() / blockBytes;
    for (std::size_t i = 0; i < count; ++i)
        dequantiseBlock(type, blocks.data() + i * blockBytes, out + i * elements);
}

void unpackGroup(WeightType type, const std::byte* block, int group, WeightGroup& out) {
    const bool hasMinimum = type == WeightType::Q4_1 || type == WeightType::Q5_1;
    const std::size_t scaleBytes = hasMinimum ? 4 : 2;
    out.offsets[0] = out.offsets[1] = 0;
    if (type == WeightType::Q6_K) {
        unpackQ6K(block, group, out);
        return;
    }
    if (type == WeightType::Q4_K || type == WeightType::Q5_K) {
        unpackQ4KOrQ5K(block, type == WeightType::Q5_K, group, out);
    } else {
        assert(group == 0);
        out.scales[0] = halfAt(block, 0);
        if (hasMinimum)
            out.offsets[0] = halfAt(block, 2);
        if (type == WeightType::Q8_0) {
            for (int i = 0; i < 32; ++i)
                out.codes[i] = static_cast<std::uint8_t>(bytesAt(block, 2)[i] ^ 0x80U);
        } else if (type == WeightType::Q5_0 || type == WeightType::Q5_1) {
            std::uint32_t fifth = 0;
            std::memcpy(&fifth, block + scaleBytes, sizeof fifth);
            unpackNibbles(bytesAt(block, scaleBytes + 4), fifth, out.codes);
        } else {
            assert(type == WeightType::Q4_0 || type == WeightType::Q4_1);
            unpackNibbles(bytesAt(block, scaleBytes), 0, out.codes);
        }
    }
    out.scales[1] = out.scales[0];
    out.offsets[1] = out.offsets[0];
}

std::int64_t firstBlockNotFinite(WeightType type, std::span<const std::byte> blocks) {
    const auto blockBytes = static_cast<std::size_t>(weightBlockBytes(type));
    const ScalePlaces places = scalePlaces(type);
    for (std::size_t at = 0; at + blockBytes <= blocks.size(); at += blockBytes) {
        const std::byte* block = blocks.data() + at;
        bool finite = true;
        if (type == WeightType::F32) {
            finite = (bits16At(block, 2) & 0x7f80) != 0x7f80;
        } else if (type == WeightType::Bf16) {
            finite = (bits16At(block, 0) & 0x7f80) != 0x7f80;
        } else {
            finite = halfIsFinite(bits16At(block, static_cast<std::size_t>(places.first)));
            if (places.second >= 0)
                finite = finite && halfIsFinite(bits16At(block, static_cast<std::size_t>(places.second)));
        }
        if (!finite)
            return static_cast<std::int64_t>(at / blockBytes);
    }
    return -1;
}

}  // namespace engine
