// The connection's settings and the translation of SQLite's result codes; DESIGN: one connection per file, exclusive, WAL,
// FULL.
#include "storage/sqlite/database.h"

#include <sqlite3.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace storage {
namespace {

Status statusOf(sqlite3* connection, int code, const std::string& where) {
    StatusCode kind = StatusCode::IoError;
    switch (code & 0xff) {
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
        case SQLITE_SCHEMA:
        case SQLITE_MISMATCH:
        case SQLITE_ERROR:
            kind = StatusCode::Damaged;
            break;  // our SQL is constant: an error means a broken schema
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
            kind = StatusCode::Busy;
            break;
        case SQLITE_FULL:
            kind = StatusCode::NoSpace;
            break;
        case SQLITE_READONLY:
        case SQLITE_PERM:
            kind = StatusCode::ReadOnly;
            break;
        case SQLITE_NOMEM:
            kind = StatusCode::OutOfMemory;
            break;
        case SQLITE_CONSTRAINT:
        case SQLITE_TOOBIG:
        case SQLITE_RANGE:
            kind = StatusCode::InvalidArgument;
            break;
        case SQLITE_MISUSE:
        case SQLITE_INTERNAL:
            kind = StatusCode::Internal;
            break;
        default:
            break;
    }
    std::string message = where + ": " + (connection != nullptr ? sqlite3_errmsg(connection) : sqlite3_errstr(code));
    const int systemError = connection != nullptr ? sqlite3_system_errno(connection) : 0;
    if (kind == StatusCode::IoError && systemError != 0) {
        message += std::string(" (") + std::strerror(systemError) + ")";
        if (systemError == ENOSPC || systemError == EDQUOT)
            kind = StatusCode::NoSpace;
    }
    return Status(kind, message);
}

std::string statementPath(sqlite3_stmt* statement) {
    const char* path = sqlite3_db_filename(sqlite3_db_handle(statement), "main");
    return path != nullptr && *path != '\0' ? path : "in-memory database";
}

/// file: URI of a path; '?', '#' and '%' would end or alter it.
std::string uriOf(const std::string& path) {
    static constexpr char kDigits[] = "0123456789ABCDEF";
    std::string uri = "file:";
    for (const char c : path) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '?' || c == '#' || c == '%' || byte < 0x20) {
            uri += '%';
            uri += kDigits[byte >> 4];
            uri += kDigits[byte & 15];
        } else {
            uri += c;
        }
    }
    return uri;
}

}  // namespace

Statement::~Statement() {
    if (m_statement != nullptr) {
        sqlite3_reset(m_statement);
        sqlite3_clear_bindings(m_statement);
    }
}

void Statement::note(int code) {
    if (code != SQLITE_OK && m_status.ok())
        m_status = statusOf(sqlite3_db_handle(m_statement), code, statementPath(m_statement));
}

Statement& Statement::bind(std::int64_t value) {
    if (m_statement != nullptr)
        note(sqlite3_bind_int64(m_statement, ++m_bound, value));
    return *this;
}

Statement& Statement::bind(std::string_view text) {
    // A null pointer would bind NULL, also for an empty text.
    if (m_statement != nullptr)
        note(sqlite3_bind_text64(m_statement, ++m_bound, text.empty() ? "" : text.data(), text.size(), SQLITE_TRANSIENT,
                                 SQLITE_UTF8));
    return *this;
}

Statement& Statement::bind(std::span<const std::uint8_t> blob) {
    if (m_statement != nullptr)
        note(blob.empty() ? sqlite3_bind_zeroblob(m_statement, ++m_bound, 0)
                          : sqlite3_bind_blob64(m_statement, ++m_bound, blob.data(), blob.size(), SQLITE_TRANSIENT));
    return *this;
}

Statement& Statement::bindNull() {
    if (m_statement != nullptr)
        note(sqlite3_bind_null(m_statement, ++m_bound));
    return *this;
}

Result<bool> Statement::step() {
    if (!m_status.ok())
        return m_status;
    const int code = sqlite3_step(m_statement);
    if (code == SQLITE_ROW)
        return true;
    if (code == SQLITE_DONE)
        return false;
    note(code);
    return m_status;
}

Status Statement::run() {
    for (;;) {
        const Result<bool> row = step();
        if (!row)
            return row.status();
        if (!*row)
            return {};
    }
}

std::int64_t Statement::integer(int column) const { return sqlite3_column_int64(m_statement, column); }
double Statement::real(int column) const { return sqlite3_column_double(m_statement, column); }
std::string Statement::text(int column) const { return std::string(textView(column)); }

std::string_view Statement::textView(int column) const {
    const unsigned char* text = sqlite3_column_text(m_statement, column);
    if (text == nullptr)
        return {};
    return {reinterpret_cast<const char*>(text), static_cast<std::size_t>(sqlite3_column_bytes(m_statement, column))};
}

std::span<const std::uint8_t> Statement::blob(int column) const {
    const void* bytes = sqlite3_column_blob(m_statement, column);
    if (bytes == nullptr)
        return {};
    return {static_cast<const std::uint8_t*>(bytes), static_cast<std::size_t>(sqlite3_column_bytes(m_statement, column))};
}

Digest Statement::digest(int column) const {
    Digest digest;
    const std::span<const std::uint8_t> bytes = blob(column);
    if (bytes.size() == digest.bytes.size())
        std::memcpy(digest.bytes.data(), bytes.data(), bytes.size());
    return digest;
}

bool Statement::isNull(int column) const { return sqlite3_column_type(m_statement, column) == SQLITE_NULL; }

Result<std::unique_ptr<Database>> Database::open(const std::string& path, DatabaseMode mode) {
    std::string name = path;
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    if (mode == DatabaseMode::ReadWrite) {
        flags |= SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    } else if (mode == DatabaseMode::ReadOnly) {
        flags |= SQLITE_OPEN_READONLY | SQLITE_OPEN_URI;
        name = uriOf(path) + "?immutable=1";
    } else {
        flags |= SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MEMORY;
        name = ":memory:";
    }
    sqlite3* connection = nullptr;
    const int code = sqlite3_open_v2(name.c_str(), &connection, flags, nullptr);
    std::unique_ptr<Database> database(new Database(connection, path));
    if (code != SQLITE_OK)
        return statusOf(connection, code, path);
    sqlite3_db_config(connection, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    // locking_mode first: set before the first access to a WAL database it keeps the WAL index in memory, without a -shm
    // file. temp_store: statement journals must not go to files outside the workspace.
    Status status = database->execute(
        "PRAGMA locking_mode=EXCLUSIVE; PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; PRAGMA mmap_size=0;"
        "PRAGMA foreign_keys=ON; PRAGMA temp_store=MEMORY; PRAGMA synchronous=FULL; PRAGMA secure_delete=ON;");
    if (!status.ok())
        return status;
    if (mode == DatabaseMode::ReadWrite) {
        Statement journal = database->query("PRAGMA journal_mode=WAL");
        const Result<bool> row = journal.step();
        if (!row)
            return row.status();
        if (!*row || journal.textView(0) != "wal")
            return Status(StatusCode::IoError, path + ": the write-ahead log cannot be switched on");
    }
    return database;
}

Database::~Database() {
    for (const auto& [sql, statement] : m_statements)
        sqlite3_finalize(statement);
    sqlite3_close_v2(m_connection);
}

Statement Database::query(std::string_view sql) {
    const auto known = m_statements.find(sql);
    if (known != m_statements.end())
        return Statement(known->second, {});
    sqlite3_stmt* statement = nullptr;
    const int code = sqlite3_prepare_v3(m_connection, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                                        &statement, nullptr);
    if (code != SQLITE_OK)
        return Statement(nullptr, statusOf(m_connection, code, m_path));
    m_statements.emplace(sql, statement);
    return Statement(statement, {});
}

Status Database::execute(const std::string& sql) {
    const int code = sqlite3_exec(m_connection, sql.c_str(), nullptr, nullptr, nullptr);
    return code == SQLITE_OK ? Status() : statusOf(m_connection, code, m_path);
}

std::int64_t Database::lastInsertId() const { return sqlite3_last_insert_rowid(m_connection); }
std::int64_t Database::changes() const { return sqlite3_changes64(m_connection); }
bool Database::inTransaction() const { return sqlite3_get_autocommit(m_connection) == 0; }

Status Database::copyTo(const std::string& path) { return query("VACUUM INTO ?").bind(path).run(); }

Result<std::unique_ptr<Transaction>> Transaction::begin(Database& database) {
    if (Status status = database.query("BEGIN IMMEDIATE").run(); !status.ok())
        return status;
    return std::unique_ptr<Transaction>(new Transaction(database));
}

Transaction::~Transaction() {
    // A failed statement may have rolled back already; a failed rollback leaves nothing to do: the next open recovers.
    if (m_database.inTransaction())
        static_cast<void>(m_database.query("ROLLBACK").run());
}

Status Transaction::commit() { return m_database.query("COMMIT").run(); }

}  // namespace storage
