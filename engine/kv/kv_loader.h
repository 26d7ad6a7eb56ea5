// Brings stored slices layer by layer, ahead of the computation that needs them: from memory where they are kept, else from disk.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "engine/backend/backend.h"
#include "engine/kv/ram_tier.h"
#include "storage/kv_store.h"

namespace engine {

/// Where slices come from: a reader of the store, and perhaps memory in front of it, which is filled with what is read.
struct SliceSource {
    SliceSource(std::unique_ptr<storage::KvReader> disk, RamTier* memory = nullptr) : reader(std::move(disk)), ram(memory) {}

    std::unique_ptr<storage::KvReader> reader;
    RamTier* ram;
};

/// One record to load: where it lies on disk and from which layer on it is needed.
struct LoadItem {
    storage::KvExtent extent;
    int firstLayer = 0;
};

/// Memory that the back end's device reads at full speed, which outlives it; null where there is no more.
RamTier::Allocate hostMemoryOf(Backend& backend);

/// A slice that could not be used: which item, and why.
struct LoadFailure {
    int item = 0;
    Status status;
};

/// Lives for one prefill; owns a ring of host buffers, the reader's descriptors and, when anything is to be read, one thread, which
/// reads and verifies layer i+1, i+2 while the caller computes layer i. The caller uses layers in ascending order.
class KvLoader {
public:
    static constexpr int kRingLayers = 3;

    /// `memory` gives the ring's buffers; null = plain memory.
    KvLoader(SliceSource source, const KvSpec& spec, std::vector<LoadItem> items, const RamTier::Allocate& memory = nullptr);
    ~KvLoader();
    KvLoader(const KvLoader&) = delete;
    KvLoader& operator=(const KvLoader&) = delete;

    /// Waits for layer `layer`: one view an item (empty views for items not needed yet at this layer). Valid until release(layer).
    /// When `failures()` is not empty the views must not be used.
    std::span<const KvSliceView> wait(int layer);
    /// The layer's buffers may be filled again.
    void release(int layer);
    /// Slices that had failed when wait() last returned, perhaps of layers further on.
    const std::vector<LoadFailure>& failures() const { return m_reported; }
    /// Bytes of all slices given out, and of those that were in memory already. Stable once the last layer was waited for.
    std::uint64_t bytesLoaded() const { return m_bytesRead + m_bytesFromRam; }
    std::uint64_t bytesFromRam() const { return m_bytesFromRam; }
    /// Whether nothing of the item was read from disk; stable as above.
    bool cameFromRam(int item) const { return !m_sources[static_cast<std::size_t>(item)].read; }
    /// When reading of a layer began and ended, in ms since the loader was made.
    struct Interval {
        double beginMs = 0;
        double endMs = 0;
    };
    Interval interval(int layer) const { return m_intervals[static_cast<std::size_t>(layer)]; }

private:
    /// Where an item's slices lie: its room in the RAM tier, or none.
    struct ItemSource {
        std::shared_ptr<RamTier::Record> record;
        bool read = false;
    };
    struct Slot {
        RamTier::Memory bytes;  // of items without room in the RAM tier
        std::vector<KvSliceView> views;
    };
    void run(const std::stop_token& stop);
    /// Gives the slices that failed.
    std::vector<LoadFailure> fillLayer(int layer, Slot& slot);
    KvSliceView viewOf(std::size_t item, const std::byte* layer) const;
    bool everythingInRam() const;

    const KvSpec m_spec;
    const std::vector<LoadItem> m_items;
    const std::unique_ptr<storage::KvReader> m_reader;  // loader thread
    RamTier* const m_ram;
    std::vector<ItemSource> m_sources;  // as the slots
    std::vector<Slot> m_slots;          // a slot belongs to the loader until its layer is published, then to the caller
    std::mutex m_mutex;
    std::condition_variable_any m_changed;
    int m_published = 0;                  // layers read, under m_mutex
    int m_released = 0;                   // layers given back, under m_mutex
    std::vector<LoadFailure> m_failures;  // under m_mutex
    std::vector<LoadFailure> m_reported;  // the caller's copy
    std::vector<Interval> m_intervals;
    std::uint64_t m_bytesRead = 0;
    std::uint64_t m_bytesFromRam = 0;
    std::jthread m_thread;  // last: joins first; none when everything is in memory
};

}  // namespace engine
