// Cells of the passages' table, painted directly.
#include "ui/collections/passage_delegate.h"

#include <QPainter>

#include "ui/collections/chunk_model.h"

namespace ui {

void PassageDelegate::paint(QPainter* painter, const QStyleOptionViewItem& option, const QModelIndex& index) const {
    if (option.state & QStyle::State_Selected)
        painter->fillRect(option.rect, m_theme.color(Role::AccentTint));
    const QString text = index.data().toString();
    if (text.isEmpty())
        return;
    const bool figures = index.column() == ChunkModel::Tokens || index.column() == ChunkModel::Score;
    const bool quiet = index.column() == ChunkModel::Place || index.column() == ChunkModel::Kv;
    painter->setFont(figures ? m_theme.figureFont() : option.font);
    painter->setPen(m_theme.color(quiet ? Role::QuietInk : Role::Ink));
    const QRect cell = option.rect.adjusted(8, 0, -8, 0);
    // Only what can be seen is shaped; half an average letter is the narrowest text.
    const int fits = cell.width() * 2 / std::max(option.fontMetrics.averageCharWidth(), 1) + 2;
    painter->drawText(cell, (figures ? Qt::AlignRight : Qt::AlignLeft) | Qt::AlignVCenter | Qt::TextSingleLine,
                      option.fontMetrics.elidedText(text.left(fits), Qt::ElideRight, cell.width()));
}

}  // namespace ui
