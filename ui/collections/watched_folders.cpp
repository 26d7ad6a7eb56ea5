// Folders whose changes are imported again.
#include "ui/collections/watched_folders.h"

#include <QDirIterator>
#include <utility>

namespace ui {

WatchedFolders::WatchedFolders(int restMs, QObject* parent) : QObject(parent) {
    m_rest.setSingleShot(true);
    m_rest.setInterval(restMs);
    connect(&m_watcher, &QFileSystemWatcher::directoryChanged, this, &WatchedFolders::note);
    connect(&m_watcher, &QFileSystemWatcher::fileChanged, this, &WatchedFolders::note);
    connect(&m_rest, &QTimer::timeout, this, [this] {
        for (const QString& folder : std::exchange(m_changed, {})) {
            if (!m_folders.contains(folder))
                continue;
            lookAt(folder);
            emit changed(folder, m_folders.value(folder));
        }
    });
}

void WatchedFolders::watch(const QHash<QString, QString>& folders) {
    for (const QStringList& old : {m_watcher.directories(), m_watcher.files()}) {
        if (!old.isEmpty())
            m_watcher.removePaths(old);
    }
    m_folders = folders;
    for (auto folder = folders.keyBegin(); folder != folders.keyEnd(); ++folder)
        lookAt(*folder);
}

void WatchedFolders::lookAt(const QString& folder) {
    // A folder tells of names that come and go, a file of being written in place.
    QStringList paths{folder};
    QDirIterator below(folder, QDir::AllEntries | QDir::NoDotAndDotDot, QDirIterator::Subdirectories);
    while (below.hasNext() && paths.size() < kMostWatched)
        paths << below.next();
    m_watcher.addPaths(paths);
}

void WatchedFolders::note(const QString& path) {
    for (auto folder = m_folders.keyBegin(); folder != m_folders.keyEnd(); ++folder) {
        if (path == *folder || path.startsWith(*folder + QLatin1Char('/')))
            m_changed.insert(*folder);
    }
    m_rest.start();
}

}  // namespace ui
