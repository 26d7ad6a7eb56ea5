// The workbench's window.
#include "ui/main_window.h"

#include <QActionGroup>
#include <QCloseEvent>
#include <QDir>
#include <QFileDialog>
#include <QFileInfo>
#include <QLabel>
#include <QMessageBox>
#include <QPushButton>
#include <QSettings>
#include <QStatusBar>

#include "ui/collections/document_view.h"
#include "ui/collections/library_view.h"
#include "ui/compare/compare_view.h"
#include "ui/history/history_view.h"
#include "ui/icons.h"
#include "ui/inspection_cursor.h"
#include "ui/inspector/inspect_view.h"
#include "ui/palette/action_registry.h"
#include "ui/palette/palette_dialog.h"
#include "ui/palette/shortcut_sheet.h"
#include "ui/query/ask_view.h"
#include "ui/settings/settings_dialog.h"
#include "ui/shell/job_bar.h"
#include "ui/store/store_view.h"
#include "ui/text.h"
#include "ui/theme/theme.h"
#include "ui/welcome/welcome_page.h"

namespace ui {

namespace {

using namespace Qt::StringLiterals;

const QString kSamplesCollection = u"samples"_s;

}  // namespace

MainWindow::MainWindow(Surroundings surroundings, Theme& theme, QSettings& store, QWidget* parent)
    : QMainWindow(parent),
      m_surroundings(std::move(surroundings)),
      m_theme(theme),
      m_settingsStore(store),
      m_settings(readSettings(store)),
      m_bridge(std::make_unique<EngineBridge>(m_surroundings.openEngine, m_surroundings.inspectModel)),
      m_cursor(std::make_unique<InspectionCursor>()) {
    setObjectName(u"mainWindow"_s);
    setAccessibleName(tr("CacheBlend Workbench"));
    setWindowTitle(tr("CacheBlend Workbench"));
    setWindowIcon(applicationIcon());
    resize(1440, 900);
    m_actions = new ActionRegistry(this);
    m_docks = new ViewDocks(*this);
    makeViews();
    makeRail();
    makeActions();
    m_actions->restoreKeys(store);
    connect(m_actions, &ActionRegistry::keysChanged, this, [this] { m_actions->saveKeys(m_settingsStore); });
    makeMenus();
    connectViews();
    connect(&theme, &Theme::changed, this, &MainWindow::dress);
    dress();
    if (const QByteArray geometry = store.value(u"window/geometry"_s).toByteArray(); !geometry.isEmpty())
        restoreGeometry(geometry);
    connectInspect();
    m_docks->restore(store);
}

MainWindow::~MainWindow() {
    m_bridge->disconnect(this);
    // The views ask the bridge until their end; the engine's thread is joined after them.
    for (QObject* view : std::initializer_list<QObject*>{m_library, m_document, m_ask, m_inspect, m_compare, m_store,
                                                         m_history, m_welcome, m_jobs})
        delete view;
}

void MainWindow::makeViews() {
    m_welcome = new WelcomePage(m_theme, m_surroundings.defaultModel, !m_surroundings.samples.isEmpty(), this);
    setCentralWidget(m_welcome);
    m_library = new LibraryView(m_theme, *m_bridge, this);
    m_document = new DocumentView(m_theme, *m_bridge, this);
    m_ask = new AskView(m_theme, *m_bridge, this);
    m_inspect = new InspectView(m_theme, *m_cursor, this);
    m_compare = new CompareView(m_theme, *m_cursor, this);
    m_store = new StoreView(m_theme, *m_bridge, this);
    m_history = new HistoryView(m_theme, *m_bridge, this);
    m_docks->add(u"libraryDock"_s, tr("Library"), m_library);
    m_docks->add(u"documentDock"_s, tr("Document"), m_document);
    m_docks->add(u"askDock"_s, tr("Ask"), m_ask);
    m_docks->add(u"inspectDock"_s, tr("Inspect"), m_inspect);
    m_docks->add(u"compareDock"_s, tr("Compare"), m_compare);
    m_docks->add(u"storeDock"_s, tr("Store"), m_store);
    m_docks->add(u"historyDock"_s, tr("History"), m_history);
    m_jobs = new JobBar(m_theme, *m_bridge, this);
    m_modelText = new QLabel(this);
    m_modelText->setObjectName(u"modelText"_s);
    m_modelText->setAccessibleName(tr("The opened model"));
    m_modelText->setTextFormat(Qt::PlainText);
    m_modelText->setProperty("quiet", true);
    m_modelText->setContentsMargins(0, 0, 12, 0);
    statusBar()->setObjectName(u"statusBar"_s);
    statusBar()->setAccessibleName(tr("State"));
    statusBar()->setSizeGripEnabled(false);
    statusBar()->addWidget(m_jobs, 1);
    statusBar()->addPermanentWidget(m_modelText);
}

void MainWindow::connectViews() {
    connect(m_docks, &ViewDocks::modeChanged, this, [this](Mode mode) {
        m_modeActions->actions()[static_cast<int>(mode)]->setChecked(true);
        m_layoutActions->actions()[static_cast<int>(m_docks->layout())]->setChecked(true);
    });
    connect(m_bridge.get(), &EngineBridge::opened, this, [this](const engine::ModelInfo& model) {
        m_modelText->setText(model.name.empty() ? tr("no model")
                                                : tr("%1 · %2 · %3 · %4 threads")
                                                      .arg(text::fromUtf8(model.name), text::fromUtf8(model.backend),
                                                           text::fromUtf8(model.precision))
                                                      .arg(model.threads));
        m_history->refresh();
    });
    connect(m_bridge.get(), &EngineBridge::closed, this, [this] { m_modelText->setText(tr("no model is open")); });
    connect(m_bridge.get(), &EngineBridge::sessionEnded, this, &MainWindow::showSessionEnd);

    connect(m_library, &LibraryView::collectionsChanged, this, [this](const QStringList& names) {
        m_ask->setCollections(names);
        const bool first = !m_libraryRead;
        m_libraryRead = true;
        updateWelcome();
        if (first) {
            showWelcome(names.isEmpty());
            emit started(true);
        }
    });
    connect(m_library, &LibraryView::documentRequested, this, &MainWindow::openDocument);
    connect(m_library, &LibraryView::passageChosen, this, [this](const engine::ChunkInfo& chunk) {
        m_ask->session().addPassage(chunk);
        setMode(Mode::Ask);
    });
    connect(m_library, &LibraryView::failed, this, &MainWindow::say);
    connect(m_library, &LibraryView::watchedChanged, this, [this] {
        m_settings.watched = m_library->watched();
        writeSettings(m_settingsStore, m_settings);
    });
    connect(m_library, &LibraryView::imported, this, [this](const QString& collection, const engine::IngestReport& report) {
        int counts[4] = {};
        for (const engine::IngestFile& each : report.files)
            ++counts[static_cast<int>(each.state)];
        QStringList parts;
        for (int state = 0; state < 4; ++state) {
            if (counts[state] > 0)
                parts << tr("%1 %2").arg(counts[state]).arg(text::ingestState(static_cast<engine::IngestState>(state)));
        }
        say(tr("Imported into %1: %2").arg(collection, parts.isEmpty() ? tr("nothing found") : parts.join(u", "_s)));
        m_welcome->say(WelcomePage::Step::Documents, tr("Computing the KV of every passage, once …"));
    });
    connect(m_library, &LibraryView::precomputed, this,
            [this](const QString& collection, const engine::PrecomputeReport& report) {
                say(tr("KV of %1: %2 passages computed, %3 were there")
                        .arg(collection, text::count(report.chunksDone), text::count(report.chunksAlready)));
                m_welcome->say(WelcomePage::Step::Documents,
                               tr("%1 passages are ready.").arg(text::count(report.chunksDone + report.chunksAlready)));
                m_welcome->setWorking(false);
                m_ask->session().refresh();
            });
    connect(m_bridge.get(), &EngineBridge::jobsChanged, this, [this] {
        if (!isWelcoming() || m_welcome->step() == WelcomePage::Step::Model || m_bridge->jobs().empty())
            return;
        m_welcome->say(WelcomePage::Step::Documents,
                       m_bridge->jobs().front().title + u": "_s + jobFigures(m_bridge->jobs().front()));
    });

    connect(m_ask, &AskView::documentRequested, this, &MainWindow::openDocument);
    connect(m_ask, &AskView::traceReady, this, &MainWindow::showTrace);
    connect(m_ask, &AskView::inspectRequested, this, [this] { setMode(Mode::Inspect); });
    connect(m_ask, &AskView::compareRequested, this, [this] { setMode(Mode::Compare); });
    connect(m_ask, &AskView::historyChanged, m_history, &HistoryView::refresh);
    connect(m_history, &HistoryView::questionChosen, this, [this](const QString& words) {
        setMode(Mode::Ask);
        m_ask->setQuestion(words);
        m_ask->focusQuestion();
    });
    connect(m_compare, &CompareView::pinRequested, this, &MainWindow::pinTrace);
    connect(m_compare, &CompareView::measureRequested, this, &MainWindow::measure);
    connect(m_store, &StoreView::capChanged, this, [this](std::uint64_t bytes) {
        m_settings.capBytes = bytes;
        writeSettings(m_settingsStore, m_settings);
    });

    connect(m_store, &StoreView::computeRequested, m_library, &LibraryView::precompute);

    connect(m_welcome, &WelcomePage::defaultModelRequested, this, [this] {
        m_settings.model.clear();
        writeSettings(m_settingsStore, m_settings);
        openWorkspace();
    });
    connect(m_welcome, &WelcomePage::modelFileRequested, this, &MainWindow::openModelFile);
    connect(m_welcome, &WelcomePage::samplesRequested, this, &MainWindow::importSamples);
    connect(m_welcome, &WelcomePage::filesRequested, m_library, &LibraryView::importFiles);
    connect(m_welcome, &WelcomePage::folderRequested, m_library, &LibraryView::importFolder);
    connect(m_welcome, &WelcomePage::questionChosen, this, [this](const QString& words) { askAtStart(words, {}); });
    m_library->setWatched(m_settings.watched);
}

// ---- opening ---------------------------------------------------------------------------------------------------

engine::EngineOptions MainWindow::engineOptions() const {
    engine::EngineOptions options = m_surroundings.options;
    if (options.workspace.empty())
        options.workspace =
            text::toUtf8(m_settings.workspace.isEmpty() ? m_surroundings.defaultWorkspace : m_settings.workspace);
    if (options.model.empty())
        options.model = text::toUtf8(m_settings.model.isEmpty() ? m_surroundings.defaultModel : m_settings.model);
    if (options.threads == 0)
        options.threads = m_settings.threads;
    options.kvDtype = m_settings.kvDtype;
    options.storeCapBytes = m_settings.capBytes;
    return options;
}

void MainWindow::start() {
    const QString model = text::fromUtf8(engineOptions().model);
    const bool firstStart = m_settings.model.isEmpty() && m_surroundings.options.model.empty() &&
                            !QFileInfo::exists(text::fromUtf8(engineOptions().workspace) + u"/workspace.db"_s);
    if (firstStart || !QFileInfo::exists(model)) {
        m_welcome->setStep(WelcomePage::Step::Model);
        if (!firstStart)
            m_welcome->say(WelcomePage::Step::Model, tr("%1 is not there.").arg(model));
        if (!m_surroundings.startTrouble.isEmpty())
            m_welcome->say(WelcomePage::Step::Model, m_surroundings.startTrouble);
        showWelcome(true);
        m_modelText->setText(tr("no model is open"));
        emit started(false);
        return;
    }
    openWorkspace();
}

void MainWindow::openWorkspace() {
    m_libraryRead = false;
    m_welcome->setWorking(true);
    m_welcome->say(WelcomePage::Step::Model, tr("Opening …"));
    m_bridge->open(engineOptions(), this, [this](engine::Result<engine::ModelInfo> model) {
        m_welcome->setWorking(false);
        if (model) {
            m_welcome->say(WelcomePage::Step::Model, tr("%1 is open.").arg(text::fromUtf8(model->name)));
            updateWelcome();
            return;
        }
        const QString why = text::sentence(model.status());
        m_welcome->setStep(WelcomePage::Step::Model);
        m_welcome->say(WelcomePage::Step::Model, why);
        showWelcome(true);
        say(why);
        emit started(false);
    });
}

void MainWindow::showSessionEnd(const QString& why, bool newProcess) {
    auto* const box = new QMessageBox(QMessageBox::Warning, tr("The session ended"), why, QMessageBox::Close, this);
    box->setObjectName(u"sessionEnded"_s);
    box->setTextFormat(Qt::PlainText);
    box->setAttribute(Qt::WA_DeleteOnClose);
    if (!newProcess || m_surroundings.startAgain) {
        QPushButton* const again =
            box->addButton(newProcess ? tr("&Start again") : tr("&Open again"), QMessageBox::AcceptRole);
        again->setObjectName(u"sessionAgain"_s);
        connect(again, &QPushButton::clicked, this, [this, newProcess] {
            if (!newProcess)
                openWorkspace();
            else if (m_surroundings.startAgain())
                close();
            else
                say(tr("The program could not be started again."));
        });
    }
    box->open();
}

void MainWindow::openModelFile() {
    const QString path = QFileDialog::getOpenFileName(this, tr("Open a model"), {}, tr("Models (*.gguf);;All files (*)"));
    if (path.isEmpty())
        return;
    m_settings.model = path;
    writeSettings(m_settingsStore, m_settings);
    openWorkspace();
}

void MainWindow::chooseWorkspace() {
    const QString path = QFileDialog::getExistingDirectory(this, tr("Open a workspace"));
    if (path.isEmpty())
        return;
    m_settings.workspace = path;
    writeSettings(m_settingsStore, m_settings);
    openWorkspace();
}

void MainWindow::setAnswerLength(int tokens) { m_ask->setAnswerLength(tokens); }

void MainWindow::askAtStart(const QString& question, const QString& collection) {
    setMode(Mode::Ask);
    if (!collection.isEmpty()) {
        m_library->chooseCollection(collection);
        m_ask->chooseCollection(collection);
    }
    m_ask->setQuestion(question);
    m_ask->session().ask();
}

bool MainWindow::isWelcoming() const { return !m_welcome->isHidden(); }

void MainWindow::showWelcome(bool show) {
    if (show) {
        for (QDockWidget* dock : findChildren<QDockWidget*>())
            dock->hide();
        m_welcome->show();
    } else if (isWelcoming()) {
        m_welcome->hide();
        m_docks->setMode(m_docks->mode());
    }
}

void MainWindow::updateWelcome() {
    if (!m_bridge->isOpen()) {
        m_welcome->setStep(WelcomePage::Step::Model);
        return;
    }
    int withKv = 0;
    for (const engine::CollectionInfo& info : m_library->collections().collections())
        withKv += info.chunksWithKv > 0 ? 1 : 0;
    const bool working = !m_bridge->jobs().empty();
    const WelcomePage::Step step =
        m_library->collections().rowCount() > 0 && withKv > 0 ? WelcomePage::Step::Question : WelcomePage::Step::Documents;
    m_welcome->setStep(step);
    m_welcome->setWorking(working && step == WelcomePage::Step::Documents);
}

void MainWindow::importSamples() {
    if (m_surroundings.samples.isEmpty() || !m_bridge->isOpen()) {
        say(tr("The samples are not installed, or no workspace is open."));
        return;
    }
    m_welcome->setWorking(true);
    m_library->import({m_surroundings.samples}, kSamplesCollection, LibraryView::After::Precompute);
}

// ---- views -----------------------------------------------------------------------------------------------------

void MainWindow::setMode(Mode mode) {
    m_welcome->hide();
    m_docks->setMode(mode);
    focusMode();
    if (mode == Mode::Store)
        m_store->refresh();
}

void MainWindow::focusMode() {
    switch (m_docks->mode()) {
        case Mode::Library:
            m_library->focusFiles();
            break;
        case Mode::Ask:
            m_ask->focusQuestion();
            break;
        case Mode::Inspect:
            m_inspect->setFocus(Qt::OtherFocusReason);
            break;
        case Mode::Compare:
            m_compare->setFocus(Qt::OtherFocusReason);
            break;
        case Mode::Store:
            m_store->setFocus(Qt::OtherFocusReason);
            break;
    }
}

void MainWindow::setLayout(Layout layout) {
    m_welcome->hide();
    m_docks->setLayout(layout);
    focusMode();
    m_layoutActions->actions()[static_cast<int>(layout)]->setChecked(true);
}

void MainWindow::openDocument(engine::DocumentId document, std::int64_t begin, std::int64_t end) {
    m_welcome->hide();
    m_docks->reveal(u"documentDock"_s);
    m_document->open(document, begin, end);
}

void MainWindow::openTrace(const QString& path) {
    m_bridge->loadTrace(path, this, [this](engine::Result<std::shared_ptr<const engine::BlendTrace>> trace) {
        if (!trace) {
            say(text::sentence(trace.status()));
            emit traceFailed(text::sentence(trace.status()));
            return;
        }
        if (m_docks->mode() != Mode::Compare)
            setMode(Mode::Inspect);
        showTrace(*trace);
    });
}

void MainWindow::saveTrace() {
    if (!m_trace) {
        say(tr("There is no run to save yet."));
        return;
    }
    const QString path =
        QFileDialog::getSaveFileName(this, tr("Save the trace"), tr("run.cbtrace"), tr("Traces (*.cbtrace)"));
    if (path.isEmpty())
        return;
    m_bridge->saveTrace(m_trace, path, this, [this, path](engine::Result<Nothing> saved) {
        say(saved ? tr("Saved to %1").arg(path) : text::sentence(saved.status()));
    });
}

void MainWindow::measure() {
    if (m_ask->turns().empty()) {
        say(tr("Ask a question first."));
        return;
    }
    m_ask->measureNewest();
}

void MainWindow::pinTrace() {
    if (m_trace) {
        m_compare->pin(m_trace);
        say(tr("Pinned: the next run is compared with this one."));
    }
}

void MainWindow::say(const QString& sentence) { m_jobs->say(sentence); }

// ---- dialogs ---------------------------------------------------------------------------------------------------

void MainWindow::showPalette(const QString& words) {
    auto* const palette = new PaletteDialog(m_theme, *m_bridge, *m_actions, m_ask->session().collection(), this);
    palette->setAttribute(Qt::WA_DeleteOnClose);
    connect(palette, &PaletteDialog::documentRequested, this, &MainWindow::openDocument);
    palette->move(mapToGlobal(QPoint((width() - palette->width()) / 2, 72)));
    palette->show();
    palette->type(words);
}

void MainWindow::showKeys() {
    auto* const sheet = new ShortcutSheet(m_theme, *m_actions, this);
    sheet->setAttribute(Qt::WA_DeleteOnClose);
    sheet->open();
}

void MainWindow::showSettings() {
    auto* const dialog =
        new SettingsDialog(*m_bridge, m_settings, m_surroundings.defaultModel, m_surroundings.defaultWorkspace, this);
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    connect(dialog, &QDialog::accepted, this, [this, dialog] { applySettings(dialog->settings()); });
    dialog->open();
}

void MainWindow::applySettings(const Settings& settings) {
    const bool reopen = settings.model != m_settings.model || settings.workspace != m_settings.workspace ||
                        settings.threads != m_settings.threads || settings.kvDtype != m_settings.kvDtype;
    const bool cap = settings.capBytes != m_settings.capBytes;
    m_settings = settings;
    writeSettings(m_settingsStore, settings);
    m_theme.setFontStep(settings.fontStep);
    chooseTheme(settings.theme);
    if (reopen)
        openWorkspace();
    else if (cap && m_bridge->isOpen())
        m_bridge->setStoreCap(settings.capBytes, this, {});
}

void MainWindow::chooseTheme(ThemeChoice choice) {
    m_settings.theme = choice;
    writeSettings(m_settingsStore, m_settings);
    m_theme.choose(choice);
}

void MainWindow::closeEvent(QCloseEvent* event) {
    m_settingsStore.setValue(u"window/geometry"_s, saveGeometry());
    if (!isWelcoming())
        m_docks->save(m_settingsStore);
    for (auto panels = m_inspectPanels.begin(); panels != m_inspectPanels.end(); ++panels)
        m_settingsStore.setValue(u"window/inspect/"_s + panels.key(), panels.value());
    m_bridge->stopAll();
    QMainWindow::closeEvent(event);
}

}  // namespace ui
