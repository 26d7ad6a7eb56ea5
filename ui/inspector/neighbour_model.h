// The tokens around one token, as a table.
#pragma once

#include <QAbstractTableModel>
#include <memory>
#include <vector>

#include "engine/trace.h"
#include "ui/inspector/token_facts.h"

namespace ui {

class NeighbourModel : public QAbstractTableModel {
    Q_OBJECT

public:
    using QAbstractTableModel::QAbstractTableModel;

    void show(std::shared_ptr<const engine::BlendTrace> trace, std::vector<TokenNeighbour> neighbours);
    /// Prompt position of a row.
    int position(int row) const { return m_neighbours[static_cast<std::size_t>(row)].position; }

    int rowCount(const QModelIndex& parent = {}) const override;
    int columnCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role = Qt::DisplayRole) const override;
    QVariant headerData(int section, Qt::Orientation orientation, int role = Qt::DisplayRole) const override;

private:
    std::shared_ptr<const engine::BlendTrace> m_trace;
    std::vector<TokenNeighbour> m_neighbours;
};

}  // namespace ui
