// Folders whose changes are imported again, each into its collection.
#pragma once

#include <QFileSystemWatcher>
#include <QHash>
#include <QObject>
#include <QSet>
#include <QString>
#include <QTimer>

namespace ui {

/// Watches the folders with everything below them; tells of a change when it has been quiet for a while.
class WatchedFolders : public QObject {
    Q_OBJECT
public:
    static constexpr int kRestMs = 2000;
    static constexpr int kMostWatched = 4096;  // folders and files; beyond that only folders already watched are

    explicit WatchedFolders(int restMs = kRestMs, QObject* parent = nullptr);

    /// Folder → collection.
    void watch(const QHash<QString, QString>& folders);
    const QHash<QString, QString>& folders() const { return m_folders; }

signals:
    void changed(const QString& folder, const QString& collection);

private:
    void note(const QString& path);
    void lookAt(const QString& folder);

    QHash<QString, QString> m_folders;
    QFileSystemWatcher m_watcher;
    QTimer m_rest{this};
    QSet<QString> m_changed;  // of m_folders
};

}  // namespace ui
