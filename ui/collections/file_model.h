// A collection's ledger: each file, what became of it, and how much of it has KV.
#pragma once

#include <QAbstractTableModel>
#include <QHash>
#include <QSet>
#include <QStringList>
#include <vector>

#include "engine/on_disk.h"
#include "engine/types.h"
#include "ui/theme/theme.h"

namespace ui {

class FileModel : public QAbstractTableModel {
    Q_OBJECT
public:
    static constexpr int kCoverageRole = Qt::UserRole + 1;  // 0 … 1
    static constexpr int kSortRole = Qt::UserRole + 2;
    enum Column { File, State, Note, Pages, Passages, Tokens, Coverage, Bytes, Pinned, ColumnCount };

    explicit FileModel(Theme& theme, QObject* parent = nullptr);

    int rowCount(const QModelIndex& parent = {}) const override;
    int columnCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role) const override;
    QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

    const std::vector<engine::FileInfo>& files() const { return m_files; }
    const engine::FileInfo& file(int row) const { return m_files[static_cast<std::size_t>(row)]; }
    void setFiles(std::vector<engine::FileInfo> files);
    /// How the ledger's files are on disk now, in its order.
    void setOnDisk(std::vector<engine::OnDisk> states);
    /// Files and folders that an import has yet to read: shown as queued, those that the ledger does not know as rows of their own.
    void setQueued(const QStringList& paths);
    /// What the import that runs says of a file; it is no longer queued.
    void noteImported(const engine::IngestFile& file);
    /// The row holds no figures, only a reason or that it waits.
    bool isOnlyNote(int row) const;

private:
    QString display(int row, int column) const;
    QVariant sortKey(int row, int column) const;
    QString note(int row) const;
    QString hint(int row) const;
    QVariant stateIcon(int row) const;
    bool isQueued(int row) const;
    engine::OnDisk onDisk(int row) const;
    QString state(int row) const;
    void show(std::vector<engine::FileInfo> files);

    Theme& m_theme;
    std::vector<engine::FileInfo> m_known;  // the ledger
    std::vector<engine::FileInfo> m_files;  // and after it what is queued and not in it
    std::vector<engine::OnDisk> m_onDisk;   // of the ledger's; empty = not looked yet
    QStringList m_queued;
    QHash<QString, engine::IngestState> m_imported;  // by path, in this session
    QSet<QString> m_read;                            // of the queued, read by now
};

}  // namespace ui
