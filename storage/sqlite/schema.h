// Schema versions of a database file: user_version, the guarded meta row, migrations in order.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "storage/sqlite/database.h"
#include "storage/status.h"

namespace storage {

/// One step: brings a database of `version - 1` to `version`.
struct Migration {
    int version = 0;
    const char* sql = "";
};

/// The database's version, 0 when it is empty. The meta row with its own hash is believed before user_version, which has no
/// check of its own. Errors: Damaged.
Result<int> schemaVersion(Database& database);

/// Reads the version without writing a byte and says Refused when it is newer than `newest`. An absent file is version 0.
Status refuseNewer(const std::string& path, int newest);

/// Applies the missing steps, each in its own transaction. `backup` runs once before the first step of a database that
/// already holds something; when it fails nothing is changed. Errors: Refused (newer version), Damaged, what `backup`
/// returns.
Status migrate(Database& database, std::span<const Migration> steps, const std::function<Status(int version)>& backup);

}  // namespace storage
