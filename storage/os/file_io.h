// Whole reads and writes over FileSystem's thin calls (short counts, EINTR), durable small files, and errno as a Status.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "storage/file_system.h"
#include "storage/status.h"

namespace storage {

/// "cannot <action> <path>: <errno's text>"; ENOSPC and EDQUOT are NoSpace, ENOENT NotFound, EROFS and EACCES ReadOnly, else
/// IoError.
Status statusOfErrno(int error, std::string_view action, const std::string& path);

/// FileSystem::open(), asked again after EINTR.
Outcome<std::unique_ptr<File>> openFile(FileSystem& fileSystem, const std::string& path, OpenMode mode);

/// Fills every part from `offset` on. Errors: IoError; Damaged when the file ends before.
Status readFully(File& file, std::uint64_t offset, std::span<const ReadPart> parts);
Status readFully(File& file, std::uint64_t offset, std::span<std::byte> bytes);
/// Writes every part at `offset`. NoSpace names the bytes that were needed.
Status writeFully(File& file, std::uint64_t offset, std::span<const WritePart> parts);

/// The whole regular file, when it is no longer than `maxBytes` (else Refused).
Result<std::vector<std::byte>> readWholeFile(FileSystem& fileSystem, const std::string& path, std::uint64_t maxBytes);

/// Makes the directory when absent, its name durable in the parent. Its parent must exist.
Status ensureDirectory(FileSystem& fileSystem, const std::string& path);

/// Writes `bytes` under `temporaryPath`, syncs, renames to `path` and syncs `path`'s directory: after it the file is whole
/// and durable, at any crash before it is the former one. Both paths lie on one file system.
Status writeFileDurably(FileSystem& fileSystem, const std::string& temporaryPath, const std::string& path,
                        std::span<const std::byte> bytes);

/// Removes the file and makes that durable; a file that is absent already is ok.
Status removeFileDurably(FileSystem& fileSystem, const std::string& path);

std::string parentDirectory(const std::string& path);

}  // namespace storage
