// A, B and B − A on one scale.
#include "ui/compare/attention_diff.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QVBoxLayout>
#include <algorithm>
#include <cmath>

#include "ui/inspection_cursor.h"
#include "ui/inspector/attention_means.h"
#include "ui/inspector/trace_words.h"
#include "ui/theme/theme.h"
#include "ui/widgets/cell_grid.h"

namespace ui {

using namespace Qt::StringLiterals;

AttentionDiff::AttentionDiff(Theme& theme, InspectionCursor& cursor, QWidget* parent) : QWidget(parent), m_cursor(cursor) {
    setObjectName(u"attentionDiff"_s);
    setAccessibleName(tr("Attention between chunks, difference"));
    m_where = new QLabel(this);
    m_where->setObjectName(u"attentionDiffWhere"_s);
    m_where->setTextFormat(Qt::PlainText);
    m_where->setProperty("quiet", true);
    auto* row = new QHBoxLayout;
    row->setSpacing(16);
    const QString names[] = {u"attentionDiffA"_s, u"attentionDiffB"_s, u"attentionDiffChange"_s};
    const QString accessible[] = {tr("Attention blocks of A"), tr("Attention blocks of B"), tr("Attention blocks, B − A")};
    for (int i = 0; i < 3; ++i) {
        m_grids[i] = new CellGrid(theme, names[i], accessible[i], this);
        row->addWidget(m_grids[i], i == 0 ? 12 : 10);
        connect(m_grids[i], &CellGrid::cellChosen, this, [this](int from, int to) {
            for (CellGrid* grid : m_grids) {
                grid->setCurrent(from, to);
            }
        });
    }
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(16, 8, 16, 8);
    layout->addWidget(m_where);
    layout->addLayout(row, 1);
    connect(&cursor, &InspectionCursor::layerChanged, this, &AttentionDiff::refresh);
    connect(&cursor, &InspectionCursor::headChanged, this, &AttentionDiff::refresh);
}

bool AttentionDiff::canShow(const RunDiff& diff) {
    return diff.measured() && diff.a().heads == diff.b().heads && diff.a().segments.size() == diff.b().segments.size();
}

void AttentionDiff::showDiff(std::shared_ptr<const RunDiff> diff) {
    m_diff = diff && canShow(*diff) ? std::move(diff) : nullptr;
    refresh();
}

void AttentionDiff::refresh() {
    if (!m_diff) {
        for (CellGrid* grid : m_grids) {
            grid->setData({});
        }
        return;
    }
    const QString layer = m_cursor.layer() < 0 ? tr("mean of layers") : tr("layer %1").arg(m_cursor.layer());
    const QString head = m_cursor.head() < 0 ? tr("mean of heads") : tr("head %1").arg(m_cursor.head());
    m_where->setText(u"%1, %2"_s.arg(layer, head));
    std::vector<float> values[3] = {
        attentionBlocks(m_diff->a().deviation->blend.attention, m_cursor.layer(), m_cursor.head()),
        attentionBlocks(m_diff->b().deviation->blend.attention, m_cursor.layer(), m_cursor.head()),
        {}};
    double most = 0.01;
    for (std::size_t i = 0; i < values[0].size(); ++i) {
        values[2].push_back(values[1][i] - values[0][i]);
        most = std::isnan(values[2].back()) ? most : std::max(most, std::abs(static_cast<double>(values[2].back())));
    }
    const QString titles[] = {tr("A"), tr("B"), tr("B − A")};
    for (int i = 0; i < 3; ++i) {
        CellGridData grid;
        grid.rows = grid.columns = m_diff->b().deviation->blend.attention.blocks;
        grid.values = std::move(values[i]);
        grid.rowNames = grid.columnNames = segmentLabels(m_diff->b());
        grid.columnNames.last() = tr("Q", "question");
        grid.rowAxis = tr("from");
        grid.columnAxis = tr("to");
        grid.title = titles[i];
        grid.quantity = i == 2 ? tr("difference") : tr("probability");
        grid.high = i == 2 ? most : 1;
        grid.diverging = i == 2;
        grid.squareRoot = i != 2;
        grid.lowerTriangle = true;
        grid.nameRows = i == 0;
        grid.legend = true;
        m_grids[i]->setData(std::move(grid));
    }
}

}  // namespace ui
