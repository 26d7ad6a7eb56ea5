// The store's lists for views and what the index remembers besides records.
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <algorithm>

#include "tests/storage/kv_workspace.h"
#include "tests/storage/temporary_directory.h"

namespace storage::testing {
namespace {

class KvLists : public ::testing::Test {
protected:
    KvLists() { open(); }

    void open(bool readOnly = false) {
        m_store.reset();
        KvStoreOptions options;
        options.directory = m_directory.path();
        options.readOnly = readOnly;
        Result<std::unique_ptr<KvStore>> store = KvStore::open(options, *m_fileSystem);
        ASSERT_TRUE(store.ok()) << store.status().message();
        m_store = *std::move(store);
        ASSERT_TRUE(m_store->registerFingerprint(m_fingerprint).ok());
    }
    void put(int number) { ASSERT_TRUE(putChunk(*m_store, number).ok()); }
    static ChunkId chunkOf(int number) {
        ChunkId chunk;
        chunk.digest.bytes.fill(static_cast<std::uint8_t>(number));
        return chunk;
    }
    KvExtent extentOf(int number) { return m_store->find(m_fingerprint.id, keyOf(number)).value().value(); }

    TemporaryDirectory m_directory;
    const std::unique_ptr<FileSystem> m_fileSystem = makePosixFileSystem();
    const FingerprintRecord m_fingerprint = fingerprintOf(0);
    std::unique_ptr<KvStore> m_store;
};

TEST_F(KvLists, RecordsAreListedWithTheirBytesAndPins) {
    EXPECT_TRUE(m_store->records(m_fingerprint.id)->empty());
    EXPECT_TRUE(m_store->records(fingerprintOf(7).id)->empty());
    put(1);
    put(2);
    const KvKey second = keyOf(2);
    ASSERT_TRUE(m_store->pin(m_fingerprint.id, std::span(&second, 1)).ok());
    const std::vector<KvRecordInfo> records = m_store->records(m_fingerprint.id).value();
    ASSERT_EQ(records.size(), 2u);
    for (const KvRecordInfo& record : records) {
        EXPECT_EQ(record.bytes, kRecordBytes);
        EXPECT_EQ(record.bytes, kvRecordBytes(kSpec, kTokens));
        EXPECT_EQ(record.tokens, kTokens);
        EXPECT_EQ(record.pinned, record.key == second);
    }
}

TEST_F(KvLists, TheGenerationGrowsWithEveryChangeOfTheList) {
    std::uint64_t before = m_store->generation();
    const auto grew = [&](const char* what) {
        EXPECT_GT(m_store->generation(), before) << what;
        before = m_store->generation();
    };
    put(1);
    put(2);
    grew("put");
    const KvKey key = keyOf(1);
    ASSERT_TRUE(m_store->pin(m_fingerprint.id, std::span(&key, 1)).ok());
    grew("pin");
    const KvExtent extent = extentOf(2);
    ASSERT_TRUE(m_store->touch(std::span(&extent, 1)).ok());
    static_cast<void>(m_store->stats());
    EXPECT_EQ(m_store->generation(), before) << "use changes no list";
    ASSERT_TRUE(m_store->quarantine(extent, "a flipped byte").ok());
    grew("quarantine");
    ASSERT_TRUE(m_store->remove(m_fingerprint.id, std::span(&key, 1)).ok());
    grew("remove");
    put(3);
    grew("put");
    ASSERT_TRUE(m_store->evictTo(0, {}).ok());
    grew("evict");
    ASSERT_TRUE(m_store->rebuildIndex({}, {}).ok());
    grew("rebuild");
}

TEST_F(KvLists, ChunkKeysAreRememberedUntilForgottenOrTheIndexIsGone) {
    const std::vector<KvChunkKey> keys{
        {chunkOf(1), 5, keyOf(1), 17}, {chunkOf(1), -6, keyOf(2), 17}, {chunkOf(2), 5, keyOf(3), 9}};
    ASSERT_TRUE(m_store->rememberChunkKeys(m_fingerprint.id, keys).ok());
    ASSERT_TRUE(m_store->rememberChunkKeys(m_fingerprint.id, keys).ok());
    open();
    const std::vector<KvChunkKey> listed = m_store->chunkKeys(m_fingerprint.id).value();
    ASSERT_EQ(listed.size(), 3u);
    for (const KvChunkKey& key : listed)
        EXPECT_TRUE(std::any_of(keys.begin(), keys.end(), [&](const KvChunkKey& known) {
            return known.chunk == key.chunk && known.anchor == key.anchor && known.key == key.key &&
                   known.tokens == key.tokens;
        }));
    const ChunkId gone = chunkOf(1);
    ASSERT_TRUE(m_store->forgetChunkKeys(std::span(&gone, 1)).ok());
    EXPECT_EQ(m_store->chunkKeys(m_fingerprint.id)->size(), 1u);
    ASSERT_TRUE(m_store->rebuildIndex({}, {}).ok());
    EXPECT_TRUE(m_store->chunkKeys(m_fingerprint.id)->empty());
    EXPECT_EQ(m_store->rememberChunkKeys(fingerprintOf(7).id, keys).code(), StatusCode::InvalidArgument);
}

TEST_F(KvLists, DamageIsListedNewestFirstAndOutlivesARebuild) {
    for (int number = 0; number < 3; ++number) {
        put(number);
        ASSERT_TRUE(m_store->quarantine(extentOf(number), "reason " + std::to_string(number)).ok());
    }
    const auto expectThree = [&] {
        const std::vector<KvDamageEvent> events = m_store->damageEvents(10).value();
        ASSERT_EQ(events.size(), 3u);
        for (int i = 0; i < 3; ++i) {
            EXPECT_EQ(events[static_cast<std::size_t>(i)].reason, "reason " + std::to_string(2 - i));
            EXPECT_EQ(events[static_cast<std::size_t>(i)].key, keyOf(2 - i));
            EXPECT_EQ(events[static_cast<std::size_t>(i)].fingerprint, m_fingerprint.id);
        }
    };
    expectThree();
    EXPECT_EQ(m_store->damageEvents(2)->size(), 2u);
    open();
    expectThree();
    ASSERT_TRUE(m_store->rebuildIndex({}, {}).ok());
    expectThree();
    EXPECT_EQ(m_store->stats()->quarantined, 3);
}

TEST_F(KvLists, AReadOnlyStoreTellsTheDamageItMet) {
    put(1);
    open(true);
    ASSERT_TRUE(m_store->quarantine(extentOf(1), "a flipped byte").ok());
    ASSERT_EQ(m_store->damageEvents(10)->size(), 1u);
    EXPECT_EQ(m_store->damageEvents(10)->front().reason, "a flipped byte");
    EXPECT_EQ(m_store->setCap(1).status().code(), StatusCode::ReadOnly);
}

TEST_F(KvLists, RatesAreRememberedPerFingerprintAndThreads) {
    EXPECT_EQ(*m_store->rememberedRates(m_fingerprint.id, 2), "");
    ASSERT_TRUE(m_store->rememberRates(m_fingerprint.id, 2, "fast").ok());
    ASSERT_TRUE(m_store->rememberRates(m_fingerprint.id, 4, "faster").ok());
    ASSERT_TRUE(m_store->rememberRates(m_fingerprint.id, 2, "fast again").ok());
    open();
    EXPECT_EQ(*m_store->rememberedRates(m_fingerprint.id, 2), "fast again");
    EXPECT_EQ(*m_store->rememberedRates(m_fingerprint.id, 4), "faster");
    EXPECT_EQ(*m_store->rememberedRates(fingerprintOf(7).id, 2), "");
}

TEST_F(KvLists, ACapSetLaterEvictsAtOnceAndHolds) {
    for (int number = 0; number < 8; ++number)
        put(number);
    const std::uint64_t before = segmentBytesOnDisk(m_directory.path());
    const std::uint64_t cap = 4 * kRecordBytes + 4 * kHeaderBytes;
    const Result<std::uint64_t> freed = m_store->setCap(cap);
    ASSERT_TRUE(freed.ok()) << freed.status().message();
    EXPECT_EQ(*freed, before - segmentBytesOnDisk(m_directory.path()));
    EXPECT_LE(segmentBytesOnDisk(m_directory.path()), cap);
    EXPECT_EQ(m_store->stats()->capBytes, cap);
    for (int number = 10; number < 18; ++number) {
        static_cast<void>(putChunk(*m_store, number));
        EXPECT_LE(segmentBytesOnDisk(m_directory.path()), cap);
    }
    EXPECT_EQ(readBack(*m_store, 17), Answer::Right);
    ASSERT_TRUE(m_store->setCap(0).ok());
    for (int number = 20; number < 30; ++number)
        put(number);
    EXPECT_GT(segmentBytesOnDisk(m_directory.path()), cap);
}

TEST_F(KvLists, AnIndexOfTheFirstVersionIsMigratedAndKeepsItsRecords) {
    put(1);
    const KvKey key = keyOf(1);
    ASSERT_TRUE(m_store->pin(m_fingerprint.id, std::span(&key, 1)).ok());
    m_store.reset();
    {
        // As version 1 left it: without the later tables. The meta row is taken out, so user_version alone tells.
        sqlite3* database = nullptr;
        ASSERT_EQ(sqlite3_open((m_directory.path() + "/kvindex.db").c_str(), &database), SQLITE_OK);
        ASSERT_EQ(sqlite3_exec(database,
                               "DROP TABLE chunk_keys; DROP TABLE damage; DROP TABLE rates;"
                               "DELETE FROM meta WHERE name = 'schema_version'; PRAGMA user_version = 1",
                               nullptr, nullptr, nullptr),
                  SQLITE_OK);
        sqlite3_close(database);
    }
    open();
    EXPECT_EQ(readBack(*m_store, 1), Answer::Right);
    EXPECT_TRUE(m_store->records(m_fingerprint.id)->front().pinned) << "migrated, not rebuilt";
    EXPECT_TRUE(m_store->damageEvents(1)->empty());
    const KvChunkKey remembered{chunkOf(1), 5, key, 17};
    EXPECT_TRUE(m_store->rememberChunkKeys(m_fingerprint.id, std::span(&remembered, 1)).ok());
}

}  // namespace
}  // namespace storage::testing
