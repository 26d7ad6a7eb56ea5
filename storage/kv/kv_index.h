// The rows of kvindex.db: fingerprints, segments, records, remembered digests. It may be thrown away at any time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "storage/kv_store.h"
#include "storage/records.h"
#include "storage/sqlite/database.h"
#include "storage/status.h"

namespace storage {

enum class SegmentState : int {
    Open = 0,    // may be appended to
    Closed = 1,  // full, cut short from outside, or retired after a failed sync
    Doomed = 2,  // nothing in it is published; its file is to be removed
    Unread = 3   // found without a row (the index was lost); its records are not adopted yet
};

struct SegmentRow {
    SegmentId id;
    std::int64_t fingerprint = 0;  // row number in fingerprints
    std::uint64_t fileBytes = 0;   // committed length of the file
    SegmentState state = SegmentState::Open;
};

struct FingerprintRow {
    std::int64_t number = 0;
    FingerprintRecord record;
};

/// A published record.
struct RecordRow {
    std::int64_t sequence = 0;  // = the row's number; kept when compaction moves the record
    std::int64_t fingerprint = 0;
    KvKey key;
    SegmentId segment;
    std::uint64_t offset = 0;
    std::uint64_t bytes = 0;
    int tokens = 0;
};

/// LRU and pin state, kept over a rebuild of a healthy index.
struct UsageRow {
    FingerprintId fingerprint;
    KvKey key;
    std::int64_t used = 0;
    std::int64_t hits = 0;
    std::int64_t pinned = 0;
};

/// One thread. Every write belongs into a Transaction on database().
class KvIndex {
public:
    static constexpr int kSchemaVersion = 2;

    /// Errors: Damaged, Refused (newer), Busy, IoError.
    static Result<std::unique_ptr<KvIndex>> open(const std::string& path, DatabaseMode mode);

    Database& database() { return *m_database; }

    /// All rows, each checked by its own hash. Errors: Damaged.
    Result<std::vector<FingerprintRow>> fingerprints();
    Result<std::vector<SegmentRow>> segments();
    Result<std::int64_t> insertFingerprint(const FingerprintRecord& fingerprint);
    Status writeSegment(const SegmentRow& segment);
    Status deleteSegment(SegmentId id);
    /// Σ file_bytes as the current transaction sees it.
    Result<std::uint64_t> diskBytes();

    Result<std::optional<RecordRow>> record(std::int64_t fingerprint, const KvKey& key);
    /// sequence 0 = the next free one. Gives the row's number.
    Status insertRecord(const RecordRow& record, std::int64_t used);
    Status moveRecord(std::int64_t sequence, SegmentId segment, std::uint64_t offset);
    /// False when it is pinned and `evenPinned` is not set, or no longer there.
    enum class Pinned { Spare, Remove };
    Result<bool> deleteRecord(std::int64_t sequence, Pinned pinned);
    Status touchRecord(std::int64_t fingerprint, const KvKey& key, std::int64_t used, std::int64_t hits);
    Status setPinned(std::int64_t fingerprint, const KvKey& key, bool pinned);
    Status setUsage(std::int64_t fingerprint, const UsageRow& usage);

    /// Unpinned records, least recently used first, until `visit` returns false.
    Status visitLeastRecentlyUsed(const std::function<bool(const RecordRow&)>& visit);
    Result<std::vector<RecordRow>> recordsOfSegment(SegmentId segment);
    /// Records with sequence % modulus == part, in file order.
    Result<std::vector<RecordRow>> recordsOfPart(int part, int modulus);
    Result<std::vector<UsageRow>> usage();
    /// Per segment: bytes of its records and where the last of them ends.
    struct SegmentUse {
        SegmentId segment;
        std::uint64_t liveBytes = 0;
        std::uint64_t lastEnd = 0;
    };
    Result<std::vector<SegmentUse>> segmentUse();
    Result<std::uint64_t> pinnedBytes();
    struct Totals {
        std::int64_t fingerprint = 0;
        std::int64_t records = 0;
        std::int64_t tokens = 0;
        std::uint64_t bytes = 0;
        std::int64_t pinned = 0;
    };
    Result<std::vector<Totals>> totals();
    struct HighWater {
        std::int64_t sequence = 0;
        std::int64_t used = 0;
    };
    Result<HighWater> highWater();

    Result<std::int64_t> counter(const std::string& name);
    Status addToCounter(const std::string& name, std::int64_t amount);

    Result<std::optional<Digest>> rememberedDigest(const FileIdentity& identity);
    Status rememberDigest(const FileIdentity& identity, const Digest& digest);

private:
    explicit KvIndex(std::unique_ptr<Database> database) : m_database(std::move(database)) {}

    const std::unique_ptr<Database> m_database;
};

}  // namespace storage
