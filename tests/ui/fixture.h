// A window on the scripted engine, with verbs.
#pragma once

#include <QApplication>
#include <QSettings>
#include <QTemporaryDir>
#include <QTest>
#include <QTimer>
#include <algorithm>
#include <memory>

#include "tests/ui/scripted_engine.h"
#include "ui/collections/library_view.h"
#include "ui/main_window.h"
#include "ui/query/ask_view.h"
#include "ui/query/turn_view.h"

namespace testing_ui {

/// Opens a window over a workspace that exists, so that the first page is skipped.
class Workbench {
public:
    explicit Workbench(std::shared_ptr<Script> script) : m_script(std::move(script)) {
        QFile model(m_folder.filePath(QStringLiteral("tiny.gguf")));
        (void)model.open(QIODevice::WriteOnly);
        m_settings = std::make_unique<QSettings>(m_folder.filePath(QStringLiteral("settings.ini")), QSettings::IniFormat);
        theme.apply(*qApp);
    }

    ui::MainWindow& open(bool firstStart = false) {
        ui::Surroundings surroundings;
        surroundings.openEngine = factoryOf(m_script);
        surroundings.inspectModel = inspect;
        surroundings.defaultModel = m_folder.filePath(QStringLiteral("tiny.gguf"));
        surroundings.defaultWorkspace = m_folder.path();
        surroundings.samples = m_folder.path();
        surroundings.startAgain = [this] { return ++startedAgain > 0; };
        if (!firstStart)
            surroundings.options.model = surroundings.defaultModel.toStdString();
        m_window = std::make_unique<ui::MainWindow>(surroundings, theme, *m_settings);
        m_window->resize(1280, 800);
        m_window->show();
        m_window->start();
        return *m_window;
    }
    void close() { m_window.reset(); }

    ui::MainWindow& window() { return *m_window; }
    QTemporaryDir& folder() { return m_folder; }
    QSettings& settings() { return *m_settings; }

    template <class Widget>
    Widget* find(const QString& name) {
        return m_window->findChild<Widget*>(name);
    }
    /// Nothing is asked for and no timer of a view (typing, refreshing) will ask for more.
    bool awaitIdle() {
        // A reply may ask for more, and so may what is painted after it.
        for (int quiet = 0; quiet < 3; ++quiet) {
            QCoreApplication::processEvents();
            if (isQuiet())
                continue;
            quiet = -1;
            if (!QTest::qWaitFor([this] { return isQuiet(); }, 20'000))
                return false;
        }
        return true;
    }
    bool ask(const QString& question) {
        const std::size_t before = m_window->ask().turns().size();
        m_window->setMode(ui::Mode::Ask);
        m_window->ask().setQuestion(question);
        m_window->ask().session().ask();
        return QTest::qWaitFor(
            [&] {
                return m_window->ask().turns().size() > before && m_window->ask().turns().back()->data().answer.has_value();
            },
            20'000);
    }

    int startedAgain = 0;
    ui::Theme theme{ui::ThemeChoice::Light};

private:
    bool isQuiet() const {
        const QList<QTimer*> timers = m_window->findChildren<QTimer*>();
        return m_window->bridge().isIdle() && std::none_of(timers.begin(), timers.end(), [](const QTimer* timer) {
                   return timer->isSingleShot() && timer->isActive();
               });
    }

    std::shared_ptr<Script> m_script;
    QTemporaryDir m_folder;
    std::unique_ptr<QSettings> m_settings;
    std::unique_ptr<ui::MainWindow> m_window;
};

/// Every test of a suite begins with an open, idle window of its own, and ends with all calls seen on one thread.
class WindowTestCase : public QObject {
    Q_OBJECT

protected:
    ui::MainWindow& window() { return m_bench->window(); }

    std::shared_ptr<Script> m_script;
    std::unique_ptr<Workbench> m_bench;

private slots:
    void init() {
        m_script = std::make_shared<Script>();
        m_bench = std::make_unique<Workbench>(m_script);
        m_bench->open();
        QVERIFY(m_bench->awaitIdle());
    }
    void cleanup() {
        m_script->releaseAll();
        m_bench.reset();
        QVERIFY(m_script->oneThread());
    }
};

}  // namespace testing_ui
