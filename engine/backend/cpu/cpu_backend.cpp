// The operations of the cpu back end: rows shared out to threads, over the kernels of one instruction set.
// Cache layout: cache_layout.h. Narrow rows and cache are bf16 or fp32, by precision. Every sum is made by one thread in a fixed order, and a
// row's result depends on that row alone: not on the threads, nor on the other rows of a call (matrix products: on AVX-512 only,
// see PackedMatmul::rowsAreIndependent).
#include "engine/backend/cpu/cpu_backend.h"

#include <omp.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "engine/backend/cpu/aligned_buffer.h"
#include "engine/backend/cpu/attention.h"
#include "engine/backend/cpu/cache_layout.h"
#include "engine/backend/cpu/kernels.h"
#include "engine/backend/cpu/packed_matmul.h"
#include "engine/backend/cpu/page_arena.h"
#include "engine/backend/cpu/quantised_matrix.h"
#include "engine/backend/cpu/team.h"
#include "engine/backend/half.h"
#include "engine/backend/int8_rows.h"

namespace engine {
namespace cpu {
namespace {

Format formatOf(DType dtype) {
    switch (dtype) {
        case DType::F32:
            return Format::F32;
        case DType::F16:
            return Format::F16;
        case DType::Bf16:
            break;
    }
    return Format::Bf16;
}

Format formatOf(KvDtype dtype) {
    switch (dtype) {
        case KvDtype::F32:
            return Format::F32;
        case KvDtype::F16:
            return Format::F16;
        case KvDtype::Bf16:
            return Format::Bf16;
        case KvDtype::Int8:
            break;
    }
    return Format::F32;  // int8 is widened first
}

std::size_t formatBytes(Format format) { return format == Format::F32 ? 4 : 2; }

void* rowOf(TensorView view, int row) {
    assert(row >= 0 && row < view.rows);
    return static_cast<std::byte*>(view.data) +
           static_cast<std::ptrdiff_t>(row) * view.stride * static_cast<std::ptrdiff_t>(elementBytes(view.dtype));
}

/// Nothing may come from an empty container, whose data is null.
void copyBytes(void* to, const void* from, std::uint64_t bytes) {
    if (bytes > 0) {
        std::memcpy(to, from, bytes);
    }
}

float* floatRow(TensorView view, int row) {
    assert(view.dtype == DType::F32);
    return static_cast<float*>(rowOf(view, row));
}

Rotation rotationAt(const RopeTable& rope, int position) {
    assert(position >= 0 && position < rope.positions());
    return {rope.cosines(position), rope.sines(position), rope.dimensions() / 2, rope.pairing() == RopePairing::Interleaved};
}

/// A matrix packed for products of many rows, for products of one, or for both.
struct CpuWeights final : WeightMatrix {
    CpuWeights(int outputs, int inputs) : WeightMatrix(outputs, inputs) {}
    std::unique_ptr<WeightMatrix> packed;        // null when one row is all it is used for
    std::unique_ptr<QuantisedMatrix> quantised;  // null when the file's type is not kept
    std::vector<float> bias;                     // [N] or empty
};

class CpuBackend final : public Backend {
public:
    CpuBackend(const Kernels& kernels, const QuantisedKernels& quantisedKernels, int threads)
        : m_rows(kernels.rows),
          m_cacheFormat(kernels.attention.format),
          m_threads(threads),
          m_team(threads),
          m_matmul(precision(), threads),
          m_quantised(quantisedKernels, m_team),
          m_attention(kernels.attention, kernels.rows, m_team, threads) {}

    std::string name() const override { return "cpu"; }
    Precision precision() const override { return m_cacheFormat == Format::Bf16 ? Precision::Bf16 : Precision::F32; }
    DType activationType() const override { return m_cacheFormat == Format::Bf16 ? DType::Bf16 : DType::F32; }
    int threads() const override { return m_threads; }
    void burst(const std::function<void()>& work) override { m_rowsByTeam ? m_team.burst(work) : work(); }

    Buffer allocate(std::uint64_t bytes) override { return allocateAligned(bytes); }
    void upload(void* to, const void* fromHost, std::uint64_t bytes) override { copyBytes(to, fromHost, bytes); }
    void download(void* toHost, const void* from, std::uint64_t bytes) override { copyBytes(toHost, from, bytes); }
    std::uint64_t kvLayerBytes(int kvHeads, int headDim, int capacity) const override {
        return static_cast<std::uint64_t>(kvHeads) * static_cast<std::uint64_t>(valueStride(headDim)) *
               static_cast<std::uint64_t>(capacity) * formatBytes(m_cacheFormat);
    }

    std::uint64_t matrixBytes(std::span<const HostTensor* const> parts, MatrixUse use) const override;
    std::unique_ptr<WeightMatrix> packMatrix(std::span<const HostTensor* const> parts, std::span<const float> bias,
                                             MatrixUse use) override;
    void embed(const HostTensor& table, RowNumbers ids, TensorView x) override;
    void rmsNorm(TensorView x, std::span<const float> weight, float eps, TensorView out) override;
    void headNorm(TensorView x, int heads, std::span<const float> weight, float eps) override;
    void matmul(TensorView x, const WeightMatrix& weights, TensorView out, Accumulate accumulate) override {
        m_matmul.multiply(x, *static_cast<const CpuWeights&>(weights).packed, out, accumulate);
    }
    void matmulRow(TensorView x, const WeightMatrix& weights, TensorView out, Accumulate accumulate) override;
    void swiglu(TensorView gateUp, TensorView out) override;
    void gatherRows(TensorView x, RowNumbers rows, TensorView out) override;
    void rotateQueries(TensorView q, int heads, RowNumbers positions, const RopeTable& rope, TensorView out) override;
    void scatterKv(TensorView k, TensorView v, RowNumbers positions, const RopeTable& rope, KvLayerView cache) override;
    void placeSlice(const KvSliceView& slice, int firstPosition, const RopeTable& rope, KvLayerView cache) override;
    void exportSlice(TensorView k, TensorView v, int kvHeads, KvDtype dtype, std::byte* kOut, std::byte* vOut) override;
    void deviation(TensorView k, TensorView v, const KvSliceView& slice, int kvHeads, DeviationMetric metric,
                   TensorView dev) override;
    void attention(TensorView q, int heads, KvLayerView cache, RowNumbers keyLimits, TensorView out,
                   const TensorView* mass) override {
        assert(q.dtype == activationType() && out.dtype == activationType());
        m_attention.run(q, heads, cache, keyLimits.values(), out, mass);
    }
    void accumulateScore(TensorView mass, KvLayerView cache, int begin, int count, ScoreWeight weight, float scale,
                         TensorView score) override;
    KvLayerView headOf(KvLayerView cache, int kvHead) const override;
    void readKv(KvLayerView cache, int position, std::span<float> k, std::span<float> v) override;
    void writeKv(KvLayerView cache, int position, std::span<const float> k, std::span<const float> v) override;

private:
    CacheLayout layout(const KvLayerView& cache) const {
        assert(cache.headDim % 2 == 0 && cache.capacity % kKvGranularity == 0);
        return CacheLayout(m_cacheFormat, cache);
    }
    /// work(m) for rows [0, count), in equal runs on the threads. One row is no matter for a parallel region.
    template <class Work>
    void forRows(int count, const Work& work) const {
        if (count == 1)
            return work(0);
#pragma omp parallel for num_threads(m_threads) schedule(static)
        for (int m = 0; m < count; ++m)
            work(m);
    }
    /// Grows the scratch to `floats` a thread.
    void reserveScratch(std::size_t floats) {
        if (m_scratchFloats < floats) {
            m_scratch = allocateAligned(floats * static_cast<std::size_t>(m_threads) * sizeof(float));
            m_scratchFloats = floats;
        }
    }
    float* threadScratch() const {
        return static_cast<float*>(m_scratch.data()) + static_cast<std::size_t>(omp_get_thread_num()) * m_scratchFloats;
    }

    const RowKernels m_rows;
    const Format m_cacheFormat;
    const int m_threads;
    Team m_team;
    PageArena m_weights;       // outlives the matrices packed into it
    bool m_rowsByTeam = true;  // whether every matrix is kept quantised; oneDNN would have one thread in a burst
    PackedMatmul m_matmul;
    QuantisedProduct m_quantised;
    Attention m_attention;
    std::vector<float> m_row;  // of matmulRow: inputs, then outputs, widened
    Buffer m_scratch;          // [threads, m_scratchFloats] f32
    std::size_t m_scratchFloats = 0;
};

void CpuBackend::embed(const HostTensor& table, RowNumbers ids, TensorView x) {
    const std::span<const TokenId> values = ids.values();
    assert(x.columns == table.columns && x.rows >= ids.count());
    forRows(ids.count(), [&](int m) {
        const TokenId id = values[static_cast<std::size_t>(m)];
        assert(id >= 0 && id < table.rows);
        dequantiseRows(table, id, 1, floatRow(x, m));
    });
}

void CpuBackend::rmsNorm(TensorView x, std::span<const float> weight, float eps, TensorView out) {
    assert(weight.size() == static_cast<std::size_t>(x.columns) && out.columns == x.columns && out.rows == x.rows);
    forRows(x.rows, [&](int m) {
        m_rows.rmsNorm(floatRow(x, m), weight.data(), eps, x.columns, rowOf(out, m), formatOf(out.dtype));
    });
}

void CpuBackend::headNorm(TensorView x, int heads, std::span<const float> weight, float eps) {
    const int headDim = static_cast<int>(weight.size());
    assert(x.columns == heads * headDim);
    forRows(x.rows, [&](int m) {
        for (int head = 0; head < heads; ++head) {
            float* row = floatRow(x, m) + head * headDim;
            m_rows.rmsNorm(row, weight.data(), eps, headDim, row, Format::F32);
        }
    });
}

std::uint64_t CpuBackend::matrixBytes(std::span<const HostTensor* const> parts, MatrixUse use) const {
    int outputs = 0;
    for (const HostTensor* part : parts)
        outputs += part->rows;
    const std::uint64_t quantised = QuantisedMatrix::packedBytes(parts);
    return quantised + (use == MatrixUse::Rows || quantised == 0 ? m_matmul.packedBytes(outputs, parts[0]->columns) : 0);
}

std::unique_ptr<WeightMatrix> CpuBackend::packMatrix(std::span<const HostTensor* const> parts, std::span<const float> bias,
                                                     MatrixUse use) {
    int outputs = 0;
    for (const HostTensor* part : parts) {
        outputs += part->rows;
    }
    auto weights = std::make_unique<CpuWeights>(outputs, parts[0]->columns);
    weights->quantised = QuantisedMatrix::pack(parts, m_weights, m_threads);
    m_rowsByTeam = m_rowsByTeam && weights->quantised != nullptr;
    if (use == MatrixUse::Rows || weights->quantised == nullptr) {
        weights->packed = m_matmul.pack(parts, bias);
    }
    weights->bias.assign(bias.begin(), bias.end());
    return weights;
}

void CpuBackend::matmulRow(TensorView x, const WeightMatrix& weights, TensorView out, Accumulate accumulate) {
    assert(x.rows == 1 && x.columns == weights.inputs() && out.columns == weights.outputs());
    const auto& matrix = static_cast<const CpuWeights&>(weights);
    if (matrix.quantised == nullptr) {
        m_matmul.multiply(x, *matrix.packed, out, accumulate);
        return;
    }
    const auto outputs = static_cast<std::size_t>(weights.outputs());
    m_row.resize(std::max(m_row.size(), static_cast<std::size_t>(x.columns) + outputs));  // never less: growing again clears
    const std::span<float> wide = std::span(m_row).first(static_cast<std::size_t>(x.columns));
    if (x.dtype == DType::Bf16) {
        const auto* narrow = static_cast<const std::uint16_t*>(x.data);
        std::transform(narrow, narrow + x.columns, wide.begin(), bf16ToFloat);
    } else {
        copyBytes(wide.data(), x.data, wide.size_bytes());
    }
    const bool direct = out.dtype == DType::F32 && accumulate == Accumulate::No;
    const std::span<float> sums =
        direct ? std::span(floatRow(out, 0), outputs) : std::span(m_row).subspan(wide.size(), outputs);
    m_quantised.multiply(wide, *matrix.quantised, sums);
    for (std::size_t i = 0; i < matrix.bias.size(); ++i) {
        sums[i] += matrix.bias[i];
    }
    if (accumulate == Accumulate::Yes) {
        float* to = floatRow(out, 0);
        for (std::size_t i = 0; i < outputs; ++i) {
            to[i] += sums[i];
        }
    } else if (!direct) {
        m_rows.narrow(sums.data(), 1.0F, out.columns, out.data, formatOf(out.dtype));
    }
}

void CpuBackend::swiglu(TensorView gateUp, TensorView out) {
    assert(gateUp.columns == 2 * out.columns && gateUp.rows == out.rows);
    forRows(out.rows, [&](int m) {
        const auto* gate = static_cast<const std::byte*>(rowOf(gateUp, m));
        const std::byte* up = gate + static_cast<std::size_t>(out.columns) * elementBytes(gateUp.dtype);
        m_rows.swiglu(gate, up, formatOf(gateUp.dtype), out.columns, rowOf(out, m), formatOf(out.dtype));
    });
}

void CpuBackend::gatherRows(TensorView x, RowNumbers rows, TensorView out) {
    const std::span<const int> from = rows.values();
    assert(out.rows >= rows.count() && out.columns == x.columns);
    forRows(rows.count(), [&](int m) {
        std::memcpy(floatRow(out, m), floatRow(x, from[static_cast<std::size_t>(m)]),
                    static_cast<std::size_t>(x.columns) * sizeof(float));
    });
}

void CpuBackend::rotateQueries(TensorView q, int heads, RowNumbers positions, const RopeTable& rope, TensorView out) {
    assert(q.columns % heads == 0 && out.columns == q.columns && positions.count() == q.rows);
    const int headDim = q.columns / heads;
    const std::span<const int> at = positions.values();
    forRows(q.rows, [&](int m) {
        const Rotation rotation = rotationAt(rope, at[static_cast<std::size_t>(m)]);
        for (int head = 0; head < heads; ++head) {
            m_rows.rotateHead(floatRow(q, m) + head * headDim, Format::F32, headDim, rotation,
                              out.columnsSlice(head * headDim, headDim).slice(m, 1).data, formatOf(out.dtype));
        }
    });
}

/// Each thread takes a run of rows; rows at consecutive positions of one group of 16 keys go to the kernels together.
void CpuBackend::scatterKv(TensorView k, TensorView v, RowNumbers positions, const RopeTable& rope, KvLayerView cache) {
    const int headDim = cache.headDim;
    assert(k.columns == cache.kvHeads * headDim && v.columns == k.columns && v.rows == k.rows);
    assert(positions.count() == k.rows);
    const std::span<const int> at = positions.values();
    const CacheLayout place = layout(cache);
    reserveScratch(static_cast<std::size_t>(16 * headDim));
    const int shares = std::min(k.rows, m_threads);
    const int share = (k.rows + m_threads - 1) / m_threads;
    forRows(shares, [&](int which) {
        const int end = std::min(k.rows, (which + 1) * share);
        for (int m = which * share; m < end;) {
            const int position = at[static_cast<std::size_t>(m)];
            assert(position >= 0 && position < cache.capacity);
            int count = 1;
            while (m + count < end && at[static_cast<std::size_t>(m + count)] == position + count &&
                   (position + count) % 16 != 0) {
                ++count;
            }
            for (int head = 0; head < cache.kvHeads; ++head) {
                const auto strideBytes = [](TensorView view) {
                    return static_cast<std::size_t>(view.stride) * sizeof(float);
                };
                m_rows.placeKeys({floatRow(k, m) + head * headDim, strideBytes(k), Format::F32, count, headDim},
                                 rotationAt(rope, position), position % 16, place.keyGroup(cache, head, position),
                                 m_cacheFormat, threadScratch());
                m_rows.placeValues({floatRow(v, m) + head * headDim, strideBytes(v), Format::F32, count, headDim}, position,
                                   place.values(cache, head), place.stride(), m_cacheFormat);
            }
            m += count;
        }
    });
}

void CpuBackend::placeSlice(const KvSliceView& slice, int firstPosition, const RopeTable& rope, KvLayerView cache) {
    assert(firstPosition >= 0 && firstPosition + slice.tokens <= cache.capacity);
    assert(firstPosition + slice.tokens <= rope.positions());
    if (slice.tokens == 0) {
        return;
    }
    const CacheLayout place = layout(cache);
    const Format format = formatOf(slice.dtype);
    const std::size_t rowBytes = static_cast<std::size_t>(cache.headDim) * formatBytes(format);
    const std::size_t groupFloats = 16 * static_cast<std::size_t>(cache.headDim);
    reserveScratch(slice.dtype == KvDtype::Int8 ? 3 * groupFloats : groupFloats);
    const int firstGroup = firstPosition / 16;
    const int groups = (firstPosition + slice.tokens - 1) / 16 - firstGroup + 1;
#pragma omp parallel for num_threads(m_threads) schedule(static)
    for (int task = 0; task < cache.kvHeads * groups; ++task) {
        const int head = task / groups;
        const int position = std::max(firstPosition, (firstGroup + task % groups) * 16);
        const int end = std::min(firstPosition + slice.tokens, (firstGroup + task % groups + 1) * 16);
        HeadRows keys{nullptr, rowBytes, format, end - position, cache.headDim};
        HeadRows values = keys;
        const std::size_t offset = (static_cast<std::size_t>(head) * static_cast<std::size_t>(slice.tokens) +
                                    static_cast<std::size_t>(position - firstPosition)) *
                                   rowBytes;
        if (slice.dtype == KvDtype::Int8) {
            float* wideKeys = threadScratch() + groupFloats;
            float* wideValues = wideKeys + groupFloats;
            for (int i = 0; i < keys.count; ++i) {
                const Int8Row row(head, position - firstPosition + i, cache.kvHeads, slice.tokens, cache.headDim);
                m_rows.widenCodes(slice.k + row.codes, int8ScaleAt(slice.k, row), cache.headDim,
                                  wideKeys + i * cache.headDim);
                m_rows.widenCodes(slice.v + row.codes, int8ScaleAt(slice.v, row), cache.headDim,
                                  wideValues + i * cache.headDim);
            }
            keys.data = wideKeys;
            values.data = wideValues;
        } else {
            keys.data = slice.k + offset;
            values.data = slice.v + offset;
        }
        m_rows.placeKeys(keys, rotationAt(rope, position), position % 16, place.keyGroup(cache, head, position),
                         m_cacheFormat, threadScratch());
        m_rows.placeValues(values, position, place.values(cache, head), place.stride(), m_cacheFormat);
    }
}

void CpuBackend::exportSlice(TensorView k, TensorView v, int kvHeads, KvDtype dtype, std::byte* kOut, std::byte* vOut) {
    assert(k.columns % kvHeads == 0 && v.columns == k.columns && v.rows == k.rows);
    const int headDim = k.columns / kvHeads;
    const Format format = formatOf(dtype);
    const std::size_t rowBytes = static_cast<std::size_t>(headDim) * formatBytes(format);
    forRows(k.rows, [&](int m) {
        for (int head = 0; head < kvHeads; ++head) {
            const std::size_t offset =
                (static_cast<std::size_t>(head) * static_cast<std::size_t>(k.rows) + static_cast<std::size_t>(m)) * rowBytes;
            if (dtype == KvDtype::Int8) {
                const Int8Row row(head, m, kvHeads, k.rows, headDim);
                const std::uint16_t keyScale = encodeInt8Row(floatRow(k, m) + head * headDim, headDim, kOut + row.codes);
                const std::uint16_t valueScale = encodeInt8Row(floatRow(v, m) + head * headDim, headDim, vOut + row.codes);
                std::memcpy(kOut + row.scale, &keyScale, sizeof keyScale);
                std::memcpy(vOut + row.scale, &valueScale, sizeof valueScale);
                continue;
            }
            m_rows.narrow(floatRow(k, m) + head * headDim, 1.0F, headDim, kOut + offset, format);
            m_rows.narrow(floatRow(v, m) + head * headDim, 1.0F, headDim, vOut + offset, format);
        }
    });
}

void CpuBackend::deviation(TensorView k, TensorView v, const KvSliceView& slice, int kvHeads, DeviationMetric metric,
                           TensorView dev) {
    assert(k.rows == slice.tokens && v.rows == slice.tokens && dev.columns == slice.tokens);
    const int headDim = k.columns / kvHeads;
    const Format format = formatOf(slice.dtype);
    const std::size_t rowBytes = static_cast<std::size_t>(headDim) * formatBytes(format);
    reserveScratch(static_cast<std::size_t>(headDim));
    const auto distance = [&](TensorView fresh, const std::byte* stored, int token, int head) {
        const float* row = floatRow(fresh, token) + head * headDim;
        if (slice.dtype == KvDtype::Int8) {
            const Int8Row at(head, token, kvHeads, slice.tokens, headDim);
            m_rows.widenCodes(stored + at.codes, int8ScaleAt(stored, at), headDim, threadScratch());
            return m_rows.squaredDistance(row, threadScratch(), Format::F32, headDim);
        }
        const auto index =
            static_cast<std::size_t>(head) * static_cast<std::size_t>(slice.tokens) + static_cast<std::size_t>(token);
        return m_rows.squaredDistance(row, stored + index * rowBytes, format, headDim);
    };
#pragma omp parallel for num_threads(m_threads) schedule(static)
    for (int token = 0; token < slice.tokens; ++token) {
        float sum = 0;
        for (int head = 0; head < kvHeads; ++head) {
            if (metric != DeviationMetric::V) {
                sum += distance(k, slice.k, token, head);
            }
            if (metric != DeviationMetric::K) {
                sum += distance(v, slice.v, token, head);
            }
        }
        floatRow(dev, 0)[token] = sum;
    }
}

void CpuBackend::accumulateScore(TensorView mass, KvLayerView cache, int begin, int count, ScoreWeight weight, float scale,
                                 TensorView score) {
    assert(begin >= 0 && begin + count <= mass.columns && begin + count <= cache.capacity && count <= score.columns);
    constexpr int kPiece = 256;  // positions a task
    const CacheLayout place = layout(cache);
    const int pieces = (count + kPiece - 1) / kPiece;
#pragma omp parallel for num_threads(m_threads) schedule(static)
    for (int piece = 0; piece < pieces; ++piece) {
        const int first = piece * kPiece;
        const int length = std::min(kPiece, count - first);
        float squares[kPiece] = {};
        if (weight == ScoreWeight::AttentionTimesValueNorm) {
            for (int head = 0; head < cache.kvHeads; ++head) {
                m_rows.addValueSquares(place.values(cache, head), place.stride(), cache.headDim, m_cacheFormat,
                                       begin + first, length, squares);
            }
        } else {
            std::fill_n(squares, length, 1.0F);
        }
        const float* from = floatRow(mass, 0) + begin + first;
        float* to = floatRow(score, 0) + first;
        for (int i = 0; i < length; ++i) {
            to[i] += scale * from[i] * std::sqrt(squares[i]);
        }
    }
}

/// One position of one head's K and V as the cache holds them. Plain loops: for tests and teaching.
KvLayerView CpuBackend::headOf(KvLayerView cache, int kvHead) const {
    assert(kvHead >= 0 && kvHead < cache.kvHeads);
    const CacheLayout place = layout(cache);
    KvLayerView head = cache;
    head.k = place.keys(cache, kvHead);
    head.v = place.values(cache, kvHead);
    head.kvHeads = 1;
    return head;
}

void CpuBackend::readKv(KvLayerView cache, int position, std::span<float> k, std::span<float> v) {
    assert(k.size() == static_cast<std::size_t>(cache.kvHeads * cache.headDim) && v.size() == k.size());
    assert(position >= 0 && position < cache.capacity);
    const CacheLayout place = layout(cache);
    for (int head = 0; head < cache.kvHeads; ++head) {
        const float* group = place.keyGroup(cache, head, position);
        const float* values =
            place.values(cache, head) + static_cast<std::ptrdiff_t>(position / place.pack()) * place.stride();
        for (int i = 0; i < cache.headDim; ++i) {
            const auto to = static_cast<std::size_t>(head * cache.headDim + i);
            const float* keyWord = group + (i / place.pack()) * 16 + position % 16;
            if (m_cacheFormat == Format::F32) {
                k[to] = *keyWord;
                v[to] = values[i];
            } else {
                std::uint16_t halves[2];
                std::memcpy(halves, keyWord, sizeof halves);
                k[to] = bf16ToFloat(halves[i % 2]);
                std::memcpy(halves, values + i, sizeof halves);
                v[to] = bf16ToFloat(halves[position % 2]);
            }
        }
    }
}

void CpuBackend::writeKv(KvLayerView cache, int position, std::span<const float> k, std::span<const float> v) {
    assert(k.size() == static_cast<std::size_t>(cache.kvHeads * cache.headDim) && v.size() == k.size());
    assert(position >= 0 && position < cache.capacity);
    const CacheLayout place = layout(cache);
    for (int head = 0; head < cache.kvHeads; ++head) {
        float* group = place.keyGroup(cache, head, position);
        float* values = place.values(cache, head) + static_cast<std::ptrdiff_t>(position / place.pack()) * place.stride();
        for (int i = 0; i < cache.headDim; ++i) {
            const auto from = static_cast<std::size_t>(head * cache.headDim + i);
            float* keyWord = group + (i / place.pack()) * 16 + position % 16;
            if (m_cacheFormat == Format::F32) {
                *keyWord = k[from];
                values[i] = v[from];
            } else {
                const std::uint16_t key = floatToBf16(k[from]);
                const std::uint16_t value = floatToBf16(v[from]);
                std::memcpy(reinterpret_cast<std::byte*>(keyWord) + 2 * (i % 2), &key, sizeof key);
                std::memcpy(reinterpret_cast<std::byte*>(values + i) + 2 * (position % 2), &value, sizeof value);
            }
        }
    }
}

}  // namespace
}  // namespace cpu

Result<std::unique_ptr<Backend>> createCpuBackend(Precision precision, int threads, cpu::InstructionSet widest) {
    const cpu::InstructionSet set = std::min(widest, cpu::detectInstructionSet());
    const bool canBf16 = set == cpu::InstructionSet::Avx512Bf16 && cpu::PackedMatmul::supportsBf16();
    if (precision == Precision::Bf16 && !canBf16) {
        return Status(
            StatusCode::Unsupported,
            "this processor has no AVX-512 BF16 instructions, so the cpu back end computes in f32 only; ask for f32 "
            "or leave the precision open");
    }
    const int count = threads > 0 ? threads : cpu::physicalCores();
    const cpu::Kernels* kernels = &cpu::portableKernels();
    const cpu::QuantisedKernels* quantised = &cpu::portableQuantised();
#ifdef ENGINE_CPU_X86
    if (set >= cpu::InstructionSet::Avx2) {
        kernels = set >= cpu::InstructionSet::Avx512 ? &cpu::avx512Kernels() : &cpu::avx2Kernels();
        quantised = set >= cpu::InstructionSet::Avx512Vnni ? &cpu::avx512VnniQuantised() : &cpu::avx2Quantised();
    }
    if (canBf16 && precision != Precision::F32) {
        kernels = &cpu::avx512Bf16Kernels();
    }
#endif
    return std::unique_ptr<Backend>(std::make_unique<cpu::CpuBackend>(*kernels, *quantised, count));
}

}  // namespace engine
