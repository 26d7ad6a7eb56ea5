// Appending: checksums are computed from the caller's bytes, which then go to the file without being copied.
#include "storage/segment/writer.h"

#include <array>
#include <cassert>
#include <utility>
#include <vector>

#include "storage/os/file_io.h"
#include "storage/segment/reader.h"

namespace storage {

SegmentWriter::SegmentWriter(std::unique_ptr<File> file, SegmentHeader header, std::uint64_t endBytes)
    : m_file(std::move(file)), m_header(std::move(header)), m_endBytes(endBytes) {}

Result<std::unique_ptr<SegmentWriter>> SegmentWriter::create(FileSystem& fileSystem, const std::string& path,
                                                             const SegmentHeader& header) {
    Outcome<std::unique_ptr<File>> created = openFile(fileSystem, path, OpenMode::CreateNew);
    if (created.error != 0)
        return statusOfErrno(created.error, "create the segment", path);
    const std::vector<std::byte> bytes = encodeSegmentHeader(header);
    const WritePart part = bytes;
    Status status = writeFully(*created.value, 0, std::span(&part, 1));
    if (status.ok())
        if (const int error = created.value->syncData(); error != 0)
            status = statusOfErrno(error, "sync the segment", path);
    if (status.ok())
        if (const int error = fileSystem.syncDirectory(parentDirectory(path)); error != 0)
            status = statusOfErrno(error, "sync the directory of", path);
    if (!status.ok()) {
        fileSystem.unlink(path);
        return status;
    }
    return std::unique_ptr<SegmentWriter>(new SegmentWriter(std::move(created.value), header, bytes.size()));
}

Result<std::unique_ptr<SegmentWriter>> SegmentWriter::reopen(FileSystem& fileSystem, const std::string& path, SegmentId id,
                                                             const FingerprintId& fingerprint, std::uint64_t endBytes) {
    Result<std::unique_ptr<SegmentReader>> reader = SegmentReader::open(fileSystem, path, id, fingerprint);
    if (!reader)
        return reader.status();
    Outcome<std::unique_ptr<File>> opened = openFile(fileSystem, path, OpenMode::ReadWrite);
    if (opened.error != 0)
        return statusOfErrno(opened.error, "open the segment", path);
    return std::unique_ptr<SegmentWriter>(new SegmentWriter(std::move(opened.value), (*reader)->header(), endBytes));
}

Result<RecordHead> SegmentWriter::append(std::uint64_t sequence, const KvKey& key, int tokens,
                                         std::span<const std::span<const std::byte>> slices) {
    static constexpr std::array<std::byte, kBlockBytes> kZeros{};
    if (m_failed)
        return Status(StatusCode::IoError, m_file->path() + " is retired after a failed sync");
    const KvSpec& spec = m_header.fingerprint.spec;
    assert(slices.size() == 2 * static_cast<std::size_t>(spec.layers));
    RecordHead head = layOutRecord(spec, tokens);
    head.sequence = sequence;
    head.uuid = m_header.uuid;
    head.offset = m_endBytes;
    head.key = key;
    head.fingerprint = m_header.fingerprint.id;

    const std::uint64_t slice = kvSliceBytes(spec, tokens);
    const std::span<const std::byte> padding = std::span(kZeros).first(layerBlockBytes(spec, tokens) - 2 * slice);
    std::vector<WritePart> parts(1);
    parts.reserve(1 + 3 * static_cast<std::size_t>(spec.layers));
    for (int layer = 0; layer < spec.layers; ++layer) {
        const std::size_t at = 2 * static_cast<std::size_t>(layer);
        assert(slices[at].size() == slice && slices[at + 1].size() == slice);
        head.entries[at].hash = hashHalf(m_hash, head, layer, KvHalf::K, slices[at], {});
        head.entries[at + 1].hash = hashHalf(m_hash, head, layer, KvHalf::V, slices[at + 1], padding);
        parts.insert(parts.end(), {slices[at], slices[at + 1], padding});
    }
    const std::vector<std::byte> headBytes = encodeRecordHead(head);
    parts[0] = headBytes;
    if (Status status = writeFully(*m_file, m_endBytes, parts); !status.ok())
        return status;
    m_endBytes += head.recordBytes;
    return head;
}

Status SegmentWriter::sync() {
    if (m_failed)
        return Status(StatusCode::IoError, m_file->path() + " is retired after a failed sync");
    if (const int error = m_file->syncData(); error != 0) {
        m_failed = true;
        return statusOfErrno(error, "sync the segment", m_file->path());
    }
    return {};
}

Status SegmentWriter::cutTail() {
    if (const int error = m_file->truncate(m_endBytes); error != 0)
        return statusOfErrno(error, "shorten the segment", m_file->path());
    return {};
}

}  // namespace storage
