// The chosen passages as cards: drag or Alt+Up and Alt+Down to move, P to pin, Delete to exclude, Enter to read.
#pragma once

#include <QListView>
#include <QStyledItemDelegate>

#include "ui/query/card_model.h"
#include "ui/theme/theme.h"

namespace ui {

/// Paints a card; pin and exclude are targets inside it.
class CardDelegate : public QStyledItemDelegate {
    Q_OBJECT
public:
    explicit CardDelegate(Theme& theme, QObject* parent = nullptr) : QStyledItemDelegate(parent), m_theme(theme) {}

    void paint(QPainter* painter, const QStyleOptionViewItem& option, const QModelIndex& index) const override;
    QSize sizeHint(const QStyleOptionViewItem& option, const QModelIndex& index) const override;
    static QRect pinRect(const QRect& card);
    static QRect excludeRect(const QRect& card);

private:
    Theme& m_theme;
};

class CardList : public QListView {
    Q_OBJECT
public:
    CardList(Theme& theme, CardModel& model, QWidget* parent = nullptr);

signals:
    /// Open the document at the passage.
    void passageOpened(const ui::Card& card);

protected:
    void keyPressEvent(QKeyEvent* event) override;
    void mouseReleaseEvent(QMouseEvent* event) override;
    void contextMenuEvent(QContextMenuEvent* event) override;
    void paintEvent(QPaintEvent* event) override;

private:
    void move(int by);

    Theme& m_theme;
    CardModel& m_cards;
};

}  // namespace ui
