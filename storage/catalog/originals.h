// docs/ab/<sha256>: the imported files' bytes, kept under their digest.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "storage/file_system.h"
#include "storage/ids.h"
#include "storage/status.h"

namespace storage {

/// One thread (the catalog's).
class Originals {
public:
    Originals(FileSystem& fileSystem, std::string workspace) : m_fileSystem(fileSystem), m_workspace(std::move(workspace)) {}

    std::string path(const ContentDigest& content) const;
    /// Durable when it returns; a file that is there already and intact is left as it is.
    Status keep(const ContentDigest& content, std::span<const std::byte> bytes);
    /// Absent is ok.
    Status remove(const ContentDigest& content);
    /// Ok when the file's bytes have this digest.
    Status check(const ContentDigest& content);
    /// Names under docs/ that are the digest of no document in `known` (ascending).
    Result<std::vector<std::string>> strays(std::span<const ContentDigest> known);

private:
    FileSystem& m_fileSystem;
    const std::string m_workspace;
};

}  // namespace storage
