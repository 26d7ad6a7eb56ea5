// The history of questions.
#include "ui/history/history_view.h"

#include <QHeaderView>
#include <QTableView>
#include <QVBoxLayout>

#include "ui/collections/plain_table.h"
#include "ui/text.h"
#include "ui/widgets/table_export.h"

namespace ui {

namespace {

using namespace Qt::StringLiterals;

constexpr int kShown = 500;

}  // namespace

HistoryView::HistoryView(Theme&, EngineBridge& bridge, QWidget* parent) : QWidget(parent), m_bridge(bridge) {
    setObjectName(u"historyView"_s);
    setAccessibleName(tr("History"));
    auto* const column = new QVBoxLayout(this);
    column->setContentsMargins(0, 0, 0, 0);
    m_table = plainTable(u"historyTable"_s, tr("Questions answered so far"), this);
    m_table->setModel(&m_model);
    m_table->horizontalHeader()->setStretchLastSection(true);
    m_table->setColumnWidth(HistoryModel::Asked, 96);
    m_table->setColumnWidth(HistoryModel::Question, 280);
    makeExportable(*m_table, u"history"_s);
    column->addWidget(m_table);
    connect(m_table, &QTableView::activated, this,
            [this](const QModelIndex& index) { emit questionChosen(text::fromUtf8(m_model.record(index.row()).question)); });
    connect(&bridge, &EngineBridge::opened, this, &HistoryView::refresh);
}

void HistoryView::refresh() {
    m_bridge.history(kShown, this, [this](engine::Result<std::vector<engine::AnswerRecord>> answers) {
        if (answers)
            m_model.setRecords(std::move(*answers));
    });
}

}  // namespace ui
