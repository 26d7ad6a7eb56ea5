// Encoding and decoding of segment bytes, without a store around them.
#include "storage/segment/format.h"

#include <gtest/gtest.h>

#include <random>

#include "storage/os/file_io.h"
#include "storage/segment/reader.h"
#include "storage/segment/writer.h"
#include "tests/storage/kv_workspace.h"
#include "tests/storage/recorded_disk.h"
#include "tests/storage/temporary_directory.h"

namespace storage::testing {
namespace {

SegmentHeader headerOf(const FingerprintRecord& fingerprint) {
    SegmentHeader header;
    header.id = SegmentId{3};
    for (std::size_t i = 0; i < header.uuid.size(); ++i)
        header.uuid[i] = static_cast<std::byte>(i);
    header.fingerprint = fingerprint;
    header.headerBytes = 4096;
    return header;
}

TEST(SegmentFormatTest, SegmentHeaderSurvivesEncoding) {
    FingerprintRecord fingerprint = fingerprintOf(1);
    for (const std::size_t fields :
         {std::size_t{0}, std::size_t{20}, std::size_t{3988}, std::size_t{3989}, std::size_t{60'000}}) {
        fingerprint.fieldsJson = std::string(fields, '#');
        const std::vector<std::byte> bytes = encodeSegmentHeader(headerOf(fingerprint));
        EXPECT_EQ(bytes.size() % 4096, 0u);
        EXPECT_EQ(bytes.size(), fields <= 3988 ? 4096u : roundUpToBlock(108 + fields));
        const Result<SegmentHeader> decoded = decodeSegmentHeader(bytes);
        ASSERT_TRUE(decoded.ok()) << decoded.status().message();
        EXPECT_EQ(decoded->id, SegmentId{3});
        EXPECT_EQ(decoded->fingerprint.id, fingerprint.id);
        EXPECT_EQ(decoded->fingerprint.spec, fingerprint.spec);
        EXPECT_EQ(decoded->fingerprint.fieldsJson, fingerprint.fieldsJson);
        EXPECT_EQ(decoded->uuid, headerOf(fingerprint).uuid);
        EXPECT_EQ(decoded->headerBytes, bytes.size());
    }
}

TEST(SegmentFormatTest, RecordHeadSurvivesEncodingAndBelongsToOnePlace) {
    const SegmentHeader segment = headerOf(fingerprintOf(1));
    RecordHead head = layOutRecord(kSpec, kTokens);
    head.sequence = 77;
    head.uuid = segment.uuid;
    head.offset = 8192;
    head.key = keyOf(1);
    head.fingerprint = segment.fingerprint.id;
    head.entries[3].hash.bytes[0] = std::byte{9};
    const std::vector<std::byte> bytes = encodeRecordHead(head);
    const Result<RecordHead> decoded = decodeRecordHead(bytes, segment, 8192);
    ASSERT_TRUE(decoded.ok()) << decoded.status().message();
    EXPECT_EQ(decoded->sequence, 77u);
    EXPECT_EQ(decoded->key, keyOf(1));
    EXPECT_EQ(decoded->tokens, kTokens);
    EXPECT_EQ(decoded->recordBytes, kRecordBytes);
    EXPECT_EQ(decoded->entries[3].hash, head.entries[3].hash);
    EXPECT_EQ(decodeRecordHead(bytes, segment, 4096).status().code(), StatusCode::Damaged);
    SegmentHeader other = segment;
    other.uuid[0] = std::byte{99};
    EXPECT_EQ(decodeRecordHead(bytes, other, 8192).status().code(), StatusCode::Damaged);
    other = segment;
    other.fingerprint = fingerprintOf(2);
    EXPECT_EQ(decodeRecordHead(bytes, other, 8192).status().code(), StatusCode::Damaged);
    other = segment;
    other.fingerprint.spec.headDim = 8;
    EXPECT_EQ(decodeRecordHead(bytes, other, 8192).status().code(), StatusCode::Damaged);
}

TEST(SegmentFormatTest, AnyBytesAreDecodedOrRefusedWithoutHarm) {
    // The hash is made right again after each change, so that the fields behind it are really looked at.
    const SegmentHeader segment = headerOf(fingerprintOf(1));
    RecordHead head = layOutRecord(kSpec, kTokens);
    head.uuid = segment.uuid;
    head.offset = 4096;
    head.fingerprint = segment.fingerprint.id;
    const std::vector<std::byte> wholeHead = encodeRecordHead(head);
    const std::vector<std::byte> wholeSegment = encodeSegmentHeader(segment);
    std::mt19937_64 random(1);
    for (int round = 0; round < 20'000; ++round) {
        std::vector<std::byte> bytes = round % 2 == 0 ? wholeHead : wholeSegment;
        for (int i = 0; i < 1 + round % 3; ++i)
            bytes[random() % 300] = static_cast<std::byte>(random());
        std::fill_n(bytes.begin() + 16, 16, std::byte{0});
        const Hash128 hash = Hash128Builder().add(bytes).finish();
        std::copy(hash.bytes.begin(), hash.bytes.end(), bytes.begin() + 16);
        if (const Result<SegmentHeader> decoded = decodeSegmentHeader(bytes); decoded) {
            EXPECT_TRUE(checkShape(decoded->fingerprint.spec, 1).ok());
        }
        if (const Result<RecordHead> decoded = decodeRecordHead(bytes, segment, 4096); decoded) {
            EXPECT_EQ(decoded->recordBytes, recordBytesOf(decoded->spec, decoded->tokens));
        }
    }
}

TEST(SegmentFormatTest, ShapesBeyondTheFormatAreInvalid) {
    for (const KvSpec& spec :
         {KvSpec{0, 1, 1, KvDtype::F16}, KvSpec{1, 0, 1, KvDtype::F16}, KvSpec{1, 1, 0, KvDtype::F16},
          KvSpec{-1, 1, 1, KvDtype::F16}, KvSpec{4097, 1, 1, KvDtype::F16}, KvSpec{1, 65'536, 65'536, KvDtype::F16}})
        EXPECT_EQ(checkShape(spec, 1).code(), StatusCode::InvalidArgument);
    EXPECT_EQ(checkShape(kSpec, 0).code(), StatusCode::InvalidArgument);
    EXPECT_EQ(checkShape(kSpec, kMaxTokens + 1).code(), StatusCode::InvalidArgument);
    // The greatest shape's sizes still fit 64 bits with room to spare.
    const KvSpec greatest{kMaxLayers, 4096, 4096, KvDtype::F32};
    ASSERT_TRUE(checkShape(greatest, kMaxTokens).ok());
    EXPECT_LT(recordBytesOf(greatest, kMaxTokens), std::uint64_t{1} << 62);
}

TEST(SegmentFormatTest, NamesOfSegmentsAreExact) {
    EXPECT_EQ(segmentFileName(SegmentId{1}), "seg-0000000001.kv");
    EXPECT_EQ(segmentIdOfName("seg-0000000001.kv"), SegmentId{1});
    EXPECT_EQ(segmentIdOfName(segmentFileName(SegmentId{123'456'789'012})), SegmentId{123'456'789'012});
    for (const char* name : {"seg-1.kv", "seg-0000000001.kv~", "seg-000000000a.kv", "seg-00000000001.kv",
                             "seg-0000000000.kv", "xseg-0000000001.kv", "seg--000000001.kv", ""})
        EXPECT_FALSE(segmentIdOfName(name).has_value()) << name;
}

TEST(SegmentFormatTest, FailedSyncSpendsTheWriter) {
    const TemporaryDirectory directory;
    RecordedDisk disk;
    const FingerprintRecord fingerprint = fingerprintOf(1);
    Result<std::unique_ptr<SegmentWriter>> writer =
        SegmentWriter::create(disk.fileSystem(), directory.path() + "/seg-0000000003.kv", headerOf(fingerprint));
    ASSERT_TRUE(writer.ok());
    const std::vector<std::vector<std::byte>> slices = slicesOf(fingerprint, 1);
    const std::vector<std::span<const std::byte>> views(slices.begin(), slices.end());
    ASSERT_TRUE((*writer)->append(1, keyOf(1), kTokens, views).ok());
    disk.failAt(CallClass::Write, 1, Fault::Device);
    EXPECT_EQ((*writer)->sync().code(), StatusCode::IoError);
    disk.failAt(CallClass::Write, 0, Fault::None);
    EXPECT_FALSE((*writer)->sync().ok());
    EXPECT_FALSE((*writer)->append(2, keyOf(2), kTokens, views).ok());
    EXPECT_EQ(disk.retriedSyncs(), 0);
    EXPECT_TRUE((*writer)->failed());
}

}  // namespace
}  // namespace storage::testing
