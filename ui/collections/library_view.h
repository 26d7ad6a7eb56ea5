// Library: collections, the ledger of files, and full text search over the passages.
#pragma once

#include <QHash>
#include <QTimer>
#include <QWidget>
#include <utility>
#include <vector>

#include "ui/collections/collection_model.h"
#include "ui/collections/file_model.h"
#include "ui/collections/watched_folders.h"
#include "ui/engine_bridge.h"
#include "ui/text.h"

class QBoxLayout;
class QLabel;
class QMenu;
class QPushButton;
class QSplitter;
class QTabWidget;
class QTableView;
class QToolButton;

namespace ui {

class LedgerTable;
class PassagePanel;

class LibraryView : public QWidget {
    Q_OBJECT
public:
    LibraryView(Theme& theme, EngineBridge& bridge, QWidget* parent = nullptr);

    CollectionModel& collections() { return m_collections; }
    FileModel& files() { return m_files; }
    PassagePanel& passages() { return *m_passages; }
    QString collection() const;
    void chooseCollection(const QString& name);
    void searchFor(const QString& words);
    void focusFiles();

    /// Imports, then computes the KV of what is new when `precompute` says so. Watched folders are imported again when they change.
    enum class After { OnlyImport, Precompute };
    void import(const QStringList& paths, const QString& collection, After after);
    void precompute(const QString& collection);
    /// Folder → collection.
    void setWatched(const QHash<QString, QString>& folders) { m_watched.watch(folders); }
    const QHash<QString, QString>& watched() const { return m_watched.folders(); }
    void refresh();

public slots:
    void importFiles();
    void importFolder();

signals:
    void collectionsChanged(const QStringList& names);
    void documentRequested(engine::DocumentId document, std::int64_t begin, std::int64_t end);
    void passageChosen(const engine::ChunkInfo& chunk);
    void watchedChanged();
    void imported(const QString& collection, const engine::IngestReport& report);
    void precomputed(const QString& collection, const engine::PrecomputeReport& report);
    void failed(const QString& why);

protected:
    void dragEnterEvent(QDragEnterEvent* event) override;
    void dropEvent(QDropEvent* event) override;
    void showEvent(QShowEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;

private:
    QWidget* makeCollections();
    QWidget* makeFiles();
    void showCollection();
    void readCollections();
    void readFiles();
    void showForecast();
    void fileMenu(const QPoint& where);
    void collectionMenu(const QPoint& where);
    void showQueued();
    /// A reply that says what went wrong, if anything did.
    template <class T>
    Reply<T> telling() {
        return [this](engine::Result<T> result) {
            if (!result)
                emit failed(text::sentence(result.status()));
        };
    }
    QString askForCollection(const QString& title, const QString& proposed);
    void watchFolder();
    void dress();

    Theme& m_theme;
    EngineBridge& m_bridge;
    CollectionModel m_collections;
    FileModel m_files;
    QTimer m_refreshSoon{this};
    std::vector<std::pair<QString, QStringList>> m_queued;  // imports that wait or run: collection, paths
    WatchedFolders m_watched{WatchedFolders::kRestMs, this};

    QSplitter* m_splitter = nullptr;
    QBoxLayout* m_headLine = nullptr;
    QTableView* m_collectionTable = nullptr;
    LedgerTable* m_fileTable = nullptr;
    QTabWidget* m_tabs = nullptr;
    PassagePanel* m_passages = nullptr;
    QLabel* m_title = nullptr;
    QLabel* m_summary = nullptr;
    QLabel* m_forecast = nullptr;
    QPushButton* m_compute = nullptr;
    QPushButton* m_import = nullptr;
    QToolButton* m_importFolder = nullptr;
    QToolButton* m_watch = nullptr;
    QLabel* m_empty = nullptr;
};

}  // namespace ui
