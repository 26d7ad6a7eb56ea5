// The look of every table.
#include "ui/collections/plain_table.h"

#include <QHeaderView>
#include <QTableView>

namespace ui {

namespace {

using namespace Qt::StringLiterals;

constexpr int kRowHeight = 30;

}  // namespace

void dressPlainTable(QTableView& table, const QString& name, const QString& accessible) {
    table.setObjectName(name);
    table.setAccessibleName(accessible);
    table.setSelectionBehavior(QAbstractItemView::SelectRows);
    table.setShowGrid(false);
    table.setWordWrap(false);
    table.setTabKeyNavigation(false);
    table.setVerticalScrollMode(QAbstractItemView::ScrollPerPixel);
    table.setHorizontalScrollMode(QAbstractItemView::ScrollPerPixel);
    table.setFrameShape(QFrame::NoFrame);
    table.setTextElideMode(Qt::ElideRight);
    table.verticalHeader()->hide();
    table.verticalHeader()->setSectionResizeMode(QHeaderView::Fixed);
    table.verticalHeader()->setDefaultSectionSize(kRowHeight);
    table.horizontalHeader()->setHighlightSections(false);
    table.horizontalHeader()->setMinimumSectionSize(40);
    // Headings begin where the text below them begins.
    table.setStyleSheet(
        u"QTableView::item { border: 0; padding: 0 8px 0 5px; } QHeaderView::section { padding: 4px 1px 4px 8px; }"_s);
}

QTableView* plainTable(const QString& name, const QString& accessible, QWidget* parent) {
    auto* const table = new QTableView(parent);
    dressPlainTable(*table, name, accessible);
    return table;
}

}  // namespace ui
