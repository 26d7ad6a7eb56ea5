// FileSystem and SQLite VFS that pass each call on to the real disk, after counting, failing or logging it.
#include "tests/storage/recorded_disk.h"

#include <sqlite3.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>
#include <new>
#include <set>
#include <span>

#include "tests/storage/kv_workspace.h"

namespace storage::testing {
namespace {

using Kind = DiskEvent::Kind;

constexpr std::size_t kPiece = 512;

DiskEvent event(Kind kind, std::string path) {
    DiskEvent made;
    made.kind = kind;
    made.path = std::move(path);
    return made;
}

int errnoOf(Fault fault) { return fault == Fault::NoSpace ? ENOSPC : EIO; }

bool isError(Fault fault) { return fault == Fault::NoSpace || fault == Fault::Device; }

std::string parentOf(const std::string& path) { return path.substr(0, path.find_last_of('/')); }

class RecordedFile final : public File {
public:
    RecordedFile(RecordedDisk& disk, std::unique_ptr<File> file) : m_disk(disk), m_file(std::move(file)) {}

    const std::string& path() const override { return m_file->path(); }

    Outcome<std::size_t> readAt(std::uint64_t offset, std::span<const ReadPart> parts) override {
        const Fault fault = m_disk.enter(CallClass::Read);
        if (isError(fault))
            return {0, EIO};
        if (fault == Fault::Interrupted)
            return {0, EINTR};
        if (fault == Fault::ShortCount) {
            const ReadPart half = parts[0].first((parts[0].size() + 1) / 2);
            return m_file->readAt(offset, std::span(&half, 1));
        }
        return m_file->readAt(offset, parts);
    }

    Outcome<std::size_t> writeAt(std::uint64_t offset, std::span<const WritePart> parts) override {
        const Fault fault = m_disk.enter(CallClass::Write);
        if (isError(fault))
            return {0, errnoOf(fault)};
        if (fault == Fault::Interrupted)
            return {0, EINTR};
        WritePart half = parts[0].first((parts[0].size() + 1) / 2);
        if (fault == Fault::ShortCount)
            parts = std::span(&half, 1);
        const Outcome<std::size_t> written = m_file->writeAt(offset, parts);
        std::size_t left = written.value;
        for (const WritePart part : parts) {
            const std::size_t count = std::min(left, part.size());
            DiskEvent write = event(Kind::Write, path());
            write.offset = offset;
            write.bytes.assign(part.begin(), part.begin() + static_cast<std::ptrdiff_t>(count));
            if (count > 0)
                m_disk.note(std::move(write));
            offset += count;
            left -= count;
        }
        return written;
    }

    int syncData() override { return sync(); }

    int sync() override {
        if (m_syncFailed)
            m_disk.noteRetriedSync();
        if (const Fault fault = m_disk.enter(CallClass::Write); isError(fault)) {
            m_syncFailed = true;
            return errnoOf(fault);
        }
        m_disk.note(event(Kind::SyncFile, path()));
        return 0;
    }

    int truncate(std::uint64_t sizeBytes) override {
        if (const Fault fault = m_disk.enter(CallClass::Write); isError(fault))
            return errnoOf(fault);
        DiskEvent cut = event(Kind::Truncate, path());
        cut.offset = sizeBytes;
        m_disk.note(std::move(cut));
        return m_file->truncate(sizeBytes);
    }

    Outcome<FileInfo> info() override {
        if (isError(m_disk.enter(CallClass::Read)))
            return {{}, EIO};
        return m_file->info();
    }

    int dropPages() override { return m_file->dropPages(); }

private:
    RecordedDisk& m_disk;
    const std::unique_ptr<File> m_file;
    bool m_syncFailed = false;
};

class RecordedFileSystem final : public FileSystem {
public:
    explicit RecordedFileSystem(RecordedDisk& disk) : m_disk(disk), m_real(makePosixFileSystem()) {}

    Outcome<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override {
        const bool creates = mode == OpenMode::CreateNew;
        const Fault fault = m_disk.enter(creates ? CallClass::Write : CallClass::Read);
        if (isError(fault))
            return {nullptr, creates ? errnoOf(fault) : EIO};
        if (fault == Fault::Interrupted)
            return {nullptr, EINTR};
        Outcome<std::unique_ptr<File>> opened = m_real->open(path, mode);
        if (opened.error != 0)
            return opened;
        if (creates)
            m_disk.note(event(Kind::Create, path));
        return {std::make_unique<RecordedFile>(m_disk, std::move(opened.value)), 0};
    }

    Outcome<FileInfo> info(const std::string& path) override {
        if (isError(m_disk.enter(CallClass::Read)))
            return {{}, EIO};
        return m_real->info(path);
    }

    Outcome<std::vector<DirectoryEntry>> list(const std::string& path) override {
        if (isError(m_disk.enter(CallClass::Read)))
            return {{}, EIO};
        return m_real->list(path);
    }

    int makeDirectory(const std::string& path) override {
        if (const Fault fault = m_disk.enter(CallClass::Write); isError(fault))
            return errnoOf(fault);
        const int error = m_real->makeDirectory(path);
        if (error == 0)
            m_disk.note(event(Kind::MakeDirectory, path));
        return error;
    }

    int rename(const std::string& from, const std::string& to) override {
        if (const Fault fault = m_disk.enter(CallClass::Write); isError(fault))
            return errnoOf(fault);
        const int error = m_real->rename(from, to);
        if (error == 0) {
            DiskEvent renamed = event(Kind::Rename, from);
            renamed.target = to;
            m_disk.note(std::move(renamed));
        }
        return error;
    }

    int unlink(const std::string& path) override {
        if (const Fault fault = m_disk.enter(CallClass::Write); isError(fault))
            return errnoOf(fault);
        const int error = m_real->unlink(path);
        if (error == 0)
            m_disk.note(event(Kind::Unlink, path));
        return error;
    }

    int syncDirectory(const std::string& path) override {
        if (const Fault fault = m_disk.enter(CallClass::Write); isError(fault))
            return errnoOf(fault);
        m_disk.note(event(Kind::SyncDirectory, path));
        return 0;
    }

private:
    RecordedDisk& m_disk;
    const std::unique_ptr<FileSystem> m_real;
};

// ---- SQLite's files --------------------------------------------------------------------------------------------

struct ShimFile {
    sqlite3_file base;
    RecordedDisk* disk;
    std::string* path;    // null: a nameless temporary file, not recorded
    bool syncsDirectory;  // the unix VFS syncs the directory with the first sync of a journal or log
    sqlite3_file* real;   // follows in the same allocation
};

ShimFile& shim(sqlite3_file* file) { return *reinterpret_cast<ShimFile*>(file); }

int closeShim(sqlite3_file* file) {
    ShimFile& self = shim(file);
    const int code = self.real->pMethods != nullptr ? self.real->pMethods->xClose(self.real) : SQLITE_OK;
    delete self.path;
    self.path = nullptr;
    return code;
}

int readShim(sqlite3_file* file, void* bytes, int count, sqlite3_int64 offset) {
    ShimFile& self = shim(file);
    if (isError(self.disk->enter(CallClass::Read)))
        return SQLITE_IOERR_READ;
    return self.real->pMethods->xRead(self.real, bytes, count, offset);
}

int writeShim(sqlite3_file* file, const void* bytes, int count, sqlite3_int64 offset) {
    ShimFile& self = shim(file);
    const Fault fault = self.disk->enter(CallClass::Write);
    if (isError(fault))
        return fault == Fault::NoSpace ? SQLITE_FULL : SQLITE_IOERR_WRITE;
    const int code = self.real->pMethods->xWrite(self.real, bytes, count, offset);
    if (code == SQLITE_OK && self.path != nullptr) {
        DiskEvent write = event(Kind::Write, *self.path);
        write.offset = static_cast<std::uint64_t>(offset);
        const auto* first = static_cast<const std::byte*>(bytes);
        write.bytes.assign(first, first + count);
        self.disk->note(std::move(write));
    }
    return code;
}

int truncateShim(sqlite3_file* file, sqlite3_int64 size) {
    ShimFile& self = shim(file);
    if (isError(self.disk->enter(CallClass::Write)))
        return SQLITE_IOERR_TRUNCATE;
    if (self.path != nullptr) {
        DiskEvent cut = event(Kind::Truncate, *self.path);
        cut.offset = static_cast<std::uint64_t>(size);
        self.disk->note(std::move(cut));
    }
    return self.real->pMethods->xTruncate(self.real, size);
}

int syncShim(sqlite3_file* file, int) {
    ShimFile& self = shim(file);
    if (isError(self.disk->enter(CallClass::Write)))
        return SQLITE_IOERR_FSYNC;
    if (self.path != nullptr) {
        self.disk->note(event(Kind::SyncFile, *self.path));
        if (self.syncsDirectory)
            self.disk->note(event(Kind::SyncDirectory, parentOf(*self.path)));
        self.syncsDirectory = false;
    }
    return SQLITE_OK;
}

int sizeShim(sqlite3_file* file, sqlite3_int64* size) {
    ShimFile& self = shim(file);
    return self.real->pMethods->xFileSize(self.real, size);
}

int lockShim(sqlite3_file* file, int level) { return shim(file).real->pMethods->xLock(shim(file).real, level); }
int unlockShim(sqlite3_file* file, int level) { return shim(file).real->pMethods->xUnlock(shim(file).real, level); }
int reservedShim(sqlite3_file* file, int* out) {
    return shim(file).real->pMethods->xCheckReservedLock(shim(file).real, out);
}
int controlShim(sqlite3_file* file, int code, void* argument) {
    return shim(file).real->pMethods->xFileControl(shim(file).real, code, argument);
}
int sectorShim(sqlite3_file* file) { return shim(file).real->pMethods->xSectorSize(shim(file).real); }
int deviceShim(sqlite3_file* file) { return shim(file).real->pMethods->xDeviceCharacteristics(shim(file).real); }

// Version 1 has no shared memory: WAL works only because the connection is exclusive before it first reads.
constexpr sqlite3_io_methods kShimMethods{
    1,           closeShim,  readShim,   writeShim, truncateShim, syncShim, sizeShim, lockShim, unlockShim, reservedShim,
    controlShim, sectorShim, deviceShim, nullptr,   nullptr,      nullptr,  nullptr,  nullptr,  nullptr};

struct Shim {
    sqlite3_vfs vfs;
    sqlite3_vfs* real;
    RecordedDisk* disk;
};

Shim& shim(sqlite3_vfs* vfs) { return *static_cast<Shim*>(vfs->pAppData); }

int openShim(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* outFlags) {
    Shim& self = shim(vfs);
    ShimFile& opened = *new (file) ShimFile{};
    opened.disk = self.disk;
    opened.real = reinterpret_cast<sqlite3_file*>(reinterpret_cast<char*>(file) + sizeof(ShimFile));
    const bool creates = (flags & SQLITE_OPEN_CREATE) != 0;
    if (isError(self.disk->enter(creates ? CallClass::Write : CallClass::Read)))
        return SQLITE_CANTOPEN;
    const bool there = name != nullptr && std::filesystem::exists(name);
    const int code = self.real->xOpen(self.real, name, opened.real, flags, outFlags);
    if (code != SQLITE_OK)
        return code;
    opened.base.pMethods = &kShimMethods;
    if (name != nullptr) {
        opened.path = new std::string(name);
        opened.syncsDirectory = creates && (flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL)) != 0;
        if (!there)
            self.disk->note(event(Kind::Create, name));
    }
    return SQLITE_OK;
}

int deleteShim(sqlite3_vfs* vfs, const char* name, int syncDirectory) {
    Shim& self = shim(vfs);
    if (isError(self.disk->enter(CallClass::Write)))
        return SQLITE_IOERR_DELETE;
    const int code = self.real->xDelete(self.real, name, 0);
    if (code == SQLITE_OK) {
        self.disk->note(event(Kind::Unlink, name));
        if (syncDirectory != 0)
            self.disk->note(event(Kind::SyncDirectory, parentOf(name)));
    }
    return code;
}

int accessShim(sqlite3_vfs* vfs, const char* name, int flags, int* out) {
    return shim(vfs).real->xAccess(shim(vfs).real, name, flags, out);
}
int fullPathShim(sqlite3_vfs* vfs, const char* name, int count, char* out) {
    return shim(vfs).real->xFullPathname(shim(vfs).real, name, count, out);
}
int randomShim(sqlite3_vfs* vfs, int count, char* out) { return shim(vfs).real->xRandomness(shim(vfs).real, count, out); }
int sleepShim(sqlite3_vfs*, int microseconds) { return microseconds; }
int timeShim(sqlite3_vfs* vfs, double* out) { return shim(vfs).real->xCurrentTime(shim(vfs).real, out); }
int lastErrorShim(sqlite3_vfs*, int, char*) { return 0; }

constexpr char kVfsName[] = "recorded";

/// The one VFS of that name; a second RecordedDisk at a time would replace the first.
Shim& makeShim(RecordedDisk& disk) {
    sqlite3_vfs* real = sqlite3_vfs_find("unix");
    auto* made = new Shim{};
    made->real = real;
    made->disk = &disk;
    made->vfs.iVersion = 1;
    made->vfs.szOsFile = static_cast<int>(sizeof(ShimFile)) + real->szOsFile;
    made->vfs.mxPathname = real->mxPathname;
    made->vfs.zName = kVfsName;
    made->vfs.pAppData = made;
    made->vfs.xOpen = openShim;
    made->vfs.xDelete = deleteShim;
    made->vfs.xAccess = accessShim;
    made->vfs.xFullPathname = fullPathShim;
    made->vfs.xRandomness = randomShim;
    made->vfs.xSleep = sleepShim;
    made->vfs.xCurrentTime = timeShim;
    made->vfs.xGetLastError = lastErrorShim;
    return *made;
}

// ---- what survives ---------------------------------------------------------------------------------------------

struct Inode {
    std::vector<std::byte> durable;
    std::vector<const DiskEvent*> pending;
};

void applyChange(std::vector<std::byte>& bytes, const DiskEvent& change) {
    if (change.kind == Kind::Truncate) {
        bytes.resize(change.offset);
        return;
    }
    if (bytes.size() < change.offset + change.bytes.size())
        bytes.resize(change.offset + change.bytes.size());
    std::copy(change.bytes.begin(), change.bytes.end(), bytes.begin() + static_cast<std::ptrdiff_t>(change.offset));
}

/// Any of the pieces of any of the changes, in order.
void applySome(std::vector<std::byte>& bytes, const DiskEvent& change, std::mt19937_64& random) {
    if (change.kind == Kind::Truncate) {
        if (random() % 2 == 0)
            applyChange(bytes, change);
        return;
    }
    for (std::size_t at = 0; at < change.bytes.size(); at += kPiece) {
        if (random() % 2 == 0)
            continue;
        DiskEvent piece = event(Kind::Write, change.path);
        piece.offset = change.offset + at;
        const std::size_t count = std::min(kPiece, change.bytes.size() - at);
        piece.bytes.assign(change.bytes.begin() + static_cast<std::ptrdiff_t>(at),
                           change.bytes.begin() + static_cast<std::ptrdiff_t>(at + count));
        applyChange(bytes, piece);
    }
}

/// Names and files as the process saw them and as they are safe.
struct DiskState {
    std::vector<Inode> inodes;
    Inode nameless;
    std::map<std::string, int> names;  // -1 = directory
    std::map<std::string, int> durableNames;

    void replay(const DiskEvent& change) {
        switch (change.kind) {
            case Kind::Create:
                inodes.emplace_back();
                names[change.path] = static_cast<int>(inodes.size()) - 1;
                break;
            case Kind::Write:
            case Kind::Truncate:
                inode(change.path).pending.push_back(&change);
                break;
            case Kind::SyncFile:
                for (const DiskEvent* pending : inode(change.path).pending)
                    applyChange(inode(change.path).durable, *pending);
                inode(change.path).pending.clear();
                break;
            case Kind::SyncDirectory:
                syncNames(change.path);
                break;
            case Kind::MakeDirectory:
                names[change.path] = -1;
                break;
            case Kind::Rename:
                names[change.target] = names.at(change.path);
                names.erase(change.path);
                break;
            case Kind::Unlink:
                names.erase(change.path);
                break;
            case Kind::Mark:
                break;
        }
    }

    /// A file that lost its name while it was open takes changes that nobody will see again.
    Inode& inode(const std::string& path) {
        const auto found = names.find(path);
        return found == names.end() ? nameless : inodes[static_cast<std::size_t>(found->second)];
    }

    void syncNames(const std::string& directory) {
        std::erase_if(durableNames, [&](const auto& name) { return parentOf(name.first) == directory; });
        for (const auto& [name, number] : names)
            if (parentOf(name) == directory)
                durableNames[name] = number;
    }
};

}  // namespace

RecordedDisk::RecordedDisk() : m_fileSystem(std::make_unique<RecordedFileSystem>(*this)) {
    sqlite3_vfs_register(&makeShim(*this).vfs, 1);
}

RecordedDisk::~RecordedDisk() {
    sqlite3_vfs* vfs = sqlite3_vfs_find(kVfsName);
    sqlite3_vfs_unregister(vfs);
    delete static_cast<Shim*>(vfs->pAppData);
}

void RecordedDisk::failAt(CallClass callClass, int number, Fault fault) {
    const int index = static_cast<int>(callClass);
    m_failAllWrites = false;
    m_calls[index] = 0;
    m_failAt[index] = number;
    m_fault[index] = fault;
    m_faulted = false;
}

void RecordedDisk::failAllWrites(Fault fault) {
    failAt(CallClass::Write, 0, fault);
    m_failAllWrites = true;
}

Fault RecordedDisk::enter(CallClass callClass) {
    const int index = static_cast<int>(callClass);
    ++m_calls[index];
    const bool fails = m_calls[index] == m_failAt[index] || (m_failAllWrites && callClass == CallClass::Write);
    m_faulted = m_faulted || fails;
    return fails ? m_fault[index] : Fault::None;
}

void RecordedDisk::mark(int number) {
    DiskEvent made;
    made.offset = static_cast<std::uint64_t>(number);
    note(std::move(made));
}

void writeStateAfterPowerCut(const std::vector<DiskEvent>& events, std::size_t count, Unsynced unsynced,
                             std::mt19937_64& random, const std::string& root, const std::string& into) {
    DiskState state;
    for (std::size_t i = 0; i < count; ++i)
        state.replay(events[i]);
    std::map<std::string, int> names = unsynced == Unsynced::Lost ? state.durableNames : state.names;
    if (unsynced == Unsynced::Random) {
        std::map<std::string, int> mixed;
        std::set<std::string> all;
        for (const auto& [name, number] : state.names)
            all.insert(name);
        for (const auto& [name, number] : state.durableNames)
            all.insert(name);
        for (const std::string& name : all) {
            const std::map<std::string, int>& source = random() % 2 == 0 ? state.names : state.durableNames;
            if (const auto found = source.find(name); found != source.end())
                mixed.insert(*found);
        }
        names = mixed;
    }
    std::set<std::string> directories{root};
    for (const auto& [name, number] : names) {  // parents come before what lies in them
        if (name == root || !directories.contains(parentOf(name)))
            continue;
        const std::string target = into + name.substr(root.size());
        if (number < 0) {
            std::filesystem::create_directory(target);
            directories.insert(name);
            continue;
        }
        const Inode& inode = state.inodes[static_cast<std::size_t>(number)];
        std::vector<std::byte> bytes = inode.durable;
        for (const DiskEvent* pending : inode.pending) {
            if (unsynced == Unsynced::Kept)
                applyChange(bytes, *pending);
            else if (unsynced == Unsynced::Random)
                applySome(bytes, *pending, random);
        }
        writeFile(target, bytes);
    }
}

}  // namespace storage::testing
