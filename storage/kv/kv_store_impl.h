// The store behind kv_store.h. Its parts: kv_store.cpp (rows), kv_space.cpp (cap, eviction, compaction), kv_recovery.cpp
// (opening and rebuilding), kv_lists.cpp (lists for views), kv_reader.cpp (the loader's side).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "storage/file_system.h"
#include "storage/kv/kv_index.h"
#include "storage/kv_store.h"
#include "storage/segment/reader.h"
#include "storage/segment/writer.h"

namespace storage {

/// The engine thread's. m_segments mirrors the committed rows plus what is already true on disk but not yet written
/// (m_unsaved): each transaction begins by writing those.
class KvStoreImpl final : public KvStore {
public:
    KvStoreImpl(const KvStoreOptions& options, FileSystem& fileSystem);
    ~KvStoreImpl() override;

    /// Opening, once, before anything else.
    Status start();

    Status registerFingerprint(const FingerprintRecord& fingerprint) override;
    Result<std::optional<FingerprintRecord>> fingerprint(const FingerprintId& id) override;
    Status put(const FingerprintId& fingerprint, const KvKey& key, int tokens,
               std::span<const std::span<const std::byte>> slices) override;
    Result<std::optional<KvExtent>> find(const FingerprintId& fingerprint, const KvKey& key) override;
    Status touch(std::span<const KvExtent> extents) override;
    std::unique_ptr<KvReader> reader() override;
    Status quarantine(const KvExtent& extent, const std::string& reason) override;
    Status pin(const FingerprintId& fingerprint, std::span<const KvKey> keys) override;
    Status unpin(const FingerprintId& fingerprint, std::span<const KvKey> keys) override;
    Status remove(const FingerprintId& fingerprint, std::span<const KvKey> keys) override;
    Result<std::uint64_t> evictTo(std::uint64_t bytes, std::stop_token stop) override;
    Result<KvVerifyReport> verify(int part, int modulus, const StoreProgress& progress, std::stop_token stop) override;
    Result<KvCompactReport> compact(const StoreProgress& progress, std::stop_token stop) override;
    Result<KvRebuildReport> rebuildIndex(const StoreProgress& progress, std::stop_token stop) override;
    Result<KvStoreStats> stats() override;
    Status dropPageCache() override;
    Result<std::vector<KvRecordInfo>> records(const FingerprintId& fingerprint) override;
    std::uint64_t generation() const override { return m_generation; }
    Result<std::vector<KvDamageEvent>> damageEvents(int limit) override;
    Result<std::uint64_t> setCap(std::uint64_t bytes) override;
    Result<std::vector<KvChunkKey>> chunkKeys(const FingerprintId& fingerprint) override;
    Status rememberChunkKeys(const FingerprintId& fingerprint, std::span<const KvChunkKey> keys) override;
    Status forgetChunkKeys(std::span<const ChunkId> chunks) override;
    Result<std::string> rememberedRates(const FingerprintId& fingerprint, int threads) override;
    Status rememberRates(const FingerprintId& fingerprint, int threads, const std::string& rates) override;
    Result<std::optional<Digest>> rememberedDigest(const FileIdentity& identity) override;
    Status rememberDigest(const FileIdentity& identity, const Digest& digest) override;

private:
    struct Segment {
        SegmentRow row;
        FingerprintId fingerprint;
        std::uint64_t headerBytes = kBlockBytes;
        std::uint64_t liveBytes = 0;

        std::uint64_t garbageBytes() const { return row.fileBytes > liveBytes ? row.fileBytes - liveBytes : 0; }
        /// Copies of the records may spread over two segments with a header each.
        std::uint64_t copyBytes() const { return liveBytes + 2 * headerBytes; }
        bool worthCompacting() const {
            return liveBytes > 0 && copyBytes() < row.fileBytes && row.state != SegmentState::Doomed;
        }
    };
    struct FoundSegment {
        SegmentId id;
        FingerprintId fingerprint;
        FileKind kind = FileKind::Other;
        std::uint64_t sizeBytes = 0;
    };
    struct Touch {
        std::int64_t used = 0;
        std::int64_t hits = 0;
    };
    struct EvictionPlan {
        std::vector<RecordRow> victims;
        bool reachable = false;
    };
    /// How a transaction ended. `uncertain`: COMMIT itself failed, so after a crash the log may still hold the transaction.
    struct CommitOutcome {
        Status status;
        bool uncertain = false;
    };

    // -- kv_store.cpp
    Status requireWritable() const;
    std::string folderPath(const FingerprintId& fingerprint) const;
    std::string segmentPath(const Segment& segment) const;
    CommitOutcome inTransaction(const std::function<Status()>& body);
    Status save();  // a transaction of the pending rows only
    const FingerprintRow* known(const FingerprintId& fingerprint) const;
    Result<FingerprintRow> remember(const FingerprintRecord& fingerprint);
    /// The row of the record, unless it is known to be lost.
    Result<std::optional<RecordRow>> rowOf(const FingerprintRow& fingerprint, const KvKey& key);
    KvExtent extentOf(const RecordRow& row, const FingerprintId& fingerprint) const;
    Status publish(const FingerprintRow& fingerprint, const KvKey& key, int tokens,
                   std::span<const std::span<const std::byte>> slices);
    Status setPinned(const FingerprintId& fingerprint, std::span<const KvKey> keys, bool pinned);
    /// Takes rows out in one transaction, dooms segments that hold no record any more, removes their files.
    Status dropRows(std::span<const RecordRow> rows, KvIndex::Pinned pinned, std::span<const KvDamageEvent> damage);
    Status quarantineRow(const RecordRow& row, const FingerprintId& fingerprint, const std::string& reason);
    void keepHeader(const KvExtent& extent, const std::string& reason);

    // -- kv_lists.cpp
    static KvDamageEvent damageNow(const FingerprintId& fingerprint, const KvKey& key, const std::string& reason);

    // -- kv_space.cpp
    std::uint64_t diskBytes() const;
    /// Size at which a segment is closed: small enough under a cap that whole segments can be given up for new records.
    std::uint64_t segmentLimit() const;
    SegmentWriter* writerWithRoom(const FingerprintRow& fingerprint, std::uint64_t bytes);
    /// A writer that has room for `bytes`: the current one, a reopened one or a new segment's. Looks at no cap.
    Result<SegmentWriter*> writerFor(const FingerprintRow& fingerprint, std::uint64_t bytes);
    Result<SegmentWriter*> startSegment(const FingerprintRow& fingerprint);
    /// No more appends to the current segment of the fingerprint.
    void closeWriter(std::int64_t fingerprint);
    /// The same when the current segment is this one.
    void closeWriterOf(const Segment& segment);
    enum class Tail { Cut, Keep };
    /// closeWriter() after a failure; the file's bytes are counted as they are on disk.
    void retireWriter(std::int64_t fingerprint, Tail tail);
    /// Takes back what was appended since `endBytes`.
    void abandonTail(std::int64_t fingerprint, std::uint64_t endBytes);
    void countFileAsItIs(Segment& segment);
    Status makeRoom(const FingerprintRow& fingerprint, std::uint64_t bytes);
    Result<EvictionPlan> planEviction(std::uint64_t target, const std::stop_token& stop);
    /// Evicts as planned, removes empty segments, compacts what fits until disk bytes ≤ target.
    Status shrinkTo(std::uint64_t target, const EvictionPlan& plan, const std::stop_token& stop);
    /// Segments that compaction may take in turn, each fitting into the room that the ones before leave; `reached` = disk
    /// bytes afterwards. Segments without records count as removed.
    std::vector<SegmentId> compactable(std::uint64_t target, const std::map<SegmentId, Segment>& segments,
                                       std::uint64_t& reached) const;
    /// Moves the segment's records to the current one and removes its file. Gives the number of records moved.
    Result<std::int64_t> compactSegment(SegmentId id, const std::stop_token& stop);
    struct Moves;
    Status copyRecords(const Segment& source, const FingerprintRow& fingerprint, std::span<const RecordRow> rows,
                       Moves& moves, const std::stop_token& stop);
    void abandonMoves(std::int64_t fingerprint, const Moves& moves);
    /// Dooms every segment that holds no record.
    Status dropEmptySegments();
    /// Unlinks the files of doomed segments; those that cannot be removed now stay counted and are tried again later.
    void removeDoomed();

    // -- kv_recovery.cpp
    Status createFolders();
    Result<std::vector<FoundSegment>> listSegments();
    Status refuseNewerSegments(const std::vector<FoundSegment>& found);
    Status openIndex(const std::vector<FoundSegment>& found);
    Status openIndexReadOnly(const std::vector<FoundSegment>& found);
    Status load(const std::vector<FoundSegment>& found);
    Status throwAwayIndex();
    /// A new, empty index in the place of the present one; when that cannot be made, an empty one in memory, marked suspect.
    Status replaceIndex(const std::vector<FoundSegment>& found);
    Status reconcile(const std::vector<FoundSegment>& found);
    Status reconcileSegment(Segment& segment, const FoundSegment* found);
    Status readTail(Segment& segment, std::uint64_t sizeBytes);
    Status addOrphans(const std::vector<FoundSegment>& found);
    Status adoptUnread(const StoreProgress& progress, const std::stop_token& stop, KvRebuildReport& report);
    Status adoptSegment(Segment& segment, const std::stop_token& stop, KvRebuildReport& report);
    void setAside(const std::string& path);
    void readHighWaterFile();
    Status writeHighWaterFile(std::int64_t next);

    const KvStoreOptions m_options;
    FileSystem& m_fileSystem;
    std::unique_ptr<KvIndex> m_index;

    std::map<std::int64_t, FingerprintRow> m_fingerprints;  // by row number
    std::unordered_map<FingerprintId, std::int64_t> m_fingerprintNumbers;
    std::map<SegmentId, Segment> m_segments;
    std::set<SegmentId> m_unsaved;  // rows to be written by the next transaction
    std::set<SegmentId> m_gone;     // rows to be deleted by the next transaction: their files are durably removed
    std::map<std::int64_t, std::unique_ptr<SegmentWriter>> m_writers;  // by fingerprint row number
    std::map<std::pair<std::int64_t, KvKey>, Touch> m_touched;
    std::set<std::pair<SegmentId, std::uint64_t>> m_lost;  // damaged, but their rows could not be taken out
    std::int64_t m_nextSegment = 1;
    std::int64_t m_nextSequence = 1;
    std::int64_t m_clock = 0;
    std::int64_t m_quarantined = 0;
    std::uint64_t m_capBytes = 0;
    std::uint64_t m_generation = 0;
    std::vector<KvDamageEvent> m_unwrittenDamage;  // of a read-only store
    bool m_indexSuspect = false;                   // SQLite reported damage: rebuilt before the next write
};

}  // namespace storage
