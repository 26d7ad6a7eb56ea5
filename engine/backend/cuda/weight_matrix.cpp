// Packing of weight matrices.
#include "engine/backend/cuda/weight_matrix.h"

#include <algorithm>

#include "engine/backend/half.h"

namespace engine::cuda {
namespace {

constexpr std::uint64_t kUploadBytes = 32U << 20U;  // of a tensor, unpacked piece by piece
constexpr std::uint64_t kCodesPadding = 64;         // four arrays at 16-byte borders

/// Pointers to a part's arrays, one after the other at 16-byte borders.
RowFormat arrange(const HostTensor& tensor, const std::byte* memory, const RowFormatBytes& bytes) {
    const auto* at = reinterpret_cast<const std::uint8_t*>(memory);
    const auto next = [&](std::uint64_t size) {
        const std::uint8_t* array = size > 0 ? at : nullptr;
        at += (size + 15) / 16 * 16;
        return array;
    };
    RowFormat format;
    format.low = next(bytes.low);
    format.high = next(bytes.high);
    format.small = next(bytes.small);
    format.scale = reinterpret_cast<const std::uint16_t*>(next(bytes.scale));
    format.type = tensor.type;
    format.outputs = tensor.rows;
    format.inputs = tensor.columns;
    return format;
}

}  // namespace

std::uint64_t CudaMatrix::packedBytes(std::span<const HostTensor* const> parts, MatrixUse use, DType dtype, bool keepCodes) {
    std::uint64_t elements = 0;
    std::uint64_t codes = 0;
    for (const HostTensor* part : parts) {
        elements += static_cast<std::uint64_t>(part->rows) * static_cast<std::uint64_t>(part->columns);
        keepCodes = keepCodes && hasRowFormat(part->type);
        if (keepCodes)
            codes += rowFormatBytes(part->type, part->rows, part->columns).total() + kCodesPadding;
    }
    const bool dense = !keepCodes || use == MatrixUse::Rows;
    return (dense ? elements * elementBytes(dtype) : 0) + (keepCodes ? codes : 0);
}

std::unique_ptr<CudaMatrix> CudaMatrix::pack(std::span<const HostTensor* const> parts, std::span<const float> bias,
                                             MatrixUse use, DType dtype, bool keepCodes, MemoryPool& pool,
                                             UploadRing& uploads, const Stream& stream) {
    assert(!parts.empty());
    int outputs = 0;
    bool codes = keepCodes;
    for (const HostTensor* part : parts) {
        assert(part->columns == parts[0]->columns);
        outputs += part->rows;
        codes = codes && hasRowFormat(part->type);
    }
    assert(bias.empty() || bias.size() == static_cast<std::size_t>(outputs));
    const int inputs = parts[0]->columns;
    std::unique_ptr<CudaMatrix> matrix(new CudaMatrix(outputs, inputs, dtype));
    if (!codes || use == MatrixUse::Rows)
        matrix->m_dense =
            pool.take(static_cast<std::uint64_t>(outputs) * static_cast<std::uint64_t>(inputs) * elementBytes(dtype));
    int firstOutput = 0;
    for (const HostTensor* part : parts) {
        if (codes) {
            const RowFormatBytes bytes = rowFormatBytes(part->type, part->rows, part->columns);
            Part kept{{}, pool.take(bytes.total() + kCodesPadding), firstOutput};
            kept.format = arrange(*part, static_cast<const std::byte*>(kept.memory.data()), bytes);
            matrix->m_parts.push_back(std::move(kept));
        }
        matrix->unpack(*part, firstOutput, pool, uploads, stream);
        firstOutput += part->rows;
    }
    if (!bias.empty()) {
        matrix->m_bias = pool.take(bias.size_bytes());
        uploads.upload(matrix->m_bias.data(), bias.data(), bias.size_bytes());
        std::vector<std::uint16_t> narrow(bias.size());
        std::transform(bias.begin(), bias.end(), narrow.begin(), floatToBf16);
        matrix->m_biasNarrow = pool.take(narrow.size() * sizeof(std::uint16_t));
        uploads.upload(matrix->m_biasNarrow.data(), narrow.data(), narrow.size() * sizeof(std::uint16_t));
    }
    return matrix;
}

void CudaMatrix::unpack(const HostTensor& tensor, int firstOutput, MemoryPool& pool, UploadRing& uploads,
                        const Stream& stream) {
    const auto most =
        static_cast<int>(std::clamp<std::uint64_t>(kUploadBytes / std::max<std::uint64_t>(1, tensor.rowBytes()), 1,
                                                   static_cast<std::uint64_t>(std::max(1, tensor.rows))));
    const Buffer blocks = pool.take(static_cast<std::uint64_t>(most) * tensor.rowBytes());
    const auto* onDevice = static_cast<const std::uint8_t*>(blocks.data());
    for (int begin = 0; begin < tensor.rows; begin += most) {
        const int count = std::min(most, tensor.rows - begin);
        uploads.upload(blocks.data(), tensor.row(begin).data(), static_cast<std::uint64_t>(count) * tensor.rowBytes());
        if (hasDense())
            launchDequantise(stream, onDevice, tensor.type, count, tensor.columns, m_dtype,
                             static_cast<std::byte*>(m_dense.data()) +
                                 (static_cast<std::size_t>(firstOutput) + static_cast<std::size_t>(begin)) *
                                     static_cast<std::size_t>(tensor.columns) * elementBytes(m_dtype));
        if (!m_parts.empty())
            launchRowFormat(stream, onDevice, begin, count, m_parts.back().format);
    }
}

DenseMatrix CudaMatrix::dense() const {
    return {m_dense.data(), m_dtype, outputs(), inputs(), bias(), static_cast<const std::uint16_t*>(m_biasNarrow.data())};
}

}  // namespace engine::cuda
