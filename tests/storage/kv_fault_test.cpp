// Every call to the disk fails once, in every way: nothing wrong is read, nothing acknowledged is lost, work goes on.
#include <gtest/gtest.h>

#include <functional>
#include <set>

#include "storage/kv_store.h"
#include "tests/storage/kv_workspace.h"
#include "tests/storage/recorded_disk.h"
#include "tests/storage/temporary_directory.h"

namespace storage::testing {
namespace {

/// One life of a store on a disk that may fail, and what was acknowledged in it.
class ScriptedStore {
public:
    explicit ScriptedStore(std::uint64_t capBytes) { m_options.capBytes = capBytes; }

    RecordedDisk& disk() { return m_disk; }
    KvStore* store() { return m_store.get(); }
    const std::string& path() const { return m_directory.path(); }
    const std::set<int>& acknowledged() const { return m_acknowledged; }
    const std::vector<std::string>& messages() const { return m_messages; }

    bool open() {
        m_store.reset();
        m_options.directory = m_directory.path();
        m_options.segmentBytes = 4 * kRecordBytes;
        Result<std::unique_ptr<KvStore>> opened = KvStore::open(m_options, m_disk.fileSystem());
        if (!opened) {
            m_messages.push_back(opened.status().message());
            return false;
        }
        m_store = *std::move(opened);
        return note(m_store->registerFingerprint(fingerprintOf(0)));
    }

    bool put(int number) {
        const bool ok = note(putChunk(*m_store, number));
        if (ok)
            m_acknowledged.insert(number);
        return ok;
    }

    void remove(int number) {
        const KvKey key = keyOf(number);
        m_acknowledged.erase(number);  // whether or not it is told to have worked, it may be gone
        static_cast<void>(note(m_store->remove(fingerprintOf(0).id, std::span(&key, 1))));
    }

    void pin(int number) {
        const KvKey key = keyOf(number);
        static_cast<void>(note(m_store->pin(fingerprintOf(0).id, std::span(&key, 1))));
    }

    void quarantine(int number) {
        const Result<std::optional<KvExtent>> extent = m_store->find(fingerprintOf(0).id, keyOf(number));
        m_acknowledged.erase(number);
        if (extent && extent->has_value())
            static_cast<void>(note(m_store->quarantine(**extent, "scripted")));
    }

    void touch(int number) {
        const Result<std::optional<KvExtent>> extent = m_store->find(fingerprintOf(0).id, keyOf(number));
        if (extent && extent->has_value())
            static_cast<void>(note(m_store->touch(std::span(&**extent, 1))));
    }

    void compact() { static_cast<void>(note(m_store->compact({}, {}).status())); }
    void evictTo(std::uint64_t bytes) { static_cast<void>(note(m_store->evictTo(bytes, {}).status())); }
    void verify() { static_cast<void>(note(m_store->verify(0, 1, {}, {}).status())); }

    /// The script: a session of puts, removals and compaction, closed and opened again in between.
    void run() {
        if (m_store == nullptr && !open() && !open())
            return;
        for (int i = 0; i < 9; ++i)
            put(i);
        touch(3);
        pin(4);
        remove(1);
        quarantine(2);
        remove(5);
        compact();
        for (int i = 9; i < 12; ++i)
            put(i);
        if (!open() && !open())
            return;
        verify();
        put(12);
    }

    std::multiset<Answer> answers(int count) {
        std::multiset<Answer> all;
        for (int i = 0; i < count; ++i)
            all.insert(readBack(*m_store, i));
        return all;
    }

private:
    bool note(const Status& status) {
        if (!status.ok())
            m_messages.push_back(status.message());
        return status.ok();
    }

    TemporaryDirectory m_directory;
    RecordedDisk m_disk;
    KvStoreOptions m_options;
    std::set<int> m_acknowledged;
    std::vector<std::string> m_messages;
    std::unique_ptr<KvStore> m_store;
};

constexpr int kNumbers = 20;

void expectSound(ScriptedStore& script, bool mayLose, const std::string& what) {
    for (int i = 0; i < kNumbers; ++i) {
        const Answer answer = readBack(*script.store(), i);
        const bool mustBeThere = !mayLose && script.acknowledged().contains(i);
        EXPECT_TRUE(answer == Answer::Right || (answer == Answer::Miss && !mustBeThere)) << what << ", chunk " << i;
    }
    const Result<KvStoreStats> stats = script.store()->stats();
    ASSERT_TRUE(stats.ok()) << what << ": " << stats.status().message();
    EXPECT_EQ(stats->liveBytes + stats->garbageBytes, stats->diskBytes) << what;
    EXPECT_EQ(stats->diskBytes, segmentBytesOnDisk(script.path())) << what;
}

/// Runs the script with each call of a class failing once; afterwards the disk is sound again, in the same process and after
/// opening anew.
void failEveryCall(CallClass callClass, Fault fault, bool mayLose) {
    int calls = 0;
    {
        ScriptedStore script(0);
        script.disk().failAt(callClass, 0, Fault::None);
        script.run();
        calls = script.disk().calls(callClass);
        ASSERT_TRUE(script.messages().empty()) << script.messages().front();
        ASSERT_EQ(script.acknowledged().size(), 10u);
    }
    ASSERT_GT(calls, 50);
    for (int k = 1; k <= calls && !::testing::Test::HasFailure(); ++k) {
        const std::string what = "call " + std::to_string(k) + " of " + std::to_string(calls);
        ScriptedStore script(0);
        script.disk().failAt(callClass, k, fault);
        script.run();
        EXPECT_TRUE(script.disk().faulted()) << what;
        script.disk().failAt(callClass, 0, Fault::None);
        EXPECT_EQ(script.disk().retriedSyncs(), 0) << what;
        ASSERT_NE(script.store(), nullptr) << what;
        EXPECT_TRUE(script.put(15)) << what << ": work goes on without opening anew: " << script.messages().back();
        expectSound(script, mayLose, what);
        ASSERT_TRUE(script.open()) << what << ": " << script.messages().back();
        expectSound(script, mayLose, what + ", opened anew");
        const Result<KvVerifyReport> report = script.store()->verify(0, 1, {}, {});
        ASSERT_TRUE(report.ok()) << what;
        EXPECT_TRUE(report->damaged.empty()) << what << ": " << report->damaged[0].reason;
    }
}

TEST(KvFaultTest, DiskFullAtAnyWriteLosesNothingAcknowledged) { failEveryCall(CallClass::Write, Fault::NoSpace, false); }

TEST(KvFaultTest, DeviceErrorAtAnyWriteLosesNothingAcknowledged) { failEveryCall(CallClass::Write, Fault::Device, false); }

TEST(KvFaultTest, ShortWritesAreContinued) { failEveryCall(CallClass::Write, Fault::ShortCount, false); }

TEST(KvFaultTest, InterruptedWritesAreContinued) { failEveryCall(CallClass::Write, Fault::Interrupted, false); }

TEST(KvFaultTest, ShortReadsAreContinued) { failEveryCall(CallClass::Read, Fault::ShortCount, false); }

TEST(KvFaultTest, InterruptedReadsAreContinued) { failEveryCall(CallClass::Read, Fault::Interrupted, false); }

// A record that could not be read is given up, so acknowledged records may become misses here: never wrong ones.
TEST(KvFaultTest, DeviceErrorAtAnyReadIsAtWorstAMiss) { failEveryCall(CallClass::Read, Fault::Device, true); }

TEST(KvFaultTest, FullDiskNamesPathAndBytesAndQuestionsGoOn) {
    ScriptedStore script(0);
    ASSERT_TRUE(script.open());
    for (int i = 0; i < 3; ++i)
        ASSERT_TRUE(script.put(i));
    script.disk().failAllWrites(Fault::NoSpace);
    const Status status = putChunk(*script.store(), 3);
    EXPECT_EQ(status.code(), StatusCode::NoSpace);
    EXPECT_NE(status.message().find(script.path()), std::string::npos) << status.message();
    EXPECT_NE(status.message().find("bytes"), std::string::npos) << status.message();
    for (int i = 0; i < 3; ++i)
        EXPECT_EQ(readBack(*script.store(), i), Answer::Right);
    script.touch(1);
    script.quarantine(2);
    EXPECT_EQ(readBack(*script.store(), 2), Answer::Miss)
        << "a damaged record is a miss even when its row cannot be taken out";
    script.disk().failAt(CallClass::Write, 0, Fault::None);
    EXPECT_TRUE(script.put(3)) << script.messages().back();
    EXPECT_TRUE(script.put(2)) << script.messages().back();
    EXPECT_EQ(readBack(*script.store(), 2), Answer::Right);
    expectSound(script, false, "after the disk had room again");
}

TEST(KvFaultTest, CapHoldsWhateverFails) {
    constexpr std::uint64_t kCap = 6 * (kRecordBytes + kHeaderBytes);
    const auto session = [](ScriptedStore& script) {
        for (int i = 0; i < kNumbers; ++i)
            script.put(i);
        script.evictTo(kCap / 2);
        script.put(3);
    };
    int calls = 0;
    {
        ScriptedStore script(kCap);
        ASSERT_TRUE(script.open());
        script.disk().failAt(CallClass::Write, 0, Fault::None);
        session(script);
        calls = script.disk().calls(CallClass::Write);
    }
    for (int k = 1; k <= calls && !HasFailure(); ++k) {
        ScriptedStore script(kCap);
        ASSERT_TRUE(script.open());
        script.disk().failAt(CallClass::Write, k, Fault::Device);
        session(script);
        script.disk().failAt(CallClass::Write, 0, Fault::None);
        EXPECT_LE(segmentBytesOnDisk(script.path()), kCap) << k;
        expectSound(script, true, "call " + std::to_string(k));
        EXPECT_TRUE(script.put(1)) << k << ": " << script.messages().back();
        EXPECT_EQ(readBack(*script.store(), 1), Answer::Right) << k;
        EXPECT_LE(segmentBytesOnDisk(script.path()), kCap) << k;
        ASSERT_TRUE(script.open()) << k;
        expectSound(script, true, "opened anew, call " + std::to_string(k));
    }
}

}  // namespace
}  // namespace storage::testing
