// Flipped bits and misplaced bytes, in segments and in the index: each is found, none is ever handed on as good.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <random>

#include "storage/kv_store.h"
#include "storage/segment/format.h"
#include "tests/storage/kv_workspace.h"
#include "tests/storage/temporary_directory.h"

namespace storage::testing {
namespace {

namespace fs = std::filesystem;

constexpr int kRecords = 4;

void flipBit(const std::string& path, std::uint64_t bit) {
    const int descriptor = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
    ASSERT_GE(descriptor, 0);
    unsigned char byte = 0;
    const auto offset = static_cast<off_t>(bit / 8);
    ASSERT_EQ(::pread(descriptor, &byte, 1, offset), 1);
    byte = static_cast<unsigned char>(byte ^ (1u << (bit % 8)));
    ASSERT_EQ(::pwrite(descriptor, &byte, 1, offset), 1);
    ::close(descriptor);
}

class KvDamageTest : public ::testing::Test {
protected:
    void SetUp() override {
        open();
        for (int i = 0; i < kRecords; ++i)
            ASSERT_TRUE(putChunk(*m_store, i).ok());
        m_segment = segmentFiles(m_directory.path()).at(0);
    }

    void open() {
        m_store.reset();
        KvStoreOptions options;
        options.directory = m_directory.path();
        Result<std::unique_ptr<KvStore>> opened = KvStore::open(options, *m_fileSystem);
        ASSERT_TRUE(opened.ok()) << opened.status().message();
        m_store = *std::move(opened);
        ASSERT_TRUE(m_store->registerFingerprint(fingerprintOf(0)).ok());
    }

    KvExtent extentOf(int number) { return **m_store->find(fingerprintOf(0).id, keyOf(number)); }

    TemporaryDirectory m_directory;
    std::unique_ptr<FileSystem> m_fileSystem = makePosixFileSystem();
    std::unique_ptr<KvStore> m_store;
    std::string m_segment;
};

TEST_F(KvDamageTest, EveryBitOfARecordsHeaderAndTableIsChecked) {
    const std::uint64_t begin = extentOf(1).recordOffset;
    constexpr std::uint64_t kHeaderAndTable = 160 + 2 * 2 * 32;  // FORMAT.md: header, then 32 bytes per layer and half
    for (std::uint64_t bit = 8 * begin; bit < 8 * (begin + kHeaderAndTable); ++bit) {
        flipBit(m_segment, bit);
        ASSERT_EQ(readBack(*m_store, 1), Answer::Damaged) << "bit " << bit - 8 * begin;
        flipBit(m_segment, bit);
    }
    EXPECT_EQ(readBack(*m_store, 1), Answer::Right);
}

TEST_F(KvDamageTest, EveryBitOfASegmentsHeaderIsChecked) {
    const std::uint64_t used = 108 + fingerprintOf(0).fieldsJson.size();
    for (std::uint64_t bit = 0; bit < 8 * used; ++bit) {
        flipBit(m_segment, bit);
        ASSERT_EQ(readBack(*m_store, 1), Answer::Damaged) << "bit " << bit;
        flipBit(m_segment, bit);
    }
    EXPECT_EQ(readBack(*m_store, 1), Answer::Right);
}

TEST_F(KvDamageTest, EveryByteOfARecordIsChecked) {
    const KvExtent extent = extentOf(2);
    for (std::uint64_t byte = 0; byte < extent.recordBytes; ++byte) {
        const std::uint64_t bit = 8 * (extent.recordOffset + byte) + byte % 8;
        flipBit(m_segment, bit);
        ASSERT_EQ(readBack(*m_store, 2), Answer::Damaged) << "byte " << byte << ", padding included";
        flipBit(m_segment, bit);
    }
    EXPECT_EQ(readBack(*m_store, 2), Answer::Right);
}

TEST_F(KvDamageTest, DamagedLayerIsFoundByVerifyQuarantinedAndRecomputed) {
    std::mt19937_64 random(3);
    for (int round = 0; round < 50; ++round) {
        const KvExtent extent = extentOf(round % kRecords);
        flipBit(segmentFiles(m_directory.path()).at(0), 8 * extent.recordOffset + random() % (8 * extent.recordBytes));
        const Result<KvVerifyReport> report = m_store->verify(0, 1, {}, {});
        ASSERT_TRUE(report.ok());
        ASSERT_EQ(report->damaged.size(), 1u);
        EXPECT_EQ(report->damaged[0].key, extent.key);
        EXPECT_FALSE(report->damaged[0].reason.empty());
        EXPECT_EQ(readBack(*m_store, round % kRecords), Answer::Miss);
        ASSERT_TRUE(putChunk(*m_store, round % kRecords).ok());
        EXPECT_EQ(readBack(*m_store, round % kRecords), Answer::Right);
    }
}

TEST_F(KvDamageTest, SwappedBlocksAreFound) {
    const KvExtent a = extentOf(0);
    const KvExtent b = extentOf(1);
    const std::vector<std::byte> whole = readFile(m_segment);
    const auto swapped = [&](std::uint64_t x, std::uint64_t y, std::uint64_t bytes) {
        std::vector<std::byte> changed = whole;
        std::swap_ranges(changed.begin() + static_cast<std::ptrdiff_t>(x),
                         changed.begin() + static_cast<std::ptrdiff_t>(x + bytes),
                         changed.begin() + static_cast<std::ptrdiff_t>(y));
        writeFile(m_segment, changed);
    };
    swapped(a.recordOffset + 4096, a.recordOffset + 8192, 4096);  // layers 0 and 1 of one record
    EXPECT_EQ(readBack(*m_store, 0), Answer::Damaged);
    swapped(a.recordOffset + 4096, b.recordOffset + 4096, 4096);  // the same layer of two records
    EXPECT_EQ(readBack(*m_store, 0), Answer::Damaged);
    EXPECT_EQ(readBack(*m_store, 1), Answer::Damaged);
    swapped(a.recordOffset + 4096, a.recordOffset + 4096 + 80, 80);  // K and V of one layer
    EXPECT_EQ(readBack(*m_store, 0), Answer::Damaged);
    swapped(a.recordOffset, b.recordOffset, kRecordBytes);  // whole records, each sound in itself
    EXPECT_EQ(readBack(*m_store, 0), Answer::Damaged);
    EXPECT_EQ(readBack(*m_store, 1), Answer::Damaged);
    writeFile(m_segment, whole);
    EXPECT_EQ(readBack(*m_store, 0), Answer::Right);
}

TEST_F(KvDamageTest, RecordCopiedToAnotherSegmentIsFound) {
    // A second store with the same fingerprint and, by chance, the same segment number and offsets, but another uuid.
    const TemporaryDirectory elsewhere;
    KvStoreOptions options;
    options.directory = elsewhere.path();
    Result<std::unique_ptr<KvStore>> other = KvStore::open(options, *m_fileSystem);
    ASSERT_TRUE(other.ok());
    ASSERT_TRUE((*other)->registerFingerprint(fingerprintOf(0)).ok());
    for (int i = 0; i < kRecords; ++i)
        ASSERT_TRUE(putChunk(**other, i).ok());
    const std::vector<std::byte> foreign = readFile(segmentFiles(elsewhere.path()).at(0));
    std::vector<std::byte> bytes = readFile(m_segment);
    ASSERT_EQ(foreign.size(), bytes.size());
    const auto begin = static_cast<std::ptrdiff_t>(extentOf(1).recordOffset);
    std::copy_n(foreign.begin() + begin, kRecordBytes, bytes.begin() + begin);
    writeFile(m_segment, bytes);
    EXPECT_EQ(readBack(*m_store, 1), Answer::Damaged);
    EXPECT_EQ(m_store->rebuildIndex({}, {})->rejected, 1);
}

TEST_F(KvDamageTest, ChecksumsKnowTheirPlace) {
    // The same bytes under any other uuid, offset, key, layer or half hash to something else.
    RecordHead head = layOutRecord(kSpec, kTokens);
    head.key = keyOf(1);
    head.offset = 4096;
    const std::vector<std::byte> bytes(80, std::byte{7});
    Hash128Builder builder;
    const Hash128 here = hashHalf(builder, head, 0, KvHalf::K, bytes, {});
    EXPECT_EQ(hashHalf(builder, head, 0, KvHalf::K, bytes, {}), here);
    EXPECT_NE(hashHalf(builder, head, 1, KvHalf::K, bytes, {}), here);
    EXPECT_NE(hashHalf(builder, head, 0, KvHalf::V, bytes, {}), here);
    RecordHead moved = head;
    moved.offset += 4096;
    EXPECT_NE(hashHalf(builder, moved, 0, KvHalf::K, bytes, {}), here);
    moved = head;
    moved.key = keyOf(2);
    EXPECT_NE(hashHalf(builder, moved, 0, KvHalf::K, bytes, {}), here);
    moved = head;
    moved.uuid[15] = std::byte{1};
    EXPECT_NE(hashHalf(builder, moved, 0, KvHalf::K, bytes, {}), here);
    const std::vector<std::byte> padding(1);
    EXPECT_NE(hashHalf(builder, head, 0, KvHalf::K, bytes, padding), here);
}

TEST_F(KvDamageTest, RandomDamageOfSegmentsIsNeverReadAsGoodAfterRebuilding) {
    m_store.reset();
    const std::vector<std::byte> whole = readFile(m_segment);
    std::mt19937_64 random(5);
    for (int round = 0; round < 100; ++round) {
        std::vector<std::byte> bytes = whole;
        for (int flips = 0; flips < 3; ++flips)
            bytes[random() % bytes.size()] ^= static_cast<std::byte>(1u << (random() % 8));
        fs::create_directories(fs::path(m_segment).parent_path());
        writeFile(m_segment, bytes);
        fs::remove(m_directory.path() + "/kvindex.db");
        open();
        for (int i = 0; i < kRecords; ++i) {
            const Answer answer = readBack(*m_store, i);
            EXPECT_TRUE(answer == Answer::Right || answer == Answer::Miss) << round;
        }
        m_store.reset();
        for (const std::string& path : segmentFiles(m_directory.path()))
            fs::remove(path);
    }
}

TEST_F(KvDamageTest, FlippedBitsInTheIndexNeverGiveWrongBytes) {
    m_store.reset();
    const std::string index = m_directory.path() + "/kvindex.db";
    const std::vector<std::byte> wholeIndex = readFile(index);
    const std::vector<std::byte> wholeSegment = readFile(m_segment);
    std::mt19937_64 random(9);
    int readAsBefore = 0;
    for (int round = 0; round < 500 && !HasFailure(); ++round) {
        const std::uint64_t bit = random() % (8 * wholeIndex.size());
        for (const std::string& path : segmentFiles(m_directory.path()))
            fs::remove(path);
        for (const char* suffix : {"-wal", "-shm", "-journal"})
            fs::remove(index + suffix);
        writeFile(m_segment, wholeSegment);
        writeFile(index, wholeIndex);
        flipBit(index, bit);
        open();
        if (HasFatalFailure())
            FAIL() << "bit " << bit;
        for (int i = 0; i < kRecords; ++i) {
            const Answer answer = readBack(*m_store, i);
            ASSERT_NE(answer, Answer::Wrong) << "bit " << bit << ", record " << i;
            readAsBefore += answer == Answer::Right ? 1 : 0;
            if (answer == Answer::Damaged) {
                const Result<std::optional<KvExtent>> extent = m_store->find(fingerprintOf(0).id, keyOf(i));
                if (extent && extent->has_value())
                    static_cast<void>(m_store->quarantine(**extent, "flipped"));
            }
        }
        // Whatever was hit, the store works again: at once, or after the index was thrown away.
        for (int i = 0; i < kRecords; ++i) {
            Status status = putChunk(*m_store, i);
            if (!status.ok()) {
                open();
                status = putChunk(*m_store, i);
            }
            EXPECT_TRUE(status.ok()) << "bit " << bit << ": " << status.message();
            EXPECT_EQ(readBack(*m_store, i), Answer::Right) << "bit " << bit;
        }
        m_store.reset();
    }
    EXPECT_GT(readAsBefore, 500 * kRecords / 2);
}

TEST_F(KvDamageTest, FlippedRememberedDigestIsForgotten) {
    const FileIdentity file{1, 2, 3, 4, 5};
    const Digest digest = keyOf(77).digest;
    ASSERT_TRUE(m_store->rememberDigest(file, digest).ok());
    m_store.reset();
    const std::string index = m_directory.path() + "/kvindex.db";
    const std::vector<std::byte> whole = readFile(index);
    const auto raw = std::as_bytes(std::span(digest.bytes));
    const auto at = std::search(whole.begin(), whole.end(), raw.begin(), raw.end());
    ASSERT_NE(at, whole.end());
    for (int bit = 0; bit < 256; bit += 5) {
        writeFile(index, whole);
        flipBit(index, 8 * static_cast<std::uint64_t>(at - whole.begin()) + static_cast<std::uint64_t>(bit));
        open();
        EXPECT_FALSE(m_store->rememberedDigest(file)->has_value()) << bit;
        m_store.reset();
    }
}

}  // namespace
}  // namespace storage::testing
