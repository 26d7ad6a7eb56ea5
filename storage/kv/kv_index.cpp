// SQL of kvindex.db. Rows whose damage could cost more than one record (fingerprints, segments, digests) carry their own
// XXH3-64.
#include "storage/kv/kv_index.h"

#include <array>
#include <bit>
#include <utility>

#include "storage/segment/hash.h"
#include "storage/sqlite/rows.h"
#include "storage/sqlite/schema.h"

namespace storage {
namespace {

constexpr std::array<Migration, 2> kMigrations{{{1, R"sql(
CREATE TABLE meta(name TEXT PRIMARY KEY, value INTEGER NOT NULL, row_hash INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE fingerprints(
    number INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE, layers INTEGER NOT NULL, kv_heads INTEGER NOT NULL,
    head_dim INTEGER NOT NULL, dtype INTEGER NOT NULL, fields TEXT NOT NULL, row_hash INTEGER NOT NULL) STRICT;
CREATE TABLE segments(
    id INTEGER PRIMARY KEY, fingerprint INTEGER NOT NULL REFERENCES fingerprints(number), file_bytes INTEGER NOT NULL,
    state INTEGER NOT NULL, row_hash INTEGER NOT NULL) STRICT;
CREATE TABLE records(
    sequence INTEGER PRIMARY KEY AUTOINCREMENT, fingerprint INTEGER NOT NULL REFERENCES fingerprints(number),
    key BLOB NOT NULL, segment INTEGER NOT NULL REFERENCES segments(id), offset INTEGER NOT NULL, bytes INTEGER NOT NULL,
    tokens INTEGER NOT NULL, used INTEGER NOT NULL, hits INTEGER NOT NULL DEFAULT 0, pinned INTEGER NOT NULL DEFAULT 0,
    UNIQUE(fingerprint, key)) STRICT;
CREATE INDEX records_by_place ON records(segment, offset, bytes);
CREATE INDEX records_by_use ON records(used) WHERE pinned = 0;
CREATE INDEX records_pinned ON records(bytes) WHERE pinned = 1;
CREATE TABLE digests(
    device INTEGER NOT NULL, inode INTEGER NOT NULL, size INTEGER NOT NULL, modified INTEGER NOT NULL,
    changed INTEGER NOT NULL, digest BLOB NOT NULL, row_hash INTEGER NOT NULL,
    PRIMARY KEY(device, inode)) STRICT, WITHOUT ROWID;
)sql"},
                                                {2, R"sql(
CREATE TABLE chunk_keys(
    fingerprint INTEGER NOT NULL REFERENCES fingerprints(number), chunk BLOB NOT NULL, anchor INTEGER NOT NULL,
    key BLOB NOT NULL, tokens INTEGER NOT NULL, PRIMARY KEY(fingerprint, chunk, anchor)) STRICT, WITHOUT ROWID;
CREATE TABLE damage(
    number INTEGER PRIMARY KEY AUTOINCREMENT, found_at INTEGER NOT NULL, fingerprint BLOB NOT NULL, key BLOB NOT NULL,
    reason TEXT NOT NULL) STRICT;
CREATE TABLE rates(
    fingerprint BLOB NOT NULL, threads INTEGER NOT NULL, value TEXT NOT NULL, row_hash INTEGER NOT NULL,
    PRIMARY KEY(fingerprint, threads)) STRICT, WITHOUT ROWID;
)sql"}}};

constexpr std::int64_t kQuickCheckBytes = std::int64_t{32} << 20;  // larger files would make opening slow

std::int64_t signedOf(std::uint64_t value) { return std::bit_cast<std::int64_t>(value); }
std::uint64_t unsignedOf(std::int64_t value) { return std::bit_cast<std::uint64_t>(value); }

std::int64_t hashOf(const FingerprintRow& row) {
    const KvSpec& spec = row.record.spec;
    return RowHash("fingerprints")
        .add(row.number)
        .add(std::span<const std::uint8_t>(row.record.id.digest.bytes))
        .add(std::int64_t{spec.layers})
        .add(std::int64_t{spec.kvHeads})
        .add(std::int64_t{spec.headDim})
        .add(static_cast<std::int64_t>(spec.dtype))
        .add(std::string_view(row.record.fieldsJson))
        .finish();
}

std::int64_t hashOf(const SegmentRow& row) {
    return RowHash("segments")
        .add(row.id.value)
        .add(row.fingerprint)
        .add(signedOf(row.fileBytes))
        .add(static_cast<std::int64_t>(row.state))
        .finish();
}

std::int64_t hashOf(const FileIdentity& identity, const Digest& digest) {
    return RowHash("digests")
        .add(signedOf(identity.device))
        .add(signedOf(identity.inode))
        .add(signedOf(identity.sizeBytes))
        .add(identity.modifiedNs)
        .add(identity.changedNs)
        .add(std::span<const std::uint8_t>(digest.bytes))
        .finish();
}

std::int64_t hashOfCounter(const std::string& name, std::int64_t value) {
    return RowHash("meta").add(name).add(value).finish();
}

/// Columns sequence, fingerprint, key, segment, offset, bytes, tokens.
RecordRow recordOf(const Statement& row) {
    RecordRow record;
    record.sequence = row.integer(0);
    record.fingerprint = row.integer(1);
    record.key.digest = row.digest(2);
    record.segment.value = row.integer(3);
    record.offset = unsignedOf(row.integer(4));
    record.bytes = unsignedOf(row.integer(5));
    record.tokens = static_cast<int>(row.integer(6));
    return record;
}

Status damaged(Database& database, const std::string& what) {
    return Status(StatusCode::Damaged, database.path() + ": " + what);
}

Result<std::int64_t> oneInteger(Statement& statement) {
    const Result<bool> row = statement.step();
    if (!row)
        return row.status();
    return *row ? statement.integer(0) : 0;
}

Status quickCheck(Database& database) {
    Statement size = database.query("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size");
    const Result<std::int64_t> bytes = oneInteger(size);
    if (!bytes)
        return bytes.status();
    if (*bytes > kQuickCheckBytes)
        return {};
    Statement check = database.query("PRAGMA quick_check(1)");
    const Result<bool> row = check.step();
    if (!row)
        return row.status();
    if (*row && check.textView(0) != "ok")
        return damaged(database, check.text(0));
    return {};
}

}  // namespace

Result<std::unique_ptr<KvIndex>> KvIndex::open(const std::string& path, DatabaseMode mode) {
    if (mode != DatabaseMode::Memory)
        if (Status status = refuseNewer(path, kSchemaVersion); !status.ok())
            return status;
    Result<std::unique_ptr<Database>> database = Database::open(path, mode);
    if (!database)
        return database.status();
    if (mode == DatabaseMode::ReadOnly) {
        const Result<int> version = schemaVersion(**database);
        if (!version)
            return version.status();
        if (*version != kSchemaVersion)
            return damaged(**database, "it has no index of this version");
    } else {
        // Nothing in the index is precious: no backup before a migration.
        if (Status status = migrate(**database, kMigrations, [](int) { return Status(); }); !status.ok())
            return status;
    }
    if (Status status = quickCheck(**database); !status.ok())
        return status;
    return std::unique_ptr<KvIndex>(new KvIndex(*std::move(database)));
}

Result<std::vector<FingerprintRow>> KvIndex::fingerprints() {
    Statement all =
        m_database->query("SELECT number, digest, layers, kv_heads, head_dim, dtype, fields, row_hash FROM fingerprints");
    bool intact = true;
    Result<std::vector<FingerprintRow>> rows = collectRows<FingerprintRow>(all, [&](const Statement& row) {
        FingerprintRow found;
        found.number = row.integer(0);
        found.record.id.digest = row.digest(1);
        found.record.spec.layers = static_cast<int>(row.integer(2));
        found.record.spec.kvHeads = static_cast<int>(row.integer(3));
        found.record.spec.headDim = static_cast<int>(row.integer(4));
        found.record.spec.dtype = static_cast<KvDtype>(row.integer(5));
        found.record.fieldsJson = row.text(6);
        intact = intact && hashOf(found) == row.integer(7);
        return found;
    });
    if (rows && !intact)
        return damaged(*m_database, "a fingerprint's row is damaged");
    return rows;
}

Result<std::vector<SegmentRow>> KvIndex::segments() {
    Statement all = m_database->query("SELECT id, fingerprint, file_bytes, state, row_hash FROM segments ORDER BY id");
    bool intact = true;
    Result<std::vector<SegmentRow>> rows = collectRows<SegmentRow>(all, [&](const Statement& row) {
        const SegmentRow found{SegmentId{row.integer(0)}, row.integer(1), unsignedOf(row.integer(2)),
                               static_cast<SegmentState>(row.integer(3))};
        intact = intact && hashOf(found) == row.integer(4);
        return found;
    });
    if (rows && !intact)
        return damaged(*m_database, "a segment's row is damaged");
    return rows;
}

Result<std::int64_t> KvIndex::insertFingerprint(const FingerprintRecord& fingerprint) {
    Statement next = m_database->query("SELECT coalesce(max(number), 0) + 1 FROM fingerprints");
    const Result<std::int64_t> number = oneInteger(next);
    if (!number)
        return number.status();
    const FingerprintRow row{*number, fingerprint};
    const Status status =
        m_database
            ->query(
                "INSERT INTO fingerprints(number, digest, layers, kv_heads, head_dim, dtype, fields, row_hash) "
                "VALUES(?, ?, ?, ?, ?, ?, ?, ?)")
            .bind(row.number)
            .bind(fingerprint.id.digest)
            .bind(fingerprint.spec.layers)
            .bind(fingerprint.spec.kvHeads)
            .bind(fingerprint.spec.headDim)
            .bind(static_cast<std::int64_t>(fingerprint.spec.dtype))
            .bind(fingerprint.fieldsJson)
            .bind(hashOf(row))
            .run();
    if (!status.ok())
        return status;
    return row.number;
}

Status KvIndex::writeSegment(const SegmentRow& segment) {
    return m_database
        ->query(
            "INSERT INTO segments(id, fingerprint, file_bytes, state, row_hash) VALUES(?, ?, ?, ?, ?) "
            "ON CONFLICT(id) DO UPDATE SET fingerprint = excluded.fingerprint, file_bytes = excluded.file_bytes, "
            "state = excluded.state, row_hash = excluded.row_hash")
        .bind(segment.id.value)
        .bind(segment.fingerprint)
        .bind(signedOf(segment.fileBytes))
        .bind(static_cast<std::int64_t>(segment.state))
        .bind(hashOf(segment))
        .run();
}

Status KvIndex::deleteSegment(SegmentId id) {
    return m_database->query("DELETE FROM segments WHERE id = ?").bind(id.value).run();
}

Result<std::uint64_t> KvIndex::diskBytes() {
    Statement sum = m_database->query("SELECT coalesce(sum(file_bytes), 0) FROM segments");
    const Result<std::int64_t> bytes = oneInteger(sum);
    if (!bytes)
        return bytes.status();
    return unsignedOf(*bytes);
}

Result<std::optional<RecordRow>> KvIndex::record(std::int64_t fingerprint, const KvKey& key) {
    Statement one = m_database->query(
        "SELECT sequence, fingerprint, key, segment, offset, bytes, tokens FROM records WHERE fingerprint = ? AND key = ?");
    const Result<bool> row = one.bind(fingerprint).bind(key.digest).step();
    if (!row)
        return row.status();
    if (!*row)
        return std::optional<RecordRow>();
    return std::optional<RecordRow>(recordOf(one));
}

Status KvIndex::insertRecord(const RecordRow& record, std::int64_t used) {
    return m_database
        ->query(
            "INSERT INTO records(sequence, fingerprint, key, segment, offset, bytes, tokens, used) VALUES(?, ?, ?, ?, ?, ?, "
            "?, ?)")
        .bind(record.sequence)
        .bind(record.fingerprint)
        .bind(record.key.digest)
        .bind(record.segment.value)
        .bind(signedOf(record.offset))
        .bind(signedOf(record.bytes))
        .bind(record.tokens)
        .bind(used)
        .run();
}

Status KvIndex::moveRecord(std::int64_t sequence, SegmentId segment, std::uint64_t offset) {
    return m_database->query("UPDATE records SET segment = ?, offset = ? WHERE sequence = ?")
        .bind(segment.value)
        .bind(signedOf(offset))
        .bind(sequence)
        .run();
}

Result<bool> KvIndex::deleteRecord(std::int64_t sequence, Pinned pinned) {
    const Status status = m_database->query("DELETE FROM records WHERE sequence = ? AND pinned <= ?")
                              .bind(sequence)
                              .bind(pinned == Pinned::Remove ? 1 : 0)
                              .run();
    if (!status.ok())
        return status;
    return m_database->changes() > 0;
}

Status KvIndex::touchRecord(std::int64_t fingerprint, const KvKey& key, std::int64_t used, std::int64_t hits) {
    return m_database->query("UPDATE records SET used = ?, hits = hits + ? WHERE fingerprint = ? AND key = ?")
        .bind(used)
        .bind(hits)
        .bind(fingerprint)
        .bind(key.digest)
        .run();
}

Status KvIndex::setPinned(std::int64_t fingerprint, const KvKey& key, bool pinned) {
    return m_database->query("UPDATE records SET pinned = ? WHERE fingerprint = ? AND key = ?")
        .bind(pinned ? 1 : 0)
        .bind(fingerprint)
        .bind(key.digest)
        .run();
}

Status KvIndex::setUsage(std::int64_t fingerprint, const UsageRow& usage) {
    return m_database->query("UPDATE records SET used = ?, hits = ?, pinned = ? WHERE fingerprint = ? AND key = ?")
        .bind(usage.used)
        .bind(usage.hits)
        .bind(usage.pinned)
        .bind(fingerprint)
        .bind(usage.key.digest)
        .run();
}

Status KvIndex::visitLeastRecentlyUsed(const std::function<bool(const RecordRow&)>& visit) {
    Statement rows = m_database->query(
        "SELECT sequence, fingerprint, key, segment, offset, bytes, tokens FROM records WHERE pinned = 0 ORDER BY used");
    for (;;) {
        const Result<bool> row = rows.step();
        if (!row)
            return row.status();
        if (!*row || !visit(recordOf(rows)))
            return {};
    }
}

Result<std::vector<RecordRow>> KvIndex::recordsOfSegment(SegmentId segment) {
    Statement rows = m_database->query(
        "SELECT sequence, fingerprint, key, segment, offset, bytes, tokens FROM records WHERE segment = ? ORDER BY offset");
    rows.bind(segment.value);
    return collectRows<RecordRow>(rows, recordOf);
}

Result<std::vector<RecordRow>> KvIndex::recordsOfPart(int part, int modulus) {
    Statement rows = m_database->query(
        "SELECT sequence, fingerprint, key, segment, offset, bytes, tokens FROM records WHERE sequence % ? = ? "
        "ORDER BY segment, offset");
    rows.bind(modulus).bind(part);
    return collectRows<RecordRow>(rows, recordOf);
}

Result<std::vector<UsageRow>> KvIndex::usage() {
    Statement rows =
        m_database->query("SELECT digest, key, used, hits, pinned FROM records JOIN fingerprints ON number = fingerprint");
    return collectRows<UsageRow>(rows, [](const Statement& row) {
        return UsageRow{FingerprintId{row.digest(0)}, KvKey{row.digest(1)}, row.integer(2), row.integer(3),
                        row.integer(4) == 0 ? 0 : 1};
    });
}

Result<std::vector<KvIndex::SegmentUse>> KvIndex::segmentUse() {
    Statement rows = m_database->query("SELECT segment, sum(bytes), max(offset + bytes) FROM records GROUP BY segment");
    return collectRows<SegmentUse>(rows, [](const Statement& row) {
        return SegmentUse{SegmentId{row.integer(0)}, unsignedOf(row.integer(1)), unsignedOf(row.integer(2))};
    });
}

Result<std::uint64_t> KvIndex::pinnedBytes() {
    Statement sum = m_database->query("SELECT coalesce(sum(bytes), 0) FROM records WHERE pinned = 1");
    const Result<std::int64_t> bytes = oneInteger(sum);
    if (!bytes)
        return bytes.status();
    return unsignedOf(*bytes);
}

Result<std::vector<KvIndex::Totals>> KvIndex::totals() {
    Statement rows = m_database->query(
        "SELECT number, count(sequence), coalesce(sum(tokens), 0), coalesce(sum(bytes), 0), coalesce(sum(pinned), 0) "
        "FROM fingerprints LEFT JOIN records ON fingerprint = number GROUP BY number");
    return collectRows<Totals>(rows, [](const Statement& row) {
        return Totals{row.integer(0), row.integer(1), row.integer(2), unsignedOf(row.integer(3)), row.integer(4)};
    });
}

Result<KvIndex::HighWater> KvIndex::highWater() {
    HighWater result;
    {
        Statement sequence = m_database->query(
            "SELECT max(coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'records'), 0), "
            "coalesce((SELECT max(sequence) FROM records), 0))");
        const Result<std::int64_t> value = oneInteger(sequence);
        if (!value)
            return value.status();
        result.sequence = *value;
    }
    Statement used = m_database->query("SELECT coalesce(max(used), 0) FROM records");
    const Result<std::int64_t> value = oneInteger(used);
    if (!value)
        return value.status();
    result.used = *value;
    return result;
}

Result<std::int64_t> KvIndex::counter(const std::string& name) {
    Statement one = m_database->query("SELECT value, row_hash FROM meta WHERE name = ?");
    const Result<bool> row = one.bind(name).step();
    if (!row)
        return row.status();
    // A damaged counter starts again: it only counts.
    return *row && one.integer(1) == hashOfCounter(name, one.integer(0)) ? one.integer(0) : 0;
}

Status KvIndex::addToCounter(const std::string& name, std::int64_t amount) {
    const Result<std::int64_t> value = counter(name);
    if (!value)
        return value.status();
    return m_database->query("INSERT OR REPLACE INTO meta(name, value, row_hash) VALUES(?, ?, ?)")
        .bind(name)
        .bind(*value + amount)
        .bind(hashOfCounter(name, *value + amount))
        .run();
}

Result<std::optional<Digest>> KvIndex::rememberedDigest(const FileIdentity& identity) {
    Statement one = m_database->query(
        "SELECT digest, row_hash FROM digests WHERE device = ? AND inode = ? AND size = ? AND modified = ? AND changed = ?");
    const Result<bool> row = one.bind(signedOf(identity.device))
                                 .bind(signedOf(identity.inode))
                                 .bind(signedOf(identity.sizeBytes))
                                 .bind(identity.modifiedNs)
                                 .bind(identity.changedNs)
                                 .step();
    if (!row)
        return row.status();
    if (!*row || one.integer(1) != hashOf(identity, one.digest(0)))
        return std::optional<Digest>();
    return std::optional<Digest>(one.digest(0));
}

Status KvIndex::rememberDigest(const FileIdentity& identity, const Digest& digest) {
    return m_database
        ->query(
            "INSERT OR REPLACE INTO digests(device, inode, size, modified, changed, digest, row_hash) "
            "VALUES(?, ?, ?, ?, ?, ?, ?)")
        .bind(signedOf(identity.device))
        .bind(signedOf(identity.inode))
        .bind(signedOf(identity.sizeBytes))
        .bind(identity.modifiedNs)
        .bind(identity.changedNs)
        .bind(digest)
        .bind(hashOf(identity, digest))
        .run();
}

}  // namespace storage
