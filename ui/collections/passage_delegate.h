// Cells of the passages' table, painted directly: a style sheet's way of painting costs ten times as much.
#pragma once

#include <QStyledItemDelegate>

#include "ui/theme/theme.h"

namespace ui {

class PassageDelegate : public QStyledItemDelegate {
    Q_OBJECT
public:
    explicit PassageDelegate(Theme& theme, QObject* parent = nullptr) : QStyledItemDelegate(parent), m_theme(theme) {}

    void paint(QPainter* painter, const QStyleOptionViewItem& option, const QModelIndex& index) const override;

private:
    Theme& m_theme;
};

}  // namespace ui
