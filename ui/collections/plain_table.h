// The look of every table: rows, no grid, figures right, sorted by the header.
#pragma once

#include <QString>

class QTableView;
class QWidget;

namespace ui {

void dressPlainTable(QTableView& table, const QString& name, const QString& accessible);
QTableView* plainTable(const QString& name, const QString& accessible, QWidget* parent);

}  // namespace ui
