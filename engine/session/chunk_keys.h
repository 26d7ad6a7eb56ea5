// Under which keys the store would hold each chunk's KV: remembered, so that lists and coverage tokenize nothing.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/blend/planner.h"
#include "engine/types.h"
#include "storage/catalog.h"
#include "storage/kv_store.h"

namespace engine {

/// Keys of the session's model, behind each of the three anchors of the session's own head. Borrowed parts outlive it. One thread.
class ChunkKeys {
public:
    struct Key {
        KvKey key;
        int tokens = 0;  // with this model's tokenizer, header included
    };

    ChunkKeys(storage::Catalog& catalog, storage::KvStore& store, const Planner& planner, const FingerprintId& fingerprint);

    /// Remembers the chunks' keys. `text`: their document's.
    void learn(std::span<const ChunkRecord> chunks, std::string_view text);
    /// Tokenizes those of the chunks whose keys are not known. Bounded: stops after about a second, so that what a list then
    /// tells of the rest is a lower bound until it is asked again; Complete: goes on to the end.
    enum class Effort { Bounded, Complete };
    Status learnUnknown(std::span<const storage::ChunkPlace> chunks, Effort effort);
    /// Drops what is remembered of chunks that exist no more.
    void forget(std::span<const ChunkId> chunks);
    /// The store's index was replaced: nothing is remembered any more.
    void indexReplaced();

    /// Null when it is not known.
    const Key* keyOf(const ChunkId& chunk, Anchor anchor);
    /// Records in the store that hold the chunk's KV, whatever the anchor; distinct. Damage to the list itself reads as none.
    std::vector<storage::KvRecordInfo> recordsOf(const ChunkId& chunk);
    bool inStore(const ChunkId& chunk) { return !recordsOf(chunk).empty(); }
    /// Chunks that each of these keys belongs to; several chunks may share one.
    std::unordered_map<KvKey, ChunkId> chunksOf(std::span<const KvKey> keys);

private:
    static constexpr std::size_t kAnchors = 3;
    using Keys = std::array<Key, kAnchors>;

    void load();
    void refreshRecords();
    void add(const ChunkId& chunk, const TokenIds& ids, std::vector<storage::KvChunkKey>& toWrite);

    storage::Catalog& m_catalog;
    storage::KvStore& m_store;
    const Planner& m_planner;
    const FingerprintId m_fingerprint;
    std::array<TokenIds, kAnchors> m_anchors;
    std::array<std::int64_t, kAnchors> m_anchorNumbers{};

    bool m_loaded = false;
    std::unordered_map<ChunkId, Keys> m_keys;
    std::unordered_map<KvKey, storage::KvRecordInfo> m_records;
    bool m_haveRecords = false;
    std::uint64_t m_recordsGeneration = 0;
};

}  // namespace engine
