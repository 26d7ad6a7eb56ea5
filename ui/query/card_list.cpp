// The chosen passages as cards.
#include "ui/query/card_list.h"

#include <QContextMenuEvent>
#include <QKeyEvent>
#include <QMenu>
#include <QMouseEvent>
#include <QPainter>
#include <QTextLayout>

#include "ui/icons.h"
#include "ui/text.h"

namespace ui {

namespace {

using namespace Qt::StringLiterals;

constexpr int kPad = 8;
constexpr int kPreviewLines = 2;
constexpr int kIcon = 16;

void drawPreview(QPainter& painter, const QRect& rect, const QString& preview, const QFont& font) {
    QTextLayout layout(preview.left(400), font);
    layout.beginLayout();
    const QFontMetrics metrics(font);
    int y = rect.top();
    for (int number = 0; number < kPreviewLines; ++number) {
        QTextLine line = layout.createLine();
        if (!line.isValid())
            break;
        line.setLineWidth(rect.width());
        const QString shown = preview.mid(line.textStart());
        if (number + 1 == kPreviewLines)
            painter.drawText(QRect(rect.left(), y, rect.width(), metrics.height()), Qt::AlignLeft | Qt::AlignTop,
                             metrics.elidedText(shown, Qt::ElideRight, rect.width()));
        else
            painter.drawText(QRect(rect.left(), y, rect.width(), metrics.height()), Qt::AlignLeft | Qt::AlignTop,
                             shown.left(line.textLength()));
        y += metrics.height();
    }
    layout.endLayout();
}

}  // namespace

QRect CardDelegate::pinRect(const QRect& card) {
    return {card.right() - kPad - 2 * kIcon - 8, card.top() + kPad, kIcon + 4, kIcon + 4};
}

QRect CardDelegate::excludeRect(const QRect& card) {
    return {card.right() - kPad - kIcon, card.top() + kPad, kIcon + 4, kIcon + 4};
}

QSize CardDelegate::sizeHint(const QStyleOptionViewItem& option, const QModelIndex&) const {
    const int title = QFontMetrics(m_theme.headingFont()).height();
    const int small = QFontMetrics(m_theme.smallFont()).height();
    return {option.rect.width(), 2 * kPad + title + 4 + kPreviewLines * small + 4 + small + kPad};
}

void CardDelegate::paint(QPainter* painter, const QStyleOptionViewItem& option, const QModelIndex& index) const {
    const Card card = index.data(CardModel::CardDataRole).value<Card>();
    const QRect rect = option.rect.adjusted(0, 0, 0, -1);
    const bool selected = option.state & QStyle::State_Selected;
    const bool hovered = option.state & QStyle::State_MouseOver;
    painter->save();
    if (selected)
        painter->fillRect(rect, m_theme.color(Role::AccentTint));
    else if (hovered)
        painter->fillRect(rect, m_theme.color(Role::Hover));
    painter->setPen(m_theme.color(Role::Line));
    painter->drawLine(rect.bottomLeft() + QPoint(kPad, 1), rect.bottomRight() + QPoint(-kPad, 1));
    if (selected && option.state & QStyle::State_HasFocus)
        painter->fillRect(QRect(rect.left(), rect.top(), 2, rect.height()), m_theme.color(Role::Accent));

    const QFontMetrics title(m_theme.headingFont());
    const QFontMetrics small(m_theme.smallFont());
    const int numberWidth = title.horizontalAdvance(u"00"_s) + 4;
    const int left = rect.left() + kPad + numberWidth;
    const int width = rect.width() - kPad - numberWidth - kPad;
    int y = rect.top() + kPad;

    painter->setFont(m_theme.headingFont());
    painter->setPen(m_theme.color(Role::Accent));
    painter->drawText(QRect(rect.left() + kPad, y, numberWidth, title.height()), Qt::AlignLeft | Qt::AlignVCenter,
                      QString::number(index.row() + 1));
    painter->setPen(m_theme.color(Role::Ink));
    painter->drawText(QRect(left, y, width - 2 * kIcon - 16, title.height()), Qt::AlignLeft | Qt::AlignVCenter,
                      title.elidedText(card.place, Qt::ElideMiddle, width - 2 * kIcon - 16));
    if (card.pinned || hovered || selected)
        icon(u"pin"_s, m_theme, card.pinned ? Role::Accent : Role::QuietInk)
            .paint(painter, pinRect(rect).adjusted(2, 2, -2, -2));
    if (hovered || selected)
        icon(u"close"_s, m_theme, Role::QuietInk).paint(painter, excludeRect(rect).adjusted(2, 2, -2, -2));
    y += title.height() + 4;

    painter->setFont(m_theme.smallFont());
    painter->setPen(m_theme.color(Role::QuietInk));
    drawPreview(*painter, QRect(left, y, width, kPreviewLines * small.height()),
                card.preview.isEmpty() ? card.header : card.preview, m_theme.smallFont());
    y += kPreviewLines * small.height() + 4;

    const bool hit = engine::isHit(card.source);
    const QRect dot(left, y + (small.height() - 8) / 2, 8, 8);
    painter->setRenderHint(QPainter::Antialiasing);
    painter->setPen(QPen(m_theme.color(hit ? Role::Good : Role::Warn), 1.5));
    painter->setBrush(hit ? QBrush(m_theme.color(Role::Good)) : QBrush(Qt::NoBrush));
    painter->drawEllipse(dot);
    painter->setPen(m_theme.color(Role::QuietInk));
    painter->drawText(QRect(left + 14, y, width - 14, small.height()), Qt::AlignLeft | Qt::AlignVCenter,
                      tr("%1 · %2 tokens").arg(text::kvSource(card.source), text::count(card.tokens)));
    painter->drawText(QRect(left, y, width, small.height()), Qt::AlignRight | Qt::AlignVCenter,
                      card.score > 0 ? tr("score %1").arg(text::decimal(card.score, 1)) : tr("by hand"));
    painter->restore();
}

CardList::CardList(Theme& theme, CardModel& model, QWidget* parent) : QListView(parent), m_theme(theme), m_cards(model) {
    setModel(&model);
    setItemDelegate(new CardDelegate(theme, this));
    setSelectionMode(QAbstractItemView::SingleSelection);
    setDragEnabled(true);
    setAcceptDrops(true);
    setDropIndicatorShown(true);
    setDragDropMode(QAbstractItemView::DragDrop);
    setDefaultDropAction(Qt::MoveAction);
    setDragDropOverwriteMode(false);
    setMouseTracking(true);
    setVerticalScrollMode(QAbstractItemView::ScrollPerPixel);
    setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    setResizeMode(QListView::Adjust);
    setFrameShape(QFrame::NoFrame);
    connect(this, &QListView::doubleClicked, this,
            [this](const QModelIndex& index) { emit passageOpened(m_cards.card(index.row())); });
    connect(&theme, &Theme::changed, this, [this] {
        doItemsLayout();
        viewport()->update();
    });
}

void CardList::move(int by) {
    const int from = currentIndex().row();
    const int to = from + by;
    if (from < 0 || to < 0 || to >= m_cards.rowCount())
        return;
    m_cards.moveCard(from, to);
    setCurrentIndex(m_cards.index(to));
}

void CardList::keyPressEvent(QKeyEvent* event) {
    const int row = currentIndex().row();
    const bool alt = event->modifiers() & Qt::AltModifier;
    if (alt && event->key() == Qt::Key_Up) {
        move(-1);
    } else if (alt && event->key() == Qt::Key_Down) {
        move(1);
    } else if (row >= 0 && event->key() == Qt::Key_P) {
        m_cards.togglePin(row);
    } else if (row >= 0 && (event->key() == Qt::Key_Delete || event->key() == Qt::Key_Backspace)) {
        m_cards.exclude(row);
    } else if (row >= 0 && (event->key() == Qt::Key_Return || event->key() == Qt::Key_Enter)) {
        emit passageOpened(m_cards.card(row));
    } else {
        QListView::keyPressEvent(event);
    }
}

void CardList::mouseReleaseEvent(QMouseEvent* event) {
    const QModelIndex index = indexAt(event->pos());
    if (index.isValid() && event->button() == Qt::LeftButton) {
        const QRect rect = visualRect(index);
        if (CardDelegate::pinRect(rect).contains(event->pos())) {
            m_cards.togglePin(index.row());
            return;
        }
        if (CardDelegate::excludeRect(rect).contains(event->pos())) {
            m_cards.exclude(index.row());
            return;
        }
    }
    QListView::mouseReleaseEvent(event);
}

void CardList::contextMenuEvent(QContextMenuEvent* event) {
    const QModelIndex index = indexAt(event->pos());
    if (!index.isValid())
        return;
    const int row = index.row();
    QMenu menu(this);
    menu.addAction(tr("Read in the document"), this, [this, row] { emit passageOpened(m_cards.card(row)); });
    menu.addSeparator();
    menu.addAction(m_cards.card(row).pinned ? tr("Unpin\tP") : tr("Pin: keep for every question\tP"), this,
                   [this, row] { m_cards.togglePin(row); });
    menu.addAction(tr("Exclude from this question\tDel"), this, [this, row] { m_cards.exclude(row); });
    menu.addSeparator();
    QAction* const up = menu.addAction(tr("Move up\tAlt+Up"), this, [this, row] { m_cards.moveCard(row, row - 1); });
    up->setEnabled(row > 0);
    QAction* const down = menu.addAction(tr("Move down\tAlt+Down"), this, [this, row] { m_cards.moveCard(row, row + 1); });
    down->setEnabled(row + 1 < m_cards.rowCount());
    menu.exec(event->globalPos());
}

void CardList::paintEvent(QPaintEvent* event) {
    QListView::paintEvent(event);
    if (m_cards.rowCount() > 0)
        return;
    QPainter painter(viewport());
    painter.setFont(m_theme.controlFont());
    painter.setPen(m_theme.color(Role::QuietInk));
    painter.drawText(
        viewport()->rect().adjusted(24, 24, -24, -24), Qt::AlignHCenter | Qt::AlignTop | Qt::TextWordWrap,
        tr("The passages found for your question appear here. Drag them into another order, pin or exclude them."));
}

}  // namespace ui
