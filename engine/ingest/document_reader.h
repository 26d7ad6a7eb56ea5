// Files to text: starts the sandboxed worker for one file and reads what it found.
#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "engine/types.h"
#include "storage/records.h"

namespace engine {

/// A document's text with what citations and headers need.
struct ParsedDocument {
    std::string mediaType;
    std::string title;                       // the document's own (metadata, outline, first heading); empty when it has none
    std::string text;                        // UTF-8, normalised newlines; paragraphs separated by blank lines; no NUL
    int pages = 0;                           // 0 = the format has no pages
    std::vector<storage::PageSpan> pageMap;  // characters
    std::vector<storage::SectionMark> sections;  // ascending, characters
};

struct DocumentReaderOptions {
    std::string worker;  // path of cacheblend-document-worker
    std::uint64_t memoryBytes = std::uint64_t{1} << 30;
    int cpuSeconds = 30;
    int wallSeconds = 60;
};

/// Reads a file with the worker process. Errors: Unsupported ("skipped": a format that is not read, with its name), Refused
/// (broken, encrypted, over a limit: the reason), NotFound, IoError, Cancelled. The caller's process never parses the file.
Result<ParsedDocument> readDocument(const std::string& path, const DocumentReaderOptions& options, std::stop_token stop);

/// The worker beside the running executable, or the one named by CACHEBLEND_DOCUMENT_WORKER. Error: NotFound.
Result<std::string> findDocumentWorker();

}  // namespace engine
