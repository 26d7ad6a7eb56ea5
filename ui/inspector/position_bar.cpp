// One pixel row stands for many tokens: a mark is drawn when any of them bears it.
#include "ui/inspector/position_bar.h"

#include <QMouseEvent>
#include <QPainter>
#include <algorithm>
#include <cmath>

#include "ui/inspection_cursor.h"
#include "ui/inspector/text_map.h"

namespace ui {

namespace {

using namespace Qt::StringLiterals;

std::size_t index(int value) { return static_cast<std::size_t>(value); }

}  // namespace

PositionBar::PositionBar(Theme& theme, InspectionCursor& cursor, TextMap& map, QWidget* parent)
    : QWidget(parent), m_theme(theme), m_cursor(cursor), m_map(map), m_text(std::make_shared<PromptText>()) {
    setObjectName(u"positionBar"_s);
    setAccessibleName(tr("Position in the prompt"));
    setSizePolicy(QSizePolicy::Fixed, QSizePolicy::Expanding);
    setCursor(Qt::PointingHandCursor);
    connect(&theme, &Theme::changed, this, qOverload<>(&QWidget::update));
    connect(&cursor, &InspectionCursor::tokenChanged, this, qOverload<>(&QWidget::update));
    connect(&map, &TextMap::scrolled, this, qOverload<>(&QWidget::update));
}

void PositionBar::setText(std::shared_ptr<const PromptText> text) {
    m_text = std::move(text);
    update();
}

double PositionBar::yOf(int token) const { return (height() - 8.0) * token / std::max(1, m_text->tokens()) + 4; }

void PositionBar::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    painter.fillRect(rect(), m_theme.color(Role::Paper));
    if (m_text->tokens() == 0) {
        return;
    }
    painter.fillRect(QRectF(8, 4, 12, height() - 8), m_theme.color(Role::Raised));
    painter.setPen(QPen(m_theme.color(Role::FaintInk), 1));
    for (int segment = 1; segment < m_text->segments(); ++segment) {
        const double y = std::round(yOf(m_text->segmentToken(segment))) + 0.5;
        painter.drawLine(QPointF(4, y), QPointF(24, y));
    }
    const std::vector<TokenMark>& marks = m_map.shading().marks;
    for (int y = 4; y < height() - 4; ++y) {
        const double perPixel = m_text->tokens() / std::max(1.0, height() - 8.0);
        const int from = static_cast<int>((y - 4) * perPixel);
        const int to = std::min(static_cast<int>(std::ceil((y - 3) * perPixel)), static_cast<int>(marks.size()));
        for (int token = from; token < to; ++token) {
            const auto meaning = std::ranges::find(m_map.shading().meanings, marks[index(token)], &MarkMeaning::mark);
            if (marks[index(token)] != TokenMark::None && meaning != m_map.shading().meanings.end()) {
                const bool dotted = marks[index(token)] == TokenMark::Dotted;
                painter.fillRect(dotted ? QRect(12, y, 4, 1) : QRect(8, y, 12, 1), m_theme.color(meaning->role));
                if (!dotted) {
                    break;
                }
            }
        }
    }
    const auto [first, last] = m_map.visibleTokens();
    QColor window = m_theme.color(Role::Accent);
    painter.setPen(QPen(window, 1.5));
    window.setAlphaF(0.10F);
    painter.setBrush(window);
    painter.setRenderHint(QPainter::Antialiasing);
    painter.drawRoundedRect(QRectF(4.5, yOf(first), 19, std::max(6.0, yOf(last + 1) - yOf(first))), 3, 3);
    if (m_cursor.token() >= 0) {
        painter.setPen(QPen(m_theme.color(Role::Crosshair), 2));
        painter.drawLine(QPointF(2, yOf(m_cursor.token())), QPointF(26, yOf(m_cursor.token())));
    }
}

void PositionBar::scrollTo(double y) {
    const double share = (y - 4) / std::max(1.0, height() - 8.0);
    const int token = static_cast<int>(share * m_text->tokens());
    m_map.showInMiddle(std::clamp(token, 0, std::max(0, m_text->tokens() - 1)));
}

void PositionBar::mousePressEvent(QMouseEvent* event) { scrollTo(event->position().y()); }

void PositionBar::mouseMoveEvent(QMouseEvent* event) {
    if (event->buttons().testFlag(Qt::LeftButton)) {
        scrollTo(event->position().y());
    }
}

}  // namespace ui
