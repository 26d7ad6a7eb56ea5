// The text map tells the trace's truth: every token has its place, its colour, its mark, and its line in the export.
#include "ui/inspector/text_map.h"

#include <QPainter>
#include <QScrollBar>
#include <QSignalSpy>
#include <QTest>
#include <cmath>
#include <random>

#include "tests/ui/views/example_trace.h"
#include "ui/inspection_cursor.h"
#include "ui/inspector/position_bar.h"
#include "ui/inspector/shading_key.h"
#include "ui/inspector/trace_words.h"

using namespace ui;
using namespace Qt::StringLiterals;

namespace {

std::size_t index(int value) { return static_cast<std::size_t>(value); }

/// Rows of a CSV without quoted line ends.
std::vector<QStringList> rowsOf(const QByteArray& csv) {
    std::vector<QStringList> rows;
    QStringList row;
    QString cell;
    bool quoted = false;
    for (const QChar character : QString::fromUtf8(csv)) {
        if (character == u'"') {
            quoted = !quoted;
        } else if (!quoted && character == u',') {
            row += cell;
            cell.clear();
        } else if (!quoted && character == u'\n') {
            row += cell;
            rows.push_back(row);
            row.clear();
            cell.clear();
        } else if (quoted || character != u'\r') {
            cell += character;
        }
    }
    return rows;
}

}  // namespace

class TextMapTest : public QObject {
    Q_OBJECT

private slots:
    void init() {
        m_cursor.clear();
        m_trace = ui_test::exampleTrace();
        m_text = std::make_shared<const PromptText>(*m_trace);
        m_map = std::make_unique<TextMap>(m_theme, m_cursor, u"map"_s);
        m_map->resize(700, 500);
        m_map->show();
        m_map->setText(m_text, segmentCaptions(*m_trace));
        m_map->setShading(shadingOf(m_trace, TextColoring::Fate, DeviatingRun::Reuse, -1));
    }

    void EveryCellHasExactlyItsCharactersPlace() {
        const TextLayout layout(*m_text, segmentCaptions(*m_trace), m_theme.documentFont(), Qt::gray, 400, 1.45);
        std::vector<int> seen(index(m_text->cells()), 0);
        for (const PlacedCell& placed : layout.placed()) {
            ++seen[index(placed.cell)];
            QVERIFY(placed.right >= placed.left);
            QVERIFY(placed.right <= 400 + 64);  // spaces may hang over the edge
        }
        for (const int count : seen) {
            QVERIFY(count >= 1);
        }
        double bottom = 0;
        for (const TextLine& line : layout.lines()) {
            QVERIFY(line.top >= bottom - 1e-6);
            bottom = line.top + line.height;
        }
        QVERIFY(layout.height() >= bottom);
    }

    void AWordWhoseBlankHangsAtTheLineBeforeIsWhereItsLettersAre() {
        const TextLayout layout(*m_text, segmentCaptions(*m_trace), m_theme.documentFont(), Qt::gray, 400, 1.45);
        int broken = 0;
        for (std::size_t at = 1; at < layout.placed().size(); ++at) {
            const PlacedCell& before = layout.placed()[at - 1];
            const PlacedCell& after = layout.placed()[at];
            if (before.cell != after.cell || after.right - after.left <= before.right - before.left) {
                continue;
            }
            ++broken;
            const QRectF rect = layout.cellRect(after.cell);
            QCOMPARE(static_cast<float>(rect.left()), after.left);
            QCOMPARE(layout.lineAt(rect.center().y()), layout.lineOfCell(after.cell) + 1);
        }
        QVERIFY(broken > 0);
    }

    void APointInACellFindsTheCell() {
        const TextLayout layout(*m_text, segmentCaptions(*m_trace), m_theme.documentFont(), Qt::gray, 400, 1.45);
        for (int cell = 0; cell < m_text->cells(); cell += 3) {
            const QRectF rect = layout.cellRect(cell);
            const int line = layout.lineAt(rect.center().y());
            if (line == layout.lineOfCell(cell) && rect.width() > 3) {
                QCOMPARE(layout.cellAt(line, rect.center().x()), cell);
            }
        }
    }

    void MarksAndCountsAreTheTracesFates() {
        const std::vector<engine::TokenFate> fates = engine::tokenFates(*m_trace);
        for (int token = 0; token < m_trace->promptTokens(); ++token) {
            const TokenMark mark = m_map->shading().marks[index(token)];
            QCOMPARE(mark == TokenMark::Solid, fates[index(token)] == engine::TokenFate::Recomputed);
            QCOMPARE(mark == TokenMark::Dotted, fates[index(token)] == engine::TokenFate::Fresh);
        }
        QCOMPARE(m_map->shading().meanings[0].tokens, m_trace->tokens.reused);
        QCOMPARE(m_map->shading().meanings[1].tokens, m_trace->tokens.recomputed);
        QCOMPARE(m_map->shading().meanings[2].tokens, m_trace->tokens.fresh);
        const ShadingKey key(m_theme, *m_map);
        QCOMPARE(key.text(), u"reused %1, recomputed %2, new %3"_s.arg(m_trace->tokens.reused)
                                 .arg(m_trace->tokens.recomputed)
                                 .arg(m_trace->tokens.fresh));
    }

    void RecomputedTokensAreMarkedByShapeInTheColourlessMapToo() {
        // With the ground taken by the score, a recomputed token still bears its line: the pixels under its text are the mark's.
        m_map->setShading(shadingOf(m_trace, TextColoring::Score, DeviatingRun::Reuse, -1));
        QImage image(m_map->plotSize(), QImage::Format_ARGB32_Premultiplied);
        QPainter painter(&image);
        m_map->paintPlot(painter, image.size());
        painter.end();
        const QRgb mark = m_theme.color(Role::Recomputed).rgb();
        int found = 0;
        for (int y = 0; y < image.height(); ++y) {
            const auto* line = reinterpret_cast<const QRgb*>(image.constScanLine(y));
            found += std::count(line, line + image.width(), mark) >= 3 ? 1 : 0;
        }
        QVERIFY(found > 0);
    }

    void ExportedRecomputeMapEqualsTheEnginesLists() {
        m_map->setGranularity(Granularity::Word);
        const std::vector<QStringList> rows = rowsOf(m_map->csv());
        QCOMPARE(rows.size(), m_trace->promptIds.size() + 1);
        QCOMPARE(m_map->csv(), QByteArray::fromStdString(engine::recomputeCsv(*m_trace)));
        const std::vector<engine::TokenFate> fates = engine::tokenFates(*m_trace);
        std::vector<int> chosen;
        std::vector<float> scores;
        for (std::size_t i = 1; i < rows.size(); ++i) {
            QCOMPARE(rows[i].size(), 9);
            QCOMPARE(rows[i][0].toInt(), static_cast<int>(i) - 1);
            QCOMPARE(rows[i][1].toInt(), m_trace->segmentAt(static_cast<int>(i) - 1));
            QCOMPARE(rows[i][3].toInt(), m_trace->promptIds[i - 1]);
            QCOMPARE(rows[i][5], fateText(fates[i - 1]));
            if (rows[i][6] == u"1"_s) {
                chosen.push_back(static_cast<int>(i) - 1);
            }
            if (!rows[i][7].isEmpty()) {
                scores.push_back(rows[i][7].toFloat());
            }
        }
        QCOMPARE(chosen, m_trace->selection.positions);
        QCOMPARE(scores, m_trace->selection.score);
    }

    void DeviationIsTheChosenLayersRowOrTheMean() {
        const TextShading layer2 = shadingOf(m_trace, TextColoring::VDeviation, DeviatingRun::Blend, 2);
        const engine::KvDeviation& kv = m_trace->deviation->blend.kv;
        for (int token = 0; token < kv.tokens; ++token) {
            QCOMPARE(layer2.values[index(token)], kv.v[index(2 * kv.tokens + token)]);
        }
        const TextShading mean = shadingOf(m_trace, TextColoring::KDeviation, DeviatingRun::Reuse, -1);
        double sum = 0;
        for (int layer = 0; layer < kv.layers; ++layer) {
            sum += static_cast<double>(m_trace->deviation->reuse.kv.k[index(layer * kv.tokens + 40)]);
        }
        // A mean of six floats: rounding of each addition.
        QVERIFY(std::abs(static_cast<double>(mean.values[40]) - sum / kv.layers) < 1e-5);
    }

    void GroundsFollowTheRamp() {
        const TextShading shading = shadingOf(m_trace, TextColoring::KDeviation, DeviatingRun::Reuse, 5);
        m_map->setShading(shading);
        int strong = -1;
        for (int token = 0; token < m_trace->promptTokens(); ++token) {
            const double value = static_cast<double>(shading.values[index(token)]) / shading.high;
            const int cell = m_text->cellOfToken(token);
            const bool ownCell = m_text->firstToken(cell) == token && m_text->firstToken(cell + 1) == token + 1;
            if (value > 0.05 && ownCell) {
                QCOMPARE(m_map->groundOf(token), m_theme.sequential().color(value));
                strong = token;
            }
        }
        QVERIFY(strong >= 0);
        QCOMPARE(m_map->groundOf(0), m_theme.color(Role::Paper));  // the head does not deviate
    }

    void CoarserGrainsShowTheMeanOfTheirTokens() {
        const TextShading shading = shadingOf(m_trace, TextColoring::KDeviation, DeviatingRun::Reuse, 5);
        const std::vector<float> means = unitMeans(*m_text, Granularity::Chunk, shading.values);
        const engine::PlanSegment& chunk = m_trace->segments[1];
        double sum = 0;
        for (int i = 0; i < chunk.tokens(); ++i) {
            sum += static_cast<double>(shading.values[index(chunk.position + i)]);
        }
        const int cell = m_text->cellOfToken(chunk.position + 3);
        QVERIFY(std::abs(static_cast<double>(means[index(cell)]) - sum / chunk.tokens()) < 1e-5);
        const std::vector<float> shares = unitShares(*m_text, Granularity::Chunk, shading.marks, TokenMark::Solid);
        const auto again = std::count(shading.marks.begin() + chunk.position,
                                      shading.marks.begin() + chunk.position + chunk.tokens(), TokenMark::Solid);
        QVERIFY(std::abs(static_cast<double>(shares[index(cell)]) - static_cast<double>(again) / chunk.tokens()) < 1e-6);
    }

    void HoveringPreviewsAndClickingLocks() {
        const int token = m_trace->segments[1].position + 8;
        const QPoint point = placeOf(token);
        QTest::mouseMove(m_map->viewport(), point + QPoint(0, 1));
        QTest::mouseMove(m_map->viewport(), point);
        QCOMPARE(m_cursor.token(), m_text->firstToken(m_text->cellOfToken(token)));
        QVERIFY(m_cursor.isPreviewing());
        QTest::mouseClick(m_map->viewport(), Qt::LeftButton, {}, point);
        QVERIFY(!m_cursor.isPreviewing());
        QCOMPARE(m_cursor.lockedToken(), m_text->firstToken(m_text->cellOfToken(token)));
        QVERIFY(m_map->currentText().startsWith(u"token %1,"_s.arg(m_cursor.token())));
    }

    void KeysWalkTokensLinesAndMarks() {
        m_cursor.setToken(m_trace->segments[1].position);
        QTest::keyClick(m_map.get(), Qt::Key_Right);
        QCOMPARE(m_cursor.lockedToken(), m_trace->segments[1].position + 1);
        const int before = m_cursor.lockedToken();
        QTest::keyClick(m_map.get(), Qt::Key_Down);
        QVERIFY(m_cursor.lockedToken() > before);
        QTest::keyClick(m_map.get(), Qt::Key_End, Qt::ControlModifier);
        QCOMPARE(m_cursor.lockedToken(), m_trace->promptTokens() - 1);
        QTest::keyClick(m_map.get(), Qt::Key_Home, Qt::ControlModifier);
        QCOMPARE(m_cursor.lockedToken(), 0);
        for (const int position : m_trace->selection.positions) {
            QTest::keyClick(m_map.get(), Qt::Key_N);
            QCOMPARE(m_cursor.lockedToken(), position);
        }
        QTest::keyClick(m_map.get(), Qt::Key_N, Qt::ShiftModifier);
        QCOMPARE(m_cursor.lockedToken(), m_trace->selection.positions.at(m_trace->selection.positions.size() - 2));
        QTest::keyClick(m_map.get(), Qt::Key_Escape);
        QCOMPARE(m_cursor.token(), InspectionCursor::kNone);
    }

    void TheCursorIsScrolledIntoSight() {
        m_cursor.setToken(m_trace->promptTokens() - 1);
        const auto [first, last] = m_map->visibleTokens();
        QVERIFY(first <= m_cursor.token() && m_cursor.token() <= last + 1);
        m_cursor.setToken(0);
        QCOMPARE(m_map->visibleTokens().first, 0);
    }

    void SearchFindsEveryOccurrenceWhateverItsCase() {
        const auto expected = static_cast<int>(m_text->text().count(u"battery"_s, Qt::CaseInsensitive));
        QVERIFY(expected > 4);
        QCOMPARE(m_map->search(u"BATTERY"_s), expected);
        m_map->showMatch(1);
        QCOMPARE(m_map->currentMatch(), 1);
        QVERIFY(m_text->cellText(m_text->cellOfToken(m_cursor.token())).contains(u"attery"_s, Qt::CaseInsensitive));
        m_map->showMatch(-2);
        QCOMPARE(m_map->currentMatch(), expected - 1);
        QCOMPARE(m_map->search(u"not in there"_s), 0);
        m_map->showMatch(1);
    }

    void CtrlEnterOpensTheDocument() {
        QSignalSpy opened(m_map.get(), &TextMap::segmentActivated);
        m_cursor.setToken(m_trace->segments[2].position + 3);
        QTest::keyClick(m_map.get(), Qt::Key_Return, Qt::ControlModifier);
        QCOMPARE(opened.count(), 1);
        QCOMPARE(opened[0][0].toInt(), 2);
    }

    void PositionBarScrollsTheMap() {
        PositionBar bar(m_theme, m_cursor, *m_map);
        bar.setText(m_text);
        bar.resize(28, 400);
        bar.show();
        m_map->resize(500, 200);
        QTest::mouseClick(&bar, Qt::LeftButton, {}, QPoint(14, 380));
        QVERIFY(m_map->verticalScrollBar()->value() > m_map->verticalScrollBar()->maximum() / 2);
        QTest::mouseClick(&bar, Qt::LeftButton, {}, QPoint(14, 5));
        QCOMPARE(m_map->verticalScrollBar()->value(), 0);
    }

    void AChangedThemeRepaintsInItsOwnColours() {
        Theme theme(ThemeChoice::Light);
        TextMap map(theme, m_cursor, u"other"_s);
        map.resize(600, 400);
        map.setText(m_text, segmentCaptions(*m_trace));
        map.setShading(shadingOf(m_trace, TextColoring::Fate, DeviatingRun::Reuse, -1));
        const int token = m_trace->selection.positions.front();
        QCOMPARE(map.groundOf(token), theme.color(Role::RecomputedTint));
        theme.choose(ThemeChoice::Dark);
        QCOMPARE(map.groundOf(token), theme.color(Role::RecomputedTint));
    }

private:
    /// Middle of the token on the viewport, as the map lays it out.
    QPoint placeOf(int token) {
        m_map->showToken(token);
        const QScrollBar& bar = *m_map->verticalScrollBar();
        const double width = std::clamp(m_map->viewport()->width() - 64.0, 160.0, 760.0);
        const TextLayout layout(*m_text, segmentCaptions(*m_trace), m_theme.documentFont(), Qt::gray, width,
                                Theme::kDocumentLineHeight);
        const QRectF rect = layout.cellRect(m_text->cellOfToken(token));
        const double left = std::max(40.0, std::floor((m_map->viewport()->width() - layout.width()) / 2));
        return QPointF(left + rect.center().x(), rect.center().y() - bar.value()).toPoint();
    }

    Theme m_theme{ThemeChoice::Light};
    InspectionCursor m_cursor;
    std::shared_ptr<const engine::BlendTrace> m_trace;
    std::shared_ptr<const PromptText> m_text;
    std::unique_ptr<TextMap> m_map;
};

QTEST_MAIN(TextMapTest)
#include "text_map_test.moc"
