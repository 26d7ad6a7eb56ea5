// Damaged records, newest first, and what was done about each.
#pragma once

#include <QAbstractTableModel>
#include <vector>

#include "engine/types.h"

namespace ui {

class DamageModel : public QAbstractTableModel {
    Q_OBJECT
public:
    enum Column { Found, Where, Reason, Action, ColumnCount };

    explicit DamageModel(QObject* parent = nullptr) : QAbstractTableModel(parent) {}

    int rowCount(const QModelIndex& parent = {}) const override;
    int columnCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role) const override;
    QVariant headerData(int section, Qt::Orientation orientation, int role) const override;
    void setEvents(std::vector<engine::DamageEvent> events);

private:
    std::vector<engine::DamageEvent> m_events;
};

}  // namespace ui
