// Hot records in memory, in front of the disk: what a query read, the next one need not read and check again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "storage/kv_store.h"

namespace engine {

/// A cache of records of one fingerprint, by their key, filled layer by layer as they are read. A record's content is a function of
/// its key, so nothing here can be out of date: what the index no longer names is never asked for and is evicted in its turn.
/// Safe from any thread; a Record's slices belong to the loader that took it until that loader is gone.
class RamTier {
public:
    using Memory = std::shared_ptr<std::byte>;
    /// Host memory of so many bytes, contents unspecified; null when there is none.
    using Allocate = std::function<Memory(std::uint64_t bytes)>;

    /// One record's room: the slices of all layers, K then V, without padding between them.
    class Record {
    public:
        Record(Memory memory, std::size_t layers, std::uint64_t layerBytes)
            : m_memory(std::move(memory)), m_layerBytes(layerBytes), m_holds(layers, false) {}
        std::byte* layer(int index) const { return m_memory.get() + static_cast<std::uint64_t>(index) * m_layerBytes; }
        std::uint64_t layerBytes() const { return m_layerBytes; }

    private:
        friend class RamTier;
        const Memory m_memory;
        const std::uint64_t m_layerBytes;
        std::vector<bool> m_holds;  // layers that were read and verified; under the tier's mutex
    };

    /// At most `capBytes` (0 = the tier keeps nothing), in memory from `allocate` (null: pages of the system, large where possible).
    RamTier(const storage::KvSpec& spec, std::uint64_t capBytes, Allocate allocate = nullptr);

    /// A query begins: records that it takes are not evicted for others that it takes. A context larger than the cap so keeps a part
    /// in memory, instead of every record pushing out the one needed next.
    void beginQuery();
    /// The record's room, made when there is space for it; null when there is none. Evicts records that this query has not taken,
    /// the longest unused first.
    std::shared_ptr<Record> take(const storage::KvExtent& extent);
    bool holds(const Record& record, int layer) const;
    /// The layer's bytes are complete and verified.
    void publish(Record& record, int layer);
    /// Whether layers [firstLayer, layers) of the record are all here.
    bool holds(const storage::KvExtent& extent, int firstLayer) const;
    void clear();

    std::uint64_t bytes() const;
    std::uint64_t capBytes() const { return m_capBytes; }

private:
    struct Entry {
        storage::KvKey key;
        std::shared_ptr<Record> record;
        std::uint64_t bytes = 0;
        std::uint64_t query = 0;  // that took it last
    };
    using Entries = std::list<Entry>;  // most recently used first

    const storage::KvSpec m_spec;
    const std::uint64_t m_capBytes;
    const Allocate m_allocate;
    mutable std::mutex m_mutex;
    Entries m_entries;
    std::unordered_map<storage::KvKey, Entries::iterator> m_byKey;
    std::uint64_t m_bytes = 0;
    std::uint64_t m_query = 0;
};

}  // namespace engine
