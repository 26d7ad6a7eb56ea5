// RAII over SQLite: one connection, its statements and transactions. The only code that includes <sqlite3.h> besides its
// .cpp.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "storage/ids.h"
#include "storage/status.h"

struct sqlite3;
struct sqlite3_stmt;

namespace storage {

enum class DatabaseMode {
    ReadWrite,  // created when absent
    ReadOnly,   // immutable=1: the file is taken as it is, its write-ahead log is not read
    Memory
};

/// A prepared statement in use; going out of scope resets it. Bind in order of `?`, step() until false.
class Statement {
public:
    Statement(sqlite3_stmt* statement, Status prepared) : m_statement(statement), m_status(std::move(prepared)) {}
    ~Statement();
    Statement(const Statement&) = delete;
    Statement& operator=(const Statement&) = delete;

    Statement& bind(std::int64_t value);
    Statement& bind(int value) { return bind(static_cast<std::int64_t>(value)); }
    Statement& bind(std::string_view text);
    Statement& bind(const std::string& text) { return bind(std::string_view(text)); }
    Statement& bind(const char*) = delete;
    Statement& bind(std::span<const std::uint8_t> blob);
    Statement& bind(const Digest& digest) { return bind(std::span<const std::uint8_t>(digest.bytes)); }
    Statement& bindNull();

    /// True while there is a row.
    Result<bool> step();
    /// Steps to the end, rows are dropped.
    Status run();

    std::int64_t integer(int column) const;
    double real(int column) const;
    std::string text(int column) const;
    /// Valid until the next step.
    std::string_view textView(int column) const;
    std::span<const std::uint8_t> blob(int column) const;
    /// Zeros when the column is not 32 bytes long.
    Digest digest(int column) const;
    bool isNull(int column) const;

private:
    void note(int code);

    sqlite3_stmt* const m_statement;  // owned by the Database's cache; null when preparing failed
    Status m_status;                  // of preparing and binding; step() returns it
    int m_bound = 0;
};

/// One connection, used by one thread at a time. EXCLUSIVE locking, WAL, synchronous=FULL, foreign keys.
class Database {
public:
    /// Errors: Damaged (not a database), Busy (another connection), ReadOnly, IoError, NoSpace.
    static Result<std::unique_ptr<Database>> open(const std::string& path, DatabaseMode mode);
    ~Database();
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;

    /// `sql` must live as long as the database (a literal): it is the key of the statement cache.
    Statement query(std::string_view sql);
    /// Runs several statements without parameters.
    Status execute(const std::string& sql);
    std::int64_t lastInsertId() const;
    std::int64_t changes() const;
    bool inTransaction() const;
    /// A consistent copy of the database in a new file, made durable by SQLite. Not within a transaction.
    Status copyTo(const std::string& path);
    const std::string& path() const { return m_path; }

private:
    friend class Transaction;
    Database(sqlite3* connection, std::string path) : m_connection(connection), m_path(std::move(path)) {}

    sqlite3* const m_connection;
    const std::string m_path;
    std::map<std::string_view, sqlite3_stmt*> m_statements;
};

/// BEGIN IMMEDIATE … COMMIT; rolled back when it is destroyed uncommitted.
class Transaction {
public:
    static Result<std::unique_ptr<Transaction>> begin(Database& database);
    ~Transaction();
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;

    /// The commit point: durable when ok. After an error nothing of it is visible.
    Status commit();

private:
    explicit Transaction(Database& database) : m_database(database) {}

    Database& m_database;
};

}  // namespace storage
