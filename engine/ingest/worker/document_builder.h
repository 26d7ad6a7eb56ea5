// Collects a document's text with its sections, pages and anchors while a format reader walks over it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "engine/ingest/document_reader.h"

namespace engine::worker {

/// One document. White space between runs is decided late: breaks asked for are written only when text follows, so that the
/// text neither starts nor ends with white space and no two breaks add up. One thread.
class DocumentBuilder {
public:
    /// Runs of white space become one space; control characters go.
    void addText(std::string_view utf8);
    /// White space stays; trailing white space of a stretch goes when a break follows.
    void addVerbatim(std::string_view utf8);
    void breakLine();
    void breakParagraph();
    /// Written before the next text when a line starts there: "- ", "3. ".
    void setPrefix(std::string prefix) { m_prefix = std::move(prefix); }
    /// The next text of this line stands in another table cell: " | ". Breaks forget it.
    void nextCell();

    /// A section starts at the next text.
    void beginSection(int level, std::string title);
    /// A section starts at the next text and takes its title from the text up to endHeading().
    void beginHeading(int level);
    void endHeading();
    /// Pages are numbered from 1, in order; a page begins at its first text.
    void beginPage(int page);
    /// Remembers the character where the next text starts.
    void markAnchor(std::string name) { m_pendingAnchors.push_back(std::move(name)); }
    const std::map<std::string, std::int64_t>& anchors() const { return m_anchors; }
    void forgetAnchors() { m_anchors.clear(); }

    /// The document's own title; the first one given stays.
    void setTitle(std::string_view title);
    bool hasTitle() const { return !m_document.title.empty(); }

    std::vector<storage::SectionMark>& sections() { return m_document.sections; }
    std::int64_t characters() const { return m_characters; }
    std::string_view text() const { return m_document.text; }
    /// More text than a document may have: readers may stop.
    bool full() const { return m_full; }

    /// The document; with FirstHeading::AsTitle the first section lends its title where there is none. Errors: Unsupported
    /// (no text), Refused (too long).
    enum class FirstHeading { AsTitle, Ignored };
    Result<ParsedDocument> finish(std::string mediaType, FirstHeading firstHeading);

private:
    enum class Gap { None, Space, Line, Paragraph };

    void widen(Gap gap);
    /// Writes the break, the marks and the prefix that wait for text.
    void openText();
    void append(std::string_view bytes);

    ParsedDocument m_document;
    std::int64_t m_characters = 0;
    Gap m_gap = Gap::None;
    std::string m_prefix;
    std::string m_cells;          // " |" a cell border
    std::string m_verbatimSpace;  // white space of a verbatim stretch, not written yet
    std::vector<storage::SectionMark> m_pendingSections;
    std::vector<std::string> m_pendingAnchors;
    std::map<std::string, std::int64_t> m_anchors;
    bool m_pageOpen = false;  // a page began and has no text yet
    int m_headingLevel = 0;   // 0 = outside a heading
    std::int64_t m_headingBegin = -1;
    std::size_t m_headingByte = 0;
    bool m_full = false;
};

}  // namespace engine::worker
