// The catalog: collections, documents, chunks, full text and question history in workspace.db, which is precious.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "storage/records.h"
#include "storage/status.h"

namespace storage {

class FileSystem;

struct CatalogOptions {
    std::string directory;  // the workspace; the catalog owns workspace.db, docs/ and backup/ in it
    bool readOnly = false;
};

/// Owner of the one connection to workspace.db. One thread (the engine's).
class Catalog {
public:
    virtual ~Catalog() = default;

    /// Opens or creates; older schemas are migrated after a backup, newer ones refused with nothing changed.
    static Result<std::unique_ptr<Catalog>> open(const CatalogOptions& options, FileSystem& fileSystem);

    // -- collections
    /// The collection of that name, created when absent. Names are 1–200 characters, no control characters.
    virtual Result<CollectionId> ensureCollection(const std::string& name) = 0;
    virtual Result<std::optional<CollectionRecord>> collection(const std::string& name) = 0;
    virtual Result<std::vector<CollectionRecord>> collections() = 0;
    /// Removes the collection; documents (with chunks and kept originals) that stand in no other go too.
    virtual Status removeCollection(CollectionId id) = 0;

    // -- files and documents
    virtual Result<std::optional<SourceRecord>> source(CollectionId collection, const std::string& path) = 0;
    virtual Result<std::vector<SourceRecord>> sources(CollectionId collection) = 0;
    /// Records a file's state without a document (skipped, failed). Its former document
    /// stays until a new content is indexed, so that a broken save loses nothing.
    virtual Status recordSource(const SourceRecord& source) = 0;
    /// One transaction: the document (found again by its content digest), its chunks for this chunker, and the source row.
    /// `original` = the file's bytes, kept in docs/ab/<sha256>. The document that the source named before is dropped when
    /// no source names it any more. Returns the document's id. Errors: InvalidArgument (document.content is not the SHA-256
    /// of `original`, a chunk outside the text or with another chunker than the source), NotFound (collection), NoSpace,
    /// IoError.
    virtual Result<DocumentId> indexDocument(const SourceRecord& source, const DocumentRecord& document,
                                             std::span<const ChunkRecord> chunks, std::span<const std::byte> original) = 0;
    virtual Status removeSource(CollectionId collection, const std::string& path) = 0;
    /// One transaction: the documents of these files of `from` stand in `to` as well, under the same paths. Errors: NotFound (a
    /// path, a collection), InvalidArgument (a file without a document).
    virtual Status shareSources(CollectionId from, std::span<const std::string> paths, CollectionId to) = 0;
    /// With text, pages and sections; row hash checked. Errors: NotFound, Damaged.
    virtual Result<DocumentRecord> document(DocumentId id) = 0;
    virtual Result<std::optional<DocumentRecord>> documentByContent(const ContentDigest& content) = 0;
    /// Without text and maps.
    virtual Result<std::vector<DocumentRecord>> documents(CollectionId collection) = 0;

    // -- chunks
    virtual Result<std::optional<ChunkRecord>> chunk(const ChunkId& id) = 0;
    /// In document and ordinal order, each chunk once. `document` 0 = of all documents. limit < 0 = all.
    virtual Result<std::vector<ChunkRecord>> chunks(CollectionId collection, DocumentId document, std::int64_t offset,
                                                    std::int64_t limit) = 0;
    /// The same for all chunks of the collection, without their texts, and so without the check of the row: for counting only.
    virtual Result<std::vector<ChunkPlace>> chunkPlaces(CollectionId collection) = 0;
    /// Chunks of one document and chunker, by ordinal.
    virtual Result<std::vector<ChunkRecord>> chunksOfDocument(DocumentId document, const Digest& chunker) = 0;
    /// The chunk's text without header: the document's text at the chunk's range.
    virtual Result<std::string> chunkText(const ChunkRecord& chunk) = 0;
    /// Best `limit` chunks of the collection for any of `terms` (BM25). Each term is matched as one quoted FTS5 phrase;
    /// terms are data, never syntax. No terms = no hits. Ties: by chunk id.
    virtual Result<std::vector<ChunkHit>> searchChunks(CollectionId collection, std::span<const std::string> terms,
                                                       int limit, DocumentId document = {}) = 0;

    // -- history
    virtual Result<std::int64_t> addAnswer(const AnswerRecord& answer) = 0;
    /// Newest first.
    virtual Result<std::vector<AnswerRecord>> answers(int limit) = 0;

    /// Checks the database's structure and each precious row's own XXH3-64; a sentence per damaged row, naming it.
    virtual Result<std::vector<std::string>> verify() = 0;
};

}  // namespace storage
