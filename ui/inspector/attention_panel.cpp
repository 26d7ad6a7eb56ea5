// One scale for all matrices, so that they can be compared by eye; the same numbers as a table.
#include "ui/inspector/attention_panel.h"

#include <QComboBox>
#include <QHBoxLayout>
#include <QHeaderView>
#include <QLabel>
#include <QStackedWidget>
#include <QTableView>
#include <QToolButton>
#include <QVBoxLayout>
#include <algorithm>
#include <cmath>

#include "ui/inspection_cursor.h"
#include "ui/inspector/attention_means.h"
#include "ui/inspector/attention_model.h"
#include "ui/inspector/trace_words.h"
#include "ui/theme/theme.h"
#include "ui/widgets/cell_grid.h"
#include "ui/widgets/elided_label.h"
#include "ui/widgets/flow_layout.h"
#include "ui/widgets/table_export.h"

namespace ui {

namespace {

using namespace Qt::StringLiterals;

enum Block { kReuse, kBlend, kFull, kDifference, kBlocks };

QByteArray bytesOf(const std::string& text) { return QByteArray(text.data(), static_cast<qsizetype>(text.size())); }

float greatest(const std::vector<float>& values) {
    float most = 0;
    for (const float value : values) {
        most = std::isnan(value) ? most : std::max(most, std::abs(value));
    }
    return most;
}

}  // namespace

AttentionPanel::AttentionPanel(Theme& theme, InspectionCursor& cursor, QWidget* parent)
    : QWidget(parent), m_theme(theme), m_cursor(cursor) {
    setObjectName(u"attentionPanel"_s);
    setAccessibleName(tr("Attention between chunks"));
    setAutoFillBackground(true);
    setBackgroundRole(QPalette::Base);
    const auto combo = [&](const QString& name, const QString& accessible) {
        auto* box = new QComboBox(this);
        box->setObjectName(name);
        box->setAccessibleName(accessible);
        return box;
    };
    m_run = combo(u"attentionHeadsRun"_s, tr("Run whose attention deviation the head grid shows"));
    m_run->addItems({tr("Blend"), tr("Reuse")});
    m_layer = combo(u"attentionLayer"_s, tr("Layer"));
    m_head = combo(u"attentionHead"_s, tr("Head"));
    m_against = combo(u"attentionDifference"_s, tr("Difference shown"));
    m_against->addItems({tr("Blend − full"), tr("Reuse − full"), tr("Blend − reuse")});
    m_asTable = new QToolButton(this);
    m_asTable->setObjectName(u"attentionAsTable"_s);
    m_asTable->setText(tr("Table"));
    m_asTable->setAccessibleName(tr("Show the attention blocks as a table"));
    m_asTable->setCheckable(true);
    m_asTable->setFocusPolicy(Qt::StrongFocus);
    m_value = new ElidedLabel(u"attentionValue"_s, tr("Value of the chosen cell"), this);
    m_value->setProperty("quiet", true);
    m_heads = new CellGrid(theme, u"attentionHeads"_s, tr("Attention deviation by layer and head"), this);
    const QString names[] = {u"attentionReuse"_s, u"attentionBlend"_s, u"attentionFull"_s, u"attentionChange"_s};
    const QString titles[] = {tr("Attention blocks, reuse"), tr("Attention blocks, blend"), tr("Attention blocks, full"),
                              tr("Attention blocks, difference")};
    auto* grids = new QWidget(this);
    grids->setObjectName(u"attentionGrids"_s);
    auto* row = new QHBoxLayout(grids);
    row->setContentsMargins(0, 0, 0, 0);
    row->setSpacing(8);
    for (int i = 0; i < kBlocks; ++i) {
        m_blocks[i] = new CellGrid(theme, names[i], titles[i], grids);
        row->addWidget(m_blocks[i], i == 0 ? 13 : 10);  // the first bears the rows' names
        connect(m_blocks[i], &CellGrid::cellChosen, this, [this](int from, int to) {
            for (CellGrid* grid : m_blocks) {
                grid->setCurrent(from, to);
            }
        });
        connect(m_blocks[i], &CellGrid::cellHovered, this, [this, i] { m_value->setWhole(m_blocks[i]->currentText()); });
        connect(m_blocks[i], &CellGrid::cellChosen, this, [this, i] { m_value->setWhole(m_blocks[i]->currentText()); });
    }
    m_model = new AttentionModel(this);
    m_table = new QTableView(this);
    m_table->setObjectName(u"attentionTable"_s);
    m_table->setAccessibleName(tr("Attention between chunks as a table"));
    m_table->setModel(m_model);
    m_table->verticalHeader()->hide();
    m_table->verticalHeader()->setDefaultSectionSize(24);
    m_table->setShowGrid(false);
    m_table->setTabKeyNavigation(false);
    makeExportable(*m_table, u"attention-blocks"_s);
    m_stack = new QStackedWidget(this);
    m_stack->setObjectName(u"attentionStack"_s);
    m_stack->addWidget(grids);
    m_stack->addWidget(m_table);
    connect(m_asTable, &QToolButton::toggled, m_stack, [this](bool table) { m_stack->setCurrentIndex(table ? 1 : 0); });

    const auto caption = [&](const QString& words, QWidget* buddy) {
        auto* made = new QLabel(words, this);
        made->setObjectName(buddy->objectName() + "Caption"_L1);
        made->setProperty("quiet", true);
        made->setBuddy(buddy);
        return made;
    };
    auto* controls = new QWidget(this);
    controls->setObjectName(u"attentionControls"_s);
    auto* bar = new FlowLayout(8, controls);
    const auto group = [&](const QString& words, QWidget* control) {
        auto* box = new QWidget(controls);
        auto* line = new QHBoxLayout(box);
        line->setContentsMargins(0, 0, 8, 0);
        line->setSpacing(8);
        line->addWidget(caption(words, control));
        line->addWidget(control);
        bar->addWidget(box);
    };
    group(tr("Layer"), m_layer);
    group(tr("Head"), m_head);
    group(tr("Heads by deviation of"), m_run);
    group(tr("Difference"), m_against);
    bar->addWidget(m_asTable);
    auto* content = new QHBoxLayout;
    content->setSpacing(16);
    content->addWidget(m_heads, 3);
    content->addWidget(m_stack, 9);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(16, 8, 16, 8);
    layout->setSpacing(4);
    layout->addWidget(controls);
    layout->addWidget(m_value);
    layout->addLayout(content, 1);

    connect(m_layer, &QComboBox::activated, this, [this](int at) { m_cursor.setLayer(at - 1); });
    connect(m_head, &QComboBox::activated, this, [this](int at) { m_cursor.setHead(at - 1); });
    connect(m_run, &QComboBox::currentIndexChanged, this, &AttentionPanel::refreshHeads);
    connect(m_against, &QComboBox::currentIndexChanged, this, &AttentionPanel::refresh);
    connect(m_heads, &CellGrid::cellChosen, this, &AttentionPanel::choose);
    connect(m_heads, &CellGrid::cellHovered, this, [this] { m_value->setWhole(m_heads->currentText()); });
    connect(&cursor, &InspectionCursor::layerChanged, this, &AttentionPanel::refresh);
    connect(&cursor, &InspectionCursor::headChanged, this, &AttentionPanel::refresh);
}

void AttentionPanel::showTrace(std::shared_ptr<const engine::BlendTrace> trace) {
    m_trace = trace && trace->deviation ? std::move(trace) : nullptr;
    const auto fill = [](QComboBox* box, int count) {
        box->clear();
        box->addItem(tr("mean"));
        for (int i = 0; i < count; ++i) {
            box->addItem(QString::number(i));
        }
    };
    fill(m_layer, m_trace ? m_trace->deviation->full.layers : 0);
    fill(m_head, m_trace ? m_trace->deviation->full.heads : 0);
    refreshHeads();
    refresh();
}

void AttentionPanel::choose(int head, int layer) {
    m_cursor.setLayer(layer);
    m_cursor.setHead(head);
}

void AttentionPanel::refreshHeads() {
    CellGridData grid;
    if (m_trace) {
        const engine::AttentionSummary& shape = m_trace->deviation->full;
        const bool blend = m_run->currentIndex() == 0;
        const std::vector<float>& deviation =
            (blend ? m_trace->deviation->blend : m_trace->deviation->reuse).attentionDeviation;
        grid.rows = shape.heads;
        grid.columns = shape.layers;
        for (int head = 0; head < shape.heads; ++head) {
            grid.rowNames += QString::number(head);
            for (int layer = 0; layer < shape.layers; ++layer) {
                grid.values.push_back(deviation[static_cast<std::size_t>(layer * shape.heads + head)]);
            }
        }
        for (int layer = 0; layer < shape.layers; ++layer) {
            grid.columnNames += QString::number(layer);
        }
        grid.rowAxis = tr("head");
        grid.columnAxis = tr("layer");
        grid.title = tr("Heads × layers");
        grid.quantity = blend ? tr("distance of blend from full") : tr("distance of reuse from full");
        grid.high = static_cast<double>(std::max({1e-6F, greatest(m_trace->deviation->blend.attentionDeviation),
                                                  greatest(m_trace->deviation->reuse.attentionDeviation)}));
        grid.figures = false;
        grid.squareRoot = true;
        grid.legend = true;
        grid.csv = [trace = m_trace] { return bytesOf(engine::attentionDeviationCsv(*trace)); };
    }
    m_heads->setData(std::move(grid));
    m_heads->setCurrent(m_cursor.head(), m_cursor.layer());
}

void AttentionPanel::refresh() {
    m_heads->setCurrent(m_cursor.head(), m_cursor.layer());
    m_layer->setCurrentIndex(std::min(m_cursor.layer() + 1, m_layer->count() - 1));
    m_head->setCurrentIndex(std::min(m_cursor.head() + 1, m_head->count() - 1));
    if (!m_trace) {
        for (CellGrid* grid : m_blocks) {
            grid->setData({});
        }
        m_model->show({}, {}, {}, {});
        return;
    }
    const engine::DeviationReport& report = *m_trace->deviation;
    const int layer = m_cursor.layer();
    const int head = m_cursor.head();
    std::vector<float> values[kBlocks] = {attentionBlocks(report.reuse.attention, layer, head),
                                          attentionBlocks(report.blend.attention, layer, head),
                                          attentionBlocks(report.full, layer, head),
                                          {}};
    const int against = m_against->currentIndex();
    const std::vector<float>& minuend = values[against == 1 ? kReuse : kBlend];
    const std::vector<float>& subtrahend = values[against == 2 ? kReuse : kFull];
    for (std::size_t i = 0; i < minuend.size(); ++i) {
        values[kDifference].push_back(minuend[i] - subtrahend[i]);
    }
    const QStringList labels = segmentLabels(*m_trace);
    QStringList shortLabels = labels;
    shortLabels.last() = tr("Q", "question");
    if (!m_trace->segments.empty() && m_trace->segments.front().kind != engine::SegmentKind::Chunk) {
        shortLabels.first() = tr("H", "head");
    }
    m_model->show(labels, values[kReuse], values[kBlend], values[kFull]);
    const QString titles[] = {tr("Reuse"), tr("Blend"), tr("Full"), m_against->currentText()};
    for (int i = 0; i < kBlocks; ++i) {
        CellGridData grid;
        grid.rows = grid.columns = report.full.blocks;
        grid.high = i == kDifference ? std::max(0.01, static_cast<double>(greatest(values[kDifference]))) : 1;
        grid.values = std::move(values[i]);
        grid.lowerTriangle = true;
        grid.rowNames = labels;
        grid.columnNames = shortLabels;
        grid.nameRows = i == 0;
        grid.rowAxis = tr("from");
        grid.columnAxis = tr("to");
        grid.title = titles[i];
        grid.quantity = i == kDifference ? tr("difference") : tr("probability");
        grid.diverging = i == kDifference;
        grid.squareRoot = i != kDifference;
        grid.legend = true;
        grid.csv = [trace = m_trace] { return bytesOf(engine::attentionBlocksCsv(*trace)); };
        m_blocks[i]->setData(std::move(grid));
    }
}

}  // namespace ui
