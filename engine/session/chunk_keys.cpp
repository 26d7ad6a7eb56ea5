// ChunkKeys: the table chunk_keys of kvindex.db in memory, joined with the store's records.
#include "engine/session/chunk_keys.h"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "engine/kv/kv_key.h"
#include "storage/digest.h"

namespace engine {
namespace {

constexpr std::chrono::milliseconds kBoundedEffort{1000};

/// A number that names an anchor's tokens in the table.
std::int64_t numberOf(const TokenIds& anchor) {
    const Digest digest = storage::digestOf(std::as_bytes(std::span(anchor)));
    std::int64_t number = 0;
    std::memcpy(&number, digest.bytes.data(), sizeof number);
    return number;
}

}  // namespace

ChunkKeys::ChunkKeys(storage::Catalog& catalog, storage::KvStore& store, const Planner& planner,
                     const FingerprintId& fingerprint)
    : m_catalog(catalog), m_store(store), m_planner(planner), m_fingerprint(fingerprint) {
    for (std::size_t i = 0; i < kAnchors; ++i) {
        m_anchors[i] = Planner::anchorIds(static_cast<Anchor>(i), planner.head());
        m_anchorNumbers[i] = numberOf(m_anchors[i]);
    }
}

void ChunkKeys::load() {
    if (m_loaded)
        return;
    m_loaded = true;
    const Result<std::vector<storage::KvChunkKey>> rows = m_store.chunkKeys(m_fingerprint);
    if (!rows.ok())
        return;  // an index that cannot be read tells nothing; what is missing is made again
    std::unordered_map<ChunkId, std::pair<Keys, int>> found;
    for (const storage::KvChunkKey& row : *rows)
        for (std::size_t i = 0; i < kAnchors; ++i)
            if (row.anchor == m_anchorNumbers[i]) {
                auto& [keys, count] = found[row.chunk];
                keys[i] = {row.key, row.tokens};
                ++count;
            }
    m_keys.reserve(found.size());
    for (const auto& [chunk, keys] : found)
        if (keys.second == kAnchors)
            m_keys.emplace(chunk, keys.first);
}

void ChunkKeys::refreshRecords() {
    if (m_haveRecords && m_recordsGeneration == m_store.generation())
        return;
    m_haveRecords = true;
    m_recordsGeneration = m_store.generation();
    m_records.clear();
    const Result<std::vector<storage::KvRecordInfo>> records = m_store.records(m_fingerprint);
    if (!records.ok())
        return;
    m_records.reserve(records->size());
    for (const storage::KvRecordInfo& record : *records)
        m_records.emplace(record.key, record);
}

void ChunkKeys::add(const ChunkId& chunk, const TokenIds& ids, std::vector<storage::KvChunkKey>& toWrite) {
    Keys keys;
    for (std::size_t i = 0; i < kAnchors; ++i) {
        keys[i] = {kvKey(m_fingerprint, m_anchors[i], ids), static_cast<int>(ids.size())};
        toWrite.push_back({chunk, m_anchorNumbers[i], keys[i].key, keys[i].tokens});
    }
    m_keys[chunk] = keys;
}

void ChunkKeys::learn(std::span<const ChunkRecord> chunks, std::string_view text) {
    load();
    std::vector<storage::KvChunkKey> toWrite;
    for (const ChunkRecord& chunk : chunks)
        if (!m_keys.contains(chunk.id) && chunk.endByte <= static_cast<std::int64_t>(text.size()))
            add(chunk.id,
                m_planner.chunkIds(chunk.header, text.substr(static_cast<std::size_t>(chunk.beginByte),
                                                             static_cast<std::size_t>(chunk.endByte - chunk.beginByte))),
                toWrite);
    if (!toWrite.empty())
        (void)m_store.rememberChunkKeys(m_fingerprint, toWrite);  // forgetting only costs time
}

Status ChunkKeys::learnUnknown(std::span<const storage::ChunkPlace> chunks, Effort effort) {
    load();
    refreshRecords();
    if (effort == Effort::Bounded && m_records.empty())
        return {};  // nothing is stored, so no key is needed to say so
    const auto end = std::chrono::steady_clock::now() + kBoundedEffort;
    std::vector<storage::KvChunkKey> toWrite;
    for (const storage::ChunkPlace& place : chunks) {
        if (m_keys.contains(place.id))
            continue;
        if (effort == Effort::Bounded && std::chrono::steady_clock::now() > end)
            break;
        const Result<std::optional<ChunkRecord>> chunk = m_catalog.chunk(place.id);
        if (!chunk.ok())
            return chunk.status();
        if (!chunk->has_value())
            continue;
        const Result<std::string> text = m_catalog.chunkText(**chunk);
        if (!text.ok())
            return text.status().withContext("chunk " + place.id.hex());
        add(place.id, m_planner.chunkIds((*chunk)->header, *text), toWrite);
    }
    if (!toWrite.empty())
        (void)m_store.rememberChunkKeys(m_fingerprint, toWrite);
    return {};
}

void ChunkKeys::forget(std::span<const ChunkId> chunks) {
    for (const ChunkId& chunk : chunks)
        m_keys.erase(chunk);
    if (!chunks.empty())
        (void)m_store.forgetChunkKeys(chunks);
}

void ChunkKeys::indexReplaced() {
    m_loaded = false;
    m_keys.clear();
    m_haveRecords = false;
}

const ChunkKeys::Key* ChunkKeys::keyOf(const ChunkId& chunk, Anchor anchor) {
    load();
    const auto known = m_keys.find(chunk);
    return known == m_keys.end() ? nullptr : &known->second[static_cast<std::size_t>(anchor)];
}

std::vector<storage::KvRecordInfo> ChunkKeys::recordsOf(const ChunkId& chunk) {
    load();
    refreshRecords();
    std::vector<storage::KvRecordInfo> records;
    const auto known = m_keys.find(chunk);
    if (known == m_keys.end())
        return records;
    for (const Key& key : known->second) {
        const auto record = m_records.find(key.key);
        const auto same = [&](const storage::KvRecordInfo& other) { return other.key == key.key; };
        if (record != m_records.end() && std::none_of(records.begin(), records.end(), same))
            records.push_back(record->second);
    }
    return records;
}

std::unordered_map<KvKey, ChunkId> ChunkKeys::chunksOf(std::span<const KvKey> keys) {
    load();
    std::unordered_map<KvKey, ChunkId> chunks;
    for (const auto& [chunk, known] : m_keys)
        for (const Key& key : known)
            if (std::find(keys.begin(), keys.end(), key.key) != keys.end())
                chunks.emplace(key.key, chunk);
    return chunks;
}

}  // namespace engine
