// Opening after accidents: segments deleted, cut, replaced; indexes damaged; many rows.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>
#include <random>

#include "storage/kv/kv_index.h"
#include "storage/kv_store.h"
#include "storage/segment/format.h"
#include "tests/storage/kv_workspace.h"
#include "tests/storage/temporary_directory.h"

namespace storage::testing {
namespace {

namespace fs = std::filesystem;

constexpr int kRecords = 6;

class KvRecoveryTest : public ::testing::Test {
protected:
    void SetUp() override {
        open();
        for (int i = 0; i < kRecords; ++i)
            ASSERT_TRUE(putChunk(*m_store, i).ok());
        m_segments = segmentFiles(m_directory.path());
        ASSERT_EQ(m_segments.size(), 2u);
    }

    void open() {
        m_store.reset();
        KvStoreOptions options;
        options.directory = m_directory.path();
        options.segmentBytes = kHeaderBytes + 3 * kRecordBytes;
        Result<std::unique_ptr<KvStore>> opened = KvStore::open(options, *m_fileSystem);
        ASSERT_TRUE(opened.ok()) << opened.status().message();
        m_store = *std::move(opened);
        ASSERT_TRUE(m_store->registerFingerprint(fingerprintOf(0)).ok());
    }

    /// The accident happens to the first segment (records 0–2) while the store is open, then to a closed store, then to one
    /// whose index is lost too; each time records 0–2 are misses or right, 3–5 are right, and all can be put again.
    void expectMissesOnly(const std::function<void()>& accident) {
        accident();
        for (int i = 0; i < kRecords; ++i) {
            const Answer answer = readBack(*m_store, i);
            EXPECT_NE(answer, Answer::Wrong) << i;
            EXPECT_TRUE(i < 3 || answer == Answer::Right) << i;
            if (answer == Answer::Damaged) {
                const Result<std::optional<KvExtent>> extent = m_store->find(fingerprintOf(0).id, keyOf(i));
                ASSERT_TRUE(extent && extent->has_value());
                EXPECT_TRUE(m_store->quarantine(**extent, "tested").ok());
                EXPECT_EQ(readBack(*m_store, i), Answer::Miss);
            }
        }
        expectWhole();
        accident();
        open();
        expectMissesAndPutAgain();
        accident();
        m_store.reset();
        fs::remove(m_directory.path() + "/kvindex.db");
        open();
        expectMissesAndPutAgain();
    }

    void expectMissesAndPutAgain() {
        for (int i = 0; i < kRecords; ++i) {
            const Answer answer = readBack(*m_store, i);
            if (answer == Answer::Damaged) {
                EXPECT_TRUE(m_store->quarantine(**m_store->find(fingerprintOf(0).id, keyOf(i)), "tested").ok());
            }
            EXPECT_NE(answer, Answer::Wrong) << i;
        }
        expectWhole();
    }

    void expectWhole() {
        for (int i = 0; i < kRecords; ++i) {
            const Status status = putChunk(*m_store, i);
            EXPECT_TRUE(status.ok()) << status.message();
            EXPECT_EQ(readBack(*m_store, i), Answer::Right) << i;
        }
        const Result<KvVerifyReport> report = m_store->verify(0, 1, {}, {});
        ASSERT_TRUE(report.ok());
        EXPECT_TRUE(report->damaged.empty());
    }

    std::string first() const { return m_segments[0]; }

    TemporaryDirectory m_directory;
    std::unique_ptr<FileSystem> m_fileSystem = makePosixFileSystem();
    std::unique_ptr<KvStore> m_store;
    std::vector<std::string> m_segments;
};

TEST_F(KvRecoveryTest, DeletedSegmentIsAMiss) {
    expectMissesOnly([&] { fs::remove_all(first()); });
}

TEST_F(KvRecoveryTest, EmptiedSegmentIsAMiss) {
    expectMissesOnly([&] { writeFile(first(), {}); });
}

TEST_F(KvRecoveryTest, TruncatedSegmentIsAMiss) {
    for (const std::uint64_t size : {std::uint64_t{100}, kHeaderBytes, kHeaderBytes + 17, kHeaderBytes + kRecordBytes - 1})
        expectMissesOnly([&] {
            if (fs::exists(first()))
                fs::resize_file(first(), size);
        });
}

TEST_F(KvRecoveryTest, SegmentReplacedByAFifoIsAMissAndNothingBlocks) {
    expectMissesOnly([&] {
        fs::remove_all(first());
        ASSERT_EQ(::mkfifo(first().c_str(), 0600), 0);
    });
}

TEST_F(KvRecoveryTest, SegmentReplacedByASymbolicLinkIsAMiss) {
    const std::string copy = m_directory.path() + "/copy.kv";
    fs::copy_file(first(), copy);
    expectMissesOnly([&] {
        fs::remove_all(first());
        fs::create_symlink(copy, first());
    });
    EXPECT_TRUE(fs::exists(copy)) << "what a link names is left alone";
}

TEST_F(KvRecoveryTest, SegmentReplacedByADirectoryIsAMiss) {
    expectMissesOnly([&] {
        fs::remove_all(first());
        fs::create_directory(first());
    });
}

TEST_F(KvRecoveryTest, SegmentReplacedByASparseFileOfManyExabytesIsAMiss) {
    const TemporaryDirectory elsewhere;
    expectMissesOnly([&] {
        fs::remove_all(first());
        const int descriptor = ::open(first().c_str(), O_RDWR | O_CREAT, 0600);
        ASSERT_GE(descriptor, 0);
        off_t size =
            std::numeric_limits<off_t>::max() - 4095;  // 8 EiB where the file system allows it, else as much as it does
        while (::ftruncate(descriptor, size) != 0 && size > 4096)
            size /= 2;
        ::close(descriptor);
    });
}

TEST_F(KvRecoveryTest, SegmentReplacedByAnotherSegmentIsAMiss) {
    expectMissesOnly([&] { writeFile(first(), readFile(m_segments[1])); });
}

TEST_F(KvRecoveryTest, SegmentGrownByGarbageKeepsItsRecords) {
    m_store.reset();
    std::ofstream(first(), std::ios::app) << std::string(100'000, 'x');
    open();
    for (int i = 0; i < kRecords; ++i)
        EXPECT_EQ(readBack(*m_store, i), Answer::Right);
    EXPECT_EQ(fs::file_size(first()), kHeaderBytes + 3 * kRecordBytes);
}

TEST_F(KvRecoveryTest, RebuildSkipsADamagedRecordAndKeepsItsNeighbours) {
    const KvExtent middle = **m_store->find(fingerprintOf(0).id, keyOf(1));
    std::vector<std::byte> bytes = readFile(first());
    bytes[middle.recordOffset + 40] ^= std::byte{1};  // in its header: the scan must find the next one by itself
    writeFile(first(), bytes);
    const Result<KvRebuildReport> report = m_store->rebuildIndex({}, {});
    ASSERT_TRUE(report.ok());
    EXPECT_EQ(report->records, kRecords - 1);
    EXPECT_EQ(report->rejected, 1);
    EXPECT_EQ(readBack(*m_store, 0), Answer::Right);
    EXPECT_EQ(readBack(*m_store, 1), Answer::Miss);
    EXPECT_EQ(readBack(*m_store, 2), Answer::Right);
}

TEST_F(KvRecoveryTest, NewerSegmentIsRefusedWithNothingChanged) {
    m_store.reset();
    fs::remove(m_directory.path() + "/kvindex.db");
    // A header as a newer version would write it: version 2, checksum right.
    std::vector<std::byte> bytes = readFile(first());
    bytes[8] = std::byte{2};
    std::fill_n(bytes.begin() + 16, 16, std::byte{0});
    const Hash128 hash = Hash128Builder().add(std::span(bytes).first(kHeaderBytes)).finish();
    std::copy(hash.bytes.begin(), hash.bytes.end(), bytes.begin() + 16);
    writeFile(first(), bytes);
    const std::string before = treeDigest(m_directory.path());
    KvStoreOptions options;
    options.directory = m_directory.path();
    const Result<std::unique_ptr<KvStore>> refused = KvStore::open(options, *m_fileSystem);
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.status().code(), StatusCode::Refused) << refused.status().message();
    EXPECT_EQ(treeDigest(m_directory.path()), before);
}

TEST_F(KvRecoveryTest, IndexThatIsNoDatabaseIsRebuilt) {
    m_store.reset();
    writeFile(m_directory.path() + "/kvindex.db", std::vector<std::byte>(20'000, std::byte{0x5a}));
    open();
    for (int i = 0; i < kRecords; ++i)
        EXPECT_EQ(readBack(*m_store, i), Answer::Right);
}

TEST_F(KvRecoveryTest, HundredThousandRowsAreLookedUpOneByOne) {
    // Were a lookup not answered from an index, these would take 10^10 steps and the test would run into its time limit.
    constexpr int kMany = 100'000;
    const TemporaryDirectory elsewhere;
    Result<std::unique_ptr<KvIndex>> opened = KvIndex::open(elsewhere.path() + "/kvindex.db", DatabaseMode::ReadWrite);
    ASSERT_TRUE(opened.ok());
    KvIndex& index = **opened;
    {
        Result<std::unique_ptr<Transaction>> transaction = Transaction::begin(index.database());
        ASSERT_TRUE(transaction.ok());
        ASSERT_TRUE(index.insertFingerprint(fingerprintOf(0)).ok());
        ASSERT_TRUE(index.writeSegment({SegmentId{1}, 1, kMany * kRecordBytes + kHeaderBytes, SegmentState::Closed}).ok());
        for (int i = 1; i <= kMany; ++i) {
            const RecordRow row{i, 1, keyOf(i), SegmentId{1}, static_cast<std::uint64_t>(i) * kRecordBytes, kRecordBytes, 5};
            ASSERT_TRUE(index.insertRecord(row, i).ok());
        }
        ASSERT_TRUE((*transaction)->commit().ok());
    }
    for (int i = 1; i <= kMany; ++i) {
        const Result<std::optional<RecordRow>> row = index.record(1, keyOf(i));
        ASSERT_TRUE(row && row->has_value());
        ASSERT_EQ((*row)->sequence, i);
    }
    EXPECT_FALSE(index.record(1, keyOf(kMany + 1))->has_value());
    int visited = 0;
    ASSERT_TRUE(
        index.visitLeastRecentlyUsed([&](const RecordRow& row) { return ++visited < 10 && row.sequence == visited; }).ok());
    EXPECT_EQ(visited, 10);
    Statement plan =
        index.database().query("EXPLAIN QUERY PLAN SELECT sequence FROM records WHERE pinned = 0 ORDER BY used");
    ASSERT_TRUE(*plan.step());
    EXPECT_NE(plan.text(3).find("records_by_use"), std::string::npos) << plan.text(3);
}

}  // namespace
}  // namespace storage::testing
