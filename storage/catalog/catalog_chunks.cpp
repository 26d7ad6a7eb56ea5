// Chunks and their full text.
#include <algorithm>
#include <limits>
#include <utility>

#include "storage/catalog/catalog_impl.h"
#include "storage/catalog/catalog_rows.h"

namespace storage {
namespace {

/// One FTS5 phrase: quoted, quotes doubled. A NUL would end the expression early, so it separates words instead.
void appendPhrase(std::string& expression, const std::string& term) {
    if (!expression.empty())
        expression += " OR ";
    expression += '"';
    for (const char c : term) {
        if (c == '"')
            expression += '"';
        expression += c == '\0' ? ' ' : c;
    }
    expression += '"';
}

}  // namespace

std::optional<ChunkRecord> chunkOfRow(const Statement& row) {
    ChunkRecord chunk;
    chunk.id.digest = row.digest(1);
    chunk.document.value = row.integer(2);
    chunk.chunker = row.digest(3);
    chunk.ordinal = static_cast<int>(row.integer(4));
    chunk.begin = row.integer(5);
    chunk.end = row.integer(6);
    chunk.beginByte = row.integer(7);
    chunk.endByte = row.integer(8);
    chunk.firstPage = static_cast<int>(row.integer(9));
    chunk.lastPage = static_cast<int>(row.integer(10));
    chunk.tokens = static_cast<int>(row.integer(11));
    chunk.header = row.text(12);
    chunk.searchText = row.text(13);
    return rowHash(chunk, row.integer(0)) == row.integer(14) ? std::optional(std::move(chunk)) : std::nullopt;
}

Status CatalogImpl::writeChunks(DocumentId document, const Digest& chunker, std::span<const ChunkRecord> chunks) {
    const Result<std::vector<ChunkRecord>> stored = chunksOfDocument(document, chunker);
    if (!stored)
        return stored.status();
    const auto same = [&](const ChunkRecord& there, ChunkRecord wanted) {
        wanted.document = document;
        return rowHash(there, 0) == rowHash(wanted, 0);
    };
    if (std::equal(stored->begin(), stored->end(), chunks.begin(), chunks.end(), same))
        return {};
    Status status =
        m_database->query("DELETE FROM chunks WHERE document = ? AND chunker = ?").bind(document.value).bind(chunker).run();
    for (std::size_t i = 0; i < chunks.size() && status.ok(); ++i) {
        ChunkRecord chunk = chunks[i];
        chunk.document = document;
        std::int64_t number = 0;
        {
            Statement next = m_database->query("SELECT coalesce(max(number), 0) + 1 FROM chunks");
            const Result<bool> row = next.step();
            if (!row)
                return row.status();
            number = next.integer(0);
        }
        status = m_database
                     ->query(
                         "INSERT INTO chunks(number, id, document, chunker, ordinal, begin_character, end_character, "
                         "begin_byte, end_byte, first_page, last_page, tokens, header, search_text, row_hash) "
                         "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
                     .bind(number)
                     .bind(chunk.id.digest)
                     .bind(chunk.document.value)
                     .bind(chunk.chunker)
                     .bind(chunk.ordinal)
                     .bind(chunk.begin)
                     .bind(chunk.end)
                     .bind(chunk.beginByte)
                     .bind(chunk.endByte)
                     .bind(chunk.firstPage)
                     .bind(chunk.lastPage)
                     .bind(chunk.tokens)
                     .bind(chunk.header)
                     .bind(chunk.searchText)
                     .bind(rowHash(chunk, number))
                     .run();
    }
    return status;
}

Result<std::optional<ChunkRecord>> CatalogImpl::chunk(const ChunkId& id) {
    Statement one = m_database->query(
        "SELECT number, id, document, chunker, ordinal, begin_character, end_character, begin_byte, end_byte, first_page, "
        "last_page, tokens, header, search_text, row_hash FROM chunks WHERE id = ?");
    const Result<bool> row = one.bind(id.digest).step();
    if (!row)
        return row.status();
    if (!*row)
        return std::optional<ChunkRecord>();
    std::optional<ChunkRecord> found = chunkOfRow(one);
    if (!found)
        return Status(StatusCode::Damaged,
                      "chunk " + id.hex() + ": its row's checksum does not hold; import its file again");
    return found;
}

Result<std::vector<ChunkRecord>> CatalogImpl::chunks(CollectionId collection, DocumentId document, std::int64_t offset,
                                                     std::int64_t limit) {
    Statement rows = m_database->query(
        "SELECT number, id, document, chunker, ordinal, begin_character, end_character, begin_byte, end_byte, first_page, "
        "last_page, tokens, header, search_text, row_hash FROM chunks WHERE EXISTS (SELECT 1 FROM sources "
        "WHERE sources.document = chunks.document AND sources.chunker = chunks.chunker AND collection = ?) "
        "AND document BETWEEN ? AND ? ORDER BY document, chunker, ordinal LIMIT ? OFFSET ?");
    const std::int64_t last = document.value == 0 ? std::numeric_limits<std::int64_t>::max() : document.value;
    rows.bind(collection.value).bind(document.value).bind(last).bind(limit).bind(std::max<std::int64_t>(offset, 0));
    return collectRows<ChunkRecord>(rows, chunkOfRow);
}

Result<std::vector<ChunkPlace>> CatalogImpl::chunkPlaces(CollectionId collection) {
    Statement rows = m_database->query(
        "SELECT chunks.id, cut.document, cut.chunker, tokens FROM (SELECT DISTINCT document, chunker FROM sources "
        "WHERE collection = ? AND document IS NOT NULL) AS cut "
        "JOIN chunks ON chunks.document = cut.document AND chunks.chunker = cut.chunker "
        "ORDER BY cut.document, cut.chunker, ordinal");
    rows.bind(collection.value);
    return collectRows<ChunkPlace>(rows, [](const Statement& row) {
        return std::optional<ChunkPlace>(
            ChunkPlace{ChunkId{row.digest(0)}, DocumentId{row.integer(1)}, row.digest(2), static_cast<int>(row.integer(3))});
    });
}

Result<std::vector<ChunkRecord>> CatalogImpl::chunksOfDocument(DocumentId document, const Digest& chunker) {
    Statement rows = m_database->query(
        "SELECT number, id, document, chunker, ordinal, begin_character, end_character, begin_byte, end_byte, first_page, "
        "last_page, tokens, header, search_text, row_hash FROM chunks WHERE document = ? AND chunker = ? ORDER BY ordinal");
    rows.bind(document.value).bind(chunker);
    return collectRows<ChunkRecord>(rows, chunkOfRow);
}

Result<std::string> CatalogImpl::chunkText(const ChunkRecord& chunk) {
    if (m_textOf != chunk.document || chunk.document.value == 0) {
        Result<DocumentRecord> found = document(chunk.document);
        if (!found)
            return found.status().withContext("reading the text of chunk " + chunk.id.hex());
        m_text = std::move(found->text);
        m_textOf = chunk.document;
    }
    const auto size = static_cast<std::int64_t>(m_text.size());
    if (chunk.beginByte < 0 || chunk.beginByte > chunk.endByte || chunk.endByte > size)
        return Status(StatusCode::InvalidArgument, "chunk " + chunk.id.hex() + " does not lie in its document's text");
    return m_text.substr(static_cast<std::size_t>(chunk.beginByte),
                         static_cast<std::size_t>(chunk.endByte - chunk.beginByte));
}

Result<std::vector<ChunkHit>> CatalogImpl::search(CollectionId collection, const std::string& expression, int limit,
                                                  DocumentId document) {
    // CROSS JOIN keeps the order: the full text finds, the rest only looks up what was found.
    Statement rows = m_database->query(
        "SELECT chunks.id, bm25(chunk_text) AS rank_value FROM chunk_text CROSS JOIN chunks ON number = chunk_text.rowid "
        "WHERE chunk_text MATCH ? AND EXISTS (SELECT 1 FROM sources WHERE sources.document = chunks.document "
        "AND sources.chunker = chunks.chunker AND collection = ?) AND ? IN (0, chunks.document) "
        "ORDER BY rank_value, chunks.id LIMIT ?");
    rows.bind(expression).bind(collection.value).bind(document.value).bind(limit);
    return collectRows<ChunkHit>(rows, [](const Statement& row) {
        return std::optional<ChunkHit>(ChunkHit{ChunkId{row.digest(0)}, -row.real(1)});
    });
}

Result<std::vector<ChunkHit>> CatalogImpl::searchChunks(CollectionId collection, std::span<const std::string> terms,
                                                        int limit, DocumentId document) {
    std::string expression;
    for (const std::string& term : terms)
        appendPhrase(expression, term);
    if (expression.empty() || limit <= 0)
        return std::vector<ChunkHit>();
    Result<std::vector<ChunkHit>> hits = search(collection, expression, limit, document);
    // The full text is derived from the chunks: when it is broken it is made again.
    if (!hits && hits.status().code() == StatusCode::Damaged && !m_options.readOnly && rebuildFullText().ok())
        return search(collection, expression, limit, document);
    return hits;
}

Status CatalogImpl::rebuildFullText() {
    return inTransaction(Triggers::None,
                         [&] { return m_database->execute("INSERT INTO chunk_text(chunk_text) VALUES('rebuild')"); });
}

Status CatalogImpl::purgeFullText() {
    // A deletion only adds a tombstone; merging everything into one segment drops both the words and their tombstones.
    return m_database->execute("INSERT INTO chunk_text(chunk_text) VALUES('optimize')");
}

Status CatalogImpl::checkFullText(std::vector<std::string>& damage) {
    if (m_options.readOnly)
        return {};  // the check is written as an INSERT
    const Status status = inTransaction(Triggers::None, [&] {
        return m_database->execute("INSERT INTO chunk_text(chunk_text, rank) VALUES('integrity-check', 1)");
    });
    if (status.code() != StatusCode::Damaged)
        return status;
    if (Status rebuilt = rebuildFullText(); !rebuilt.ok())
        return rebuilt;
    damage.push_back("the full text did not agree with the chunks; it was made again from them");
    return {};
}

}  // namespace storage
