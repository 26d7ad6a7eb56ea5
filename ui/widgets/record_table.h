// A table of records: one row each, one column for each thing told about a record.
#pragma once

#include <QAbstractTableModel>
#include <QString>
#include <functional>
#include <utility>
#include <vector>

namespace ui {

/// Holds values and no widgets. A subclass names the columns and may add what the words alone do not say.
template <class Record>
class RecordTable : public QAbstractTableModel {
public:
    enum class Align { Left, Right };
    struct Column {
        QString title;
        std::function<QVariant(const Record&)> words;
        Align align = Align::Left;
    };

    int rowCount(const QModelIndex& parent = {}) const override {
        return parent.isValid() ? 0 : static_cast<int>(m_records.size());
    }
    int columnCount(const QModelIndex& parent = {}) const override {
        return parent.isValid() ? 0 : static_cast<int>(m_columns.size());
    }
    QVariant data(const QModelIndex& index, int role = Qt::DisplayRole) const override {
        if (!index.isValid())
            return {};
        const Column& column = m_columns[static_cast<std::size_t>(index.column())];
        if (role == Qt::TextAlignmentRole)
            return alignment(column);
        return role == Qt::DisplayRole || role == Qt::ToolTipRole ? column.words(record(index.row())) : QVariant();
    }
    QVariant headerData(int section, Qt::Orientation orientation, int role = Qt::DisplayRole) const override {
        if (orientation != Qt::Horizontal || section < 0 || section >= columnCount())
            return {};
        const Column& column = m_columns[static_cast<std::size_t>(section)];
        if (role == Qt::TextAlignmentRole)
            return alignment(column);
        return role == Qt::DisplayRole ? QVariant(column.title) : QVariant();
    }

    void setRecords(std::vector<Record> records) {
        beginResetModel();
        m_records = std::move(records);
        endResetModel();
    }
    const Record& record(int row) const { return m_records[static_cast<std::size_t>(row)]; }

protected:
    RecordTable(std::vector<Column> columns, QObject* parent) : QAbstractTableModel(parent), m_columns(std::move(columns)) {}

private:
    static QVariant alignment(const Column& column) {
        const Qt::Alignment across = column.align == Align::Right ? Qt::AlignRight : Qt::AlignLeft;
        return QVariant::fromValue(across | Qt::AlignVCenter);
    }

    const std::vector<Column> m_columns;
    std::vector<Record> m_records;
};

}  // namespace ui
