// A collection's ledger: each file, what became of it, and how much of it has KV.
#pragma once

#include <QAbstractTableModel>
#include <vector>

#include "engine/types.h"
#include "ui/theme/theme.h"

namespace ui {

class FileModel : public QAbstractTableModel {
    Q_OBJECT
public:
    static constexpr int kCoverageRole = Qt::UserRole + 1;  // 0 … 1
    static constexpr int kSortRole = Qt::UserRole + 2;
    enum Column { File, State, Pages, Passages, Tokens, Coverage, Bytes, Pinned, Note, ColumnCount };

    explicit FileModel(Theme& theme, QObject* parent = nullptr);

    int rowCount(const QModelIndex& parent = {}) const override;
    int columnCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role) const override;
    QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

    const std::vector<engine::FileInfo>& files() const { return m_files; }
    const engine::FileInfo& file(int row) const { return m_files[static_cast<std::size_t>(row)]; }
    void setFiles(std::vector<engine::FileInfo> files);

private:
    QString display(const engine::FileInfo& file, int column) const;
    QVariant sortKey(const engine::FileInfo& file, int column) const;

    Theme& m_theme;
    std::vector<engine::FileInfo> m_files;
};

}  // namespace ui
