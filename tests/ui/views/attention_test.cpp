// Attention as shown equals the trace's, block by block, head by head, as picture and as table.
#include <QAbstractItemModelTester>
#include <QComboBox>
#include <QTableView>
#include <QTest>
#include <QToolButton>
#include <cmath>

#include "tests/ui/views/example_trace.h"
#include "ui/inspection_cursor.h"
#include "ui/inspector/attention_means.h"
#include "ui/inspector/attention_model.h"
#include "ui/inspector/attention_panel.h"
#include "ui/theme/theme.h"
#include "ui/widgets/cell_grid.h"

using namespace ui;
using namespace Qt::StringLiterals;

namespace {

std::size_t index(int value) { return static_cast<std::size_t>(value); }

}  // namespace

class AttentionTest : public QObject {
    Q_OBJECT

private slots:
    void OneLayerAndHeadIsTheRawMatrix() {
        const engine::AttentionSummary& full = m_trace->deviation->full;
        const std::vector<float> blocks = attentionBlocks(full, 3, 1);
        const std::size_t size = index(full.blocks) * index(full.blocks);
        for (std::size_t i = 0; i < size; ++i) {
            QCOMPARE(blocks[i], full.block[index(3 * full.heads + 1) * size + i]);
        }
        const std::vector<float> suffix = suffixAttention(full, 3, 1);
        for (int p = 0; p < full.context; ++p) {
            QCOMPARE(suffix[index(p)], full.suffix[index(3 * full.heads + 1) * index(full.context) + index(p)]);
        }
    }

    void RowsOfBlocksSumToOneOrHaveNoRow() {
        for (const engine::AttentionSummary* attention :
             {&m_trace->deviation->full, &m_trace->deviation->blend.attention, &m_trace->deviation->reuse.attention}) {
            const std::vector<float> blocks = attentionBlocks(*attention, -1, -1);
            for (int from = 0; from < attention->blocks; ++from) {
                double sum = 0;
                for (int to = 0; to < attention->blocks; ++to) {
                    sum += static_cast<double>(blocks[index(from * attention->blocks + to)]);
                }
                int rows = 0;
                for (int layer = 0; layer < attention->layers; ++layer) {
                    rows += attention->rowsComputed[index(layer * attention->blocks + from)];
                }
                // 1e-4 is the bound for block sums; floats of 18 heads stay far within.
                QVERIFY(rows == 0 ? std::isnan(sum) : std::abs(sum - 1) < 1e-4);
            }
        }
    }

    void MeanOfHeadsIsTheirMean() {
        const engine::AttentionSummary& blend = m_trace->deviation->blend.attention;
        const std::vector<float> mean = suffixAttention(blend, 2, -1);
        double sum = 0;
        for (int head = 0; head < blend.heads; ++head) {
            sum += static_cast<double>(suffixAttention(blend, 2, head)[17]);
        }
        QVERIFY(std::abs(static_cast<double>(mean[17]) - sum / blend.heads) < 1e-7);
    }

    void TableHasTheLowerTriangleAndKeepsModelLaws() {
        AttentionModel model;
        const QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::QtTest);
        model.show({u"head"_s, u"1"_s, u"question"_s}, {1, 0, 0, .5F, .5F, 0, .2F, .3F, .5F},
                   {1, 0, 0, .25F, .75F, 0, .1F, .4F, .5F}, {1, 0, 0, .5F, .5F, 0, .3F, .3F, .4F});
        QCOMPARE(model.rowCount(), 6);
        QCOMPARE(model.index(4, 0).data().toString(), u"question"_s);
        QCOMPARE(model.index(4, 1).data().toString(), u"1"_s);
        QCOMPARE(model.index(4, 3).data().toString(), u"0.4000"_s);
        QCOMPARE(model.index(4, 5).data().toString(), u"0.1000"_s);
        model.show({}, {}, {}, {});
        QCOMPARE(model.rowCount(), 0);
    }

    void PanelShowsReuseBlendFullAndTheirDifference() {
        AttentionPanel panel(m_theme, m_cursor);
        panel.showTrace(m_trace);
        m_cursor.setLayer(2);
        m_cursor.setHead(0);
        const auto grid = [&](const QString& name) { return panel.findChild<CellGrid*>(name); };
        const std::vector<float> blend = attentionBlocks(m_trace->deviation->blend.attention, 2, 0);
        const std::vector<float> full = attentionBlocks(m_trace->deviation->full, 2, 0);
        const int blocks = m_trace->deviation->full.blocks;
        for (int from = 0; from < blocks; ++from) {
            for (int to = 0; to <= from; ++to) {
                const std::size_t at = index(from * blocks + to);
                const float shown = grid(u"attentionChange"_s)->value(from, to);
                QVERIFY(std::isnan(blend[at]) ? std::isnan(shown) : shown == blend[at] - full[at]);
                QVERIFY(std::isnan(blend[at]) || grid(u"attentionBlend"_s)->value(from, to) == blend[at]);
                QCOMPARE(grid(u"attentionFull"_s)->value(from, to), full[at]);
            }
        }
        QCOMPARE(grid(u"attentionReuse"_s)->data().high, grid(u"attentionFull"_s)->data().high);
    }

    void HeadGridMovesTheCursorAndShowsTheDeviation() {
        AttentionPanel panel(m_theme, m_cursor);
        panel.showTrace(m_trace);
        m_cursor.clear();
        auto* heads = panel.findChild<CellGrid*>(u"attentionHeads"_s);
        QCOMPARE(heads->value(1, 4), m_trace->deviation->blend.attentionDeviation[index(4 * m_trace->heads + 1)]);
        panel.findChild<QComboBox*>(u"attentionHeadsRun"_s)->setCurrentIndex(1);
        QCOMPARE(heads->value(1, 4), m_trace->deviation->reuse.attentionDeviation[index(4 * m_trace->heads + 1)]);
        emit heads->cellChosen(1, 4);
        QCOMPARE(m_cursor.layer(), 4);
        QCOMPARE(m_cursor.head(), 1);
        QCOMPARE(panel.findChild<QComboBox*>(u"attentionLayer"_s)->currentText(), u"4"_s);
        QCOMPARE(heads->csv(), QByteArray::fromStdString(engine::attentionDeviationCsv(*m_trace)));
        QCOMPARE(panel.findChild<CellGrid*>(u"attentionFull"_s)->csv(),
                 QByteArray::fromStdString(engine::attentionBlocksCsv(*m_trace)));
    }

    void TheTableIsOneKeyAway() {
        AttentionPanel panel(m_theme, m_cursor);
        panel.showTrace(m_trace);
        panel.resize(900, 300);
        panel.show();
        QTest::keyClick(panel.findChild<QToolButton*>(u"attentionAsTable"_s), Qt::Key_Space);
        QVERIFY(panel.findChild<QTableView*>(u"attentionTable"_s)->isVisible());
    }

private:
    Theme m_theme{ThemeChoice::Light};
    InspectionCursor m_cursor;
    std::shared_ptr<const engine::BlendTrace> m_trace = ui_test::exampleTrace();
};

QTEST_MAIN(AttentionTest)
#include "attention_test.moc"
