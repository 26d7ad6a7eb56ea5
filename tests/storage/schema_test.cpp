// Schema versions: migrations in order, a backup before them, newer databases refused untouched.
#include "storage/sqlite/schema.h"

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <array>
#include <filesystem>

#include "storage/catalog.h"
#include "tests/storage/catalog_workspace.h"
#include "tests/storage/kv_workspace.h"
#include "tests/storage/temporary_directory.h"

namespace storage::testing {
namespace {

constexpr std::array<Migration, 1> kFirst{
    {{1,
      "CREATE TABLE meta(name TEXT PRIMARY KEY, value INTEGER NOT NULL, row_hash INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
      "CREATE TABLE words(word TEXT NOT NULL) STRICT;"}}};
constexpr std::array<Migration, 3> kThird{{kFirst[0],
                                           {2, "ALTER TABLE words ADD COLUMN length INTEGER NOT NULL DEFAULT 0;"},
                                           {3, "UPDATE words SET length = length(word);"}}};

Status noBackup(int) { return Status(StatusCode::Internal, "no backup was expected"); }

class SchemaTest : public ::testing::Test {
protected:
    std::unique_ptr<Database> open() {
        Result<std::unique_ptr<Database>> opened = Database::open(path(), DatabaseMode::ReadWrite);
        EXPECT_TRUE(opened.ok()) << opened.status().message();
        return *std::move(opened);
    }
    std::string path() const { return m_directory.path() + "/test.db"; }

    TemporaryDirectory m_directory;
};

TEST_F(SchemaTest, StepsAreAppliedInOrderAfterOneBackup) {
    {
        const std::unique_ptr<Database> database = open();
        ASSERT_TRUE(migrate(*database, kFirst, noBackup).ok());
        ASSERT_TRUE(migrate(*database, kFirst, noBackup).ok());
        ASSERT_TRUE(database->execute("INSERT INTO words VALUES('four')").ok());
        EXPECT_EQ(*schemaVersion(*database), 1);
    }
    const std::unique_ptr<Database> database = open();
    int backups = 0;
    const Status status = migrate(*database, kThird, [&](int version) {
        ++backups;
        EXPECT_EQ(version, 1);
        return database->copyTo(m_directory.path() + "/backup.db");
    });
    ASSERT_TRUE(status.ok()) << status.message();
    EXPECT_EQ(backups, 1);
    EXPECT_EQ(*schemaVersion(*database), 3);
    {
        Statement length = database->query("SELECT length FROM words");
        ASSERT_TRUE(*length.step());
        EXPECT_EQ(length.integer(0), 4);
    }
    const Result<std::unique_ptr<Database>> backup =
        Database::open(m_directory.path() + "/backup.db", DatabaseMode::ReadWrite);
    ASSERT_TRUE(backup.ok());
    EXPECT_EQ(*schemaVersion(**backup), 1);
    Statement word = (*backup)->query("SELECT word FROM words");
    EXPECT_TRUE(*word.step());
}

TEST_F(SchemaTest, FailedBackupChangesNothing) {
    const std::unique_ptr<Database> database = open();
    ASSERT_TRUE(migrate(*database, kFirst, noBackup).ok());
    EXPECT_FALSE(migrate(*database, kThird, [](int) { return Status(StatusCode::NoSpace, "full"); }).ok());
    EXPECT_EQ(*schemaVersion(*database), 1);
}

TEST_F(SchemaTest, FailedStepLeavesTheVersionBeforeIt) {
    constexpr std::array<Migration, 3> kBroken{
        {kFirst[0], kThird[1], {3, "UPDATE words SET length = 1; UPDATE nowhere SET x = 1;"}}};
    const std::unique_ptr<Database> database = open();
    ASSERT_TRUE(migrate(*database, kFirst, noBackup).ok());
    ASSERT_TRUE(database->execute("INSERT INTO words VALUES('four')").ok());
    EXPECT_FALSE(migrate(*database, kBroken, [](int) { return Status(); }).ok());
    EXPECT_EQ(*schemaVersion(*database), 2);
    Statement length = database->query("SELECT length FROM words");
    ASSERT_TRUE(*length.step());
    EXPECT_EQ(length.integer(0), 0);
}

TEST_F(SchemaTest, ConnectionHasTheSettingsThatTheStoreReliesOn) {
    const std::unique_ptr<Database> database = open();
    const std::pair<const char*, const char*> settings[] = {{"PRAGMA locking_mode", "exclusive"},
                                                            {"PRAGMA journal_mode", "wal"},
                                                            {"PRAGMA synchronous", "2"},
                                                            {"PRAGMA foreign_keys", "1"},
                                                            {"PRAGMA trusted_schema", "0"},
                                                            {"PRAGMA cell_size_check", "1"},
                                                            {"PRAGMA mmap_size", "0"},
                                                            {"PRAGMA temp_store", "2"}};
    for (const auto& [pragma, value] : settings) {
        Statement statement = database->query(pragma);
        const Result<bool> row = statement.step();
        ASSERT_TRUE(row.ok()) << pragma;
        // Without memory mapping compiled in or switched on there is either the row "0" or none.
        EXPECT_EQ(*row ? statement.text(0) : "0", value) << pragma;
    }
    EXPECT_FALSE(std::filesystem::exists(path() + "-shm")) << "an exclusive connection needs no shared memory file";
}

TEST_F(SchemaTest, UncommittedTransactionIsRolledBack) {
    const std::unique_ptr<Database> database = open();
    ASSERT_TRUE(migrate(*database, kFirst, noBackup).ok());
    {
        const Result<std::unique_ptr<Transaction>> transaction = Transaction::begin(*database);
        ASSERT_TRUE(transaction.ok());
        ASSERT_TRUE(database->execute("INSERT INTO words VALUES('gone')").ok());
    }
    EXPECT_FALSE(database->inTransaction());
    EXPECT_FALSE(*database->query("SELECT 1 FROM words").step());
}

TEST_F(SchemaTest, NewerCatalogIsRefusedWithNothingChanged) {
    const std::unique_ptr<FileSystem> fileSystem = makePosixFileSystem();
    const TemporaryDirectory workspace;
    {
        const Result<std::unique_ptr<Catalog>> catalog = Catalog::open({workspace.path(), false}, *fileSystem);
        ASSERT_TRUE(catalog.ok());
        ASSERT_TRUE((*catalog)->ensureCollection("papers").ok());
    }
    sqlite3* connection = nullptr;
    ASSERT_EQ(sqlite3_open((workspace.path() + "/workspace.db").c_str(), &connection), SQLITE_OK);
    ASSERT_EQ(sqlite3_exec(connection, "DELETE FROM meta; PRAGMA user_version = 2", nullptr, nullptr, nullptr), SQLITE_OK);
    sqlite3_close(connection);
    const std::string before = treeDigest(workspace.path());
    for (const bool readOnly : {false, true}) {
        const Result<std::unique_ptr<Catalog>> refused = Catalog::open({workspace.path(), readOnly}, *fileSystem);
        ASSERT_FALSE(refused.ok());
        EXPECT_EQ(refused.status().code(), StatusCode::Refused) << refused.status().message();
        EXPECT_EQ(treeDigest(workspace.path()), before);
    }
}

}  // namespace
}  // namespace storage::testing
