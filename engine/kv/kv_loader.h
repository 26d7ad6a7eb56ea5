// Reads stored slices layer by layer, ahead of the computation that needs them.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "engine/backend/backend.h"
#include "storage/kv_store.h"

namespace engine {

/// One record to load: where it lies on disk and from which layer on it is needed.
struct LoadItem {
    storage::KvExtent extent;
    int firstLayer = 0;
};

/// A slice that could not be used: which item, and why.
struct LoadFailure {
    int item = 0;
    Status status;
};

/// Owns one thread that lives for one prefill, a ring of host buffers and the reader's descriptors. The thread reads and verifies
/// layer i+1, i+2 while the caller computes layer i. The caller uses layers in ascending order.
class KvLoader {
public:
    static constexpr int kRingLayers = 3;

    /// `memory` allocates the buffers (Backend::allocateHost) and outlives this.
    KvLoader(Backend& memory, std::unique_ptr<storage::KvReader> reader, const KvSpec& spec, std::vector<LoadItem> items);
    ~KvLoader();
    KvLoader(const KvLoader&) = delete;
    KvLoader& operator=(const KvLoader&) = delete;

    /// Waits for layer `layer`: one view an item (empty views for items not needed yet at this layer). Valid until release(layer).
    /// When `failures()` is not empty the views must not be used.
    std::span<const KvSliceView> wait(int layer);
    /// The layer's buffers may be filled again.
    void release(int layer);
    /// Slices that failed so far; stable once wait() has returned a layer.
    const std::vector<LoadFailure>& failures() const { return m_failures; }
    std::uint64_t bytesLoaded() const { return m_bytesLoaded; }
    /// When reading of a layer began and ended, in ms since the loader was made.
    struct Interval {
        double beginMs = 0;
        double endMs = 0;
    };
    Interval interval(int layer) const { return m_intervals[static_cast<std::size_t>(layer)]; }

private:
    struct Slot {
        Buffer bytes;
        std::vector<KvSliceView> views;
    };
    void run(const std::stop_token& stop);
    void readLayer(int layer, Slot& slot);

    const KvSpec m_spec;
    const std::vector<LoadItem> m_items;
    std::unique_ptr<storage::KvReader> m_reader;  // loader thread
    std::vector<Slot> m_slots;  // a slot belongs to the loader until its layer is published, then to the caller
    std::mutex m_mutex;
    std::condition_variable_any m_changed;
    int m_published = 0;                  // layers read, under m_mutex
    int m_released = 0;                   // layers given back, under m_mutex
    bool m_failed = false;                // under m_mutex
    std::vector<LoadFailure> m_failures;  // written before the layer is published
    std::vector<Interval> m_intervals;
    std::uint64_t m_bytesLoaded = 0;
    std::jthread m_thread;  // last: joins first
};

}  // namespace engine
