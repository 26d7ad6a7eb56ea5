// Library: collections, files, passages.
#include "ui/collections/library_view.h"

#include <QDragEnterEvent>
#include <QDropEvent>
#include <QFileDialog>
#include <QFileInfo>
#include <QHBoxLayout>
#include <QHeaderView>
#include <QInputDialog>
#include <QLabel>
#include <QMenu>
#include <QMessageBox>
#include <QMimeData>
#include <QPushButton>
#include <QSplitter>
#include <QTabWidget>
#include <QTableView>
#include <QToolButton>
#include <QUrl>
#include <QVBoxLayout>

#include "ui/collections/coverage_delegate.h"
#include "ui/collections/ledger_table.h"
#include "ui/collections/passage_panel.h"
#include "ui/collections/plain_table.h"
#include "ui/icons.h"
#include "ui/text.h"
#include "ui/widgets/table_export.h"

namespace ui {

namespace {

using namespace Qt::StringLiterals;

constexpr int kRefreshMs = 400;   // after changes of the library, at most this often
constexpr int kSideBySide = 640;  // px

}  // namespace

LibraryView::LibraryView(Theme& theme, EngineBridge& bridge, QWidget* parent)
    : QWidget(parent), m_theme(theme), m_bridge(bridge), m_files(theme) {
    setObjectName(u"libraryView"_s);
    setAccessibleName(tr("Library"));
    setAcceptDrops(true);
    auto* const column = new QVBoxLayout(this);
    column->setContentsMargins(0, 0, 0, 0);
    m_splitter = new QSplitter(Qt::Horizontal, this);
    m_splitter->setObjectName(u"librarySplitter"_s);
    m_splitter->setAccessibleName(tr("Collections and files"));
    m_splitter->addWidget(makeCollections());
    auto* const right = new QWidget(m_splitter);
    right->setAutoFillBackground(true);
    right->setBackgroundRole(QPalette::Base);
    auto* const rightColumn = new QVBoxLayout(right);
    rightColumn->setContentsMargins(0, 0, 0, 0);
    rightColumn->setSpacing(0);
    auto* const head = new QWidget(right);
    m_headLine = new QBoxLayout(QBoxLayout::LeftToRight, head);
    m_headLine->setContentsMargins(24, 20, 24, 8);
    m_headLine->setSpacing(8);
    auto* const words = new QVBoxLayout;
    words->setSpacing(4);
    m_title = new QLabel(head);
    m_title->setObjectName(u"collectionTitle"_s);
    m_title->setAccessibleName(tr("Name of the collection"));
    m_title->setTextFormat(Qt::PlainText);
    m_summary = new QLabel(head);
    m_summary->setObjectName(u"collectionSummary"_s);
    m_summary->setAccessibleName(tr("What the collection holds"));
    m_summary->setProperty("quiet", true);
    m_summary->setWordWrap(true);
    m_forecast = new QLabel(head);
    m_forecast->setObjectName(u"precomputeForecast"_s);
    m_forecast->setAccessibleName(tr("What computing the rest would take"));
    m_forecast->setProperty("quiet", true);
    m_forecast->setWordWrap(true);
    words->addWidget(m_title);
    words->addWidget(m_summary);
    words->addWidget(m_forecast);
    m_compute = new QPushButton(tr("Compute KV"), head);
    m_compute->setObjectName(u"computeButton"_s);
    m_compute->setAccessibleName(tr("Compute the KV of passages that have none"));
    m_headLine->addLayout(words, 1);
    m_headLine->addWidget(m_compute, 0, Qt::AlignTop | Qt::AlignLeft);
    rightColumn->addWidget(head);
    m_tabs = new QTabWidget(right);
    m_tabs->setObjectName(u"libraryTabs"_s);
    m_tabs->setAccessibleName(tr("Files and passages"));
    m_tabs->setDocumentMode(true);
    m_tabs->addTab(makeFiles(), tr("Files"));
    m_passages = new PassagePanel(theme, bridge, right);
    m_tabs->addTab(m_passages, tr("Passages"));
    rightColumn->addWidget(m_tabs, 1);
    m_splitter->addWidget(right);
    m_splitter->setStretchFactor(0, 0);
    m_splitter->setStretchFactor(1, 1);
    m_splitter->setSizes({248, 952});
    m_splitter->setChildrenCollapsible(false);
    column->addWidget(m_splitter);

    m_refreshSoon.setSingleShot(true);
    m_refreshSoon.setInterval(kRefreshMs);
    connect(&m_refreshSoon, &QTimer::timeout, this, &LibraryView::refresh);
    const auto soon = [this] {
        if (!m_refreshSoon.isActive())
            m_refreshSoon.start();
    };
    connect(&bridge, &EngineBridge::libraryChanged, this, soon);
    connect(&bridge, &EngineBridge::fileDone, this, soon);
    connect(&bridge, &EngineBridge::fileDone, this,
            [this](CommandId, const engine::IngestFile& file) { m_files.noteImported(file); });
    connect(&bridge, &EngineBridge::storeChanged, this, soon);
    connect(&bridge, &EngineBridge::opened, this, &LibraryView::refresh);
    connect(m_compute, &QPushButton::clicked, this, [this] { precompute(collection()); });
    connect(m_passages, &PassagePanel::documentRequested, this, &LibraryView::documentRequested);
    connect(m_passages, &PassagePanel::passageChosen, this, &LibraryView::passageChosen);
    connect(m_passages, &PassagePanel::failed, this, &LibraryView::failed);

    // What changed while nobody watched is imported when the workspace opens; what did not is passed over.
    connect(&bridge, &EngineBridge::opened, this, [this] {
        const QHash<QString, QString>& all = watched();
        for (auto folder = all.cbegin(); folder != all.cend(); ++folder)
            import({folder.key()}, folder.value(), After::Precompute);
    });
    connect(&m_watched, &WatchedFolders::changed, this,
            [this](const QString& folder, const QString& name) { import({folder}, name, After::Precompute); });
    connect(&theme, &Theme::changed, this, &LibraryView::dress);
    dress();
    showCollection();
}

QWidget* LibraryView::makeCollections() {
    auto* const panel = new QWidget(this);
    auto* const column = new QVBoxLayout(panel);
    column->setContentsMargins(8, 12, 0, 8);
    column->setSpacing(8);
    m_collectionTable = plainTable(u"collectionTable"_s, tr("Collections"), panel);
    m_collectionTable->setModel(&m_collections);
    m_collectionTable->setSelectionMode(QAbstractItemView::SingleSelection);
    m_collectionTable->setItemDelegateForColumn(
        CollectionModel::Coverage,
        new CoverageDelegate(m_theme, CollectionModel::kCoverageRole, CoverageDelegate::Kind::Coverage, m_collectionTable));
    QHeaderView* const header = m_collectionTable->horizontalHeader();
    header->setSectionResizeMode(CollectionModel::Name, QHeaderView::Stretch);
    header->setSectionResizeMode(CollectionModel::Coverage, QHeaderView::Fixed);
    m_collectionTable->setColumnWidth(CollectionModel::Coverage, 112);
    m_collectionTable->hideColumn(CollectionModel::Documents);
    m_collectionTable->hideColumn(CollectionModel::Passages);
    makeExportable(*m_collectionTable, u"collections"_s);
    m_collectionTable->setContextMenuPolicy(Qt::CustomContextMenu);
    column->addWidget(m_collectionTable, 1);
    auto* const buttons = new QHBoxLayout;
    buttons->setContentsMargins(8, 0, 8, 0);
    buttons->setSpacing(4);
    m_import = new QPushButton(tr("Import files…"), panel);
    m_import->setObjectName(u"importFiles"_s);
    m_import->setAccessibleName(tr("Import files"));
    m_importFolder = new QToolButton(panel);
    m_importFolder->setObjectName(u"importFolder"_s);
    m_importFolder->setAccessibleName(tr("Import a folder"));
    m_importFolder->setToolTip(tr("Import a folder with everything in it"));
    m_watch = new QToolButton(panel);
    m_watch->setObjectName(u"watchFolder"_s);
    m_watch->setAccessibleName(tr("Watch a folder"));
    m_watch->setToolTip(tr("Watch a folder: what changes in it is imported again"));
    buttons->addWidget(m_import);
    buttons->addWidget(m_importFolder);
    buttons->addWidget(m_watch);
    buttons->addStretch(1);
    column->addLayout(buttons);
    m_empty = new QLabel(tr("Drop files or a folder here."), panel);
    m_empty->setObjectName(u"libraryHint"_s);
    m_empty->setAccessibleName(tr("How to import"));
    m_empty->setProperty("quiet", true);
    m_empty->setContentsMargins(8, 0, 8, 0);
    column->addWidget(m_empty);
    connect(m_import, &QPushButton::clicked, this, &LibraryView::importFiles);
    connect(m_importFolder, &QToolButton::clicked, this, &LibraryView::importFolder);
    connect(m_watch, &QToolButton::clicked, this, &LibraryView::watchFolder);
    connect(m_collectionTable->selectionModel(), &QItemSelectionModel::currentRowChanged, this,
            &LibraryView::showCollection);
    connect(m_collectionTable, &QTableView::customContextMenuRequested, this, &LibraryView::collectionMenu);
    return panel;
}

QWidget* LibraryView::makeFiles() {
    m_fileTable = new LedgerTable(m_theme, m_files, this);
    connect(m_fileTable, &QTableView::customContextMenuRequested, this, &LibraryView::fileMenu);
    connect(m_fileTable, &QTableView::activated, this, [this](const QModelIndex& index) {
        const engine::FileInfo& file = m_files.file(m_fileTable->fileRow(index));
        if (file.source.document.value != 0)
            emit documentRequested(file.source.document, 0, 0);
    });
    return m_fileTable;
}

void LibraryView::dress() {
    QFont title = m_theme.documentFont();
    title.setPointSizeF(title.pointSizeF() * 1.3);
    m_title->setFont(title);
    m_importFolder->setIcon(icon(u"folder"_s, m_theme, Role::QuietInk));
    m_watch->setIcon(icon(u"watch"_s, m_theme, Role::QuietInk));
}

void LibraryView::showEvent(QShowEvent* event) {
    dress();  // what was set before the style sheet reached the labels is lost
    if (m_bridge.isOpen() && !collection().isEmpty())
        readFiles();  // files may have changed on disk meanwhile
    QWidget::showEvent(event);
}

void LibraryView::resizeEvent(QResizeEvent* event) {
    QWidget::resizeEvent(event);
    const Qt::Orientation orientation = width() >= kSideBySide ? Qt::Horizontal : Qt::Vertical;
    if (m_splitter->orientation() == orientation)
        return;
    m_splitter->setOrientation(orientation);
    m_headLine->setDirection(orientation == Qt::Horizontal ? QBoxLayout::LeftToRight : QBoxLayout::TopToBottom);
    m_splitter->setSizes(orientation == Qt::Horizontal ? QList<int>{248, 952} : QList<int>{260, 600});
}

QString LibraryView::collection() const { return m_collections.name(m_collectionTable->currentIndex().row()); }

void LibraryView::chooseCollection(const QString& name) {
    const int row = m_collections.rowOf(name);
    if (row >= 0)
        m_collectionTable->setCurrentIndex(m_collections.index(row, CollectionModel::Name));
}

void LibraryView::focusFiles() { m_fileTable->setFocus(Qt::OtherFocusReason); }

void LibraryView::refresh() {
    if (m_bridge.isOpen())
        readCollections();
}

void LibraryView::readCollections() {
    m_bridge.collections(this, [this](engine::Result<std::vector<engine::CollectionInfo>> result) {
        if (!result) {
            emit failed(text::sentence(result.status()));
            return;
        }
        const QString chosen = collection();
        QStringList names;
        for (const engine::CollectionInfo& info : *result)
            names << text::fromUtf8(info.record.name);
        m_collections.setCollections(std::move(*result));
        if (m_collections.rowCount() > 0) {
            const int row = std::max(0, m_collections.rowOf(chosen));
            if (m_collectionTable->currentIndex().row() != row)
                m_collectionTable->setCurrentIndex(m_collections.index(row, CollectionModel::Name));
            else
                showCollection();
        } else {
            showCollection();
        }
        emit collectionsChanged(names);
    });
}

void LibraryView::showCollection() {
    const QString name = collection();
    const int row = m_collections.rowOf(name);
    m_compute->setEnabled(row >= 0);
    m_tabs->setEnabled(row >= 0);
    if (row < 0) {
        m_title->setText(m_bridge.isOpen() ? tr("The library is empty") : tr("No workspace is open"));
        m_summary->setText(tr("Import files or a folder to begin."));
        m_forecast->clear();
        m_files.setFiles({});
        m_passages->showCollection({}, 0);
        return;
    }
    const engine::CollectionInfo& info = m_collections.collections()[static_cast<std::size_t>(row)];
    m_title->setText(name);
    showQueued();
    m_summary->setText(
        tr("%1 documents · %2 passages · %3 with KV")
            .arg(text::count(info.record.documents), text::count(info.record.chunks), text::count(info.chunksWithKv)));
    m_compute->setEnabled(info.chunksWithKv < info.record.chunks);
    readFiles();
    showForecast();
    m_passages->showCollection(name, info.record.chunks);
}

void LibraryView::readFiles() {
    const QString name = collection();
    m_bridge.files(name, this, [this](engine::Result<std::vector<engine::FileInfo>> result) {
        if (result)
            m_files.setFiles(std::move(*result));
        else
            emit failed(text::sentence(result.status()));
    });
    m_bridge.filesOnDisk(name, this, [this](engine::Result<std::vector<engine::OnDisk>> result) {
        if (result)
            m_files.setOnDisk(std::move(*result));
    });
}

void LibraryView::showForecast() {
    engine::PrecomputeRequest request;
    request.collection = text::toUtf8(collection());
    m_bridge.precomputeForecast(request, this, [this](engine::Result<engine::PrecomputeForecast> forecast) {
        if (!forecast || forecast->chunks == 0) {
            m_forecast->setText(forecast ? tr("Every passage has its KV.") : QString());
            return;
        }
        m_forecast->setText(tr("Computing the rest: %1.").arg(text::forecast(*forecast)));
    });
}

void LibraryView::searchFor(const QString& words) {
    if (collection().isEmpty())
        return;
    m_tabs->setCurrentWidget(m_passages);
    m_passages->searchFor(words);
}

// ---- importing and computing -----------------------------------------------------------------------------------

void LibraryView::import(const QStringList& paths, const QString& collection, After after) {
    engine::IngestRequest request;
    for (const QString& path : paths)
        request.paths.push_back(text::toUtf8(path));
    request.collection = text::toUtf8(collection);
    request.recursive = true;
    m_queued.push_back({collection, paths});
    showQueued();
    m_bridge.ingest(request, this, [this, collection, paths, after](engine::Result<engine::IngestReport> report) {
        std::erase(m_queued, std::pair(collection, paths));
        showQueued();
        if (!report) {
            emit failed(text::sentence(report.status()));
            return;
        }
        emit imported(collection, *report);
        if (after == After::Precompute && !report->cancelled)
            precompute(collection);
    });
}

void LibraryView::showQueued() {
    QStringList paths;
    for (const auto& [name, queued] : m_queued) {
        if (name == collection())
            paths += queued;
    }
    m_files.setQueued(paths);
}

void LibraryView::precompute(const QString& collection) {
    if (collection.isEmpty())
        return;
    engine::PrecomputeRequest request;
    request.collection = text::toUtf8(collection);
    m_bridge.precompute(request, this, [this, collection](engine::Result<engine::PrecomputeReport> report) {
        if (report)
            emit precomputed(collection, *report);
        else
            emit failed(text::sentence(report.status()));
    });
}

QString LibraryView::askForCollection(const QString& title, const QString& proposed) {
    QStringList names;
    for (int row = 0; row < m_collections.rowCount(); ++row)
        names << m_collections.name(row);
    if (!names.contains(proposed))
        names.prepend(proposed);
    bool accepted = false;
    const QString name = QInputDialog::getItem(this, title, tr("Collection"), names,
                                               std::max(0, static_cast<int>(names.indexOf(proposed))), true, &accepted)
                             .trimmed();
    return accepted ? name : QString();
}

void LibraryView::importFiles() {
    const QStringList paths = QFileDialog::getOpenFileNames(
        this, tr("Import files"), {}, tr("Documents (*.txt *.md *.markdown *.html *.htm *.pdf *.epub *.gz);;All files (*)"));
    if (paths.isEmpty())
        return;
    const QString name = askForCollection(tr("Import files"), collection().isEmpty() ? tr("documents") : collection());
    if (!name.isEmpty())
        import(paths, name, After::Precompute);
}

void LibraryView::importFolder() {
    const QString folder = QFileDialog::getExistingDirectory(this, tr("Import a folder"));
    if (folder.isEmpty())
        return;
    const QString name = askForCollection(tr("Import a folder"), QFileInfo(folder).fileName());
    if (!name.isEmpty())
        import({folder}, name, After::Precompute);
}

void LibraryView::watchFolder() {
    const QString folder = QFileDialog::getExistingDirectory(this, tr("Watch a folder"));
    if (folder.isEmpty())
        return;
    const QString name = askForCollection(tr("Watch a folder"), QFileInfo(folder).fileName());
    if (name.isEmpty())
        return;
    QHash<QString, QString> folders = watched();
    folders.insert(folder, name);
    setWatched(folders);
    emit watchedChanged();
    import({folder}, name, After::Precompute);
}

void LibraryView::dragEnterEvent(QDragEnterEvent* event) {
    if (event->mimeData()->hasUrls() && m_bridge.isOpen())
        event->acceptProposedAction();
}

void LibraryView::dropEvent(QDropEvent* event) {
    QStringList paths;
    for (const QUrl& url : event->mimeData()->urls()) {
        if (url.isLocalFile())
            paths << url.toLocalFile();
    }
    if (paths.isEmpty())
        return;
    event->acceptProposedAction();
    // A folder becomes a collection of its own; files go to the collection that is shown.
    const QFileInfo first(paths.front());
    const QString name = first.isDir() ? first.fileName() : collection().isEmpty() ? tr("documents") : collection();
    import(paths, name, After::Precompute);
}

// ---- menus -----------------------------------------------------------------------------------------------------

void LibraryView::fileMenu(const QPoint& where) {
    const QStringList paths = m_fileTable->chosenPaths();
    QMenu menu(this);
    if (!paths.isEmpty()) {
        const QModelIndex current = m_fileTable->currentIndex();
        menu.addAction(tr("Read"), this, [this, current] { emit m_fileTable->activated(current); });
        menu.addSeparator();
        const auto pinned = [this](bool pin) {
            return [this, pin] {
                m_bridge.pinFiles(collection(), m_fileTable->chosenPaths(), pin, this, telling<std::int64_t>());
            };
        };
        menu.addAction(tr("Pin the KV"), this, pinned(true));
        menu.addAction(tr("Unpin the KV"), this, pinned(false));
        menu.addAction(tr("Add to another collection…"), this, [this, paths] {
            const QString to = askForCollection(tr("Add to a collection"), tr("selection"));
            if (!to.isEmpty())
                m_bridge.addToCollection(collection(), paths, to, this, telling<Nothing>());
        });
        menu.addAction(tr("Import again"), this, [this, paths] { import(paths, collection(), After::OnlyImport); });
        menu.addSeparator();
        menu.addAction(tr("Remove from this collection"), this, [this, paths] {
            const QString question = paths.size() == 1
                                         ? tr("Remove %1 from %2?").arg(text::fileName(paths.front()), collection())
                                         : tr("Remove %1 files from %2?").arg(paths.size()).arg(collection());
            if (QMessageBox::question(
                    this, tr("Remove files"),
                    question + u"\n\n"_s +
                        tr("Files on disk are not touched. Their KV stays in the store until it is evicted.")) !=
                QMessageBox::Yes)
                return;
            m_bridge.removeFiles(collection(), paths, this, telling<Nothing>());
        });
        menu.addSeparator();
    }
    menu.addActions(m_fileTable->actions());
    menu.exec(m_fileTable->viewport()->mapToGlobal(where));
}

void LibraryView::collectionMenu(const QPoint& where) {
    const QString name = collection();
    QMenu menu(this);
    if (!name.isEmpty()) {
        menu.addAction(tr("Compute KV"), this, [this, name] { precompute(name); });
        menu.addAction(tr("Pin the KV"), this,
                       [this, name] { m_bridge.pinCollection(name, true, this, telling<std::int64_t>()); });
        menu.addAction(tr("Unpin the KV"), this,
                       [this, name] { m_bridge.pinCollection(name, false, this, telling<std::int64_t>()); });
        const QHash<QString, QString>& all = watched();
        for (auto folder = all.cbegin(); folder != all.cend(); ++folder) {
            if (folder.value() == name)
                menu.addAction(tr("Stop watching %1").arg(folder.key()), this, [this, path = folder.key()] {
                    QHash<QString, QString> folders = watched();
                    folders.remove(path);
                    setWatched(folders);
                    emit watchedChanged();
                });
        }
        menu.addSeparator();
        menu.addAction(tr("Remove the collection"), this, [this, name] {
            if (QMessageBox::question(
                    this, tr("Remove a collection"),
                    tr("Remove %1 from the library?").arg(name) + u"\n\n"_s +
                        tr("Files on disk are not touched. Their KV stays in the store until it is evicted.")) ==
                QMessageBox::Yes)
                m_bridge.removeCollection(name, this, telling<Nothing>());
        });
        menu.addSeparator();
    }
    menu.addActions(m_collectionTable->actions());
    menu.exec(m_collectionTable->viewport()->mapToGlobal(where));
}

}  // namespace ui
