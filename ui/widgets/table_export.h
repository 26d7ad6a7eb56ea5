// A table's cells as text: Ctrl+C as tab-separated values, and export to a CSV file.
#pragma once

#include <QByteArray>
#include <QString>

class QAbstractItemModel;
class QTableView;
class QTreeView;
class QWidget;

namespace ui {

/// RFC 4180 with a header line, UTF-8: every row and column, in view order for hidden and moved columns of `table`'s header.
QByteArray tableCsv(const QTableView& table);
QByteArray tableCsv(const QTreeView& tree);
/// The selected cells (all when none is selected), tab-separated, without a header; tabs and line ends in cells become spaces.
QString tableTsv(const QTableView& table);
QString tableTsv(const QTreeView& tree);

/// Adds "Copy" (Ctrl+C) and "Export table…" to the table's context menu. `name` is the proposed file's name, without ending.
void makeExportable(QTableView& table, const QString& name);
void makeExportable(QTreeView& tree, const QString& name);

/// One field as RFC 4180 wants it.
QString csvField(const QString& text);

/// Asks for a file and writes; tells the person when that fails. False when cancelled or failed.
bool saveToChosenFile(QWidget* parent, const QString& proposedName, const QString& filter, const QByteArray& bytes);
/// Writes the whole file or nothing; returns a sentence about the error, empty when written.
QString writeFile(const QString& path, const QByteArray& bytes);

}  // namespace ui
