// Cap, eviction, pins, compaction.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

#include "storage/kv_store.h"
#include "tests/storage/kv_workspace.h"
#include "tests/storage/temporary_directory.h"

namespace storage::testing {
namespace {

// Under a small cap every record gets a segment of its own (segments take at most a sixteenth of the cap, but at least 64
// KiB).
constexpr std::uint64_t kOwnSegment = kRecordBytes + kHeaderBytes;

class KvSpaceTest : public ::testing::Test {
protected:
    void open(std::uint64_t capBytes, std::uint64_t segmentBytes) {
        m_store.reset();
        KvStoreOptions options;
        options.directory = m_directory.path();
        options.capBytes = capBytes;
        options.segmentBytes = segmentBytes;
        Result<std::unique_ptr<KvStore>> opened = KvStore::open(options, *m_fileSystem);
        ASSERT_TRUE(opened.ok()) << opened.status().message();
        m_store = *std::move(opened);
        ASSERT_TRUE(m_store->registerFingerprint(fingerprintOf(0)).ok());
    }

    void put(int number) {
        const Status status = putChunk(*m_store, number);
        ASSERT_TRUE(status.ok()) << number << ": " << status.message();
    }

    void touch(int number) {
        const Result<std::optional<KvExtent>> extent = m_store->find(fingerprintOf(0).id, keyOf(number));
        ASSERT_TRUE(extent && extent->has_value());
        ASSERT_TRUE(m_store->touch(std::span(&**extent, 1)).ok());
    }

    void pin(int number) {
        const KvKey key = keyOf(number);
        ASSERT_TRUE(m_store->pin(fingerprintOf(0).id, std::span(&key, 1)).ok());
    }

    void unpin(int number) {
        const KvKey key = keyOf(number);
        ASSERT_TRUE(m_store->unpin(fingerprintOf(0).id, std::span(&key, 1)).ok());
    }

    void remove(int number) {
        const KvKey key = keyOf(number);
        ASSERT_TRUE(m_store->remove(fingerprintOf(0).id, std::span(&key, 1)).ok());
    }

    std::set<int> present(int count) {
        std::set<int> numbers;
        for (int i = 0; i < count; ++i) {
            const Answer answer = readBack(*m_store, i);
            EXPECT_TRUE(answer == Answer::Right || answer == Answer::Miss) << i;
            if (answer == Answer::Right)
                numbers.insert(i);
        }
        return numbers;
    }

    TemporaryDirectory m_directory;
    std::unique_ptr<FileSystem> m_fileSystem = makePosixFileSystem();
    std::unique_ptr<KvStore> m_store;
};

TEST_F(KvSpaceTest, LeastRecentlyUsedGoesFirst) {
    open(4 * kOwnSegment, kRecordBytes);
    for (int i = 0; i < 4; ++i)
        put(i);
    touch(0);
    put(4);
    EXPECT_EQ(present(5), (std::set<int>{0, 2, 3, 4}));
    put(5);
    EXPECT_EQ(present(6), (std::set<int>{0, 3, 4, 5}));
}

TEST_F(KvSpaceTest, UseIsRememberedOverSessions) {
    open(4 * kOwnSegment, kRecordBytes);
    for (int i = 0; i < 4; ++i)
        put(i);
    touch(0);
    open(4 * kOwnSegment, kRecordBytes);
    put(4);
    EXPECT_EQ(present(5), (std::set<int>{0, 2, 3, 4}));
}

TEST_F(KvSpaceTest, FindDoesNotCountAsUse) {
    open(3 * kOwnSegment, kRecordBytes);
    for (int i = 0; i < 3; ++i)
        put(i);
    ASSERT_TRUE(m_store->find(fingerprintOf(0).id, keyOf(0))->has_value());
    put(3);
    EXPECT_EQ(present(4), (std::set<int>{1, 2, 3}));
}

TEST_F(KvSpaceTest, PinnedRecordsAreNeverEvicted) {
    open(4 * kOwnSegment, kRecordBytes);
    for (int i = 0; i < 4; ++i)
        put(i);
    pin(0);
    pin(1);
    for (int i = 4; i < 20; ++i)
        put(i);
    EXPECT_EQ(present(20), (std::set<int>{0, 1, 18, 19}));
    ASSERT_TRUE(m_store->evictTo(0, {}).ok());
    EXPECT_EQ(present(20), (std::set<int>{0, 1}));
    unpin(0);
    ASSERT_TRUE(m_store->evictTo(0, {}).ok());
    EXPECT_EQ(present(20), (std::set<int>{1}));
}

TEST_F(KvSpaceTest, OnlyPinnedLeftMeansNoSpaceAndNothingIsLost) {
    open(3 * kOwnSegment, kRecordBytes);
    for (int i = 0; i < 3; ++i) {
        put(i);
        pin(i);
    }
    const Status status = putChunk(*m_store, 3);
    EXPECT_EQ(status.code(), StatusCode::NoSpace);
    EXPECT_NE(status.message().find("bytes"), std::string::npos) << status.message();
    EXPECT_EQ(present(4), (std::set<int>{0, 1, 2}));
    unpin(1);
    put(3);
    EXPECT_EQ(present(4), (std::set<int>{0, 2, 3}));
}

TEST_F(KvSpaceTest, RecordGreaterThanTheCapIsNoSpaceAndEvictsNothing) {
    open(3 * kOwnSegment, kRecordBytes);
    put(0);
    put(1);
    const FingerprintRecord large = fingerprintOf(1, {64, 2, 64, KvDtype::F32});
    ASSERT_TRUE(m_store->registerFingerprint(large).ok());
    EXPECT_EQ(putChunk(*m_store, large, 1).code(), StatusCode::NoSpace);
    EXPECT_EQ(present(2), (std::set<int>{0, 1}));
}

TEST_F(KvSpaceTest, EvictToFreesDiskBytes) {
    open(0, 64 * kRecordBytes);
    for (int i = 0; i < 20; ++i)
        put(i);
    const std::uint64_t before = segmentBytesOnDisk(m_directory.path());
    const std::uint64_t target = kHeaderBytes * 2 + 5 * kRecordBytes;
    const Result<std::uint64_t> freed = m_store->evictTo(target, {});
    ASSERT_TRUE(freed.ok()) << freed.status().message();
    EXPECT_LE(segmentBytesOnDisk(m_directory.path()), target);
    EXPECT_EQ(*freed, before - segmentBytesOnDisk(m_directory.path()));
    EXPECT_EQ(present(20), (std::set<int>{15, 16, 17, 18, 19}));
    ASSERT_TRUE(m_store->evictTo(0, {}).ok());
    EXPECT_TRUE(segmentFiles(m_directory.path()).empty());
    put(30);
    EXPECT_EQ(readBack(*m_store, 30), Answer::Right);
}

TEST_F(KvSpaceTest, CompactionKeepsRecordsAndFreesGarbage) {
    open(0, 8 * kRecordBytes);
    for (int i = 0; i < 24; ++i)
        put(i);
    for (int i = 0; i < 24; ++i)
        if (i % 4 != 1)
            remove(i);
    pin(9);
    const std::uint64_t before = segmentBytesOnDisk(m_directory.path());
    const Result<KvCompactReport> report = m_store->compact({}, {});
    ASSERT_TRUE(report.ok()) << report.status().message();
    EXPECT_EQ(report->movedRecords, 6);
    EXPECT_EQ(report->reclaimedBytes, before - segmentBytesOnDisk(m_directory.path()));
    EXPECT_EQ(segmentBytesOnDisk(m_directory.path()), kHeaderBytes + 6 * kRecordBytes);
    EXPECT_EQ(present(24), (std::set<int>{1, 5, 9, 13, 17, 21}));
    EXPECT_EQ(m_store->stats()->fingerprints.at(0).pinned, 1);
    EXPECT_EQ(m_store->compact({}, {})->movedRecords, 0) << "nothing is left to do";
    open(0, 8 * kRecordBytes);
    EXPECT_EQ(present(24), (std::set<int>{1, 5, 9, 13, 17, 21}));
    EXPECT_TRUE(m_store->verify(0, 1, {}, {})->damaged.empty());
}

TEST_F(KvSpaceTest, ReaderWithAnOldPlaceNeverGetsOtherBytes) {
    open(0, 8 * kRecordBytes);
    for (int i = 0; i < 6; ++i)
        put(i);
    const KvExtent extent = **m_store->find(fingerprintOf(0).id, keyOf(5));
    const std::unique_ptr<KvReader> warm = m_store->reader();
    const std::unique_ptr<KvReader> cold = m_store->reader();
    std::vector<std::byte> block(160);
    ASSERT_TRUE(warm->readLayer(extent, 0, block).ok());
    for (int i = 0; i < 4; ++i)
        remove(i);
    ASSERT_TRUE(m_store->compact({}, {}).ok());
    ASSERT_FALSE((*m_store->find(fingerprintOf(0).id, keyOf(5)))->segment == extent.segment);
    EXPECT_TRUE(warm->readLayer(extent, 1, block).ok()) << "an open descriptor still reads the published bytes";
    EXPECT_EQ(cold->readLayer(extent, 1, block).code(), StatusCode::Damaged) << "a removed segment is a miss";
    EXPECT_EQ(readBack(*m_store, 5), Answer::Right);
}

TEST_F(KvSpaceTest, CompactionQuarantinesWhatItFindsDamaged) {
    open(0, 8 * kRecordBytes);
    for (int i = 0; i < 5; ++i)
        put(i);
    const KvExtent extent = **m_store->find(fingerprintOf(0).id, keyOf(2));
    const std::string segment = segmentFiles(m_directory.path())[0];
    std::vector<std::byte> bytes = readFile(segment);
    bytes[extent.recordOffset + 4096 + 3] ^= std::byte{0x40};
    writeFile(segment, bytes);
    remove(0);
    remove(1);
    ASSERT_TRUE(m_store->compact({}, {}).ok());
    EXPECT_EQ(present(5), (std::set<int>{3, 4}));
    EXPECT_EQ(m_store->stats()->quarantined, 1);
}

TEST_F(KvSpaceTest, AnyMixtureOfCallsKeepsCapPinsAndBytes) {
    constexpr std::uint64_t kCap = 40 * kRecordBytes;
    open(kCap, 6 * kRecordBytes);
    std::mt19937_64 random(11);
    std::set<int> pinned;
    for (int step = 0; step < 1500; ++step) {
        const int number = static_cast<int>(random() % 60);
        const bool there = readBack(*m_store, number) == Answer::Right;
        switch (random() % 10) {
            case 0:
                if (there && pinned.size() < 12) {
                    pin(number);
                    pinned.insert(number);
                }
                break;
            case 1:
                unpin(number);
                pinned.erase(number);
                break;
            case 2:
                remove(number);
                pinned.erase(number);
                break;
            case 3:
                if (there)
                    touch(number);
                break;
            case 4:
                if (step % 3 == 0) {
                    ASSERT_TRUE(m_store->compact({}, {}).ok());
                }
                break;
            case 5:
                if (step % 5 == 0)
                    open(kCap, 6 * kRecordBytes);
                break;
            default: {
                const Status status = putChunk(*m_store, number);
                ASSERT_TRUE(status.ok()) << "step " << step << ": " << status.message();
                EXPECT_EQ(readBack(*m_store, number), Answer::Right);
            }
        }
        ASSERT_LE(segmentBytesOnDisk(m_directory.path()), kCap) << "step " << step;
        for (const int kept : pinned)
            ASSERT_EQ(readBack(*m_store, kept), Answer::Right) << "step " << step << ", pinned " << kept;
    }
    EXPECT_TRUE(m_store->verify(0, 1, {}, {})->damaged.empty());
}

TEST_F(KvSpaceTest, CapIsMostlyUsed) {
    constexpr std::uint64_t kCap = 400 * kRecordBytes;
    open(kCap, 64 * kRecordBytes);
    for (int i = 0; i < 700; ++i)
        put(i);
    EXPECT_GE(m_store->stats()->liveBytes, kCap / 100 * 85) << "eviction gives up at most a segment's share of the cap";
}

}  // namespace
}  // namespace storage::testing
