// Pictures of Inspect and Compare in both themes and two sizes, to be looked at: view_gallery FOLDER [TRACE [PINNED]].
#include <QApplication>
#include <QComboBox>
#include <QDir>
#include <QDockWidget>
#include <QTabWidget>
#include <QTextStream>

#include "tests/ui/views/example_trace.h"
#include "ui/compare/compare_view.h"
#include "ui/inspection_cursor.h"
#include "ui/inspector/inspect_view.h"
#include "ui/theme/theme.h"

namespace {

using namespace Qt::StringLiterals;
using Trace = std::shared_ptr<const engine::BlendTrace>;

Trace traceFrom(const QStringList& arguments, int at, const ui_test::TraceShape& otherwise) {
    if (arguments.size() > at) {
        auto loaded = engine::loadTrace(arguments[at].toStdString());
        if (loaded.ok()) {
            return loaded.value();
        }
        QTextStream(stderr) << QString::fromStdString(loaded.status().message()) << '\n';
    }
    return ui_test::exampleTrace(otherwise);
}

void settle() {
    for (int i = 0; i < 5; ++i) {
        QApplication::processEvents();
    }
}

void takePicture(QWidget& view, const QDir& folder, const QString& name) {
    settle();
    view.grab().save(folder.filePath(name + ".png"_L1));
}

}  // namespace

int main(int argc, char** argv) {
    qputenv("QT_QPA_PLATFORM", "offscreen");
    QApplication application(argc, argv);
    const QStringList arguments = QApplication::arguments();
    const QDir folder(arguments.value(1, u"."_s));
    ui_test::TraceShape shape;
    shape.chunkTokens = 160;
    shape.layers = 30;
    shape.heads = 9;
    const Trace trace = traceFrom(arguments, 2, shape);
    shape.ratio = 0.4;
    const Trace pinned = traceFrom(arguments, 3, shape);
    for (const ui::ThemeChoice choice : {ui::ThemeChoice::Light, ui::ThemeChoice::Dark}) {
        ui::Theme theme(choice);
        theme.apply(application);
        const QString tone = choice == ui::ThemeChoice::Light ? u"light"_s : u"dark"_s;
        for (const QSize size : {QSize(1600, 1000), QSize(1280, 800)}) {
            const QString tail = u"-%1-%2"_s.arg(tone).arg(size.width());
            ui::InspectionCursor cursor;
            ui::InspectView inspect(theme, cursor);
            inspect.resize(size);
            inspect.show();
            inspect.setFocus();
            inspect.showTrace(trace);
            takePicture(inspect, folder, u"inspect-start"_s + tail);
            cursor.setToken(trace->selection.positions.empty() ? 20 : trace->selection.positions[4]);
            takePicture(inspect, folder, u"inspect-token"_s + tail);
            inspect.findChild<QComboBox*>(u"textColoring"_s)->setCurrentIndex(2);
            cursor.setLayer(trace->layerCount / 2);
            inspect.findChild<QDockWidget*>(u"dockAttention"_s)->raise();
            takePicture(inspect, folder, u"inspect-attention"_s + tail);
            inspect.findChild<QComboBox*>(u"textColoring"_s)->setCurrentIndex(1);
            inspect.findChild<QComboBox*>(u"textGranularity"_s)->setCurrentIndex(2);
            inspect.findChild<QDockWidget*>(u"dockTimeline"_s)->raise();
            takePicture(inspect, folder, u"inspect-timeline"_s + tail);
            auto unmeasured = std::make_shared<engine::BlendTrace>(*trace);
            unmeasured->deviation = nullptr;
            inspect.showTrace(unmeasured);
            inspect.findChild<QComboBox*>(u"textGranularity"_s)->setCurrentIndex(0);
            inspect.findChild<QDockWidget*>(u"dockHeatMap"_s)->raise();
            takePicture(inspect, folder, u"inspect-unmeasured"_s + tail);
            inspect.showTrace(nullptr);
            takePicture(inspect, folder, u"inspect-empty"_s + tail);
            ui::CompareView compare(theme, cursor);
            compare.showCurrent(trace);
            compare.resize(size);
            compare.show();
            takePicture(compare, folder, u"compare-empty"_s + tail);
            compare.pin(pinned);
            compare.showCurrent(trace);
            auto* tabs = compare.findChild<QTabWidget*>(u"compareTabs"_s);
            for (int tab = 0; tab < tabs->count(); ++tab) {
                tabs->setCurrentIndex(tab);
                takePicture(compare, folder, u"compare-%1"_s.arg(tab) + tail);
            }
        }
    }
    return 0;
}
