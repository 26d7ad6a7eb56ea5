// Files and documents: the ledger, content-addressed documents, their originals.
#include <algorithm>
#include <utility>

#include "storage/catalog/catalog_impl.h"
#include "storage/catalog/catalog_rows.h"
#include "storage/digest.h"

namespace storage {
namespace {

/// Columns collection, path, size, modified, state, reason, document, chunker.
SourceRecord sourceOfRow(const Statement& row) {
    SourceRecord source;
    source.collection.value = row.integer(0);
    source.path = row.text(1);
    source.sizeBytes = static_cast<std::uint64_t>(row.integer(2));
    source.modifiedNs = row.integer(3);
    source.state = static_cast<SourceState>(row.integer(4));
    source.reason = row.text(5);
    source.document.value = row.integer(6);  // NULL reads as 0
    source.chunker = row.digest(7);
    return source;
}

Status checkChunks(const DocumentRecord& document, const Digest& chunker, std::span<const ChunkRecord> chunks) {
    const auto bytes = static_cast<std::int64_t>(document.text.size());
    for (const ChunkRecord& chunk : chunks)
        if (chunk.begin < 0 || chunk.begin > chunk.end || chunk.end > document.characters || chunk.beginByte < 0 ||
            chunk.beginByte > chunk.endByte || chunk.endByte > bytes || chunk.chunker != chunker)
            return Status(StatusCode::InvalidArgument, "chunk " + chunk.id.hex() + " (" + std::to_string(chunk.begin) + "–" +
                                                           std::to_string(chunk.end) +
                                                           ") does not lie in its document's text or has another chunker");
    return {};
}

}  // namespace

Result<std::optional<SourceRecord>> CatalogImpl::storedSource(CollectionId collection, const std::string& path) {
    Statement one = m_database->query(
        "SELECT collection, path, size, modified, state, reason, document, chunker FROM sources "
        "WHERE collection = ? AND path = ?");
    const Result<bool> row = one.bind(collection.value).bind(path).step();
    if (!row)
        return row.status();
    return *row ? std::optional(sourceOfRow(one)) : std::optional<SourceRecord>();
}

Result<std::optional<SourceRecord>> CatalogImpl::source(CollectionId collection, const std::string& path) {
    Statement one = m_database->query(
        "SELECT collection, path, size, modified, state, reason, document, chunker, row_hash FROM sources "
        "WHERE collection = ? AND path = ?");
    const Result<bool> row = one.bind(collection.value).bind(path).step();
    if (!row)
        return row.status();
    if (!*row)
        return std::optional<SourceRecord>();
    SourceRecord source = sourceOfRow(one);
    // A damaged row is as if the file had never been seen: the next import reads it again and writes the row anew.
    return rowHash(source) == one.integer(8) ? std::optional(std::move(source)) : std::optional<SourceRecord>();
}

Result<std::vector<SourceRecord>> CatalogImpl::sources(CollectionId collection) {
    Statement rows = m_database->query(
        "SELECT collection, path, size, modified, state, reason, document, chunker, row_hash FROM sources "
        "WHERE collection = ? ORDER BY path");
    rows.bind(collection.value);
    return collectRows<SourceRecord>(rows, [](const Statement& row) {
        SourceRecord source = sourceOfRow(row);
        return rowHash(source) == row.integer(8) ? std::optional(std::move(source)) : std::nullopt;
    });
}

Status CatalogImpl::writeSource(const SourceRecord& source) {
    Statement write = m_database->query(
        "INSERT OR REPLACE INTO sources(collection, path, size, modified, state, reason, document, chunker, row_hash) "
        "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)");
    write.bind(source.collection.value)
        .bind(source.path)
        .bind(static_cast<std::int64_t>(source.sizeBytes))
        .bind(source.modifiedNs)
        .bind(static_cast<std::int64_t>(source.state))
        .bind(source.reason);
    if (source.document.value == 0)
        write.bindNull();
    else
        write.bind(source.document.value);
    return write.bind(source.chunker).bind(rowHash(source)).run();
}

Status CatalogImpl::recordSource(const SourceRecord& source) {
    if (Status status = requireWritable(); !status.ok())
        return status;
    if (Status status = requireCollection(source.collection); !status.ok())
        return status;
    return inTransaction(Triggers::None, [&]() -> Status {
        const Result<std::optional<SourceRecord>> former = storedSource(source.collection, source.path);
        if (!former)
            return former.status();
        SourceRecord row = source;
        row.document = former->has_value() ? (*former)->document : DocumentId{};
        if (former->has_value())
            row.chunker = (*former)->chunker;
        return writeSource(row);
    });
}

Result<DocumentId> CatalogImpl::idOfContent(const ContentDigest& content) {
    Statement one = m_database->query("SELECT id FROM documents WHERE content = ?");
    const Result<bool> row = one.bind(content.digest).step();
    if (!row)
        return row.status();
    return DocumentId{*row ? one.integer(0) : 0};
}

Result<std::optional<std::pair<DocumentRecord, bool>>> CatalogImpl::storedDocument(DocumentId id) {
    Statement one = m_database->query(
        "SELECT content, title, media_type, characters, pages, page_map, sections, row_hash, text FROM documents WHERE id = "
        "?");
    const Result<bool> row = one.bind(id.value).step();
    if (!row)
        return row.status();
    if (!*row)
        return std::optional<std::pair<DocumentRecord, bool>>();
    DocumentRecord document;
    document.id = id;
    document.content.digest = one.digest(0);
    document.title = one.text(1);
    document.mediaType = one.text(2);
    document.characters = one.integer(3);
    document.pages = static_cast<int>(one.integer(4));
    std::optional<std::vector<PageSpan>> pageMap = decodePageMap(one.blob(5));
    std::optional<std::vector<SectionMark>> sections = decodeSections(one.blob(6));
    const bool decoded = pageMap && sections;
    if (decoded) {
        document.pageMap = *std::move(pageMap);
        document.sections = *std::move(sections);
    }
    document.text = one.text(8);
    const bool intact = decoded && rowHash(document) == one.integer(7);
    return std::optional(std::pair(std::move(document), intact));
}

Status CatalogImpl::writeDocument(const DocumentRecord& document) {
    const std::vector<std::uint8_t> pageMap = encodePageMap(document.pageMap);
    const std::vector<std::uint8_t> sections = encodeSections(document.sections);
    return m_database
        ->query(
            "UPDATE documents SET title = ?, media_type = ?, characters = ?, pages = ?, page_map = ?, sections = ?, "
            "row_hash = ?, text = ? WHERE id = ?")
        .bind(document.title)
        .bind(document.mediaType)
        .bind(document.characters)
        .bind(document.pages)
        .bind(std::span<const std::uint8_t>(pageMap))
        .bind(std::span<const std::uint8_t>(sections))
        .bind(rowHash(document))
        .bind(document.text)
        .bind(document.id.value)
        .run();
}

Result<DocumentId> CatalogImpl::indexDocument(const SourceRecord& source, const DocumentRecord& document,
                                              std::span<const ChunkRecord> chunks, std::span<const std::byte> original) {
    if (Status status = requireWritable(); !status.ok())
        return status;
    if (Status status = requireCollection(source.collection); !status.ok())
        return status;
    if (Status status = checkChunks(document, source.chunker, chunks); !status.ok())
        return status;
    if (digestOf(original) != document.content.digest)
        return Status(StatusCode::InvalidArgument, source.path + ": the content digest is not that of the file's bytes");
    if (Status status = removeDroppedOriginals(); !status.ok())
        return status;
    if (Status status = m_originals.keep(document.content, original); !status.ok())
        return status.withContext("keeping the original of " + source.path);
    m_textOf = {};
    DocumentRecord row = document;
    const Status status = inTransaction(Triggers::Fire, [&]() -> Status {
        const Result<std::optional<SourceRecord>> former = storedSource(source.collection, source.path);
        if (!former)
            return former.status();
        const Result<DocumentId> known = idOfContent(document.content);
        if (!known)
            return known.status();
        row.id = *known;
        if (row.id.value == 0) {
            Status made = m_database
                              ->query(
                                  "INSERT INTO documents(content, title, media_type, characters, pages, page_map, sections, "
                                  "row_hash, text) VALUES(?, '', '', 0, 0, x'', x'', 0, '')")
                              .bind(row.content.digest)
                              .run();
            if (!made.ok())
                return made;
            row.id.value = m_database->lastInsertId();
            if (made = writeDocument(row); !made.ok())
                return made;
        } else {
            const Result<std::optional<std::pair<DocumentRecord, bool>>> stored = storedDocument(row.id);
            if (!stored)
                return stored.status();
            const bool intact = stored->has_value() && (*stored)->second;
            const bool sameText = intact && (*stored)->first.text == row.text;
            if (intact)
                row.title = (*stored)->first.title;  // the name of the first import stays
            if (!intact || rowHash(row) != rowHash((*stored)->first))
                if (Status made = writeDocument(row); !made.ok())
                    return made;
            // A reader that gives another text makes every range cut from the former one meaningless.
            if (!sameText)
                if (Status made = m_database->query("DELETE FROM chunks WHERE document = ?").bind(row.id.value).run();
                    !made.ok())
                    return made;
        }
        if (Status made = writeChunks(row.id, source.chunker, chunks); !made.ok())
            return made;
        SourceRecord named = source;
        named.document = row.id;
        named.state = SourceState::Indexed;
        if (Status made = writeSource(named); !made.ok())
            return made;
        const DocumentId before = former->has_value() ? (*former)->document : DocumentId{};
        if (before.value != 0 && before != row.id)
            if (Status made = dropUnnamed(before); !made.ok())
                return made;
        return dropUnnamed(row.id);
    });
    if (!status.ok()) {
        const Result<DocumentId> known = idOfContent(document.content);
        if (known && known->value == 0)
            static_cast<void>(m_originals.remove(document.content));
        return status.withContext("indexing " + source.path);
    }
    if (Status removed = removeDroppedOriginals(); !removed.ok())
        return removed;
    return row.id;
}

Status CatalogImpl::dropUnnamed(DocumentId document) {
    m_textOf = {};
    Status status = m_database
                        ->query(
                            "DELETE FROM chunks WHERE document = ? AND NOT EXISTS (SELECT 1 FROM sources "
                            "WHERE sources.document = chunks.document AND sources.chunker = chunks.chunker)")
                        .bind(document.value)
                        .run();
    if (!status.ok())
        return status;
    status = m_database
                 ->query(
                     "INSERT OR IGNORE INTO dropped_originals(content) SELECT content FROM documents "
                     "WHERE id = ? AND NOT EXISTS (SELECT 1 FROM sources WHERE document = documents.id)")
                 .bind(document.value)
                 .run();
    if (!status.ok())
        return status;
    return m_database
        ->query("DELETE FROM documents WHERE id = ? AND NOT EXISTS (SELECT 1 FROM sources WHERE document = documents.id)")
        .bind(document.value)
        .run();
}

Status CatalogImpl::removeDroppedOriginals() {
    std::vector<ContentDigest> dropped;
    {
        Statement rows = m_database->query("SELECT content FROM dropped_originals");
        Result<std::vector<ContentDigest>> contents = collectRows<ContentDigest>(
            rows, [](const Statement& row) { return std::optional<ContentDigest>(ContentDigest{row.digest(0)}); });
        if (!contents)
            return contents.status();
        dropped = *std::move(contents);
    }
    if (dropped.empty())
        return {};
    for (const ContentDigest& content : dropped) {
        const Result<DocumentId> known = idOfContent(content);
        if (!known)
            return known.status();
        if (known->value == 0)
            if (Status status = m_originals.remove(content); !status.ok())
                return status;
    }
    return inTransaction(Triggers::None, [&] { return m_database->execute("DELETE FROM dropped_originals"); });
}

Status CatalogImpl::removeSource(CollectionId collection, const std::string& path) {
    if (Status status = requireWritable(); !status.ok())
        return status;
    const Result<std::optional<SourceRecord>> former = storedSource(collection, path);
    if (!former)
        return former.status();
    if (!former->has_value())
        return Status(StatusCode::NotFound, path + " is not in the collection");
    const Status status = inTransaction(Triggers::Fire, [&]() -> Status {
        Status done = m_database->query("DELETE FROM sources WHERE collection = ? AND path = ?")
                          .bind(collection.value)
                          .bind(path)
                          .run();
        if (done.ok() && (*former)->document.value != 0)
            done = dropUnnamed((*former)->document);
        return done.ok() ? purgeFullText() : done;
    });
    return status.ok() ? removeDroppedOriginals() : status;
}

Status CatalogImpl::shareSources(CollectionId from, std::span<const std::string> paths, CollectionId to) {
    if (Status status = requireWritable(); !status.ok())
        return status;
    if (Status status = requireCollection(to); !status.ok())
        return status;
    const Status status = inTransaction(Triggers::Fire, [&]() -> Status {
        bool dropped = false;
        for (const std::string& path : paths) {
            const Result<std::optional<SourceRecord>> shared = source(from, path);
            if (!shared)
                return shared.status();
            if (!shared->has_value())
                return Status(StatusCode::NotFound, path + " is not in the collection");
            if ((*shared)->document.value == 0)
                return Status(StatusCode::InvalidArgument, path + " has no document to share: " + (*shared)->reason);
            const Result<std::optional<SourceRecord>> former = storedSource(to, path);
            if (!former)
                return former.status();
            SourceRecord row = **shared;
            row.collection = to;
            if (Status written = writeSource(row); !written.ok())
                return written;
            if (!former->has_value() || (*former)->document.value == 0)
                continue;
            if (Status unnamed = dropUnnamed((*former)->document); !unnamed.ok())
                return unnamed;
            dropped = true;
        }
        return dropped ? purgeFullText() : Status();
    });
    return status.ok() ? removeDroppedOriginals() : status;
}

Result<DocumentRecord> CatalogImpl::document(DocumentId id) {
    Result<std::optional<std::pair<DocumentRecord, bool>>> stored = storedDocument(id);
    if (!stored)
        return stored.status();
    if (!stored->has_value())
        return Status(StatusCode::NotFound, "there is no document number " + std::to_string(id.value));
    if (!(*stored)->second)
        return Status(StatusCode::Damaged,
                      "document " + std::to_string(id.value) + ": its row's checksum does not hold; import its file again");
    return std::move((*stored)->first);
}

Result<std::optional<DocumentRecord>> CatalogImpl::documentByContent(const ContentDigest& content) {
    const Result<DocumentId> id = idOfContent(content);
    if (!id)
        return id.status();
    if (id->value == 0)
        return std::optional<DocumentRecord>();
    Result<DocumentRecord> found = document(*id);
    if (!found)
        return found.status();
    return std::optional<DocumentRecord>(*std::move(found));
}

Result<std::vector<DocumentRecord>> CatalogImpl::documents(CollectionId collection) {
    Statement rows = m_database->query(
        "SELECT id, content, title, media_type, characters, pages FROM documents "
        "WHERE id IN (SELECT document FROM sources WHERE collection = ?) ORDER BY id");
    rows.bind(collection.value);
    return collectRows<DocumentRecord>(rows, [](const Statement& row) {
        DocumentRecord document;
        document.id.value = row.integer(0);
        document.content.digest = row.digest(1);
        document.title = row.text(2);
        document.mediaType = row.text(3);
        document.characters = row.integer(4);
        document.pages = static_cast<int>(row.integer(5));
        return std::optional(std::move(document));
    });
}

}  // namespace storage
