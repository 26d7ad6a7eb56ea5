// The power goes at every point of a session: each acknowledged record is there and right, whatever was not synced is gone.
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "storage/kv_store.h"
#include "tests/storage/kv_workspace.h"
#include "tests/storage/recorded_disk.h"
#include "tests/storage/temporary_directory.h"

namespace storage::testing {
namespace {

constexpr int kNumbers = 16;
constexpr int kRemoved = 1000;  // marks ≥ this: the removal of (mark − this) was begun

/// A session's calls, with a mark for each acknowledged put.
class RecordedSession {
public:
    RecordedSession() {
        RecordedDisk disk;
        m_complete = run(disk);
        m_events = disk.events();
    }

    bool complete() const { return m_complete; }
    std::string root() const { return m_directory.path() + "/workspace"; }
    const std::vector<DiskEvent>& events() const { return m_events; }

private:
    bool run(RecordedDisk& disk) const {
        KvStoreOptions options;
        options.directory = root();
        options.segmentBytes = 4 * kRecordBytes;
        for (int part = 0; part < 2; ++part) {
            Result<std::unique_ptr<KvStore>> opened = KvStore::open(options, disk.fileSystem());
            if (!opened || !(*opened)->registerFingerprint(fingerprintOf(0)).ok())
                return false;
            KvStore& store = **opened;
            for (int i = part * 7; i < part * 7 + 7; ++i)
                if (putChunk(store, i).ok())
                    disk.mark(i);
            remove(disk, store, part * 7 + 1);
            remove(disk, store, part * 7 + 2);
            if (!store.compact({}, {}).ok())
                return false;
            if (putChunk(store, 14 + part).ok())
                disk.mark(14 + part);
            if (part == 1)
                for (const int number : {0, 3, 4, 5, 6})  // empties whole segments
                    remove(disk, store, number);
        }
        return true;
    }

    static void remove(RecordedDisk& disk, KvStore& store, int number) {
        disk.mark(kRemoved + number);
        const KvKey key = keyOf(number);
        static_cast<void>(store.remove(fingerprintOf(0).id, std::span(&key, 1)));
    }

    TemporaryDirectory m_directory;
    std::vector<DiskEvent> m_events;
    bool m_complete = false;
};

/// Opens what survived and checks it.
void expectSurvived(const RecordedSession& session, std::size_t count, Unsynced unsynced, std::mt19937_64& random) {
    std::set<int> acknowledged;
    for (std::size_t i = 0; i < count; ++i) {
        const DiskEvent& event = session.events()[i];
        if (event.kind != DiskEvent::Kind::Mark)
            continue;
        const int number = static_cast<int>(event.offset);
        if (number >= kRemoved)
            acknowledged.erase(number - kRemoved);
        else
            acknowledged.insert(number);
    }
    const std::string what = "after event " + std::to_string(count) + " of " + std::to_string(session.events().size());
    TemporaryDirectory after;
    writeStateAfterPowerCut(session.events(), count, unsynced, random, session.root(), after.path());
    // First as it is: every row must point at bytes that survived.
    const std::unique_ptr<FileSystem> fileSystem = makePosixFileSystem();
    KvStoreOptions options;
    options.directory = after.path();
    options.segmentBytes = 4 * kRecordBytes;
    Result<std::unique_ptr<KvStore>> store = KvStore::open(options, *fileSystem);
    ASSERT_TRUE(store.ok()) << what << ": " << store.status().message();
    ASSERT_TRUE((*store)->registerFingerprint(fingerprintOf(0)).ok());
    const Result<KvVerifyReport> report = (*store)->verify(0, 1, {}, {});
    ASSERT_TRUE(report.ok()) << what;
    EXPECT_TRUE(report->damaged.empty()) << what << ": " << report->damaged[0].reason;
    for (int i = 0; i < kNumbers; ++i) {
        const Answer answer = readBack(**store, i);
        EXPECT_TRUE(answer == Answer::Right || (answer == Answer::Miss && !acknowledged.contains(i)))
            << what << ", chunk " << i;
    }
    EXPECT_EQ((*store)->stats()->diskBytes, segmentBytesOnDisk(after.path())) << what;
    const Status status = putChunk(**store, 99);
    EXPECT_TRUE(status.ok()) << what << ": " << status.message();
    EXPECT_EQ(readBack(**store, 99), Answer::Right) << what;
}

bool isSync(const DiskEvent& event) {
    return event.kind == DiskEvent::Kind::SyncFile || event.kind == DiskEvent::Kind::SyncDirectory;
}

/// Of the many page writes within one commit every fifth is tried, of all other calls each.
bool isWrite(const RecordedSession& session, std::size_t count) {
    return session.events()[count - 1].kind == DiskEvent::Kind::Write;
}

TEST(KvPowerCutTest, NothingUnsyncedIsNeededAtAnySync) {
    const RecordedSession session;
    ASSERT_TRUE(session.complete());
    std::mt19937_64 random(1);
    for (std::size_t i = 0; i < session.events().size() && !HasFailure(); ++i) {
        if (!isSync(session.events()[i]))
            continue;
        expectSurvived(session, i, Unsynced::Lost, random);
        expectSurvived(session, i + 1, Unsynced::Lost, random);
    }
}

TEST(KvPowerCutTest, AnyMixtureOfUnsyncedBytesAndNamesIsSurvived) {
    const RecordedSession session;
    ASSERT_TRUE(session.complete());
    std::mt19937_64 random(2);
    for (std::size_t i = 1; i <= session.events().size() && !HasFailure(); i += isWrite(session, i) ? 5 : 1)
        expectSurvived(session, i, Unsynced::Random, random);
}

TEST(KvPowerCutTest, ProcessKilledAfterAnyCallLosesNothingAcknowledged) {
    const RecordedSession session;
    ASSERT_TRUE(session.complete());
    std::mt19937_64 random(3);
    for (std::size_t i = 1; i <= session.events().size() && !HasFailure(); i += isWrite(session, i) ? 5 : 1)
        expectSurvived(session, i, Unsynced::Kept, random);
}

}  // namespace
}  // namespace storage::testing
