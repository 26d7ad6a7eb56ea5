// PDF through poppler-cpp: text page by page, title from the metadata, sections from the outline.
#include <poppler-document.h>
#include <poppler-global.h>
#include <poppler-page.h>
#include <poppler-toc.h>

#include <algorithm>
#include <array>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "engine/ingest/utf8.h"
#include "engine/ingest/worker/headings.h"
#include "engine/ingest/worker/limits.h"
#include "engine/ingest/worker/pdf_lines.h"
#include "engine/ingest/worker/readers.h"
#include "engine/ingest/worker/text_encoding.h"
#include "engine/ingest/worker_answer.h"

namespace engine::worker {
namespace {

/// A PDF's end marker lies in its last 1024 bytes (ISO 32000-1, annex H); copies with something appended have it a bit
/// before.
constexpr std::size_t kEndSearchBytes = std::size_t{16} << 10;

Status refused(std::string why) { return Status(StatusCode::Refused, std::move(why)); }

/// poppler's own conversion goes through iconv and drops text at the first lone surrogate.
std::string utf8Of(const poppler::ustring& text) {
    std::u16string units;
    units.reserve(text.size());
    for (const unsigned short unit : text)
        units.push_back(static_cast<char16_t>(unit));
    return utf8FromUtf16(units);
}

/// Latin ligatures (U+FB00–FB06) as letters: nobody searches for "ﬁle".
std::string withoutLigatures(const std::string& text) {
    if (text.find("\xEF\xAC") == std::string::npos)
        return text;
    static constexpr std::array<const char*, 7> kLetters{"ff", "fi", "fl", "ffi", "ffl", "st", "st"};
    std::string expanded;
    for (std::size_t at = 0; at < text.size();) {
        const CodePoint point = codePointAt(text, at);
        at += static_cast<std::size_t>(point.bytes);
        if (point.value >= 0xFB00 && point.value <= 0xFB06)
            expanded += kLetters[point.value - 0xFB00];
        else
            appendUtf8(expanded, point.value);
    }
    return expanded;
}

/// The outline in reading order. Walked with an own stack; deeper levels than kMaxOutlineDepth are left out.
std::vector<OutlineEntry> outlineOf(const poppler::document& document) {
    std::vector<OutlineEntry> entries;
    const std::unique_ptr<poppler::toc> toc(document.create_toc());
    if (toc == nullptr || toc->root() == nullptr)
        return entries;
    struct Place {
        std::vector<poppler::toc_item*> items;
        std::size_t next = 0;
    };
    std::vector<Place> path{{toc->root()->children(), 0}};
    while (!path.empty() && entries.size() < kMaxSections) {
        Place& place = path.back();
        if (place.next >= place.items.size()) {
            path.pop_back();
            continue;
        }
        const poppler::toc_item* item = place.items[place.next++];
        entries.push_back(
            {static_cast<int>(path.size()), std::string(beginningOf(oneLine(utf8Of(item->title())), kMaxTitleBytes))});
        if (path.size() < kMaxOutlineDepth)
            path.push_back({item->children(), 0});
    }
    return entries;
}

/// Titles that programs write by themselves say nothing.
bool isRealTitle(const std::string& title) {
    const std::string key = headingKey(title);
    return !key.empty() && key != "untitled" && key != "untitleddocument" && key.rfind("microsoftword", 0) != 0 &&
           title.find('\\') == std::string::npos;
}

/// Metadata, else the outline's one root.
std::string titleOf(const poppler::document& document, const std::vector<OutlineEntry>& outline) {
    const std::string title = oneLine(utf8Of(document.get_title()));
    if (isRealTitle(title))
        return title;
    const auto roots =
        std::count_if(outline.begin(), outline.end(), [](const OutlineEntry& entry) { return entry.level == 1; });
    return roots == 1 && outline.size() > 1 ? outline.front().title : std::string();
}

void addLines(DocumentBuilder& builder, const std::vector<PageLine>& lines, std::vector<OutlineEntry> outline, int pages) {
    const std::vector<PlacedHeading> headings =
        outline.empty() ? findNumberedHeadings(lines, outline) : placeHeadings(lines, outline);
    const std::vector<std::size_t> widths = lineWidths(lines, pages);
    auto heading = headings.begin();
    int page = 0;
    for (std::size_t i = 0; i < lines.size(); ++i) {
        const PageLine& line = lines[i];
        if (heading != headings.end() && i == heading->begin) {
            builder.breakParagraph();
            builder.beginSection(outline[heading->entry].level, outline[heading->entry].title);
        } else if (i > 0) {
            const bool insideHeading = heading != headings.end() && i > heading->begin && i < heading->end;
            switch (insideHeading ? LineJoin::Space
                                  : joinOf(lines[i - 1], line, widths[static_cast<std::size_t>(lines[i - 1].page)])) {
                case LineJoin::Nothing:
                    break;
                case LineJoin::Space:
                    builder.addText(" ");
                    break;
                case LineJoin::Line:
                    builder.breakLine();
                    break;
                case LineJoin::Paragraph:
                    builder.breakParagraph();
                    break;
            }
        }
        while (page < line.page)
            builder.beginPage(++page);
        builder.addText(line.text);
        if (heading != headings.end() && i + 1 == heading->end) {
            builder.breakParagraph();
            ++heading;
        }
    }
    while (page < pages)
        builder.beginPage(++page);
}

}  // namespace

Result<ParsedDocument> readPdf(std::string_view bytes) {
    if (bytes.substr(bytes.size() - std::min(bytes.size(), kEndSearchBytes)).find("%%EOF") == std::string_view::npos)
        return refused("truncated PDF: its end is missing; copy or download the file again");
    poppler::set_debug_error_function([](const std::string&, void*) {}, nullptr);
    const std::unique_ptr<poppler::document> document(
        poppler::document::load_from_raw_data(bytes.data(), static_cast<int>(bytes.size())));
    if (document == nullptr)
        return refused("damaged PDF: its objects cannot be read");
    if (document->is_locked())
        return refused("encrypted PDF: it needs a password; save a copy without one");
    const int pages = document->pages();
    if (pages <= 0)
        return refused("damaged PDF: it has no pages");
    if (pages > kMaxPages)
        return refused("the PDF has " + std::to_string(pages) + " pages; documents are read up to " +
                       std::to_string(kMaxPages));
    std::vector<std::string> texts;
    std::uint64_t textBytes = 0;
    for (int i = 0; i < pages && textBytes <= kMaxTextBytes; ++i) {
        const std::unique_ptr<poppler::page> page(document->create_page(i));
        texts.push_back(page == nullptr ? std::string()
                                        : withoutLigatures(utf8Of(
                                              page->text(poppler::rectf(), poppler::page::non_raw_non_physical_layout))));
        textBytes += texts.back().size();
    }
    const std::vector<OutlineEntry> outline = outlineOf(*document);
    std::set<std::string> headingKeys;
    for (const OutlineEntry& entry : outline)
        headingKeys.insert(headingKey(entry.title));
    DocumentBuilder builder;
    builder.setTitle(titleOf(*document, outline));
    addLines(builder, linesOfPages(texts, headingKeys), outline, static_cast<int>(texts.size()));
    if (builder.text().empty())
        return Status(StatusCode::Unsupported,
                      "skipped: the PDF has no text (scanned pages?); run character recognition on it first");
    return builder.finish("application/pdf", DocumentBuilder::FirstHeading::Ignored);
}

}  // namespace engine::worker
