// What a pass says of each context token, kept where the layers are computed.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "engine/backend/backend.h"

namespace engine {

/// A score per context token, where it was computed.
class ContextScore {
public:
    /// All zero, in the memory of `backend`, which outlives it.
    ContextScore(Backend& backend, int contextTokens)
        : m_contextTokens(contextTokens), m_backend(&backend), m_memory(backend.allocate(bytes())) {}

    Backend& backend() const { return *m_backend; }
    TensorView view() const { return {m_memory.data(), DType::F32, 1, m_contextTokens, m_contextTokens}; }  // [1, N] f32
    /// [N]; waits for the device.
    std::vector<float> values() const {
        std::vector<float> sums(static_cast<std::size_t>(m_contextTokens));
        m_backend->download(sums.data(), m_memory.data(), sums.size() * sizeof(float));
        return sums;
    }
    /// Moves to another back end's memory, over the host.
    void moveTo(Backend& backend) {
        if (m_backend == &backend)
            return;
        const std::vector<float> sums = values();
        m_memory = backend.allocate(bytes());
        m_backend = &backend;
        backend.upload(m_memory.data(), sums.data(), sums.size() * sizeof(float));
    }

private:
    std::uint64_t bytes() const {
        return std::max<std::uint64_t>(1, static_cast<std::uint64_t>(m_contextTokens)) * sizeof(float);
    }

    const int m_contextTokens;
    Backend* m_backend;
    Buffer m_memory;
};

/// Attention probabilities of one layer, summed per key.
class LayerMass {
public:
    explicit LayerMass(int promptTokens) : m_zeros(static_cast<std::size_t>(promptTokens), 0.0F) {}

    /// [1, T], all zero, in the memory of `backend`.
    TensorView cleared(Backend& backend) {
        const std::uint64_t bytes = m_zeros.size() * sizeof(float);
        if (m_backend != &backend) {
            m_memory = backend.allocate(bytes);
            m_backend = &backend;
        }
        backend.upload(m_memory.data(), m_zeros.data(), bytes);
        const auto count = static_cast<int>(m_zeros.size());
        return {m_memory.data(), DType::F32, 1, count, count};
    }

private:
    const std::vector<float> m_zeros;
    Backend* m_backend = nullptr;
    Buffer m_memory;
};

}  // namespace engine
