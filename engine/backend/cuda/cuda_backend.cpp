// CudaBackend: the operations as launches on one compute stream. Nothing here waits for the device but download(), exportSlice(),
// rankGreatest() and readKv(): their results are for the host.
#include "engine/backend/cuda/cuda_backend.h"

#include <algorithm>
#include <numeric>
#include <unordered_map>

#include "engine/backend/cuda/burst_recorder.h"
#include "engine/backend/cuda/kernels/attention.h"
#include "engine/backend/cuda/kernels/norm.h"
#include "engine/backend/cuda/kernels/row_product.h"
#include "engine/backend/cuda/kernels/rows.h"
#include "engine/backend/cuda/row_selector.h"
#include "engine/backend/cuda/slice_ring.h"
#include "engine/backend/cuda/stream_marks.h"
#include "engine/backend/cuda/uploads.h"
#include "engine/backend/cuda/weight_matrix.h"
#include "engine/backend/half.h"

namespace engine::cuda {
namespace {

constexpr std::uint64_t kWorkspaceBytes = 64U
                                          << 20U;    // of cuBLASLt: what its Hopper kernels are documented to like is 32 MiB
constexpr std::uint64_t kTransferBytes = 4U << 20U;  // a piece on its way to the host
constexpr std::size_t kKnownIndices = 16;
constexpr std::size_t kKnownConstants = 1024;

/// Grows to the greatest need; contents do not survive. Used in the compute stream's order only.
class Scratch {
public:
    explicit Scratch(MemoryPool& pool) : m_pool(pool) {}
    template <class T>
    T* of(std::size_t count) {
        if (m_buffer.bytes() < count * sizeof(T)) {
            m_buffer = Buffer();  // never both at once
            m_buffer = m_pool.take(count * sizeof(T));
        }
        return static_cast<T*>(m_buffer.data());
    }

private:
    MemoryPool& m_pool;
    Buffer m_buffer;
};

class CudaBackend final : public Backend {
public:
    CudaBackend(Precision precision, Bursts bursts);
    ~CudaBackend() override;

    std::string name() const override { return "cuda"; }
    Precision precision() const override { return m_precision; }
    DType activationType() const override { return m_narrow; }
    int threads() const override { return 1; }
    void burst(const std::function<void()>& work) override { m_bursts.run(work); }

    Mark mark() override { return m_marks.set(); }
    void timesOf(std::span<const Mark> marks, std::span<TimePoint> times) override { m_marks.timesOf(marks, times); }

    Buffer allocate(std::uint64_t bytes) override;
    bool inHostMemory() const override { return false; }
    Buffer allocateHost(std::uint64_t bytes) override { return m_pinned.take(bytes); }
    bool pinsHostMemory() const override { return true; }
    void upload(void* to, const void* fromHost, std::uint64_t bytes) override { m_uploads.upload(to, fromHost, bytes); }
    void download(void* toHost, const void* from, std::uint64_t bytes) override;
    std::uint64_t kvLayerBytes(int kvHeads, int headDim, int capacity) const override {
        return static_cast<std::uint64_t>(kvHeads) * static_cast<std::uint64_t>(headDim) *
               static_cast<std::uint64_t>(capacity) * elementBytes(m_narrow);
    }
    std::uint64_t freeBytes() const override;

    void keepTable(const HostTensor& table) override;
    void forgetTable(const HostTensor& table) override { m_tables.erase(table.data.data()); }
    std::uint64_t matrixBytes(std::span<const HostTensor* const> parts, MatrixUse use) const override {
        return CudaMatrix::packedBytes(parts, use, m_narrow, keepsCodes());
    }
    std::unique_ptr<WeightMatrix> packMatrix(std::span<const HostTensor* const> parts, std::span<const float> bias,
                                             MatrixUse use) override;
    void embed(const HostTensor& table, RowNumbers ids, TensorView x) override;
    void rmsNorm(TensorView x, std::span<const float> weight, float eps, TensorView out) override;
    void headNorm(TensorView x, int heads, std::span<const float> weight, float eps) override;
    void matmul(TensorView x, const WeightMatrix& weights, TensorView out, Accumulate accumulate) override;
    void matmulRow(TensorView x, const WeightMatrix& weights, TensorView out, Accumulate accumulate) override;
    void swiglu(TensorView gateUp, TensorView out) override { launchSwiglu(m_compute, gateUp, out); }
    int feedForwardRows() const override { return 8192; }
    void gatherRows(TensorView x, RowNumbers rows, TensorView out) override;
    void rotateQueries(TensorView q, int heads, RowNumbers positions, const RopeTable& rope, TensorView out) override;
    void scatterKv(TensorView k, TensorView v, RowNumbers positions, const RopeTable& rope, KvLayerView cache) override;
    void placeSlice(const KvSliceView& slice, int firstPosition, const RopeTable& rope, KvLayerView cache) override;
    Mark placeSlices(std::span<const SliceAt> slices, const RopeTable& rope, KvLayerView cache) override;
    std::uint64_t uploadTicket() const override { return m_slices.ticket(); }
    void awaitUploads(std::uint64_t ticket) noexcept override { m_slices.await(ticket); }
    void exportSlice(TensorView k, TensorView v, int kvHeads, KvDtype dtype, std::byte* kOut, std::byte* vOut) override;
    void deviation(TensorView k, TensorView v, const KvSliceView& slice, int kvHeads, DeviationMetric metric,
                   TensorView dev) override;
    Mark deviations(TensorView k, TensorView v, std::span<const SliceAt> slices, int kvHeads, DeviationMetric metric,
                    TensorView dev) override;
    void attention(TensorView q, int heads, KvLayerView cache, RowNumbers keyLimits, TensorView out,
                   const TensorView* mass) override;
    void accumulateScore(TensorView mass, KvLayerView cache, int begin, int count, ScoreWeight weight, float scale,
                         TensorView score) override;
    KvLayerView headOf(KvLayerView cache, int kvHead) const override;
    void copyKv(KvLayerView from, KvLayerView to, int count) override;
    ChosenRows chooseRows(TensorView score, const RowChoice& choice) override { return m_selector.choose(score, choice); }
    void rankGreatest(TensorView row, std::span<int> indices, std::span<float> values) override {
        m_selector.rank(row, indices, values);
    }
    void readKv(KvLayerView cache, int position, std::span<float> k, std::span<float> v) override;
    void writeKv(KvLayerView cache, int position, std::span<const float> k, std::span<const float> v) override;

private:
    static int multiprocessors();
    bool keepsCodes() const { return m_precision == Precision::Bf16; }  // the f32 precision is for comparing: no digits
    CacheView view(KvLayerView cache) const {
        return {cache.k, cache.v, m_narrow, cache.capacity, cache.kvHeads, cache.headDim};
    }
    /// Uploads the slices and their table; returns what the kernels need.
    SliceRing::Sent send(std::span<const SliceAt> slices, int kvHeads, int headDim);
    RowDigits digitsOf(const void* x, int inputs);
    /// On the device: there already, in a slot of the burst, or recognised by their contents.
    const int* indices(BurstRecorder::Use use, RowNumbers numbers) {
        if (!numbers.onHost())
            return numbers.data();
        const int* place = m_bursts.place(use, numbers.values());
        return place != nullptr ? place : m_indices.find(numbers.values());
    }
    /// Bytes of one position of a head in a cache.
    std::size_t headBytes(const KvLayerView& cache) const {
        return static_cast<std::size_t>(cache.headDim) * elementBytes(m_narrow);
    }

    const Precision m_precision;
    const DType m_narrow;
    const int m_processors;
    Stream m_compute;
    StreamMarks m_marks{m_compute};
    MemoryPool m_memory{MemoryPool::Kind::Device, &m_compute};
    MemoryPool m_pinned{MemoryPool::Kind::Pinned};
    Buffer m_workspace;
    Buffer m_transfer;  // pinned
    UploadRing m_uploads{m_pinned, m_compute};
    BurstRecorder m_bursts;
    SliceRing m_slices{m_memory, m_pinned, m_compute};
    RowSelector m_selector{m_memory, m_pinned, m_uploads, m_compute};
    MatrixProduct m_product;
    KnownArrays<int> m_indices{m_memory, m_uploads, kKnownIndices};
    KnownArrays<float> m_constants{m_memory, m_uploads, kKnownConstants};
    KnownRopes m_ropes{m_memory, m_uploads};
    std::unordered_map<const std::byte*, Buffer> m_tables;  // kept embedding tables, by their host memory
    Scratch m_places{m_memory}, m_lse{m_memory}, m_partials{m_memory}, m_digits{m_memory}, m_exported{m_memory},
        m_rows{m_memory};
};

int CudaBackend::multiprocessors() {
    int device = 0;
    int count = 0;
    CUDA_CHECK(cudaGetDevice(&device));
    CUDA_CHECK(cudaDeviceGetAttribute(&count, cudaDevAttrMultiProcessorCount, device));
    return count;
}

CudaBackend::CudaBackend(Precision precision, Bursts bursts)
    : m_precision(precision == Precision::F32 ? Precision::F32 : Precision::Bf16),
      m_narrow(m_precision == Precision::F32 ? DType::F32 : DType::Bf16),
      m_processors(multiprocessors()),
      m_workspace(m_memory.take(kWorkspaceBytes)),
      m_transfer(m_pinned.take(kTransferBytes)),
      m_bursts(m_compute, m_memory, m_uploads, bursts),
      m_product(m_workspace.data(), kWorkspaceBytes) {}

CudaBackend::~CudaBackend() {
    // Whatever is under way reads and writes what goes away now. A broken device has nothing under way.
    static_cast<void>(cudaStreamSynchronize(m_slices.copies().get()));
    static_cast<void>(cudaStreamSynchronize(m_compute.get()));
}

Buffer CudaBackend::allocate(std::uint64_t bytes) {
    Buffer buffer = m_memory.take(bytes);
    CUDA_CHECK(cudaMemsetAsync(buffer.data(), 0, bytes, m_compute.get()));
    return buffer;
}

std::uint64_t CudaBackend::freeBytes() const {
    std::size_t free = 0;
    std::size_t total = 0;
    CUDA_CHECK(cudaMemGetInfo(&free, &total));
    return free;
}

void CudaBackend::download(void* toHost, const void* from, std::uint64_t bytes) {
    for (std::uint64_t done = 0; done < bytes; done += kTransferBytes) {
        const std::uint64_t piece = std::min(kTransferBytes, bytes - done);
        CUDA_CHECK(cudaMemcpyAsync(m_transfer.data(), static_cast<const std::byte*>(from) + done, piece,
                                   cudaMemcpyDeviceToHost, m_compute.get()));
        m_compute.synchronise();
        std::memcpy(static_cast<std::byte*>(toHost) + done, m_transfer.data(), piece);
    }
}

void CudaBackend::keepTable(const HostTensor& table) {
    Buffer copy = m_memory.take(table.data.size());
    m_uploads.upload(copy.data(), table.data.data(), table.data.size());
    m_tables.insert_or_assign(table.data.data(), std::move(copy));
}

std::unique_ptr<WeightMatrix> CudaBackend::packMatrix(std::span<const HostTensor* const> parts, std::span<const float> bias,
                                                      MatrixUse use) {
    return CudaMatrix::pack(parts, bias, use, m_narrow, keepsCodes(), m_memory, m_uploads, m_compute);
}

void CudaBackend::embed(const HostTensor& table, RowNumbers ids, TensorView x) {
    assert(x.columns == table.columns && x.rows >= ids.count());
    if (ids.count() == 0)
        return;
    const TensorView rows = x.slice(0, ids.count());
    if (const auto kept = m_tables.find(table.data.data()); kept != m_tables.end()) {
        launchEmbed(m_compute, static_cast<const std::uint8_t*>(kept->second.data()), table.type,
                    indices(BurstRecorder::Use::Ids, ids), rows);
        return;
    }
    std::vector<std::byte> named;
    named.reserve(static_cast<std::size_t>(ids.count()) * table.rowBytes());
    std::vector<int> order(static_cast<std::size_t>(ids.count()));
    std::iota(order.begin(), order.end(), 0);
    for (const TokenId id : ids.values()) {
        const std::span<const std::byte> row = table.row(id);
        named.insert(named.end(), row.begin(), row.end());
    }
    auto* onDevice = m_rows.of<std::uint8_t>(named.size());
    m_uploads.upload(onDevice, named.data(), named.size());
    launchEmbed(m_compute, onDevice, table.type, indices(BurstRecorder::Use::Rows, order), rows);
}

void CudaBackend::rmsNorm(TensorView x, std::span<const float> weight, float eps, TensorView out) {
    assert(weight.size() == static_cast<std::size_t>(x.columns));
    launchRmsNorm(m_compute, x, m_constants.find(weight), eps, out);
}

void CudaBackend::headNorm(TensorView x, int heads, std::span<const float> weight, float eps) {
    assert(x.columns == heads * static_cast<int>(weight.size()));
    launchHeadNorm(m_compute, x, heads, m_constants.find(weight), eps);
}

void CudaBackend::matmul(TensorView x, const WeightMatrix& weights, TensorView out, Accumulate accumulate) {
    const auto& matrix = static_cast<const CudaMatrix&>(weights);
    assert(matrix.hasDense());  // packed for several rows
    m_product.multiply(m_compute, x, matrix.dense(), out, accumulate == Accumulate::Yes);
}

RowDigits CudaBackend::digitsOf(const void* x, int inputs) {
    const auto count = static_cast<std::size_t>(inputs);
    auto* memory = m_digits.of<std::byte>(2 * count + count / 32 * sizeof(float) + count / 16 * sizeof(std::int32_t));
    RowDigits digits;
    digits.high = reinterpret_cast<std::int8_t*>(memory);
    digits.low = digits.high + count;
    digits.sums = reinterpret_cast<std::int32_t*>(memory + 2 * count);
    digits.scales = reinterpret_cast<float*>(digits.sums + count / 16);
    launchRowDigits(m_compute, x, m_narrow, inputs, digits);
    return digits;
}

void CudaBackend::matmulRow(TensorView x, const WeightMatrix& weights, TensorView out, Accumulate accumulate) {
    const auto& matrix = static_cast<const CudaMatrix&>(weights);
    assert(x.rows == 1 && out.rows == 1 && x.columns == matrix.inputs() && out.columns == matrix.outputs());
    const bool add = accumulate == Accumulate::Yes;
    if (matrix.parts().empty()) {
        launchDenseRow(m_compute, x.data, x.dtype, matrix.dense().weights, m_narrow, matrix.outputs(), matrix.inputs(),
                       {out.data, out.dtype, matrix.bias(), add});
        return;
    }
    const RowDigits digits = digitsOf(x.data, matrix.inputs());
    for (const CudaMatrix::Part& part : matrix.parts()) {
        const auto first = static_cast<std::size_t>(part.firstOutput);
        const float* bias = matrix.bias() == nullptr ? nullptr : matrix.bias() + first;
        launchQuantisedRow(m_compute, digits, part.format,
                           {static_cast<std::byte*>(out.data) + first * elementBytes(out.dtype), out.dtype, bias, add});
    }
}

void CudaBackend::gatherRows(TensorView x, RowNumbers rows, TensorView out) {
    assert(out.rows >= rows.count());
    if (rows.count() > 0)
        launchGatherRows(m_compute, x, indices(BurstRecorder::Use::Rows, rows), out.slice(0, rows.count()));
}

void CudaBackend::rotateQueries(TensorView q, int heads, RowNumbers positions, const RopeTable& rope, TensorView out) {
    assert(positions.count() == q.rows);
    if (q.rows > 0)
        launchRotateQueries(m_compute, q, heads, indices(BurstRecorder::Use::Positions, positions), m_ropes.find(rope), out);
}

void CudaBackend::scatterKv(TensorView k, TensorView v, RowNumbers positions, const RopeTable& rope, KvLayerView cache) {
    assert(positions.count() == k.rows);
    if (k.rows > 0)
        launchScatter(m_compute, k, v, indices(BurstRecorder::Use::Positions, positions), m_ropes.find(rope), view(cache));
}

SliceRing::Sent CudaBackend::send(std::span<const SliceAt> slices, int kvHeads, int headDim) {
    SliceRing::Sent sent = m_slices.send(slices, kvHeads, headDim);
    if (sent.tokens > 0)
        m_uploads.upload(m_places.of<SlicePlace>(sent.places.size()), sent.places.data(),
                         sent.places.size() * sizeof(SlicePlace));
    return sent;
}

void CudaBackend::placeSlice(const KvSliceView& slice, int firstPosition, const RopeTable& rope, KvLayerView cache) {
    const SliceAt one{slice, firstPosition};
    placeSlices(std::span(&one, 1), rope, cache);
}

Mark CudaBackend::placeSlices(std::span<const SliceAt> slices, const RopeTable& rope, KvLayerView cache) {
    for (const SliceAt& slice : slices) {
        assert(slice.slice.dtype == slices[0].slice.dtype && slice.at >= 0);
        assert(slice.at + slice.slice.tokens <= std::min(cache.capacity, rope.positions()));
        static_cast<void>(slice);
    }
    const SliceRing::Sent sent = send(slices, cache.kvHeads, cache.headDim);
    Mark there = mark();
    if (sent.tokens == 0)
        return there;
    launchPlace(m_compute, sent.piece, slices[0].slice.dtype, m_places.of<SlicePlace>(sent.places.size()),
                static_cast<int>(sent.places.size()), sent.tokens, m_ropes.find(rope), view(cache));
    m_slices.used(sent);
    return there;
}

void CudaBackend::exportSlice(TensorView k, TensorView v, int kvHeads, KvDtype dtype, std::byte* kOut, std::byte* vOut) {
    assert(k.columns == v.columns && v.rows == k.rows);
    const std::uint64_t bytes = storage::kvSliceBytes({1, kvHeads, k.columns / kvHeads, dtype}, k.rows);
    if (bytes == 0)
        return;
    const std::uint64_t second = (bytes + 15) / 16 * 16;
    auto* exported = m_exported.of<std::byte>(second + bytes);
    launchExport(m_compute, k, kvHeads, dtype, exported);
    launchExport(m_compute, v, kvHeads, dtype, exported + second);
    download(kOut, exported, bytes);
    download(vOut, exported + second, bytes);
}

void CudaBackend::deviation(TensorView k, TensorView v, const KvSliceView& slice, int kvHeads, DeviationMetric metric,
                            TensorView dev) {
    assert(k.rows == slice.tokens);
    const SliceAt one{slice, 0};
    deviations(k, v, std::span(&one, 1), kvHeads, metric, dev);
}

Mark CudaBackend::deviations(TensorView k, TensorView v, std::span<const SliceAt> slices, int kvHeads,
                             DeviationMetric metric, TensorView dev) {
    assert(dev.columns == k.rows && v.rows == k.rows);
    const SliceRing::Sent sent = send(slices, kvHeads, k.columns / kvHeads);
    Mark there = mark();
    if (sent.tokens == 0)
        return there;
    launchDeviation(m_compute, k, v, sent.piece, slices[0].slice.dtype, m_places.of<SlicePlace>(sent.places.size()),
                    static_cast<int>(sent.places.size()), sent.tokens, kvHeads, metric, static_cast<float*>(dev.data));
    m_slices.used(sent);
    return there;
}

void CudaBackend::attention(TensorView q, int heads, KvLayerView cache, RowNumbers keyLimits, TensorView out,
                            const TensorView* mass) {
    assert(q.columns == heads * cache.headDim && out.columns == q.columns && out.rows == q.rows);
    assert(heads % cache.kvHeads == 0 && keyLimits.count() == q.rows);
    if (q.rows == 0)
        return;
    AttentionTask task;
    task.q = q.data;
    task.qStride = q.stride;
    task.out = out.data;
    task.outStride = out.stride;
    task.cache = view(cache);
    task.limits = indices(BurstRecorder::Use::Limits, keyLimits);
    task.rows = q.rows;
    task.group = heads / cache.kvHeads;
    const int most = keyLimits.most();
    assert(most >= 1 && most <= cache.capacity);
    task.greatestLimit = mass == nullptr ? limitBucket(most) : most;  // the same launch for each limit of a bucket
    if (mass != nullptr)
        task.lse = m_lse.of<float>(static_cast<std::size_t>(q.rows) * static_cast<std::size_t>(heads));
    if (fitsTensorCores(task)) {
        const int splits = attentionSplits(task, m_processors);
        const std::size_t floats = attentionScratchFloats(task, splits);
        launchTensorCoreAttention(m_compute, task, splits, floats == 0 ? nullptr : m_partials.of<float>(floats));
    } else {
        launchPlainAttention(m_compute, task);
    }
    if (mass != nullptr) {
        assert(mass->columns >= task.greatestLimit);
        launchMass(m_compute, task, m_partials.of<float>(massScratchFloats(task)), static_cast<float*>(mass->data));
    }
}

void CudaBackend::accumulateScore(TensorView mass, KvLayerView cache, int begin, int count, ScoreWeight weight, float scale,
                                  TensorView score) {
    assert(begin >= 0 && begin + count <= mass.columns && begin + count <= cache.capacity && count <= score.columns);
    launchScore(m_compute, static_cast<const float*>(mass.data), view(cache), begin, count, weight, scale,
                static_cast<float*>(score.data));
}

KvLayerView CudaBackend::headOf(KvLayerView cache, int kvHead) const {
    assert(kvHead >= 0 && kvHead < cache.kvHeads);
    const std::size_t offset =
        static_cast<std::size_t>(kvHead) * static_cast<std::size_t>(cache.capacity) * headBytes(cache);
    KvLayerView head = cache;
    head.k = static_cast<std::byte*>(cache.k) + offset;
    head.v = static_cast<std::byte*>(cache.v) + offset;
    head.kvHeads = 1;
    return head;
}

void CudaBackend::copyKv(KvLayerView from, KvLayerView to, int count) {
    assert(from.kvHeads == to.kvHeads && from.headDim == to.headDim && count <= std::min(from.capacity, to.capacity));
    const auto copy = [&](void* target, const void* source) {
        CUDA_CHECK(cudaMemcpy2DAsync(target, headBytes(to) * static_cast<std::size_t>(to.capacity), source,
                                     headBytes(from) * static_cast<std::size_t>(from.capacity),
                                     headBytes(from) * static_cast<std::size_t>(count),
                                     static_cast<std::size_t>(from.kvHeads), cudaMemcpyDeviceToDevice, m_compute.get()));
    };
    if (count > 0) {
        copy(to.k, from.k);
        copy(to.v, from.v);
    }
}

void CudaBackend::readKv(KvLayerView cache, int position, std::span<float> k, std::span<float> v) {
    assert(k.size() == static_cast<std::size_t>(cache.kvHeads * cache.headDim) && v.size() == k.size());
    assert(position >= 0 && position < cache.capacity);
    std::vector<std::byte> bytes(headBytes(cache) * static_cast<std::size_t>(cache.kvHeads));
    const auto read = [&](const void* half, std::span<float> to) {
        CUDA_CHECK(
            cudaMemcpy2DAsync(m_transfer.data(), headBytes(cache),
                              static_cast<const std::byte*>(half) + headBytes(cache) * static_cast<std::size_t>(position),
                              headBytes(cache) * static_cast<std::size_t>(cache.capacity), headBytes(cache),
                              static_cast<std::size_t>(cache.kvHeads), cudaMemcpyDeviceToHost, m_compute.get()));
        m_compute.synchronise();
        std::memcpy(bytes.data(), m_transfer.data(), bytes.size());
        for (std::size_t i = 0; i < to.size(); ++i) {
            if (m_narrow == DType::F32) {
                std::memcpy(&to[i], bytes.data() + 4 * i, 4);
            } else {
                std::uint16_t bits = 0;
                std::memcpy(&bits, bytes.data() + 2 * i, 2);
                to[i] = bf16ToFloat(bits);
            }
        }
    };
    read(cache.k, k);
    read(cache.v, v);
}

void CudaBackend::writeKv(KvLayerView cache, int position, std::span<const float> k, std::span<const float> v) {
    assert(k.size() == static_cast<std::size_t>(cache.kvHeads * cache.headDim) && v.size() == k.size());
    assert(position >= 0 && position < cache.capacity);
    const auto write = [&](void* half, std::span<const float> from) {
        std::vector<std::byte> bytes(from.size() * elementBytes(m_narrow));
        for (std::size_t i = 0; i < from.size(); ++i) {
            const std::uint16_t bits = floatToBf16(from[i]);
            if (m_narrow == DType::F32)
                std::memcpy(bytes.data() + 4 * i, &from[i], 4);
            else
                std::memcpy(bytes.data() + 2 * i, &bits, 2);
        }
        auto* onDevice = m_rows.of<std::byte>(bytes.size());
        m_uploads.upload(onDevice, bytes.data(), bytes.size());
        CUDA_CHECK(cudaMemcpy2DAsync(static_cast<std::byte*>(half) + headBytes(cache) * static_cast<std::size_t>(position),
                                     headBytes(cache) * static_cast<std::size_t>(cache.capacity), onDevice, headBytes(cache),
                                     headBytes(cache), static_cast<std::size_t>(cache.kvHeads), cudaMemcpyDeviceToDevice,
                                     m_compute.get()));
    };
    write(cache.k, k);
    write(cache.v, v);
}

}  // namespace

std::unique_ptr<Backend> createBackendOnDevice(Precision precision, Bursts bursts) {
    return std::make_unique<CudaBackend>(precision, bursts);
}
std::unique_ptr<Backend> createBackendOnDevice(Precision precision) {
    return createBackendOnDevice(precision, Bursts::AsGraphs);
}

}  // namespace engine::cuda
