// The window's actions, and the menus and the rail of modes made of them.
#include <QActionGroup>
#include <QApplication>
#include <QFileDialog>
#include <QMenuBar>
#include <QMessageBox>
#include <QToolBar>

#include "ui/collections/library_view.h"
#include "ui/history/history_view.h"
#include "ui/icons.h"
#include "ui/main_window.h"
#include "ui/palette/action_registry.h"
#include "ui/query/ask_view.h"
#include "ui/store/store_view.h"
#include "ui/theme/theme.h"

namespace ui {

using namespace Qt::StringLiterals;

void MainWindow::makeRail() {
    m_rail = new QToolBar(tr("Modes"), this);
    m_rail->setObjectName(u"modeRail"_s);
    m_rail->setAccessibleName(tr("Modes"));
    m_rail->setMovable(false);
    m_rail->setFloatable(false);
    m_rail->setToolButtonStyle(Qt::ToolButtonTextUnderIcon);
    m_rail->setIconSize(QSize(22, 22));
    m_rail->setContextMenuPolicy(Qt::PreventContextMenu);
    addToolBar(Qt::LeftToolBarArea, m_rail);
}

void MainWindow::makeActions() {
    const auto keys = [](const char* sequence) { return QKeySequence(QString::fromLatin1(sequence)); };
    const QString file = tr("File");
    m_actions->add(file, u"open-model"_s, tr("&Open a model…"), keys("Ctrl+O"), [this] { openModelFile(); });
    m_actions->add(file, u"open-workspace"_s, tr("Open a &workspace…"), keys("Ctrl+Shift+O"), [this] { chooseWorkspace(); });
    m_actions->add(file, u"import-files"_s, tr("&Import files…"), keys("Ctrl+I"), [this] { m_library->importFiles(); });
    m_actions->add(file, u"import-folder"_s, tr("Import a &folder…"), keys("Ctrl+Shift+I"),
                   [this] { m_library->importFolder(); });
    m_actions->add(file, u"import-samples"_s, tr("Import the sa&mples"), {}, [this] { importSamples(); });
    m_actions->add(file, u"open-trace"_s, tr("Open a &trace…"), keys("Ctrl+T"), [this] {
        const QString path =
            QFileDialog::getOpenFileName(this, tr("Open a trace"), {}, tr("Traces (*.cbtrace);;All files (*)"));
        if (!path.isEmpty())
            openTrace(path);
    });
    m_actions->add(file, u"save-trace"_s, tr("&Save the trace…"), keys("Ctrl+S"), [this] { saveTrace(); });
    m_actions->add(file, u"export-answers"_s, tr("&Export the answers…"), keys("Ctrl+E"),
                   [this] { m_ask->exportAnswers(); });
    m_actions->add(file, u"settings"_s, tr("Se&ttings…"), keys("Ctrl+,"), [this] { showSettings(); });
    m_actions->add(file, u"quit"_s, tr("&Quit"), keys("Ctrl+Q"), [this] { close(); });

    const QString question = tr("Question");
    m_actions->add(question, u"write-question"_s, tr("&Write a question"), keys("Ctrl+L"), [this] {
        setMode(Mode::Ask);
        m_ask->focusQuestion();
    });
    m_actions->add(question, u"new-conversation"_s, tr("&New conversation"), keys("Ctrl+N"), [this] {
        setMode(Mode::Ask);
        m_ask->newConversation();
    });
    m_actions->add(question, u"stop"_s, tr("&Stop"), keys("Esc"), [this] { m_ask->session().stop(); });
    m_actions->add(question, u"compare-full"_s, tr("&Compare with full prefill"), keys("Ctrl+D"), [this] { measure(); });
    m_actions->add(question, u"pin-run"_s, tr("&Pin this run for comparison"), keys("Ctrl+P"), [this] { pinTrace(); });

    const QString modes = tr("Go");
    m_modeActions = new QActionGroup(this);
    const std::pair<QString, QString> rooms[] = {{u"library"_s, tr("&Library")},
                                                 {u"ask"_s, tr("&Ask")},
                                                 {u"inspect"_s, tr("&Inspect")},
                                                 {u"compare"_s, tr("&Compare")},
                                                 {u"store"_s, tr("&Store")}};
    for (int index = 0; index < kModes; ++index) {
        const Mode mode = static_cast<Mode>(index);
        QAction* const action = m_actions->add(modes, u"mode-"_s + rooms[index].first, rooms[index].second,
                                               QKeySequence(u"Ctrl+%1"_s.arg(index + 1)), [this, mode] { setMode(mode); });
        action->setCheckable(true);
        action->setProperty("icon-name", rooms[index].first);
        m_modeActions->addAction(action);
        m_rail->addAction(action);
        QWidget* const button = m_rail->widgetForAction(action);
        button->setObjectName(u"rail-"_s + rooms[index].first);
        button->setAccessibleName(QString(rooms[index].second).remove(u'&'));
        button->setMinimumWidth(64);
        button->setFocusPolicy(Qt::TabFocus);
    }

    const QString view = tr("View");
    m_actions->add(view, u"palette"_s, tr("&Palette…"), keys("Ctrl+K"), [this] { showPalette({}); });
    m_layoutActions = new QActionGroup(this);
    const std::pair<QString, QString> layouts[] = {
        {u"read"_s, tr("Layout: &Read")}, {u"teach"_s, tr("Layout: &Teach")}, {u"analyse"_s, tr("Layout: &Analyse")}};
    for (int index = 0; index < 3; ++index) {
        QAction* const action = m_actions->add(view, u"layout-"_s + layouts[index].first, layouts[index].second,
                                               QKeySequence(u"Ctrl+Alt+%1"_s.arg(index + 1)),
                                               [this, index] { setLayout(static_cast<Layout>(index)); });
        action->setCheckable(true);
        m_layoutActions->addAction(action);
    }
    m_actions->add(view, u"reset-layout"_s, tr("Reset the &layout"), keys("Ctrl+Alt+0"), [this] { m_docks->reset(); });
    m_actions->add(view, u"show-document"_s, tr("Show the &document"), keys("Ctrl+Shift+D"),
                   [this] { m_docks->reveal(u"documentDock"_s); });
    m_actions->add(view, u"show-history"_s, tr("Show the &history"), keys("Ctrl+H"), [this] {
        m_docks->reveal(u"historyDock"_s);
        m_history->refresh();
    });
    m_themeActions = new QActionGroup(this);
    const std::pair<QString, QString> themes[] = {
        {u"system"_s, tr("Theme: as the &system")}, {u"light"_s, tr("Theme: l&ight")}, {u"dark"_s, tr("Theme: dar&k")}};
    for (int index = 0; index < 3; ++index) {
        QAction* const action = m_actions->add(view, u"theme-"_s + themes[index].first, themes[index].second, {},
                                               [this, index] { chooseTheme(static_cast<ThemeChoice>(index)); });
        action->setCheckable(true);
        m_themeActions->addAction(action);
    }
    const auto grow = [this](int by) {
        m_settings.fontStep = std::clamp(m_settings.fontStep + by, -2, 8);
        m_theme.setFontStep(m_settings.fontStep);
        writeSettings(m_settingsStore, m_settings);
    };
    m_actions->add(view, u"larger-text"_s, tr("Lar&ger text"), keys("Ctrl++"), [grow] { grow(1); });
    m_actions->add(view, u"smaller-text"_s, tr("S&maller text"), keys("Ctrl+-"), [grow] { grow(-1); });

    const QString tools = tr("Tools");
    m_actions->add(tools, u"verify-store"_s, tr("&Verify the store"), {}, [this] {
        setMode(Mode::Store);
        m_store->verify();
    });
    m_actions->add(tools, u"compute-kv"_s, tr("&Compute the KV of the collection"), {},
                   [this] { m_library->precompute(m_library->collection()); });
    const QString help = tr("Help");
    m_actions->add(help, u"keys"_s, tr("&Keys"), keys("F1"), [this] { showKeys(); });
    m_actions->add(help, u"welcome"_s, tr("&First steps"), {}, [this] { showWelcome(true); });
    m_actions->add(help, u"about"_s, tr("&About"), {}, [this] {
        QMessageBox::about(
            this, tr("CacheBlend Workbench"),
            tr("CacheBlend Workbench %1\n\nAnswers from documents by blending precomputed KV caches.\nWorks offline. "
               "GPL-3.0-or-later.")
                .arg(QApplication::applicationVersion()));
    });
}

void MainWindow::makeMenus() {
    QMenu* menu = nullptr;
    QString group;
    menuBar()->setObjectName(u"menuBar"_s);
    menuBar()->setAccessibleName(tr("Menus"));
    for (const ActionRegistry::Entry& entry : m_actions->entries()) {
        if (entry.group != group) {
            group = entry.group;
            menu = menuBar()->addMenu(group);
            menu->setObjectName(u"menu-"_s + group.toLower());
            menu->setAccessibleName(group);
        }
        const QString name = entry.action->objectName();
        if (name == u"open-trace"_s || name == u"settings"_s || name == u"quit"_s || name == u"layout-read"_s ||
            name == u"show-document"_s || name == u"theme-system"_s || name == u"larger-text"_s || name == u"stop"_s)
            menu->addSeparator();
        menu->addAction(entry.action);
    }
}

void MainWindow::dress() {
    for (QAction* action : m_modeActions->actions()) {
        const QString name = action->property("icon-name").toString();
        QIcon both = icon(name, m_theme, Role::QuietInk);
        const QIcon chosen = icon(name, m_theme, Role::Accent);
        for (const int size : {16, 20, 24, 32, 48})
            both.addPixmap(chosen.pixmap(size, size), QIcon::Normal, QIcon::On);
        action->setIcon(both);
    }
    m_rail->setFont(m_theme.smallFont());
    m_themeActions->actions()[static_cast<int>(m_theme.choice())]->setChecked(true);
}

}  // namespace ui
