// Late white space: what was asked for between two stretches of text is decided when the second one comes.
#include "engine/ingest/worker/document_builder.h"

#include <algorithm>

#include "engine/ingest/utf8.h"
#include "engine/ingest/worker/limits.h"
#include "engine/ingest/worker_answer.h"

namespace engine::worker {

void DocumentBuilder::widen(Gap gap) {
    m_gap = std::max(m_gap, gap);
    m_verbatimSpace.clear();
    m_cells.clear();
}

void DocumentBuilder::breakLine() { widen(Gap::Line); }

void DocumentBuilder::breakParagraph() { widen(Gap::Paragraph); }

void DocumentBuilder::nextCell() {
    m_cells += " |";
    m_gap = std::max(m_gap, Gap::Space);
}

void DocumentBuilder::append(std::string_view bytes) {
    if (m_document.text.size() + bytes.size() > kMaxTextBytes) {
        m_full = true;
        return;
    }
    m_document.text += bytes;
    m_characters += countCharacters(bytes);
}

void DocumentBuilder::openText() {
    const bool lineStart = m_document.text.empty() || m_gap >= Gap::Line;
    if (!m_document.text.empty() && m_gap != Gap::None && (m_gap != Gap::Space || m_cells.empty()))
        append(m_gap == Gap::Paragraph ? "\n\n" : m_gap == Gap::Line ? "\n" : " ");
    m_gap = Gap::None;
    if (!m_cells.empty())
        append((lineStart ? m_cells.substr(1) : m_cells) + " ");
    m_cells.clear();
    if (m_pageOpen) {
        m_document.pageMap.back().begin = m_characters;
        m_pageOpen = false;
    }
    for (storage::SectionMark& mark : m_pendingSections) {
        mark.begin = m_characters;
        if (m_document.sections.size() < kMaxSections)
            m_document.sections.push_back(std::move(mark));
    }
    m_pendingSections.clear();
    for (std::string& name : m_pendingAnchors)
        m_anchors.emplace(std::move(name), m_characters);
    m_pendingAnchors.clear();
    if (m_headingLevel > 0 && m_headingBegin < 0) {
        m_headingBegin = m_characters;
        m_headingByte = m_document.text.size();
    }
    if (lineStart && !m_prefix.empty())
        append(m_prefix);
    m_prefix.clear();
    if (!m_verbatimSpace.empty())
        append(m_verbatimSpace);
    m_verbatimSpace.clear();
}

void DocumentBuilder::addText(std::string_view utf8) {
    std::size_t begin = 0;  // of the stretch not written yet
    const auto write = [&](std::size_t end) {
        if (end > begin) {
            openText();
            append(utf8.substr(begin, end - begin));
        }
    };
    for (std::size_t at = 0; at < utf8.size() && !m_full;) {
        const CodePoint point = codePointAt(utf8, at);
        const std::size_t next = at + static_cast<std::size_t>(point.bytes);
        const bool space = isWhiteSpace(point.value);
        if (space || point.value < 0x20 || !point.valid) {
            write(at);
            begin = next;
            if (space)
                m_gap = std::max(m_gap, Gap::Space);
        }
        at = next;
    }
    write(utf8.size());
}

void DocumentBuilder::addVerbatim(std::string_view utf8) {
    std::size_t begin = 0;
    const auto write = [&](std::size_t end) {
        if (end > begin) {
            openText();
            append(utf8.substr(begin, end - begin));
        }
    };
    for (std::size_t at = 0; at < utf8.size() && !m_full; ++at) {
        const char c = utf8[at];
        const bool space = c == ' ' || c == '\t' || c == '\n';
        if (!space && static_cast<std::uint8_t>(c) >= 0x20)
            continue;
        write(at);
        begin = at + 1;
        if (c == '\n') {
            // No line ends with white space, and the first line of a stretch is not an empty one.
            while (!m_verbatimSpace.empty() && m_verbatimSpace.back() != '\n')
                m_verbatimSpace.pop_back();
            if (m_gap >= Gap::Line || m_document.text.empty())
                m_verbatimSpace.clear();
            else
                m_verbatimSpace.push_back('\n');
        } else if (space) {
            m_verbatimSpace.push_back(c);
        }
    }
    write(utf8.size());
}

void DocumentBuilder::beginSection(int level, std::string title) {
    title = std::string(beginningOf(oneLine(title), kMaxTitleBytes));
    if (!title.empty())
        m_pendingSections.push_back({0, level, std::move(title)});
}

void DocumentBuilder::beginHeading(int level) {
    breakParagraph();
    m_headingLevel = level;
    m_headingBegin = -1;
}

void DocumentBuilder::endHeading() {
    if (m_headingLevel > 0 && m_headingBegin >= 0) {
        const std::string title = oneLine(std::string_view(m_document.text).substr(m_headingByte));
        if (!title.empty() && m_document.sections.size() < kMaxSections)
            m_document.sections.push_back({m_headingBegin, m_headingLevel, std::string(beginningOf(title, kMaxTitleBytes))});
    }
    m_headingLevel = 0;
    m_headingBegin = -1;
    breakParagraph();
}

void DocumentBuilder::beginPage(int page) {
    if (!m_document.pageMap.empty()) {
        storage::PageSpan& last = m_document.pageMap.back();
        if (m_pageOpen)
            last.begin = m_characters;
        last.end = m_characters;
    }
    m_document.pageMap.push_back({page, m_characters, m_characters});
    m_pageOpen = true;
}

void DocumentBuilder::setTitle(std::string_view title) {
    if (m_document.title.empty())
        m_document.title = std::string(beginningOf(oneLine(title), kMaxTitleBytes));
}

Result<ParsedDocument> DocumentBuilder::finish(std::string mediaType, FirstHeading firstHeading) {
    if (m_full)
        return Status(StatusCode::Refused, "the document has more than " + std::to_string(kMaxTextBytes >> 20) +
                                               " MiB of text; split it into smaller files");
    if (m_document.text.empty())
        return Status(StatusCode::Unsupported, "skipped: the document has no text");
    if (!m_document.pageMap.empty()) {
        storage::PageSpan& last = m_document.pageMap.back();
        if (m_pageOpen)
            last.begin = m_characters;
        last.end = m_characters;
        m_document.pages = last.page;
    }
    std::stable_sort(m_document.sections.begin(), m_document.sections.end(),
                     [](const auto& left, const auto& right) { return left.begin < right.begin; });
    if (m_document.title.empty() && firstHeading == FirstHeading::AsTitle && !m_document.sections.empty())
        m_document.title = m_document.sections.front().title;
    m_document.mediaType = std::move(mediaType);
    return std::move(m_document);
}

}  // namespace engine::worker
