// Packing and products. The packed layout is the one oneDNN chooses for 256 rows; for bf16 on AVX-512 that is [N/64][K/32][16][64][2],
// the same for every number of rows.
//
// A product is cut into blocks of 512 rows and one of the rest. Every block reads the whole matrix from memory, so the rest is not cut
// further: a primitive for its exact number of rows costs under a millisecond once, reading the weights of a small model for one
// more block some 8 ms each time. The primitives of the last 24 row numbers are kept. A row's sum over K is made in the same order
// whatever the block on AVX-512 (measured bitwise; the tests keep watch), so there a row's result does not depend on the others.
#include "engine/backend/cpu/packed_matmul.h"

#include <omp.h>

#include <algorithm>
#include <map>
#include <oneapi/dnnl/dnnl.hpp>
#include <stdexcept>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "engine/backend/cpu/aligned_buffer.h"
#include "engine/backend/cpu/page_arena.h"

namespace engine::cpu {
namespace {

using dnnl::memory;
using Dim = memory::dim;

constexpr int kBlockRows = 512;
constexpr std::size_t kKeptRowNumbers = 24;  // a model has 4 to 8 shapes for each
constexpr int kTypicalRows = 256;
constexpr int kChunkOutputs = 1024;  // outputs de-quantised to fp32 at a time while packing; a multiple of any packed block

memory::data_type dataType(DType dtype) {
    assert(dtype != DType::F16);
    return dtype == DType::F32 ? memory::data_type::f32 : memory::data_type::bf16;
}

/// Whether oneDNN uses an instruction set here; its sets are bit masks that include the sets before them.
bool oneDnnHas(dnnl::cpu_isa wanted) {
    const auto mask = static_cast<unsigned>(wanted);
    return (static_cast<unsigned>(dnnl::get_effective_cpu_isa()) & mask) == mask;
}

/// oneDNN uses as many threads as OpenMP would start for the calling thread; this sets that number for a scope.
class ThreadScope {
public:
    explicit ThreadScope(int threads) : m_before(omp_get_max_threads()) { omp_set_num_threads(threads); }
    ~ThreadScope() { omp_set_num_threads(m_before); }
    ThreadScope(const ThreadScope&) = delete;
    ThreadScope& operator=(const ThreadScope&) = delete;

private:
    const int m_before;
};

class PackedWeights final : public WeightMatrix {
public:
    PackedWeights(int outputs, int inputs, const memory::desc& desc, PageArena& storage, const dnnl::engine& device)
        : WeightMatrix(outputs, inputs),
          m_storage(storage.allocate(desc.get_size())),
          m_memory(desc, device, m_storage.data()) {}

    const memory& packed() const { return m_memory; }
    const float* bias() const { return m_bias.empty() ? nullptr : m_bias.data(); }
    void setBias(std::span<const float> bias) { m_bias.assign(bias.begin(), bias.end()); }

private:
    Buffer m_storage;
    memory m_memory;
    std::vector<float> m_bias;  // [N] or empty
};

struct ProductKey {
    int rows;
    int inputs;
    int outputs;
    int xStride;
    int outStride;
    DType outType;
    bool accumulate;
    bool bias;

    auto tie() const { return std::tie(rows, inputs, outputs, xStride, outStride, outType, accumulate, bias); }
    bool operator<(const ProductKey& other) const { return tie() < other.tie(); }
};

struct Product {
    dnnl::matmul primitive;
    memory x;
    memory out;
    memory bias;
    memory scratchpad;
    memory repacked;  // empty unless this shape cannot use the common packed layout
    std::unordered_map<int, memory> arguments;
};

dnnl::matmul::primitive_desc describe(const dnnl::engine& device, const memory::desc& x, const memory::desc& weights,
                                      const memory::desc& bias, const memory::desc& out, bool accumulate) {
    dnnl::primitive_attr attributes;
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    if (accumulate) {
        dnnl::post_ops sum;
        sum.append_sum(1.0F);
        attributes.set_post_ops(sum);
    }
    const bool hasBias = bias.get_size() != 0;
#if DNNL_VERSION_MAJOR >= 3
    return hasBias ? dnnl::matmul::primitive_desc(device, x, weights, bias, out, attributes)
                   : dnnl::matmul::primitive_desc(device, x, weights, out, attributes);
#else
    const dnnl::matmul::desc operation =
        hasBias ? dnnl::matmul::desc(x, weights, bias, out) : dnnl::matmul::desc(x, weights, out);
    return dnnl::matmul::primitive_desc(operation, attributes, device);
#endif
}

}  // namespace

struct PackedMatmul::State {
    State(Precision chosen, int threadCount)
        : type(chosen == Precision::Bf16 ? memory::data_type::bf16 : memory::data_type::f32),
          threads(threadCount),
          device(dnnl::engine::kind::cpu, 0),
          stream(device) {}

    const memory::data_type type;
    const int threads;
    dnnl::engine device;
    dnnl::stream stream;
    PageArena weightPages;
    Buffer scratch;  // the primitives' own, shared: they run one at a time
    std::map<ProductKey, Product> products;
    std::vector<int> recentRows;  // row numbers that have primitives, latest first

    /// The layout for a [K, N] matrix; also what a shape would choose for itself, for `rows` rows.
    memory::desc preferredLayout(int rows, int inputs, int outputs) const {
        const memory::desc x({rows, inputs}, type, memory::format_tag::ab);
        const memory::desc weights({inputs, outputs}, type, memory::format_tag::any);
        const memory::desc out({rows, outputs}, memory::data_type::f32, memory::format_tag::ab);
        return describe(device, x, weights, {}, out, false).weights_desc();
    }

    /// Marks a number of rows as just used; forgets the primitives of the one used longest ago when there are too many.
    void keep(int rows) {
        const auto found = std::find(recentRows.begin(), recentRows.end(), rows);
        if (found != recentRows.end()) {
            std::rotate(recentRows.begin(), found, found + 1);
            return;
        }
        recentRows.insert(recentRows.begin(), rows);
        if (recentRows.size() > kKeptRowNumbers) {
            const int oldest = recentRows.back();
            recentRows.pop_back();
            std::erase_if(products, [oldest](const auto& entry) { return entry.first.rows == oldest; });
        }
    }

    Product& product(const ProductKey& key, const memory::desc& packed) {
        const auto found = products.find(key);
        if (found != products.end()) {
            return found->second;
        }
        const memory::desc x({key.rows, key.inputs}, type, {key.xStride, 1});
        const memory::desc out({key.rows, key.outputs}, dataType(key.outType), {key.outStride, 1});
        const memory::desc bias =
            key.bias ? memory::desc({1, key.outputs}, memory::data_type::f32, memory::format_tag::ab) : memory::desc();
        memory::desc weights = packed;
        if (key.rows > 1 && preferredLayout(key.rows, key.inputs, key.outputs) != packed) {
            // Another layout would be faster than this one can be only if this one has no kernel but the reference.
            const std::string name = describe(device, x, packed, bias, out, key.accumulate).impl_info_str();
            if (name.starts_with("ref")) {
                weights = preferredLayout(key.rows, key.inputs, key.outputs);
            }
        }
        const auto description = describe(device, x, weights, bias, out, key.accumulate);
        Product made;
        made.primitive = dnnl::matmul(description);
        made.x = memory(x, device, nullptr);
        made.out = memory(out, device, nullptr);
        made.scratchpad = memory(description.scratchpad_desc(), device, nullptr);
        if (weights != packed) {
            made.repacked = memory(weights, device);
        }
        if (key.bias) {
            made.bias = memory(bias, device, nullptr);
            made.arguments[DNNL_ARG_BIAS] = made.bias;
        }
        made.arguments[DNNL_ARG_SRC] = made.x;
        made.arguments[DNNL_ARG_DST] = made.out;
        made.arguments[DNNL_ARG_SCRATCHPAD] = made.scratchpad;
        const std::size_t needed = description.scratchpad_desc().get_size();
        if (needed > scratch.bytes()) {
            scratch = allocateAligned(needed);
        }
        return products.emplace(key, std::move(made)).first->second;
    }

    void multiplyBlock(TensorView x, const PackedWeights& weights, TensorView out, Accumulate accumulate) {
        const ProductKey key = {x.rows,
                                x.columns,
                                out.columns,
                                x.stride,
                                out.stride,
                                out.dtype,
                                accumulate == Accumulate::Yes,
                                weights.bias() != nullptr};
        Product& chosen = product(key, weights.packed().get_desc());
        chosen.x.set_data_handle(x.data);
        chosen.out.set_data_handle(out.data);
        chosen.scratchpad.set_data_handle(scratch.data());
        if (key.bias) {
            chosen.bias.set_data_handle(const_cast<float*>(weights.bias()));  // oneDNN only reads it
        }
        if (chosen.repacked.get(true) != nullptr) {
            memory source = weights.packed();
            dnnl::reorder(source, chosen.repacked).execute(stream, source, chosen.repacked);
            chosen.arguments[DNNL_ARG_WEIGHTS] = chosen.repacked;
        } else {
            chosen.arguments[DNNL_ARG_WEIGHTS] = weights.packed();
        }
        chosen.primitive.execute(stream, chosen.arguments);
    }
};

PackedMatmul::PackedMatmul(Precision precision, int threads) : m_state(std::make_unique<State>(precision, threads)) {}

PackedMatmul::~PackedMatmul() = default;

bool PackedMatmul::supportsBf16() { return oneDnnHas(dnnl::cpu_isa::avx512_core_bf16); }

bool PackedMatmul::rowsAreIndependent() { return oneDnnHas(dnnl::cpu_isa::avx512_core); }

std::uint64_t PackedMatmul::packedBytes(int outputs, int inputs) const {
    constexpr std::uint64_t kBlockOutputs = 64;  // the widest layout's
    const std::uint64_t padded = (static_cast<std::uint64_t>(outputs) + kBlockOutputs - 1) / kBlockOutputs * kBlockOutputs;
    return padded * static_cast<std::uint64_t>(inputs) * (m_state->type == memory::data_type::bf16 ? 2 : 4);
}

std::unique_ptr<WeightMatrix> PackedMatmul::pack(std::span<const HostTensor* const> parts, std::span<const float> bias) {
    assert(!parts.empty());
    const int inputs = parts[0]->columns;
    int outputs = 0;
    for (const HostTensor* part : parts) {
        assert(part->columns == inputs);
        outputs += part->rows;
    }
    assert(bias.empty() || bias.size() == static_cast<std::size_t>(outputs));
    const ThreadScope scope(m_state->threads);
    const memory::desc desc = m_state->preferredLayout(kTypicalRows, inputs, outputs);
    auto weights = std::make_unique<PackedWeights>(outputs, inputs, desc, m_state->weightPages, m_state->device);
    weights->setBias(bias);
    // Whole chunks of outputs are de-quantised and packed into their place, so that no second copy of the matrix exists.
    std::vector<float> chunk(static_cast<std::size_t>(std::min(kChunkOutputs, outputs)) * static_cast<std::size_t>(inputs));
    for (int begin = 0; begin < outputs; begin += kChunkOutputs) {
        const int count = std::min(kChunkOutputs, outputs - begin);
        int partBegin = 0;
        for (const HostTensor* part : parts) {
            const int from = std::max(begin, partBegin);
            const int to = std::min(begin + count, partBegin + part->rows);
#pragma omp parallel for num_threads(m_state->threads)
            for (int row = from; row < to; ++row) {
                dequantiseRows(
                    *part, row - partBegin, 1,
                    chunk.data() + static_cast<std::ptrdiff_t>(row - begin) * static_cast<std::ptrdiff_t>(inputs));
            }
            partBegin += part->rows;
        }
        memory plain(memory::desc({inputs, count}, memory::data_type::f32, memory::format_tag::ba), m_state->device,
                     chunk.data());
        memory place(desc.submemory_desc({inputs, count}, {0, begin}), m_state->device, weights->packed().get_data_handle());
        dnnl::reorder(plain, place).execute(m_state->stream, plain, place);
        m_state->stream.wait();
    }
    return weights;
}

void PackedMatmul::multiply(TensorView x, const WeightMatrix& weights, TensorView out, Accumulate accumulate) {
    const auto& packed = static_cast<const PackedWeights&>(weights);
    assert(x.columns == weights.inputs() && out.columns == weights.outputs() && out.rows == x.rows);
    assert(dataType(x.dtype) == m_state->type);
    assert(accumulate == Accumulate::No || out.dtype == DType::F32);
    const ThreadScope scope(m_state->threads);
    try {
        for (int begin = 0; begin < x.rows; begin += kBlockRows) {
            const int block = std::min(kBlockRows, x.rows - begin);
            m_state->keep(block);
            m_state->multiplyBlock(x.slice(begin, block), packed, out.slice(begin, block), accumulate);
        }
        m_state->stream.wait();
    } catch (const dnnl::error& failure) {
        throw std::runtime_error("oneDNN: matrix product [" + std::to_string(x.rows) + ", " + std::to_string(x.columns) +
                                 "] x [" + std::to_string(x.columns) + ", " + std::to_string(out.columns) +
                                 "] failed: " + failure.what());
    }
}

}  // namespace engine::cpu
