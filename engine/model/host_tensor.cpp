// Names and block sizes of weight types, and de-quantisation by rows.
#include "engine/model/host_tensor.h"

#include <cassert>

#include "engine/model/quantisation.h"

namespace engine {

std::string_view weightTypeName(WeightType type) {
    switch (type) {
        case WeightType::F32:
            return "F32";
        case WeightType::F16:
            return "F16";
        case WeightType::Bf16:
            return "BF16";
        case WeightType::Q4_0:
            return "Q4_0";
        case WeightType::Q4_1:
            return "Q4_1";
        case WeightType::Q5_0:
            return "Q5_0";
        case WeightType::Q5_1:
            return "Q5_1";
        case WeightType::Q8_0:
            return "Q8_0";
        case WeightType::Q2_K:
            return "Q2_K";
        case WeightType::Q3_K:
            return "Q3_K";
        case WeightType::Q4_K:
            return "Q4_K";
        case WeightType::Q5_K:
            return "Q5_K";
        case WeightType::Q6_K:
            return "Q6_K";
    }
    return "unknown";
}

int weightBlockElements(WeightType type) {
    switch (type) {
        case WeightType::F32:
        case WeightType::F16:
        case WeightType::Bf16:
            return 1;
        case WeightType::Q4_0:
        case WeightType::Q4_1:
        case WeightType::Q5_0:
        case WeightType::Q5_1:
        case WeightType::Q8_0:
            return 32;
        case WeightType::Q2_K:
        case WeightType::Q3_K:
        case WeightType::Q4_K:
        case WeightType::Q5_K:
        case WeightType::Q6_K:
            return 256;
    }
    return 1;
}

int weightBlockBytes(WeightType type) {
    switch (type) {
        case WeightType::F32:
            return 4;
        case WeightType::F16:
        case WeightType::Bf16:
            return 2;
        case WeightType::Q4_0:
            return 18;
        case WeightType::Q4_1:
            return 20;
        case WeightType::Q5_0:
            return 22;
        case WeightType::Q5_1:
            return 24;
        case WeightType::Q8_0:
            return 34;
        case WeightType::Q2_K:
            return 84;
        case WeightType::Q3_K:
            return 110;
        case WeightType::Q4_K:
            return 144;
        case WeightType::Q5_K:
            return 176;
        case WeightType::Q6_K:
            return 210;
    }
    return 4;
}

void dequantiseRows(const HostTensor& tensor, int begin, int count, float* out) {
    assert(begin >= 0 && count >= 0 && begin <= tensor.rows - count);
    const std::size_t rowBytes = tensor.rowBytes();
    const auto rows = std::span(tensor.data)
                          .subspan(static_cast<std::size_t>(begin) * rowBytes, static_cast<std::size_t>(count) * rowBytes);
    dequantiseBlocks(tensor.type, rows, out);
}

}  // namespace engine
