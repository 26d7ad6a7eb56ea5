// Cuts a document into chunks on paragraph and sentence borders, by tokens.
#pragma once

#include <string>
#include <vector>

#include "engine/ingest/document_reader.h"
#include "engine/model/tokenizer.h"
#include "storage/records.h"

namespace engine {

struct ChunkerSettings {
    int greatestTokens = 256;  // header and separator included
    int leastTokens = 64;      // of the body; the last chunk of a section may be smaller

    /// Changes whenever the same text could be cut otherwise.
    Digest digest() const;
};

/// Cuts the text. Borders are content-defined: an edit moves only the borders near it. Chunks never overlap, ascend, and
/// together cover all text but white space at their edges. document and id are filled from `content`; header = "title ›
/// section".
std::vector<ChunkRecord> chunkDocument(const ParsedDocument& document, const std::string& title,
                                       const storage::ContentDigest& content, const Tokenizer& tokenizer,
                                       const ChunkerSettings& settings);

/// The text whose tokens a chunk's KV is computed from: header line (none for an empty header), body, separator ("\n\n").
std::string chunkPromptText(const std::string& header, std::string_view body);

}  // namespace engine
