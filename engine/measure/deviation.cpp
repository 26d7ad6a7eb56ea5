// Distances between runs.
#include "engine/measure/deviation.h"

#include <cmath>

namespace engine {
namespace {

std::size_t index(int value) { return static_cast<std::size_t>(value); }

/// One head's probabilities of single suffix rows.
class RowProbabilities {
public:
    RowProbabilities(Backend& backend, const ModelConfig& config, int context)
        : m_backend(backend),
          m_headDim(config.headDim),
          m_group(config.heads / config.kvHeads),
          m_query(backend.allocate(index(Backend::paddedRows(1)) * index(config.headDim) * sizeof(float))),
          m_out(backend.allocate(index(Backend::paddedRows(1)) * index(config.headDim) * sizeof(float))),
          m_context(context) {}

    /// Over the context's positions: [P].
    void read(const MeasuredRun& run, int layer, int head, int row, std::vector<float>& out) {
        const AttentionMeter::SuffixRows& rows = run.meter.suffixRows(layer);
        const int limit = rows.limits[index(row)];
        const DType narrow = m_backend.activationType();
        const std::size_t queryBytes = index(m_headDim) * elementBytes(narrow);
        const std::size_t rowBytes = rows.queries.size() / rows.limits.size();
        m_backend.upload(m_query.data(), rows.queries.data() + index(row) * rowBytes + index(head) * queryBytes, queryBytes);
        if (m_zeros.size() < index(limit)) {
            m_zeros.assign(index(limit), 0.0F);
            m_mass = m_backend.allocate(index(limit) * sizeof(float));
        }
        m_backend.upload(m_mass.data(), m_zeros.data(), index(limit) * sizeof(float));
        const TensorView mass{m_mass.data(), DType::F32, 1, limit, limit};
        m_backend.attention({m_query.data(), narrow, 1, m_headDim, m_headDim}, 1,
                            m_backend.headOf(run.cache.layer(layer), head / m_group), std::span(&limit, 1),
                            {m_out.data(), narrow, 1, m_headDim, m_headDim}, &mass);
        out.resize(index(m_context));
        m_backend.download(out.data(), m_mass.data(), out.size() * sizeof(float));
    }

private:
    Backend& m_backend;
    const int m_headDim;
    const int m_group;
    Buffer m_query;
    Buffer m_out;
    Buffer m_mass;
    const int m_context;
    std::vector<float> m_zeros;
};

}  // namespace

KvDeviation kvDeviation(const LayerPlacement& placement, const RopeTable& rope, const KvCache& run, const KvCache& full,
                        int tokens, const std::stop_token& stop) {
    KvDeviation deviation;
    deviation.layers = full.layers();
    deviation.tokens = tokens;
    const std::size_t size = index(deviation.layers) * index(tokens);
    deviation.k.resize(size);
    deviation.v.resize(size);
    // Position 0 is rotated by no angle: its cosine is the magnitude.
    const double magnitude = rope.dimensions() > 0 ? rope.cosines(0)[0] : 1;
    for (int layer = 0; layer < deviation.layers && !stop.stop_requested(); ++layer) {
        const KvLayerView of = run.layer(layer);
        Backend& backend = placement.of(layer);
        const auto columns = index(of.kvHeads * of.headDim);
        std::vector<float> k(columns), v(columns), fullK(columns), fullV(columns);
        for (int token = 0; token < tokens; ++token) {
            backend.readKv(of, token, k, v);
            backend.readKv(full.layer(layer), token, fullK, fullV);
            double kSum = 0;
            double vSum = 0;
            for (std::size_t i = 0; i < columns; ++i) {
                const bool rotated = i % index(of.headDim) < index(rope.dimensions());
                const double kDistance = (double{k[i]} - fullK[i]) / (rotated ? magnitude : 1.0);
                const double vDistance = double{v[i]} - fullV[i];
                kSum += kDistance * kDistance;
                vSum += vDistance * vDistance;
            }
            const std::size_t at = index(layer) * index(tokens) + index(token);
            deviation.k[at] = static_cast<float>(std::sqrt(kSum));
            deviation.v[at] = static_cast<float>(std::sqrt(vSum));
        }
    }
    return deviation;
}

std::vector<std::vector<float>> attentionDeviation(const LayerPlacement& placement, const ModelConfig& config,
                                                   MeasuredRun full, std::span<const MeasuredRun> runs,
                                                   const std::stop_token& stop) {
    std::vector<std::vector<float>> deviations(runs.size());
    std::vector<float> expected, found;
    for (int layer = 0; layer < config.layers; ++layer) {
        RowProbabilities probabilities(placement.of(layer), config, full.meter.summary().context);
        for (int head = 0; head < config.heads; ++head) {
            std::vector<double> sums(runs.size(), 0.0);
            const auto rows = static_cast<int>(full.meter.suffixRows(layer).limits.size());
            for (int row = 0; row < rows && !stop.stop_requested(); ++row) {
                probabilities.read(full, layer, head, row, expected);
                for (std::size_t run = 0; run < runs.size(); ++run) {
                    probabilities.read(runs[run], layer, head, row, found);
                    for (std::size_t i = 0; i < expected.size(); ++i) {
                        const double distance = double{found[i]} - expected[i];
                        sums[run] += distance * distance;
                    }
                }
            }
            for (std::size_t run = 0; run < runs.size(); ++run)
                deviations[run].push_back(static_cast<float>(std::sqrt(sums[run])));
        }
    }
    return deviations;
}

}  // namespace engine
