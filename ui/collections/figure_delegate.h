// Cells of a table: figures, which stand at the right, in digits of one width.
#pragma once

#include <QStyledItemDelegate>

#include "ui/theme/theme.h"

namespace ui {

class FigureDelegate : public QStyledItemDelegate {
    Q_OBJECT
public:
    explicit FigureDelegate(Theme& theme, QObject* parent = nullptr) : QStyledItemDelegate(parent), m_theme(theme) {}

protected:
    void initStyleOption(QStyleOptionViewItem* option, const QModelIndex& index) const override {
        QStyledItemDelegate::initStyleOption(option, index);
        if (option->displayAlignment & Qt::AlignRight) {
            option->font = m_theme.figureFont();
            option->fontMetrics = QFontMetrics(option->font);
        }
    }

private:
    Theme& m_theme;
};

}  // namespace ui
