// Transformer: loading and packing of weights, and the parts of a layer in terms of back-end operations.
#include "engine/transformer/transformer.h"

#include <algorithm>
#include <array>

namespace engine {
namespace {

/// A vector tensor as fp32.
Result<std::vector<float>> readVector(const WeightFile& file, TensorRole role, int layer) {
    Result<HostTensor> tensor = file.read(role, layer);
    if (!tensor.ok())
        return tensor.status();
    std::vector<float> values(static_cast<std::size_t>(tensor->rows) * static_cast<std::size_t>(tensor->columns));
    dequantiseRows(*tensor, 0, tensor->rows, values.data());
    return values;
}

/// Packs tensors stacked by rows, with their biases where the file has them. Adds what a product with one row reads to `rowBytes`.
Result<std::unique_ptr<WeightMatrix>> packRoles(const WeightFile& file, Backend& backend, int layer,
                                                std::span<const TensorRole> roles, std::span<const TensorRole> biasRoles,
                                                MatrixUse use, std::uint64_t& rowBytes) {
    std::vector<HostTensor> tensors;
    std::vector<const HostTensor*> parts;
    for (const TensorRole role : roles) {
        Result<HostTensor> tensor = file.read(role, layer);
        if (!tensor.ok())
            return tensor.status();
        tensors.push_back(std::move(*tensor));
    }
    for (const HostTensor& tensor : tensors)
        parts.push_back(&tensor);
    std::vector<float> bias;
    for (const TensorRole role : biasRoles) {
        Result<std::vector<float>> part = readVector(file, role, layer);
        if (!part.ok())
            return part.status();
        bias.insert(bias.end(), part->begin(), part->end());
    }
    rowBytes += backend.matrixBytes(parts, MatrixUse::OneRow);
    return backend.packMatrix(parts, bias, use);
}

}  // namespace

Transformer::Transformer(const ModelConfig& config, const LayerPlacement& placement, int positions)
    : m_config(config),
      m_rope(config.rope, positions),
      m_placement(placement),
      m_layers(static_cast<std::size_t>(config.layers)) {
    m_logits = backend(config.layers - 1)
                   .allocate(static_cast<std::uint64_t>(Backend::paddedRows(1)) *
                             static_cast<std::uint64_t>(config.vocabulary) * sizeof(float));
}

Transformer::~Transformer() { backend(0).forgetTable(m_embedding); }

Result<std::unique_ptr<Transformer>> Transformer::load(const WeightFile& file, const LayerPlacement& placement,
                                                       int positions) {
    using Role = TensorRole;
    std::unique_ptr<Transformer> model(new Transformer(file.config(), placement, positions));
    const auto vectorTo = [&](std::vector<float>& to, Role role, int layer) {
        Result<std::vector<float>> values = readVector(file, role, layer);
        if (values.ok())
            to = std::move(*values);
        return values.status();
    };
    const auto matrixTo = [&](std::unique_ptr<WeightMatrix>& to, int layer, std::span<const Role> roles,
                              std::span<const Role> biasRoles, MatrixUse use) {
        Result<std::unique_ptr<WeightMatrix>> matrix =
            packRoles(file, placement.of(layer), layer, roles, biasRoles, use, model->m_rowBytes);
        if (matrix.ok())
            to = std::move(*matrix);
        return matrix.status();
    };

    Result<HostTensor> embedding = file.read(Role::TokenEmbedding, 0);
    if (!embedding.ok())
        return embedding.status();
    model->m_embedding = std::move(*embedding);
    const int last = model->m_config.layers - 1;
    placement.of(0).keepTable(model->m_embedding);
    if (Status status = vectorTo(model->m_outputNorm, Role::OutputNorm, 0); !status.ok())
        return status;
    if (model->m_config.tiedEmbeddings) {
        const HostTensor* part = &model->m_embedding;
        model->m_output = placement.of(last).packMatrix(std::span(&part, 1), {}, MatrixUse::OneRow);
        model->m_rowBytes += placement.of(last).matrixBytes(std::span(&part, 1), MatrixUse::OneRow);
    } else if (Status status = matrixTo(model->m_output, last, std::array{Role::Output}, {}, MatrixUse::OneRow);
               !status.ok()) {
        return status;
    }

    const std::array biases{Role::QueryBias, Role::KeyBias, Role::ValueBias};
    const std::span<const Role> qkvBias =
        model->m_config.projectionBias ? std::span<const Role>(biases) : std::span<const Role>();
    for (int layer = 0; layer < model->m_config.layers; ++layer) {
        LayerWeights& weights = model->m_layers[static_cast<std::size_t>(layer)];
        for (Status status :
             {vectorTo(weights.attentionNorm, Role::AttentionNorm, layer),
              vectorTo(weights.feedForwardNorm, Role::FeedForwardNorm, layer),
              matrixTo(weights.qkv, layer, std::array{Role::Query, Role::Key, Role::Value}, qkvBias, MatrixUse::Rows),
              matrixTo(weights.attentionOutput, layer, std::array{Role::AttentionOutput}, {}, MatrixUse::Rows),
              matrixTo(weights.gateUp, layer, std::array{Role::Gate, Role::Up}, {}, MatrixUse::Rows),
              matrixTo(weights.down, layer, std::array{Role::Down}, {}, MatrixUse::Rows)})
            if (!status.ok())
                return status.withContext("loading layer " + std::to_string(layer));
        if (model->m_config.queryKeyNorm)
            for (Status status :
                 {vectorTo(weights.queryNorm, Role::QueryNorm, layer), vectorTo(weights.keyNorm, Role::KeyNorm, layer)})
                if (!status.ok())
                    return status.withContext("loading layer " + std::to_string(layer));
    }
    return model;
}

LayerWork layerWork(const ModelConfig& config) {
    const double hidden = config.hidden;
    const double q = static_cast<double>(config.heads) * config.headDim;
    const double kv = static_cast<double>(config.kvHeads) * config.headDim;
    LayerWork work;
    work.qkv = hidden * (q + 2 * kv);
    work.total = work.qkv + q * hidden + 3 * hidden * config.feedForward;
    return work;
}

double prefillOperations(const ModelConfig& config, int tokens) {
    const LayerWork work = layerWork(config);
    const double rows = tokens;
    const double keys = rows * (rows + 1) / 2;  // seen by all rows together
    const double attentionOfKey = 2.0 * config.heads * config.headDim;
    const double products = (config.layers - 1) * (work.total * rows + attentionOfKey * keys) + work.qkv * rows +
                            (work.total - work.qkv) + attentionOfKey * rows +
                            static_cast<double>(config.vocabulary) * config.hidden;
    return 2 * products;
}

std::uint64_t Transformer::decodeBytes(int position) const {
    std::uint64_t bytes = m_rowBytes;
    for (int layer = 0; layer < m_config.layers; ++layer)
        bytes += 2 * backend(layer).kvLayerBytes(m_config.kvHeads, m_config.headDim, position + 1);
    return bytes;
}

KvCache Transformer::makeCache(int positions) const {
    return KvCache(m_placement, m_config.layers, m_config.kvHeads, m_config.headDim, positions);
}

void Transformer::embed(RowNumbers ids, RowBuffers& rows) const {
    rows.enter(0, 0);
    backend(0).embed(m_embedding, ids, rows.x(ids.count()));
}

void Transformer::projectQkv(int layer, int count, RowBuffers& rows) const {
    const LayerWeights& weights = m_layers[static_cast<std::size_t>(layer)];
    Backend& device = backend(layer);
    rows.enter(layer, count);
    device.rmsNorm(rows.x(count), weights.attentionNorm, m_config.normEpsilon, rows.normed(count));
    device.matmul(rows.normed(count), *weights.qkv, rows.qkv(count), Accumulate::No);
    normHeads(device, weights, count, rows);
}

void Transformer::normHeads(Backend& device, const LayerWeights& weights, int count, RowBuffers& rows) const {
    if (m_config.queryKeyNorm) {
        device.headNorm(rows.q(count), m_config.heads, weights.queryNorm, m_config.normEpsilon);
        device.headNorm(rows.k(count), m_config.kvHeads, weights.keyNorm, m_config.normEpsilon);
    }
}

void Transformer::attend(int layer, TensorView q, RowNumbers positions, RowNumbers keyLimits, KvLayerView cache,
                         RowBuffers& rows, const TensorView* mass, int massBegin) const {
    Backend& device = backend(layer);
    const int count = q.rows;
    const TensorView rotated = rows.rotatedQ(count);
    const TensorView attended = rows.attended(count);
    device.rotateQueries(q, m_config.heads, positions, m_rope, rotated);
    const int plain = mass == nullptr ? count : massBegin;
    if (plain > 0)
        device.attention(rotated.slice(0, plain), m_config.heads, cache, keyLimits.slice(0, plain), attended.slice(0, plain),
                         nullptr);
    if (plain < count)
        device.attention(rotated.slice(plain, count - plain), m_config.heads, cache, keyLimits.slice(plain, count - plain),
                         attended.slice(plain, count - plain), mass);
}

void Transformer::attendRows(int layer, TensorView q, RowNumbers positions, RowNumbers keyLimits, KvLayerView cache,
                             RowBuffers& rows, int firstRow) const {
    const TensorView rotated = rows.rotatedQ(firstRow + q.rows).slice(firstRow, q.rows);
    const TensorView attended = rows.attended(firstRow + q.rows).slice(firstRow, q.rows);
    backend(layer).rotateQueries(q, m_config.heads, positions, m_rope, rotated);
    backend(layer).attention(rotated, m_config.heads, cache, keyLimits, attended, nullptr);
}

void Transformer::finishRows(int layer, int begin, int count, RowBuffers& rows) const {
    const LayerWeights& weights = m_layers[static_cast<std::size_t>(layer)];
    Backend& device = backend(layer);
    const int end = begin + count;
    const TensorView x = rows.x(end);
    const TensorView normed = rows.normed(end);
    device.matmul(rows.attended(end).slice(begin, count), *weights.attentionOutput, x.slice(begin, count), Accumulate::Yes);
    device.rmsNorm(x.slice(begin, count), weights.feedForwardNorm, m_config.normEpsilon, normed.slice(begin, count));
    const int most = device.feedForwardRows();
    for (int first = begin; first < end; first += most) {
        const int block = std::min(most, end - first);
        device.matmul(normed.slice(first, block), *weights.gateUp, rows.gateUp(block), Accumulate::No);
        device.swiglu(rows.gateUp(block), rows.activated(block));
        device.matmul(rows.activated(block), *weights.down, x.slice(first, block), Accumulate::Yes);
    }
}

TensorView Transformer::logits(int row, RowBuffers& rows) const {
    Backend& device = backend(m_config.layers - 1);
    const TensorView last = rows.x(row + 1).slice(row, 1);
    device.rmsNorm(last, m_outputNorm, m_config.normEpsilon, rows.normed(1));
    device.matmulRow(rows.normed(1), *m_output, logitsRow(), Accumulate::No);
    return logitsRow();
}

void Transformer::logits(int row, RowBuffers& rows, std::vector<float>& out) const {
    logits(row, rows);
    downloadLogits(out);
}

void Transformer::downloadLogits(std::vector<float>& out) const {
    out.resize(static_cast<std::size_t>(m_config.vocabulary));
    backend(m_config.layers - 1).download(out.data(), m_logits.data(), out.size() * sizeof(float));
}

TensorView Transformer::decode(TokenId id, int position, KvCache& cache, RowBuffers& rows) const {
    const std::array positions{position};
    const std::array limits{position + 1};
    const auto layersOf = [&](int side) {
        const LayerSpan span = m_placement.layersOf(side, m_config.layers);
        Backend& device = m_placement.side(side);
        if (side == 0)
            embed(std::span(&id, 1), rows);
        for (int layer = span.first; layer < span.first + span.count; ++layer) {
            const LayerWeights& weights = m_layers[static_cast<std::size_t>(layer)];
            rows.enter(layer, 1);
            device.rmsNorm(rows.x(1), weights.attentionNorm, m_config.normEpsilon, rows.normed(1));
            device.matmulRow(rows.normed(1), *weights.qkv, rows.qkv(1), Accumulate::No);
            normHeads(device, weights, 1, rows);
            device.scatterKv(rows.k(1), rows.v(1), positions, m_rope, cache.layer(layer));
            attend(layer, rows.q(1), positions, limits, cache.layer(layer), rows);
            device.matmulRow(rows.attended(1), *weights.attentionOutput, rows.x(1), Accumulate::Yes);
            device.rmsNorm(rows.x(1), weights.feedForwardNorm, m_config.normEpsilon, rows.normed(1));
            device.matmulRow(rows.normed(1), *weights.gateUp, rows.gateUp(1), Accumulate::No);
            device.swiglu(rows.gateUp(1), rows.activated(1));
            device.matmulRow(rows.activated(1), *weights.down, rows.x(1), Accumulate::Yes);
        }
        if (span.first + span.count == m_config.layers)
            logits(0, rows);
    };
    for (int side = 0; side < m_placement.sides(); ++side)
        m_placement.side(side).burst([&] { layersOf(side); });
    return logitsRow();
}

void Transformer::decode(TokenId id, int position, KvCache& cache, RowBuffers& rows, std::vector<float>& out) const {
    decode(id, position, cache, rows);
    downloadLogits(out);
}

}  // namespace engine
