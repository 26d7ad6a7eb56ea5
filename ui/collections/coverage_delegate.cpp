// A share as a bar with its figure.
#include "ui/collections/coverage_delegate.h"

#include <QApplication>
#include <QPainter>
#include <QStyle>
#include <algorithm>

namespace ui {

void CoverageDelegate::paint(QPainter* painter, const QStyleOptionViewItem& option, const QModelIndex& index) const {
    const QVariant share = index.data(m_role);
    if (!share.isValid()) {
        QStyledItemDelegate::paint(painter, option, index);
        return;
    }
    QStyleOptionViewItem ground = option;
    initStyleOption(&ground, index);
    const QString figure = ground.text;
    ground.text.clear();
    const QStyle* const style = option.widget != nullptr ? option.widget->style() : QApplication::style();
    style->drawControl(QStyle::CE_ItemViewItem, &ground, painter, option.widget);

    const double value = std::clamp(share.toDouble(), 0.0, 1.0);
    const QFontMetrics metrics(m_theme.figureFont());
    const int figureWidth = std::max(metrics.horizontalAdvance(QStringLiteral("100 %")), metrics.horizontalAdvance(figure));
    const QRect cell = option.rect.adjusted(8, 0, -11, 0);
    const int barWidth = cell.width() - figureWidth - 8;
    painter->save();
    painter->setRenderHint(QPainter::Antialiasing);
    if (barWidth >= 16) {
        const QRectF track(cell.left(), cell.center().y() - 1.5, barWidth, 4);
        painter->setPen(Qt::NoPen);
        painter->setBrush(m_theme.color(Role::Line));
        painter->drawRoundedRect(track, 2, 2);
        if (value > 0) {
            painter->setBrush(m_theme.color(m_kind == Kind::Coverage && value >= 1 ? Role::Good : Role::Accent));
            painter->drawRoundedRect(QRectF(track.left(), track.top(), std::max(track.width() * value, 4.0), 4), 2, 2);
        }
    }
    painter->setFont(m_theme.figureFont());
    painter->setPen(m_theme.color(Role::Ink));
    painter->drawText(cell, Qt::AlignRight | Qt::AlignVCenter, figure);
    painter->restore();
}

}  // namespace ui
