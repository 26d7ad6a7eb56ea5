// De-quantisation of whole rows, and the order of codes for decoding.
#include "engine/backend/cuda/kernels/weights.h"

#include "engine/backend/cuda/kernels/device_math.h"
#include "engine/backend/cuda/kernels/launch.h"
#include "engine/backend/cuda/kernels/weight_blocks.h"

namespace engine::cuda {
namespace {

constexpr int kThreads = 256;

template <class T>
__global__ void dequantise(const std::uint8_t* blocks, WeightType type, std::size_t rowBytes, int columns, T* out) {
    const std::uint8_t* row = blocks + static_cast<std::size_t>(blockIdx.x) * rowBytes;
    T* to = out + static_cast<std::size_t>(blockIdx.x) * static_cast<std::size_t>(columns);
    for (int k = static_cast<int>(threadIdx.x); k < columns; k += kThreads)
        to[k] = fromFloat<T>(weightAt(type, row, k));
}

bool isK(WeightType type) { return type == WeightType::Q4_K || type == WeightType::Q5_K || type == WeightType::Q6_K; }

/// The arrays as the kernel writes them.
struct RowArrays {
    std::uint8_t* low;
    std::uint8_t* high;
    std::uint8_t* small;
    std::uint16_t* scale;
};

__device__ std::uint16_t halfBits(const std::uint8_t* at) { return static_cast<std::uint16_t>(bits16At(at)); }

__device__ void storeScales(WeightType type, const std::uint8_t* block, int groupInBlock, std::ptrdiff_t group,
                            const RowArrays& to) {
    const bool offset = type == WeightType::Q4_1 || type == WeightType::Q5_1;
    switch (type) {
        case WeightType::Q4_K:
        case WeightType::Q5_K:
            to.small[2 * group] = static_cast<std::uint8_t>(sixBitScale(block + 4, groupInBlock));
            to.small[2 * group + 1] = static_cast<std::uint8_t>(sixBitMinimum(block + 4, groupInBlock));
            if (groupInBlock == 0) {
                to.scale[group / 8 * 2] = halfBits(block);
                to.scale[group / 8 * 2 + 1] = halfBits(block + 2);
            }
            return;
        case WeightType::Q6_K:
            to.small[2 * group] = block[192 + 2 * groupInBlock];
            to.small[2 * group + 1] = block[193 + 2 * groupInBlock];
            if (groupInBlock == 0) {
                to.scale[group / 8 * 2] = halfBits(block + 208);
                to.scale[group / 8 * 2 + 1] = 0;
            }
            return;
        default:
            to.scale[2 * group] = halfBits(block);
            to.scale[2 * group + 1] = offset ? halfBits(block + 2) : std::uint16_t{0};
    }
}

__global__ void rowFormat(const std::uint8_t* blocks, WeightType type, int blockBytes, int groupsPerBlock,
                          std::ptrdiff_t firstGroup, std::ptrdiff_t groups, RowArrays to) {
    const std::ptrdiff_t index =
        static_cast<std::ptrdiff_t>(blockIdx.x) * kThreads + static_cast<std::ptrdiff_t>(threadIdx.x);
    if (index >= groups)
        return;
    const std::uint8_t* block = blocks + index / groupsPerBlock * blockBytes;
    const int groupInBlock = static_cast<int>(index % groupsPerBlock);
    const std::ptrdiff_t group = firstGroup + index;
    const int first = groupInBlock * 32;
    unsigned fifth = 0;
    unsigned sixth = 0;
    for (int i = 0; i < 16; ++i) {
        const int a = codeAt(type, block, first + i);
        const int b = codeAt(type, block, first + 16 + i);
        if (type == WeightType::Q8_0) {
            to.low[32 * group + i] = static_cast<std::uint8_t>(a);
            to.low[32 * group + 16 + i] = static_cast<std::uint8_t>(b);
            continue;
        }
        to.low[16 * group + i] = static_cast<std::uint8_t>((a & 15) | (b & 15) << 4);
        fifth |= static_cast<unsigned>(a >> 4 & 1) << i | static_cast<unsigned>(b >> 4 & 1) << (16 + i);
        sixth |= static_cast<unsigned>(a >> 5 & 1) << i | static_cast<unsigned>(b >> 5 & 1) << (16 + i);
    }
    if (to.high != nullptr) {
        auto* high = reinterpret_cast<unsigned*>(to.high);
        if (type == WeightType::Q6_K) {
            high[2 * group] = fifth;
            high[2 * group + 1] = sixth;
        } else {
            high[group] = fifth;
        }
    }
    storeScales(type, block, groupInBlock, group, to);
}

}  // namespace

void launchDequantise(const Stream& stream, const std::uint8_t* blocks, WeightType type, int rows, int columns, DType dtype,
                      void* out) {
    if (rows == 0)
        return;
    const std::size_t rowBytes =
        static_cast<std::size_t>(columns / weightBlockElements(type)) * static_cast<std::size_t>(weightBlockBytes(type));
    const dim3 grid(static_cast<unsigned>(rows));
    if (dtype == DType::Bf16)
        launch(&dequantise<Bf16>, grid, kThreads, 0, stream, blocks, type, rowBytes, columns, static_cast<Bf16*>(out));
    else
        launch(&dequantise<float>, grid, kThreads, 0, stream, blocks, type, rowBytes, columns, static_cast<float*>(out));
}

bool hasRowFormat(WeightType type) { return rowFormatBytes(type, 1, 256).low > 0; }

RowFormatBytes rowFormatBytes(WeightType type, int outputs, int inputs) {
    const std::uint64_t groups = static_cast<std::uint64_t>(outputs) * static_cast<std::uint64_t>(inputs / 32);
    RowFormatBytes bytes;
    switch (type) {
        case WeightType::Q4_0:
        case WeightType::Q4_1:
            bytes = {16 * groups, 0, 0, 4 * groups};
            break;
        case WeightType::Q5_0:
        case WeightType::Q5_1:
            bytes = {16 * groups, 4 * groups, 0, 4 * groups};
            break;
        case WeightType::Q8_0:
            bytes = {32 * groups, 0, 0, 4 * groups};
            break;
        case WeightType::Q4_K:
            bytes = {16 * groups, 0, 2 * groups, groups / 2};
            break;
        case WeightType::Q5_K:
            bytes = {16 * groups, 4 * groups, 2 * groups, groups / 2};
            break;
        case WeightType::Q6_K:
            bytes = {16 * groups, 8 * groups, 2 * groups, groups / 2};
            break;
        default:
            break;
    }
    return bytes;
}

void launchRowFormat(const Stream& stream, const std::uint8_t* blocks, int firstRow, int rows, const RowFormat& to) {
    assert(hasRowFormat(to.type) && firstRow + rows <= to.outputs);
    if (rows == 0)
        return;
    const std::ptrdiff_t groupsPerRow = to.inputs / 32;
    const RowArrays arrays{const_cast<std::uint8_t*>(to.low), const_cast<std::uint8_t*>(to.high),
                           const_cast<std::uint8_t*>(to.small), const_cast<std::uint16_t*>(to.scale)};
    launch(&rowFormat, dim3(blocksFor(rows * groupsPerRow, kThreads)), kThreads, 0, stream, blocks, to.type,
           weightBlockBytes(to.type), isK(to.type) ? 8 : 1, firstRow * groupsPerRow, rows * groupsPerRow, arrays);
}

}  // namespace engine::cuda
