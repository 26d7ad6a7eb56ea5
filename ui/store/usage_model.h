// What the store holds, by collection, document or model.
#pragma once

#include <QAbstractTableModel>
#include <vector>

#include "engine/types.h"

namespace ui {

class UsageModel : public QAbstractTableModel {
    Q_OBJECT
public:
    static constexpr int kShareRole = Qt::UserRole + 1;  // of the greatest entry, 0 … 1
    static constexpr int kSortRole = Qt::UserRole + 2;
    enum Column { Name, Bytes, Records, Tokens, Pinned, Note, ColumnCount };

    explicit UsageModel(QObject* parent = nullptr) : QAbstractTableModel(parent) {}

    int rowCount(const QModelIndex& parent = {}) const override;
    int columnCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role) const override;
    QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

    /// `current` = the opened model's readable fingerprint fields come from the entry marked current.
    void setUsage(std::vector<engine::StoreUsage> usage);
    const std::vector<engine::StoreUsage>& usage() const { return m_usage; }

private:
    QString name(const engine::StoreUsage& usage) const;
    QString note(const engine::StoreUsage& usage) const;

    std::vector<engine::StoreUsage> m_usage;
    std::uint64_t m_greatest = 1;
};

/// Why a fingerprint's KV does not apply to the opened model: the readable fields in which the two differ.
QString fingerprintDifference(const std::string& fieldsJson, const std::string& currentJson);

}  // namespace ui
