// Publishing, finding and taking out records: the store's rows.
#include "storage/kv_store.h"

#include <algorithm>
#include <array>
#include <utility>

#include "storage/kv/kv_memory.h"
#include "storage/kv/kv_store_impl.h"
#include "storage/os/file_io.h"

namespace storage {
namespace {

constexpr std::size_t kMaxPendingTouches = 4096;
constexpr std::int64_t kMaxKeptHeaders = 200;  // files in quarantine/; a failing disk must not fill itself with evidence
constexpr char kQuarantined[] = "quarantined";

/// Whether an error while reading a record means that the record is lost, not that the system lacks something just now.
bool isLoss(const Status& status) { return status.code() == StatusCode::Damaged || status.code() == StatusCode::IoError; }

}  // namespace

Result<std::unique_ptr<KvStore>> KvStore::open(const KvStoreOptions& options, FileSystem& fileSystem) {
    auto store = std::make_unique<KvStoreImpl>(options, fileSystem);
    if (Status status = store->start(); !status.ok())
        return status.withContext("opening the KV store");
    return std::unique_ptr<KvStore>(std::move(store));
}

KvStoreImpl::KvStoreImpl(const KvStoreOptions& options, FileSystem& fileSystem)
    : m_options(options), m_fileSystem(fileSystem), m_capBytes(options.capBytes) {}

KvStoreImpl::~KvStoreImpl() {
    if (m_index == nullptr || m_options.readOnly)
        return;
    if (m_indexSuspect)
        static_cast<void>(throwAwayIndex());  // the next open rebuilds it
    else if (!m_touched.empty() || !m_unsaved.empty() || !m_gone.empty())
        static_cast<void>(save());  // what is not saved is found out again by the next open
}

Status KvStoreImpl::requireWritable() const {
    if (m_options.readOnly)
        return Status(StatusCode::ReadOnly, "the KV store " + m_options.directory + " is open for reading only");
    return {};
}

std::string KvStoreImpl::folderPath(const FingerprintId& fingerprint) const {
    return m_options.directory + "/kv/" + fingerprint.hex();
}

std::string KvStoreImpl::segmentPath(const Segment& segment) const {
    return folderPath(segment.fingerprint) + "/" + segmentFileName(segment.row.id);
}

KvStoreImpl::CommitOutcome KvStoreImpl::inTransaction(const std::function<Status()>& body) {
    CommitOutcome outcome;
    const auto writeRows = [&]() -> Status {
        for (const SegmentId id : m_gone)
            if (Status status = m_index->deleteSegment(id); !status.ok())
                return status;
        for (const SegmentId id : m_unsaved)
            if (Status status = m_index->writeSegment(m_segments.at(id).row); !status.ok())
                return status;
        for (const auto& [record, touched] : m_touched)
            if (Status status = m_index->touchRecord(record.first, record.second, touched.used, touched.hits); !status.ok())
                return status;
        return body();
    };
    Result<std::unique_ptr<Transaction>> transaction = Transaction::begin(m_index->database());
    outcome.status = transaction ? writeRows() : transaction.status();
    if (outcome.status.ok()) {
        outcome.status = (*transaction)->commit();
        outcome.uncertain = !outcome.status.ok();
    }
    if (outcome.status.ok()) {
        m_gone.clear();
        m_unsaved.clear();
        m_touched.clear();
    } else if (outcome.status.code() == StatusCode::Damaged) {
        m_indexSuspect = true;
    }
    return outcome;
}

Status KvStoreImpl::save() {
    return inTransaction([] { return Status(); }).status;
}

const FingerprintRow* KvStoreImpl::known(const FingerprintId& fingerprint) const {
    const auto number = m_fingerprintNumbers.find(fingerprint);
    return number == m_fingerprintNumbers.end() ? nullptr : &m_fingerprints.at(number->second);
}

Result<FingerprintRow> KvStoreImpl::remember(const FingerprintRecord& fingerprint) {
    std::int64_t number = 0;
    const CommitOutcome outcome = inTransaction([&]() -> Status {
        const Result<std::int64_t> inserted = m_index->insertFingerprint(fingerprint);
        if (!inserted)
            return inserted.status();
        number = *inserted;
        return {};
    });
    if (!outcome.status.ok())
        return outcome.status;
    const FingerprintRow row{number, fingerprint};
    m_fingerprints[number] = row;
    m_fingerprintNumbers[fingerprint.id] = number;
    return row;
}

Status KvStoreImpl::registerFingerprint(const FingerprintRecord& fingerprint) {
    if (Status status = checkShape(fingerprint.spec, 1); !status.ok())
        return status;
    if (fingerprint.fieldsJson.size() > kMaxFieldsBytes)
        return Status(StatusCode::InvalidArgument,
                      "a fingerprint's fields may have at most " + std::to_string(kMaxFieldsBytes) + " bytes");
    if (const FingerprintRow* row = known(fingerprint.id); row != nullptr) {
        if (row->record.spec == fingerprint.spec)
            return {};
        return Status(StatusCode::InvalidArgument,
                      "fingerprint " + fingerprint.id.hex() + " is known with another KV spec; its id must cover the spec");
    }
    if (m_options.readOnly)
        return {};  // nothing is stored for it, so each find() is a miss anyway
    return remember(fingerprint).status();
}

Result<std::optional<FingerprintRecord>> KvStoreImpl::fingerprint(const FingerprintId& id) {
    const FingerprintRow* row = known(id);
    return row == nullptr ? std::optional<FingerprintRecord>() : std::optional<FingerprintRecord>(row->record);
}

Result<std::optional<RecordRow>> KvStoreImpl::rowOf(const FingerprintRow& fingerprint, const KvKey& key) {
    Result<std::optional<RecordRow>> row = m_index->record(fingerprint.number, key);
    if (!row && row.status().code() == StatusCode::Damaged)
        m_indexSuspect = true;
    return row;
}

KvExtent KvStoreImpl::extentOf(const RecordRow& row, const FingerprintId& fingerprint) const {
    return {fingerprint, row.key, row.segment, row.offset, row.bytes, row.tokens};
}

Status KvStoreImpl::put(const FingerprintId& fingerprint, const KvKey& key, int tokens,
                        std::span<const std::span<const std::byte>> slices) {
    if (Status status = requireWritable(); !status.ok())
        return status;
    if (m_indexSuspect)
        if (const Result<KvRebuildReport> rebuilt = rebuildIndex({}, {}); !rebuilt)
            return rebuilt.status();
    const FingerprintRow* row = known(fingerprint);
    if (row == nullptr)
        return Status(StatusCode::InvalidArgument, "fingerprint " + fingerprint.hex() + " is not registered");
    const KvSpec& spec = row->record.spec;
    if (Status status = checkShape(spec, tokens); !status.ok())
        return status;
    const std::uint64_t slice = kvSliceBytes(spec, tokens);
    if (slices.size() != 2 * static_cast<std::size_t>(spec.layers) ||
        std::any_of(slices.begin(), slices.end(), [&](const auto& bytes) { return bytes.size() != slice; }))
        return Status(StatusCode::InvalidArgument, "a record of " + std::to_string(tokens) + " tokens needs " +
                                                       std::to_string(2 * spec.layers) + " slices of " +
                                                       std::to_string(slice) + " bytes");
    const Result<std::optional<RecordRow>> existing = rowOf(*row, key);
    if (!existing)
        return existing.status();
    if (existing->has_value()) {
        const RecordRow& there = **existing;
        if (!m_lost.contains({there.segment, there.offset}))
            return {};
        const KvDamageEvent damage = damageNow(fingerprint, key, "it was found damaged before and is replaced");
        if (Status status = dropRows(std::span(&there, 1), KvIndex::Pinned::Remove, std::span(&damage, 1)); !status.ok())
            return status.withContext("replacing a damaged record");
    }
    return publish(*row, key, tokens, slices)
        .withContext("storing record " + key.hex() + " of " + std::to_string(recordBytesOf(spec, tokens)) + " bytes");
}

Status KvStoreImpl::publish(const FingerprintRow& fingerprint, const KvKey& key, int tokens,
                            std::span<const std::span<const std::byte>> slices) {
    const std::uint64_t bytes = recordBytesOf(fingerprint.record.spec, tokens);
    if (Status status = makeRoom(fingerprint, bytes); !status.ok())
        return status;
    const Result<SegmentWriter*> writer = writerFor(fingerprint, bytes);
    if (!writer)
        return writer.status();
    const std::uint64_t start = (*writer)->endBytes();
    const Result<RecordHead> head = (*writer)->append(m_nextSequence, key, tokens, slices);
    if (!head) {
        abandonTail(fingerprint.number, start);
        return head.status();
    }
    if (Status status = (*writer)->sync(); !status.ok()) {
        retireWriter(fingerprint.number, Tail::Cut);
        return status;
    }
    Segment& segment = m_segments.at((*writer)->header().id);
    SegmentRow grown = segment.row;
    grown.fileBytes = (*writer)->endBytes();
    const RecordRow record{m_nextSequence, fingerprint.number, key, grown.id, start, bytes, tokens};
    const CommitOutcome outcome = inTransaction([&]() -> Status {
        if (Status status = m_index->writeSegment(grown); !status.ok())
            return status;
        if (Status status = m_index->insertRecord(record, m_clock + 1); !status.ok())
            return status;
        const Result<std::uint64_t> disk = m_index->diskBytes();
        if (!disk)
            return disk.status();
        if (m_capBytes != 0 && *disk > m_capBytes)
            return Status(StatusCode::NoSpace, "the KV store would hold " + std::to_string(*disk) + " bytes, its cap is " +
                                                   std::to_string(m_capBytes));
        return {};
    });
    if (!outcome.status.ok()) {
        if (outcome.uncertain)
            retireWriter(fingerprint.number, Tail::Keep);  // a log that survived may still name these bytes
        else
            abandonTail(fingerprint.number, start);
        return outcome.status;
    }
    segment.row = grown;
    segment.liveBytes += bytes;
    ++m_generation;
    ++m_nextSequence;
    ++m_clock;
    return {};
}

Result<std::optional<KvExtent>> KvStoreImpl::find(const FingerprintId& fingerprint, const KvKey& key) {
    const FingerprintRow* known = this->known(fingerprint);
    if (known == nullptr)
        return std::optional<KvExtent>();
    const Result<std::optional<RecordRow>> row = rowOf(*known, key);
    if (!row && row.status().code() != StatusCode::Damaged)
        return row.status();
    if (!row || !row->has_value() || m_lost.contains({(*row)->segment, (*row)->offset}))
        return std::optional<KvExtent>();  // a damaged index is a miss; the next put() rebuilds it
    return std::optional<KvExtent>(extentOf(**row, fingerprint));
}

Status KvStoreImpl::touch(std::span<const KvExtent> extents) {
    if (m_options.readOnly)
        return {};
    for (const KvExtent& extent : extents) {
        const FingerprintRow* row = known(extent.fingerprint);
        if (row == nullptr)
            continue;
        Touch& touched = m_touched[{row->number, extent.key}];
        touched.used = ++m_clock;
        ++touched.hits;
    }
    return m_touched.size() < kMaxPendingTouches ? Status() : save();
}

Status KvStoreImpl::dropRows(std::span<const RecordRow> rows, KvIndex::Pinned pinned,
                             std::span<const KvDamageEvent> damage) {
    const auto quarantined = static_cast<std::int64_t>(damage.size());
    if (rows.empty() && quarantined == 0)
        return {};
    std::map<SegmentId, std::uint64_t> freed;
    std::vector<SegmentId> emptied;
    const CommitOutcome outcome = inTransaction([&]() -> Status {
        for (const RecordRow& row : rows) {
            const Result<bool> deleted = m_index->deleteRecord(row.sequence, pinned);
            if (!deleted)
                return deleted.status();
            if (*deleted)
                freed[row.segment] += row.bytes;
        }
        for (const auto& [id, bytes] : freed) {
            const auto segment = m_segments.find(id);
            if (segment == m_segments.end() || segment->second.liveBytes > bytes)
                continue;
            SegmentRow doomed = segment->second.row;
            doomed.state = SegmentState::Doomed;
            if (Status status = m_index->writeSegment(doomed); !status.ok())
                return status;
            emptied.push_back(id);
        }
        for (const KvDamageEvent& event : damage)
            if (Status status = KvMemory(m_index->database()).addDamage(event); !status.ok())
                return status;
        return quarantined == 0 ? Status() : m_index->addToCounter(kQuarantined, quarantined);
    });
    if (!outcome.status.ok())
        return outcome.status;
    m_quarantined += quarantined;
    ++m_generation;
    for (const RecordRow& row : rows)
        m_lost.erase({row.segment, row.offset});
    for (const auto& [id, bytes] : freed)
        if (const auto segment = m_segments.find(id); segment != m_segments.end())
            segment->second.liveBytes -= std::min(segment->second.liveBytes, bytes);
    for (const SegmentId id : emptied) {
        Segment& segment = m_segments.at(id);
        closeWriterOf(segment);
        segment.row.state = SegmentState::Doomed;
        m_unsaved.erase(id);
    }
    removeDoomed();
    return {};
}

void KvStoreImpl::keepHeader(const KvExtent& extent, const std::string& reason) {
    if (m_options.readOnly || m_quarantined > kMaxKeptHeaders)
        return;
    const auto segment = m_segments.find(extent.segment);
    const FingerprintRow* fingerprint = known(extent.fingerprint);
    if (segment == m_segments.end() || fingerprint == nullptr)
        return;
    const std::string path = segmentPath(segment->second);
    std::vector<std::byte> head(headBytesOf(fingerprint->record.spec));
    const Outcome<std::unique_ptr<File>> file = openFile(m_fileSystem, path, OpenMode::Read);
    if (file.error != 0 || !readFully(*file.value, extent.recordOffset, std::span(head)).ok())
        head.clear();
    const std::string text = reason + "\nrecord " + extent.key.hex() + "\nsegment " + path + "\noffset " +
                             std::to_string(extent.recordOffset) + "\nbytes " + std::to_string(extent.recordBytes) + "\n";
    const std::string name =
        extent.key.hex() + "-" + std::to_string(extent.segment.value) + "-" + std::to_string(extent.recordOffset);
    const std::string target = m_options.directory + "/quarantine/" + name;
    const std::string temporary = m_options.directory + "/tmp/" + name;
    // Evidence for people; that it cannot be kept must not hinder the question.
    static_cast<void>(writeFileDurably(m_fileSystem, temporary, target + ".txt", std::as_bytes(std::span(text))));
    if (!head.empty())
        static_cast<void>(writeFileDurably(m_fileSystem, temporary, target + ".head", head));
}

Status KvStoreImpl::quarantineRow(const RecordRow& row, const FingerprintId& fingerprint, const std::string& reason) {
    const KvExtent extent = extentOf(row, fingerprint);
    m_lost.insert({row.segment, row.offset});
    const KvDamageEvent damage = damageNow(fingerprint, row.key, reason);
    if (m_options.readOnly) {
        ++m_quarantined;
        ++m_generation;
        m_unwrittenDamage.push_back(damage);
        return {};
    }
    keepHeader(extent, reason);
    return dropRows(std::span(&row, 1), KvIndex::Pinned::Remove, std::span(&damage, 1));
}

Status KvStoreImpl::quarantine(const KvExtent& extent, const std::string& reason) {
    const FingerprintRow* fingerprint = known(extent.fingerprint);
    if (fingerprint == nullptr)
        return {};
    const Result<std::optional<RecordRow>> row = rowOf(*fingerprint, extent.key);
    if (!row)
        return row.status();
    // Evicted, moved or replaced since: whatever stands there now was not what failed.
    if (!row->has_value() || (*row)->segment != extent.segment || (*row)->offset != extent.recordOffset)
        return {};
    if (m_lost.contains({extent.segment, extent.recordOffset}) && m_options.readOnly)
        return {};
    return quarantineRow(**row, extent.fingerprint, reason);
}

Status KvStoreImpl::setPinned(const FingerprintId& fingerprint, std::span<const KvKey> keys, bool pinned) {
    if (Status status = requireWritable(); !status.ok())
        return status;
    const FingerprintRow* row = known(fingerprint);
    if (row == nullptr)
        return {};
    ++m_generation;
    return inTransaction([&]() -> Status {
               for (const KvKey& key : keys)
                   if (Status status = m_index->setPinned(row->number, key, pinned); !status.ok())
                       return status;
               return {};
           })
        .status;
}

Status KvStoreImpl::pin(const FingerprintId& fingerprint, std::span<const KvKey> keys) {
    return setPinned(fingerprint, keys, true);
}

Status KvStoreImpl::unpin(const FingerprintId& fingerprint, std::span<const KvKey> keys) {
    return setPinned(fingerprint, keys, false);
}

Status KvStoreImpl::remove(const FingerprintId& fingerprint, std::span<const KvKey> keys) {
    if (Status status = requireWritable(); !status.ok())
        return status;
    const FingerprintRow* row = known(fingerprint);
    if (row == nullptr)
        return {};
    std::vector<RecordRow> rows;
    for (const KvKey& key : keys) {
        const Result<std::optional<RecordRow>> record = rowOf(*row, key);
        if (!record)
            return record.status();
        if (record->has_value())
            rows.push_back(**record);
    }
    return dropRows(rows, KvIndex::Pinned::Remove, {});
}

Result<KvVerifyReport> KvStoreImpl::verify(int part, int modulus, const StoreProgress& progress, std::stop_token stop) {
    if (modulus < 1 || part < 0 || part >= modulus)
        return Status(StatusCode::InvalidArgument, "part " + std::to_string(part) + " of " + std::to_string(modulus) +
                                                       " cannot be verified; parts are numbered from 0");
    const Result<std::vector<RecordRow>> rows = m_index->recordsOfPart(part, modulus);
    if (!rows)
        return rows.status();
    KvVerifyReport report;
    std::unique_ptr<SegmentReader> reader;
    Status opened;
    SegmentId openedId;
    std::vector<std::byte> scratch;
    for (const RecordRow& row : *rows) {
        if (stop.stop_requested())
            return Status(StatusCode::Cancelled,
                          "verifying was stopped after " + std::to_string(report.checked) + " records");
        const auto fingerprint = m_fingerprints.find(row.fingerprint);
        if (fingerprint == m_fingerprints.end() || m_lost.contains({row.segment, row.offset}))
            continue;
        const FingerprintId& id = fingerprint->second.record.id;
        if (openedId != row.segment) {
            reader.reset();
            opened = Status();
            openedId = row.segment;
            Result<std::unique_ptr<SegmentReader>> fresh =
                SegmentReader::open(m_fileSystem, folderPath(id) + "/" + segmentFileName(row.segment), row.segment, id);
            if (fresh)
                reader = *std::move(fresh);
            else
                opened = fresh.status();
        }
        Status status = opened;
        if (status.ok()) {
            const Result<RecordHead> head = reader->readHead(row.offset);
            if (!head)
                status = head.status();
            else if (head->key != row.key || head->tokens != row.tokens || head->recordBytes != row.bytes)
                status = Status(StatusCode::Damaged, reader->file().path() + ", offset " + std::to_string(row.offset) +
                                                         ": another record stands there");
            else
                status = reader->verifyPayload(*head, scratch);
        }
        if (!status.ok() && !isLoss(status))
            return status;
        ++report.checked;
        report.checkedBytes += row.bytes;
        if (!status.ok()) {
            report.damaged.push_back({id, row.key, status.message()});
            if (Status dropped = quarantineRow(row, id, status.message()); !dropped.ok())
                return dropped.withContext("quarantining record " + row.key.hex());
        }
        if (progress)
            progress(report.checked, static_cast<std::int64_t>(rows->size()));
    }
    return report;
}

Result<KvStoreStats> KvStoreImpl::stats() {
    if (!m_options.readOnly && !m_touched.empty())
        if (Status status = save(); !status.ok())
            return status;
    const Result<std::vector<KvIndex::Totals>> totals = m_index->totals();
    if (!totals)
        return totals.status();
    KvStoreStats stats;
    stats.capBytes = m_capBytes;
    stats.quarantined = m_quarantined;
    stats.segments = static_cast<std::int64_t>(m_segments.size());
    stats.diskBytes = diskBytes();
    for (const KvIndex::Totals& row : *totals) {
        const auto fingerprint = m_fingerprints.find(row.fingerprint);
        if (fingerprint == m_fingerprints.end())
            continue;
        stats.fingerprints.push_back({fingerprint->second.record, row.records, row.tokens, row.bytes, row.pinned});
        stats.records += row.records;
        stats.liveBytes += row.bytes;
    }
    stats.garbageBytes = stats.diskBytes - std::min(stats.diskBytes, stats.liveBytes);
    return stats;
}

Status KvStoreImpl::dropPageCache() {
    for (const auto& [id, segment] : m_segments) {
        const Outcome<std::unique_ptr<File>> file = openFile(m_fileSystem, segmentPath(segment), OpenMode::Read);
        if (file.error != 0)
            continue;
        if (const int error = file.value->dropPages(); error != 0)
            return statusOfErrno(error, "drop the pages of", file.value->path());
    }
    return {};
}

Result<std::optional<Digest>> KvStoreImpl::rememberedDigest(const FileIdentity& identity) {
    const Result<std::optional<Digest>> digest = m_index->rememberedDigest(identity);
    if (!digest && digest.status().code() == StatusCode::Damaged) {
        m_indexSuspect = true;
        return std::optional<Digest>();
    }
    return digest;
}

Status KvStoreImpl::rememberDigest(const FileIdentity& identity, const Digest& digest) {
    if (m_options.readOnly)
        return {};
    return inTransaction([&] { return m_index->rememberDigest(identity, digest); }).status;
}

}  // namespace storage
