// A disk that remembers every call and can fail any of them: FileSystem and SQLite's files go through one log.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "storage/file_system.h"

namespace storage::testing {

/// What one call did to the disk.
struct DiskEvent {
    enum class Kind { Create, Write, Truncate, SyncFile, SyncDirectory, MakeDirectory, Rename, Unlink, Mark };
    Kind kind = Kind::Mark;
    std::string path;
    std::string target;            // Rename
    std::uint64_t offset = 0;      // Write; Truncate: the size; Mark: the number
    std::vector<std::byte> bytes;  // Write
};

enum class CallClass { Read, Write };

enum class Fault {
    None,
    NoSpace,      // ENOSPC / SQLITE_FULL
    Device,       // EIO
    ShortCount,   // half of the bytes are read or written
    Interrupted,  // EINTR, where a call can be interrupted
};

/// One thread. While it exists SQLite's default VFS goes through it.
class RecordedDisk {
public:
    RecordedDisk();
    ~RecordedDisk();
    RecordedDisk(const RecordedDisk&) = delete;
    RecordedDisk& operator=(const RecordedDisk&) = delete;

    FileSystem& fileSystem() { return *m_fileSystem; }

    /// The `number`-th call of that class from now on (1 = the next) fails once; 0 = none.
    void failAt(CallClass callClass, int number, Fault fault);
    /// Every write-class call fails from now on, until failAt().
    void failAllWrites(Fault fault);
    int calls(CallClass callClass) const { return m_calls[static_cast<int>(callClass)]; }
    bool faulted() const { return m_faulted; }
    /// Syncs of files whose sync had failed before, since creation.
    int retriedSyncs() const { return m_retriedSyncs; }

    const std::vector<DiskEvent>& events() const { return m_events; }
    /// Puts a number into the log: "all before this was acknowledged".
    void mark(int number);

    // For the implementations of FileSystem, File and the VFS.
    Fault enter(CallClass callClass);
    void note(DiskEvent event) { m_events.push_back(std::move(event)); }
    void noteRetriedSync() { ++m_retriedSyncs; }

private:
    std::unique_ptr<FileSystem> m_fileSystem;
    std::vector<DiskEvent> m_events;
    int m_calls[2] = {0, 0};
    int m_failAt[2] = {0, 0};
    Fault m_fault[2] = {Fault::None, Fault::None};
    bool m_failAllWrites = false;
    bool m_faulted = false;
    int m_retriedSyncs = 0;
};

/// What a disk holds when the power goes after the first `count` events.
enum class Unsynced {
    Lost,    // nothing that was not synced survives, neither bytes nor names
    Random,  // of each file any of the pending 512-byte pieces, of each name either state
    Kept     // everything survives: the process was killed, not the machine
};
/// Writes that state of the tree below `root` into the empty directory `into`.
void writeStateAfterPowerCut(const std::vector<DiskEvent>& events, std::size_t count, Unsynced unsynced,
                             std::mt19937_64& random, const std::string& root, const std::string& into);

}  // namespace storage::testing
