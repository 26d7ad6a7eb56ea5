// Computes chunk KV once: prefill of anchor ‖ chunk, of which the chunk's K (un-rotated) and V are kept.
#pragma once

#include <functional>
#include <span>
#include <stop_token>
#include <vector>

#include "engine/transformer/transformer.h"
#include "engine/types.h"

namespace engine {

/// One chunk's KV as the store takes it.
struct ChunkKv {
    std::vector<std::byte> bytes;
    std::vector<std::span<const std::byte>>
        slices;  // into bytes: K and V of layer 0, K and V of layer 1, …; each [KH, T, D]
};

/// Computes chunks behind one anchor. The anchor runs once; chunks of one call share matrix products, never attention: a chunk's KV
/// depends on nothing but the anchor and its own tokens. One thread.
class ChunkPrecomputer {
public:
    /// Rows of one call that keep the matrices large enough to run at full speed.
    static constexpr int kBatchRows = 512;

    /// Runs the anchor (may be empty) through the model.
    ChunkPrecomputer(const Transformer& model, const KvSpec& spec, TokenIds anchor);

    /// KV of every chunk, in order; no chunk may be empty. Error: Cancelled.
    /// `border` (if any) is called before each layer: the model and its back end may be used for something else meanwhile.
    Result<std::vector<ChunkKv>> compute(std::span<const TokenIds> chunks, std::stop_token stop,
                                         const std::function<void()>& border = {});

private:
    struct AnchorLayer {
        Buffer k;  // [A, KH*D] f32, un-rotated
        Buffer v;  // [A, KH*D] f32
    };
    TensorView anchorView(const Buffer& buffer) const;
    KvCache layerCache(int layer, int positions) const;
    /// Whether `layer` is computed elsewhere than the one below it.
    bool crossesTo(int layer) const;
    void runAnchor();

    const Transformer& m_model;
    const KvSpec m_spec;
    const TokenIds m_anchor;
    RowBuffers m_rows;
    std::vector<AnchorLayer> m_anchorLayers;
};

}  // namespace engine
