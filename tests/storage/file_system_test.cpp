// The POSIX file system and the loops over its calls.
#include "storage/file_system.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <filesystem>

#include "storage/os/file_io.h"
#include "tests/storage/kv_workspace.h"
#include "tests/storage/recorded_disk.h"
#include "tests/storage/temporary_directory.h"

namespace storage::testing {
namespace {

class FileSystemTest : public ::testing::Test {
protected:
    std::string at(const std::string& name) const { return m_directory.path() + "/" + name; }

    TemporaryDirectory m_directory;
    std::unique_ptr<FileSystem> m_fileSystem = makePosixFileSystem();
};

std::vector<std::byte> bytesOf(const std::string& text) {
    const auto bytes = std::as_bytes(std::span(text));
    return {bytes.begin(), bytes.end()};
}

TEST_F(FileSystemTest, OpensOnlyRegularFilesAndNeverBlocks) {
    ASSERT_EQ(::mkfifo(at("fifo").c_str(), 0600), 0);
    ASSERT_EQ(m_fileSystem->makeDirectory(at("directory")), 0);
    writeFile(at("file"), bytesOf("x"));
    std::filesystem::create_symlink(at("file"), at("link"));
    EXPECT_NE(m_fileSystem->open(at("fifo"), OpenMode::Read).error, 0);
    EXPECT_NE(m_fileSystem->open(at("fifo"), OpenMode::ReadWrite).error, 0);
    EXPECT_NE(m_fileSystem->open(at("directory"), OpenMode::Read).error, 0);
    EXPECT_EQ(m_fileSystem->open(at("link"), OpenMode::Read).error, ELOOP);
    EXPECT_EQ(m_fileSystem->open(at("link"), OpenMode::ReadWrite).error, ELOOP);
    EXPECT_EQ(m_fileSystem->open(at("file"), OpenMode::CreateNew).error, EEXIST);
    EXPECT_EQ(m_fileSystem->open(at("link"), OpenMode::CreateNew).error, EEXIST);
    EXPECT_EQ(m_fileSystem->open(at("absent"), OpenMode::Read).error, ENOENT);
    EXPECT_EQ(m_fileSystem->open("/dev/null", OpenMode::Read).error, EINVAL);
    EXPECT_EQ(m_fileSystem->open(at("file"), OpenMode::Read).error, 0);
}

TEST_F(FileSystemTest, ListAndInfoDoNotFollowLinks) {
    writeFile(at("file"), bytesOf("four"));
    std::filesystem::create_symlink(at("file"), at("link"));
    EXPECT_EQ(m_fileSystem->info(at("file")).value.kind, FileKind::Regular);
    EXPECT_EQ(m_fileSystem->info(at("file")).value.sizeBytes, 4u);
    EXPECT_EQ(m_fileSystem->info(at("link")).value.kind, FileKind::Other);
    const Outcome<std::vector<DirectoryEntry>> entries = m_fileSystem->list(m_directory.path());
    ASSERT_EQ(entries.value.size(), 2u);
    for (const DirectoryEntry& entry : entries.value)
        EXPECT_EQ(entry.kind, entry.name == "file" ? FileKind::Regular : FileKind::Other);
}

TEST_F(FileSystemTest, ManyPartsAreWrittenAndReadWhole) {
    // More parts than one call takes, some of them empty.
    std::vector<std::vector<std::byte>> pieces;
    std::vector<WritePart> parts;
    std::vector<std::byte> whole;
    for (int i = 0; i < 300; ++i) {
        pieces.emplace_back(static_cast<std::size_t>(i % 7), static_cast<std::byte>(i));
        whole.insert(whole.end(), pieces.back().begin(), pieces.back().end());
    }
    parts.assign(pieces.begin(), pieces.end());
    const Outcome<std::unique_ptr<File>> file = m_fileSystem->open(at("file"), OpenMode::CreateNew);
    ASSERT_EQ(file.error, 0);
    ASSERT_TRUE(writeFully(*file.value, 10, parts).ok());
    std::vector<std::byte> back(whole.size());
    std::vector<ReadPart> readParts;
    for (std::size_t at = 0; at < back.size(); at += 3)
        readParts.push_back(std::span(back).subspan(at, std::min<std::size_t>(3, back.size() - at)));
    ASSERT_TRUE(readFully(*file.value, 10, readParts).ok());
    EXPECT_EQ(back, whole);
    EXPECT_EQ(readFully(*file.value, 11, readParts).code(), StatusCode::Damaged) << "the file ends too early";
}

TEST_F(FileSystemTest, ErrorsNameActionPathAndReason) {
    const Status full = statusOfErrno(ENOSPC, "write", "/some/file");
    EXPECT_EQ(full.code(), StatusCode::NoSpace);
    EXPECT_EQ(full.message(), "cannot write /some/file: No space left on device");
    EXPECT_EQ(statusOfErrno(EIO, "read", "/f").code(), StatusCode::IoError);
    EXPECT_EQ(statusOfErrno(EROFS, "open", "/f").code(), StatusCode::ReadOnly);
    EXPECT_EQ(statusOfErrno(ENOENT, "open", "/f").code(), StatusCode::NotFound);
}

TEST_F(FileSystemTest, DurableFileIsTheFormerOrTheNewOneWhateverFails) {
    const std::string target = at("target");
    for (int k = 1; k < 10; ++k) {
        writeFile(target, bytesOf("former"));
        RecordedDisk disk;
        disk.failAt(CallClass::Write, k, Fault::Device);
        const Status status = writeFileDurably(disk.fileSystem(), at("temporary"), target, bytesOf("newer"));
        const std::vector<std::byte> found = readFile(target);
        EXPECT_TRUE(found == bytesOf("newer") || (found == bytesOf("former") && !status.ok())) << k;
        EXPECT_FALSE(std::filesystem::exists(at("temporary"))) << k;
        if (!disk.faulted())
            return;
    }
    FAIL() << "more calls than a durable write needs";
}

TEST_F(FileSystemTest, DurableFileIsSyncedBeforeItsNameAndTheNameAfter) {
    RecordedDisk disk;
    ASSERT_TRUE(writeFileDurably(disk.fileSystem(), at("temporary"), at("target"), bytesOf("bytes")).ok());
    std::vector<DiskEvent::Kind> kinds;
    for (const DiskEvent& event : disk.events())
        kinds.push_back(event.kind);
    using Kind = DiskEvent::Kind;
    EXPECT_EQ(kinds, (std::vector<Kind>{Kind::Create, Kind::Write, Kind::SyncFile, Kind::Rename, Kind::SyncDirectory}));
}

TEST_F(FileSystemTest, WholeFilesAreReadUpToALimit) {
    writeFile(at("file"), bytesOf("12345"));
    EXPECT_EQ(*readWholeFile(*m_fileSystem, at("file"), 5), bytesOf("12345"));
    EXPECT_EQ(readWholeFile(*m_fileSystem, at("file"), 4).status().code(), StatusCode::Refused);
    EXPECT_EQ(readWholeFile(*m_fileSystem, at("absent"), 4).status().code(), StatusCode::NotFound);
}

}  // namespace
}  // namespace storage::testing
