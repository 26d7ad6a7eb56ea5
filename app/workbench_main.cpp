// The workbench: puts window, engine and settings together. `--screenshot` draws one picture offscreen and exits.
#include <QApplication>
#include <QCommandLineParser>
#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QLocale>
#include <QProcess>
#include <QSettings>
#include <QStandardPaths>
#include <QTimer>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "app/compute_threads.h"
#include "app/startup.h"
#include "engine/engine.h"
#include "ui/main_window.h"
#include "ui/screenshot_run.h"

namespace {

using namespace Qt::StringLiterals;

constexpr int kWrongUsage = 2;  // as the command line's

int refuse(const QString& why) {
    std::fprintf(stderr, "cacheblend-workbench: %s\n", qUtf8Printable(why));
    return kWrongUsage;
}

QString text(const std::string& utf8) { return QString::fromStdString(utf8); }

std::optional<QSize> sizeOf(const QString& words) {
    const QStringList parts = words.split(u'x');
    bool width = false;
    bool height = false;
    if (parts.size() != 2)
        return {};
    const QSize size(parts[0].toInt(&width), parts[1].toInt(&height));
    if (!width || !height || size.width() < 320 || size.height() < 240 || size.width() > 16'384 || size.height() > 16'384)
        return {};
    return size;
}

/// The sample corpus where installing puts it, relative to the program.
QString samplesFolder() {
    const QString folder =
        QDir::cleanPath(QCoreApplication::applicationDirPath() + u"/../share/cacheblend-workbench/samples"_s);
    return QFileInfo::exists(folder) ? folder : QString();
}

}  // namespace

int main(int argc, char** argv) {
    app::waitBriefly(argv);
    for (int index = 1; index < argc; ++index) {
        const std::string_view argument = argv[index];  // these need no display
        if (argument.starts_with("--screenshot") || argument == "--help" || argument == "-h" || argument == "--version" ||
            argument == "-v")
            qputenv("QT_QPA_PLATFORM", "offscreen");
    }
    QApplication application(argc, argv);
    QApplication::setApplicationName(u"cacheblend-workbench"_s);
    QApplication::setApplicationDisplayName(QApplication::translate("main", "CacheBlend Workbench"));
    QApplication::setApplicationVersion(QStringLiteral(CACHEBLEND_VERSION));
    QApplication::setDesktopFileName(u"cacheblend-workbench"_s);
    if (QLocale::system().language() == QLocale::C)
        QLocale::setDefault(QLocale(QLocale::English));

    const auto tr = [](const char* words) { return QApplication::translate("main", words); };
    QCommandLineParser parser;
    parser.setApplicationDescription(tr("Ask your documents, and see how the answer was made."));
    parser.addHelpOption();
    parser.addVersionOption();
    const QCommandLineOption workspace(u"workspace"_s, tr("Folder of the workspace (default: as in the settings)."),
                                       tr("DIR"));
    const QCommandLineOption model(u"model"_s, tr("GGUF file or safetensors folder (default: as in the settings)."),
                                   tr("FILE"));
    const QCommandLineOption backend(u"backend"_s, tr("auto, cpu, cuda or reference."), tr("B"), u"auto"_s);
    const QCommandLineOption threads(u"threads"_s, tr("Threads; 0 = one a physical core."), tr("N"), u"0"_s);
    const QCommandLineOption theme(u"theme"_s, tr("light, dark or system."), tr("T"));
    const QCommandLineOption mode(u"mode"_s, tr("library, ask, inspect, compare or store."), tr("M"));
    const QCommandLineOption layout(u"layout"_s, tr("read, teach or analyse."), tr("L"));
    const QCommandLineOption ask(u"ask"_s, tr("A question to ask at the start."), tr("QUESTION"));
    const QCommandLineOption collection(u"collection"_s, tr("The collection it is asked of."), tr("NAME"));
    const QCommandLineOption length(u"max-tokens"_s, tr("Longest answer, in tokens."), tr("N"));
    const QCommandLineOption openTrace(u"open-trace"_s, tr("A trace to show."), tr("FILE"));
    const QCommandLineOption size(u"size"_s, tr("Size of the window, such as 1600x1000."), tr("WxH"));
    const QCommandLineOption screenshot(
        u"screenshot"_s,
        tr("Draw the window into this PNG file when everything asked for is done, and exit. Needs no display."), tr("OUT"));
    const QCommandLineOption panel(u"panel"_s,
                                   tr("With --screenshot: the plots below Inspect's text: layers, attention or timeline."),
                                   tr("P"), u"layers"_s);
    const QCommandLineOption token(u"token"_s, tr("With --screenshot: the prompt's token that is looked at."), tr("N"));
    const QCommandLineOption citation(u"open-citation"_s,
                                      tr("With --ask: show the first source's document beside the answer."));
    parser.addOptions({workspace, model, backend, threads, theme, mode, layout, ask, collection, length, openTrace, size,
                       screenshot, panel, token, citation});
    parser.process(application);
    if (!parser.positionalArguments().isEmpty())
        return refuse(tr("unexpected argument %1 (see --help)").arg(parser.positionalArguments().front()));

    const QStringList modes{u"library"_s, u"ask"_s, u"inspect"_s, u"compare"_s, u"store"_s};
    const QStringList layouts{u"read"_s, u"teach"_s, u"analyse"_s};
    const QStringList themes{u"system"_s, u"light"_s, u"dark"_s};
    const QStringList panels{u"layers"_s, u"attention"_s, u"timeline"_s};
    const QStringList backends{u"auto"_s, u"reference"_s, u"cpu"_s, u"cuda"_s};
    const std::pair<const QCommandLineOption*, const QStringList*> choices[] = {
        {&mode, &modes}, {&layout, &layouts}, {&theme, &themes}, {&backend, &backends}, {&panel, &panels}};
    for (const auto& [option, values] : choices) {
        if (parser.isSet(*option) && !values->contains(parser.value(*option)))
            return refuse(tr("--%1 is one of %2").arg(option->names().front(), values->join(u", "_s)));
    }
    std::optional<QSize> wanted;
    if (parser.isSet(size) && !(wanted = sizeOf(parser.value(size))))
        return refuse(tr("--size is a width and a height, such as 1600x1000"));
    bool isNumber = false;
    const int threadCount = parser.value(threads).toInt(&isNumber);
    if (!isNumber || threadCount < 0)
        return refuse(tr("--threads is a number from 0"));

    int maxTokens = 0;
    if (parser.isSet(length)) {
        maxTokens = parser.value(length).toInt(&isNumber);
        if (!isNumber || maxTokens < 1)
            return refuse(tr("--max-tokens is a number from 1"));
    }

    int chosenToken = -1;
    if (parser.isSet(token)) {
        chosenToken = parser.value(token).toInt(&isNumber);
        if (!isNumber || chosenToken < 0)
            return refuse(tr("--token is a number from 0"));
    }

    const app::Environment environment = [](const std::string& name) -> std::optional<std::string> {
        const char* const value = std::getenv(name.c_str());
        return value != nullptr ? std::optional<std::string>(value) : std::nullopt;
    };
    ui::Surroundings surroundings;
    surroundings.openEngine = &engine::Engine::open;
    surroundings.inspectModel = &engine::inspectModel;
    surroundings.samples = samplesFolder();
    surroundings.startAgain = [] {
        return QProcess::startDetached(QCoreApplication::applicationFilePath(), QCoreApplication::arguments().mid(1));
    };
    if (const auto folder = app::dataFolder(environment))
        surroundings.defaultWorkspace = text(*folder);
    if (const auto path = app::modelPath({}, environment))
        surroundings.defaultModel = text(*path);
    else
        surroundings.startTrouble = text(path.status().message());
    surroundings.options.workspace = parser.value(workspace).toStdString();
    surroundings.options.model = parser.value(model).toStdString();
    surroundings.options.threads = threadCount;
    const auto chosenBackend = backends.indexOf(parser.value(backend));
    surroundings.options.backend = chosenBackend == 1   ? engine::BackendKind::Reference
                                   : chosenBackend == 2 ? engine::BackendKind::Cpu
                                   : chosenBackend == 3 ? engine::BackendKind::Cuda
                                                        : engine::BackendKind::Auto;

    const bool picture = parser.isSet(screenshot);
    if (picture)
        QStandardPaths::setTestModeEnabled(true);  // a picture shows the program as it comes, not as it was left
    QSettings settings =
        picture ? QSettings(QDir::tempPath() + u"/cacheblend-workbench-%1.ini"_s.arg(QCoreApplication::applicationPid()),
                            QSettings::IniFormat)
                : QSettings(u"CacheBlend"_s, u"cacheblend-workbench"_s);
    const QString settingsFile = settings.fileName();
    const ui::Settings kept = ui::readSettings(settings);
    ui::Theme look(parser.isSet(theme) ? static_cast<ui::ThemeChoice>(themes.indexOf(parser.value(theme)))
                   : picture           ? ui::ThemeChoice::Light
                                       : kept.theme);
    look.setFontStep(kept.fontStep);
    look.apply(application);

    int status = 0;
    {
        ui::MainWindow window(surroundings, look, settings);
        const auto chosenMode = static_cast<ui::Mode>(std::max(0, static_cast<int>(modes.indexOf(parser.value(mode)))));
        const auto chosenLayout =
            static_cast<ui::Layout>(std::max(0, static_cast<int>(layouts.indexOf(parser.value(layout)))));
        if (maxTokens > 0)
            window.setAnswerLength(maxTokens);
        ui::ScreenshotOrder order;
        order.path = parser.value(screenshot);
        order.question = parser.value(ask);
        order.collection = parser.value(collection);
        order.trace = parser.value(openTrace);
        order.mode = parser.isSet(mode)        ? chosenMode
                     : parser.isSet(ask)       ? ui::Mode::Ask
                     : parser.isSet(openTrace) ? ui::Mode::Inspect
                                               : ui::Mode::Library;
        order.layout = chosenLayout;
        order.panel = static_cast<ui::InspectPanel>(panels.indexOf(parser.value(panel)));
        order.token = chosenToken;
        order.size = wanted.value_or(QSize(1600, 1000));
        order.openCitation = parser.isSet(citation);
        ui::ScreenshotRun run(window, order);
        if (picture) {
            QObject::connect(&run, &ui::ScreenshotRun::finished, &application, [&status](const QString& failure) {
                if (!failure.isEmpty()) {
                    std::fprintf(stderr, "cacheblend-workbench: %s\n", qUtf8Printable(failure));
                    status = 1;
                }
                QApplication::exit(status);
            });
            QTimer::singleShot(0, &run, &ui::ScreenshotRun::begin);
        } else {
            if (wanted)
                window.resize(*wanted);
            window.show();
            QObject::connect(
                &window, &ui::MainWindow::started, &window,
                [&](bool open) {
                    if (parser.isSet(mode) && !window.isWelcoming())
                        window.setMode(chosenMode);
                    if (parser.isSet(layout) && !window.isWelcoming())
                        window.setLayout(chosenLayout);
                    if (!order.trace.isEmpty())
                        window.openTrace(order.trace);
                    if (open && !order.question.isEmpty())
                        window.askAtStart(order.question, order.collection);
                },
                Qt::SingleShotConnection);
            QTimer::singleShot(0, &window, &ui::MainWindow::start);
        }
        status = std::max(status, QApplication::exec());
    }
    if (picture)
        QFile::remove(settingsFile);
    return status;
}
