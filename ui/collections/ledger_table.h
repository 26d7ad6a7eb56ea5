// The ledger as a table: sorted by any column; a reason runs over the figures that its file has not.
#pragma once

#include <QStringList>
#include <QTableView>

#include "ui/theme/theme.h"

class QSortFilterProxyModel;

namespace ui {

class FileModel;

class LedgerTable : public QTableView {
    Q_OBJECT
public:
    LedgerTable(Theme& theme, FileModel& files, QWidget* parent = nullptr);

    QStringList chosenPaths() const;
    /// Row of the model that the index shows.
    int fileRow(const QModelIndex& index) const;

private:
    void spanNotes();

    FileModel& m_files;
    QSortFilterProxyModel* m_sorted;
};

}  // namespace ui
