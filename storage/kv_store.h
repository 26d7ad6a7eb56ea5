// The KV store: chunk KV on disk, indexed by kvindex.db. See README.md for the numbered invariants, FORMAT.md for the bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "storage/records.h"
#include "storage/status.h"

namespace storage {

class FileSystem;

struct KvStoreOptions {
    std::string directory;       // the workspace; the store owns kvindex.db, kv/ and quarantine/ in it
    std::uint64_t capBytes = 0;  // on-disk bytes of all segments (live + garbage); 0 = no cap
    std::uint64_t segmentBytes = std::uint64_t{256} << 20;  // a segment that has reached this size is closed
    bool readOnly = false;                                  // nothing is written; kvindex.db opened with immutable=1
};

/// Bytes and counts of one fingerprint.
struct KvFingerprintStats {
    FingerprintRecord fingerprint;
    std::int64_t records = 0;
    std::int64_t tokens = 0;
    std::uint64_t liveBytes = 0;
    std::int64_t pinned = 0;
};

struct KvStoreStats {
    std::int64_t records = 0;
    std::int64_t segments = 0;
    std::uint64_t liveBytes = 0;     // bytes of published records
    std::uint64_t garbageBytes = 0;  // evicted, quarantined, torn, segment headers; live + garbage = bytes on disk
    std::uint64_t diskBytes = 0;
    std::uint64_t capBytes = 0;
    std::int64_t quarantined = 0;  // damaged records found so far
    std::vector<KvFingerprintStats> fingerprints;
};

/// One damaged record and what was done.
struct KvDamage {
    FingerprintId fingerprint;
    KvKey key;
    std::string reason;  // what, where
};

/// A damaged record as the index remembers it.
struct KvDamageEvent {
    std::int64_t foundAtMs = 0;  // ms since the epoch
    FingerprintId fingerprint;
    KvKey key;
    std::string reason;
};

/// One published record.
struct KvRecordInfo {
    KvKey key;
    int tokens = 0;
    std::uint64_t bytes = 0;  // on disk
    bool pinned = false;
};

/// Under which key the store would hold a chunk's KV behind one anchor. `anchor` is the caller's number for it.
struct KvChunkKey {
    ChunkId chunk;
    std::int64_t anchor = 0;
    KvKey key;
    int tokens = 0;
};

/// Bytes of one record on disk, padding included.
std::uint64_t kvRecordBytes(const KvSpec& spec, int tokens);

struct KvVerifyReport {
    std::int64_t checked = 0;
    std::uint64_t checkedBytes = 0;
    std::vector<KvDamage> damaged;  // each is quarantined: its row is gone, the next use is a miss
};

struct KvCompactReport {
    std::uint64_t reclaimedBytes = 0;
    std::int64_t movedRecords = 0;
};

struct KvRebuildReport {
    std::int64_t records = 0;   // adopted: every byte verified
    std::int64_t rejected = 0;  // found but damaged
};

/// Identity of a file whose digest may be remembered instead of being computed again.
struct FileIdentity {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::uint64_t sizeBytes = 0;
    std::int64_t modifiedNs = 0;
    std::int64_t changedNs = 0;  // ctime

    bool operator==(const FileIdentity&) const = default;
};

/// Reads and verifies slices with descriptors of its own. Any one thread (the loader's); may outlive no store.
class KvReader {
public:
    virtual ~KvReader() = default;
    /// Reads layer `layer` of the record into `destination`: K then V, each [KH, T, D] of the spec's dtype, without the
    /// padding between them; destination.size() == 2 * kvSliceBytes(spec, extent.tokens). Verifies location-bound XXH3-128
    /// of K and of V, padding included. Errors: Damaged (checksum, truncation, wrong record), IoError.
    virtual Status readLayer(const KvExtent& extent, int layer, std::span<std::byte> destination) = 0;
};

/// Progress of a long store job: done and total in the job's own unit (records or bytes).
using StoreProgress = std::function<void(std::int64_t done, std::int64_t total)>;

/// Owner of the segments and of the one connection to kvindex.db. One thread (the engine's), except KvReader.
class KvStore {
public:
    virtual ~KvStore() = default;

    /// Opens or creates the store; adopts or cuts torn tails (invariant 4). `fileSystem` must outlive it.
    /// A missing or unreadable kvindex.db is rebuilt from the segments. Errors: IoError, NoSpace, Refused (newer format).
    static Result<std::unique_ptr<KvStore>> open(const KvStoreOptions& options, FileSystem& fileSystem);

    /// Makes a fingerprint known; must precede put() for it. The same id with another spec is InvalidArgument.
    virtual Status registerFingerprint(const FingerprintRecord& fingerprint) = 0;
    virtual Result<std::optional<FingerprintRecord>> fingerprint(const FingerprintId& id) = 0;

    /// Publishes one record: payload → fdatasync → SQLite commit; durable when it returns. `slices` = K and V of layer 0,
    /// K and V of layer 1, …: 2 * layers spans of kvSliceBytes(spec, tokens) bytes each. A record that exists already is ok
    /// and writes nothing. Evicts least recently used unpinned records when the cap asks for it. Errors: NoSpace, IoError.
    virtual Status put(const FingerprintId& fingerprint, const KvKey& key, int tokens,
                       std::span<const std::span<const std::byte>> slices) = 0;
    /// Where the record lies; empty = miss. Reads no payload and does not change the LRU order.
    virtual Result<std::optional<KvExtent>> find(const FingerprintId& fingerprint, const KvKey& key) = 0;
    /// Marks records as just used (LRU order, hit count). One transaction, not synced to disk at once.
    virtual Status touch(std::span<const KvExtent> extents) = 0;
    virtual std::unique_ptr<KvReader> reader() = 0;
    /// A slice failed its check: the row goes, the record's bytes become garbage (a copy of its header is kept in
    /// quarantine/), the event is counted. The next find() is a miss.
    virtual Status quarantine(const KvExtent& extent, const std::string& reason) = 0;

    virtual Status pin(const FingerprintId& fingerprint, std::span<const KvKey> keys) = 0;
    virtual Status unpin(const FingerprintId& fingerprint, std::span<const KvKey> keys) = 0;
    virtual Status remove(const FingerprintId& fingerprint, std::span<const KvKey> keys) = 0;
    /// Evicts least recently used unpinned records and frees their space until disk bytes ≤ `bytes` (or only pinned are
    /// left). Gives the bytes freed on disk.
    virtual Result<std::uint64_t> evictTo(std::uint64_t bytes, std::stop_token stop) = 0;
    /// Reads and checks every byte of each n-th of `modulus` records (0/1 = all), resumable: record i when i % modulus ==
    /// part.
    virtual Result<KvVerifyReport> verify(int part, int modulus, const StoreProgress& progress, std::stop_token stop) = 0;
    /// Rewrites segments that hold garbage; crash-safe at every point.
    virtual Result<KvCompactReport> compact(const StoreProgress& progress, std::stop_token stop) = 0;
    /// Throws the index away and reads it again from the self-describing segments.
    virtual Result<KvRebuildReport> rebuildIndex(const StoreProgress& progress, std::stop_token stop) = 0;
    virtual Result<KvStoreStats> stats() = 0;
    /// Asks the kernel to drop the segments' pages (benchmarks' cold state).
    virtual Status dropPageCache() = 0;

    // -- lists for views
    /// Every record of the fingerprint, in no particular order.
    virtual Result<std::vector<KvRecordInfo>> records(const FingerprintId& fingerprint) = 0;
    /// Grows whenever a list of records or pins may have changed.
    virtual std::uint64_t generation() const = 0;
    /// Newest first; the newest thousand are kept.
    virtual Result<std::vector<KvDamageEvent>> damageEvents(int limit) = 0;
    /// The cap from now on (0 = none); evicts down to it first. Gives the bytes freed on disk.
    virtual Result<std::uint64_t> setCap(std::uint64_t bytes) = 0;

    // -- remembered, so that it need not be computed again; gone with the index
    virtual Result<std::vector<KvChunkKey>> chunkKeys(const FingerprintId& fingerprint) = 0;
    virtual Status rememberChunkKeys(const FingerprintId& fingerprint, std::span<const KvChunkKey> keys) = 0;
    virtual Status forgetChunkKeys(std::span<const ChunkId> chunks) = 0;
    /// Speeds measured with this many threads, in the caller's own words; empty = none.
    virtual Result<std::string> rememberedRates(const FingerprintId& fingerprint, int threads) = 0;
    virtual Status rememberRates(const FingerprintId& fingerprint, int threads, const std::string& rates) = 0;
    /// A digest computed earlier for a file of exactly this identity.
    virtual Result<std::optional<Digest>> rememberedDigest(const FileIdentity& identity) = 0;
    virtual Status rememberDigest(const FileIdentity& identity, const Digest& digest) = 0;
};

}  // namespace storage
