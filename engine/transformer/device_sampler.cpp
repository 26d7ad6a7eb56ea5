// DeviceSampler.
#include "engine/transformer/device_sampler.h"

#include <optional>

namespace engine {
namespace {

// Of a larger part of the vocabulary choosing costs more than copying the whole.
constexpr int kLeastGain = 8;

}  // namespace

TokenId DeviceSampler::sample(Backend& backend, TensorView logits, std::span<const TokenId> history) {
    assert(logits.rows == 1 && logits.dtype == DType::F32);
    const int vocabulary = logits.columns;
    if (backend.inHostMemory())
        return m_sampler.sample({static_cast<const float*>(logits.data), static_cast<std::size_t>(vocabulary)}, history);
    const int wanted = m_sampler.wanted(vocabulary, history);
    if (wanted <= vocabulary / kLeastGain) {
        m_ids.resize(static_cast<std::size_t>(wanted));
        m_logits.resize(m_ids.size());
        backend.rankGreatest(logits, m_ids, m_logits);
        if (const std::optional<TokenId> id = m_sampler.sampleGreatest(m_ids, m_logits, history))
            return *id;
    }
    m_logits.resize(static_cast<std::size_t>(vocabulary));
    backend.download(m_logits.data(), logits.data, m_logits.size() * sizeof(float));
    return m_sampler.sample(m_logits, history);
}

}  // namespace engine
