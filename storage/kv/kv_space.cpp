// Bytes on disk: segments that grow, the cap, eviction, compaction.
#include <algorithm>
#include <cerrno>
#include <limits>
#include <random>
#include <utility>

#include "storage/kv/kv_memory.h"
#include "storage/kv/kv_store_impl.h"
#include "storage/os/file_io.h"

namespace storage {
namespace {

constexpr std::uint64_t kLeastSegmentBytes = std::uint64_t{64} << 10;
constexpr std::uint64_t kCapShare = 16;  // a segment takes at most this part of the cap

SegmentUuid randomUuid() {
    std::random_device device;
    SegmentUuid uuid;
    for (std::size_t i = 0; i < uuid.size(); i += 4) {
        const std::uint32_t word = device();
        for (std::size_t j = 0; j < 4; ++j)
            uuid[i + j] = static_cast<std::byte>(word >> (8 * j));
    }
    return uuid;
}

}  // namespace

/// What a compaction has copied but not committed.
struct KvStoreImpl::Moves {
    struct Ends {
        std::uint64_t begin = 0;
        std::uint64_t end = 0;
    };
    std::vector<RecordRow> moved;                            // with their new places
    std::vector<std::pair<RecordRow, std::string>> damaged;  // with the reason
    std::map<SegmentId, Ends> targets;                       // segments appended to
};

std::uint64_t KvStoreImpl::diskBytes() const {
    std::uint64_t bytes = 0;
    for (const auto& [id, segment] : m_segments)
        bytes += segment.row.fileBytes;
    return bytes;
}

std::uint64_t KvStoreImpl::segmentLimit() const {
    if (m_capBytes == 0)
        return m_options.segmentBytes;
    return std::min(m_options.segmentBytes, std::max(m_capBytes / kCapShare, kLeastSegmentBytes));
}

SegmentWriter* KvStoreImpl::writerWithRoom(const FingerprintRow& fingerprint, std::uint64_t bytes) {
    const auto hasRoom = [&](std::uint64_t end, std::uint64_t headerBytes) {
        return end == headerBytes || end + bytes <= segmentLimit();
    };
    if (const auto writer = m_writers.find(fingerprint.number); writer != m_writers.end()) {
        const Segment& segment = m_segments.at(writer->second->header().id);
        return hasRoom(writer->second->endBytes(), segment.headerBytes) ? writer->second.get() : nullptr;
    }
    // The last session's segment goes on where it ended.
    for (auto found = m_segments.rbegin(); found != m_segments.rend(); ++found) {
        Segment& segment = found->second;
        if (segment.row.fingerprint != fingerprint.number || segment.row.state != SegmentState::Open)
            continue;
        Result<std::unique_ptr<SegmentWriter>> writer =
            hasRoom(segment.row.fileBytes, segment.headerBytes)
                ? SegmentWriter::reopen(m_fileSystem, segmentPath(segment), segment.row.id, segment.fingerprint,
                                        segment.row.fileBytes)
                : Status(StatusCode::NoSpace, "full");
        if (!writer) {
            segment.row.state = SegmentState::Closed;
            m_unsaved.insert(segment.row.id);
            continue;
        }
        return (m_writers[fingerprint.number] = *std::move(writer)).get();
    }
    return nullptr;
}

Result<SegmentWriter*> KvStoreImpl::writerFor(const FingerprintRow& fingerprint, std::uint64_t bytes) {
    if (SegmentWriter* writer = writerWithRoom(fingerprint, bytes); writer != nullptr)
        return writer;
    closeWriter(fingerprint.number);
    return startSegment(fingerprint);
}

Result<SegmentWriter*> KvStoreImpl::startSegment(const FingerprintRow& fingerprint) {
    const SegmentId id{m_nextSegment};
    if (Status status = writeHighWaterFile(id.value); !status.ok())
        return status;
    ++m_nextSegment;
    Segment segment;
    segment.row = {id, fingerprint.number, 0, SegmentState::Open};
    segment.fingerprint = fingerprint.record.id;
    if (Status status = ensureDirectory(m_fileSystem, folderPath(segment.fingerprint)); !status.ok())
        return status;
    SegmentHeader header;
    header.id = id;
    header.uuid = randomUuid();
    header.fingerprint = fingerprint.record;
    Result<std::unique_ptr<SegmentWriter>> writer = SegmentWriter::create(m_fileSystem, segmentPath(segment), header);
    if (!writer) {
        countFileAsItIs(segment);
        if (segment.row.fileBytes > 0) {  // what could not be finished could not be removed either
            segment.row.state = SegmentState::Closed;
            m_segments[id] = segment;
            m_unsaved.insert(id);
        }
        return writer.status();
    }
    segment.headerBytes = (*writer)->endBytes();
    segment.row.fileBytes = segment.headerBytes;
    m_segments[id] = segment;
    m_unsaved.insert(id);
    return (m_writers[fingerprint.number] = *std::move(writer)).get();
}

void KvStoreImpl::closeWriter(std::int64_t fingerprint) {
    const auto writer = m_writers.find(fingerprint);
    if (writer == m_writers.end())
        return;
    const SegmentId id = writer->second->header().id;
    if (const auto segment = m_segments.find(id); segment != m_segments.end()) {
        segment->second.row.state = SegmentState::Closed;
        m_unsaved.insert(id);
    }
    m_writers.erase(writer);
}

void KvStoreImpl::closeWriterOf(const Segment& segment) {
    const auto writer = m_writers.find(segment.row.fingerprint);
    if (writer != m_writers.end() && writer->second->header().id == segment.row.id)
        closeWriter(segment.row.fingerprint);
}

void KvStoreImpl::countFileAsItIs(Segment& segment) {
    const Outcome<FileInfo> info = m_fileSystem.info(segmentPath(segment));
    if (info.error == 0 && info.value.kind == FileKind::Regular)
        segment.row.fileBytes = info.value.sizeBytes;
    else if (info.error == ENOENT)
        segment.row.fileBytes = 0;
}

void KvStoreImpl::retireWriter(std::int64_t fingerprint, Tail tail) {
    const auto found = m_writers.find(fingerprint);
    if (found == m_writers.end())
        return;
    Segment& segment = m_segments.at(found->second->header().id);
    if (tail == Tail::Cut) {
        found->second->rewind(segment.row.fileBytes);
        static_cast<void>(found->second->cutTail());  // where it fails, the tail is counted as garbage
    }
    closeWriter(fingerprint);
    countFileAsItIs(segment);
    static_cast<void>(save());  // else with the next transaction
}

void KvStoreImpl::abandonTail(std::int64_t fingerprint, std::uint64_t endBytes) {
    SegmentWriter& writer = *m_writers.at(fingerprint);
    writer.rewind(endBytes);
    if (!writer.cutTail().ok())
        retireWriter(fingerprint, Tail::Keep);
}

Status KvStoreImpl::makeRoom(const FingerprintRow& fingerprint, std::uint64_t bytes) {
    if (m_capBytes == 0)
        return {};
    const std::uint64_t headerBytes = encodeSegmentHeader({{}, {}, fingerprint.record, 0}).size();
    const std::uint64_t needed = bytes + headerBytes;
    if (diskBytes() + (writerWithRoom(fingerprint, bytes) != nullptr ? bytes : needed) <= m_capBytes)
        return {};
    const Status noSpace(StatusCode::NoSpace, "the KV store's cap of " + std::to_string(m_capBytes) +
                                                  " bytes leaves no room for " + std::to_string(needed) +
                                                  " bytes: raise the cap or unpin records");
    const Result<std::uint64_t> pinned = m_index->pinnedBytes();
    if (!pinned)
        return pinned.status();
    if (*pinned + needed > m_capBytes)
        return noSpace;
    const std::uint64_t target = m_capBytes - needed;
    const Result<EvictionPlan> plan = planEviction(target, {});
    if (!plan)
        return plan.status();
    if (!plan->reachable)
        return noSpace;
    if (Status status = shrinkTo(target, *plan, {}); !status.ok())
        return status.withContext("making room");
    return diskBytes() <= target ? Status() : noSpace;
}

std::vector<SegmentId> KvStoreImpl::compactable(std::uint64_t target, const std::map<SegmentId, Segment>& segments,
                                                std::uint64_t& reached) const {
    std::vector<const Segment*> candidates;
    reached = 0;
    for (const auto& [id, segment] : segments) {
        if (segment.liveBytes == 0)
            continue;
        reached += segment.row.fileBytes;
        if (segment.worthCompacting())
            candidates.push_back(&segment);
    }
    std::sort(candidates.begin(), candidates.end(), [](const Segment* a, const Segment* b) {
        const double shareA = static_cast<double>(a->liveBytes) / static_cast<double>(a->row.fileBytes);
        const double shareB = static_cast<double>(b->liveBytes) / static_cast<double>(b->row.fileBytes);
        return std::pair(shareA, a->row.id) < std::pair(shareB, b->row.id);
    });
    std::vector<SegmentId> order;
    for (bool progress = true; progress && reached > target;) {
        progress = false;
        for (const Segment*& candidate : candidates) {
            if (candidate == nullptr || reached <= target)
                continue;
            const std::uint64_t room = m_capBytes == 0        ? std::numeric_limits<std::uint64_t>::max()
                                       : m_capBytes > reached ? m_capBytes - reached
                                                              : 0;
            if (candidate->copyBytes() > room)
                continue;
            reached -= candidate->row.fileBytes - candidate->copyBytes();
            order.push_back(candidate->row.id);
            candidate = nullptr;
            progress = true;
        }
    }
    return order;
}

Result<KvStoreImpl::EvictionPlan> KvStoreImpl::planEviction(std::uint64_t target, const std::stop_token& stop) {
    if (!m_touched.empty())
        if (Status status = save(); !status.ok())
            return status;
    EvictionPlan plan;
    std::map<SegmentId, Segment> segments = m_segments;
    std::uint64_t live = 0;
    for (const auto& [id, segment] : segments)
        live += segment.liveBytes;
    const auto reachable = [&] {
        std::uint64_t reached = 0;
        if (live > target)
            return false;
        compactable(target, segments, reached);
        return reached <= target;
    };
    plan.reachable = reachable();
    if (plan.reachable)
        return plan;
    const Status status = m_index->visitLeastRecentlyUsed([&](const RecordRow& row) {
        if (stop.stop_requested())
            return false;
        plan.victims.push_back(row);
        if (const auto segment = segments.find(row.segment); segment != segments.end()) {
            const std::uint64_t bytes = std::min(row.bytes, segment->second.liveBytes);
            segment->second.liveBytes -= bytes;
            live -= bytes;
        }
        plan.reachable = reachable();
        return !plan.reachable;
    });
    if (!status.ok())
        return status;
    if (stop.stop_requested())
        return Status(StatusCode::Cancelled, "eviction was stopped");
    return plan;
}

Status KvStoreImpl::shrinkTo(std::uint64_t target, const EvictionPlan& plan, const std::stop_token& stop) {
    if (Status status = dropRows(plan.victims, KvIndex::Pinned::Spare, {}); !status.ok())
        return status;
    if (diskBytes() > target)
        if (Status status = dropEmptySegments(); !status.ok())
            return status;
    while (diskBytes() > target) {
        std::uint64_t reached = 0;
        const std::vector<SegmentId> order = compactable(target, m_segments, reached);
        if (order.empty())
            return {};
        for (const SegmentId id : order)  // nothing is copied into what will be moved itself
            closeWriterOf(m_segments.at(id));
        const std::uint64_t before = diskBytes();
        if (const Result<std::int64_t> moved = compactSegment(order.front(), stop); !moved)
            return moved.status();
        if (diskBytes() >= before)
            return {};  // its file could not be removed
    }
    return {};
}

Status KvStoreImpl::dropEmptySegments() {
    std::vector<SegmentId> empty;
    for (const auto& [id, segment] : m_segments)
        if (segment.liveBytes == 0)
            empty.push_back(id);
    if (empty.empty())
        return {};
    for (const SegmentId id : empty)
        closeWriterOf(m_segments.at(id));
    const CommitOutcome outcome = inTransaction([&]() -> Status {
        for (const SegmentId id : empty) {
            SegmentRow doomed = m_segments.at(id).row;
            doomed.state = SegmentState::Doomed;
            if (Status status = m_index->writeSegment(doomed); !status.ok())
                return status;
        }
        return {};
    });
    if (!outcome.status.ok())
        return outcome.status;
    for (const SegmentId id : empty) {
        m_segments.at(id).row.state = SegmentState::Doomed;
        m_unsaved.erase(id);
    }
    removeDoomed();
    return {};
}

void KvStoreImpl::removeDoomed() {
    for (auto at = m_segments.begin(); at != m_segments.end();) {
        Segment& segment = at->second;
        // The row goes only after the name is durably gone: a file that came back would be taken for one without an index.
        if (segment.row.state != SegmentState::Doomed || !removeFileDurably(m_fileSystem, segmentPath(segment)).ok()) {
            if (segment.row.state == SegmentState::Doomed) {
                countFileAsItIs(segment);
                m_unsaved.insert(segment.row.id);
            }
            ++at;
            continue;
        }
        m_unsaved.erase(segment.row.id);
        m_gone.insert(segment.row.id);
        at = m_segments.erase(at);
    }
}

Result<std::uint64_t> KvStoreImpl::evictTo(std::uint64_t bytes, std::stop_token stop) {
    if (Status status = requireWritable(); !status.ok())
        return status;
    const std::uint64_t before = diskBytes();
    if (before > bytes) {
        const Result<EvictionPlan> plan = planEviction(bytes, stop);
        if (!plan)
            return plan.status();
        if (Status status = shrinkTo(bytes, *plan, stop); !status.ok())
            return status;
        if (Status status = save(); !status.ok())
            return status;
    }
    const std::uint64_t after = diskBytes();
    return before > after ? before - after : 0;
}

Status KvStoreImpl::copyRecords(const Segment& source, const FingerprintRow& fingerprint, std::span<const RecordRow> rows,
                                Moves& moves, const std::stop_token& stop) {
    const KvSpec& spec = fingerprint.record.spec;
    Result<std::unique_ptr<SegmentReader>> reader =
        SegmentReader::open(m_fileSystem, segmentPath(source), source.row.id, source.fingerprint);
    if (!reader && reader.status().code() != StatusCode::Damaged)
        return reader.status();
    std::vector<std::byte> payload;
    std::vector<std::span<const std::byte>> slices;
    for (const RecordRow& row : rows) {
        if (stop.stop_requested())
            return Status(StatusCode::Cancelled, "compaction was stopped");
        Status read = reader.status();
        const Result<RecordHead> head = read.ok() ? (*reader)->readHead(row.offset) : Result<RecordHead>(read);
        if (!head)
            read = head.status();
        else if (head->key != row.key || head->recordBytes != row.bytes)
            read = Status(StatusCode::Damaged, "another record stands at offset " + std::to_string(row.offset));
        slices.clear();
        if (read.ok()) {
            const std::uint64_t slice = kvSliceBytes(spec, head->tokens);
            payload.resize(2 * slice * static_cast<std::size_t>(spec.layers));
            for (int layer = 0; layer < spec.layers && read.ok(); ++layer) {
                const std::span<std::byte> block =
                    std::span(payload).subspan(2 * slice * static_cast<std::size_t>(layer), 2 * slice);
                read = (*reader)->readLayer(*head, layer, block);
                slices.push_back(block.first(slice));
                slices.push_back(block.subspan(slice));
            }
        }
        if (!read.ok()) {
            if (read.code() != StatusCode::Damaged && read.code() != StatusCode::IoError)
                return read;
            moves.damaged.emplace_back(row, read.message());
            continue;
        }
        // The segment that is about to be closed must be durable before its records are named.
        SegmentWriter* current = writerWithRoom(fingerprint, row.bytes);
        if (current == nullptr)
            if (const auto full = m_writers.find(fingerprint.number); full != m_writers.end())
                if (Status status = full->second->sync(); !status.ok())
                    return status;
        const Result<SegmentWriter*> writer = writerFor(fingerprint, row.bytes);
        if (!writer)
            return writer.status();
        const std::uint64_t start = (*writer)->endBytes();
        Moves::Ends& ends = moves.targets.try_emplace((*writer)->header().id, Moves::Ends{start, start}).first->second;
        const Result<RecordHead> copy = (*writer)->append(head->sequence, row.key, head->tokens, slices);
        if (!copy)
            return copy.status();
        ends.end = (*writer)->endBytes();
        RecordRow moved = row;
        moved.segment = (*writer)->header().id;
        moved.offset = start;
        moves.moved.push_back(moved);
    }
    const auto last = m_writers.find(fingerprint.number);
    return last == m_writers.end() || moves.moved.empty() ? Status() : last->second->sync();
}

void KvStoreImpl::abandonMoves(std::int64_t fingerprint, const Moves& moves) {
    for (const auto& [id, ends] : moves.targets) {
        const auto writer = m_writers.find(fingerprint);
        const bool current = writer != m_writers.end() && writer->second->header().id == id;
        if (current && writer->second->failed())
            retireWriter(fingerprint, Tail::Cut);
        else if (current)
            abandonTail(fingerprint, ends.begin);
        else if (const auto segment = m_segments.find(id); segment != m_segments.end()) {
            countFileAsItIs(segment->second);
            m_unsaved.insert(id);
        }
    }
}

Result<std::int64_t> KvStoreImpl::compactSegment(SegmentId id, const std::stop_token& stop) {
    const Segment source = m_segments.at(id);
    const FingerprintRow fingerprint = m_fingerprints.at(source.row.fingerprint);
    if (const auto writer = m_writers.find(fingerprint.number);
        writer != m_writers.end() && writer->second->header().id == id)
        closeWriter(fingerprint.number);
    else if (source.row.state == SegmentState::Open) {
        m_segments.at(id).row.state = SegmentState::Closed;
        m_unsaved.insert(id);
    }
    const Result<std::vector<RecordRow>> rows = m_index->recordsOfSegment(id);
    if (!rows)
        return rows.status();
    Moves moves;
    if (Status status = copyRecords(source, fingerprint, *rows, moves, stop); !status.ok()) {
        abandonMoves(fingerprint.number, moves);
        return status;
    }
    SegmentRow doomed = m_segments.at(id).row;
    doomed.state = SegmentState::Doomed;
    std::vector<SegmentRow> grown;
    for (const auto& [target, ends] : moves.targets) {
        grown.push_back(m_segments.at(target).row);
        grown.back().fileBytes = ends.end;
    }
    for (const auto& [row, reason] : moves.damaged)
        keepHeader(extentOf(row, source.fingerprint), reason);
    const auto lost = static_cast<std::int64_t>(moves.damaged.size());
    const CommitOutcome outcome = inTransaction([&]() -> Status {
        for (const SegmentRow& row : grown)
            if (Status status = m_index->writeSegment(row); !status.ok())
                return status;
        for (const RecordRow& row : moves.moved)
            if (Status status = m_index->moveRecord(row.sequence, row.segment, row.offset); !status.ok())
                return status;
        for (const auto& [row, reason] : moves.damaged)
            if (const Result<bool> deleted = m_index->deleteRecord(row.sequence, KvIndex::Pinned::Remove); !deleted)
                return deleted.status();
        for (const auto& [row, reason] : moves.damaged)
            if (Status status = KvMemory(m_index->database()).addDamage(damageNow(source.fingerprint, row.key, reason));
                !status.ok())
                return status;
        if (lost > 0)
            if (Status status = m_index->addToCounter("quarantined", lost); !status.ok())
                return status;
        return m_index->writeSegment(doomed);
    });
    if (!outcome.status.ok()) {
        if (outcome.uncertain)
            retireWriter(fingerprint.number, Tail::Keep);
        abandonMoves(fingerprint.number, moves);
        return outcome.status;
    }
    m_quarantined += lost;
    ++m_generation;
    for (const SegmentRow& row : grown)
        m_segments.at(row.id).row = row;
    for (const RecordRow& row : moves.moved)
        m_segments.at(row.segment).liveBytes += row.bytes;
    m_segments.at(id).row = doomed;
    m_segments.at(id).liveBytes = 0;
    m_unsaved.erase(id);
    removeDoomed();
    return static_cast<std::int64_t>(moves.moved.size());
}

Result<KvCompactReport> KvStoreImpl::compact(const StoreProgress& progress, std::stop_token stop) {
    if (Status status = requireWritable(); !status.ok())
        return status;
    KvCompactReport report;
    const std::uint64_t before = diskBytes();
    if (Status status = dropEmptySegments(); !status.ok())
        return status;
    std::uint64_t reached = 0;
    const std::vector<SegmentId> order = compactable(0, m_segments, reached);
    for (const SegmentId id : order)  // nothing is copied into what will be moved itself
        closeWriterOf(m_segments.at(id));
    std::int64_t done = 0;
    for (const SegmentId id : order) {
        if (stop.stop_requested())
            return Status(StatusCode::Cancelled, "compaction was stopped; what was moved stays moved");
        const Result<std::int64_t> moved = compactSegment(id, stop);
        if (!moved)
            return moved.status();
        report.movedRecords += *moved;
        if (progress)
            progress(++done, static_cast<std::int64_t>(order.size()));
    }
    if (Status status = save(); !status.ok())
        return status;
    report.reclaimedBytes = before - std::min(before, diskBytes());
    return report;
}

}  // namespace storage
