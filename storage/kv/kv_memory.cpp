// SQL of the tables chunk_keys, damage and rates, and the list of records that goes with them.
#include "storage/kv/kv_memory.h"

#include "storage/segment/hash.h"
#include "storage/sqlite/rows.h"

namespace storage {
namespace {

std::int64_t hashOfRates(const FingerprintId& fingerprint, int threads, const std::string& rates) {
    return RowHash("rates")
        .add(std::span<const std::uint8_t>(fingerprint.digest.bytes))
        .add(std::int64_t{threads})
        .add(std::string_view(rates))
        .finish();
}

}  // namespace

Result<std::vector<KvRecordInfo>> KvMemory::records(std::int64_t fingerprint) {
    Statement rows = m_database.query("SELECT key, tokens, bytes, pinned FROM records WHERE fingerprint = ?");
    rows.bind(fingerprint);
    return collectRows<KvRecordInfo>(rows, [](const Statement& row) {
        return KvRecordInfo{KvKey{row.digest(0)}, static_cast<int>(row.integer(1)),
                            static_cast<std::uint64_t>(row.integer(2)), row.integer(3) != 0};
    });
}

Result<std::vector<KvChunkKey>> KvMemory::chunkKeys(std::int64_t fingerprint) {
    Statement rows = m_database.query("SELECT chunk, anchor, key, tokens FROM chunk_keys WHERE fingerprint = ?");
    rows.bind(fingerprint);
    return collectRows<KvChunkKey>(rows, [](const Statement& row) {
        return KvChunkKey{ChunkId{row.digest(0)}, row.integer(1), KvKey{row.digest(2)}, static_cast<int>(row.integer(3))};
    });
}

Status KvMemory::writeChunkKey(std::int64_t fingerprint, const KvChunkKey& key) {
    return m_database
        .query("INSERT OR REPLACE INTO chunk_keys(fingerprint, chunk, anchor, key, tokens) VALUES(?, ?, ?, ?, ?)")
        .bind(fingerprint)
        .bind(key.chunk.digest)
        .bind(key.anchor)
        .bind(key.key.digest)
        .bind(key.tokens)
        .run();
}

Status KvMemory::deleteChunkKeys(const ChunkId& chunk) {
    return m_database.query("DELETE FROM chunk_keys WHERE chunk = ? AND fingerprint IN (SELECT number FROM fingerprints)")
        .bind(chunk.digest)
        .run();
}

Result<std::vector<KvDamageEvent>> KvMemory::damage(int limit) {
    Statement rows = m_database.query("SELECT found_at, fingerprint, key, reason FROM damage ORDER BY number DESC LIMIT ?");
    rows.bind(limit);
    return collectRows<KvDamageEvent>(rows, [](const Statement& row) {
        return KvDamageEvent{row.integer(0), FingerprintId{row.digest(1)}, KvKey{row.digest(2)}, row.text(3)};
    });
}

Status KvMemory::addDamage(const KvDamageEvent& event) {
    const Status added = m_database.query("INSERT INTO damage(found_at, fingerprint, key, reason) VALUES(?, ?, ?, ?)")
                             .bind(event.foundAtMs)
                             .bind(event.fingerprint.digest)
                             .bind(event.key.digest)
                             .bind(event.reason)
                             .run();
    if (!added.ok())
        return added;
    return m_database.query("DELETE FROM damage WHERE number <= ?")
        .bind(m_database.lastInsertId() - kMostDamageEvents)
        .run();
}

Result<std::string> KvMemory::rates(const FingerprintId& fingerprint, int threads) {
    Statement one = m_database.query("SELECT value, row_hash FROM rates WHERE fingerprint = ? AND threads = ?");
    const Result<bool> row = one.bind(fingerprint.digest).bind(threads).step();
    if (!row)
        return row.status();
    // A damaged row is as if nothing had been measured yet.
    if (!*row || one.integer(1) != hashOfRates(fingerprint, threads, one.text(0)))
        return std::string();
    return one.text(0);
}

Status KvMemory::writeRates(const FingerprintId& fingerprint, int threads, const std::string& rates) {
    return m_database.query("INSERT OR REPLACE INTO rates(fingerprint, threads, value, row_hash) VALUES(?, ?, ?, ?)")
        .bind(fingerprint.digest)
        .bind(threads)
        .bind(rates)
        .bind(hashOfRates(fingerprint, threads, rates))
        .run();
}

}  // namespace storage
