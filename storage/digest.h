// SHA-256 (libcrypto), incremental and of whole files.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "storage/ids.h"
#include "storage/status.h"

namespace storage {

/// Incremental SHA-256. Not thread-safe; one digest a builder.
class DigestBuilder {
public:
    DigestBuilder();
    ~DigestBuilder();
    DigestBuilder(DigestBuilder&&) noexcept;
    DigestBuilder& operator=(DigestBuilder&&) noexcept;

    DigestBuilder& addBytes(std::span<const std::byte> bytes);
    /// Adds the length as 8 little-endian bytes, then the text, so that ("ab","c") and ("a","bc") differ.
    DigestBuilder& addText(std::string_view text);
    /// Adds 8 little-endian bytes.
    DigestBuilder& addInteger(std::int64_t value);
    /// The digest of all that was added; the builder is spent afterwards.
    Digest finish();

private:
    struct Context;
    std::unique_ptr<Context> m_context;
};

Digest digestOf(std::span<const std::byte> bytes);
/// SHA-256 of a whole regular file, read in blocks of 1 MiB.
Result<Digest> digestOfFile(const std::string& path);

}  // namespace storage
