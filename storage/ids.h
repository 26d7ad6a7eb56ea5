// Strong identifier types: a chunk's id cannot be passed where a KV key is wanted.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace storage {

/// A SHA-256 value.
struct Digest {
    std::array<std::uint8_t, 32> bytes{};

    auto operator<=>(const Digest&) const = default;
    /// 64 lower-case hexadecimal digits.
    std::string hex() const;
    /// Empty unless `text` is exactly 64 hexadecimal digits.
    static std::optional<Digest> fromHex(std::string_view text);
};

/// A digest that names one kind of thing.
template <class Tag>
struct DigestId {
    Digest digest;

    auto operator<=>(const DigestId&) const = default;
    std::string hex() const { return digest.hex(); }
};

/// A database row's number that names one kind of thing; 0 = none.
template <class Tag>
struct RowId {
    std::int64_t value = 0;

    auto operator<=>(const RowId&) const = default;
};

/// SHA-256(document content digest ‖ chunker settings ‖ character range); exists before any model is chosen.
using ChunkId = DigestId<struct ChunkTag>;
/// SHA-256 of an imported file's original bytes.
using ContentDigest = DigestId<struct ContentTag>;
/// SHA-256(fingerprint ‖ anchor token ids ‖ the chunk's token ids, header included).
using KvKey = DigestId<struct KvKeyTag>;
/// Digest over everything that KV depends on besides the tokens; see engine::ModelFingerprint.
using FingerprintId = DigestId<struct FingerprintTag>;

using CollectionId = RowId<struct CollectionTag>;
using DocumentId = RowId<struct DocumentTag>;
using SegmentId = RowId<struct SegmentTag>;

}  // namespace storage

template <class Tag>
struct std::hash<storage::DigestId<Tag>> {
    std::size_t operator()(const storage::DigestId<Tag>& id) const noexcept {
        std::size_t value = 0;  // a digest's first bytes are already uniform
        std::memcpy(&value, id.digest.bytes.data(), sizeof value);
        return value;
    }
};
