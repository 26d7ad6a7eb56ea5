// Bounded reading of ZIP entries.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "engine/types.h"

struct zip;

namespace engine::worker {

/// Owner of libzip's handle; the bytes are borrowed. One thread.
class ZipArchive {
public:
    /// Checks number, declared sizes and ratio of all entries. Errors: Refused (damaged, a bomb).
    static Result<ZipArchive> open(std::string_view bytes);

    bool contains(const std::string& name) const;
    /// The entry's content; what comes out is counted, whatever was declared. Errors: Refused (missing, encrypted, damaged,
    /// a bomb).
    Result<std::string> read(const std::string& name);

private:
    struct Close {
        void operator()(zip* archive) const;
    };

    explicit ZipArchive(zip* archive) : m_archive(archive) {}

    std::unique_ptr<zip, Close> m_archive;
    std::uint64_t m_unpackedBytes = 0;  // of all entries read so far
};

}  // namespace engine::worker
