// Appends records to one segment file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "storage/file_system.h"
#include "storage/segment/format.h"
#include "storage/status.h"

namespace storage {

/// One thread. After a failed sync the writer is spent: failed() stays true and every later call is refused, because the
/// kernel may have dropped the pages that it could not write (a second fsync would then report success).
class SegmentWriter {
public:
    /// A new file with `header`, durable together with its name. Errors: NoSpace, IoError.
    static Result<std::unique_ptr<SegmentWriter>> create(FileSystem& fileSystem, const std::string& path,
                                                         const SegmentHeader& header);
    /// An existing file whose bytes from `endBytes` on are to be written. Errors: Damaged, IoError, Refused.
    static Result<std::unique_ptr<SegmentWriter>> reopen(FileSystem& fileSystem, const std::string& path, SegmentId id,
                                                         const FingerprintId& fingerprint, std::uint64_t endBytes);

    const SegmentHeader& header() const { return m_header; }
    /// Where the next record will start.
    std::uint64_t endBytes() const { return m_endBytes; }
    bool failed() const { return m_failed; }

    /// Writes one record behind the last; not durable before sync(). `slices` = K and V of each layer in turn. On failure
    /// endBytes() is unchanged, but torn bytes may lie behind it: see cutTail().
    Result<RecordHead> append(std::uint64_t sequence, const KvKey& key, int tokens,
                              std::span<const std::span<const std::byte>> slices);
    Status sync();
    /// Moves the end back to `endBytes`, which forgets records appended since and never synced.
    void rewind(std::uint64_t endBytes) { m_endBytes = endBytes; }
    /// Cuts whatever lies behind endBytes(); allowed after a failed sync, when it takes the bytes of unknown state away.
    Status cutTail();

private:
    SegmentWriter(std::unique_ptr<File> file, SegmentHeader header, std::uint64_t endBytes);

    const std::unique_ptr<File> m_file;
    const SegmentHeader m_header;
    std::uint64_t m_endBytes;
    bool m_failed = false;
    Hash128Builder m_hash;
};

}  // namespace storage
