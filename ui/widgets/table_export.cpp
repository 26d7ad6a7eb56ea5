// What a table shows is what it copies and exports: display text, visible columns, view order.
#include "ui/widgets/table_export.h"

#include <QAction>
#include <QClipboard>
#include <QCoreApplication>
#include <QFileDialog>
#include <QGuiApplication>
#include <QHeaderView>
#include <QItemSelectionModel>
#include <QMessageBox>
#include <QSaveFile>
#include <QTableView>
#include <QTreeView>
#include <algorithm>
#include <utility>
#include <vector>

namespace ui {

namespace {

using namespace Qt::StringLiterals;

QString translated(const char* text) { return QCoreApplication::translate("ui::TableExport", text); }

std::vector<int> columnsInViewOrder(const QHeaderView& header) {
    std::vector<int> columns;
    for (int visual = 0; visual < header.count(); ++visual) {
        const int logical = header.logicalIndex(visual);
        if (!header.isSectionHidden(logical)) {
            columns.push_back(logical);
        }
    }
    return columns;
}

const QHeaderView& headerOf(const QTableView& table) { return *table.horizontalHeader(); }
const QHeaderView& headerOf(const QTreeView& tree) { return *tree.header(); }

void appendRows(QByteArray& csv, const QAbstractItemModel& model, const QModelIndex& parent,
                const std::vector<int>& columns) {
    for (int row = 0; row < model.rowCount(parent); ++row) {
        QStringList fields;
        for (const int column : columns) {
            fields += csvField(model.index(row, column, parent).data().toString());
        }
        csv += fields.join(u',').toUtf8() + "\r\n";
        appendRows(csv, model, model.index(row, 0, parent), columns);
    }
}

template <class View>
QByteArray csvOf(const View& view) {
    QByteArray csv;
    if (const QAbstractItemModel* model = view.model()) {
        const std::vector<int> columns = columnsInViewOrder(headerOf(view));
        QStringList names;
        for (const int column : columns) {
            names += csvField(model->headerData(column, Qt::Horizontal).toString());
        }
        csv = names.join(u',').toUtf8() + "\r\n";
        appendRows(csv, *model, {}, columns);
    }
    return csv;
}

QString plainCell(QString text) {
    for (const QChar unwanted : {u'\t', u'\n', u'\r'}) {
        text.replace(unwanted, u' ');
    }
    return text;
}

void appendTsv(QStringList& lines, const QAbstractItemModel& model, const QModelIndex& parent,
               const std::vector<int>& columns, const QItemSelectionModel* selection) {
    const bool all = !selection || !selection->hasSelection();
    for (int row = 0; row < model.rowCount(parent); ++row) {
        QStringList cells;
        for (const int column : columns) {
            const QModelIndex index = model.index(row, column, parent);
            if (all || selection->isSelected(index)) {
                cells += plainCell(index.data().toString());
            }
        }
        if (!cells.isEmpty()) {
            lines += cells.join(u'\t');
        }
        appendTsv(lines, model, model.index(row, 0, parent), columns, selection);
    }
}

template <class View>
QString tsvOf(const View& view) {
    QStringList lines;
    if (view.model()) {
        appendTsv(lines, *view.model(), {}, columnsInViewOrder(headerOf(view)), view.selectionModel());
    }
    return lines.join(u'\n');
}

template <class View>
void addActions(View& view, const QString& name) {
    auto* copy = new QAction(translated("Copy"), &view);
    copy->setObjectName(u"copyTable"_s);
    copy->setShortcut(QKeySequence::Copy);
    copy->setShortcutContext(Qt::WidgetShortcut);
    QObject::connect(copy, &QAction::triggered, &view, [&view] { QGuiApplication::clipboard()->setText(tsvOf(view)); });
    auto* save = new QAction(translated("Export table as CSV…"), &view);
    save->setObjectName(u"exportTable"_s);
    QObject::connect(save, &QAction::triggered, &view,
                     [&view, name] { saveToChosenFile(&view, name + ".csv"_L1, translated("CSV (*.csv)"), csvOf(view)); });
    view.addActions({copy, save});
    if (view.contextMenuPolicy() == Qt::DefaultContextMenu) {
        view.setContextMenuPolicy(Qt::ActionsContextMenu);
    }
}

}  // namespace

QString csvField(const QString& text) {
    if (!text.contains(u',') && !text.contains(u'"') && !text.contains(u'\n') && !text.contains(u'\r')) {
        return text;
    }
    QString quoted = text;
    quoted.replace(u'"', "\"\""_L1);
    return u'"' + quoted + u'"';
}

QByteArray tableCsv(const QTableView& table) { return csvOf(table); }
QByteArray tableCsv(const QTreeView& tree) { return csvOf(tree); }
QString tableTsv(const QTableView& table) { return tsvOf(table); }
QString tableTsv(const QTreeView& tree) { return tsvOf(tree); }
void makeExportable(QTableView& table, const QString& name) { addActions(table, name); }
void makeExportable(QTreeView& tree, const QString& name) { addActions(tree, name); }

QString writeFile(const QString& path, const QByteArray& bytes) {
    QSaveFile file(path);
    if (file.open(QIODevice::WriteOnly) && file.write(bytes) == bytes.size() && file.commit()) {
        return {};
    }
    return translated("%1 could not be written: %2").arg(path, file.errorString());
}

bool saveToChosenFile(QWidget* parent, const QString& proposedName, const QString& filter, const QByteArray& bytes) {
    const QString path = QFileDialog::getSaveFileName(parent, translated("Export"), proposedName, filter);
    if (path.isEmpty()) {
        return false;
    }
    const QString error = writeFile(path, bytes);
    if (!error.isEmpty()) {
        QMessageBox::warning(parent, translated("Export"), error);
    }
    return error.isEmpty();
}

}  // namespace ui
