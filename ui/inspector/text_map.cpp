// Reading the map: scrolling, hovering, locking, searching, and the keys.
#include "ui/inspector/text_map.h"

#include <QFontMetricsF>
#include <QKeyEvent>
#include <QMouseEvent>
#include <QPainter>
#include <QScrollBar>
#include <algorithm>
#include <cmath>

#include "ui/inspection_cursor.h"

namespace ui {

namespace {

using namespace Qt::StringLiterals;

constexpr double kGreatestColumn = 760;
constexpr double kLeastMargin = 40;
constexpr double kRightMargin = 24;
constexpr int kExportWidth = 840;

std::size_t index(int value) { return static_cast<std::size_t>(value); }

}  // namespace

TextMap::TextMap(Theme& theme, InspectionCursor& cursor, const QString& name, QWidget* parent)
    : QAbstractScrollArea(parent), m_theme(theme), m_cursor(cursor), m_text(std::make_shared<PromptText>()) {
    setObjectName(name);
    setAccessibleName(tr("Text map of the prompt"));
    setFrameShape(QFrame::NoFrame);
    setFocusPolicy(Qt::StrongFocus);
    setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    viewport()->setMouseTracking(true);
    viewport()->setObjectName(name + "Viewport"_L1);
    viewport()->setCursor(Qt::IBeamCursor);
    makeExportable(*this, *this);
    connect(&theme, &Theme::changed, this, [this] {
        layOut();
        color();
    });
    connect(&cursor, &InspectionCursor::tokenChanged, this, &TextMap::followCursor);
}

void TextMap::setText(std::shared_ptr<const PromptText> text, std::vector<SegmentCaption> captions) {
    m_text = std::move(text);
    m_captions = std::move(captions);
    m_shading = {};
    m_cellMarks.clear();
    m_grounds.clear();
    m_matches.clear();
    m_match = -1;
    m_startValue = -1;
    layOut();
    scrollToStart();
}

void TextMap::scrollToStart() {
    const auto chunk =
        std::ranges::find_if(m_captions, [](const SegmentCaption& caption) { return !caption.label.isEmpty(); });
    const auto segment = static_cast<std::size_t>(chunk - m_captions.begin());
    verticalScrollBar()->setValue(
        segment < m_layout.captions().size() ? static_cast<int>(m_layout.captions()[segment].top) - 8 : 0);
    m_startValue = verticalScrollBar()->value();
}

void TextMap::setShading(TextShading shading) {
    m_shading = std::move(shading);
    color();
    announcePlot(*this);
}

void TextMap::setGranularity(Granularity granularity) {
    m_granularity = granularity;
    color();
}

void TextMap::layOut() {
    const double room = viewport()->width() - kLeastMargin - kRightMargin;
    const double width = std::clamp(room, 160.0, kGreatestColumn);
    const bool untouched = verticalScrollBar()->value() == m_startValue;
    const double middle = m_layout.height() > 0 ? verticalScrollBar()->value() / m_layout.height() : 0;
    QColor signInk = m_theme.color(Role::FaintInk);
    signInk.setAlphaF(0.45F);
    m_layout = m_text->cells() > 0
                   ? TextLayout(*m_text, m_captions, m_theme.documentFont(), signInk, width, Theme::kDocumentLineHeight)
                   : TextLayout();
    const int height = static_cast<int>(std::ceil(m_layout.height()));
    verticalScrollBar()->setPageStep(viewport()->height());
    verticalScrollBar()->setSingleStep(24);
    verticalScrollBar()->setRange(0, std::max(0, height - viewport()->height()));
    verticalScrollBar()->setValue(static_cast<int>(middle * m_layout.height()));
    if (untouched) {
        scrollToStart();
    }
    viewport()->update();
    emit scrolled();
}

void TextMap::color() {
    const auto cells = index(m_text->cells());
    m_cellMarks.assign(cells, TokenMark::None);
    m_grounds.assign(cells, 0);
    m_lightInk.assign(cells, false);
    if (m_shading.marks.size() != index(m_text->tokens()) || cells == 0) {
        viewport()->update();
        return;
    }
    for (int token = 0; token < m_text->tokens(); ++token) {
        if (m_shading.marks[index(token)] != TokenMark::None) {
            m_cellMarks[index(m_text->cellOfToken(token))] = m_shading.marks[index(token)];
        }
    }
    const bool byMark = m_shading.ground == Ground::Marks;
    if (byMark && m_granularity == Granularity::Token) {
        for (std::size_t cell = 0; cell < cells; ++cell) {
            const MarkMeaning* meaning = meaningOf(m_cellMarks[cell]);
            m_grounds[cell] = meaning && m_cellMarks[cell] != TokenMark::None ? m_theme.color(meaning->tint).rgb() : 0;
        }
        viewport()->update();
        return;
    }
    std::vector<float> values;
    if (byMark) {
        values = unitShares(*m_text, m_granularity, m_shading.marks, TokenMark::Solid);
    } else if (!m_shading.values.empty()) {
        values = unitMeans(*m_text, m_granularity, m_shading.values);
    }
    const bool diverging = m_shading.ground == Ground::Diverging;
    const Ramp& ramp = diverging ? m_theme.diverging() : m_theme.sequential();
    const double low = byMark ? 0 : diverging ? -m_shading.high : m_shading.low;
    const double high = byMark ? 1 : m_shading.high;
    const QRgb ink = m_theme.color(Role::Ink).rgb();
    const QRgb paper = m_theme.color(Role::Paper).rgb();
    for (std::size_t cell = 0; cell < values.size(); ++cell) {
        const double at = (values[cell] - low) / (high - low);
        if (!std::isfinite(values[cell]) || std::abs(at - (diverging ? 0.5 : 0)) < 0.004) {
            continue;
        }
        m_grounds[cell] = ramp.at(at);
        m_lightInk[cell] = contrastRatio(paper, ramp.at(at)) > contrastRatio(ink, ramp.at(at));
    }
    viewport()->update();
}

const MarkMeaning* TextMap::meaningOf(TokenMark mark) const {
    const auto found = std::ranges::find(m_shading.meanings, mark, &MarkMeaning::mark);
    return found == m_shading.meanings.end() ? nullptr : &*found;
}

QColor TextMap::groundOf(int token) const {
    const int cell = m_text->cellOfToken(token);
    const QRgb ground = index(cell) < m_grounds.size() ? m_grounds[index(cell)] : 0;
    return ground != 0 ? QColor::fromRgb(ground) : m_theme.color(Role::Paper);
}

double TextMap::textLeft() const { return std::max(kLeastMargin, std::floor((viewport()->width() - m_layout.width()) / 2)); }

void TextMap::resizeEvent(QResizeEvent* event) {
    QAbstractScrollArea::resizeEvent(event);
    layOut();
}

void TextMap::scrollContentsBy(int, int) {
    viewport()->update();
    emit scrolled();
}

void TextMap::focusInEvent(QFocusEvent* event) {
    QAbstractScrollArea::focusInEvent(event);
    viewport()->update();
}

void TextMap::focusOutEvent(QFocusEvent* event) {
    QAbstractScrollArea::focusOutEvent(event);
    viewport()->update();
}

std::pair<int, int> TextMap::visibleTokens() const {
    if (m_layout.lines().empty()) {
        return {0, 0};
    }
    const int last = static_cast<int>(m_layout.lines().size()) - 1;
    const double top = verticalScrollBar()->value();
    const int from = std::min(m_layout.lineAt(top), last);
    const int to = std::min(m_layout.lineAt(top + viewport()->height()), last);
    const auto tokenOf = [&](int placed) {
        const auto count = static_cast<int>(m_layout.placed().size());
        return count == 0 ? 0 : m_text->firstToken(m_layout.placed()[index(std::clamp(placed, 0, count - 1))].cell);
    };
    return {tokenOf(m_layout.lines()[index(from)].firstPlaced), tokenOf(m_layout.lines()[index(to)].endPlaced - 1)};
}

void TextMap::showToken(int token) {
    if (token < 0 || token >= m_text->tokens() || m_layout.lines().empty()) {
        return;
    }
    const QRectF rect = m_layout.cellRect(m_text->cellOfToken(token));
    QScrollBar& bar = *verticalScrollBar();
    const int height = viewport()->height();
    if (rect.top() < bar.value() || rect.bottom() > bar.value() + height) {
        bar.setValue(static_cast<int>(rect.center().y()) - height / 3);
    }
}

void TextMap::showInMiddle(int token) {
    if (token >= 0 && token < m_text->tokens() && !m_layout.lines().empty()) {
        const QRectF rect = m_layout.cellRect(m_text->cellOfToken(token));
        verticalScrollBar()->setValue(static_cast<int>(rect.center().y()) - viewport()->height() / 2);
    }
}

void TextMap::followCursor(int token) {
    // A preview from this map must not scroll it away from under the pointer.
    if (!m_following) {
        showToken(token);
    }
    viewport()->update();
    announcePlot(*this);
}

int TextMap::tokenUnder(const QPointF& point) const {
    const double y = point.y() + verticalScrollBar()->value();
    const int line = m_layout.lineAt(y);
    if (line >= static_cast<int>(m_layout.lines().size()) || y < m_layout.lines()[index(line)].top) {
        return InspectionCursor::kNone;
    }
    const double x = point.x() - textLeft();
    const int cell = m_layout.cellAt(line, x);
    if (cell < 0 || x < -8 || x > m_layout.width() + 8) {
        return InspectionCursor::kNone;
    }
    return m_text->firstToken(cell);
}

int TextMap::segmentCaptionUnder(const QPointF& point) const {
    const double y = point.y() + verticalScrollBar()->value();
    for (int segment = 0; segment < static_cast<int>(m_layout.captions().size()); ++segment) {
        const CaptionPlace& place = m_layout.captions()[index(segment)];
        if (y >= place.top && y < place.top + place.height && !m_captions[index(segment)].label.isEmpty()) {
            return segment;
        }
    }
    return -1;
}

bool TextMap::viewportEvent(QEvent* event) {
    if (event->type() == QEvent::Leave) {
        m_cursor.endPreview();
    }
    return QAbstractScrollArea::viewportEvent(event);
}

void TextMap::mouseMoveEvent(QMouseEvent* event) {
    m_following = true;
    m_cursor.previewToken(tokenUnder(event->position()));
    m_following = false;
    viewport()->setCursor(segmentCaptionUnder(event->position()) >= 0 ? Qt::PointingHandCursor : Qt::IBeamCursor);
}

void TextMap::mousePressEvent(QMouseEvent* event) {
    if (event->button() != Qt::LeftButton) {
        return;
    }
    if (const int segment = segmentCaptionUnder(event->position()); segment >= 0) {
        emit segmentActivated(segment);
        return;
    }
    m_following = true;
    m_cursor.setToken(tokenUnder(event->position()));
    m_following = false;
    viewport()->update();
}

void TextMap::mouseDoubleClickEvent(QMouseEvent* event) {
    const int token = tokenUnder(event->position());
    if (token != InspectionCursor::kNone) {
        emit segmentActivated(m_text->segmentOfToken(token));
    }
}

void TextMap::moveTo(int token) {
    if (m_text->tokens() > 0) {
        m_cursor.setToken(std::clamp(token, 0, m_text->tokens() - 1));
        showToken(m_cursor.token());
    }
}

int TextMap::cursorToken() const { return m_cursor.token() < m_text->tokens() ? m_cursor.token() : InspectionCursor::kNone; }

void TextMap::moveByLines(int lines) {
    if (m_layout.lines().empty()) {
        return;
    }
    const int token = cursorToken() >= 0 ? cursorToken() : visibleTokens().first;
    const QRectF rect = m_layout.cellRect(m_text->cellOfToken(token));
    int line = m_layout.lineAt(rect.center().y());
    const int last = static_cast<int>(m_layout.lines().size()) - 1;
    line = std::clamp(line + lines, 0, last);
    while (line > 0 && line < last && m_layout.cellAt(line, 0) < 0) {
        line += lines > 0 ? 1 : -1;
    }
    if (const int cell = m_layout.cellAt(line, rect.center().x()); cell >= 0) {
        moveTo(m_text->firstToken(cell));
    }
}

void TextMap::moveToMark(int step) {
    const auto bearsMark = [&](int token) { return m_shading.marks[index(token)] == TokenMark::Solid; };
    if (m_shading.marks.empty()) {
        return;
    }
    const int from = cursorToken() >= 0 ? cursorToken() : step > 0 ? -1 : m_text->tokens();
    for (int token = from + step; token >= 0 && token < m_text->tokens(); token += step) {
        if (bearsMark(token)) {
            moveTo(token);
            return;
        }
    }
}

void TextMap::keyPressEvent(QKeyEvent* event) {
    const int token = cursorToken() >= 0 ? cursorToken() : visibleTokens().first;
    const bool control = event->modifiers().testFlag(Qt::ControlModifier);
    const int page = std::max(1, static_cast<int>(viewport()->height() / (QFontMetricsF(m_theme.documentFont()).height() *
                                                                          Theme::kDocumentLineHeight)) -
                                     2);
    switch (event->key()) {
        case Qt::Key_Left:
        case Qt::Key_Right: {
            const bool forward = (event->key() == Qt::Key_Right) != isRightToLeft();
            const int cell = m_text->tokens() > 0 ? m_text->cellOfToken(token) + (forward ? 1 : -1) : 0;
            moveTo(m_text->firstToken(std::clamp(cell, 0, std::max(0, m_text->cells() - 1))));
            return;
        }
        case Qt::Key_Up:
            return moveByLines(-1);
        case Qt::Key_Down:
            return moveByLines(1);
        case Qt::Key_PageUp:
            return moveByLines(-page);
        case Qt::Key_PageDown:
            return moveByLines(page);
        case Qt::Key_Home:
            return moveTo(control ? 0 : m_text->segmentToken(m_text->segmentOfToken(token)));
        case Qt::Key_End:
            return moveTo((control ? m_text->tokens() : m_text->segmentToken(m_text->segmentOfToken(token) + 1)) - 1);
        case Qt::Key_N:
            return moveToMark(event->modifiers().testFlag(Qt::ShiftModifier) ? -1 : 1);
        case Qt::Key_Return:
        case Qt::Key_Enter:
            if (control && m_text->tokens() > 0) {
                emit segmentActivated(m_text->segmentOfToken(token));
            } else {
                moveTo(token);
            }
            return;
        case Qt::Key_Escape:
            if (m_cursor.token() != InspectionCursor::kNone) {
                m_cursor.setToken(InspectionCursor::kNone);
                return;
            }
            break;
        default:
            break;
    }
    QAbstractScrollArea::keyPressEvent(event);
}

int TextMap::search(const QString& words) {
    m_matches.clear();
    m_match = -1;
    if (!words.isEmpty()) {
        const auto length = static_cast<int>(words.size());
        for (qsizetype at = m_text->text().indexOf(words, 0, Qt::CaseInsensitive); at >= 0;
             at = m_text->text().indexOf(words, at + length, Qt::CaseInsensitive)) {
            m_matches.emplace_back(static_cast<int>(at), static_cast<int>(at) + length);
        }
    }
    if (!m_matches.empty()) {
        const int from = cursorToken() >= 0 ? m_text->cellBegin(m_text->cellOfToken(cursorToken())) : 0;
        const auto found = std::ranges::find_if(m_matches, [&](const auto& match) { return match.first >= from; });
        m_match = found == m_matches.end() ? 0 : static_cast<int>(found - m_matches.begin());
        showToken(m_text->firstToken(m_text->cellAt(m_matches[index(m_match)].first)));
    }
    viewport()->update();
    return matches();
}

void TextMap::showMatch(int step) {
    if (!m_matches.empty()) {
        m_match = (m_match + step + matches()) % matches();
        moveTo(m_text->firstToken(m_text->cellAt(m_matches[index(m_match)].first)));
        viewport()->update();
    }
}

QSize TextMap::plotSize() const { return {kExportWidth, static_cast<int>(std::ceil(m_layout.height()))}; }

QByteArray TextMap::csv() const { return m_shading.csv ? m_shading.csv() : QByteArray(); }

QString TextMap::currentText() const {
    const int token = m_cursor.token();
    if (token < 0 || token >= m_text->tokens()) {
        return tr("%1 tokens, none chosen").arg(m_text->tokens());
    }
    const int cell = m_text->cellOfToken(token);
    QString words = tr("token %1, “%2”").arg(token).arg(m_text->cellText(cell).trimmed());
    if (index(token) < m_shading.marks.size()) {
        if (const MarkMeaning* meaning = meaningOf(m_shading.marks[index(token)])) {
            words += ", "_L1 + meaning->name;
        }
        if (index(token) < m_shading.values.size() && std::isfinite(m_shading.values[index(token)])) {
            words +=
                u", %1 %2"_s.arg(m_shading.quantity).arg(static_cast<double>(m_shading.values[index(token)]), 0, 'g', 4);
        }
    }
    return words;
}

}  // namespace ui
