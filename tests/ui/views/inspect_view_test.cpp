// Inspect as a whole: states, linking of its parts, reach by keyboard, names, and what each plot exports.
#include "ui/inspector/inspect_view.h"

#include <QAccessible>
#include <QApplication>
#include <QComboBox>
#include <QDockWidget>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QSignalSpy>
#include <QSlider>
#include <QTemporaryDir>
#include <QTest>

#include "tests/ui/views/example_trace.h"
#include "tests/ui/views/naming.h"
#include "ui/inspection_cursor.h"
#include "ui/inspector/stage_timeline.h"
#include "ui/inspector/stages.h"
#include "ui/inspector/text_map.h"
#include "ui/inspector/trace_words.h"
#include "ui/theme/theme.h"
#include "ui/widgets/elided_label.h"
#include "ui/widgets/heat_map.h"

using namespace ui;
using namespace Qt::StringLiterals;

class InspectViewTest : public QObject {
    Q_OBJECT

private slots:
    void init() {
        m_cursor.clear();
        m_view = std::make_unique<InspectView>(m_theme, m_cursor);
        m_view->resize(1400, 900);
        m_view->show();
    }

    void WithoutARunItSaysWhatWillBeSeenHere() {
        QVERIFY(child<QLabel>(u"inspectEmptyTitle"_s)->isVisible());
        QVERIFY(!child<TextMap>(u"textMap"_s)->isVisible());
        m_view->showTrace(ui_test::exampleTrace());
        QVERIFY(!child<QLabel>(u"inspectEmptyTitle"_s)->isVisible());
        QVERIFY(child<TextMap>(u"textMap"_s)->isVisible());
        m_view->showTrace(nullptr);
        QVERIFY(child<QLabel>(u"inspectEmptyTitle"_s)->isVisible());
    }

    void AnUnmeasuredRunOffersToMeasureWithItsDuration() {
        ui_test::TraceShape shape;
        shape.measured = false;
        const auto trace = ui_test::exampleTrace(shape);
        m_view->showTrace(trace);
        QSignalSpy wanted(m_view.get(), &InspectView::measureRequested);
        const QString offer = u"Measure (about %1 s)"_s.arg(measureSeconds(*trace));
        for (const QString& name : {u"inspectMeasure"_s, u"heatMessageButton"_s, u"attentionMessageButton"_s}) {
            QCOMPARE(child<QPushButton>(name)->text(), offer);
            child<QPushButton>(name)->click();
        }
        QCOMPARE(wanted.count(), 3);
        m_view->showTrace(ui_test::exampleTrace());
        QVERIFY(!child<QPushButton>(u"inspectMeasure"_s)->isVisible());
    }

    void AFollowUpIsShownWithItsEarlierTurnsAndCannotBeMeasured() {
        auto trace = std::make_shared<engine::BlendTrace>();
        trace->question = "And then?";
        trace->pieces = {"<|im_start|>", "Before", ".", " And", " then", "?"};
        trace->promptIds = {1, 2, 3, 4, 5, 6};
        trace->layerCount = 2;
        trace->heads = 1;
        engine::PlanSegment kept;
        kept.kind = engine::SegmentKind::Kept;
        kept.ids = {1, 2, 3};
        kept.source = engine::KvSource::Store;
        trace->segments.push_back(kept);
        trace->tokens = {6, 3, 0, 3, 1};
        m_view->showTrace(trace);
        QVERIFY(!child<QPushButton>(u"inspectMeasure"_s)->isVisible());
        m_cursor.setToken(1);
        QVERIFY(child<QLabel>(u"tokenWhy"_s)->text().contains(u"earlier in the conversation"_s));
        QCOMPARE(child<QLabel>(u"factSegment"_s)->text(), u"Earlier turns of the conversation"_s);
        m_cursor.setToken(4);
        QCOMPARE(child<QLabel>(u"tokenFate"_s)->text(), u"new"_s);
    }

    void MeasuringTheSameRunKeepsTheCursor() {
        ui_test::TraceShape shape;
        shape.measured = false;
        m_view->showTrace(ui_test::exampleTrace(shape));
        m_cursor.setToken(33);
        shape.measured = true;
        m_view->showTrace(ui_test::exampleTrace(shape));
        QCOMPARE(m_cursor.token(), 33);
        shape.seed = 9;
        m_view->showTrace(ui_test::exampleTrace(shape));
        QCOMPARE(m_cursor.token(), InspectionCursor::kNone);
    }

    void SummaryHasTheTracesFigures() {
        const auto trace = ui_test::exampleTrace();
        m_view->showTrace(trace);
        const QString summary = child<ElidedLabel>(u"inspectSummary"_s)->whole();
        QVERIFY(summary.contains(countsText(trace->tokens)));
        QVERIFY(summary.contains(millisecondsText(trace->ms.ttft)));
        QCOMPARE(child<ElidedLabel>(u"inspectQuestion"_s)->whole(), QString::fromStdString(trace->question));
    }

    void LayerSliderHeatMapAndTextShareTheCursor() {
        const auto trace = ui_test::exampleTrace();
        m_view->showTrace(trace);
        child<QComboBox>(u"textColoring"_s)->setCurrentIndex(3);
        child<QSlider>(u"textLayer"_s)->setValue(5);
        QCOMPARE(m_cursor.layer(), 4);
        const engine::KvDeviation& kv = trace->deviation->reuse.kv;
        QCOMPARE(child<TextMap>(u"textMap"_s)->shading().values[30], kv.v[static_cast<std::size_t>(4 * kv.tokens + 30)]);
        QCOMPARE(child<HeatMap>(u"heatMap"_s)->matrix().values, kv.v);
        child<QComboBox>(u"textRun"_s)->setCurrentIndex(1);
        QCOMPARE(child<HeatMap>(u"heatMap"_s)->matrix().values, trace->deviation->blend.kv.v);
        m_cursor.setLayer(InspectionCursor::kMean);
        QCOMPARE(child<QSlider>(u"textLayer"_s)->value(), 0);
        QCOMPARE(child<QLabel>(u"textLayerValue"_s)->text(), u"mean of layers"_s);
    }

    void OneTokenIsShownEverywhere() {
        const auto trace = ui_test::exampleTrace();
        m_view->showTrace(trace);
        m_cursor.setToken(40);
        QVERIFY(child<TextMap>(u"textMap"_s)->currentText().startsWith(u"token 40,"_s));
        QVERIFY(child<HeatMap>(u"heatMap"_s)->currentText().startsWith(u"token 40,"_s));
        QVERIFY(child<HeatMap>(u"attentionStrip"_s)->currentText().startsWith(u"token 40:"_s));
        QVERIFY(child<QLabel>(u"factPosition"_s)->text().startsWith(u"40 of"_s));
    }

    void StagesSumToTtftAndTheTimelineExportsThem() {
        const auto trace = ui_test::exampleTrace();
        m_view->showTrace(trace);
        double sum = 0;
        for (const Stage& stage : stagesOf(trace->ms)) {
            sum += stage.ms;
        }
        QVERIFY(std::abs(sum - trace->ms.ttft) < 1e-9);
        auto* timeline = child<StageTimeline>(u"stageTimeline"_s);
        QCOMPARE(timeline->csv(),
                 QByteArray::fromStdString(engine::stagesCsv(*trace) + "\r\n" + engine::layerTimesCsv(*trace)));
        m_cursor.setLayer(2);
        const engine::LayerTiming& times = trace->layers[2];
        QCOMPARE(timeline->currentText(), u"layer 2: load %1 to %2 ms, compute %3 to %4 ms"_s.arg(times.loadBegin, 0, 'f', 2)
                                              .arg(times.loadEnd, 0, 'f', 2)
                                              .arg(times.computeBegin, 0, 'f', 2)
                                              .arg(times.computeEnd, 0, 'f', 2));
        timeline->setFocus();
        QTest::keyClick(timeline, Qt::Key_Down);
        QCOMPARE(m_cursor.layer(), 3);
    }

    void EveryPlotSavesPictureDrawingAndData() {
        const auto trace = ui_test::exampleTrace();
        m_view->showTrace(trace);
        m_cursor.setToken(40);
        QCoreApplication::processEvents();
        QTemporaryDir folder;
        int plots = 0;
        for (QWidget* widget : m_view->findChildren<QWidget*>()) {
            const auto* plot = dynamic_cast<Plot*>(widget);
            if (!plot) {
                continue;
            }
            ++plots;
            const QString path = folder.filePath(plot->plotName());
            QCOMPARE(savePng(*plot, path + u".png"_s), QString());
            QCOMPARE(saveSvg(*plot, path + u".svg"_s), QString());
            QCOMPARE(saveCsv(*plot, path + u".csv"_s), QString());
            QCOMPARE(QImage(path + u".png"_s).size(), plot->plotSize() * 2);
            QVERIFY2(plot->csv().count('\n') > 1, qPrintable(plot->plotName()));
            QVERIFY2(!plot->currentText().isEmpty(), qPrintable(plot->plotName()));
            QStringList actions;
            for (const QAction* action : widget->actions()) {
                actions += action->objectName();
            }
            for (const QString& name : {u"savePng"_s, u"saveSvg"_s, u"saveCsv"_s, u"copyPicture"_s}) {
                QVERIFY2(actions.contains(name), qPrintable(plot->plotName()));
            }
        }
        QCOMPARE(plots, 13);
        const auto csv = [&](const QString& name) { return dynamic_cast<Plot*>(child<QWidget>(name))->csv(); };
        QCOMPARE(csv(u"heatMap"_s), QByteArray::fromStdString(engine::kvDeviationCsv(*trace)));
        QCOMPARE(csv(u"scoreStrip"_s), QByteArray::fromStdString(engine::recomputeCsv(*trace)));
    }

    void EveryControlHasAnObjectNameAndAnAccessibleName() {
        m_view->showTrace(ui_test::exampleTrace());
        m_cursor.setToken(40);
        const QStringList unnamed = ui_test::unnamedControls(*m_view);
        QVERIFY2(unnamed.isEmpty(), qPrintable(unnamed.join(u", "_s)));
    }

    void TabReachesEveryViewInSight() {
        m_view->showTrace(ui_test::exampleTrace());
        m_cursor.setToken(40);
        QCoreApplication::processEvents();
        const QStringList reached = ui_test::namesReachedByTab(*m_view);
        for (const QString& name :
             {u"textMap"_s, u"textColoring"_s, u"textGranularity"_s, u"textSearch"_s, u"textMapExport"_s, u"heatMap"_s,
              u"heatQuantity"_s, u"scoreStrip"_s, u"attentionStrip"_s, u"tokenKDeviation"_s, u"tokenNeighbours"_s,
              u"tokenOpenDocument"_s, u"inspectSaveTrace"_s}) {
            QVERIFY2(reached.contains(name), qPrintable(name + u" is not in "_s + reached.join(u' ')));
        }
    }

    void CtrlFSearches() {
        m_view->showTrace(ui_test::exampleTrace());
        QApplication::setActiveWindow(m_view.get());
        child<TextMap>(u"textMap"_s)->setFocus();
        QTest::keyClick(m_view.get(), Qt::Key_F, Qt::ControlModifier);
        auto* search = child<QLineEdit>(u"textSearch"_s);
        QVERIFY(search->hasFocus());
        QTest::keyClicks(search, u"eleven"_s);
        QVERIFY(child<QLabel>(u"textSearchCount"_s)->text().startsWith(u"1 of "_s));
        QTest::keyClick(search, Qt::Key_Return);
        QVERIFY(child<QLabel>(u"textSearchCount"_s)->text().startsWith(u"2 of "_s));
    }

    void LayoutsShowMoreOrLessAroundTheText() {
        m_view->showTrace(ui_test::exampleTrace());
        QCoreApplication::processEvents();
        m_view->arrange(InspectLayout::Read);
        QCoreApplication::processEvents();
        QVERIFY(!child<HeatMap>(u"heatMap"_s)->isVisible());
        QVERIFY(child<QWidget>(u"tokenPanel"_s)->isVisible());
        const int readHeight = child<TextMap>(u"textMap"_s)->height();
        const QByteArray reading = m_view->saveLayout();
        m_view->arrange(InspectLayout::Analyse);
        QCoreApplication::processEvents();
        QVERIFY(child<HeatMap>(u"heatMap"_s)->isVisible());
        QVERIFY(child<TextMap>(u"textMap"_s)->height() < readHeight);
        QVERIFY(m_view->restoreLayout(reading));
        QCoreApplication::processEvents();
        QVERIFY(!child<HeatMap>(u"heatMap"_s)->isVisible());
        QVERIFY(!m_view->restoreLayout("no layout"));
    }

    void CitationsAndTraceExportAreAskedFor() {
        const auto trace = ui_test::exampleTrace();
        m_view->showTrace(trace);
        QSignalSpy cited(m_view.get(), &InspectView::citationActivated);
        QSignalSpy saved(m_view.get(), &InspectView::traceExportRequested);
        m_cursor.setToken(trace->segments[2].position + 4);
        child<QPushButton>(u"tokenOpenDocument"_s)->click();
        QCOMPARE(cited.count(), 1);
        QCOMPARE(cited[0][0].toInt(), 2);
        child<QPushButton>(u"inspectSaveTrace"_s)->click();
        QCOMPARE(saved.count(), 1);
        m_cursor.setToken(trace->promptTokens() - 1);
        QVERIFY(!child<QPushButton>(u"tokenOpenDocument"_s)->isVisible());
        QTest::keyClick(child<TextMap>(u"textMap"_s), Qt::Key_Return, Qt::ControlModifier);
        QCOMPARE(cited.count(), 1);
    }

    void DocumentTextIsNeverMarkup() {
        auto trace = std::make_shared<engine::BlendTrace>(*ui_test::exampleTrace());
        trace->question = "<b>bold</b> &amp; <img src=x>";
        m_view->showTrace(trace);
        QCOMPARE(child<ElidedLabel>(u"inspectQuestion"_s)->whole(), u"<b>bold</b> &amp; <img src=x>"_s);
        QCOMPARE(child<QLabel>(u"inspectQuestion"_s)->textFormat(), Qt::PlainText);
    }

private:
    template <class Widget>
    Widget* child(const QString& name) {
        auto* found = m_view->findChild<Widget*>(name);
        if (!found) {
            qFatal("no %s", qPrintable(name));
        }
        return found;
    }

    Theme m_theme{ThemeChoice::Light};
    InspectionCursor m_cursor;
    std::unique_ptr<InspectView> m_view;
};

QTEST_MAIN(InspectViewTest)
#include "inspect_view_test.moc"
