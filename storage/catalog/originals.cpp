// Originals are written before the row that names them is committed and removed after the row is gone.
#include "storage/catalog/originals.h"

#include <algorithm>
#include <cerrno>

#include "storage/digest.h"
#include "storage/os/file_io.h"

namespace storage {
namespace {

constexpr std::uint64_t kMaxOriginalBytes = std::uint64_t{4} << 30;

}  // namespace

std::string Originals::path(const ContentDigest& content) const {
    const std::string name = content.hex();
    return m_workspace + "/docs/" + name.substr(0, 2) + "/" + name;
}

Status Originals::keep(const ContentDigest& content, std::span<const std::byte> bytes) {
    const std::string target = path(content);
    if (m_fileSystem.info(target).error == 0 && check(content).ok())
        return {};
    for (const std::string& directory : {m_workspace + "/docs", parentDirectory(target)})
        if (Status status = ensureDirectory(m_fileSystem, directory); !status.ok())
            return status;
    return writeFileDurably(m_fileSystem, m_workspace + "/tmp/" + content.hex(), target, bytes);
}

Status Originals::remove(const ContentDigest& content) {
    if (m_fileSystem.info(path(content)).error == ENOENT)
        return {};
    return removeFileDurably(m_fileSystem, path(content));
}

Status Originals::check(const ContentDigest& content) {
    const Result<std::vector<std::byte>> bytes = readWholeFile(m_fileSystem, path(content), kMaxOriginalBytes);
    if (!bytes)
        return bytes.status();
    if (digestOf(*bytes) != content.digest)
        return Status(StatusCode::Damaged, path(content) + ": its bytes are not those that were imported");
    return {};
}

Result<std::vector<std::string>> Originals::strays(std::span<const ContentDigest> known) {
    std::vector<std::string> names;
    const std::string root = m_workspace + "/docs";
    const Outcome<std::vector<DirectoryEntry>> folders = m_fileSystem.list(root);
    if (folders.error == ENOENT)
        return names;
    if (folders.error != 0)
        return statusOfErrno(folders.error, "list", root);
    for (const DirectoryEntry& folder : folders.value) {
        if (folder.kind != FileKind::Directory)
            continue;
        const Outcome<std::vector<DirectoryEntry>> files = m_fileSystem.list(root + "/" + folder.name);
        if (files.error != 0)
            return statusOfErrno(files.error, "list", root + "/" + folder.name);
        for (const DirectoryEntry& file : files.value) {
            const std::optional<Digest> digest = Digest::fromHex(file.name);
            if (!digest || !std::binary_search(known.begin(), known.end(), ContentDigest{*digest}))
                names.push_back(root + "/" + folder.name + "/" + file.name);
        }
    }
    std::sort(names.begin(), names.end());
    return names;
}

}  // namespace storage
