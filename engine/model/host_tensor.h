// A weight tensor as it lies in a model file, and its de-quantisation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace engine {

/// Block formats of GGUF (and the plain ones of safetensors).
enum class WeightType : std::uint8_t { F32, F16, Bf16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K };

std::string_view weightTypeName(WeightType type);
/// Elements of one block (1, 32 or 256).
int weightBlockElements(WeightType type);
/// Bytes of one block.
int weightBlockBytes(WeightType type);

/// A matrix [rows, columns] (a vector has one row), rows contiguous, in owned host memory.
struct HostTensor {
    WeightType type = WeightType::F32;
    int rows = 0;     // N: outputs
    int columns = 0;  // K: inputs, a multiple of the block's elements
    std::vector<std::byte> data;

    std::size_t rowBytes() const {
        return static_cast<std::size_t>(columns / weightBlockElements(type)) *
               static_cast<std::size_t>(weightBlockBytes(type));
    }
    std::span<const std::byte> row(int index) const {
        return std::span(data).subspan(static_cast<std::size_t>(index) * rowBytes(), rowBytes());
    }
};

/// De-quantises rows [begin, begin + count) to fp32, out: [count, columns]. Thread-safe.
void dequantiseRows(const HostTensor& tensor, int begin, int count, float* out);

}  // namespace engine
