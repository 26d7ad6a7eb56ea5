// The ledger as a table.
#include "ui/collections/ledger_table.h"

#include <QHeaderView>
#include <QItemSelectionModel>
#include <QSortFilterProxyModel>

#include "ui/collections/coverage_delegate.h"
#include "ui/collections/figure_delegate.h"
#include "ui/collections/file_model.h"
#include "ui/collections/plain_table.h"
#include "ui/text.h"
#include "ui/widgets/table_export.h"

namespace ui {

using namespace Qt::StringLiterals;

LedgerTable::LedgerTable(Theme& theme, FileModel& files, QWidget* parent)
    : QTableView(parent), m_files(files), m_sorted(new QSortFilterProxyModel(this)) {
    dressPlainTable(*this, u"fileTable"_s, tr("Files of the collection"));
    m_sorted->setSourceModel(&files);
    m_sorted->setSortRole(FileModel::kSortRole);
    m_sorted->setSortCaseSensitivity(Qt::CaseInsensitive);
    setModel(m_sorted);
    setSortingEnabled(true);
    sortByColumn(FileModel::File, Qt::AscendingOrder);
    setItemDelegate(new FigureDelegate(theme, this));
    setItemDelegateForColumn(FileModel::Coverage,
                             new CoverageDelegate(theme, FileModel::kCoverageRole, CoverageDelegate::Kind::Coverage, this));
    const int widths[] = {184, 104, 160, 64, 88, 76, 128, 88, 76};
    for (int column = 0; column < FileModel::ColumnCount; ++column)
        setColumnWidth(column, widths[column]);
    horizontalHeader()->setSectionResizeMode(FileModel::Note, QHeaderView::Stretch);
    makeExportable(*this, u"files"_s);
    setContextMenuPolicy(Qt::CustomContextMenu);
    connect(m_sorted, &QAbstractItemModel::modelReset, this, &LedgerTable::spanNotes);
    connect(m_sorted, &QAbstractItemModel::layoutChanged, this, [this] { spanNotes(); });
    connect(m_sorted, &QAbstractItemModel::dataChanged, this, [this] { spanNotes(); });
}

int LedgerTable::fileRow(const QModelIndex& index) const { return m_sorted->mapToSource(index).row(); }

QStringList LedgerTable::chosenPaths() const {
    QStringList paths;
    for (const QModelIndex& index : selectionModel()->selectedRows())
        paths << text::fromUtf8(m_files.file(fileRow(index)).source.path);
    return paths;
}

void LedgerTable::spanNotes() {
    clearSpans();
    for (int row = 0; row < m_sorted->rowCount(); ++row) {
        if (m_files.isOnlyNote(fileRow(m_sorted->index(row, FileModel::Note))))
            setSpan(row, FileModel::Note, 1, FileModel::ColumnCount - FileModel::Note);
    }
}

}  // namespace ui
