// What kvindex.db remembers besides records: keys of chunks, damage, measured rates. None of it is needed for a right answer.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "storage/kv_store.h"
#include "storage/sqlite/database.h"
#include "storage/status.h"

namespace storage {

/// A borrower of the index's connection, made for one call. Every write belongs into a Transaction. One thread.
class KvMemory {
public:
    explicit KvMemory(Database& database) : m_database(database) {}

    Result<std::vector<KvRecordInfo>> records(std::int64_t fingerprint);

    Result<std::vector<KvChunkKey>> chunkKeys(std::int64_t fingerprint);
    Status writeChunkKey(std::int64_t fingerprint, const KvChunkKey& key);
    Status deleteChunkKeys(const ChunkId& chunk);

    /// Newest first. limit < 0 = all.
    Result<std::vector<KvDamageEvent>> damage(int limit);
    /// Adds one and drops those beyond the newest kMostDamageEvents.
    Status addDamage(const KvDamageEvent& event);

    Result<std::string> rates(const FingerprintId& fingerprint, int threads);
    Status writeRates(const FingerprintId& fingerprint, int threads, const std::string& rates);

    static constexpr int kMostDamageEvents = 1000;

private:
    Database& m_database;
};

}  // namespace storage
