// Damaged records and what was done about each.
#include "ui/store/damage_model.h"

#include "ui/text.h"

namespace ui {

int DamageModel::rowCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : static_cast<int>(m_events.size());
}

int DamageModel::columnCount(const QModelIndex& parent) const { return parent.isValid() ? 0 : ColumnCount; }

QVariant DamageModel::data(const QModelIndex& index, int role) const {
    if (!index.isValid() || (role != Qt::DisplayRole && role != Qt::ToolTipRole))
        return {};
    const engine::DamageEvent& event = m_events[static_cast<std::size_t>(index.row())];
    switch (index.column()) {
        case Found:
            return text::moment(event.foundAtMs);
        case Where:
            return event.where.empty() ? tr("record %1").arg(text::fromUtf8(event.key.hex()).left(12))
                                       : text::fromUtf8(event.where);
        case Reason:
            return text::fromUtf8(event.reason);
        case Action:
            return text::fromUtf8(event.action);
        default:
            return {};
    }
}

QVariant DamageModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal)
        return {};
    if (role == Qt::TextAlignmentRole)
        return QVariant(Qt::AlignLeft | Qt::AlignVCenter);
    if (role != Qt::DisplayRole)
        return {};
    switch (section) {
        case Found:
            return tr("Found");
        case Where:
            return tr("Where");
        case Reason:
            return tr("What");
        case Action:
            return tr("Done about it");
        default:
            return {};
    }
}

void DamageModel::setEvents(std::vector<engine::DamageEvent> events) {
    beginResetModel();
    m_events = std::move(events);
    endResetModel();
}

}  // namespace ui
