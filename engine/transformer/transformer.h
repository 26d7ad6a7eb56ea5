// A decoder-only transformer with packed weights: the parts of a layer that prefill, blending, precompute and decoding share.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "engine/backend/layer_placement.h"
#include "engine/kv/kv_cache.h"
#include "engine/model/model_config.h"
#include "engine/model/weight_file.h"
#include "engine/transformer/row_buffers.h"

namespace engine {

/// Linear work (multiply-adds of weight matrices) of one token in one layer.
struct LayerWork {
    double qkv = 0;
    double total = 0;
};

LayerWork layerWork(const ModelConfig& config);

/// Operations (a multiply-add is two) that a prompt's logits need: weight matrices and causal attention, of the last layer K and V
/// of every token and the rest of the last one's.
double prefillOperations(const ModelConfig& config, int tokens);

/// Constant after loading; the KV cache and the scratch rows are arguments. The back ends must outlive it.
///
/// One layer of M rows is, where the placement has it computed: projectQkv → (scatter, place, select: the caller's business) → attend → finishRows.
class Transformer {
public:
    /// Packs all weights. `positions`: longest prompt with its answer. Errors: those of WeightFile::read.
    static Result<std::unique_ptr<Transformer>> load(const WeightFile& file, const LayerPlacement& placement, int positions);
    ~Transformer();

    const ModelConfig& config() const { return m_config; }
    const RopeTable& rope() const { return m_rope; }
    const LayerPlacement& placement() const { return m_placement; }
    Backend& backend(int layer) const { return m_placement.of(layer); }
    LayerWork layerWork() const { return engine::layerWork(m_config); }
    KvCache makeCache(int positions) const;

    /// x[m] = embedding of ids[m]. Begins a pass.
    void embed(RowNumbers ids, RowBuffers& rows) const;
    /// qkv = projections of the normed x (bias and head norms applied), K un-rotated. `count` rows.
    void projectQkv(int layer, int count, RowBuffers& rows) const;
    /// attended = attention of `q` (f32 rows, un-rotated) at `positions`, each over keys [0, limit). Rows from `massBegin` on add
    /// their attention probabilities to `mass` (see Backend::attention); null = none.
    void attend(int layer, TensorView q, RowNumbers positions, RowNumbers keyLimits, KvLayerView cache, RowBuffers& rows,
                const TensorView* mass = nullptr, int massBegin = 0) const;
    /// The same for rows that stand at [firstRow, firstRow + q.rows) of the scratch rows: chunks side by side in one pass.
    void attendRows(int layer, TensorView q, RowNumbers positions, RowNumbers keyLimits, KvLayerView cache, RowBuffers& rows,
                    int firstRow) const;
    /// Rows [begin, begin + count): x += output projection of attended; x += feed-forward of the normed x.
    void finishRows(int layer, int begin, int count, RowBuffers& rows) const;
    /// Logits of row `row` of x: [1, V] f32 where the last layer is computed, until the next logits.
    TensorView logits(int row, RowBuffers& rows) const;
    /// The same, to host memory: [V].
    void logits(int row, RowBuffers& rows, std::vector<float>& out) const;

    /// Bytes of weights and KV that decode() reads at `position`.
    std::uint64_t decodeBytes(int position) const;

    /// One token at `position` through all layers, its K and V into the cache. Its logits, as above.
    TensorView decode(TokenId id, int position, KvCache& cache, RowBuffers& rows) const;
    /// The same, logits to host memory: [V].
    void decode(TokenId id, int position, KvCache& cache, RowBuffers& rows, std::vector<float>& out) const;

private:
    struct LayerWeights {
        std::vector<float> attentionNorm;               // [E]
        std::vector<float> feedForwardNorm;             // [E]
        std::vector<float> queryNorm;                   // [D] or empty
        std::vector<float> keyNorm;                     // [D] or empty
        std::unique_ptr<WeightMatrix> qkv;              // [(H+2KH)*D, E]
        std::unique_ptr<WeightMatrix> attentionOutput;  // [E, H*D]
        std::unique_ptr<WeightMatrix> gateUp;           // [2F, E]
        std::unique_ptr<WeightMatrix> down;             // [E, F]
    };

    Transformer(const ModelConfig& config, const LayerPlacement& placement, int positions);

    TensorView logitsRow() const { return {m_logits.data(), DType::F32, 1, m_config.vocabulary, m_config.vocabulary}; }
    void downloadLogits(std::vector<float>& out) const;
    /// Qwen3's norms of Q and K per head; nothing for others.
    void normHeads(Backend& device, const LayerWeights& weights, int count, RowBuffers& rows) const;

    const ModelConfig m_config;
    const RopeTable m_rope;
    const LayerPlacement m_placement;
    HostTensor m_embedding;                  // [V, E] in the file's format
    std::vector<float> m_outputNorm;         // [E]
    std::unique_ptr<WeightMatrix> m_output;  // [V, E]
    std::vector<LayerWeights> m_layers;
    std::uint64_t m_rowBytes = 0;  // of all matrices, as products with one row read them
    Buffer m_logits;               // [1, V] f32
};

}  // namespace engine
