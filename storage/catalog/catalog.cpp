// Opening and migrating workspace.db, collections, history, and the check of everything that is precious.
#include "storage/catalog.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "storage/catalog/catalog_impl.h"
#include "storage/catalog/catalog_rows.h"
#include "storage/os/file_io.h"
#include "storage/sqlite/schema.h"

namespace storage {
namespace {

constexpr char kDatabaseName[] = "/workspace.db";

constexpr std::array<Migration, 1> kMigrations{{{1, R"sql(
CREATE TABLE meta(name TEXT PRIMARY KEY, value INTEGER NOT NULL, row_hash INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE collections(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, row_hash INTEGER NOT NULL) STRICT;
CREATE TABLE documents(
    id INTEGER PRIMARY KEY AUTOINCREMENT, content BLOB NOT NULL UNIQUE, title TEXT NOT NULL, media_type TEXT NOT NULL,
    characters INTEGER NOT NULL, pages INTEGER NOT NULL, page_map BLOB NOT NULL, sections BLOB NOT NULL,
    row_hash INTEGER NOT NULL, text TEXT NOT NULL) STRICT;
CREATE TABLE sources(
    collection INTEGER NOT NULL REFERENCES collections(id), path TEXT NOT NULL, size INTEGER NOT NULL,
    modified INTEGER NOT NULL, state INTEGER NOT NULL, reason TEXT NOT NULL, document INTEGER REFERENCES documents(id),
    chunker BLOB NOT NULL, row_hash INTEGER NOT NULL, PRIMARY KEY(collection, path)) STRICT, WITHOUT ROWID;
CREATE INDEX sources_by_document ON sources(document, chunker, collection);
CREATE TABLE chunks(
    number INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, document INTEGER NOT NULL REFERENCES documents(id),
    chunker BLOB NOT NULL, ordinal INTEGER NOT NULL, begin_character INTEGER NOT NULL, end_character INTEGER NOT NULL,
    begin_byte INTEGER NOT NULL, end_byte INTEGER NOT NULL, first_page INTEGER NOT NULL, last_page INTEGER NOT NULL,
    tokens INTEGER NOT NULL, header TEXT NOT NULL, search_text TEXT NOT NULL, row_hash INTEGER NOT NULL) STRICT;
CREATE INDEX chunks_by_document ON chunks(document, chunker, ordinal);
CREATE VIRTUAL TABLE chunk_text USING fts5(
    search_text, content='chunks', content_rowid='number', tokenize="unicode61 remove_diacritics 2");
CREATE TRIGGER chunks_inserted AFTER INSERT ON chunks BEGIN
    INSERT INTO chunk_text(rowid, search_text) VALUES(new.number, new.search_text);
END;
CREATE TRIGGER chunks_deleted AFTER DELETE ON chunks BEGIN
    INSERT INTO chunk_text(chunk_text, rowid, search_text) VALUES('delete', old.number, old.search_text);
END;
CREATE TRIGGER chunks_updated AFTER UPDATE OF number, search_text ON chunks BEGIN
    INSERT INTO chunk_text(chunk_text, rowid, search_text) VALUES('delete', old.number, old.search_text);
    INSERT INTO chunk_text(rowid, search_text) VALUES(new.number, new.search_text);
END;
CREATE TABLE answers(
    id INTEGER PRIMARY KEY AUTOINCREMENT, asked_at INTEGER NOT NULL, collection INTEGER NOT NULL, question TEXT NOT NULL,
    answer TEXT NOT NULL, details TEXT NOT NULL, row_hash INTEGER NOT NULL) STRICT;
CREATE TABLE dropped_originals(content BLOB PRIMARY KEY) STRICT, WITHOUT ROWID;
)sql"}}};

/// Columns id, asked_at, collection, question, answer, details.
AnswerRecord answerOfRow(const Statement& row) {
    AnswerRecord answer;
    answer.id = row.integer(0);
    answer.askedAtMs = row.integer(1);
    answer.collection.value = row.integer(2);
    answer.question = row.text(3);
    answer.answer = row.text(4);
    answer.detailsJson = row.text(5);
    return answer;
}

/// Columns id, name, documents, chunks.
CollectionRecord collectionOfRow(const Statement& row) {
    return {CollectionId{row.integer(0)}, row.text(1), static_cast<int>(row.integer(2)), static_cast<int>(row.integer(3))};
}

}  // namespace

Result<std::unique_ptr<Catalog>> Catalog::open(const CatalogOptions& options, FileSystem& fileSystem) {
    auto catalog = std::make_unique<CatalogImpl>(options, fileSystem);
    if (Status status = catalog->start(); !status.ok())
        return status.withContext("opening the catalog");
    return std::unique_ptr<Catalog>(std::move(catalog));
}

CatalogImpl::CatalogImpl(const CatalogOptions& options, FileSystem& fileSystem)
    : m_options(options), m_fileSystem(fileSystem), m_originals(fileSystem, options.directory) {}

Status CatalogImpl::start() {
    const std::string path = m_options.directory + kDatabaseName;
    const int newest = kMigrations.back().version;
    const auto advise = [&](const Status& status) {
        if (status.code() != StatusCode::Damaged)
            return status;
        return Status(StatusCode::Damaged,
                      status.message() + "; restore " + path + " from " + m_options.directory +
                          "/backup or import the documents into a new workspace (the imported files are in " +
                          m_options.directory + "/docs)");
    };
    if (Status status = refuseEmptied(path); !status.ok())
        return advise(status);
    if (Status status = refuseNewer(path, newest); !status.ok())
        return advise(status);
    if (m_options.readOnly) {
        const Outcome<FileInfo> log = m_fileSystem.info(path + "-wal");
        if (log.error == 0 && log.value.sizeBytes > 0)
            return Status(StatusCode::ReadOnly,
                          path + " was not closed properly; open the workspace once where it can be written");
    } else if (Status status = createFolders(); !status.ok()) {
        return status;
    } else {
        emptyTemporaryFolder();
    }
    Result<std::unique_ptr<Database>> database =
        Database::open(path, m_options.readOnly ? DatabaseMode::ReadOnly : DatabaseMode::ReadWrite);
    if (!database)
        return advise(database.status());
    m_database = *std::move(database);
    if (m_options.readOnly) {
        const Result<int> version = schemaVersion(*m_database);
        if (!version)
            return advise(version.status());
        if (*version < newest)
            return Status(StatusCode::ReadOnly,
                          path + " must be migrated first; open the workspace once where it can be written");
        return advise(checkSchema());
    }
    if (Status status = migrate(*m_database, kMigrations, [this](int version) { return backUp(version); }); !status.ok())
        return advise(status);
    if (Status status = checkSchema(); !status.ok())
        return advise(status);
    return advise(removeDroppedOriginals());
}

Status CatalogImpl::refuseEmptied(const std::string& path) {
    const Outcome<FileInfo> database = m_fileSystem.info(path);
    const Outcome<FileInfo> log = m_fileSystem.info(path + "-wal");
    const bool isEmpty = database.error == 0 && database.value.sizeBytes == 0;
    if (!isEmpty || (log.error == 0 && log.value.sizeBytes > 0))
        return {};
    const Result<std::vector<std::string>> originals = m_originals.strays({});
    if (!originals || originals->empty())
        return {};  // a first start that was cut off
    return Status(StatusCode::Damaged,
                  path + " was emptied: it told of " + std::to_string(originals->size()) + " imported files");
}

Status CatalogImpl::requireWritable() const {
    if (m_options.readOnly)
        return Status(StatusCode::ReadOnly, "the workspace " + m_options.directory + " is open for reading only");
    return {};
}

Status CatalogImpl::createFolders() {
    for (const char* name : {"", "/docs", "/backup", "/tmp"})
        if (Status status = ensureDirectory(m_fileSystem, m_options.directory + name); !status.ok())
            return status;
    return {};
}

void CatalogImpl::emptyTemporaryFolder() {
    const std::string folder = m_options.directory + "/tmp";
    const Outcome<std::vector<DirectoryEntry>> entries = m_fileSystem.list(folder);
    for (const DirectoryEntry& entry : entries.value)
        if (entry.kind != FileKind::Directory)
            m_fileSystem.unlink(folder + "/" + entry.name);  // one that cannot be removed now is tried again next time
}

Status CatalogImpl::backUp(int version) {
    const std::string temporary = m_options.directory + "/tmp/backup.db";
    std::string target;
    for (int number = 1; target.empty(); ++number) {
        const std::string name =
            m_options.directory + "/backup/workspace-v" + std::to_string(version) + "-" + std::to_string(number) + ".db";
        if (m_fileSystem.info(name).error == ENOENT)
            target = name;
        else if (number == 1000)
            return Status(StatusCode::NoSpace, m_options.directory + "/backup is full of backups; remove old ones");
    }
    m_fileSystem.unlink(temporary);
    if (Status status = m_database->copyTo(temporary); !status.ok())
        return status;
    {
        const Outcome<std::unique_ptr<File>> file = openFile(m_fileSystem, temporary, OpenMode::ReadWrite);
        if (file.error != 0)
            return statusOfErrno(file.error, "open", temporary);
        if (const int error = file.value->sync(); error != 0)
            return statusOfErrno(error, "sync", temporary);
    }
    if (const int error = m_fileSystem.rename(temporary, target); error != 0)
        return statusOfErrno(error, "rename " + temporary + " to", target);
    if (const int error = m_fileSystem.syncDirectory(parentDirectory(target)); error != 0)
        return statusOfErrno(error, "sync the directory of", target);
    return {};
}

Status CatalogImpl::checkSchema() {
    const auto schemaOf = [](Database& database) {
        // The full text's shadow tables are SQLite's own business and may differ from one of its versions to the next.
        Statement rows = database.query(
            "SELECT type || ' ' || name || ' ' || tbl_name || ' ' || sql FROM sqlite_schema WHERE sql IS NOT NULL "
            "AND NOT (type = 'table' AND (name GLOB 'chunk_text_*' OR name GLOB 'sqlite_*')) ORDER BY type, name");
        return collectRows<std::string>(rows, [](const Statement& row) { return std::optional<std::string>(row.text(0)); });
    };
    Result<std::unique_ptr<Database>> model = Database::open(m_database->path(), DatabaseMode::Memory);
    if (!model)
        return model.status();
    if (Status status = migrate(**model, kMigrations, [](int) { return Status(); }); !status.ok())
        return status;
    const Result<std::vector<std::string>> wanted = schemaOf(**model);
    const Result<std::vector<std::string>> found = schemaOf(*m_database);
    if (!wanted || !found)
        return wanted ? found.status() : wanted.status();
    if (*wanted != *found)
        return Status(StatusCode::Damaged, m_database->path() + ": its tables are not those of this program");
    return {};
}

Status CatalogImpl::inTransaction(Triggers triggers, const std::function<Status()>& body) {
    struct Trust {
        Database* database;
        ~Trust() {
            if (database != nullptr)
                static_cast<void>(database->execute("PRAGMA trusted_schema=OFF"));
        }
    };
    const Trust trust{triggers == Triggers::Fire ? m_database.get() : nullptr};
    if (trust.database != nullptr)
        if (Status status = m_database->execute("PRAGMA trusted_schema=ON"); !status.ok())
            return status;
    Result<std::unique_ptr<Transaction>> transaction = Transaction::begin(*m_database);
    if (!transaction)
        return transaction.status();
    if (Status status = body(); !status.ok())
        return status;
    return (*transaction)->commit();
}

Status CatalogImpl::requireCollection(CollectionId id) {
    Statement one = m_database->query("SELECT 1 FROM collections WHERE id = ?");
    const Result<bool> row = one.bind(id.value).step();
    if (!row)
        return row.status();
    return *row ? Status() : Status(StatusCode::NotFound, "there is no collection number " + std::to_string(id.value));
}

Result<CollectionId> CatalogImpl::ensureCollection(const std::string& name) {
    if (!isCollectionName(name))
        return Status(StatusCode::InvalidArgument,
                      "a collection's name has 1 to 200 characters in UTF-8 and no control characters");
    const Result<std::optional<CollectionRecord>> there = collection(name);
    if (!there)
        return there.status();
    if (there->has_value())
        return (*there)->id;
    if (Status status = requireWritable(); !status.ok())
        return status;
    CollectionRecord row;
    row.name = name;
    const Status status = inTransaction(Triggers::None, [&]() -> Status {
        Status made = m_database->query("INSERT INTO collections(name, row_hash) VALUES(?, 0)").bind(name).run();
        if (!made.ok())
            return made;
        row.id.value = m_database->lastInsertId();
        return m_database->query("UPDATE collections SET row_hash = ? WHERE id = ?")
            .bind(rowHash(row))
            .bind(row.id.value)
            .run();
    });
    if (!status.ok())
        return status;
    return row.id;
}

Result<std::optional<CollectionRecord>> CatalogImpl::collection(const std::string& name) {
    Statement one = m_database->query(
        "SELECT id, name, (SELECT count(DISTINCT document) FROM sources WHERE collection = collections.id),"
        " (SELECT count(*) FROM (SELECT DISTINCT document, chunker FROM sources WHERE collection = collections.id) AS cut"
        "  JOIN chunks ON chunks.document = cut.document AND chunks.chunker = cut.chunker) "
        "FROM collections WHERE name = ?");
    const Result<bool> row = one.bind(name).step();
    if (!row)
        return row.status();
    return *row ? std::optional<CollectionRecord>(collectionOfRow(one)) : std::optional<CollectionRecord>();
}

Result<std::vector<CollectionRecord>> CatalogImpl::collections() {
    Statement all = m_database->query(
        "SELECT id, name, (SELECT count(DISTINCT document) FROM sources WHERE collection = collections.id),"
        " (SELECT count(*) FROM (SELECT DISTINCT document, chunker FROM sources WHERE collection = collections.id) AS cut"
        "  JOIN chunks ON chunks.document = cut.document AND chunks.chunker = cut.chunker) "
        "FROM collections ORDER BY name");
    return collectRows<CollectionRecord>(
        all, [](const Statement& row) { return std::optional<CollectionRecord>(collectionOfRow(row)); });
}

Status CatalogImpl::removeCollection(CollectionId id) {
    if (Status status = requireWritable(); !status.ok())
        return status;
    if (Status status = requireCollection(id); !status.ok())
        return status;
    const Status status = inTransaction(Triggers::Fire, [&]() -> Status {
        std::vector<DocumentId> documents;
        {
            Statement named =
                m_database->query("SELECT DISTINCT document FROM sources WHERE collection = ? AND document IS NOT NULL");
            named.bind(id.value);
            Result<std::vector<DocumentId>> rows = collectRows<DocumentId>(
                named, [](const Statement& row) { return std::optional<DocumentId>(DocumentId{row.integer(0)}); });
            if (!rows)
                return rows.status();
            documents = *std::move(rows);
        }
        Status done = m_database->query("DELETE FROM sources WHERE collection = ?").bind(id.value).run();
        for (std::size_t i = 0; i < documents.size() && done.ok(); ++i)
            done = dropUnnamed(documents[i]);
        if (done.ok())
            done = purgeFullText();
        return done.ok() ? m_database->query("DELETE FROM collections WHERE id = ?").bind(id.value).run() : done;
    });
    return status.ok() ? removeDroppedOriginals() : status;
}

Result<std::int64_t> CatalogImpl::addAnswer(const AnswerRecord& answer) {
    if (Status status = requireWritable(); !status.ok())
        return status;
    AnswerRecord row = answer;
    const Status status = inTransaction(Triggers::None, [&]() -> Status {
        Status made = m_database
                          ->query(
                              "INSERT INTO answers(asked_at, collection, question, answer, details, row_hash) "
                              "VALUES(?, ?, ?, ?, ?, 0)")
                          .bind(row.askedAtMs)
                          .bind(row.collection.value)
                          .bind(row.question)
                          .bind(row.answer)
                          .bind(row.detailsJson)
                          .run();
        if (!made.ok())
            return made;
        row.id = m_database->lastInsertId();
        return m_database->query("UPDATE answers SET row_hash = ? WHERE id = ?").bind(rowHash(row)).bind(row.id).run();
    });
    if (!status.ok())
        return status;
    return row.id;
}

Result<std::vector<AnswerRecord>> CatalogImpl::answers(int limit) {
    Statement rows = m_database->query(
        "SELECT id, asked_at, collection, question, answer, details, row_hash FROM answers ORDER BY id DESC LIMIT ?");
    rows.bind(limit);
    return collectRows<AnswerRecord>(rows, [](const Statement& row) {
        AnswerRecord answer = answerOfRow(row);
        return rowHash(answer) == row.integer(6) ? std::optional(std::move(answer)) : std::nullopt;
    });
}

Result<std::vector<std::string>> CatalogImpl::verify() {
    std::vector<std::string> damage;
    for (const auto& part : {&CatalogImpl::verifyStructure, &CatalogImpl::verifyRows, &CatalogImpl::checkFullText,
                             &CatalogImpl::verifyOriginals}) {
        const Status status = (this->*part)(damage);
        // A structure too broken to be walked is a finding, not a failure of the check.
        if (status.code() == StatusCode::Damaged)
            damage.push_back(status.message());
        else if (!status.ok())
            return status;
    }
    return damage;
}

Status CatalogImpl::verifyStructure(std::vector<std::string>& damage) {
    Statement check = m_database->query("PRAGMA integrity_check");
    const Result<std::vector<std::string>> lines =
        collectRows<std::string>(check, [](const Statement& row) { return std::optional<std::string>(row.text(0)); });
    if (!lines)
        return lines.status();
    for (const std::string& line : *lines)
        if (line != "ok")
            damage.push_back("workspace.db: " + line);
    Statement keys = m_database->query("PRAGMA foreign_key_check");
    const Result<std::vector<std::string>> dangling =
        collectRows<std::string>(keys, [](const Statement& row) { return std::optional<std::string>(row.text(0)); });
    if (!dangling)
        return dangling.status();
    for (const std::string& table : *dangling)
        damage.push_back("workspace.db: a row of " + table + " names a row that does not exist");
    return {};
}

Status CatalogImpl::verifyRows(std::vector<std::string>& damage) {
    const auto note = [&](bool intact, const std::string& what) {
        if (!intact)
            damage.push_back(what + ": its checksum does not hold");
        return std::optional<bool>();
    };
    const auto walk = [](Statement rows, const auto& check) { return collectRows<bool>(rows, check).status(); };
    Status status = walk(m_database->query("SELECT id, name, row_hash FROM collections"), [&](const Statement& row) {
        CollectionRecord collection;
        collection.id.value = row.integer(0);
        collection.name = row.text(1);
        return note(rowHash(collection) == row.integer(2), "collection " + std::to_string(collection.id.value));
    });
    if (!status.ok())
        return status;
    status = walk(m_database->query("SELECT collection, path FROM sources"), [&](const Statement& row) {
        const CollectionId collection{row.integer(0)};
        const std::string path = row.text(1);
        const Result<std::optional<SourceRecord>> intact = source(collection, path);
        return note(intact && intact->has_value(), "file " + path + " of collection " + std::to_string(collection.value));
    });
    if (!status.ok())
        return status;
    status = walk(m_database->query("SELECT id, title FROM documents"), [&](const Statement& row) {
        const Result<std::optional<std::pair<DocumentRecord, bool>>> stored = storedDocument(DocumentId{row.integer(0)});
        return note(stored && stored->has_value() && (*stored)->second,
                    "document " + std::to_string(row.integer(0)) + " (" + row.text(1) + ")");
    });
    if (!status.ok())
        return status;
    status =
        walk(m_database->query("SELECT number, id, document, chunker, ordinal, begin_character, end_character, begin_byte, "
                               "end_byte, first_page, last_page, tokens, header, search_text, row_hash FROM chunks"),
             [&](const Statement& row) {
                 return note(chunkOfRow(row).has_value(),
                             "chunk " + row.digest(1).hex() + " of document " + std::to_string(row.integer(2)));
             });
    if (!status.ok())
        return status;
    return walk(m_database->query("SELECT id, asked_at, collection, question, answer, details, row_hash FROM answers"),
                [&](const Statement& row) {
                    const AnswerRecord answer = answerOfRow(row);
                    return note(rowHash(answer) == row.integer(6), "answer " + std::to_string(answer.id));
                });
}

Status CatalogImpl::verifyOriginals(std::vector<std::string>& damage) {
    Statement rows = m_database->query("SELECT content FROM documents ORDER BY content");
    const Result<std::vector<ContentDigest>> known = collectRows<ContentDigest>(
        rows, [](const Statement& row) { return std::optional<ContentDigest>(ContentDigest{row.digest(0)}); });
    if (!known)
        return known.status();
    for (const ContentDigest& content : *known)
        if (Status status = m_originals.check(content); !status.ok())
            damage.push_back("original: " + status.message());
    const Result<std::vector<std::string>> strays = m_originals.strays(*known);
    if (!strays)
        return strays.status();
    for (const std::string& name : *strays)
        damage.push_back("original: " + name + " belongs to no document");
    return {};
}

}  // namespace storage
