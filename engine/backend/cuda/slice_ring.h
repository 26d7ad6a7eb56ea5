// Stored slices on their way to the device: copied by a stream of their own into one of a few device buffers, while kernels work on others.
#pragma once

#include <array>
#include <span>
#include <vector>

#include "engine/backend/backend.h"
#include "engine/backend/cuda/device.h"
#include "engine/backend/cuda/kernels/key_value.h"
#include "engine/backend/cuda/memory_pool.h"

namespace engine::cuda {

/// One thread. Slices in pinned memory (of `pinned`) are read by the device itself, until their ticket was awaited; others are first
/// copied to pinned memory here, and are free when send() returns.
class SliceRing {
public:
    static constexpr std::size_t kPieces = 3;

    SliceRing(MemoryPool& device, MemoryPool& pinned, const Stream& compute)
        : m_device(device), m_pinned(pinned), m_compute(compute) {}

    /// What lies on the device once the compute stream gets there.
    struct Sent {
        const std::byte* piece = nullptr;
        std::vector<SlicePlace> places;
        int tokens = 0;
        std::size_t index = 0;  // of the piece, for used()
    };
    /// Starts copying; what is put into the compute stream from now on comes after. Slices of no tokens are left out.
    Sent send(std::span<const SliceAt> slices, int kvHeads, int headDim);
    /// The compute stream has been given all that reads the piece.
    void used(const Sent& sent) { m_pieces[sent.index].consumed.record(m_compute); }

    std::uint64_t ticket() const { return m_issued == m_awaited ? 0 : m_issued; }
    void await(std::uint64_t ticket) noexcept;
    const Stream& copies() const { return m_copies; }

private:
    struct Piece {
        Buffer device;
        Buffer staging;  // pinned, for slices that are not
        Event filled;
        Event consumed;
    };
    /// Neighbouring host bytes that are copied at once.
    struct Run {
        const std::byte* from;
        std::uint64_t to;
        std::uint64_t bytes;
    };
    Sent layOut(std::span<const SliceAt> slices, int kvHeads, int headDim);
    void copyRuns(Piece& piece);

    MemoryPool& m_device;
    MemoryPool& m_pinned;
    const Stream& m_compute;
    Stream m_copies;
    std::array<Piece, kPieces> m_pieces;
    std::size_t m_next = 0;
    std::vector<Run> m_runs;     // of the piece at hand
    std::uint64_t m_bytes = 0;   // of the piece at hand
    std::uint64_t m_issued = 0;  // pieces with slices in the caller's pinned memory
    std::uint64_t m_awaited = 0;
    std::array<std::uint64_t, kPieces> m_tickets{};  // newest of each piece
};

}  // namespace engine::cuda
