// A catalog with small documents: words separated by blanks, one chunk a line.
#pragma once

#include <algorithm>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "storage/catalog.h"
#include "storage/digest.h"
#include "storage/file_system.h"

namespace storage::testing {

inline Digest chunkerOf(int number) { return DigestBuilder().addText("chunker").addInteger(number).finish(); }

inline std::vector<std::byte> originalOf(const std::string& text) {
    const auto bytes = std::as_bytes(std::span(text));
    return {bytes.begin(), bytes.end()};
}

/// ASCII text only, so that characters are bytes.
inline DocumentRecord documentOf(const std::string& text) {
    DocumentRecord document;
    document.content.digest = digestOf(originalOf(text));
    document.title = "Title of " + text.substr(0, text.find('\n'));
    document.mediaType = "text/plain";
    document.text = text;
    document.characters = static_cast<std::int64_t>(text.size());
    document.pages = 2;
    document.pageMap = {{1, 0, 3}, {2, 3, document.characters}};
    document.sections = {{0, 1, "Start"}, {3, 2, "Second › part"}};
    return document;
}

/// One chunk per line.
inline std::vector<ChunkRecord> chunksOf(const DocumentRecord& document, const Digest& chunker) {
    std::vector<ChunkRecord> chunks;
    std::size_t begin = 0;
    while (begin < document.text.size()) {
        const std::size_t end = std::min(document.text.find('\n', begin), document.text.size());
        ChunkRecord chunk;
        chunk.ordinal = static_cast<int>(chunks.size());
        chunk.id.digest = DigestBuilder()
                              .addBytes(std::as_bytes(std::span(document.content.digest.bytes)))
                              .addBytes(std::as_bytes(std::span(chunker.bytes)))
                              .addInteger(chunk.ordinal)
                              .finish();
        chunk.chunker = chunker;
        chunk.begin = chunk.beginByte = static_cast<std::int64_t>(begin);
        chunk.end = chunk.endByte = static_cast<std::int64_t>(end);
        chunk.firstPage = chunk.lastPage = 1;
        chunk.tokens = static_cast<int>(end - begin);
        chunk.header = document.title;
        chunk.searchText = document.text.substr(begin, end - begin);
        chunks.push_back(chunk);
        begin = end + 1;
    }
    return chunks;
}

inline SourceRecord sourceOf(CollectionId collection, const std::string& path, const Digest& chunker) {
    SourceRecord source;
    source.collection = collection;
    source.path = path;
    source.sizeBytes = 10;
    source.modifiedNs = 1'700'000'000'000'000'000;
    source.state = SourceState::Indexed;
    source.chunker = chunker;
    return source;
}

/// Indexes `text` as the file `path`.
inline Result<DocumentId> indexText(Catalog& catalog, CollectionId collection, const std::string& path,
                                    const std::string& text, const Digest& chunker = chunkerOf(0)) {
    const DocumentRecord document = documentOf(text);
    const std::vector<ChunkRecord> chunks = chunksOf(document, chunker);
    return catalog.indexDocument(sourceOf(collection, path, chunker), document, chunks, originalOf(text));
}

inline std::string originalPath(const std::string& workspace, const std::string& text) {
    const std::string name = digestOf(originalOf(text)).hex();
    return workspace + "/docs/" + name.substr(0, 2) + "/" + name;
}

}  // namespace storage::testing
