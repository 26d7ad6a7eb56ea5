// THE SPECIFICATION of the back ends' operations: plain fp32 loops. Threads divide rows, columns or heads; every sum is made by
// one thread in a fixed order, so results do not depend on their number.
// Cache layout: K, V [KH, capacity, D] f32. Narrow rows are f32. Weights are de-quantised to f32 and kept transposed, [K, N].
#include "engine/backend/reference/reference_backend.h"

#include <omp.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <new>
#include <vector>

#include "engine/backend/half.h"
#include "engine/backend/int8_rows.h"

namespace engine {
namespace {

/// Nothing may come from an empty container, whose data is null.
void copyBytes(void* to, const void* from, std::uint64_t bytes) {
    if (bytes > 0) {
        std::memcpy(to, from, bytes);
    }
}

float* floatRow(TensorView view, int row) {
    assert(view.dtype == DType::F32 && row >= 0 && row < view.rows);
    return static_cast<float*>(view.data) + static_cast<std::ptrdiff_t>(row) * view.stride;
}

float dot(const float* a, const float* b, int count) {
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int i = 0; i < count; ++i) {
        sum += a[i] * b[i];
    }
    return sum;
}

/// Rotates one head [D] in place: (a, b) becomes (a cos − b sin, b cos + a sin) for each pair; dimensions beyond R stay.
void rotate(float* head, const RopeTable& rope, int position) {
    assert(position >= 0 && position < rope.positions());
    const float* cosines = rope.cosines(position);
    const float* sines = rope.sines(position);
    const int pairs = rope.dimensions() / 2;
    for (int i = 0; i < pairs; ++i) {
        const int first = rope.pairing() == RopePairing::HalfSplit ? i : 2 * i;
        const int second = rope.pairing() == RopePairing::HalfSplit ? i + pairs : 2 * i + 1;
        const float a = head[first];
        const float b = head[second];
        head[first] = a * cosines[i] - b * sines[i];
        head[second] = b * cosines[i] + a * sines[i];
    }
}

/// One half (K or V) of a stored slice: [KH, T, D], int8 with its scales behind.
struct StoredRows {
    KvDtype dtype;
    int kvHeads;
    int tokens;
    int headDim;

    std::size_t rowAt(int head, int token) const {
        return (static_cast<std::size_t>(head) * static_cast<std::size_t>(tokens) + static_cast<std::size_t>(token)) *
               static_cast<std::size_t>(storage::kvRowBytes(dtype, headDim));
    }

    void read(const std::byte* data, int head, int token, float* out) const {
        if (dtype == KvDtype::Int8) {
            const Int8Row row(head, token, kvHeads, tokens, headDim);
            const float scale = int8ScaleAt(data, row);
            for (int i = 0; i < headDim; ++i) {
                out[i] = scale * static_cast<float>(static_cast<std::int8_t>(data[row.codes + static_cast<std::size_t>(i)]));
            }
            return;
        }
        const std::byte* row = data + rowAt(head, token);
        for (int i = 0; i < headDim; ++i) {
            if (dtype == KvDtype::F32) {
                std::memcpy(out + i, row + 4 * i, 4);
            } else {
                std::uint16_t bits = 0;
                std::memcpy(&bits, row + 2 * i, sizeof bits);
                out[i] = dtype == KvDtype::F16 ? halfToFloat(bits) : bf16ToFloat(bits);
            }
        }
    }

    void write(std::byte* data, int head, int token, const float* in) const {
        if (dtype == KvDtype::Int8) {
            const Int8Row row(head, token, kvHeads, tokens, headDim);
            const std::uint16_t scale = encodeInt8Row(in, headDim, data + row.codes);
            std::memcpy(data + row.scale, &scale, sizeof scale);
            return;
        }
        std::byte* row = data + rowAt(head, token);
        for (int i = 0; i < headDim; ++i) {
            if (dtype == KvDtype::F32) {
                std::memcpy(row + 4 * i, in + i, 4);
            } else {
                const std::uint16_t bits = dtype == KvDtype::F16 ? floatToHalf(in[i]) : floatToBf16(in[i]);
                std::memcpy(row + 2 * i, &bits, sizeof bits);
            }
        }
    }
};

/// The D values of a position's head in K or V of a cache.
float* cacheHead(void* data, const KvLayerView& cache, int head, int position) {
    assert(head >= 0 && head < cache.kvHeads && position >= 0 && position < cache.capacity);
    return static_cast<float*>(data) + (static_cast<std::ptrdiff_t>(head) * cache.capacity + position) * cache.headDim;
}

class ReferenceWeights final : public WeightMatrix {
public:
    ReferenceWeights(int outputs, int inputs)
        : WeightMatrix(outputs, inputs), transposed(static_cast<std::size_t>(outputs) * static_cast<std::size_t>(inputs)) {}

    std::vector<float> transposed;  // [K, N]
    std::vector<float> bias;        // [N] or empty
};

class ReferenceBackend final : public Backend {
public:
    explicit ReferenceBackend(int threads) : m_threads(threads > 0 ? threads : omp_get_max_threads()) {}

    std::string name() const override { return "reference"; }
    Precision precision() const override { return Precision::F32; }
    DType activationType() const override { return DType::F32; }
    int threads() const override { return m_threads; }

    Buffer allocate(std::uint64_t bytes) override {
        const std::size_t rounded = (std::max<std::size_t>(bytes, 1) + 63) / 64 * 64;
        void* data = std::aligned_alloc(64, rounded);
        if (data == nullptr) {
            throw std::bad_alloc();
        }
        std::memset(data, 0, rounded);
        return Buffer(data, bytes, [](void* memory) { std::free(memory); });
    }
    void upload(void* to, const void* fromHost, std::uint64_t bytes) override { copyBytes(to, fromHost, bytes); }
    void download(void* toHost, const void* from, std::uint64_t bytes) override { copyBytes(toHost, from, bytes); }
    std::uint64_t kvLayerBytes(int kvHeads, int headDim, int capacity) const override {
        return static_cast<std::uint64_t>(kvHeads) * static_cast<std::uint64_t>(headDim) *
               static_cast<std::uint64_t>(capacity) * sizeof(float);
    }

    std::uint64_t matrixBytes(std::span<const HostTensor* const> parts, MatrixUse /*use*/) const override {
        std::uint64_t bytes = 0;
        for (const HostTensor* part : parts)
            bytes += static_cast<std::uint64_t>(part->rows) * static_cast<std::uint64_t>(part->columns) * sizeof(float);
        return bytes;
    }
    std::unique_ptr<WeightMatrix> packMatrix(std::span<const HostTensor* const> parts, std::span<const float> bias,
                                             MatrixUse use) override;
    void matmulRow(TensorView x, const WeightMatrix& weights, TensorView out, Accumulate accumulate) override {
        matmul(x, weights, out, accumulate);
    }
    void embed(const HostTensor& table, RowNumbers ids, TensorView x) override;
    void rmsNorm(TensorView x, std::span<const float> weight, float eps, TensorView out) override;
    void headNorm(TensorView x, int heads, std::span<const float> weight, float eps) override;
    void matmul(TensorView x, const WeightMatrix& weights, TensorView out, Accumulate accumulate) override;
    void swiglu(TensorView gateUp, TensorView out) override;
    void gatherRows(TensorView x, RowNumbers rows, TensorView out) override;
    void rotateQueries(TensorView q, int heads, RowNumbers positions, const RopeTable& rope, TensorView out) override;
    void scatterKv(TensorView k, TensorView v, RowNumbers positions, const RopeTable& rope, KvLayerView cache) override;
    void placeSlice(const KvSliceView& slice, int firstPosition, const RopeTable& rope, KvLayerView cache) override;
    void exportSlice(TensorView k, TensorView v, int kvHeads, KvDtype dtype, std::byte* kOut, std::byte* vOut) override;
    void deviation(TensorView k, TensorView v, const KvSliceView& slice, int kvHeads, DeviationMetric metric,
                   TensorView dev) override;
    void attention(TensorView q, int heads, KvLayerView cache, RowNumbers keyLimits, TensorView out,
                   const TensorView* mass) override;
    void accumulateScore(TensorView mass, KvLayerView cache, int begin, int count, ScoreWeight weight, float scale,
                         TensorView score) override;
    KvLayerView headOf(KvLayerView cache, int kvHead) const override;
    void readKv(KvLayerView cache, int position, std::span<float> k, std::span<float> v) override;
    void writeKv(KvLayerView cache, int position, std::span<const float> k, std::span<const float> v) override;

private:
    const int m_threads;
};

std::unique_ptr<WeightMatrix> ReferenceBackend::packMatrix(std::span<const HostTensor* const> parts,
                                                           std::span<const float> bias, MatrixUse /*use*/) {
    assert(!parts.empty());
    int outputs = 0;
    for (const HostTensor* part : parts) {
        assert(part->columns == parts[0]->columns);
        outputs += part->rows;
    }
    assert(bias.empty() || bias.size() == static_cast<std::size_t>(outputs));
    const int inputs = parts[0]->columns;
    auto weights = std::make_unique<ReferenceWeights>(outputs, inputs);
    weights->bias.assign(bias.begin(), bias.end());
    std::vector<float> row(static_cast<std::size_t>(inputs));
    int output = 0;
    for (const HostTensor* part : parts) {
        for (int i = 0; i < part->rows; ++i, ++output) {
            dequantiseRows(*part, i, 1, row.data());
            for (int j = 0; j < inputs; ++j) {
                weights->transposed[static_cast<std::size_t>(j) * static_cast<std::size_t>(outputs) +
                                    static_cast<std::size_t>(output)] = row[static_cast<std::size_t>(j)];
            }
        }
    }
    return weights;
}

void ReferenceBackend::embed(const HostTensor& table, RowNumbers ids, TensorView x) {
    assert(x.columns == table.columns && x.rows >= ids.count());
    for (int m = 0; m < ids.count(); ++m) {
        const TokenId id = ids.values()[static_cast<std::size_t>(m)];
        assert(id >= 0 && id < table.rows);
        dequantiseRows(table, id, 1, floatRow(x, m));
    }
}

void ReferenceBackend::rmsNorm(TensorView x, std::span<const float> weight, float eps, TensorView out) {
    assert(weight.size() == static_cast<std::size_t>(x.columns) && out.columns == x.columns && out.rows == x.rows);
#pragma omp parallel for num_threads(m_threads)
    for (int m = 0; m < x.rows; ++m) {
        const float* from = floatRow(x, m);
        float* to = floatRow(out, m);
        const float scale = 1.0F / std::sqrt(dot(from, from, x.columns) / static_cast<float>(x.columns) + eps);
        for (int i = 0; i < x.columns; ++i) {
            to[i] = from[i] * scale * weight[static_cast<std::size_t>(i)];
        }
    }
}

void ReferenceBackend::headNorm(TensorView x, int heads, std::span<const float> weight, float eps) {
    const int headDim = static_cast<int>(weight.size());
    assert(x.columns == heads * headDim);
    for (int head = 0; head < heads; ++head) {
        const TensorView columns = x.columnsSlice(head * headDim, headDim);
        rmsNorm(columns, weight, eps, columns);
    }
}

void ReferenceBackend::matmul(TensorView x, const WeightMatrix& matrix, TensorView out, Accumulate accumulate) {
    const auto& weights = static_cast<const ReferenceWeights&>(matrix);
    const int inputs = weights.inputs();
    const int outputs = weights.outputs();
    assert(x.columns == inputs && out.columns == outputs && out.rows == x.rows);
    constexpr int kColumns = 32;  // columns computed together: their sums stay in registers
    const int blocks = (outputs + kColumns - 1) / kColumns;
#pragma omp parallel for num_threads(m_threads)
    for (int block = 0; block < blocks; ++block) {
        const int begin = block * kColumns;
        const int count = std::min(kColumns, outputs - begin);
        for (int m = 0; m < x.rows; ++m) {
            const float* from = floatRow(x, m);
            float sums[kColumns] = {};
            for (int k = 0; k < inputs; ++k) {
                const float* w = weights.transposed.data() + static_cast<std::ptrdiff_t>(k) * outputs + begin;
                if (count == kColumns) {
                    for (int n = 0; n < kColumns; ++n) {
                        sums[n] += from[k] * w[n];
                    }
                } else {
                    for (int n = 0; n < count; ++n) {
                        sums[n] += from[k] * w[n];
                    }
                }
            }
            float* to = floatRow(out, m) + begin;
            for (int n = 0; n < count; ++n) {
                const float bias = weights.bias.empty() ? 0.0F : weights.bias[static_cast<std::size_t>(begin + n)];
                to[n] = (accumulate == Accumulate::Yes ? to[n] : 0.0F) + (sums[n] + bias);
            }
        }
    }
}

void ReferenceBackend::swiglu(TensorView gateUp, TensorView out) {
    assert(gateUp.columns == 2 * out.columns && gateUp.rows == out.rows);
#pragma omp parallel for num_threads(m_threads)
    for (int m = 0; m < out.rows; ++m) {
        const float* gate = floatRow(gateUp, m);
        const float* up = gate + out.columns;
        float* to = floatRow(out, m);
        for (int i = 0; i < out.columns; ++i) {
            to[i] = gate[i] / (1.0F + std::exp(-gate[i])) * up[i];
        }
    }
}

void ReferenceBackend::gatherRows(TensorView x, RowNumbers rows, TensorView out) {
    assert(out.rows >= rows.count() && out.columns == x.columns);
    for (int m = 0; m < rows.count(); ++m) {
        std::copy_n(floatRow(x, rows.values()[static_cast<std::size_t>(m)]), x.columns, floatRow(out, m));
    }
}

void ReferenceBackend::rotateQueries(TensorView q, int heads, RowNumbers positions, const RopeTable& rope, TensorView out) {
    assert(q.columns % heads == 0 && out.columns == q.columns && positions.count() == q.rows);
    const int headDim = q.columns / heads;
#pragma omp parallel for num_threads(m_threads)
    for (int m = 0; m < q.rows; ++m) {
        float* to = floatRow(out, m);
        std::memmove(to, floatRow(q, m), static_cast<std::size_t>(q.columns) * sizeof(float));
        for (int head = 0; head < heads; ++head) {
            rotate(to + head * headDim, rope, positions.values()[static_cast<std::size_t>(m)]);
        }
    }
}

void ReferenceBackend::scatterKv(TensorView k, TensorView v, RowNumbers positions, const RopeTable& rope,
                                 KvLayerView cache) {
    assert(k.columns == cache.kvHeads * cache.headDim && v.columns == k.columns && v.rows == k.rows);
    assert(positions.count() == k.rows);
    for (int m = 0; m < k.rows; ++m) {
        const int position = positions.values()[static_cast<std::size_t>(m)];
        for (int head = 0; head < cache.kvHeads; ++head) {
            float* key = cacheHead(cache.k, cache, head, position);
            std::copy_n(floatRow(k, m) + head * cache.headDim, cache.headDim, key);
            rotate(key, rope, position);
            std::copy_n(floatRow(v, m) + head * cache.headDim, cache.headDim, cacheHead(cache.v, cache, head, position));
        }
    }
}

void ReferenceBackend::placeSlice(const KvSliceView& slice, int firstPosition, const RopeTable& rope, KvLayerView cache) {
    assert(firstPosition >= 0 && firstPosition + slice.tokens <= cache.capacity);
    const StoredRows rows{slice.dtype, cache.kvHeads, slice.tokens, cache.headDim};
    for (int head = 0; head < cache.kvHeads; ++head) {
#pragma omp parallel for num_threads(m_threads)
        for (int token = 0; token < slice.tokens; ++token) {
            const int position = firstPosition + token;
            float* key = cacheHead(cache.k, cache, head, position);
            rows.read(slice.k, head, token, key);
            rows.read(slice.v, head, token, cacheHead(cache.v, cache, head, position));
            rotate(key, rope, position);
        }
    }
}

void ReferenceBackend::exportSlice(TensorView k, TensorView v, int kvHeads, KvDtype dtype, std::byte* kOut,
                                   std::byte* vOut) {
    assert(k.columns % kvHeads == 0 && v.columns == k.columns && v.rows == k.rows);
    const StoredRows rows{dtype, kvHeads, k.rows, k.columns / kvHeads};
#pragma omp parallel for num_threads(m_threads)
    for (int m = 0; m < k.rows; ++m) {
        for (int head = 0; head < kvHeads; ++head) {
            rows.write(kOut, head, m, floatRow(k, m) + head * rows.headDim);
            rows.write(vOut, head, m, floatRow(v, m) + head * rows.headDim);
        }
    }
}

void ReferenceBackend::deviation(TensorView k, TensorView v, const KvSliceView& slice, int kvHeads, DeviationMetric metric,
                                 TensorView dev) {
    assert(k.rows == slice.tokens && v.rows == slice.tokens && dev.columns == slice.tokens);
    const StoredRows rows{slice.dtype, kvHeads, slice.tokens, k.columns / kvHeads};
#pragma omp parallel for num_threads(m_threads)
    for (int token = 0; token < slice.tokens; ++token) {
        std::vector<float> stored(static_cast<std::size_t>(rows.headDim));
        float sum = 0;
        const auto add = [&](const std::byte* data, TensorView fresh, int head) {
            rows.read(data, head, token, stored.data());
            for (int i = 0; i < rows.headDim; ++i) {
                const float difference =
                    floatRow(fresh, token)[head * rows.headDim + i] - stored[static_cast<std::size_t>(i)];
                sum += difference * difference;
            }
        };
        for (int head = 0; head < kvHeads; ++head) {
            if (metric != DeviationMetric::V) {
                add(slice.k, k, head);
            }
            if (metric != DeviationMetric::K) {
                add(slice.v, v, head);
            }
        }
        floatRow(dev, 0)[token] = sum;
    }
}

void ReferenceBackend::attention(TensorView q, int heads, KvLayerView cache, RowNumbers keyLimits, TensorView out,
                                 const TensorView* mass) {
    const int headDim = cache.headDim;
    assert(q.columns == heads * headDim && out.columns == q.columns && out.rows == q.rows);
    assert(heads % cache.kvHeads == 0 && keyLimits.count() == q.rows);
    if (q.rows == 0) {
        return;
    }
    const std::span<const int> limits = keyLimits.values();
    const int greatest = keyLimits.most();
    assert(*std::min_element(limits.begin(), limits.end()) >= 1 && greatest <= cache.capacity);
    const float scale = 1.0F / std::sqrt(static_cast<float>(headDim));
    // [H, greatest] each: the row's probabilities; their sums over rows. Heads are summed in order at the end.
    const std::size_t perHead = static_cast<std::size_t>(greatest);
    std::vector<float> probabilities(static_cast<std::size_t>(heads) * perHead);
    std::vector<float> headMass(mass != nullptr ? probabilities.size() : 0);
#pragma omp parallel for num_threads(m_threads) schedule(dynamic)
    for (int head = 0; head < heads; ++head) {
        const int kvHead = head / (heads / cache.kvHeads);
        float* p = probabilities.data() + static_cast<std::size_t>(head) * perHead;
        for (int m = 0; m < q.rows; ++m) {
            const int limit = limits[static_cast<std::size_t>(m)];
            const float* query = floatRow(q, m) + head * headDim;
            float* to = floatRow(out, m) + head * headDim;
            for (int key = 0; key < limit; ++key) {
                p[key] = dot(query, cacheHead(cache.k, cache, kvHead, key), headDim) * scale;
            }
            const float maximum = *std::max_element(p, p + limit);
            float sum = 0;
            for (int key = 0; key < limit; ++key) {
                p[key] = std::exp(p[key] - maximum);
                sum += p[key];
            }
            std::fill_n(to, headDim, 0.0F);
            for (int key = 0; key < limit; ++key) {
                p[key] /= sum;
                const float* value = cacheHead(cache.v, cache, kvHead, key);
                for (int i = 0; i < headDim; ++i) {
                    to[i] += p[key] * value[i];
                }
                if (mass != nullptr) {
                    headMass[static_cast<std::size_t>(head) * perHead + static_cast<std::size_t>(key)] += p[key];
                }
            }
        }
    }
    if (mass != nullptr) {
        assert(mass->columns >= greatest);
        for (int head = 0; head < heads; ++head) {
            for (int key = 0; key < greatest; ++key) {
                floatRow(*mass, 0)[key] +=
                    headMass[static_cast<std::size_t>(head) * perHead + static_cast<std::size_t>(key)];
            }
        }
    }
}

void ReferenceBackend::accumulateScore(TensorView mass, KvLayerView cache, int begin, int count, ScoreWeight weight,
                                       float scale, TensorView score) {
    assert(begin >= 0 && begin + count <= mass.columns && count <= score.columns);
    for (int i = 0; i < count; ++i) {
        float norm = 1;
        if (weight == ScoreWeight::AttentionTimesValueNorm) {
            float squares = 0;
            for (int head = 0; head < cache.kvHeads; ++head) {
                const float* value = cacheHead(cache.v, cache, head, begin + i);
                squares += dot(value, value, cache.headDim);
            }
            norm = std::sqrt(squares);
        }
        floatRow(score, 0)[i] += scale * floatRow(mass, 0)[begin + i] * norm;
    }
}

KvLayerView ReferenceBackend::headOf(KvLayerView cache, int kvHead) const {
    assert(kvHead >= 0 && kvHead < cache.kvHeads);
    KvLayerView head = cache;
    head.k = cacheHead(cache.k, cache, kvHead, 0);
    head.v = cacheHead(cache.v, cache, kvHead, 0);
    head.kvHeads = 1;
    return head;
}

void ReferenceBackend::readKv(KvLayerView cache, int position, std::span<float> k, std::span<float> v) {
    assert(k.size() == static_cast<std::size_t>(cache.kvHeads * cache.headDim) && v.size() == k.size());
    for (int head = 0; head < cache.kvHeads; ++head) {
        std::copy_n(cacheHead(cache.k, cache, head, position), cache.headDim, k.data() + head * cache.headDim);
        std::copy_n(cacheHead(cache.v, cache, head, position), cache.headDim, v.data() + head * cache.headDim);
    }
}

void ReferenceBackend::writeKv(KvLayerView cache, int position, std::span<const float> k, std::span<const float> v) {
    assert(k.size() == static_cast<std::size_t>(cache.kvHeads * cache.headDim) && v.size() == k.size());
    for (int head = 0; head < cache.kvHeads; ++head) {
        std::copy_n(k.data() + head * cache.headDim, cache.headDim, cacheHead(cache.k, cache, head, position));
        std::copy_n(v.data() + head * cache.headDim, cache.headDim, cacheHead(cache.v, cache, head, position));
    }
}

}  // namespace

std::unique_ptr<Backend> createReferenceBackend(int threads) { return std::make_unique<ReferenceBackend>(threads); }

}  // namespace engine
