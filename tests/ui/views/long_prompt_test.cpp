// A prompt of 8,192 tokens, measured: opens within 2 s, pans at 30 frames a second, stays within 400 MiB. Wall-clock by the issue's
// wish; the bounds are its own, the figures seen are printed.
#include <QComboBox>
#include <QDockWidget>
#include <QElapsedTimer>
#include <QFile>
#include <QImage>
#include <QPainter>
#include <QScrollBar>
#include <QTest>
#include <algorithm>

#include "tests/ui/views/example_trace.h"
#include "ui/compare/compare_view.h"
#include "ui/inspection_cursor.h"
#include "ui/inspector/heat_panel.h"
#include "ui/inspector/inspect_view.h"
#include "ui/inspector/text_map.h"
#include "ui/theme/theme.h"
#include "ui/widgets/heat_map.h"

using namespace ui;
using namespace Qt::StringLiterals;

namespace {

constexpr double kFrameMs = 33;
constexpr double kOpenMs = 2000;
constexpr double kMemoryMib = 400;

/// A line of /proc/self/status in MiB.
double processMib(const QByteArray& name) {
    QFile status(u"/proc/self/status"_s);
    if (!status.open(QIODevice::ReadOnly)) {
        return 0;
    }
    for (const QByteArray& line : status.readAll().split('\n')) {
        if (line.startsWith(name)) {
            return line.mid(name.size() + 1).simplified().split(' ').first().toDouble() / 1024;
        }
    }
    return 0;
}

double milliseconds(const QElapsedTimer& clock) { return static_cast<double>(clock.nsecsElapsed()) / 1e6; }

/// Paints the widget some times, moving something before each; the greatest but one, since other programs may hold the processor once,
/// and of the best of three sweeps where they hold it longer.
template <class Move>
double slowestFrame(QWidget& widget, int frames, const Move& move) {
    QImage image(widget.size(), QImage::Format_ARGB32_Premultiplied);
    double best = 1e9;
    for (int sweep = 0; sweep < 3 && best > kFrameMs; ++sweep) {
        std::vector<double> times;
        for (int frame = 0; frame < frames; ++frame) {
            QElapsedTimer clock;
            clock.start();
            move(frame);
            widget.render(&image);
            times.push_back(milliseconds(clock));
        }
        std::ranges::sort(times);
        best = std::min(best, times[times.size() - 2]);
    }
    return best;
}

}  // namespace

class LongPromptTest : public QObject {
    Q_OBJECT

private slots:
    void initTestCase() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
        QSKIP("a sanitizer takes several times the time and memory that are bounded here");
#endif
        m_trace = ui_test::exampleTrace(ui_test::longPrompt());
        QCOMPARE(m_trace->promptTokens(), 8192);
        m_before = processMib("VmRSS:");
        QElapsedTimer clock;
        clock.start();
        m_view = std::make_unique<InspectView>(m_theme, m_cursor);
        m_view->resize(1600, 1000);
        m_view->show();
        m_view->showTrace(m_trace);
        QCoreApplication::processEvents();
        QImage image(m_view->size(), QImage::Format_ARGB32_Premultiplied);
        m_view->render(&image);
        m_openMs = milliseconds(clock);
    }

    void OpensWithinTwoSeconds() {
        qInfo("opened and painted in %.0f ms", m_openMs);
        QVERIFY(m_openMs < kOpenMs);
    }

    void TextPansAtThirtyFramesASecond_data() {
        QTest::addColumn<int>("coloring");
        QTest::addColumn<int>("granularity");
        QTest::newRow("fate by token") << 0 << 0;
        QTest::newRow("score by word") << 1 << 1;
        QTest::newRow("K deviation by token") << 2 << 0;
        QTest::newRow("V deviation by sentence") << 3 << 2;
    }
    void TextPansAtThirtyFramesASecond() {
        QFETCH(int, coloring);
        QFETCH(int, granularity);
        m_view->findChild<QComboBox*>(u"textColoring"_s)->setCurrentIndex(coloring);
        m_view->findChild<QComboBox*>(u"textGranularity"_s)->setCurrentIndex(granularity);
        auto* map = m_view->findChild<TextMap*>(u"textMap"_s);
        map->setFixedSize(1080, 900);
        QScrollBar& bar = *map->verticalScrollBar();
        const double slowest =
            slowestFrame(*map, 60, [&](int frame) { bar.setValue(bar.maximum() / 60 * frame + 37 * (frame % 3)); });
        qInfo("text map frame: %.1f ms", slowest);
        QVERIFY(slowest <= kFrameMs);
    }

    void HeatMapPansAndZoomsAtThirtyFramesASecond() {
        auto* panel = m_view->findChild<HeatPanel*>(u"heatPanel"_s);
        auto* map = m_view->findChild<HeatMap*>(u"heatMap"_s);
        map->setFixedSize(1500, 600);
        for (const double span : {8192.0, 1024.0, 64.0}) {
            panel->axis().show(0, span);
            const double slowest = slowestFrame(*map, 40, [&](int) { panel->axis().pan(span / 16); });
            qInfo("heat map frame at %.0f tokens: %.1f ms", span, slowest);
            QVERIFY(slowest <= kFrameMs);
        }
    }

    void ManyChunksDoNotMakeTheViewWiderThanASmallWindow() {
        InspectionCursor cursor;
        InspectView view(m_theme, cursor);  // the other tests fix sizes within theirs
        view.resize(1184, 740);
        view.show();
        view.showTrace(m_trace);
        view.findChild<QComboBox*>(u"textColoring"_s)->setCurrentIndex(2);
        QCoreApplication::processEvents();
        QVERIFY2(view.minimumSizeHint().width() <= 1184, qPrintable(QString::number(view.minimumSizeHint().width())));
        QVERIFY(view.minimumSizeHint().height() <= 740);
    }

    void HoveringATokenRepaintsAllPanelsWithinAFrame() {
        const double slowest = slowestFrame(*m_view, 30, [&](int frame) { m_cursor.previewToken(100 + 8 * frame); });
        qInfo("whole view with a moving token: %.1f ms", slowest);
        QVERIFY(slowest <= 3 * kFrameMs);  // every panel at once; on a screen only what changed is painted
    }

    void ChangingTheLayerTakesLessThanATenthOfASecond() {
        m_view->findChild<QComboBox*>(u"textColoring"_s)->setCurrentIndex(2);
        QElapsedTimer clock;
        clock.start();
        for (int layer = 0; layer < 10; ++layer) {
            m_cursor.setLayer(layer);
        }
        const double each = milliseconds(clock) / 10;
        qInfo("layer change: %.1f ms", each);
        QVERIFY(each < 100);
    }

    void MemoryStaysWithinBounds() {
        InspectionCursor cursor;
        CompareView compare(m_theme, cursor);
        compare.resize(1600, 1000);
        compare.pin(m_trace);
        compare.showCurrent(m_trace);
        compare.show();
        QCoreApplication::processEvents();
        const double peak = processMib("VmHWM:");
        qInfo("whole process with Inspect and Compare open: %.0f MiB at most, %.0f MiB of it before the view", peak,
              m_before);
        QVERIFY(peak > 0 && peak <= kMemoryMib);
    }

private:
    Theme m_theme{ThemeChoice::Light};
    InspectionCursor m_cursor;
    std::shared_ptr<const engine::BlendTrace> m_trace;
    std::unique_ptr<InspectView> m_view;
    double m_openMs = 0;
    double m_before = 0;
};

QTEST_MAIN(LongPromptTest)
#include "long_prompt_test.moc"
