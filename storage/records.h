// Plain structs that cross storage's face. Character positions count Unicode code points; byte positions count UTF-8 bytes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "storage/ids.h"

namespace storage {

// ---- documents -------------------------------------------------------------------------------------------------

/// Where a page's text lies in the document's text. Pages are numbered from 1; formats without pages have none.
struct PageSpan {
    int page = 0;
    std::int64_t begin = 0;  // characters, half-open
    std::int64_t end = 0;
};

/// A heading and where its section starts.
struct SectionMark {
    std::int64_t begin = 0;  // character
    int level = 1;           // 1 = outermost
    std::string title;
};

/// One distinct file content with its text; may stand in many collections.
struct DocumentRecord {
    DocumentId id;
    ContentDigest content;
    std::string title;      // the document's own, else the file's name at its first import
    std::string mediaType;  // text/plain, text/markdown, text/html, application/pdf, application/epub+zip
    std::string text;       // UTF-8; empty in listings (see Catalog::document)
    std::int64_t characters = 0;
    int pages = 0;
    std::vector<PageSpan> pageMap;
    std::vector<SectionMark> sections;
};

/// State of one file in one collection, as the ledger shows it.
enum class SourceState { Indexed, Skipped, Failed };

/// A file as it was seen at its last import into a collection.
struct SourceRecord {
    CollectionId collection;
    std::string path;  // absolute
    std::uint64_t sizeBytes = 0;
    std::int64_t modifiedNs = 0;  // mtime, ns since the epoch
    SourceState state = SourceState::Failed;
    std::string reason;   // why skipped or failed
    DocumentId document;  // none unless indexed, now or before the present state
    Digest chunker;       // digest of the chunker settings that cut it
};

struct CollectionRecord {
    CollectionId id;
    std::string name;
    int documents = 0;
    int chunks = 0;
};

/// A span of a document's text, the unit of retrieval and caching.
struct ChunkRecord {
    ChunkId id;
    DocumentId document;
    Digest chunker;
    int ordinal = 0;         // within its document, from 0
    std::int64_t begin = 0;  // characters of the document's text, half-open; the header is outside
    std::int64_t end = 0;
    std::int64_t beginByte = 0;  // the same range in bytes
    std::int64_t endByte = 0;
    int firstPage = 0;  // 0 = the format has no pages
    int lastPage = 0;
    int tokens = 0;          // with the tokenizer of the model at import, header included
    std::string header;      // "title › section", no newline
    std::string searchText;  // what full text indexes; never shown (CJK text is cut into bigrams, see engine/retrieve)
};

/// Which document a chunk belongs to.
struct ChunkPlace {
    ChunkId id;
    DocumentId document;
    Digest chunker;
    int tokens = 0;
};

/// A chunk found by full text search. Greater score = better (negated bm25()).
struct ChunkHit {
    ChunkId id;
    double score = 0;
};

/// One question of the history.
struct AnswerRecord {
    std::int64_t id = 0;
    std::int64_t askedAtMs = 0;  // ms since the epoch
    CollectionId collection;
    std::string question;
    std::string answer;
    std::string detailsJson;  // strategy, counters, times and citations, with the names of `ask --json`
};

// ---- KV --------------------------------------------------------------------------------------------------------

/// Element type of stored K and V.
enum class KvDtype : std::uint8_t { F32 = 0, F16 = 1, Bf16 = 2 };

/// Shape of one fingerprint's KV. A layer block holds K then V, each [KH, T, D] (head-major), K un-rotated.
struct KvSpec {
    int layers = 0;
    int kvHeads = 0;
    int headDim = 0;
    KvDtype dtype = KvDtype::F16;

    bool operator==(const KvSpec&) const = default;
};

inline std::uint64_t kvElementBytes(KvDtype dtype) { return dtype == KvDtype::F32 ? 4 : 2; }
/// Bytes of K alone (= of V alone) of one layer of `tokens` tokens.
inline std::uint64_t kvSliceBytes(const KvSpec& spec, int tokens) {
    return static_cast<std::uint64_t>(spec.kvHeads) * static_cast<std::uint64_t>(tokens) *
           static_cast<std::uint64_t>(spec.headDim) * kvElementBytes(spec.dtype);
}

/// A model fingerprint with its readable fields, so that a person can be told *why* a cache no longer applies.
struct FingerprintRecord {
    FingerprintId id;
    KvSpec spec;
    std::string fieldsJson;  // one JSON object: model name, weights digest, dtype, precision, RoPE, …
};

/// Where one record's layer blocks lie. A value: valid while the record is neither evicted nor moved by compact().
struct KvExtent {
    FingerprintId fingerprint;
    KvKey key;
    SegmentId segment;
    std::uint64_t recordOffset = 0;  // of the record's header in its segment
    std::uint64_t recordBytes = 0;   // header, block table, layer blocks, all padding
    int tokens = 0;
};

}  // namespace storage
