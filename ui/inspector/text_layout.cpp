// Breaks paragraphs with Qt's shaper and remembers each cell's place, so that painting and hit tests are look-ups.
#include "ui/inspector/text_layout.h"

#include <QFontMetricsF>
#include <QPainter>
#include <QTextOption>
#include <algorithm>
#include <cmath>

namespace ui {

namespace {

constexpr double kCaptionHeight = 32;
constexpr double kSegmentGap = 24;
constexpr double kParagraphGap = 0.35;  // of a line
constexpr double kEmptyLine = 0.85;     // line height

std::size_t index(int value) { return static_cast<std::size_t>(value); }

}  // namespace

TextLayout::TextLayout(const PromptText& text, const std::vector<SegmentCaption>& captions, const QFont& font,
                       const QColor& signInk, double width, double lineHeight)
    : m_width(width) {
    m_lineOfCell.assign(index(text.cells()), 0);
    QTextOption option;
    option.setWrapMode(QTextOption::WrapAtWordBoundaryOrAnywhere);
    option.setTabStopDistance(QFontMetricsF(font).horizontalAdvance(QChar(u' ')) * 4);
    double y = 0;
    for (int segment = 0; segment < text.segments(); ++segment) {
        const int firstToken = text.segmentToken(segment);
        const int endToken = text.segmentToken(segment + 1);
        y += segment > 0 ? kSegmentGap : kSegmentGap / 2;
        m_captions.push_back({y, kCaptionHeight});
        y += kCaptionHeight;
        if (firstToken >= endToken) {
            continue;
        }
        const int begin = text.cellBegin(text.cellOfToken(firstToken));
        const int end =
            endToken < text.tokens() ? text.cellBegin(text.cellOfToken(endToken)) : static_cast<int>(text.text().size());
        const int headerEnd = begin + captions[index(segment)].headerCharacters;
        for (int at = begin; at < end;) {
            const auto lineEnd = static_cast<int>(text.text().indexOf(QChar(u'\n'), at));
            const int stop = lineEnd < 0 || lineEnd >= end ? end : lineEnd + 1;
            QString shown = text.text().mid(at, stop - at);
            if (shown.endsWith(QChar(u'\n'))) {
                shown.back() = QChar(u'↵');
            }
            shown.replace(QChar(u'\r'), QChar(u' '));
            auto paragraph = std::make_unique<QTextLayout>(shown, font);
            paragraph->setTextOption(option);
            paragraph->setCacheEnabled(true);
            QList<QTextLayout::FormatRange> formats;
            if (at < headerEnd) {
                QTextCharFormat bold;
                bold.setFontWeight(QFont::DemiBold);
                formats.append({0, std::min(headerEnd, stop) - at, bold});
            }
            if (shown.endsWith(QChar(u'↵'))) {
                QTextCharFormat sign;
                sign.setForeground(signInk);
                formats.append({stop - at - 1, 1, sign});
            }
            paragraph->setFormats(formats);
            m_paragraphs.push_back(std::move(paragraph));
            // An empty line is a gap, not a paragraph; its line ends still have their place.
            const bool empty = stop - at == 1 && shown.endsWith(QChar(u'↵'));
            place(text, static_cast<int>(m_paragraphs.size()) - 1, segment, at, stop, y, empty ? kEmptyLine : lineHeight);
            at = stop;
        }
    }
    m_height = y + kSegmentGap;
}

void TextLayout::place(const PromptText& text, int paragraph, int segment, int begin, int end, double& y,
                       double lineHeight) {
    QTextLayout& layout = *m_paragraphs[index(paragraph)];
    layout.beginLayout();
    for (QTextLine line = layout.createLine(); line.isValid(); line = layout.createLine()) {
        line.setLineWidth(m_width);
    }
    layout.endLayout();
    for (int i = 0; i < layout.lineCount(); ++i) {
        const QTextLine line = layout.lineAt(i);
        TextLine entry;
        entry.paragraph = paragraph;
        entry.line = i;
        entry.segment = segment;
        entry.top = y;
        entry.height = std::ceil(line.height() * lineHeight);
        entry.baseline = (entry.height - line.height()) / 2 + line.ascent();
        entry.firstPlaced = static_cast<int>(m_placed.size());
        const int lineBegin = begin + line.textStart();
        const int lineEnd = std::min(end, lineBegin + line.textLength());
        for (int at = lineBegin; at < lineEnd;) {
            const int cell = text.cellAt(at);
            const int cellEnd = std::min(text.cellBegin(cell + 1), lineEnd);
            const double one = line.cursorToX(at - begin);
            const double other = line.cursorToX(cellEnd - begin);
            if (at == text.cellBegin(cell)) {
                m_lineOfCell[index(cell)] = static_cast<int>(m_lines.size());
            }
            m_placed.push_back({cell, static_cast<float>(std::min(one, other)), static_cast<float>(std::max(one, other))});
            at = cellEnd;
        }
        entry.endPlaced = static_cast<int>(m_placed.size());
        m_lines.push_back(entry);
        y += entry.height;
    }
    y += lineHeight < 1 || m_lines.empty() ? 0 : kParagraphGap * m_lines.back().height;
}

int TextLayout::lineAt(double y) const {
    const auto found = std::partition_point(m_lines.begin(), m_lines.end(),
                                            [&](const TextLine& line) { return line.top + line.height <= y; });
    return static_cast<int>(found - m_lines.begin());
}

QRectF TextLayout::cellRect(int cell) const {
    const int first = lineOfCell(cell);
    QRectF widest(0, m_lines[index(first)].top, 0, m_lines[index(first)].height);
    bool here = true;
    for (int number = first; here && number < static_cast<int>(m_lines.size()); ++number) {
        const TextLine& line = m_lines[index(number)];
        here = false;
        for (int i = line.firstPlaced; i < line.endPlaced; ++i) {
            const PlacedCell& placed = m_placed[index(i)];
            const double width = placed.right - placed.left;
            here = here || placed.cell == cell;
            if (placed.cell == cell && width > widest.width()) {
                widest = {placed.left, line.top, width, line.height};
            }
        }
    }
    widest.setWidth(std::max(2.0, widest.width()));
    return widest;
}

int TextLayout::cellAt(int line, double x) const {
    if (line < 0 || line >= static_cast<int>(m_lines.size())) {
        return -1;
    }
    const TextLine& entry = m_lines[index(line)];
    int nearest = -1;
    double least = 1e9;
    for (int i = entry.firstPlaced; i < entry.endPlaced; ++i) {
        const PlacedCell& placed = m_placed[index(i)];
        const double distance = x < placed.left ? placed.left - x : x >= placed.right ? x - placed.right + 0.01 : 0;
        if (distance < least) {
            least = distance;
            nearest = placed.cell;
        }
    }
    return nearest;
}

void TextLayout::drawLine(QPainter& painter, int line, const QPointF& at) const {
    const TextLine& entry = m_lines[index(line)];
    const QTextLine glyphs = m_paragraphs[index(entry.paragraph)]->lineAt(entry.line);
    // draw() adds the line's own position within its paragraph.
    glyphs.draw(&painter, QPointF(at.x(), at.y() + entry.baseline - glyphs.ascent() - glyphs.y()));
}

}  // namespace ui
