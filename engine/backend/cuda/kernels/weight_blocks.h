// GGUF's block formats as a kernel reads them: one weight at a time, and the codes and scales of 32 neighbours. The formats are
// described in engine/model/quantisation.cpp. Blocks are only byte-aligned.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "engine/backend/cuda/kernels/device_math.h"
#include "engine/model/host_tensor.h"

namespace engine::cuda {

__device__ inline unsigned bits16At(const std::uint8_t* at) { return at[0] | static_cast<unsigned>(at[1]) << 8; }
__device__ inline float halfAt(const std::uint8_t* at) { return toFloat(Half{static_cast<std::uint16_t>(bits16At(at))}); }
__device__ inline unsigned bits32At(const std::uint8_t* at) { return bits16At(at) | bits16At(at + 2) << 16; }

/// Scale and minimum of sub-block `index` (0 … 7) of Q4_K and Q5_K, 6 bits each in 12 bytes.
__device__ inline int sixBitScale(const std::uint8_t* packed, int index) {
    return index < 4 ? packed[index] & 63 : (packed[index + 4] & 15) | (packed[index - 4] >> 6) << 4;
}
__device__ inline int sixBitMinimum(const std::uint8_t* packed, int index) {
    return index < 4 ? packed[index + 4] & 63 : (packed[index + 4] >> 4) | (packed[index] >> 6) << 4;
}

/// The stored integer of element i of a block, not negative, but for Q8_0's, which is signed.
__device__ inline int codeAt(WeightType type, const std::uint8_t* block, int i) {
    const int nibbleShift = i / 16 * 4;  // of the 32-element formats
    switch (type) {
        case WeightType::Q4_0:
            return block[2 + i % 16] >> nibbleShift & 15;
        case WeightType::Q4_1:
            return block[4 + i % 16] >> nibbleShift & 15;
        case WeightType::Q5_0:
            return (block[6 + i % 16] >> nibbleShift & 15) | static_cast<int>(bits32At(block + 2) >> i & 1U) << 4;
        case WeightType::Q5_1:
            return (block[8 + i % 16] >> nibbleShift & 15) | static_cast<int>(bits32At(block + 4) >> i & 1U) << 4;
        case WeightType::Q8_0:
            return static_cast<std::int8_t>(block[2 + i]);
        case WeightType::Q2_K:
            return block[16 + i / 128 * 32 + i % 32] >> (i % 128 / 32 * 2) & 3;
        case WeightType::Q3_K:
            return (block[32 + i / 128 * 32 + i % 32] >> (i % 128 / 32 * 2) & 3) | (block[i % 32] >> (i / 32) & 1) << 2;
        case WeightType::Q4_K:
            return block[16 + i / 64 * 32 + i % 32] >> (i % 64 / 32 * 4) & 15;
        case WeightType::Q5_K:
            return (block[48 + i / 64 * 32 + i % 32] >> (i % 64 / 32 * 4) & 15) | (block[16 + i % 32] >> (i / 32) & 1) << 4;
        case WeightType::Q6_K: {
            const int inHalf = i % 128 / 32;
            const int low = block[i / 128 * 64 + inHalf % 2 * 32 + i % 32] >> (inHalf / 2 * 4) & 15;
            return low | (block[128 + i / 128 * 32 + i % 32] >> (inHalf * 2) & 3) << 4;
        }
        default:
            return 0;
    }
}

__device__ inline int q3Scale(const std::uint8_t* block, int sub) {
    const std::uint8_t* packed = block + 96;
    const int low = sub < 8 ? packed[sub] & 15 : packed[sub - 8] >> 4;
    return (low | (packed[8 + sub % 4] >> (sub / 4 * 2) & 3) << 4) - 32;
}

/// Element k of a row of blocks.
__device__ inline float weightAt(WeightType type, const std::uint8_t* row, int k) {
    const std::size_t at = static_cast<std::size_t>(k);
    const int i = k % 256;
    switch (type) {
        case WeightType::F32:
            return __uint_as_float(bits32At(row + 4 * at));
        case WeightType::F16:
            return halfAt(row + 2 * at);
        case WeightType::Bf16:
            return toFloat(Bf16{static_cast<std::uint16_t>(bits16At(row + 2 * at))});
        case WeightType::Q4_0: {
            const std::uint8_t* block = row + at / 32 * 18;
            return static_cast<float>(codeAt(type, block, k % 32) - 8) * halfAt(block);
        }
        case WeightType::Q4_1: {
            const std::uint8_t* block = row + at / 32 * 20;
            return fmaf(static_cast<float>(codeAt(type, block, k % 32)), halfAt(block), halfAt(block + 2));
        }
        case WeightType::Q5_0: {
            const std::uint8_t* block = row + at / 32 * 22;
            return static_cast<float>(codeAt(type, block, k % 32) - 16) * halfAt(block);
        }
        case WeightType::Q5_1: {
            const std::uint8_t* block = row + at / 32 * 24;
            return fmaf(static_cast<float>(codeAt(type, block, k % 32)), halfAt(block), halfAt(block + 2));
        }
        case WeightType::Q8_0: {
            const std::uint8_t* block = row + at / 32 * 34;
            return static_cast<float>(codeAt(type, block, k % 32)) * halfAt(block);
        }
        case WeightType::Q2_K: {
            const std::uint8_t* block = row + at / 256 * 84;
            const int scales = block[i / 16];
            const float minimum = halfAt(block + 82) * static_cast<float>(scales >> 4);
            return halfAt(block + 80) * static_cast<float>(scales & 15) * static_cast<float>(codeAt(type, block, i)) -
                   minimum;
        }
        case WeightType::Q3_K: {
            const std::uint8_t* block = row + at / 256 * 110;
            return halfAt(block + 108) * static_cast<float>(q3Scale(block, i / 16)) *
                   static_cast<float>(codeAt(type, block, i) - 4);
        }
        case WeightType::Q4_K:
        case WeightType::Q5_K: {
            const std::uint8_t* block = row + at / 256 * (type == WeightType::Q4_K ? 144 : 176);
            const float scale = halfAt(block) * static_cast<float>(sixBitScale(block + 4, i / 32));
            const float minimum = halfAt(block + 2) * static_cast<float>(sixBitMinimum(block + 4, i / 32));
            return scale * static_cast<float>(codeAt(type, block, i)) - minimum;
        }
        case WeightType::Q6_K: {
            const std::uint8_t* block = row + at / 256 * 210;
            const auto small = static_cast<std::int8_t>(block[192 + i / 16]);
            return halfAt(block + 208) * static_cast<float>(small) * static_cast<float>(codeAt(type, block, i) - 32);
        }
    }
    return 0;
}

}  // namespace engine::cuda
