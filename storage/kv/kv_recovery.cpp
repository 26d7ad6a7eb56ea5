// Opening the store: the index is compared with the files, torn tails are adopted or cut, lost indexes are read again.
#include <algorithm>
#include <cerrno>
#include <charconv>
#include <utility>

#include "storage/kv/kv_memory.h"
#include "storage/kv/kv_store_impl.h"
#include "storage/os/file_io.h"
#include "storage/segment/hash.h"
#include "storage/sqlite/schema.h"

namespace storage {
namespace {

constexpr char kIndexName[] = "/kvindex.db";
constexpr char kHighWaterName[] = "/kv/high-water";
constexpr std::uint64_t kMaxHighWaterBytes = 256;

std::string highWaterText(std::int64_t segment) {
    const auto hash = static_cast<unsigned long long>(RowHash("high-water").add(segment).finish());
    return "segment " + std::to_string(segment) + " check " + std::to_string(hash) + "\n";
}

/// Shortens the file and makes what is left durable.
Status settleFile(FileSystem& fileSystem, const std::string& path, std::uint64_t sizeBytes) {
    const Outcome<std::unique_ptr<File>> file = openFile(fileSystem, path, OpenMode::ReadWrite);
    if (file.error != 0)
        return statusOfErrno(file.error, "open the segment", path);
    if (const int error = file.value->truncate(sizeBytes); error != 0)
        return statusOfErrno(error, "shorten the segment", path);
    if (const int error = file.value->sync(); error != 0)
        return statusOfErrno(error, "sync the segment", path);
    return {};
}

}  // namespace

Status KvStoreImpl::start() {
    if (!m_options.readOnly)
        if (Status status = ensureDirectory(m_fileSystem, m_options.directory); !status.ok())
            return status;
    const Result<std::vector<FoundSegment>> found = listSegments();
    if (!found)
        return found.status();
    if (m_options.readOnly)
        return openIndexReadOnly(*found);
    if (Status status = openIndex(*found); !status.ok())
        return status;
    readHighWaterFile();
    if (Status status = reconcile(*found); !status.ok())
        return status;
    KvRebuildReport report;
    return adoptUnread({}, {}, report);
}

Status KvStoreImpl::createFolders() {
    for (const char* name : {"/kv", "/quarantine", "/tmp"})
        if (Status status = ensureDirectory(m_fileSystem, m_options.directory + name); !status.ok())
            return status;
    return {};
}

Result<std::vector<KvStoreImpl::FoundSegment>> KvStoreImpl::listSegments() {
    std::vector<FoundSegment> found;
    const std::string root = m_options.directory + "/kv";
    const Outcome<std::vector<DirectoryEntry>> folders = m_fileSystem.list(root);
    if (folders.error == ENOENT)
        return found;
    if (folders.error != 0)
        return statusOfErrno(folders.error, "list", root);
    for (const DirectoryEntry& folder : folders.value) {
        const std::optional<Digest> id = Digest::fromHex(folder.name);
        if (folder.kind != FileKind::Directory || !id || id->hex() != folder.name)
            continue;
        const std::string path = root + "/" + folder.name;
        const Outcome<std::vector<DirectoryEntry>> files = m_fileSystem.list(path);
        if (files.error != 0)
            return statusOfErrno(files.error, "list", path);
        for (const DirectoryEntry& file : files.value) {
            const std::optional<SegmentId> segment = segmentIdOfName(file.name);
            if (!segment)
                continue;
            const Outcome<FileInfo> info = m_fileSystem.info(path + "/" + file.name);
            if (info.error != 0)
                return statusOfErrno(info.error, "examine", path + "/" + file.name);
            found.push_back({*segment, FingerprintId{*id}, info.value.kind, info.value.sizeBytes});
        }
    }
    std::sort(found.begin(), found.end(), [](const FoundSegment& a, const FoundSegment& b) { return a.id < b.id; });
    return found;
}

Status KvStoreImpl::refuseNewerSegments(const std::vector<FoundSegment>& found) {
    for (const FoundSegment& segment : found) {
        if (m_segments.contains(segment.id) || segment.kind != FileKind::Regular)
            continue;
        const Result<std::unique_ptr<SegmentReader>> reader =
            SegmentReader::open(m_fileSystem, folderPath(segment.fingerprint) + "/" + segmentFileName(segment.id),
                                segment.id, segment.fingerprint);
        if (!reader && reader.status().code() == StatusCode::Refused)
            return reader.status();
    }
    return {};
}

Status KvStoreImpl::openIndex(const std::vector<FoundSegment>& found) {
    const std::string path = m_options.directory + kIndexName;
    if (m_fileSystem.info(path).error != 0)
        if (Status status = refuseNewerSegments(found); !status.ok())
            return status;
    Status status = refuseNewer(path, KvIndex::kSchemaVersion);
    if (status.code() == StatusCode::Refused)
        return status;
    if (Status made = createFolders(); !made.ok())
        return made;
    if (status.ok()) {
        Result<std::unique_ptr<KvIndex>> index = KvIndex::open(path, DatabaseMode::ReadWrite);
        status = index.status();
        if (index) {
            m_index = *std::move(index);
            status = load(found);
        }
    }
    if (status.ok())
        return refuseNewerSegments(found);
    if (status.code() != StatusCode::Damaged)
        return status;
    m_segments.clear();
    if (Status newer = refuseNewerSegments(found); !newer.ok())
        return newer;
    return replaceIndex(found).withContext("replacing a damaged index");
}

Status KvStoreImpl::openIndexReadOnly(const std::vector<FoundSegment>& found) {
    const std::string path = m_options.directory + kIndexName;
    const Outcome<FileInfo> log = m_fileSystem.info(path + "-wal");
    // A log that was left over is not read with immutable=1: the rows may be of any age, so the segments are asked instead.
    const bool clean = log.error != 0 || log.value.sizeBytes == 0;
    if (clean && m_fileSystem.info(path).error == 0) {
        Result<std::unique_ptr<KvIndex>> index = KvIndex::open(path, DatabaseMode::ReadOnly);
        if (index) {
            m_index = *std::move(index);
            if (load(found).ok())
                return {};
        } else if (index.status().code() == StatusCode::Refused) {
            return index.status();
        }
    }
    m_segments.clear();
    if (Status status = refuseNewerSegments(found); !status.ok())
        return status;
    Result<std::unique_ptr<KvIndex>> index = KvIndex::open(path, DatabaseMode::Memory);
    if (!index)
        return index.status();
    m_index = *std::move(index);
    if (Status status = load(found); !status.ok())
        return status;
    if (Status status = addOrphans(found); !status.ok())
        return status;
    KvRebuildReport report;
    return adoptUnread({}, {}, report);
}

Status KvStoreImpl::load(const std::vector<FoundSegment>& found) {
    m_fingerprints.clear();
    m_fingerprintNumbers.clear();
    m_segments.clear();
    m_unsaved.clear();
    m_gone.clear();
    m_writers.clear();
    m_lost.clear();
    const Result<std::vector<FingerprintRow>> fingerprints = m_index->fingerprints();
    if (!fingerprints)
        return fingerprints.status();
    for (const FingerprintRow& row : *fingerprints) {
        m_fingerprints[row.number] = row;
        m_fingerprintNumbers[row.record.id] = row.number;
    }
    const Result<std::vector<SegmentRow>> segments = m_index->segments();
    if (!segments)
        return segments.status();
    for (const SegmentRow& row : *segments) {
        const auto fingerprint = m_fingerprints.find(row.fingerprint);
        if (fingerprint == m_fingerprints.end())
            return Status(StatusCode::Damaged, "a segment's row names no fingerprint");
        Segment segment;
        segment.row = row;
        segment.fingerprint = fingerprint->second.record.id;
        segment.headerBytes = encodeSegmentHeader({row.id, {}, fingerprint->second.record, 0}).size();
        m_segments[row.id] = segment;
        m_nextSegment = std::max(m_nextSegment, row.id.value + 1);
    }
    for (const FoundSegment& file : found) {
        m_nextSegment = std::max(m_nextSegment, file.id.value + 1);
        const auto segment = m_segments.find(file.id);
        if (segment != m_segments.end() && segment->second.fingerprint != file.fingerprint)
            return Status(StatusCode::Damaged, "a segment lies under another fingerprint than its row says");
    }
    const Result<std::vector<KvIndex::SegmentUse>> use = m_index->segmentUse();
    if (!use)
        return use.status();
    for (const KvIndex::SegmentUse& row : *use) {
        const auto segment = m_segments.find(row.segment);
        // Each committed record lies within the committed length of a known segment.
        if (segment == m_segments.end() || segment->second.row.state == SegmentState::Doomed ||
            row.lastEnd > segment->second.row.fileBytes || row.liveBytes > segment->second.row.fileBytes)
            return Status(StatusCode::Damaged, "records' rows and segments' rows disagree");
        segment->second.liveBytes = row.liveBytes;
    }
    const Result<KvIndex::HighWater> highWater = m_index->highWater();
    if (!highWater)
        return highWater.status();
    constexpr std::int64_t kPlausible = std::int64_t{1} << 60;
    if (highWater->sequence < 0 || highWater->sequence > kPlausible || highWater->used < 0 || highWater->used > kPlausible)
        return Status(StatusCode::Damaged, "the records' numbers are damaged");
    m_nextSequence = highWater->sequence + 1;
    m_clock = highWater->used;
    const Result<std::int64_t> quarantined = m_index->counter("quarantined");
    if (!quarantined)
        return quarantined.status();
    m_quarantined = *quarantined;
    m_indexSuspect = false;
    return {};
}

Status KvStoreImpl::throwAwayIndex() {
    m_index.reset();
    const std::string path = m_options.directory + kIndexName;
    for (const char* suffix : {"", "-wal", "-shm", "-journal"})
        if (const int error = m_fileSystem.unlink(path + suffix); error != 0 && error != ENOENT)
            return statusOfErrno(error, "remove", path + suffix);
    if (const int error = m_fileSystem.syncDirectory(m_options.directory); error != 0)
        return statusOfErrno(error, "sync the directory", m_options.directory);
    return {};
}

Status KvStoreImpl::replaceIndex(const std::vector<FoundSegment>& found) {
    const std::string path = m_options.directory + kIndexName;
    Result<std::unique_ptr<KvIndex>> empty = KvIndex::open(path, DatabaseMode::Memory);
    if (!empty)
        return empty.status();
    Status status = throwAwayIndex();
    m_index = *std::move(empty);
    if (status.ok()) {
        Result<std::unique_ptr<KvIndex>> index = KvIndex::open(path, DatabaseMode::ReadWrite);
        status = index.status();
        if (index)
            m_index = *std::move(index);
    }
    const Status loaded = load(found);
    m_indexSuspect = !status.ok();
    return status.ok() ? loaded : status;
}

void KvStoreImpl::setAside(const std::string& path) {
    const std::string name = path.substr(path.find_last_of('/') + 1);
    if (m_fileSystem.rename(path, m_options.directory + "/quarantine/" + name) == 0)
        static_cast<void>(m_fileSystem.syncDirectory(parentDirectory(path)));
}

Status KvStoreImpl::reconcile(const std::vector<FoundSegment>& found) {
    std::map<SegmentId, const FoundSegment*> files;
    for (const FoundSegment& file : found)
        files[file.id] = &file;
    std::vector<SegmentId> ids;
    for (const auto& [id, segment] : m_segments)
        ids.push_back(id);
    for (const SegmentId id : ids) {
        const auto file = files.find(id);
        if (Status status = reconcileSegment(m_segments.at(id), file == files.end() ? nullptr : file->second); !status.ok())
            return status;
    }
    if (Status status = addOrphans(found); !status.ok())
        return status;
    removeDoomed();
    return m_unsaved.empty() && m_gone.empty() ? Status() : save();
}

Status KvStoreImpl::reconcileSegment(Segment& segment, const FoundSegment* found) {
    const std::string path = segmentPath(segment);
    const bool present = found != nullptr && found->kind == FileKind::Regular;
    if (found != nullptr && !present)
        setAside(path);
    const std::uint64_t sizeBytes = present ? found->sizeBytes : 0;
    if (segment.row.state == SegmentState::Unread) {
        segment.row.fileBytes = sizeBytes;
        m_unsaved.insert(segment.row.id);
    }
    if (segment.row.state == SegmentState::Doomed || segment.row.state == SegmentState::Unread)
        return {};
    if (sizeBytes < segment.row.fileBytes) {
        // Deleted, replaced or cut short from outside: what cannot be whole any more is a miss.
        const Result<std::vector<RecordRow>> rows = m_index->recordsOfSegment(segment.row.id);
        if (!rows)
            return rows.status();
        std::vector<RecordRow> cut;
        for (const RecordRow& row : *rows)
            if (row.offset + row.bytes > sizeBytes)
                cut.push_back(row);
        segment.row.fileBytes = sizeBytes;
        segment.row.state = SegmentState::Closed;
        m_unsaved.insert(segment.row.id);
        const SegmentId id = segment.row.id;
        if (Status status = dropRows(cut, KvIndex::Pinned::Remove, {}); !status.ok())
            return status;
        if (!m_segments.contains(id))
            return {};
    } else if (sizeBytes > segment.row.fileBytes) {
        if (Status status = readTail(segment, sizeBytes); !status.ok())
            return status;
    }
    if (segment.liveBytes == 0) {
        segment.row.state = SegmentState::Doomed;
        m_unsaved.insert(segment.row.id);
    }
    return {};
}

Status KvStoreImpl::readTail(Segment& segment, std::uint64_t sizeBytes) {
    const std::string path = segmentPath(segment);
    std::vector<RecordRow> adopted;
    std::uint64_t end = segment.row.fileBytes;
    Result<std::unique_ptr<SegmentReader>> reader =
        SegmentReader::open(m_fileSystem, path, segment.row.id, segment.fingerprint);
    if (!reader && reader.status().code() == StatusCode::Refused)
        return reader.status();
    if (reader) {
        const auto adopt = [&](const RecordHead& head) -> Status {
            const Result<std::optional<RecordRow>> there = m_index->record(segment.row.fingerprint, head.key);
            if (!there)
                return there.status();
            const bool twice =
                std::any_of(adopted.begin(), adopted.end(), [&](const RecordRow& row) { return row.key == head.key; });
            if (there->has_value() || twice)
                return {};
            adopted.push_back({static_cast<std::int64_t>(head.sequence), segment.row.fingerprint, head.key, segment.row.id,
                               head.offset, head.recordBytes, head.tokens});
            end = head.offset + head.recordBytes;
            return {};
        };
        if (const Result<ScanResult> scan = scanRecords(**reader, segment.row.fileBytes, sizeBytes, {}, adopt); !scan)
            return scan.status();
    }
    // Durable before the commit that names it: the bytes may so far only be in the page cache.
    SegmentRow grown = segment.row;
    grown.fileBytes = end;
    if (!settleFile(m_fileSystem, path, end).ok()) {
        adopted.clear();
        grown.fileBytes = sizeBytes;  // garbage that stays, in a segment that is not appended to
        grown.state = SegmentState::Closed;
    }
    const CommitOutcome outcome = inTransaction([&]() -> Status {
        if (Status status = m_index->writeSegment(grown); !status.ok())
            return status;
        for (RecordRow& row : adopted) {
            row.sequence = std::max(row.sequence, m_nextSequence);
            m_nextSequence = row.sequence + 1;
            if (Status status = m_index->insertRecord(row, ++m_clock); !status.ok())
                return status;
        }
        return {};
    });
    if (!outcome.status.ok())
        return outcome.status;
    segment.row = grown;
    for (const RecordRow& row : adopted)
        segment.liveBytes += row.bytes;
    return {};
}

Status KvStoreImpl::addOrphans(const std::vector<FoundSegment>& found) {
    for (const FoundSegment& file : found) {
        if (m_segments.contains(file.id))
            continue;
        const std::string path = folderPath(file.fingerprint) + "/" + segmentFileName(file.id);
        if (file.kind != FileKind::Regular) {
            if (!m_options.readOnly)
                setAside(path);
            continue;
        }
        Result<std::unique_ptr<SegmentReader>> reader = SegmentReader::open(m_fileSystem, path, file.id, file.fingerprint);
        if (!reader) {
            if (reader.status().code() == StatusCode::Refused)
                return reader.status();
            if (reader.status().code() != StatusCode::Damaged)
                continue;  // cannot be read just now: left for another time
            // Without its header nothing in it can be read again.
            if (!m_options.readOnly)
                if (Status status = removeFileDurably(m_fileSystem, path); !status.ok())
                    return status;
            continue;
        }
        const FingerprintRecord& fingerprint = (*reader)->header().fingerprint;
        if (known(fingerprint.id) == nullptr)
            if (const Result<FingerprintRow> row = remember(fingerprint); !row)
                return row.status();
        Segment segment;
        segment.row = {file.id, known(fingerprint.id)->number, file.sizeBytes, SegmentState::Unread};
        segment.fingerprint = fingerprint.id;
        segment.headerBytes = (*reader)->header().headerBytes;
        m_segments[file.id] = segment;
        m_unsaved.insert(file.id);
        m_nextSegment = std::max(m_nextSegment, file.id.value + 1);
    }
    return m_unsaved.empty() ? Status() : save();
}

Status KvStoreImpl::adoptSegment(Segment& segment, const std::stop_token& stop, KvRebuildReport& report) {
    const std::string path = segmentPath(segment);
    const FingerprintRow& fingerprint = m_fingerprints.at(segment.row.fingerprint);
    std::map<KvKey, RecordRow> adopted;
    SegmentRow grown = segment.row;
    std::uint64_t end = segment.headerBytes;
    std::int64_t rejected = 0;
    Result<std::unique_ptr<SegmentReader>> reader =
        SegmentReader::open(m_fileSystem, path, segment.row.id, segment.fingerprint);
    if (!reader && reader.status().code() != StatusCode::Damaged)
        return reader.status();
    if (reader && (*reader)->header().fingerprint.spec == fingerprint.record.spec) {
        const auto adopt = [&](const RecordHead& head) -> Status {
            const Result<std::optional<RecordRow>> there = m_index->record(fingerprint.number, head.key);
            if (!there)
                return there.status();
            end = head.offset + head.recordBytes;
            if (!there->has_value())
                adopted.try_emplace(head.key,
                                    RecordRow{static_cast<std::int64_t>(head.sequence), fingerprint.number, head.key,
                                              segment.row.id, head.offset, head.recordBytes, head.tokens});
            return {};
        };
        const Result<ScanResult> scan =
            scanRecords(**reader, (*reader)->header().headerBytes, segment.row.fileBytes, stop, adopt);
        if (!scan)
            return scan.status();
        rejected = scan->rejected;
    } else {
        rejected = 1;
    }
    grown.state = adopted.empty() ? SegmentState::Doomed : SegmentState::Open;
    if (!m_options.readOnly && !adopted.empty()) {
        if (!settleFile(m_fileSystem, path, end).ok())
            return {};  // stays unread until another time
        grown.fileBytes = end;
    }
    std::uint64_t live = 0;
    std::int64_t nextSequence = m_nextSequence;
    const CommitOutcome outcome = inTransaction([&]() -> Status {
        if (Status status = m_index->writeSegment(grown); !status.ok())
            return status;
        for (const auto& [key, row] : adopted) {
            // Evicted records may have left their number to a later one.
            Status status = m_index->insertRecord(row, row.sequence);
            if (status.code() == StatusCode::InvalidArgument) {
                RecordRow renumbered = row;
                renumbered.sequence = nextSequence;
                status = m_index->insertRecord(renumbered, row.sequence);
            }
            if (!status.ok())
                return status;
            nextSequence = std::max(nextSequence, row.sequence) + 1;
            live += row.bytes;
        }
        return {};
    });
    if (!outcome.status.ok())
        return outcome.status;
    m_nextSequence = nextSequence;
    m_clock = std::max(m_clock, nextSequence);
    segment.row = grown;
    segment.liveBytes = live;
    report.records += static_cast<std::int64_t>(adopted.size());
    report.rejected += rejected;
    return {};
}

Status KvStoreImpl::adoptUnread(const StoreProgress& progress, const std::stop_token& stop, KvRebuildReport& report) {
    std::vector<SegmentId> unread;
    std::uint64_t total = 0;
    for (const auto& [id, segment] : m_segments)
        if (segment.row.state == SegmentState::Unread) {
            unread.push_back(id);
            total += segment.row.fileBytes;
        }
    std::uint64_t done = 0;
    for (const SegmentId id : unread) {
        Segment& segment = m_segments.at(id);
        done += segment.row.fileBytes;
        if (Status status = adoptSegment(segment, stop, report); !status.ok())
            return status.withContext("reading the segments again");
        if (progress)
            progress(static_cast<std::int64_t>(done), static_cast<std::int64_t>(total));
    }
    if (!unread.empty() && !m_options.readOnly)
        removeDoomed();
    return {};
}

Result<KvRebuildReport> KvStoreImpl::rebuildIndex(const StoreProgress& progress, std::stop_token stop) {
    if (Status status = requireWritable(); !status.ok())
        return status;
    const Result<std::vector<FoundSegment>> found = listSegments();
    if (!found)
        return found.status();
    // Pins, use and the list of damage of an index that can still be read are worth keeping; of a damaged one nothing is.
    std::vector<UsageRow> usage;
    std::vector<KvDamageEvent> damage;
    if (!m_indexSuspect) {
        if (!m_touched.empty())
            static_cast<void>(save());
        if (Result<std::vector<UsageRow>> rows = m_index->usage(); rows)
            usage = *std::move(rows);
        if (Result<std::vector<KvDamageEvent>> events = KvMemory(m_index->database()).damage(-1); events)
            damage = *std::move(events);
    }
    const std::vector<std::pair<std::int64_t, FingerprintRow>> fingerprints(m_fingerprints.begin(), m_fingerprints.end());
    m_touched.clear();
    std::vector<Segment> doomed;
    for (const auto& [id, segment] : m_segments)
        if (segment.row.state == SegmentState::Doomed)
            doomed.push_back(segment);
    const std::int64_t quarantined = m_quarantined;
    if (Status status = replaceIndex(*found); !status.ok())
        return status;
    for (const auto& [number, row] : fingerprints)
        if (const Result<FingerprintRow> again = remember(row.record); !again)
            return again.status();
    for (Segment& segment : doomed) {  // given up already, only their files could not be removed
        segment.row.fingerprint = known(segment.fingerprint)->number;
        m_segments[segment.row.id] = segment;
        m_unsaved.insert(segment.row.id);
    }
    removeDoomed();
    std::vector<FoundSegment> wanted;
    for (const FoundSegment& segment : *found)
        if (!m_gone.contains(segment.id))
            wanted.push_back(segment);
    if (Status status = addOrphans(wanted); !status.ok())
        return status;
    KvRebuildReport report;
    const Status status = adoptUnread(progress, stop, report);
    const CommitOutcome outcome = inTransaction([&]() -> Status {
        for (const UsageRow& row : usage)
            if (const FingerprintRow* fingerprint = known(row.fingerprint); fingerprint != nullptr)
                if (Status set = m_index->setUsage(fingerprint->number, row); !set.ok())
                    return set;
        for (auto event = damage.rbegin(); event != damage.rend(); ++event)
            if (Status added = KvMemory(m_index->database()).addDamage(*event); !added.ok())
                return added;
        return quarantined == 0 ? Status() : m_index->addToCounter("quarantined", quarantined);
    });
    m_quarantined = quarantined;
    ++m_generation;
    for (const UsageRow& row : usage)
        m_clock = std::max(m_clock, row.used);
    if (!status.ok())
        return status;
    if (!outcome.status.ok())
        return outcome.status;
    return report;
}

void KvStoreImpl::readHighWaterFile() {
    const Result<std::vector<std::byte>> bytes =
        readWholeFile(m_fileSystem, m_options.directory + kHighWaterName, kMaxHighWaterBytes);
    if (!bytes)
        return;
    const std::string text(reinterpret_cast<const char*>(bytes->data()), bytes->size());
    std::int64_t segment = 0;
    constexpr std::size_t kNumberAt = 8;  // after "segment "
    if (text.size() > kNumberAt)
        std::from_chars(text.data() + kNumberAt, text.data() + text.size(), segment);
    if (segment > 0 && text == highWaterText(segment))
        m_nextSegment = std::max(m_nextSegment, segment + 1);
}

Status KvStoreImpl::writeHighWaterFile(std::int64_t next) {
    const std::string text = highWaterText(next);
    return writeFileDurably(m_fileSystem, m_options.directory + "/tmp/high-water", m_options.directory + kHighWaterName,
                            std::as_bytes(std::span(text)));
}

}  // namespace storage
