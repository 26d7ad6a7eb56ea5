// Reading segments: nothing is believed before its checksum holds.
#include "storage/segment/reader.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "storage/os/file_io.h"

namespace storage {
namespace {

constexpr std::uint64_t kMaxOffset = std::uint64_t{1} << 62;
constexpr std::uint64_t kMaxGapBytes = std::uint64_t{1} << 30;  // a hole of exabytes must not be read to its end
constexpr std::uint64_t kGapStepBytes = std::uint64_t{1} << 20;

bool isLackOfResources(int error) { return error == EMFILE || error == ENFILE || error == ENOMEM || error == EIO; }

/// A file that ends too early or is not there is damage to a cache; the device's own errors stay what they are.
Status asDamage(const Status& status) {
    if (status.code() == StatusCode::NotFound || status.code() == StatusCode::ReadOnly)
        return Status(StatusCode::Damaged, status.message());
    return status;
}

/// The first offset ≥ `from` (a multiple of 4 KiB) where a record's header may start; `end` when there is none within reach.
std::uint64_t nextCandidate(SegmentReader& reader, std::uint64_t from, std::uint64_t end) {
    const std::uint64_t limit = std::min(end, from + kMaxGapBytes);
    std::vector<std::byte> bytes(std::min(kGapStepBytes, limit - std::min(limit, from)));
    while (from + kBlockBytes <= limit) {
        const std::uint64_t count = std::min(kGapStepBytes, (limit - from) / kBlockBytes * kBlockBytes);
        const std::span<std::byte> window = std::span(bytes).first(count);
        const bool readable = readFully(reader.file(), from, window).ok();
        for (std::uint64_t at = 0; readable && at < count; at += kBlockBytes)
            if (recordPrefix(window.subspan(at)))
                return from + at;
        from += count;
    }
    return end;
}

}  // namespace

SegmentReader::SegmentReader(std::unique_ptr<File> file, SegmentHeader header)
    : m_file(std::move(file)), m_header(std::move(header)) {}

Result<std::unique_ptr<SegmentReader>> SegmentReader::open(FileSystem& fileSystem, const std::string& path, SegmentId id,
                                                           const FingerprintId& fingerprint) {
    Outcome<std::unique_ptr<File>> opened = openFile(fileSystem, path, OpenMode::Read);
    if (opened.error != 0) {
        const Status status = statusOfErrno(opened.error, "open", path);
        return isLackOfResources(opened.error) ? status : Status(StatusCode::Damaged, status.message());
    }
    std::vector<std::byte> bytes(kBlockBytes);
    if (Status status = readFully(*opened.value, 0, std::span(bytes)); !status.ok())
        return asDamage(status);
    const std::optional<HeaderPrefix> start = segmentPrefix(bytes);
    if (!start)
        return Status(StatusCode::Damaged, path + " does not start with a segment's header");
    if (start->headerBytes > bytes.size()) {
        bytes.resize(start->headerBytes);
        if (Status status = readFully(*opened.value, kBlockBytes, std::span(bytes).subspan(kBlockBytes)); !status.ok())
            return asDamage(status);
    }
    Result<SegmentHeader> header = decodeSegmentHeader(bytes);
    if (!header)
        return header.status().withContext(path);
    if (header->id != id || header->fingerprint.id != fingerprint)
        return Status(StatusCode::Damaged, path + " holds another segment's bytes");
    return std::unique_ptr<SegmentReader>(new SegmentReader(std::move(opened.value), *std::move(header)));
}

Result<RecordHead> SegmentReader::readHead(std::uint64_t offset) {
    if (offset % kBlockBytes != 0 || offset < m_header.headerBytes || offset > kMaxOffset)
        return Status(StatusCode::Damaged, m_file->path() + ": no record can start at offset " + std::to_string(offset));
    std::vector<std::byte> bytes(headBytesOf(m_header.fingerprint.spec));
    if (Status status = readFully(*m_file, offset, std::span(bytes)); !status.ok())
        return asDamage(status);
    Result<RecordHead> head = decodeRecordHead(bytes, m_header, offset);
    if (!head)
        return head.status().withContext(m_file->path());
    return head;
}

Status SegmentReader::readLayer(const RecordHead& head, int layer, std::span<std::byte> destination) {
    const std::size_t slice = kvSliceBytes(head.spec, head.tokens);
    if (layer < 0 || layer >= head.spec.layers || destination.size() != 2 * slice)
        return Status(StatusCode::InvalidArgument,
                      "layer " + std::to_string(layer) + " into " + std::to_string(destination.size()) +
                          " bytes was asked of a record of " + std::to_string(head.spec.layers) + " layers of " +
                          std::to_string(2 * slice) + " bytes");
    const BlockEntry& k = head.entries[2 * static_cast<std::size_t>(layer)];
    const BlockEntry& v = head.entries[2 * static_cast<std::size_t>(layer) + 1];
    std::array<std::byte, kBlockBytes> spare;
    const std::span<std::byte> padding = std::span(spare).first(layerBlockBytes(head.spec, head.tokens) - 2 * slice);
    const std::array<ReadPart, 2> parts{destination, padding};
    if (Status status = readFully(*m_file, head.offset + k.offset, parts); !status.ok())
        return asDamage(status).withContext("layer " + std::to_string(layer));
    if (hashHalf(m_hash, head, layer, KvHalf::K, destination.first(slice), {}) != k.hash)
        return Status(StatusCode::Damaged, m_file->path() + ", record at " + std::to_string(head.offset) + ", layer " +
                                               std::to_string(layer) + ": K's checksum does not hold");
    if (hashHalf(m_hash, head, layer, KvHalf::V, destination.subspan(slice), padding) != v.hash)
        return Status(StatusCode::Damaged, m_file->path() + ", record at " + std::to_string(head.offset) + ", layer " +
                                               std::to_string(layer) + ": V's checksum does not hold");
    return {};
}

Status SegmentReader::verifyPayload(const RecordHead& head, std::vector<std::byte>& scratch) {
    const std::size_t bytes = 2 * kvSliceBytes(head.spec, head.tokens);
    if (scratch.size() < bytes)
        scratch.resize(bytes);
    for (int layer = 0; layer < head.spec.layers; ++layer)
        if (Status status = readLayer(head, layer, std::span(scratch).first(bytes)); !status.ok())
            return status;
    return {};
}

Result<ScanResult> scanRecords(SegmentReader& reader, std::uint64_t begin, std::uint64_t end, const std::stop_token& stop,
                               const std::function<Status(const RecordHead&)>& found) {
    ScanResult result;
    result.intactEnd = begin;
    std::vector<std::byte> scratch;
    std::uint64_t at = roundUpToBlock(begin);
    while (at + kBlockBytes <= end) {
        if (stop.stop_requested())
            return Status(StatusCode::Cancelled, "reading the segments was stopped");
        const Result<RecordHead> head = reader.readHead(at);
        if (!head || head->recordBytes > end - at) {
            ++result.rejected;
            at = nextCandidate(reader, at + kBlockBytes, end);
            continue;
        }
        if (reader.verifyPayload(*head, scratch).ok()) {
            if (Status status = found(*head); !status.ok())
                return status;
            result.intactEnd = at + head->recordBytes;
        } else {
            ++result.rejected;
        }
        at += head->recordBytes;
    }
    return result;
}

}  // namespace storage
