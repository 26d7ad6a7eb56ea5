// The operations in which back ends differ. The blend loop is written once, above them. Dimension letters: engine/README.md.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "engine/backend/rope_table.h"
#include "engine/backend/row_numbers.h"
#include "engine/backend/tensor.h"
#include "engine/model/host_tensor.h"
#include "engine/types.h"

namespace engine {

/// A weight matrix [N, K] in a back end's own layout, with its optional bias [N]. Constant after packing.
class WeightMatrix {
public:
    virtual ~WeightMatrix() = default;
    int outputs() const { return m_outputs; }  // N
    int inputs() const { return m_inputs; }    // K

protected:
    WeightMatrix(int outputs, int inputs) : m_outputs(outputs), m_inputs(inputs) {}

private:
    int m_outputs;
    int m_inputs;
};

/// One layer of a query's KV cache, in the back end's layout; position p of the prompt is row p. K is rotated.
struct KvLayerView {
    void* k = nullptr;
    void* v = nullptr;
    int capacity = 0;  // positions, a multiple of Backend::kKvGranularity
    int kvHeads = 0;
    int headDim = 0;
};

/// One layer of a stored record, in host memory: K then V, each [KH, T, D], K un-rotated.
struct KvSliceView {
    const std::byte* k = nullptr;
    const std::byte* v = nullptr;
    KvDtype dtype = KvDtype::F16;
    int tokens = 0;  // T
};

/// A stored slice and where its first token belongs.
struct SliceAt {
    KvSliceView slice;
    int at = 0;  // a position of the cache, or a row
};

/// Which rows are to go on: the forced ones and some chosen by rank. All in host memory.
struct RowChoice {
    std::span<const int> forced;             // [F] positions, ascending: go on in any case
    std::span<const std::uint8_t> excluded;  // [N] not 0 = is no candidate, as what is forced; empty = all are
    int begin = 0;                           // position of the score's first element
    int count = 0;                           // k of the candidates, no more than there are
    std::span<const int> ofPosition;  // [beyond the greatest position] what is wanted of each row: its token, its place
};

/// Rows that a back end has chosen, forced ones among them, ascending; F + k of each. Its numbers lie in `memory`.
struct ChosenRows {
    Buffer memory;
    RowNumbers positions;
    RowNumbers limits;      // of their keys, when each row sees itself and all before it: position + 1
    RowNumbers ofPosition;  // what was wanted of each
};

using TimePoint = std::chrono::steady_clock::time_point;

/// A moment in a back end's order of work: when all that it had been asked for was done. Must not outlive the back end.
struct Mark {
    TimePoint named;                    // when the host asked for it
    std::shared_ptr<const void> event;  // what a device knows it by; null = it was when it was named
};

enum class Accumulate { No, Yes };
/// Which products a matrix is packed for: matmul and matmulRow, or matmulRow alone (the output matrix).
enum class MatrixUse { Rows, OneRow };
/// What a query's attention to a context token is multiplied with before it is added to the score (ALGORITHM: query, query-value).
enum class ScoreWeight { Attention, AttentionTimesValueNorm };

/// A device that computes. One caller thread; threads of its own inside an operation. Operations are complete when they return
/// as far as the caller can see. A broken device throws std::runtime_error with a message that
/// begins with "device_failed: "; a full one throws std::bad_alloc with "too_little_memory: "; wrong shapes are programmer errors (assert).
///
/// Residual rows, projections of Q, K, V, logits, scores: fp32. Rows that feed a matrix product or attention ("narrow" rows):
/// activationType(). Buffers for M rows are allocated for paddedRows(M) rows; contents of padding rows are unspecified.
class Backend {
public:
    static constexpr int kKvGranularity = 128;
    static constexpr int kRowGranularity = 64;
    static int paddedRows(int rows) { return (rows + kRowGranularity - 1) / kRowGranularity * kRowGranularity; }
    static int paddedPositions(int positions) { return (positions + kKvGranularity - 1) / kKvGranularity * kKvGranularity; }

    virtual ~Backend() = default;

    virtual std::string name() const = 0;     // "reference", "cpu", "cuda"
    virtual Precision precision() const = 0;  // F32 or Bf16
    virtual DType activationType() const = 0;
    virtual int threads() const = 0;
    /// Calls `work`, which makes many small operations one after the other (a decoded token), on this thread. A hint: a back end may
    /// keep its threads at hand meanwhile, or give its device many operations at once. Their results are the same bits, and complete
    /// when a download asks for them or burst() returns; what a broken device throws may come only then.
    virtual void burst(const std::function<void()>& work) { work(); }

    // -- time
    /// Names the moment at which all that was asked for so far is done. Does not wait.
    virtual Mark mark() { return {std::chrono::steady_clock::now(), nullptr}; }
    /// When each of the marks was, by the host's clock; they are in the order in which they were named. Waits for the last of them. A device
    /// measures from the first, which is taken to have been when it was named: as it was if the device had nothing to do.
    virtual void timesOf(std::span<const Mark> marks, std::span<TimePoint> times);

    // -- memory
    virtual Buffer allocate(std::uint64_t bytes) = 0;  // 64-byte aligned, zero-filled
    /// Whether the host may read and write in place what allocate() gives.
    virtual bool inHostMemory() const { return true; }
    /// Host memory that the device copies from at full speed; contents unspecified, 64-byte aligned. Any thread.
    virtual Buffer allocateHost(std::uint64_t bytes);
    /// Whether allocateHost gives anything but plain memory.
    virtual bool pinsHostMemory() const { return false; }
    virtual void upload(void* to, const void* fromHost, std::uint64_t bytes) = 0;
    virtual void download(void* toHost, const void* from, std::uint64_t bytes) = 0;
    /// Bytes of K alone (= of V alone) of one layer.
    virtual std::uint64_t kvLayerBytes(int kvHeads, int headDim, int capacity) const = 0;

    /// Bytes that allocate() could still give; not known: the greatest number.
    virtual std::uint64_t freeBytes() const { return ~std::uint64_t{0}; }

    // -- weights
    /// `table` will be embedded from and stays as it is, where it is, until forgetTable: a device may keep a copy.
    virtual void keepTable(const HostTensor& /*table*/) {}
    virtual void forgetTable(const HostTensor& /*table*/) {}
    /// Bytes that packMatrix keeps of such parts: of their types and sizes alone, their data may be missing.
    virtual std::uint64_t matrixBytes(std::span<const HostTensor* const> parts, MatrixUse use) const = 0;
    /// Packs the parts, stacked by rows (Q‖K‖V, gate‖up), with their biases stacked likewise (empty = none).
    virtual std::unique_ptr<WeightMatrix> packMatrix(std::span<const HostTensor* const> parts, std::span<const float> bias,
                                                     MatrixUse use) = 0;

    // -- rows
    /// x[m,:] = table[ids[m],:]; the table stays in its file's format in host memory. Tokens that are not on the host: of a kept table
    /// only. x: [M, E] f32.
    virtual void embed(const HostTensor& table, RowNumbers ids, TensorView x) = 0;
    /// out = x / sqrt(mean(x²) + eps) * weight. x: [M, E] f32; weight: [E] f32 (host); out: [M, E] narrow.
    virtual void rmsNorm(TensorView x, std::span<const float> weight, float eps, TensorView out) = 0;
    /// The same per head, in place (Qwen3's q-norm and k-norm). x: [M, heads*D] f32; weight: [D].
    virtual void headNorm(TensorView x, int heads, std::span<const float> weight, float eps) = 0;
    /// out (+)= x · Wᵀ + bias. x: [M, K] narrow; out: [M, N] f32 or narrow (f32 when accumulating).
    virtual void matmul(TensorView x, const WeightMatrix& weights, TensorView out, Accumulate accumulate) = 0;
    /// The same for one row, as decoding needs it: bound by memory, so over the weights as their file holds them where the back end
    /// keeps them so. Its result may differ from matmul's by the rounding of weights (bf16), never by more. out: f32 or narrow.
    virtual void matmulRow(TensorView x, const WeightMatrix& weights, TensorView out, Accumulate accumulate) = 0;
    /// out = silu(gate) * up. gateUp: [M, 2F], gate first, f32 or narrow; out: [M, F] narrow.
    virtual void swiglu(TensorView gateUp, TensorView out) = 0;
    /// Rows that the feed-forward part is best done with at a time: their wide activations stay in cache, or fill the device.
    virtual int feedForwardRows() const { return 512; }
    /// out[m,:] = x[rows[m],:]. Both f32; out must not overlap x.
    virtual void gatherRows(TensorView x, RowNumbers rows, TensorView out) = 0;

    // -- keys and values
    /// out = RoPE(q) at positions. q: [M, H*D] f32; out: [M, H*D] narrow.
    virtual void rotateQueries(TensorView q, int heads, RowNumbers positions, const RopeTable& rope, TensorView out) = 0;
    /// Writes rows into the cache at their positions: K rotated in fp32, V as it is. k, v: [M, KH*D] f32, K un-rotated.
    virtual void scatterKv(TensorView k, TensorView v, RowNumbers positions, const RopeTable& rope, KvLayerView cache) = 0;
    /// Places a stored slice at positions [firstPosition, firstPosition + T): widened to fp32, K rotated, narrowed to the cache.
    virtual void placeSlice(const KvSliceView& slice, int firstPosition, const RopeTable& rope, KvLayerView cache) = 0;
    /// The same for several slices of one layer, which do not overlap. A device may read the slices' host memory, where it came from
    /// allocateHost, after this and deviations() have returned: until awaitUploads. Both return the moment from which the slices lay where
    /// they are read: before it the back end had nothing to do but wait for them.
    virtual Mark placeSlices(std::span<const SliceAt> slices, const RopeTable& rope, KvLayerView cache);
    /// Names the uploads begun so far; 0 = all host memory has been read.
    virtual std::uint64_t uploadTicket() const { return 0; }
    /// Returns once the uploads that the ticket names have been read, or never will be because the device is broken.
    virtual void awaitUploads(std::uint64_t /*ticket*/) noexcept {}
    /// The other way: rows [M, KH*D] f32 (K un-rotated) to a slice's bytes [KH, M, D] of `dtype` in host memory.
    virtual void exportSlice(TensorView k, TensorView v, int kvHeads, KvDtype dtype, std::byte* kOut, std::byte* vOut) = 0;
    /// dev[t] = Σ over heads and dims of (fresh − stored)², of K, of V, or of both, un-rotated, fp32. k, v: [T, KH*D] f32; dev: [1, T] f32.
    virtual void deviation(TensorView k, TensorView v, const KvSliceView& slice, int kvHeads, DeviationMetric metric,
                           TensorView dev) = 0;
    /// The same for several slices: rows [at, at + T) of k and v against each; other elements of dev stay. dev: [1, k.rows] f32.
    virtual Mark deviations(TensorView k, TensorView v, std::span<const SliceAt> slices, int kvHeads, DeviationMetric metric,
                            TensorView dev);

    /// Attention of M query rows over cache positions [0, keyLimits[m]): softmax(q·Kᵀ / sqrt(D)) · V. keyLimits ≥ 1.
    /// q, out: [M, H*D] narrow, H a multiple of the cache's KH. Positions at or beyond a row's limit never influence it, whatever
    /// they hold (NaN included). `mass`: [1, ≥ greatest limit] f32 or null; the attention probabilities, summed over rows and
    /// heads, are added to it per key.
    virtual void attention(TensorView q, int heads, KvLayerView cache, RowNumbers keyLimits, TensorView out,
                           const TensorView* mass) = 0;
    /// score[i] += scale * mass[begin+i] * (1 or ‖V[begin+i]‖₂ over all KV heads). mass: as above; score: [1, count] f32.
    virtual void accumulateScore(TensorView mass, KvLayerView cache, int begin, int count, ScoreWeight weight, float scale,
                                 TensorView score) = 0;

    /// One KV head's part of a layer, as a layer of a single head.
    virtual KvLayerView headOf(KvLayerView cache, int kvHead) const = 0;

    /// Copies positions [0, count) between caches of the same shape and layer.
    virtual void copyKv(KvLayerView from, KvLayerView to, int count);

    // -- choosing. Elements of a row [1, N] f32 in the order of ranking.h: the greater first, NaN as +∞, −0 equal to +0; of equal ones the
    // lower index. Same row, same bits.
    /// The forced rows and those of the first k candidates in that order, without a wait: what is chosen may be known to the device alone.
    /// score: [1, N] f32.
    virtual ChosenRows chooseRows(TensorView score, const RowChoice& choice);
    /// The first indices.size() ≤ N elements in that order, with their values. indices, values: host, of one size.
    virtual void rankGreatest(TensorView row, std::span<int> indices, std::span<float> values);

    // -- looking inside (tests, teaching): one position as fp32 rows [KH*D] in host memory; K rotated, as it lies in the cache
    virtual void readKv(KvLayerView cache, int position, std::span<float> k, std::span<float> v) = 0;
    virtual void writeKv(KvLayerView cache, int position, std::span<const float> k, std::span<const float> v) = 0;
};

/// Creates a back end. Errors: Unsupported with the reason (not built in, no such device).
Result<std::unique_ptr<Backend>> createBackend(BackendKind kind, Precision precision, int threads);

}  // namespace engine
