// The chunk × chunk attention of one layer and head as a table.
#pragma once

#include <QAbstractTableModel>
#include <QStringList>
#include <vector>

namespace ui {

class AttentionModel : public QAbstractTableModel {
    Q_OBJECT

public:
    using QAbstractTableModel::QAbstractTableModel;

    /// Each [B × B], row = from.
    void show(QStringList blocks, std::vector<float> reuse, std::vector<float> blend, std::vector<float> full);

    int rowCount(const QModelIndex& parent = {}) const override;
    int columnCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role = Qt::DisplayRole) const override;
    QVariant headerData(int section, Qt::Orientation orientation, int role = Qt::DisplayRole) const override;

private:
    QStringList m_blocks;
    std::vector<float> m_reuse;
    std::vector<float> m_blend;
    std::vector<float> m_full;
};

}  // namespace ui
