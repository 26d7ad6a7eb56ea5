// "Why this token" says what the trace says.
#include "ui/inspector/token_facts.h"

#include <QAbstractItemModelTester>
#include <QLabel>
#include <QLocale>
#include <QTableView>
#include <QTest>
#include <cmath>
#include <random>

#include "tests/ui/views/example_trace.h"
#include "ui/inspection_cursor.h"
#include "ui/inspector/neighbour_model.h"
#include "ui/inspector/token_panel.h"
#include "ui/inspector/trace_words.h"
#include "ui/theme/theme.h"
#include "ui/widgets/legend.h"
#include "ui/widgets/line_plot.h"

using namespace ui;
using namespace Qt::StringLiterals;

namespace {

std::size_t index(int value) { return static_cast<std::size_t>(value); }

/// What the trace says of a token, found the slow way.
struct Plain {
    std::optional<float> score;
    int rank = 0;
};

Plain plainFacts(const engine::BlendTrace& trace, int position) {
    Plain plain;
    std::size_t context = 0;
    for (const engine::PlanSegment& segment : trace.segments) {
        for (int i = 0; segment.kind == engine::SegmentKind::Chunk && i < segment.tokens(); ++i, ++context) {
            if (segment.position + i == position) {
                plain.score = trace.selection.score[context];
            }
        }
    }
    if (!plain.score || trace.segments[index(trace.segmentAt(position))].source != engine::KvSource::Store) {
        return plain;
    }
    plain.rank = 1;
    context = 0;
    for (const engine::PlanSegment& segment : trace.segments) {
        for (int i = 0; segment.kind == engine::SegmentKind::Chunk && i < segment.tokens(); ++i, ++context) {
            const float other = trace.selection.score[context];
            const bool before = other > *plain.score || (other == *plain.score && segment.position + i < position);
            plain.rank += segment.source == engine::KvSource::Store && before ? 1 : 0;
        }
    }
    return plain;
}

}  // namespace

class TokenFactsTest : public QObject {
    Q_OBJECT

private slots:
    void NumbersEqualTheTraceForFiftyRandomTokens() {
        ui_test::TraceShape shape;
        shape.missingChunk = 2;
        const auto trace = ui_test::exampleTrace(shape);
        const TraceIndex lists(*trace);
        const std::vector<engine::TokenFate> fates = engine::tokenFates(*trace);
        InspectionCursor cursor;
        TokenPanel panel(m_theme, cursor);
        panel.showTrace(trace);
        const auto label = [&](const QString& name) { return panel.findChild<QLabel*>(name)->text(); };
        std::mt19937 random(42);
        for (int i = 0; i < 50; ++i) {
            const int position = static_cast<int>(random() % index(trace->promptTokens()));
            const TokenFacts facts = tokenFacts(*trace, lists, position, 3, 1);
            const Plain plain = plainFacts(*trace, position);
            QCOMPARE(facts.position, position);
            QCOMPARE(facts.id, trace->promptIds[index(position)]);
            QCOMPARE(facts.fate, fates[index(position)]);
            QCOMPARE(facts.score, plain.score);
            QCOMPARE(facts.rank, plain.rank);
            QCOMPARE(facts.threshold, trace->selection.threshold);
            QCOMPARE(facts.chosen, std::ranges::count(trace->selection.positions, position) == 1);
            QCOMPARE(facts.segment, trace->segmentAt(position));
            const bool question = index(facts.segment) == trace->segments.size();
            QCOMPARE(facts.inSegment,
                     position - (question ? trace->suffixBegin() : trace->segments[index(facts.segment)].position));
            const engine::KvDeviation& reuse = trace->deviation->reuse.kv;
            for (int layer = 0; layer < reuse.layers; ++layer) {
                QCOMPARE(facts.kReuse[index(layer)], reuse.k[index(layer * reuse.tokens + position)]);
                QCOMPARE(facts.vBlend[index(layer)], trace->deviation->blend.kv.v[index(layer * reuse.tokens + position)]);
            }
            QCOMPARE(facts.fromQuestion.has_value(), !question);
            if (!question) {
                const engine::AttentionSummary& full = trace->deviation->full;
                QCOMPARE(facts.fromQuestion->full,
                         full.suffix[index(3 * full.heads + 1) * index(full.context) + index(position)]);
            }
            cursor.setToken(position);
            QCOMPARE(label(u"factPosition"_s), u"%1 of %2"_s.arg(position).arg(trace->promptTokens()));
            QCOMPARE(label(u"factScore"_s), plain.score ? shortNumber(static_cast<double>(*plain.score)) : u"–"_s);
            QVERIFY(label(u"factRank"_s).startsWith(plain.rank > 0 ? QString::number(plain.rank) + u" of"_s : u"–"_s));
            QCOMPARE(label(u"tokenFate"_s), fateText(fates[index(position)]));
            QCOMPARE(panel.findChild<LinePlot*>(u"tokenKDeviation"_s)->data().series[1].values.size(),
                     index(trace->layerCount));
        }
    }

    void ATokensPlaceInItsDocumentHoldsItsPiece() {
        // Two passages as the engine writes them: a header line of 7 characters, the text, an empty line. The first's third token
        // ends in the middle of "ü".
        engine::BlendTrace trace;
        const std::vector<std::vector<std::string>> passages{{"Survey", "\n", "Gr\xC3", "\xBC", "n is", " it.", "\n\n"},
                                                             {"Survey\n", "Eleven", ".\n", "\n"}};
        std::int64_t begin = 100;
        for (const std::vector<std::string>& pieces : passages) {
            engine::PlanSegment segment;
            segment.position = static_cast<int>(trace.pieces.size());
            segment.ids.assign(pieces.size(), 1);
            segment.begin = begin;
            segment.end = begin + (segment.position == 0 ? 11 : 7);
            begin = segment.end;
            trace.segments.push_back(segment);
            trace.pieces.insert(trace.pieces.end(), pieces.begin(), pieces.end());
        }
        trace.pieces.emplace_back("?");
        trace.promptIds.assign(trace.pieces.size(), 1);
        using Range = std::pair<std::int64_t, std::int64_t>;
        const auto at = [&](int position) {
            const auto range = documentRange(trace, position);
            return range ? Range(range->begin, range->end) : Range(-1, -1);
        };
        QCOMPARE(at(0), Range(-1, -1));  // the header is of no document
        QCOMPARE(at(1), Range(-1, -1));
        QCOMPARE(at(2), Range(100, 103));
        QCOMPARE(at(3), Range(102, 103));  // the rest of "ü"
        QCOMPARE(at(4), Range(103, 107));
        QCOMPARE(at(5), Range(107, 111));
        QCOMPARE(at(6), Range(-1, -1));  // the empty line
        QCOMPARE(at(7), Range(-1, -1));
        QCOMPARE(at(8), Range(111, 117));
        QCOMPARE(at(9), Range(117, 118));  // cut at the passage's end
        QCOMPARE(at(10), Range(-1, -1));
        QCOMPARE(at(11), Range(-1, -1));  // the question
    }

    void NeighboursAreTheTokensAroundAndEndWithThePrompt() {
        const TraceIndex lists(*m_trace);
        const TokenFacts middle = tokenFacts(*m_trace, lists, 30, -1, -1);
        QCOMPARE(middle.neighbours.size(), std::size_t{9});
        QCOMPARE(middle.neighbours.front().position, 26);
        const TokenFacts first = tokenFacts(*m_trace, lists, 0, -1, -1);
        QCOMPARE(first.neighbours.size(), std::size_t{5});
        const TokenFacts last = tokenFacts(*m_trace, lists, m_trace->promptTokens() - 1, -1, -1);
        QCOMPARE(last.neighbours.back().position, m_trace->promptTokens() - 1);
    }

    void TheReasonFitsTheFate() {
        const TraceIndex lists(*m_trace);
        const auto why = [&](int position) { return whyText(*m_trace, tokenFacts(*m_trace, lists, position, -1, -1)); };
        const int chosen = m_trace->selection.positions.front();
        QVERIFY(why(chosen).contains(u"Computed again: ranked"_s));
        QVERIFY(why(m_trace->promptTokens() - 1).contains(u"question is always computed"_s));
        QVERIFY(why(1).contains(u"fixed head"_s));
        const auto reused = std::ranges::find(lists.fates.begin() + 40, lists.fates.end(), engine::TokenFate::Reused);
        QVERIFY(why(static_cast<int>(reused - lists.fates.begin())).contains(u"Reused: ranked"_s));
        ui_test::TraceShape shape;
        shape.missingChunk = 0;
        const auto missing = ui_test::exampleTrace(shape);
        const TraceIndex other(*missing);
        QVERIFY(whyText(*missing, tokenFacts(*missing, other, missing->segments[1].position, -1, -1))
                    .contains(u"no usable KV"_s));
    }

    void WithoutATokenThoseRankedFirstAreOffered() {
        InspectionCursor cursor;
        TokenPanel panel(m_theme, cursor);
        panel.resize(320, 600);
        panel.show();
        panel.showTrace(m_trace);
        auto* table = panel.findChild<QTableView*>(u"tokenFirst"_s);
        QVERIFY(table->isVisible());
        const std::vector<int> ranks = engine::scoreRanks(*m_trace);
        for (int row = 0; row < table->model()->rowCount(); ++row) {
            QCOMPARE(ranks[index(table->model()->index(row, 0).data().toInt())], row + 1);
        }
        emit table->activated(table->model()->index(2, 0));
        QCOMPARE(ranks[index(cursor.token())], 3);
        QVERIFY(!table->isVisible());
    }

    void NeighbourTableKeepsModelLaws() {
        NeighbourModel model;
        const QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::QtTest);
        const TraceIndex lists(*m_trace);
        model.show(m_trace, tokenFacts(*m_trace, lists, 30, -1, -1).neighbours);
        QCOMPARE(model.rowCount(), 9);
        QCOMPARE(model.index(4, 0).data().toInt(), 30);
        model.show(nullptr, {});
        QCOMPARE(model.rowCount(), 0);
    }

    void WithoutMeasurementThePanelSaysSo() {
        ui_test::TraceShape shape;
        shape.measured = false;
        InspectionCursor cursor;
        TokenPanel panel(m_theme, cursor);
        panel.showTrace(ui_test::exampleTrace(shape));
        panel.show();
        cursor.setToken(20);
        QCOMPARE(panel.findChild<QLabel*>(u"factAttention"_s)->text(), u"not measured"_s);
        QVERIFY(!panel.findChild<LinePlot*>(u"tokenKDeviation"_s)->isVisible());
        cursor.clear();
        QVERIFY(panel.findChild<QLabel*>(u"tokenHint"_s)->isVisible());
    }

    void AMultilineAnswerOfTheModelIsNeverRichText() {
        InspectionCursor cursor;
        TokenPanel panel(m_theme, cursor);
        for (const QLabel* label : panel.findChildren<QLabel*>()) {
            if (!label->objectName().endsWith(u"Caption"_s)) {
                QCOMPARE(label->textFormat(), Qt::PlainText);
            }
        }
    }

private:
    Theme m_theme{ThemeChoice::Light};
    std::shared_ptr<const engine::BlendTrace> m_trace = ui_test::exampleTrace();
};

QTEST_MAIN(TokenFactsTest)
#include "token_facts_test.moc"
