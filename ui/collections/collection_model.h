// The collections with their documents, passages and KV coverage.
#pragma once

#include <QAbstractTableModel>
#include <vector>

#include "engine/types.h"

namespace ui {

class CollectionModel : public QAbstractTableModel {
    Q_OBJECT
public:
    /// 0 … 1, for the coverage bar's delegate.
    static constexpr int kCoverageRole = Qt::UserRole + 1;
    enum Column { Name, Documents, Passages, Coverage, ColumnCount };

    explicit CollectionModel(QObject* parent = nullptr) : QAbstractTableModel(parent) {}

    int rowCount(const QModelIndex& parent = {}) const override;
    int columnCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role) const override;
    QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

    const std::vector<engine::CollectionInfo>& collections() const { return m_collections; }
    QString name(int row) const;
    int rowOf(const QString& name) const;
    /// Rows that stay are changed in place, so that the selection stays.
    void setCollections(std::vector<engine::CollectionInfo> collections);

private:
    std::vector<engine::CollectionInfo> m_collections;
};

}  // namespace ui
