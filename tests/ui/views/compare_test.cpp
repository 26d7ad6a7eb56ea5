// Compare: a run against itself is empty; every difference is where the traces differ, and nowhere else.
#include <QAbstractItemModelTester>
#include <QComboBox>
#include <QLabel>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QSignalSpy>
#include <QTest>
#include <algorithm>
#include <cmath>

#include "tests/ui/views/example_trace.h"
#include "tests/ui/views/naming.h"
#include "ui/compare/compare_view.h"
#include "ui/compare/figures_model.h"
#include "ui/compare/run_diff.h"
#include "ui/compare/word_diff.h"
#include "ui/inspection_cursor.h"
#include "ui/inspector/stage_timeline.h"
#include "ui/inspector/text_map.h"
#include "ui/theme/theme.h"
#include "ui/widgets/heat_map.h"
#include "ui/widgets/line_plot.h"

using namespace ui;
using namespace Qt::StringLiterals;

namespace {

std::size_t index(int value) { return static_cast<std::size_t>(value); }

using Trace = std::shared_ptr<const engine::BlendTrace>;

Trace withRatio(double ratio) {
    ui_test::TraceShape shape;
    shape.ratio = ratio;
    return ui_test::exampleTrace(shape);
}

/// The same run with the two first chunks exchanged.
Trace reordered(const Trace& trace) {
    auto copy = std::make_shared<engine::BlendTrace>(*trace);
    copy->deviation = nullptr;
    engine::PlanSegment& one = copy->segments[1];
    engine::PlanSegment& other = copy->segments[2];
    std::swap(one, other);
    one.position = other.position;
    other.position = one.position + one.tokens();
    for (const engine::PlanSegment* segment : {&one, &other}) {
        std::ranges::copy(segment->ids, copy->promptIds.begin() + segment->position);
    }
    return copy;
}

QString joined(const std::vector<WordPiece>& pieces, WordSide side) {
    QString text;
    for (const WordPiece& piece : pieces) {
        text += side == WordSide::First ? piece.first : piece.second;
    }
    return text;
}

}  // namespace

class CompareTest : public QObject {
    Q_OBJECT

private slots:
    void ARunAgainstItselfIsEmpty() {
        const Trace run = withRatio(0.15);
        const RunDiff diff(run, run);
        QVERIFY(diff.empty());
        QVERIFY(diff.samePrompt());
        QCOMPARE(diff.firstDivergingToken(), -1);
        for (const FateChange change : diff.fateChanges()) {
            QCOMPARE(change, FateChange::Same);
        }
        for (const float difference : diff.deviationDifference(TextColoring::KDeviation)) {
            QCOMPARE(difference, 0.0F);
        }
        for (const FigureRow& row : diff.figures()) {
            QCOMPARE(row.a, row.b);
        }
        InspectionCursor cursor;
        CompareView view(m_theme, cursor);
        view.pin(run);
        view.showCurrent(run);
        QCOMPARE(view.findChild<QLabel*>(u"compareVerdict"_s)->text(), u"No difference"_s);
        const auto& shading = view.findChild<TextMap*>(u"compareMap"_s)->shading();
        QVERIFY(std::ranges::all_of(shading.marks, [](TokenMark mark) { return mark == TokenMark::None; }));
        QVERIFY(std::ranges::all_of(view.findChild<HeatMap*>(u"compareHeatMap"_s)->matrix().values,
                                    [](float value) { return value == 0; }));
    }

    void AnEqualRunFromAFileIsEmptyToo() { QVERIFY(RunDiff(withRatio(0.15), withRatio(0.15)).empty()); }

    void FateChangesAreExactlyTheTokensRecomputedInOneOnly() {
        const Trace a = withRatio(0.3);
        const Trace b = withRatio(0.1);
        const RunDiff diff(a, b);
        QVERIFY(!diff.empty());
        for (int position = 0; position < b->promptTokens(); ++position) {
            const bool inA = std::ranges::binary_search(a->selection.positions, position);
            const bool inB = std::ranges::binary_search(b->selection.positions, position);
            const FateChange expected = inA == inB ? FateChange::Same
                                        : inB      ? FateChange::RecomputedInB
                                                   : FateChange::RecomputedInA;
            QCOMPARE(diff.fateChanges()[index(position)], expected);
        }
        const TextShading shading = differenceShading(std::make_shared<const RunDiff>(a, b), TextColoring::Fate, -1);
        QCOMPARE(std::ranges::count(shading.marks, TokenMark::Dashed), shading.meanings[2].tokens);
        QCOMPARE(shading.meanings[2].tokens - shading.meanings[1].tokens,
                 static_cast<int>(a->selection.positions.size() - b->selection.positions.size()));
    }

    void DeviationDifferenceIsBMinusA() {
        const Trace a = withRatio(0.3);
        const Trace b = withRatio(0.1);
        const std::vector<float> difference = RunDiff(a, b).deviationDifference(TextColoring::VDeviation);
        QCOMPARE(difference.size(), b->deviation->blend.kv.v.size());
        for (std::size_t i = 0; i < difference.size(); i += 13) {
            QCOMPARE(difference[i], b->deviation->blend.kv.v[i] - a->deviation->blend.kv.v[i]);
        }
    }

    void ReorderedChunksFindTheirCounterparts() {
        const Trace a = withRatio(0.15);
        const Trace b = reordered(a);
        const RunDiff diff(a, b);
        QVERIFY(!diff.samePrompt());
        QCOMPARE(diff.tokensOnlyInA(), 0);
        for (int position = 0; position < b->promptTokens(); ++position) {
            const int other = diff.counterparts()[index(position)];
            QVERIFY(other >= 0);
            QCOMPARE(a->promptIds[index(other)], b->promptIds[index(position)]);
        }
        QCOMPARE(diff.counterparts()[index(b->segments[1].position)], a->segments[2].position);
    }

    void TokensWithoutCounterpartAreCounted() {
        const Trace a = withRatio(0.15);
        ui_test::TraceShape shape;
        shape.seed = 77;  // other ids everywhere
        const Trace b = ui_test::exampleTrace(shape);
        const RunDiff diff(a, b);
        QCOMPARE(diff.tokensOnlyInA(), a->promptTokens());
        QVERIFY(std::ranges::all_of(diff.fateChanges(), [](FateChange change) { return change == FateChange::OnlyB; }));
    }

    void ScoresOfDifferentStrategiesAreNotSubtracted() {
        const Trace a = withRatio(0.15);
        auto b = std::make_shared<engine::BlendTrace>(*a);
        b->options.strategy = engine::Strategy::CacheBlend;
        QVERIFY(RunDiff(a, b).scoreDifference().empty());
        QVERIFY(!RunDiff(a, a).scoreDifference().empty());
    }

    void WordDiffGivesBothTextsBack_data() {
        QTest::addColumn<QString>("first");
        QTest::addColumn<QString>("second");
        QTest::newRow("equal") << u"one two three"_s << u"one two three"_s;
        QTest::newRow("empty") << QString() << u"some words"_s;
        QTest::newRow("middle") << u"the logger sleeps below eleven volts. [1]"_s
                                << u"the logger stops under eleven volts. [1]"_s;
        QTest::newRow("lines") << u"a\nb  c"_s << u"a\nx  c d"_s;
        QTest::newRow("nothing alike") << u"a b c"_s << u"d e f"_s;
    }
    void WordDiffGivesBothTextsBack() {
        QFETCH(QString, first);
        QFETCH(QString, second);
        const std::vector<WordPiece> pieces = diffWords(first, second);
        QCOMPARE(joined(pieces, WordSide::First), first);
        QCOMPARE(joined(pieces, WordSide::Second), second);
        const bool same = std::ranges::all_of(pieces, [](const WordPiece& piece) { return piece.side == WordSide::Both; });
        QCOMPARE(same, first == second);
    }

    void WordDiffKeepsTheLongestCommonWords() {
        const std::vector<WordPiece> pieces = diffWords(u"a b c d e"_s, u"a x c y e"_s);
        QString common;
        for (const WordPiece& piece : pieces) {
            common += piece.side == WordSide::Both ? piece.first : QString();
        }
        QCOMPARE(common.simplified(), u"a c e"_s);
    }

    void FiguresTableSubtractsAndKeepsModelLaws() {
        FiguresModel model;
        const QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::QtTest);
        model.setRecords({{u"ttft"_s, 100, 80.5, 1, u"ms"_s, true}, {u"kl"_s, 0, 1, 4, u"nats"_s, false}});
        QCOMPARE(model.index(0, 1).data().toString(), u"100.0"_s);
        QCOMPARE(model.index(0, 3).data().toString(), u"−19.5"_s);
        QCOMPARE(model.index(1, 3).data().toString(), u"–"_s);
        model.setRecords({});
        QCOMPARE(model.rowCount(), 0);
    }

    void AnswersAreAlignedWithWhereTheyPart() {
        InspectionCursor cursor;
        CompareView view(m_theme, cursor);
        const Trace a = withRatio(0.15);
        auto b = std::make_shared<engine::BlendTrace>(*a);
        b->answer = "The logger goes to bed when the battery falls below eleven volts. [1]";
        b->answerIds[4] = 99;
        view.pin(a);
        view.showCurrent(b);
        const auto* panel = view.findChild<QWidget*>(u"answersPanel"_s);
        const auto text = [&](const QString& name) { return panel->findChild<QPlainTextEdit*>(name)->toPlainText(); };
        QCOMPARE(text(u"answersFirst"_s), QString::fromStdString(a->answer));
        QCOMPARE(text(u"answersSecond"_s), QString::fromStdString(b->answer));
        QVERIFY(panel->findChild<QLabel*>(u"answersVerdict"_s)->text().contains(u": 4 "_s));
        panel->findChild<QComboBox*>(u"answersPair"_s)->setCurrentIndex(1);
        QCOMPARE(text(u"answersSecond"_s), QString::fromStdString(b->comparison->fullAnswer));
    }

    void AnswersAreNeverMarkup() {
        InspectionCursor cursor;
        CompareView view(m_theme, cursor);
        const Trace a = withRatio(0.15);
        auto b = std::make_shared<engine::BlendTrace>(*a);
        b->answer = "<b>so</b> &lt; <script>x</script>";
        view.pin(a);
        view.showCurrent(b);
        const auto* panel = view.findChild<QWidget*>(u"answersPanel"_s);
        QCOMPARE(panel->findChild<QPlainTextEdit*>(u"answersSecond"_s)->toPlainText(), QString::fromStdString(b->answer));
    }

    void WithoutAPinTheRunStandsAgainstItsFullPrefill() {
        InspectionCursor cursor;
        CompareView view(m_theme, cursor);
        view.resize(1200, 800);
        view.show();
        const Trace run = withRatio(0.15);
        view.showCurrent(run);
        auto* alone = view.findChild<QWidget*>(u"compareAlone"_s);
        QVERIFY(alone->isVisible());
        QCOMPARE(alone->findChild<QPlainTextEdit*>(u"answersFirst"_s)->toPlainText(), QString::fromStdString(run->answer));
        QCOMPARE(alone->findChild<QPlainTextEdit*>(u"answersSecond"_s)->toPlainText(),
                 QString::fromStdString(run->comparison->fullAnswer));
        QCOMPARE(alone->findChild<LinePlot*>(u"compareAloneKl"_s)->csv(),
                 QByteArray::fromStdString(engine::answerKlCsv(*run)));
        view.pin(run);
        QVERIFY(!alone->isVisible());
    }

    void PinningNeverMakesTheViewNeedMoreRoom() {
        InspectionCursor cursor;
        CompareView view(m_theme, cursor);
        view.resize(1120, 700);
        view.show();
        const Trace run = withRatio(0.15);
        view.showCurrent(run);
        view.pin(run);
        view.showCurrent(withRatio(0.3));
        QCoreApplication::processEvents();
        QCOMPARE(view.size(), QSize(1120, 700));
        QVERIFY(view.minimumSizeHint().height() <= 620);
    }

    void KlOfBothRunsIsPlotted() {
        InspectionCursor cursor;
        CompareView view(m_theme, cursor);
        const Trace a = withRatio(0.15);
        const Trace b = withRatio(0.3);
        view.pin(a);
        view.showCurrent(b);
        const LinePlotData& data = view.findChild<LinePlot*>(u"compareKl"_s)->data();
        QCOMPARE(data.series.size(), std::size_t{2});
        QCOMPARE(data.series[0].values, a->comparison->kl);
        QCOMPARE(data.series[1].values, b->comparison->kl);
    }

    void ItAsksForARunThenForAPin() {
        InspectionCursor cursor;
        CompareView view(m_theme, cursor);
        view.show();
        QSignalSpy wanted(&view, &CompareView::pinRequested);
        auto* button = view.findChild<QPushButton*>(u"compareEmptyButton"_s);
        QVERIFY(!button->isVisible());
        view.showCurrent(withRatio(0.15));
        QVERIFY(button->isVisible());
        button->click();
        QCOMPARE(wanted.count(), 1);
        view.pin(withRatio(0.3));
        QVERIFY(!button->isVisible());
        view.showCurrent(nullptr);
        QVERIFY(view.findChild<QLabel*>(u"compareEmptyTitle"_s)->isVisible());
    }

    void UnmeasuredRunsOfferToMeasure() {
        ui_test::TraceShape shape;
        shape.measured = false;
        InspectionCursor cursor;
        CompareView view(m_theme, cursor);
        view.pin(withRatio(0.3));
        view.showCurrent(ui_test::exampleTrace(shape));
        QSignalSpy wanted(&view, &CompareView::measureRequested);
        view.findChild<QPushButton*>(u"compareHeatMessageButton"_s)->click();
        view.findChild<QPushButton*>(u"compareAttentionMessageButton"_s)->click();
        QCOMPARE(wanted.count(), 2);
    }

    void EveryControlIsNamedAndReached() {
        InspectionCursor cursor;
        CompareView view(m_theme, cursor);
        view.resize(1400, 900);
        view.show();
        view.pin(withRatio(0.3));
        view.showCurrent(withRatio(0.15));
        const QStringList unnamed = ui_test::unnamedControls(view);
        QVERIFY2(unnamed.isEmpty(), qPrintable(unnamed.join(u", "_s)));
        const QStringList reached = ui_test::namesReachedByTab(view);
        for (const QString& name : {u"comparePin"_s, u"compareFigures"_s, u"compareKl"_s, u"answersPair"_s,
                                    u"answersFirst"_s, u"answersSecond"_s, u"compareMap"_s, u"compareColoring"_s}) {
            QVERIFY2(reached.contains(name), qPrintable(name));
        }
    }

    void DifferenceTablesNameEveryToken() {
        const Trace a = withRatio(0.3);
        const Trace b = withRatio(0.1);
        const RunDiff diff(a, b);
        QCOMPARE(diff.tokensCsv().count("\r\n"), b->promptTokens() + 1);
        QCOMPARE(diff.deviationCsv().count("\r\n"), b->promptTokens() * b->layerCount + 1);
        QCOMPARE(diff.tokensCsv().count("recomputed in a only"),
                 std::ranges::count(diff.fateChanges(), FateChange::RecomputedInA));
    }

private:
    Theme m_theme{ThemeChoice::Light};
};

QTEST_MAIN(CompareTest)
#include "compare_test.moc"
