// A share as a bar with its figure, for tables.
#pragma once

#include <QStyledItemDelegate>

#include "ui/theme/theme.h"

namespace ui {

class CoverageDelegate : public QStyledItemDelegate {
    Q_OBJECT
public:
    /// Coverage is done at 1; of an amount, the greatest is only the greatest.
    enum class Kind { Coverage, Amount };
    /// `role` gives the share, 0 … 1; cells without one are painted as text.
    CoverageDelegate(Theme& theme, int role, Kind kind, QObject* parent = nullptr)
        : QStyledItemDelegate(parent), m_theme(theme), m_role(role), m_kind(kind) {}

    void paint(QPainter* painter, const QStyleOptionViewItem& option, const QModelIndex& index) const override;

private:
    Theme& m_theme;
    const int m_role;
    const Kind m_kind;
};

}  // namespace ui
