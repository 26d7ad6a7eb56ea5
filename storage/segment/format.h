// The bytes of a segment file: encoding, decoding and checksums, without any file access. FORMAT.md is the specification.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "storage/records.h"
#include "storage/segment/hash.h"
#include "storage/status.h"

namespace storage {

inline constexpr std::uint32_t kSegmentFormatVersion = 1;
inline constexpr std::uint64_t kBlockBytes = 4096;  // records, layer blocks and headers start at multiples of it
inline constexpr std::uint64_t kMaxHeadBytes = std::uint64_t{1} << 20;
inline constexpr std::uint64_t kMaxFieldsBytes = std::uint64_t{64} << 10;  // of a fingerprint's JSON
inline constexpr int kMaxLayers = 4096;
inline constexpr int kMaxTokens = 1 << 20;

using SegmentUuid = std::array<std::byte, 16>;

inline constexpr std::uint64_t roundUpToBlock(std::uint64_t bytes) {
    return (bytes + kBlockBytes - 1) / kBlockBytes * kBlockBytes;
}

enum class KvHalf : std::uint32_t { K = 0, V = 1 };

/// Constant for the life of a segment file.
struct SegmentHeader {
    SegmentId id;
    SegmentUuid uuid{};
    FingerprintRecord fingerprint;
    std::uint64_t headerBytes = 0;  // set by decoding; the first record starts here
};

/// Where a half's bytes lie and what they must hash to.
struct BlockEntry {
    std::uint64_t offset = 0;  // from the start of the record
    std::uint64_t length = 0;  // without padding
    Hash128 hash;              // location ‖ bytes ‖ (V only) the padding up to the next 4 KiB border
};

struct RecordHead {
    std::uint64_t sequence = 0;
    SegmentUuid uuid{};
    std::uint64_t offset = 0;       // of the record in its segment
    std::uint64_t recordBytes = 0;  // everything, padding included
    KvKey key;
    FingerprintId fingerprint;
    int tokens = 0;
    KvSpec spec;
    std::uint64_t headBytes = 0;      // header + block table + padding
    std::vector<BlockEntry> entries;  // K of layer 0, V of layer 0, K of layer 1, …
};

/// InvalidArgument when the spec or token count is outside what the format can hold.
Status checkShape(const KvSpec& spec, int tokens);

std::uint64_t headBytesOf(const KvSpec& spec);
/// Bytes of one layer block, its padding included.
std::uint64_t layerBlockBytes(const KvSpec& spec, int tokens);
std::uint64_t recordBytesOf(const KvSpec& spec, int tokens);

/// A head with every field but the hashes set.
RecordHead layOutRecord(const KvSpec& spec, int tokens);

std::vector<std::byte> encodeSegmentHeader(const SegmentHeader& header);
std::vector<std::byte> encodeRecordHead(const RecordHead& head);

/// What the first 32 bytes of a header tell; the same in every format version.
struct HeaderPrefix {
    std::uint32_t version = 0;
    std::uint64_t headerBytes = 0;
};
inline constexpr std::size_t kPrefixBytes = 32;

/// Empty when the magic is wrong or the length is impossible.
std::optional<HeaderPrefix> segmentPrefix(std::span<const std::byte> bytes);
std::optional<HeaderPrefix> recordPrefix(std::span<const std::byte> bytes);

/// `bytes` = the whole header as long as its prefix says. Errors: Damaged; Refused when intact but of a newer version.
Result<SegmentHeader> decodeSegmentHeader(std::span<const std::byte> bytes);
/// `bytes` = header, block table and padding. Checks the record's own location. Errors: Damaged.
Result<RecordHead> decodeRecordHead(std::span<const std::byte> bytes, const SegmentHeader& segment, std::uint64_t offset);

/// Starts a half's checksum with its location: segment uuid, record offset, key, layer, half.
void addLocation(Hash128Builder& builder, const RecordHead& head, int layer, KvHalf half);
/// Checksum of K (padding empty) or V with its padding.
Hash128 hashHalf(Hash128Builder& builder, const RecordHead& head, int layer, KvHalf half, std::span<const std::byte> bytes,
                 std::span<const std::byte> padding);

/// "seg-0000000001.kv"
std::string segmentFileName(SegmentId id);
/// Empty unless `name` is exactly what segmentFileName() gives.
std::optional<SegmentId> segmentIdOfName(const std::string& name);

}  // namespace storage
