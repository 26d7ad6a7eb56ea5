// Little-endian fields at fixed offsets; see FORMAT.md for the tables that these offsets mirror.
#include "storage/segment/format.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <utility>

namespace storage {
namespace {

constexpr char kSegmentMagic[] = "CBKVSEG";  // with its terminating zero: 8 bytes
constexpr char kRecordMagic[] = "CBKVREC";
static_assert(sizeof kSegmentMagic == 8 && sizeof kRecordMagic == 8);

// Common to both headers: magic 0, version 8, header bytes 12, header hash 16.
constexpr std::size_t kHashAt = 16;
// Segment header.
constexpr std::size_t kSegmentIdAt = 32;
constexpr std::size_t kSegmentUuidAt = 40;
constexpr std::size_t kSegmentFingerprintAt = 56;
constexpr std::size_t kSegmentSpecAt = 88;  // layers, kv heads, head dim, dtype
constexpr std::size_t kFieldsBytesAt = 104;
constexpr std::size_t kFieldsAt = 108;
// Record header.
constexpr std::size_t kSequenceAt = 32;
constexpr std::size_t kRecordUuidAt = 40;
constexpr std::size_t kOffsetAt = 56;
constexpr std::size_t kRecordBytesAt = 64;
constexpr std::size_t kKeyAt = 72;
constexpr std::size_t kRecordFingerprintAt = 104;
constexpr std::size_t kRecordSpecAt = 136;
constexpr std::size_t kTokensAt = 152;
constexpr std::size_t kTableAt = 156;     // where the block table starts
constexpr std::size_t kTableStart = 160;  // what version 1 writes there
constexpr std::size_t kEntryBytes = 32;   // offset 0, length 8, hash 16

template <class Integer>
void put(std::span<std::byte> bytes, std::size_t at, Integer value) {
    for (std::size_t i = 0; i < sizeof value; ++i)
        bytes[at + i] = static_cast<std::byte>(value >> (8 * i));
}

template <class Integer>
Integer get(std::span<const std::byte> bytes, std::size_t at) {
    Integer value = 0;
    for (std::size_t i = 0; i < sizeof value; ++i)
        value = static_cast<Integer>(value | static_cast<Integer>(static_cast<Integer>(bytes[at + i]) << (8 * i)));
    return value;
}

template <class Array>
void putArray(std::span<std::byte> bytes, std::size_t at, const Array& array) {
    std::memcpy(bytes.data() + at, array.data(), array.size());
}

template <class Array>
void getArray(std::span<const std::byte> bytes, std::size_t at, Array& array) {
    std::memcpy(array.data(), bytes.data() + at, array.size());
}

void putSpec(std::span<std::byte> bytes, std::size_t at, const KvSpec& spec) {
    put(bytes, at, static_cast<std::uint32_t>(spec.layers));
    put(bytes, at + 4, static_cast<std::uint32_t>(spec.kvHeads));
    put(bytes, at + 8, static_cast<std::uint32_t>(spec.headDim));
    put(bytes, at + 12, static_cast<std::uint32_t>(spec.dtype));
}

/// False when a number does not fit the type that holds it.
bool getSpec(std::span<const std::byte> bytes, std::size_t at, KvSpec& spec) {
    const auto layers = get<std::uint32_t>(bytes, at);
    const auto kvHeads = get<std::uint32_t>(bytes, at + 4);
    const auto headDim = get<std::uint32_t>(bytes, at + 8);
    const auto dtype = get<std::uint32_t>(bytes, at + 12);
    constexpr std::uint32_t kLimit = 1u << 20;
    if (layers > kLimit || kvHeads > kLimit || headDim > kLimit || dtype > static_cast<std::uint32_t>(KvDtype::Int8))
        return false;
    spec.layers = static_cast<int>(layers);
    spec.kvHeads = static_cast<int>(kvHeads);
    spec.headDim = static_cast<int>(headDim);
    spec.dtype = static_cast<KvDtype>(dtype);
    return true;
}

std::optional<HeaderPrefix> prefix(std::span<const std::byte> bytes, const char (&magic)[8], std::uint64_t maxBytes) {
    if (bytes.size() < kPrefixBytes || std::memcmp(bytes.data(), magic, sizeof magic) != 0)
        return std::nullopt;
    HeaderPrefix result{get<std::uint32_t>(bytes, 8), get<std::uint32_t>(bytes, 12)};
    if (result.headerBytes == 0 || result.headerBytes % kBlockBytes != 0 || result.headerBytes > maxBytes)
        return std::nullopt;
    return result;
}

/// XXH3-128 of a header whose own hash field counts as zeros.
Hash128 headerHash(std::span<const std::byte> bytes) {
    static constexpr std::array<std::byte, 16> kZeros{};
    return Hash128Builder().add(bytes.first(kHashAt)).add(kZeros).add(bytes.subspan(kHashAt + 16)).finish();
}

bool headerHashHolds(std::span<const std::byte> bytes) {
    Hash128 stored;
    getArray(bytes, kHashAt, stored.bytes);
    return stored == headerHash(bytes);
}

Status damaged(std::string message) { return Status(StatusCode::Damaged, std::move(message)); }

}  // namespace

Status checkShape(const KvSpec& spec, int tokens) {
    constexpr int kMaxSide = 1 << 16;
    constexpr std::int64_t kMaxRow = 1 << 24;  // elements of one token: keeps every size below 2^59
    if (spec.layers < 1 || spec.layers > kMaxLayers || spec.kvHeads < 1 || spec.kvHeads > kMaxSide || spec.headDim < 1 ||
        spec.headDim > kMaxSide || spec.kvHeads * static_cast<std::int64_t>(spec.headDim) > kMaxRow)
        return Status(StatusCode::InvalidArgument, "a KV spec of " + std::to_string(spec.layers) + " layers, " +
                                                       std::to_string(spec.kvHeads) + " heads of " +
                                                       std::to_string(spec.headDim) + " is outside what a segment can hold");
    if (tokens < 1 || tokens > kMaxTokens)
        return Status(StatusCode::InvalidArgument, "a record of " + std::to_string(tokens) + " tokens cannot be stored");
    return {};
}

std::uint64_t headBytesOf(const KvSpec& spec) {
    return roundUpToBlock(kTableStart + 2 * static_cast<std::uint64_t>(spec.layers) * kEntryBytes);
}

std::uint64_t layerBlockBytes(const KvSpec& spec, int tokens) { return roundUpToBlock(2 * kvSliceBytes(spec, tokens)); }

std::uint64_t recordBytesOf(const KvSpec& spec, int tokens) {
    return headBytesOf(spec) + static_cast<std::uint64_t>(spec.layers) * layerBlockBytes(spec, tokens);
}

RecordHead layOutRecord(const KvSpec& spec, int tokens) {
    RecordHead head;
    head.tokens = tokens;
    head.spec = spec;
    head.headBytes = headBytesOf(spec);
    head.recordBytes = recordBytesOf(spec, tokens);
    const std::uint64_t slice = kvSliceBytes(spec, tokens);
    const std::uint64_t block = layerBlockBytes(spec, tokens);
    head.entries.reserve(2 * static_cast<std::size_t>(spec.layers));
    for (int layer = 0; layer < spec.layers; ++layer) {
        const std::uint64_t start = head.headBytes + static_cast<std::uint64_t>(layer) * block;
        head.entries.push_back({start, slice, {}});
        head.entries.push_back({start + slice, slice, {}});
    }
    return head;
}

std::vector<std::byte> encodeSegmentHeader(const SegmentHeader& header) {
    const std::string& fields = header.fingerprint.fieldsJson;
    std::vector<std::byte> bytes(roundUpToBlock(kFieldsAt + fields.size()));
    std::memcpy(bytes.data(), kSegmentMagic, sizeof kSegmentMagic);
    put(bytes, 8, kSegmentFormatVersion);
    put(bytes, 12, static_cast<std::uint32_t>(bytes.size()));
    put(bytes, kSegmentIdAt, static_cast<std::uint64_t>(header.id.value));
    putArray(bytes, kSegmentUuidAt, header.uuid);
    putArray(bytes, kSegmentFingerprintAt, header.fingerprint.id.digest.bytes);
    putSpec(bytes, kSegmentSpecAt, header.fingerprint.spec);
    put(bytes, kFieldsBytesAt, static_cast<std::uint32_t>(fields.size()));
    putArray(bytes, kFieldsAt, fields);
    putArray(bytes, kHashAt, headerHash(bytes).bytes);
    return bytes;
}

std::vector<std::byte> encodeRecordHead(const RecordHead& head) {
    std::vector<std::byte> bytes(head.headBytes);
    std::memcpy(bytes.data(), kRecordMagic, sizeof kRecordMagic);
    put(bytes, 8, kSegmentFormatVersion);
    put(bytes, 12, static_cast<std::uint32_t>(bytes.size()));
    put(bytes, kSequenceAt, head.sequence);
    putArray(bytes, kRecordUuidAt, head.uuid);
    put(bytes, kOffsetAt, head.offset);
    put(bytes, kRecordBytesAt, head.recordBytes);
    putArray(bytes, kKeyAt, head.key.digest.bytes);
    putArray(bytes, kRecordFingerprintAt, head.fingerprint.digest.bytes);
    putSpec(bytes, kRecordSpecAt, head.spec);
    put(bytes, kTokensAt, static_cast<std::uint32_t>(head.tokens));
    put(bytes, kTableAt, static_cast<std::uint32_t>(kTableStart));
    std::size_t at = kTableStart;
    for (const BlockEntry& entry : head.entries) {
        put(bytes, at, entry.offset);
        put(bytes, at + 8, entry.length);
        putArray(bytes, at + 16, entry.hash.bytes);
        at += kEntryBytes;
    }
    putArray(bytes, kHashAt, headerHash(bytes).bytes);
    return bytes;
}

std::optional<HeaderPrefix> segmentPrefix(std::span<const std::byte> bytes) {
    return prefix(bytes, kSegmentMagic, kMaxHeadBytes);
}

std::optional<HeaderPrefix> recordPrefix(std::span<const std::byte> bytes) {
    return prefix(bytes, kRecordMagic, kMaxHeadBytes);
}

Result<SegmentHeader> decodeSegmentHeader(std::span<const std::byte> bytes) {
    const std::optional<HeaderPrefix> start = segmentPrefix(bytes);
    if (!start || start->headerBytes != bytes.size())
        return damaged("the segment's header is not one");
    if (!headerHashHolds(bytes))
        return damaged("the segment header's checksum does not hold");
    if (start->version > kSegmentFormatVersion)
        return Status(StatusCode::Refused, "the segment has format version " + std::to_string(start->version) +
                                               "; this program reads up to " + std::to_string(kSegmentFormatVersion) +
                                               ": use the newer program that wrote it");
    SegmentHeader header;
    header.headerBytes = bytes.size();
    header.id.value = static_cast<std::int64_t>(get<std::uint64_t>(bytes, kSegmentIdAt));
    getArray(bytes, kSegmentUuidAt, header.uuid);
    getArray(bytes, kSegmentFingerprintAt, header.fingerprint.id.digest.bytes);
    const std::uint64_t fieldsBytes = get<std::uint32_t>(bytes, kFieldsBytesAt);
    if (!getSpec(bytes, kSegmentSpecAt, header.fingerprint.spec) || !checkShape(header.fingerprint.spec, 1).ok() ||
        fieldsBytes > bytes.size() - kFieldsAt)
        return damaged("the segment's header has impossible fields");
    header.fingerprint.fieldsJson.assign(reinterpret_cast<const char*>(bytes.data() + kFieldsAt), fieldsBytes);
    return header;
}

Result<RecordHead> decodeRecordHead(std::span<const std::byte> bytes, const SegmentHeader& segment, std::uint64_t offset) {
    const std::optional<HeaderPrefix> start = recordPrefix(bytes);
    if (!start || start->headerBytes != bytes.size())
        return damaged("no record starts at offset " + std::to_string(offset));
    if (!headerHashHolds(bytes))
        return damaged("record at offset " + std::to_string(offset) + ": the header's checksum does not hold");
    RecordHead head;
    head.headBytes = bytes.size();
    head.sequence = get<std::uint64_t>(bytes, kSequenceAt);
    getArray(bytes, kRecordUuidAt, head.uuid);
    head.offset = get<std::uint64_t>(bytes, kOffsetAt);
    head.recordBytes = get<std::uint64_t>(bytes, kRecordBytesAt);
    getArray(bytes, kKeyAt, head.key.digest.bytes);
    getArray(bytes, kRecordFingerprintAt, head.fingerprint.digest.bytes);
    const auto tokens = get<std::uint32_t>(bytes, kTokensAt);
    const bool sizesFit = getSpec(bytes, kRecordSpecAt, head.spec) && tokens <= static_cast<std::uint32_t>(kMaxTokens);
    head.tokens = static_cast<int>(tokens);
    if (start->version != kSegmentFormatVersion || !sizesFit || !checkShape(head.spec, head.tokens).ok())
        return damaged("record at offset " + std::to_string(offset) + ": the header has impossible fields");
    if (head.uuid != segment.uuid || head.offset != offset || head.fingerprint != segment.fingerprint.id ||
        !(head.spec == segment.fingerprint.spec))
        return damaged("record at offset " + std::to_string(offset) + ": it belongs to another place");
    RecordHead expected = layOutRecord(head.spec, head.tokens);
    if (head.headBytes != expected.headBytes || head.recordBytes != expected.recordBytes ||
        get<std::uint32_t>(bytes, kTableAt) != kTableStart)
        return damaged("record at offset " + std::to_string(offset) + ": the header's sizes disagree");
    std::size_t at = kTableStart;
    for (BlockEntry& entry : expected.entries) {
        if (get<std::uint64_t>(bytes, at) != entry.offset || get<std::uint64_t>(bytes, at + 8) != entry.length)
            return damaged("record at offset " + std::to_string(offset) + ": the block table disagrees with its shape");
        getArray(bytes, at + 16, entry.hash.bytes);
        at += kEntryBytes;
    }
    head.entries = std::move(expected.entries);
    return head;
}

void addLocation(Hash128Builder& builder, const RecordHead& head, int layer, KvHalf half) {
    std::array<std::byte, 64> location{};
    putArray(location, 0, head.uuid);
    put(location, 16, head.offset);
    putArray(location, 24, head.key.digest.bytes);
    put(location, 56, static_cast<std::uint32_t>(layer));
    put(location, 60, static_cast<std::uint32_t>(half));
    builder.add(location);
}

Hash128 hashHalf(Hash128Builder& builder, const RecordHead& head, int layer, KvHalf half, std::span<const std::byte> bytes,
                 std::span<const std::byte> padding) {
    addLocation(builder, head, layer, half);
    return builder.add(bytes).add(padding).finish();
}

std::string segmentFileName(SegmentId id) {
    char name[40];
    std::snprintf(name, sizeof name, "seg-%010lld.kv", static_cast<long long>(id.value));
    return name;
}

std::optional<SegmentId> segmentIdOfName(const std::string& name) {
    if (name.size() < 17 || name.size() > 26 || !name.starts_with("seg-") || !name.ends_with(".kv"))
        return std::nullopt;
    SegmentId id;
    for (const char c : std::string_view(name).substr(4, name.size() - 7)) {
        if (c < '0' || c > '9')
            return std::nullopt;
        id.value = id.value * 10 + (c - '0');
        if (id.value > std::int64_t{1} << 52)
            return std::nullopt;
    }
    if (id.value <= 0 || segmentFileName(id) != name)
        return std::nullopt;
    return id;
}

}  // namespace storage
