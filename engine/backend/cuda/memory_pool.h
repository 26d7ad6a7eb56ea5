// Device memory and pinned host memory, kept for reuse: asking the driver costs more than a layer's work, and giving back stops the device.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "engine/backend/tensor.h"

namespace engine::cuda {

class Stream;

/// Blocks of one kind. A block given back may be handed out at once: what still uses it must come before what its next owner enqueues (all
/// device blocks are used in the order of the compute stream; pinned ones are given back after their copies). Any thread.
class MemoryPool {
public:
    enum class Kind { Device, Pinned };
    /// `user`: the stream whose work uses the blocks. Launches that are recorded for it and not given yet are given before blocks are freed.
    explicit MemoryPool(Kind kind, const Stream* user = nullptr) : m_kind(kind), m_user(user) {}
    ~MemoryPool();
    MemoryPool(const MemoryPool&) = delete;
    MemoryPool& operator=(const MemoryPool&) = delete;

    /// At least `bytes`, aligned to 256. Contents are unspecified. Throws OutOfDeviceMemory with what was needed and what is free.
    Buffer take(std::uint64_t bytes);
    /// Whether [data, data + bytes) lies in a block that is handed out.
    bool owns(const void* data, std::uint64_t bytes) const;
    /// Bytes asked of the driver and not given back.
    std::uint64_t reservedBytes() const;

private:
    void give(void* data);
    void* ask(std::uint64_t bytes);
    void releaseIdle();

    const Kind m_kind;
    const Stream* const m_user;
    mutable std::mutex m_mutex;
    std::map<const std::byte*, std::uint64_t> m_used;  // under m_mutex
    std::multimap<std::uint64_t, void*> m_idle;        // by size
    std::uint64_t m_reserved = 0;
};

}  // namespace engine::cuda
