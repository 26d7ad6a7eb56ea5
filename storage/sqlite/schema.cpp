// user_version can be changed by a single flipped bit, so the same number stands in the meta table with an XXH3-64 of its
// own.
#include "storage/sqlite/schema.h"

#include <filesystem>
#include <system_error>

#include "storage/segment/hash.h"

namespace storage {
namespace {

std::int64_t versionHash(std::int64_t version) { return RowHash("meta").add("schema_version").add(version).finish(); }

Result<bool> hasMeta(Database& database) {
    Statement table = database.query("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'meta'");
    return table.step();
}

Status writeVersion(Database& database, int version) {
    Status status = database.query("INSERT OR REPLACE INTO meta(name, value, row_hash) VALUES('schema_version', ?, ?)")
                        .bind(version)
                        .bind(versionHash(version))
                        .run();
    if (!status.ok())
        return status;
    return database.execute("PRAGMA user_version=" + std::to_string(version));
}

Status newer(const std::string& path, int version, int newest) {
    return Status(StatusCode::Refused, path + " was written by a newer version of this program (format " +
                                           std::to_string(version) + ", this one knows up to " + std::to_string(newest) +
                                           "); nothing was changed: use the newer program");
}

}  // namespace

Result<int> schemaVersion(Database& database) {
    std::int64_t userVersion = 0;
    {
        Statement pragma = database.query("PRAGMA user_version");
        const Result<bool> row = pragma.step();
        if (!row)
            return row.status();
        userVersion = pragma.integer(0);
    }
    const Result<bool> meta = hasMeta(database);
    if (!meta)
        return meta.status();
    if (*meta) {
        Statement stored = database.query("SELECT value, row_hash FROM meta WHERE name = 'schema_version'");
        const Result<bool> row = stored.step();
        if (!row)
            return row.status();
        if (*row && stored.integer(1) == versionHash(stored.integer(0)))
            return static_cast<int>(stored.integer(0));
        if (userVersion == 0)
            return Status(StatusCode::Damaged, database.path() + ": the schema version is damaged");
    }
    return static_cast<int>(userVersion);
}

Status refuseNewer(const std::string& path, int newest) {
    std::error_code failure;
    if (std::filesystem::file_size(path, failure) == 0 || failure)
        return {};
    // With a log left over the file alone may be half-way through a checkpoint; migrate() looks again once the log is read.
    if (std::filesystem::file_size(path + "-wal", failure) > 0 && !failure)
        return {};
    Result<std::unique_ptr<Database>> database = Database::open(path, DatabaseMode::ReadOnly);
    if (!database)
        return database.status();
    const Result<int> version = schemaVersion(**database);
    if (!version)
        return version.status();
    return *version > newest ? newer(path, *version, newest) : Status();
}

Status migrate(Database& database, std::span<const Migration> steps, const std::function<Status(int version)>& backup) {
    const int newest = steps.empty() ? 0 : steps.back().version;
    const Result<int> found = schemaVersion(database);
    if (!found)
        return found.status();
    if (*found > newest)
        return newer(database.path(), *found, newest);
    if (*found == newest)
        return {};
    if (*found > 0)
        if (Status status = backup(*found); !status.ok())
            return status.withContext("backing up before a migration");
    for (const Migration& step : steps) {
        if (step.version <= *found)
            continue;
        Result<std::unique_ptr<Transaction>> transaction = Transaction::begin(database);
        if (!transaction)
            return transaction.status();
        if (Status status = database.execute(step.sql); !status.ok())
            return status.withContext("migrating to version " + std::to_string(step.version));
        if (Status status = writeVersion(database, step.version); !status.ok())
            return status;
        if (Status status = (*transaction)->commit(); !status.ok())
            return status;
    }
    return {};
}

}  // namespace storage
