// Painting the map: grounds, marks, glyphs, captions, search, cursor; visible lines only.
#include <QFontMetricsF>
#include <QPaintEvent>
#include <QPainter>
#include <QPainterPath>
#include <QScrollBar>
#include <algorithm>
#include <cmath>

#include "ui/inspection_cursor.h"
#include "ui/inspector/text_map.h"

namespace ui {

namespace {

using namespace Qt::StringLiterals;

std::size_t index(int value) { return static_cast<std::size_t>(value); }

}  // namespace

void TextMap::paintEvent(QPaintEvent*) {
    QPainter painter(viewport());
    painter.setRenderHint(QPainter::Antialiasing);
    painter.fillRect(viewport()->rect(), m_theme.color(Role::Paper));
    const double top = verticalScrollBar()->value();
    const QPointF origin(textLeft(), -top);
    paintLines(painter, origin, top, top + viewport()->height());
    paintCursor(painter, origin);
    if (hasFocus()) {
        painter.fillRect(QRect(0, 0, 2, viewport()->height()), m_theme.color(Role::Accent));
    }
}

void TextMap::paintPlot(QPainter& painter, const QSize& size) const {
    painter.fillRect(QRect({0, 0}, size), m_theme.color(Role::Paper));
    paintLines(painter, QPointF((size.width() - m_layout.width()) / 2, 0), 0, m_layout.height());
}

void TextMap::paintLines(QPainter& painter, const QPointF& origin, double top, double bottom) const {
    for (int line = m_layout.lineAt(top);
         line < static_cast<int>(m_layout.lines().size()) && m_layout.lines()[index(line)].top < bottom; ++line) {
        paintLine(painter, line, origin);
    }
    for (int segment = 0; segment < static_cast<int>(m_layout.captions().size()); ++segment) {
        const CaptionPlace& place = m_layout.captions()[index(segment)];
        if (place.top < bottom && place.top + place.height > top) {
            paintCaption(painter, segment, origin);
        }
    }
}

void TextMap::paintLine(QPainter& painter, int number, const QPointF& origin) const {
    const TextLine& line = m_layout.lines()[index(number)];
    const double top = origin.y() + line.top + 2;
    const double height = line.height - 4;
    QPainterPath strong;
    painter.setPen(Qt::NoPen);
    for (int i = line.firstPlaced; i < line.endPlaced; ++i) {
        const PlacedCell& placed = m_layout.placed()[index(i)];
        const std::size_t cell = index(placed.cell);
        if (cell < m_grounds.size() && m_grounds[cell] != 0) {
            // Whole pixels, so that neighbours of one colour show no seam.
            const double left = std::round(origin.x() + placed.left);
            const QRectF rect(left, top, std::round(origin.x() + placed.right) - left, height);
            painter.fillRect(rect, QColor::fromRgb(m_grounds[cell]));
            if (m_lightInk[cell]) {
                strong.addRect(rect);
            }
        }
    }
    paintMatches(painter, line, origin);
    const bool isContext = !m_captions[index(line.segment)].label.isEmpty();
    painter.setPen(m_theme.color(isContext ? Role::Ink : Role::QuietInk));
    m_layout.drawLine(painter, number, QPointF(origin.x(), origin.y() + line.top));
    if (!strong.isEmpty()) {
        painter.save();
        painter.setClipPath(strong);
        painter.setPen(m_theme.color(Role::Paper));
        m_layout.drawLine(painter, number, QPointF(origin.x(), origin.y() + line.top));
        painter.restore();
    }
    paintMarks(painter, line, origin);
}

void TextMap::paintMarks(QPainter& painter, const TextLine& line, const QPointF& origin) const {
    const double y = std::round(origin.y() + line.top + line.height) - 3;
    for (int i = line.firstPlaced; i < line.endPlaced;) {
        const PlacedCell& first = m_layout.placed()[index(i)];
        const TokenMark mark = index(first.cell) < m_cellMarks.size() ? m_cellMarks[index(first.cell)] : TokenMark::None;
        const MarkMeaning* meaning = meaningOf(mark);
        if (mark == TokenMark::None || !meaning) {
            ++i;
            continue;
        }
        double left = first.left;
        double right = first.right;
        ++i;
        if (mark == TokenMark::Dotted) {
            // One line under a run; solid marks stay one a token, so that tokens can be counted.
            while (i < line.endPlaced && m_cellMarks[index(m_layout.placed()[index(i)].cell)] == mark) {
                right = m_layout.placed()[index(i)].right;
                ++i;
            }
        }
        QPen pen(m_theme.color(meaning->role), mark == TokenMark::Dotted ? 1.5 : 2);
        pen.setCapStyle(mark == TokenMark::Dotted ? Qt::RoundCap : Qt::FlatCap);
        if (mark == TokenMark::Dotted) {
            pen.setDashPattern({0.1, 2.4});
        } else if (mark == TokenMark::Dashed) {
            pen.setDashPattern({1.6, 1.2});
        }
        painter.setPen(pen);
        painter.drawLine(QPointF(origin.x() + left + 0.75, y), QPointF(origin.x() + std::max(right - 0.75, left + 2), y));
    }
}

void TextMap::paintMatches(QPainter& painter, const TextLine& line, const QPointF& origin) const {
    if (m_matches.empty() || line.firstPlaced == line.endPlaced) {
        return;
    }
    const int from = m_text->cellBegin(m_layout.placed()[index(line.firstPlaced)].cell);
    const int to = m_text->cellBegin(m_layout.placed()[index(line.endPlaced - 1)].cell + 1);
    auto match = std::ranges::partition_point(m_matches, [&](const auto& range) { return range.second <= from; });
    for (; match != m_matches.end() && match->first < to; ++match) {
        double left = 1e9;
        double right = -1;
        for (int i = line.firstPlaced; i < line.endPlaced; ++i) {
            const PlacedCell& placed = m_layout.placed()[index(i)];
            const int begin = m_text->cellBegin(placed.cell);
            const int end = m_text->cellBegin(placed.cell + 1);
            if (end > match->first && begin < match->second) {
                const double width = placed.right - placed.left;
                const double perCharacter = end > begin ? width / (end - begin) : width;
                left = std::min(left, placed.left + perCharacter * std::max(0, match->first - begin));
                right = std::max(right, placed.right - perCharacter * std::max(0, end - match->second));
            }
        }
        const QRectF rect(origin.x() + left, origin.y() + line.top + 2, right - left, line.height - 4);
        painter.fillRect(rect, m_theme.color(Role::SearchTint));
        if (match - m_matches.begin() == m_match) {
            painter.setPen(QPen(m_theme.color(Role::Warn), 1.5));
            painter.setBrush(Qt::NoBrush);
            painter.drawRect(rect);
        }
    }
}

void TextMap::paintCaption(QPainter& painter, int segment, const QPointF& origin) const {
    const CaptionPlace& place = m_layout.captions()[index(segment)];
    const SegmentCaption& caption = m_captions[index(segment)];
    const double top = origin.y() + place.top;
    const QFont small = m_theme.smallFont();
    QFont bold = small;
    bold.setWeight(QFont::DemiBold);
    const QFontMetricsF metrics(small);
    const double baseline = top + (place.height - 8 + metrics.ascent() - metrics.descent()) / 2;
    painter.setPen(QPen(m_theme.color(Role::Line), 1));
    const double rule = std::round(top + place.height - 8) + 0.5;
    painter.drawLine(QPointF(origin.x(), rule), QPointF(origin.x() + m_layout.width(), rule));
    if (!caption.label.isEmpty()) {
        painter.setFont(bold);
        painter.setPen(m_theme.color(Role::Accent));
        painter.drawText(QPointF(origin.x() - 8 - QFontMetricsF(bold).horizontalAdvance(caption.label), baseline),
                         caption.label);
    }
    painter.setFont(small);
    const double detailWidth = metrics.horizontalAdvance(caption.detail);
    painter.setPen(m_theme.color(Role::QuietInk));
    painter.drawText(QPointF(origin.x() + m_layout.width() - detailWidth, baseline), caption.detail);
    painter.setFont(bold);
    painter.setPen(m_theme.color(caption.label.isEmpty() ? Role::QuietInk : Role::Ink));
    const QString title =
        QFontMetricsF(bold).elidedText(caption.title, Qt::ElideMiddle, std::max(40.0, m_layout.width() - detailWidth - 16));
    painter.drawText(QPointF(origin.x(), baseline), title);
}

void TextMap::paintCursor(QPainter& painter, const QPointF& origin) const {
    const auto outline = [&](int token, const QPen& pen) {
        if (token < 0 || token >= m_text->tokens() || m_layout.lines().empty()) {
            return;
        }
        const QRectF rect = m_layout.cellRect(m_text->cellOfToken(token)).translated(origin);
        painter.setPen(pen);
        painter.setBrush(Qt::NoBrush);
        painter.drawRoundedRect(rect.adjusted(-1, 1, 1, -1), 2, 2);
    };
    if (m_cursor.isPreviewing()) {
        outline(m_cursor.token(), QPen(m_theme.color(Role::QuietInk), 1));
    }
    outline(m_cursor.lockedToken(), QPen(m_theme.color(Role::Crosshair), 2));
}

}  // namespace ui
