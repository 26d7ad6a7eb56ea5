// Publishing, finding, reading, marking and taking out records.
#include "storage/kv_store.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <thread>

#include "tests/storage/kv_workspace.h"
#include "tests/storage/temporary_directory.h"

namespace storage::testing {
namespace {

class KvStoreTest : public ::testing::Test {
protected:
    void SetUp() override { reopen(); }

    void reopen(KvStoreOptions options = {}) {
        m_store.reset();
        options.directory = m_directory.path();
        Result<std::unique_ptr<KvStore>> opened = KvStore::open(options, *m_fileSystem);
        ASSERT_TRUE(opened.ok()) << opened.status().message();
        m_store = *std::move(opened);
        ASSERT_TRUE(m_store->registerFingerprint(fingerprintOf(0)).ok());
    }

    void put(int number) {
        const Status status = putChunk(*m_store, number);
        ASSERT_TRUE(status.ok()) << status.message();
    }

    KvExtent extentOf(int number) {
        const Result<std::optional<KvExtent>> found = m_store->find(fingerprintOf(0).id, keyOf(number));
        return found && found->has_value() ? **found : KvExtent{};
    }

    TemporaryDirectory m_directory;
    std::unique_ptr<FileSystem> m_fileSystem = makePosixFileSystem();
    std::unique_ptr<KvStore> m_store;
};

TEST_F(KvStoreTest, PutRecordIsFoundAndReadsBackExactly) {
    EXPECT_EQ(readBack(*m_store, 1), Answer::Miss);
    put(1);
    EXPECT_EQ(readBack(*m_store, 1), Answer::Right);
    EXPECT_EQ(readBack(*m_store, 2), Answer::Miss);
    const KvExtent extent = extentOf(1);
    EXPECT_EQ(extent.recordBytes, kRecordBytes);
    EXPECT_EQ(extent.recordOffset % 4096, 0u);
    EXPECT_EQ(extent.tokens, kTokens);
}

TEST_F(KvStoreTest, RecordsOutliveTheStore) {
    for (int i = 0; i < 20; ++i)
        put(i);
    reopen();
    for (int i = 0; i < 20; ++i)
        EXPECT_EQ(readBack(*m_store, i), Answer::Right) << i;
    put(20);
    EXPECT_EQ(readBack(*m_store, 20), Answer::Right);
    EXPECT_EQ(segmentFiles(m_directory.path()).size(), 1u) << "the next session appends to the last segment";
}

TEST_F(KvStoreTest, PuttingAnExistingRecordWritesNothing) {
    put(1);
    const std::uint64_t before = segmentBytesOnDisk(m_directory.path());
    put(1);
    EXPECT_EQ(segmentBytesOnDisk(m_directory.path()), before);
    EXPECT_EQ(m_store->stats()->records, 1);
}

TEST_F(KvStoreTest, FingerprintsShareNothing) {
    const FingerprintRecord other = fingerprintOf(1);
    ASSERT_TRUE(m_store->registerFingerprint(other).ok());
    put(1);
    EXPECT_EQ(readBack(*m_store, other, 1), Answer::Miss);
    ASSERT_TRUE(putChunk(*m_store, other, 1).ok());
    EXPECT_EQ(readBack(*m_store, other, 1), Answer::Right);
    EXPECT_EQ(readBack(*m_store, 1), Answer::Right);
}

TEST_F(KvStoreTest, SameFingerprintWithAnotherSpecIsRefused) {
    EXPECT_EQ(m_store->registerFingerprint(fingerprintOf(0, {3, 2, 4, KvDtype::F16})).code(), StatusCode::InvalidArgument);
    EXPECT_TRUE(m_store->registerFingerprint(fingerprintOf(0)).ok());
}

TEST_F(KvStoreTest, FingerprintFieldsAreKept) {
    reopen();
    const Result<std::optional<FingerprintRecord>> found = m_store->fingerprint(fingerprintOf(0).id);
    ASSERT_TRUE(found && found->has_value());
    EXPECT_EQ((*found)->fieldsJson, fingerprintOf(0).fieldsJson);
    EXPECT_EQ((*found)->spec, kSpec);
    EXPECT_FALSE(m_store->fingerprint(fingerprintOf(9).id)->has_value());
}

TEST_F(KvStoreTest, WrongSlicesAreInvalid) {
    const std::vector<std::vector<std::byte>> slices = slicesOf(fingerprintOf(0), 1);
    std::vector<std::span<const std::byte>> views(slices.begin(), slices.end());
    views.pop_back();
    EXPECT_EQ(m_store->put(fingerprintOf(0).id, keyOf(1), kTokens, views).code(), StatusCode::InvalidArgument);
    views.push_back(std::span(slices.back()).first(79));
    EXPECT_EQ(m_store->put(fingerprintOf(0).id, keyOf(1), kTokens, views).code(), StatusCode::InvalidArgument);
    EXPECT_EQ(m_store->put(fingerprintOf(0).id, keyOf(1), 0, views).code(), StatusCode::InvalidArgument);
    EXPECT_EQ(m_store->put(fingerprintOf(7).id, keyOf(1), kTokens, views).code(), StatusCode::InvalidArgument);
    EXPECT_EQ(readBack(*m_store, 1), Answer::Miss);
}

TEST_F(KvStoreTest, EveryShapeReadsBackExactly) {
    // Shapes around the 4 KiB borders: a layer block of exactly 4096 bytes has no padding, one byte more has nearly a block
    // of it.
    const KvSpec specs[] = {{1, 1, 1, KvDtype::F16},     {30, 3, 64, KvDtype::F16},  {2, 1, 1024, KvDtype::F16},
                            {2, 1, 1023, KvDtype::Bf16}, {65, 2, 128, KvDtype::F32}, {3, 1, 513, KvDtype::F32},
                            {4, 3, 64, KvDtype::Int8}};
    int number = 10;
    for (const KvSpec& spec : specs) {
        const FingerprintRecord fingerprint = fingerprintOf(++number, spec);
        ASSERT_TRUE(m_store->registerFingerprint(fingerprint).ok());
        const Status status = putChunk(*m_store, fingerprint, 1);
        ASSERT_TRUE(status.ok()) << status.message();
        EXPECT_EQ(readBack(*m_store, fingerprint, 1), Answer::Right) << spec.layers << " layers of " << spec.headDim;
    }
    reopen();
    for (; number > 10; --number)
        EXPECT_EQ(readBack(*m_store, fingerprintOf(number, specs[number - 11]), 1), Answer::Right);
}

TEST_F(KvStoreTest, ReaderRefusesWhatItWasNotAskedFor) {
    put(1);
    put(2);
    const std::unique_ptr<KvReader> reader = m_store->reader();
    std::vector<std::byte> block(160);
    KvExtent extent = extentOf(1);
    EXPECT_TRUE(reader->readLayer(extent, 1, block).ok());
    EXPECT_EQ(reader->readLayer(extent, 2, block).code(), StatusCode::InvalidArgument);
    EXPECT_EQ(reader->readLayer(extent, -1, block).code(), StatusCode::InvalidArgument);
    EXPECT_EQ(reader->readLayer(extent, 0, std::span(block).first(159)).code(), StatusCode::InvalidArgument);
    extent.key = keyOf(2);
    EXPECT_EQ(reader->readLayer(extent, 0, block).code(), StatusCode::Damaged);
    extent = extentOf(1);
    extent.tokens = 4;
    EXPECT_EQ(reader->readLayer(extent, 0, block).code(), StatusCode::Damaged);
    extent = extentOf(1);
    extent.recordOffset += 8;
    EXPECT_EQ(reader->readLayer(extent, 0, block).code(), StatusCode::Damaged);
    extent = extentOf(1);
    extent.recordOffset = ~std::uint64_t{0} - 4095;
    EXPECT_EQ(reader->readLayer(extent, 0, block).code(), StatusCode::Damaged);
    extent = extentOf(1);
    extent.segment.value += 1;
    EXPECT_EQ(reader->readLayer(extent, 0, block).code(), StatusCode::Damaged);
    EXPECT_TRUE(reader->readLayer(extentOf(1), 0, block).ok()) << "a failed read must not spoil later ones";
}

TEST_F(KvStoreTest, ReaderWorksOnAnotherThreadWhileTheStorePuts) {
    for (int i = 0; i < 8; ++i)
        put(i);
    std::vector<KvExtent> extents;
    for (int i = 0; i < 8; ++i)
        extents.push_back(extentOf(i));
    const std::unique_ptr<KvReader> reader = m_store->reader();
    int wrong = 0;
    std::thread loader([&] {
        std::vector<std::byte> block(160);
        for (int round = 0; round < 200; ++round) {
            const int number = round % 8;
            const auto slices = slicesOf(fingerprintOf(0), number);
            const bool right = reader->readLayer(extents[static_cast<std::size_t>(number)], 1, block).ok() &&
                               std::equal(slices[2].begin(), slices[2].end(), block.begin()) &&
                               std::equal(slices[3].begin(), slices[3].end(), block.begin() + 80);
            wrong += right ? 0 : 1;
        }
    });
    for (int i = 8; i < 60; ++i)
        put(i);
    loader.join();
    EXPECT_EQ(wrong, 0);
}

TEST_F(KvStoreTest, RemovedRecordsAreMisses) {
    for (int i = 0; i < 4; ++i)
        put(i);
    const std::vector<KvKey> keys{keyOf(1), keyOf(2), keyOf(99)};
    ASSERT_TRUE(m_store->remove(fingerprintOf(0).id, keys).ok());
    EXPECT_EQ(readBack(*m_store, 0), Answer::Right);
    EXPECT_EQ(readBack(*m_store, 1), Answer::Miss);
    EXPECT_EQ(readBack(*m_store, 2), Answer::Miss);
    EXPECT_EQ(readBack(*m_store, 3), Answer::Right);
    reopen();
    EXPECT_EQ(readBack(*m_store, 1), Answer::Miss);
    put(1);
    EXPECT_EQ(readBack(*m_store, 1), Answer::Right);
}

TEST_F(KvStoreTest, StatsCountRecordsTokensAndBytes) {
    for (int i = 0; i < 3; ++i)
        put(i);
    const std::vector<KvKey> keys{keyOf(0)};
    ASSERT_TRUE(m_store->pin(fingerprintOf(0).id, keys).ok());
    const Result<KvStoreStats> stats = m_store->stats();
    ASSERT_TRUE(stats.ok());
    EXPECT_EQ(stats->records, 3);
    EXPECT_EQ(stats->segments, 1);
    EXPECT_EQ(stats->liveBytes, 3 * kRecordBytes);
    EXPECT_EQ(stats->diskBytes, kHeaderBytes + 3 * kRecordBytes);
    EXPECT_EQ(stats->garbageBytes, kHeaderBytes);
    ASSERT_EQ(stats->fingerprints.size(), 1u);
    EXPECT_EQ(stats->fingerprints[0].tokens, 3 * kTokens);
    EXPECT_EQ(stats->fingerprints[0].pinned, 1);
}

TEST_F(KvStoreTest, QuarantinedRecordIsAMissUntilItIsPutAgain) {
    put(1);
    put(2);
    ASSERT_TRUE(m_store->quarantine(extentOf(1), "tested").ok());
    EXPECT_EQ(readBack(*m_store, 1), Answer::Miss);
    EXPECT_EQ(readBack(*m_store, 2), Answer::Right);
    EXPECT_EQ(m_store->stats()->quarantined, 1);
    EXPECT_FALSE(std::filesystem::is_empty(m_directory.path() + "/quarantine"));
    put(1);
    EXPECT_EQ(readBack(*m_store, 1), Answer::Right);
    reopen();
    EXPECT_EQ(m_store->stats()->quarantined, 1);
    EXPECT_EQ(readBack(*m_store, 1), Answer::Right);
}

TEST_F(KvStoreTest, QuarantineOfAnOldPlaceLeavesTheNewRecordAlone) {
    put(1);
    const KvExtent old = extentOf(1);
    ASSERT_TRUE(m_store->quarantine(old, "tested").ok());
    put(1);
    ASSERT_TRUE(m_store->quarantine(old, "told twice").ok());
    EXPECT_EQ(readBack(*m_store, 1), Answer::Right);
    EXPECT_EQ(m_store->stats()->quarantined, 1);
}

TEST_F(KvStoreTest, VerifyFindsNothingInASoundStoreAndItsPartsCoverAll) {
    for (int i = 0; i < 10; ++i)
        put(i);
    std::int64_t lastDone = 0;
    const Result<KvVerifyReport> all = m_store->verify(
        0, 1, [&](std::int64_t done, std::int64_t total) { lastDone = done == total ? done : lastDone; }, {});
    ASSERT_TRUE(all.ok());
    EXPECT_EQ(all->checked, 10);
    EXPECT_EQ(all->checkedBytes, 10 * kRecordBytes);
    EXPECT_TRUE(all->damaged.empty());
    EXPECT_EQ(lastDone, 10);
    std::int64_t checked = 0;
    for (int part = 0; part < 3; ++part)
        checked += m_store->verify(part, 3, {}, {})->checked;
    EXPECT_EQ(checked, 10);
    EXPECT_EQ(m_store->verify(3, 3, {}, {}).status().code(), StatusCode::InvalidArgument);
}

TEST_F(KvStoreTest, LongJobsStopWhenAsked) {
    for (int i = 0; i < 6; ++i)
        put(i);
    std::stop_source stopped;
    stopped.request_stop();
    EXPECT_EQ(m_store->verify(0, 1, {}, stopped.get_token()).status().code(), StatusCode::Cancelled);
    EXPECT_EQ(m_store->evictTo(0, stopped.get_token()).status().code(), StatusCode::Cancelled);
    EXPECT_EQ(m_store->rebuildIndex({}, stopped.get_token()).status().code(), StatusCode::Cancelled);
    reopen();
    for (int i = 0; i < 6; ++i)
        EXPECT_EQ(readBack(*m_store, i), Answer::Right) << "what a stopped rebuild left unread is read by the next open";
}

TEST_F(KvStoreTest, RememberedDigestsHoldForExactlyThatFile) {
    const FileIdentity file{1, 2, 3, 4, 5};
    const Digest digest = keyOf(1).digest;
    EXPECT_FALSE(m_store->rememberedDigest(file)->has_value());
    ASSERT_TRUE(m_store->rememberDigest(file, digest).ok());
    reopen();
    EXPECT_EQ(**m_store->rememberedDigest(file), digest);
    for (const FileIdentity& other : {FileIdentity{9, 2, 3, 4, 5}, FileIdentity{1, 9, 3, 4, 5}, FileIdentity{1, 2, 9, 4, 5},
                                      FileIdentity{1, 2, 3, 9, 5}, FileIdentity{1, 2, 3, 4, 9}})
        EXPECT_FALSE(m_store->rememberedDigest(other)->has_value());
    const FileIdentity large{~std::uint64_t{0}, ~std::uint64_t{0}, ~std::uint64_t{0}, -1, -1};
    ASSERT_TRUE(m_store->rememberDigest(large, digest).ok());
    EXPECT_EQ(**m_store->rememberedDigest(large), digest);
}

TEST_F(KvStoreTest, ReadOnlyStoreReadsAndChangesNothing) {
    for (int i = 0; i < 4; ++i)
        put(i);
    m_store.reset();
    const std::string before = treeDigest(m_directory.path());
    KvStoreOptions options;
    options.readOnly = true;
    reopen(options);
    EXPECT_EQ(readBack(*m_store, 2), Answer::Right);
    const KvExtent extent = extentOf(2);
    EXPECT_EQ(putChunk(*m_store, 9).code(), StatusCode::ReadOnly);
    EXPECT_EQ(m_store->evictTo(0, {}).status().code(), StatusCode::ReadOnly);
    EXPECT_EQ(m_store->compact({}, {}).status().code(), StatusCode::ReadOnly);
    EXPECT_EQ(m_store->rebuildIndex({}, {}).status().code(), StatusCode::ReadOnly);
    EXPECT_TRUE(m_store->touch(std::span(&extent, 1)).ok());
    EXPECT_EQ(m_store->verify(0, 1, {}, {})->checked, 4);
    EXPECT_TRUE(m_store->quarantine(extent, "tested").ok());
    EXPECT_EQ(readBack(*m_store, 2), Answer::Miss) << "in this session";
    EXPECT_EQ(m_store->stats()->records, 4);
    m_store.reset();
    EXPECT_EQ(treeDigest(m_directory.path()), before);
}

TEST_F(KvStoreTest, ReadOnlyStoreWithoutAnIndexReadsTheSegments) {
    for (int i = 0; i < 4; ++i)
        put(i);
    m_store.reset();
    std::filesystem::remove(m_directory.path() + "/kvindex.db");
    const std::string before = treeDigest(m_directory.path());
    KvStoreOptions options;
    options.readOnly = true;
    reopen(options);
    for (int i = 0; i < 4; ++i)
        EXPECT_EQ(readBack(*m_store, i), Answer::Right);
    m_store.reset();
    EXPECT_EQ(treeDigest(m_directory.path()), before);
}

TEST_F(KvStoreTest, PageCacheCanBeDropped) {
    put(1);
    EXPECT_TRUE(m_store->dropPageCache().ok());
    EXPECT_EQ(readBack(*m_store, 1), Answer::Right);
}

TEST_F(KvStoreTest, DirectoryNamesThatLookLikeUriSyntaxWork) {
    KvStoreOptions options;
    options.directory = m_directory.path() + "/a?b#c%20d e";
    for (const bool readOnly : {false, true}) {
        options.readOnly = readOnly;
        Result<std::unique_ptr<KvStore>> store = KvStore::open(options, *m_fileSystem);
        ASSERT_TRUE(store.ok()) << store.status().message();
        ASSERT_TRUE((*store)->registerFingerprint(fingerprintOf(0)).ok());
        if (!readOnly) {
            ASSERT_TRUE(putChunk(**store, 1).ok());
        }
        EXPECT_EQ(readBack(**store, 1), Answer::Right);
    }
}

}  // namespace
}  // namespace storage::testing
