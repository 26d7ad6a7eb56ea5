// Reads and checks one segment file through a descriptor of its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "storage/file_system.h"
#include "storage/segment/format.h"
#include "storage/status.h"

namespace storage {

/// One thread. Constant but for the hash state. Whatever is wrong with the file or its name (absent, truncated, a link, a
/// FIFO, another segment's bytes) is Damaged, which a cache answers with a miss; only a lack of descriptors or memory, or a
/// failing device, is IoError.
class SegmentReader {
public:
    static Result<std::unique_ptr<SegmentReader>> open(FileSystem& fileSystem, const std::string& path, SegmentId id,
                                                       const FingerprintId& fingerprint);

    const SegmentHeader& header() const { return m_header; }
    File& file() { return *m_file; }

    /// The verified head of the record at `offset`.
    Result<RecordHead> readHead(std::uint64_t offset);
    /// K then V of one layer into `destination` (2 × kvSliceBytes), both checksums verified; one read, no copy.
    Status readLayer(const RecordHead& head, int layer, std::span<std::byte> destination);
    /// Reads and checks every layer of the record. `scratch` is grown as needed.
    Status verifyPayload(const RecordHead& head, std::vector<std::byte>& scratch);

private:
    SegmentReader(std::unique_ptr<File> file, SegmentHeader header);

    const std::unique_ptr<File> m_file;
    const SegmentHeader m_header;
    Hash128Builder m_hash;
};

/// Counts of a scan.
struct ScanResult {
    std::uint64_t intactEnd = 0;  // end of the last intact record, or where the scan began
    std::int64_t rejected = 0;    // damaged records and runs of bytes that are no record
};

/// Finds the intact records in [begin, end) of a segment: header, location and every payload byte checked. After damage it
/// looks for the next header at each 4 KiB border, at most 1 GiB further. `found` may stop the scan with a Status. Errors:
/// Cancelled, and whatever `found` returns.
Result<ScanResult> scanRecords(SegmentReader& reader, std::uint64_t begin, std::uint64_t end, const std::stop_token& stop,
                               const std::function<Status(const RecordHead&)>& found);

}  // namespace storage
