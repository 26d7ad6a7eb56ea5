// One reader a format: the bytes of a whole file in, a document out. All errors: Unsupported ("skipped: …") or Refused
// (why).
#pragma once

#include <string>
#include <string_view>

#include "engine/ingest/document_reader.h"
#include "engine/ingest/worker/document_builder.h"

namespace engine::worker {

/// Finds the format by content and name and reads the file; gzip is unpacked first, once.
Result<ParsedDocument> readFile(std::string bytes, const std::string& name);

Result<ParsedDocument> readPlainText(std::string_view bytes);
Result<ParsedDocument> readMarkdown(std::string_view bytes);
Result<ParsedDocument> readHtml(std::string_view bytes);
Result<ParsedDocument> readPdf(std::string_view bytes);
Result<ParsedDocument> readEpub(std::string_view bytes);

/// All members of a gzip file. Errors: Refused (damaged, truncated, over a limit).
Result<std::string> unpackGzip(std::string_view bytes);

/// Where a link of an HTML table of contents leads.
struct HtmlLink {
    std::string target;  // href, as written
    std::string text;
    int level = 1;  // 1 + lists around it
};

/// Adds the text of an HTML or XHTML document (UTF-8). Its headings become sections, its title the builder's where none is
/// set.
void addHtml(DocumentBuilder& builder, std::string_view utf8);
/// Links of the element `nav` with epub:type "toc", in order.
std::vector<HtmlLink> tableOfContents(std::string_view utf8);

}  // namespace engine::worker
