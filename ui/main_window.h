// The workbench's window: docks, menus, modes, palette, and the wiring between the views.
#pragma once

#include <QHash>
#include <QMainWindow>
#include <functional>
#include <memory>

#include "engine/engine.h"
#include "ui/engine_bridge.h"
#include "ui/settings/settings.h"
#include "ui/shell/view_docks.h"

class QActionGroup;
class QLabel;
class QSettings;
class QToolBar;

namespace ui {

class ActionRegistry;
class AskView;
class CompareView;
class DocumentView;
class HistoryView;
class InspectionCursor;
class InspectView;
class JobBar;
class LibraryView;
class StoreView;
class Theme;
class WelcomePage;

/// What the window is given by the program that starts it.
struct Surroundings {
    EngineFactory openEngine;
    ModelInspector inspectModel;
    engine::EngineOptions options;     // what the command line says; `model` and `workspace` empty = as in the settings
    QString defaultModel;              // file; may not exist
    QString defaultWorkspace;          // folder
    QString samples;                   // folder of the sample corpus; empty = not installed
    std::function<bool()> startAgain;  // starts the program once more, as it was started; null = that cannot be done
    QString startTrouble;              // said on the first page, when something was amiss at the start
};

class MainWindow : public QMainWindow {
    Q_OBJECT
public:
    MainWindow(Surroundings surroundings, Theme& theme, QSettings& store, QWidget* parent = nullptr);
    ~MainWindow() override;

    /// Opens workspace and model when there are both; else the first page asks for them.
    void start();
    void openWorkspace();
    void setMode(Mode mode);
    void setLayout(Layout layout);
    void openTrace(const QString& path);
    void setAnswerLength(int tokens);
    /// Shows Ask and asks; `collection` empty = the first.
    void askAtStart(const QString& question, const QString& collection);
    void openDocument(engine::DocumentId document, std::int64_t begin, std::int64_t end);

    EngineBridge& bridge() { return *m_bridge; }
    LibraryView& library() { return *m_library; }
    AskView& ask() { return *m_ask; }
    StoreView& store() { return *m_store; }
    DocumentView& document() { return *m_document; }
    HistoryView& history() { return *m_history; }
    InspectView& inspect() { return *m_inspect; }
    CompareView& compare() { return *m_compare; }
    WelcomePage& welcome() { return *m_welcome; }
    InspectionCursor& cursor() { return *m_cursor; }
    ActionRegistry& actions() { return *m_actions; }
    ViewDocks& docks() { return *m_docks; }
    bool isWelcoming() const;
    /// The trace that Inspect shows.
    const std::shared_ptr<const engine::BlendTrace>& trace() const { return m_trace; }
    void pinTrace();

signals:
    /// The workspace was opened (or could not be) and the library has been read once.
    void started(bool opened);
    void traceShown();
    void traceFailed(const QString& why);

protected:
    void closeEvent(QCloseEvent* event) override;

private:
    void makeViews();
    void makeActions();
    void makeMenus();
    void makeRail();
    void connectViews();
    void focusMode();
    void connectInspect();
    void arrangeInspect();
    void showTrace(std::shared_ptr<const engine::BlendTrace> trace);
    void showWelcome(bool show);
    void updateWelcome();
    void importSamples();
    void openModelFile();
    void chooseWorkspace();
    void showPalette(const QString& words);
    void showKeys();
    void showSettings();
    void applySettings(const Settings& settings);
    void chooseTheme(ThemeChoice choice);
    void saveTrace();
    void measure();
    void openSegment(int segment);
    void followToken();
    engine::EngineOptions engineOptions() const;
    void say(const QString& sentence);
    /// Tells why, and offers a new session: in this process where that helps, else in a new one.
    void showSessionEnd(const QString& why, bool newProcess);
    void dress();

    const Surroundings m_surroundings;
    Theme& m_theme;
    QSettings& m_settingsStore;
    Settings m_settings;
    std::unique_ptr<EngineBridge> m_bridge;
    std::unique_ptr<InspectionCursor> m_cursor;
    ActionRegistry* m_actions = nullptr;
    ViewDocks* m_docks = nullptr;
    QActionGroup* m_modeActions = nullptr;
    QActionGroup* m_layoutActions = nullptr;
    QActionGroup* m_themeActions = nullptr;
    QToolBar* m_rail = nullptr;
    LibraryView* m_library = nullptr;
    DocumentView* m_document = nullptr;
    AskView* m_ask = nullptr;
    InspectView* m_inspect = nullptr;
    CompareView* m_compare = nullptr;
    StoreView* m_store = nullptr;
    HistoryView* m_history = nullptr;
    WelcomePage* m_welcome = nullptr;
    JobBar* m_jobs = nullptr;
    QLabel* m_modelText = nullptr;
    QHash<QString, QByteArray> m_inspectPanels;  // of each arrangement that was left: Inspect's own docks
    std::shared_ptr<const engine::BlendTrace> m_trace;
    QHash<int, engine::DocumentId> m_segmentDocuments;  // of the trace's segments, as far as they were asked for
    bool m_libraryRead = false;
    bool m_samplesWanted = false;
};

}  // namespace ui
