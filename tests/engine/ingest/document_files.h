// Files for tests of document reading: a directory that goes away, and small builders of packed and structured formats.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/ingest/document_reader.h"

namespace engine {

/// A directory under the system's temporary one; removed with its contents.
class TemporaryDirectory {
public:
    TemporaryDirectory();
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
    ~TemporaryDirectory();

    std::string path(const std::string& name) const { return m_path + "/" + name; }
    /// Writes a file and returns its path.
    std::string write(const std::string& name, std::string_view bytes) const;
    /// Writes an executable shell script and returns its path.
    std::string writeScript(const std::string& name, std::string_view commands) const;

private:
    std::string m_path;
};

/// Options with the worker that was built with the tests.
DocumentReaderOptions workerOptions();
/// Writes the bytes under that name and reads them with the worker.
Result<ParsedDocument> readBytes(const std::string& name, std::string_view bytes);

/// A deflate stream (RFC 1951) of `count` letters "a"; a thousand times smaller than its content.
std::string deflatedRun(std::uint64_t count);
/// A gzip member (RFC 1952) with the content in stored blocks.
std::string gzipped(std::string_view content);
/// A gzip member around a deflate stream of `count` letters "a".
std::string gzippedRun(std::uint64_t count);
std::uint32_t crc32Of(std::string_view bytes);

/// One entry of a ZIP archive; what is declared may lie.
struct ZipEntry {
    std::string name;
    std::string data;          // as it stands in the archive
    std::uint16_t method = 0;  // 0 stored, 8 deflated
    std::uint32_t declaredBytes = 0;
    std::uint32_t crc = 0;
    std::uint16_t flags = 0;
};
ZipEntry storedEntry(const std::string& name, std::string_view content);
std::string zipOf(const std::vector<ZipEntry>& entries);

/// A valid EPUB 3 with these chapters (bodies of XHTML), a nav and optional further entries.
struct EpubParts {
    std::string container;
    std::string package;
    std::string nav;
    std::vector<std::pair<std::string, std::string>> chapters;  // file name, XHTML
    std::vector<ZipEntry> more;
};
EpubParts smallEpub();
std::string epubOf(const EpubParts& parts);

/// A PDF 1.4 with one line of Helvetica per entry, page by page.
struct PdfParts {
    std::vector<std::vector<std::string>> pages;
    std::string title;
    std::vector<std::string> outline;  // top-level titles
    std::string trailer;               // more entries of the trailer dictionary
};
std::string pdfOf(const PdfParts& parts);

}  // namespace engine
