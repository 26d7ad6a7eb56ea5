// SliceRing. Orders that hold: a piece is filled only after the kernels that read it last (consumed); kernels read it only after it was
// filled; pinned staging is written only after its last copy was read (filled); the caller's memory is the caller's after await().
#include "engine/backend/cuda/slice_ring.h"

#include <cstring>
#include <stdexcept>

namespace engine::cuda {

SliceRing::Sent SliceRing::layOut(std::span<const SliceAt> slices, int kvHeads, int headDim) {
    Sent sent;
    m_runs.clear();
    m_bytes = 0;
    const auto add = [&](const std::byte* from, std::uint64_t bytes) {
        if (!m_runs.empty() && m_runs.back().from + m_runs.back().bytes == from) {
            m_runs.back().bytes += bytes;
        } else {
            m_bytes = (m_bytes + 15) / 16 * 16;
            m_runs.push_back({from, m_bytes, bytes});
        }
        const std::uint64_t at = m_bytes;
        m_bytes += bytes;
        return at;
    };
    for (const SliceAt& slice : slices) {
        if (slice.slice.tokens == 0)
            continue;
        const std::uint64_t bytes = storage::kvSliceBytes({1, kvHeads, headDim, slice.slice.dtype}, slice.slice.tokens);
        const std::uint64_t k = add(slice.slice.k, bytes);
        const std::uint64_t v = add(slice.slice.v, bytes);
        sent.places.push_back({k, v, slice.slice.tokens, slice.at, sent.tokens});
        sent.tokens += slice.slice.tokens;
    }
    return sent;
}

SliceRing::Sent SliceRing::send(std::span<const SliceAt> slices, int kvHeads, int headDim) {
    Sent sent = layOut(slices, kvHeads, headDim);
    if (sent.tokens == 0)
        return sent;
    Piece& piece = m_pieces[m_next];
    sent.index = m_next;
    m_next = (m_next + 1) % kPieces;
    if (piece.device.bytes() < m_bytes) {
        piece.device = m_device.take(m_bytes);
        piece.consumed.record(m_compute);  // what its last owner enqueued comes first
    }
    sent.piece = static_cast<const std::byte*>(piece.device.data());
    piece.consumed.holdBack(m_copies);
    bool direct = true;
    for (const Run& run : m_runs)
        direct = direct && m_pinned.owns(run.from, run.bytes);
    if (!direct) {
        if (!piece.filled.await())
            throw std::runtime_error("device_failed: the GPU failed while copying to it");
        if (piece.staging.bytes() < m_bytes)
            piece.staging = m_pinned.take(m_bytes);
        for (Run& run : m_runs) {
            std::byte* staged = static_cast<std::byte*>(piece.staging.data()) + run.to;
            std::memcpy(staged, run.from, run.bytes);
            run.from = staged;
        }
    }
    copyRuns(piece);
    piece.filled.record(m_copies);
    piece.filled.holdBack(m_compute);
    if (direct)
        m_tickets[sent.index] = ++m_issued;
    return sent;
}

void SliceRing::copyRuns(Piece& piece) {
    for (const Run& run : m_runs)
        CUDA_CHECK(cudaMemcpyAsync(static_cast<std::byte*>(piece.device.data()) + run.to, run.from, run.bytes,
                                   cudaMemcpyHostToDevice, m_copies.get()));
}

void SliceRing::await(std::uint64_t ticket) noexcept {
    if (ticket <= m_awaited)
        return;
    // The copy stream works in order: the first piece whose newest ticket is not older than the one asked for covers it.
    std::size_t covering = 0;
    for (std::size_t i = 0; i < kPieces; ++i)
        if (m_tickets[i] >= ticket && (m_tickets[covering] < ticket || m_tickets[i] < m_tickets[covering]))
            covering = i;
    m_pieces[covering].filled.await();
    m_awaited = ticket;
}

}  // namespace engine::cuda
