// UploadRing and KnownRopes.
#include "engine/backend/cuda/uploads.h"

#include <algorithm>
#include <stdexcept>

namespace engine::cuda {

UploadRing::UploadRing(MemoryPool& pinned, const Stream& stream)
    : m_stream(stream), m_memory(pinned.take(kParts * kPartBytes)) {}

void UploadRing::upload(void* to, const void* from, std::uint64_t bytes) {
    // First of all: a burst that is cut here sends its slots through this same ring.
    const cudaStream_t stream = m_stream.get();
    for (std::uint64_t done = 0; done < bytes;) {
        if (m_at == kPartBytes) {
            m_passed[m_part].record(m_stream);
            m_part = (m_part + 1) % kParts;
            m_at = 0;
            if (!m_passed[m_part].await())
                throw std::runtime_error("device_failed: the GPU failed while copying to it");
        }
        const std::uint64_t piece = std::min(bytes - done, kPartBytes - m_at);
        std::byte* pinned = static_cast<std::byte*>(m_memory.data()) + m_part * kPartBytes + m_at;
        std::memcpy(pinned, static_cast<const std::byte*>(from) + done, piece);
        CUDA_CHECK(cudaMemcpyAsync(static_cast<std::byte*>(to) + done, pinned, piece, cudaMemcpyHostToDevice, stream));
        done += piece;
        m_at = std::min(kPartBytes, (m_at + piece + 63) / 64 * 64);
    }
}

RopeView KnownRopes::find(const RopeTable& table) {
    const auto known = std::find_if(m_entries.begin(), m_entries.end(), [&](const Entry& entry) {
        return entry.positions == table.positions() && entry.spec == table.spec();
    });
    const std::uint64_t half =
        static_cast<std::uint64_t>(table.positions()) * static_cast<std::uint64_t>(table.dimensions() / 2) * sizeof(float);
    const auto view = [&](const Entry& entry) {
        const auto* cosines = static_cast<const float*>(entry.memory.data());
        return RopeView{cosines, cosines + half / sizeof(float), table.dimensions(),
                        table.pairing() == RopePairing::HalfSplit};
    };
    if (known != m_entries.end())
        return view(*known);
    constexpr std::size_t kMostTables = 4;  // a session has one model, so one table
    if (m_entries.size() == kMostTables)
        m_entries.erase(m_entries.begin());
    m_entries.push_back({table.spec(), table.positions(), m_device.take(2 * half)});
    Entry& entry = m_entries.back();
    m_uploads.upload(entry.memory.data(), table.cosines(0), half);
    m_uploads.upload(static_cast<std::byte*>(entry.memory.data()) + half, table.sines(0), half);
    return view(entry);
}

}  // namespace engine::cuda
