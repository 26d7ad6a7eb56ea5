// The nine numbered invariants of storage/README.md; each test is named after the one it holds the store to.
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <random>
#include <set>

#include "storage/kv_store.h"
#include "tests/storage/kv_workspace.h"
#include "tests/storage/recorded_disk.h"
#include "tests/storage/temporary_directory.h"

namespace storage::testing {
namespace {

using Kind = DiskEvent::Kind;

class KvInvariants : public ::testing::Test {
protected:
    void open(std::uint64_t capBytes = 0, std::uint64_t segmentBytes = 4 * kRecordBytes) {
        m_store.reset();
        KvStoreOptions options;
        options.directory = m_directory.path();
        options.capBytes = capBytes;
        options.segmentBytes = segmentBytes;
        Result<std::unique_ptr<KvStore>> opened = KvStore::open(options, m_disk.fileSystem());
        ASSERT_TRUE(opened.ok()) << opened.status().message();
        m_store = *std::move(opened);
        ASSERT_TRUE(m_store->registerFingerprint(fingerprintOf(0)).ok());
    }

    void put(int number) {
        const Status status = putChunk(*m_store, number);
        ASSERT_TRUE(status.ok()) << status.message();
    }

    void remove(int number) {
        const KvKey key = keyOf(number);
        ASSERT_TRUE(m_store->remove(fingerprintOf(0).id, std::span(&key, 1)).ok());
    }

    KvExtent extentOf(int number) {
        const Result<std::optional<KvExtent>> found = m_store->find(fingerprintOf(0).id, keyOf(number));
        return found && found->has_value() ? **found : KvExtent{};
    }

    std::string indexPath() const { return m_directory.path() + "/kvindex.db"; }

    /// Runs SQL on a closed database, as another program would.
    static void alter(const std::string& path, const std::string& sql) {
        sqlite3* connection = nullptr;
        ASSERT_EQ(sqlite3_open_v2(path.c_str(), &connection, SQLITE_OPEN_READWRITE, "unix"), SQLITE_OK);
        EXPECT_EQ(sqlite3_exec(connection, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(connection);
        sqlite3_close(connection);
    }

    TemporaryDirectory m_directory;
    RecordedDisk m_disk;
    std::unique_ptr<KvStore> m_store;
};

TEST_F(KvInvariants, Invariant1_RowNeverPointsAtBytesNotDurable) {
    open();
    const std::size_t begin = m_disk.events().size();
    for (int i = 0; i < 9; ++i)
        put(i);
    remove(0);
    remove(1);
    ASSERT_TRUE(m_store->compact({}, {}).ok());
    // Whenever the log of the index is synced, no segment may have bytes or a name that are not safe yet.
    std::set<std::string> dirty;
    std::set<std::string> nameless;
    int commits = 0;
    for (std::size_t i = begin; i < m_disk.events().size(); ++i) {
        const DiskEvent& event = m_disk.events()[i];
        const bool segment = event.path.ends_with(".kv");
        if (segment && event.kind == Kind::Create)
            nameless.insert(event.path);
        if (segment && event.kind == Kind::Write)
            dirty.insert(event.path);
        if (event.kind == Kind::SyncFile)
            dirty.erase(event.path);
        if (event.kind == Kind::SyncDirectory)
            std::erase_if(nameless, [&](const std::string& path) {
                return std::filesystem::path(path).parent_path().string() == event.path;
            });
        if (event.kind == Kind::Write && event.path.ends_with("-wal")) {
            ++commits;
            EXPECT_TRUE(dirty.empty()) << *dirty.begin() << " at event " << i;
            EXPECT_TRUE(nameless.empty()) << *nameless.begin() << " at event " << i;
        }
    }
    EXPECT_GT(commits, 9);
}

TEST_F(KvInvariants, Invariant2_OnlyTheCommitPublishes) {
    open();
    put(0);
    // Fail each sync of one put in turn: the payload's, the directory's, the log's. None of them may leave a row behind.
    int failed = 0;
    for (int k = 1; k < 40; ++k) {
        m_disk.failAt(CallClass::Write, k, Fault::Device);
        const Status status = putChunk(*m_store, k);
        const bool faulted = m_disk.faulted();
        m_disk.failAt(CallClass::Write, 0, Fault::None);
        const Answer answer = readBack(*m_store, k);
        EXPECT_EQ(answer, status.ok() ? Answer::Right : Answer::Miss) << "call " << k;
        failed += status.ok() ? 0 : 1;
        if (!faulted)
            break;
    }
    EXPECT_GT(failed, 3);
    open();
    EXPECT_EQ(readBack(*m_store, 0), Answer::Right);
}

TEST_F(KvInvariants, Invariant2_DoneIsSaidOnlyAfterTheLogIsSynced) {
    open();
    for (int i = 0; i < 6; ++i) {
        put(i);
        const DiskEvent& last = m_disk.events().back();
        EXPECT_EQ(last.kind, Kind::SyncFile);
        EXPECT_TRUE(last.path.ends_with("kvindex.db-wal")) << last.path;
    }
}

TEST_F(KvInvariants, Invariant3_PublishedBytesNeverChange) {
    open();
    for (int i = 0; i < 10; ++i) {
        put(i);
        if (i % 3 == 2)
            remove(i - 1);
    }
    ASSERT_TRUE(m_store->compact({}, {}).ok());
    open();
    for (int i = 10; i < 14; ++i)
        put(i);
    // Once a byte range of a segment was synced, no later write may touch it.
    std::map<std::string, std::uint64_t> safeEnd;
    std::map<std::string, std::uint64_t> writtenEnd;
    for (const DiskEvent& event : m_disk.events()) {
        if (!event.path.ends_with(".kv"))
            continue;
        if (event.kind == Kind::Write) {
            EXPECT_GE(event.offset, safeEnd[event.path]) << event.path;
            writtenEnd[event.path] = std::max(writtenEnd[event.path], event.offset + event.bytes.size());
        }
        if (event.kind == Kind::SyncFile)
            safeEnd[event.path] = writtenEnd[event.path];
    }
    EXPECT_GT(safeEnd.size(), 3u);
}

TEST_F(KvInvariants, Invariant3_SegmentIdsAreNeverReused) {
    std::set<std::string> names;
    for (int round = 0; round < 6; ++round) {
        open();
        put(round);
        ASSERT_EQ(segmentFiles(m_directory.path()).size(), 1u);
        EXPECT_TRUE(names.insert(segmentFiles(m_directory.path())[0]).second) << segmentFiles(m_directory.path())[0];
        remove(round);
        EXPECT_TRUE(segmentFiles(m_directory.path()).empty());
        m_store.reset();
        if (round % 2 == 1)
            std::filesystem::remove(indexPath());  // not even when the index is lost
    }
}

TEST_F(KvInvariants, Invariant4_WholeTailIsAdopted) {
    open();
    put(0);
    put(1);
    m_store.reset();
    // The process died after writing record 1 and before the commit: the file is longer than its row says.
    alter(indexPath(), "DELETE FROM records WHERE sequence = 2");
    const std::string segment = segmentFiles(m_directory.path())[0];
    const std::uint64_t end = std::filesystem::file_size(segment);
    std::filesystem::remove(indexPath());
    open();
    EXPECT_EQ(readBack(*m_store, 1), Answer::Right);
    EXPECT_EQ(std::filesystem::file_size(segment), end);
    EXPECT_EQ(m_store->stats()->diskBytes, end);
}

TEST_F(KvInvariants, Invariant4_TornTailIsCut) {
    open();
    put(0);
    put(1);
    m_store.reset();
    const std::string segment = segmentFiles(m_directory.path())[0];
    const std::vector<std::byte> whole = readFile(segment);
    // A third record of which only a part was written, for every length of that part at a 512-byte border.
    for (std::size_t part = 512; part <= kRecordBytes; part += 512) {
        std::vector<std::byte> torn = whole;
        torn.insert(torn.end(), whole.end() - static_cast<std::ptrdiff_t>(kRecordBytes),
                    whole.end() - static_cast<std::ptrdiff_t>(kRecordBytes - part));
        writeFile(segment, torn);
        open();
        EXPECT_EQ(readBack(*m_store, 0), Answer::Right);
        EXPECT_EQ(readBack(*m_store, 1), Answer::Right);
        EXPECT_EQ(std::filesystem::file_size(segment), whole.size()) << part;
        EXPECT_EQ(m_store->stats()->diskBytes, whole.size());
        m_store.reset();
    }
}

TEST_F(KvInvariants, Invariant4_TailBehindACommittedEndIsAdoptedAndDurableFirst) {
    open(0, 64 * kRecordBytes);
    put(0);
    m_disk.failAt(CallClass::Write, 0, Fault::None);
    put(1);
    const int callsOfOnePut = m_disk.calls(CallClass::Write);
    // Record 2 is written and synced, and its commit fails so that the outcome is uncertain: its bytes stay.
    m_disk.failAt(CallClass::Write, callsOfOnePut, Fault::Device);
    EXPECT_FALSE(putChunk(*m_store, 2).ok());
    ASSERT_TRUE(m_disk.faulted());
    m_disk.failAllWrites(Fault::Device);  // the process dies before it can write anything else
    m_store.reset();
    m_disk.failAt(CallClass::Write, 0, Fault::None);
    const std::size_t begin = m_disk.events().size();
    open();
    for (int i = 0; i < 3; ++i)
        EXPECT_NE(readBack(*m_store, i), Answer::Damaged);
    EXPECT_EQ(readBack(*m_store, 0), Answer::Right);
    EXPECT_EQ(readBack(*m_store, 1), Answer::Right);
    EXPECT_EQ(m_store->stats()->diskBytes, segmentBytesOnDisk(m_directory.path()));
    if (readBack(*m_store, 2) == Answer::Right) {
        bool synced = false;
        for (std::size_t i = begin; i < m_disk.events().size(); ++i)
            synced = synced || (m_disk.events()[i].kind == Kind::SyncFile && m_disk.events()[i].path.ends_with(".kv"));
        EXPECT_TRUE(synced) << "adopted bytes may so far be in the page cache only";
    }
}

TEST_F(KvInvariants, Invariant5_EverySliceIsVerifiedOnEveryRead) {
    open();
    put(0);
    const KvExtent extent = extentOf(0);
    const std::unique_ptr<KvReader> reader = m_store->reader();
    std::vector<std::byte> block(160);
    ASSERT_TRUE(reader->readLayer(extent, 1, block).ok());
    // Damage after a first good read, with the same reader and its cached descriptor and head.
    const std::string segment = segmentFiles(m_directory.path())[0];
    std::vector<std::byte> bytes = readFile(segment);
    bytes[extent.recordOffset + 2 * 4096 + 17] ^= std::byte{1};
    writeFile(segment, bytes);
    EXPECT_EQ(reader->readLayer(extent, 1, block).code(), StatusCode::Damaged);
    EXPECT_TRUE(reader->readLayer(extent, 0, block).ok()) << "the other layer is whole";
    ASSERT_TRUE(m_store->quarantine(extent, "checksum").ok());
    EXPECT_EQ(readBack(*m_store, 0), Answer::Miss);
    put(0);
    EXPECT_EQ(readBack(*m_store, 0), Answer::Right);
    EXPECT_EQ(m_store->stats()->quarantined, 1);
}

TEST_F(KvInvariants, Invariant6_FailedSyncRetiresTheSegment) {
    open(0, 64 * kRecordBytes);
    put(0);
    const std::string first = segmentFiles(m_directory.path())[0];
    m_disk.failAt(CallClass::Write, 2, Fault::Device);  // 1 = the record's bytes, 2 = their fdatasync
    EXPECT_EQ(putChunk(*m_store, 1).code(), StatusCode::IoError);
    ASSERT_TRUE(m_disk.faulted());
    const std::size_t begin = m_disk.events().size();
    m_disk.failAt(CallClass::Write, 0, Fault::None);
    EXPECT_EQ(readBack(*m_store, 1), Answer::Miss);
    put(1);
    put(2);
    EXPECT_EQ(m_disk.retriedSyncs(), 0);
    for (std::size_t i = begin; i < m_disk.events().size(); ++i)
        EXPECT_FALSE(m_disk.events()[i].path == first && m_disk.events()[i].kind == Kind::Write) << "event " << i;
    EXPECT_NE(extentOf(1).segment, extentOf(0).segment);
    open();
    put(3);
    EXPECT_NE(extentOf(3).segment, extentOf(0).segment) << "retired for good";
    for (int i = 0; i < 4; ++i)
        EXPECT_EQ(readBack(*m_store, i), Answer::Right);
    EXPECT_EQ(m_store->stats()->diskBytes, segmentBytesOnDisk(m_directory.path()));
}

TEST_F(KvInvariants, Invariant7_IndexCanBeDeletedAtAnyTime) {
    open();
    const FingerprintRecord other = fingerprintOf(1, {1, 3, 8, KvDtype::F32});
    ASSERT_TRUE(m_store->registerFingerprint(other).ok());
    for (int i = 0; i < 10; ++i) {
        put(i);
        ASSERT_TRUE(putChunk(*m_store, other, i).ok());
    }
    m_store.reset();
    for (const char* name : {"", "-wal", "-shm"})
        std::filesystem::remove(indexPath() + name);
    open();
    for (int i = 0; i < 10; ++i) {
        EXPECT_EQ(readBack(*m_store, i), Answer::Right);
        EXPECT_EQ(readBack(*m_store, other, i), Answer::Right);
    }
    EXPECT_EQ((*m_store->fingerprint(other.id))->fieldsJson, other.fieldsJson) << "the segments carry the readable fields";
    EXPECT_EQ((*m_store->fingerprint(other.id))->spec, other.spec);
}

TEST_F(KvInvariants, Invariant7_RebuildGivesTheSameStore) {
    open();
    for (int i = 0; i < 12; ++i)
        put(i);
    remove(3);
    const KvKey pinned = keyOf(5);
    ASSERT_TRUE(m_store->pin(fingerprintOf(0).id, std::span(&pinned, 1)).ok());
    const Result<KvRebuildReport> report = m_store->rebuildIndex({}, {});
    ASSERT_TRUE(report.ok()) << report.status().message();
    EXPECT_GE(report->records, 11);
    EXPECT_EQ(report->rejected, 0);
    for (int i = 0; i < 12; ++i)
        EXPECT_TRUE(readBack(*m_store, i) == Answer::Right || i == 3);
    EXPECT_EQ(m_store->stats()->fingerprints.at(0).pinned, 1);
    EXPECT_EQ(m_store->stats()->diskBytes, segmentBytesOnDisk(m_directory.path()));
    put(20);
    EXPECT_EQ(readBack(*m_store, 20), Answer::Right);
}

TEST_F(KvInvariants, Invariant8_LiveAndGarbageAreTheBytesOnDisk) {
    constexpr std::uint64_t kCap = 9 * (kRecordBytes + kHeaderBytes);
    open(kCap);
    std::mt19937_64 random(7);
    for (int step = 0; step < 400; ++step) {
        const int number = static_cast<int>(random() % 24);
        switch (random() % 8) {
            case 0:
                remove(number);
                break;
            case 1:
                ASSERT_TRUE(m_store->quarantine(extentOf(number), "tested").ok());
                break;
            case 2:
                ASSERT_TRUE(m_store->evictTo(kCap / 2, {}).ok());
                break;
            case 3:
                ASSERT_TRUE(m_store->compact({}, {}).ok());
                break;
            case 4:
                open(kCap);
                break;
            default:
                put(number);
                break;
        }
        const Result<KvStoreStats> stats = m_store->stats();
        ASSERT_TRUE(stats.ok());
        EXPECT_EQ(stats->liveBytes + stats->garbageBytes, stats->diskBytes);
        ASSERT_EQ(stats->diskBytes, segmentBytesOnDisk(m_directory.path())) << "step " << step;
        ASSERT_EQ(stats->liveBytes, static_cast<std::uint64_t>(stats->records) * kRecordBytes);
        ASSERT_LE(stats->diskBytes, kCap) << "step " << step;
    }
}

TEST_F(KvInvariants, Invariant8_CapIsCheckedInTheInsertingTransaction) {
    constexpr std::uint64_t kCap = 8 * (kRecordBytes + kHeaderBytes);
    open(kCap);
    // At no moment, not even between two calls, do the segments take more than the cap.
    std::map<std::string, std::uint64_t> sizes;
    for (int i = 0; i < 40; ++i)
        put(i);
    std::uint64_t greatest = 0;
    for (const DiskEvent& event : m_disk.events()) {
        if (!event.path.ends_with(".kv"))
            continue;
        if (event.kind == Kind::Write)
            sizes[event.path] = std::max(sizes[event.path], event.offset + event.bytes.size());
        if (event.kind == Kind::Truncate)
            sizes[event.path] = event.offset;
        if (event.kind == Kind::Unlink)
            sizes.erase(event.path);
        std::uint64_t sum = 0;
        for (const auto& [path, bytes] : sizes)
            sum += bytes;
        greatest = std::max(greatest, sum);
    }
    EXPECT_LE(greatest, kCap);
    EXPECT_GT(greatest, kCap / 2);
    EXPECT_EQ(readBack(*m_store, 39), Answer::Right);
}

TEST_F(KvInvariants, Invariant9_NewerIndexIsRefusedWithNothingChanged) {
    open();
    put(0);
    m_store.reset();
    alter(indexPath(), "UPDATE meta SET value = 99, row_hash = 0 WHERE name = 'schema_version'; PRAGMA user_version = 99;");
    const std::string before = treeDigest(m_directory.path());
    for (const bool readOnly : {false, true}) {
        KvStoreOptions options;
        options.directory = m_directory.path();
        options.readOnly = readOnly;
        const Result<std::unique_ptr<KvStore>> refused = KvStore::open(options, m_disk.fileSystem());
        ASSERT_FALSE(refused.ok());
        EXPECT_EQ(refused.status().code(), StatusCode::Refused) << refused.status().message();
        EXPECT_EQ(treeDigest(m_directory.path()), before);
    }
}

TEST_F(KvInvariants, Invariant9_DamagedVersionIsNotTakenForANewerOne) {
    open();
    put(0);
    m_store.reset();
    alter(indexPath(), "PRAGMA user_version = 99");
    open();
    EXPECT_EQ(readBack(*m_store, 0), Answer::Right);
}

}  // namespace
}  // namespace storage::testing
