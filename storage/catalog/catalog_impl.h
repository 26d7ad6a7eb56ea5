// The catalog behind catalog.h. Its parts: catalog.cpp (opening, collections, history, verify), catalog_documents.cpp (files
// and documents), catalog_chunks.cpp (chunks and full text).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "storage/catalog.h"
#include "storage/catalog/originals.h"
#include "storage/file_system.h"
#include "storage/sqlite/rows.h"

namespace storage {

/// The engine thread's.
class CatalogImpl final : public Catalog {
public:
    CatalogImpl(const CatalogOptions& options, FileSystem& fileSystem);

    /// Opening, once, before anything else.
    Status start();

    Result<CollectionId> ensureCollection(const std::string& name) override;
    Result<std::optional<CollectionRecord>> collection(const std::string& name) override;
    Result<std::vector<CollectionRecord>> collections() override;
    Status removeCollection(CollectionId id) override;
    Result<std::optional<SourceRecord>> source(CollectionId collection, const std::string& path) override;
    Result<std::vector<SourceRecord>> sources(CollectionId collection) override;
    Status recordSource(const SourceRecord& source) override;
    Result<DocumentId> indexDocument(const SourceRecord& source, const DocumentRecord& document,
                                     std::span<const ChunkRecord> chunks, std::span<const std::byte> original) override;
    Status removeSource(CollectionId collection, const std::string& path) override;
    Status shareSources(CollectionId from, std::span<const std::string> paths, CollectionId to) override;
    Result<DocumentRecord> document(DocumentId id) override;
    Result<std::optional<DocumentRecord>> documentByContent(const ContentDigest& content) override;
    Result<std::vector<DocumentRecord>> documents(CollectionId collection) override;
    Result<std::optional<ChunkRecord>> chunk(const ChunkId& id) override;
    Result<std::vector<ChunkRecord>> chunks(CollectionId collection, DocumentId document, std::int64_t offset,
                                            std::int64_t limit) override;
    Result<std::vector<ChunkPlace>> chunkPlaces(CollectionId collection) override;
    Result<std::vector<ChunkRecord>> chunksOfDocument(DocumentId document, const Digest& chunker) override;
    Result<std::string> chunkText(const ChunkRecord& chunk) override;
    Result<std::vector<ChunkHit>> searchChunks(CollectionId collection, std::span<const std::string> terms, int limit,
                                               DocumentId document) override;
    Result<std::int64_t> addAnswer(const AnswerRecord& answer) override;
    Result<std::vector<AnswerRecord>> answers(int limit) override;
    Result<std::vector<std::string>> verify() override;

private:
    // -- catalog.cpp
    Status requireWritable() const;
    /// Damaged where workspace.db has lost all of its bytes: SQLite would take it for a new one.
    Status refuseEmptied(const std::string& path);
    Status createFolders();
    /// Files that a crash left on their way to their names, parts of documents among them.
    void emptyTemporaryFolder();
    Status backUp(int version);
    /// Triggers write the full text table, which SQLite lets them do only while the schema is trusted: that it is ours has
    /// been checked by checkSchema(), and it is trusted for these transactions alone.
    enum class Triggers { None, Fire };
    Status inTransaction(Triggers triggers, const std::function<Status()>& body);
    /// Damaged unless tables, indexes and triggers are exactly those that the migrations make.
    Status checkSchema();
    Status requireCollection(CollectionId id);
    Status verifyStructure(std::vector<std::string>& damage);
    Status verifyRows(std::vector<std::string>& damage);
    Status verifyOriginals(std::vector<std::string>& damage);

    // -- catalog_documents.cpp
    /// As stored, its hash unchecked.
    Result<std::optional<SourceRecord>> storedSource(CollectionId collection, const std::string& path);
    Status writeSource(const SourceRecord& source);
    /// The row as stored and whether its hash holds.
    Result<std::optional<std::pair<DocumentRecord, bool>>> storedDocument(DocumentId id);
    Result<DocumentId> idOfContent(const ContentDigest& content);
    Status writeDocument(const DocumentRecord& document);
    /// Drops chunks that no source's chunker cut, and the document when no source names it. Within a transaction.
    Status dropUnnamed(DocumentId document);
    /// Removes the originals of documents dropped before.
    Status removeDroppedOriginals();

    // -- catalog_chunks.cpp
    Status writeChunks(DocumentId document, const Digest& chunker, std::span<const ChunkRecord> chunks);
    Result<std::vector<ChunkHit>> search(CollectionId collection, const std::string& expression, int limit,
                                         DocumentId document);
    Status checkFullText(std::vector<std::string>& damage);
    Status rebuildFullText();
    /// Takes the words of deleted chunks out of the full text's own pages. Within the transaction that deleted them.
    Status purgeFullText();

    const CatalogOptions m_options;
    FileSystem& m_fileSystem;
    Originals m_originals;
    std::unique_ptr<Database> m_database;
    DocumentId m_textOf;  // the document whose checked text is kept in m_text: a document's chunks are read in a row
    std::string m_text;
};

/// Columns number, id, document, chunker, ordinal, begin_character, end_character, begin_byte, end_byte, first_page,
/// last_page, tokens, header, search_text, row_hash; empty when the hash does not hold.
std::optional<ChunkRecord> chunkOfRow(const Statement& row);

}  // namespace storage
