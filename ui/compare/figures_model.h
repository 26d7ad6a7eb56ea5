// The figures of two runs and their difference, as a table.
#pragma once

#include <QAbstractTableModel>
#include <vector>

#include "ui/compare/run_diff.h"

namespace ui {

class FiguresModel : public QAbstractTableModel {
    Q_OBJECT

public:
    using QAbstractTableModel::QAbstractTableModel;

    void show(std::vector<FigureRow> rows);

    int rowCount(const QModelIndex& parent = {}) const override;
    int columnCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role = Qt::DisplayRole) const override;
    QVariant headerData(int section, Qt::Orientation orientation, int role = Qt::DisplayRole) const override;

private:
    std::vector<FigureRow> m_rows;
};

}  // namespace ui
