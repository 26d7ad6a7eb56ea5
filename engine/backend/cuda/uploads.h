// Small things on their way to the device without a wait: pinned memory that is filled in turn, and what was sent before.
#pragma once

#include <array>
#include <cstring>
#include <span>
#include <vector>

#include "engine/backend/cuda/device.h"
#include "engine/backend/cuda/kernels/rope.h"
#include "engine/backend/cuda/memory_pool.h"
#include "engine/backend/rope_table.h"

namespace engine::cuda {

/// Copies host memory to the device in the order of one stream; the caller's memory is free again on return. The host waits only when a
/// whole ring is still under way. One thread.
class UploadRing {
public:
    UploadRing(MemoryPool& pinned, const Stream& stream);
    void upload(void* to, const void* from, std::uint64_t bytes);

private:
    static constexpr std::size_t kParts = 4;
    static constexpr std::uint64_t kPartBytes = 4U << 20U;

    const Stream& m_stream;
    Buffer m_memory;
    std::array<Event, kParts> m_passed;  // recorded when the ring leaves a part
    std::size_t m_part = 0;
    std::uint64_t m_at = 0;  // within the part
};

/// Arrays that the same call sends again and again (a pass's positions, a layer's norm weights): kept on the device and recognised by
/// their contents. At most `limit` of them, the longest unused goes first. One thread.
template <class T>
class KnownArrays {
public:
    KnownArrays(MemoryPool& device, UploadRing& uploads, std::size_t limit)
        : m_device(device), m_uploads(uploads), m_limit(limit) {}

    /// On the device until the next `limit` different arrays were asked for.
    const T* find(std::span<const T> values) {
        ++m_clock;
        for (Entry& entry : m_entries)
            if (entry.values.size() == values.size() &&
                std::memcmp(entry.values.data(), values.data(), values.size_bytes()) == 0) {
                entry.used = m_clock;
                return static_cast<const T*>(entry.device.data());
            }
        if (m_entries.size() < m_limit) {
            m_entries.emplace_back();
        } else {
            std::size_t oldest = 0;
            for (std::size_t i = 1; i < m_entries.size(); ++i)
                if (m_entries[i].used < m_entries[oldest].used)
                    oldest = i;
            std::swap(m_entries[oldest], m_entries.back());
        }
        Entry& entry = m_entries.back();
        if (entry.device.bytes() < values.size_bytes() || entry.device.data() == nullptr)
            entry.device = m_device.take(values.size_bytes());
        entry.values.assign(values.begin(), values.end());
        entry.used = m_clock;
        m_uploads.upload(entry.device.data(), values.data(), values.size_bytes());
        return static_cast<const T*>(entry.device.data());
    }

private:
    struct Entry {
        std::vector<T> values;
        Buffer device;
        std::uint64_t used = 0;
    };
    MemoryPool& m_device;
    UploadRing& m_uploads;
    const std::size_t m_limit;
    std::vector<Entry> m_entries;
    std::uint64_t m_clock = 0;
};

/// RoPE tables on the device, recognised by what they were made of. One thread.
class KnownRopes {
public:
    KnownRopes(MemoryPool& device, UploadRing& uploads) : m_device(device), m_uploads(uploads) {}
    RopeView find(const RopeTable& table);

private:
    struct Entry {
        RopeSpec spec;
        int positions = 0;
        Buffer memory;  // cosines, then sines
    };
    MemoryPool& m_device;
    UploadRing& m_uploads;
    std::vector<Entry> m_entries;
};

}  // namespace engine::cuda
