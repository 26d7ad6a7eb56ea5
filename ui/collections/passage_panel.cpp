// Passages of a collection.
#include "ui/collections/passage_panel.h"

#include <QAction>
#include <QFileDialog>
#include <QHBoxLayout>
#include <QHeaderView>
#include <QLabel>
#include <QLineEdit>
#include <QTableView>
#include <QVBoxLayout>

#include "ui/collections/passage_delegate.h"
#include "ui/collections/plain_table.h"
#include "ui/text.h"
#include "ui/widgets/table_export.h"

namespace ui {

namespace {

using namespace Qt::StringLiterals;

constexpr int kTypingRestMs = 150;

}  // namespace

PassagePanel::PassagePanel(Theme& theme, EngineBridge& bridge, QWidget* parent)
    : QWidget(parent), m_bridge(bridge), m_chunks(bridge) {
    setObjectName(u"passagePanel"_s);
    setAccessibleName(tr("Passages of the collection"));
    auto* const column = new QVBoxLayout(this);
    column->setContentsMargins(0, 8, 0, 0);
    column->setSpacing(8);
    auto* const line = new QHBoxLayout;
    line->setContentsMargins(16, 0, 16, 0);
    m_search = new QLineEdit(this);
    m_search->setObjectName(u"passageSearch"_s);
    m_search->setAccessibleName(tr("Search the passages"));
    m_search->setPlaceholderText(tr("Search the passages of this collection"));
    m_search->setClearButtonEnabled(true);
    m_state = new QLabel(this);
    m_state->setObjectName(u"passageCount"_s);
    m_state->setAccessibleName(tr("Passages shown"));
    m_state->setProperty("quiet", true);
    line->addWidget(m_search, 1);
    line->addWidget(m_state);
    column->addLayout(line);
    m_table = plainTable(u"passageTable"_s, tr("Passages"), this);
    m_table->setModel(&m_chunks);
    m_table->setItemDelegate(new PassageDelegate(theme, m_table));
    const int widths[] = {220, 520, 72, 72, 72};
    for (int index = 0; index < ChunkModel::ColumnCount; ++index)
        m_table->setColumnWidth(index, widths[index]);
    m_table->horizontalHeader()->setSectionResizeMode(ChunkModel::Text, QHeaderView::Stretch);
    makeExportable(*m_table, u"passages"_s);
    for (QAction* action : m_table->actions()) {
        if (action->shortcut() != QKeySequence(QKeySequence::Copy)) {  // the rest of the table is not here to be written
            action->disconnect();
            connect(action, &QAction::triggered, this, &PassagePanel::chooseFile);
        }
    }
    column->addWidget(m_table, 1);
    m_typing.setSingleShot(true);
    m_typing.setInterval(kTypingRestMs);
    connect(m_search, &QLineEdit::textChanged, this, [this] { m_typing.start(); });
    connect(&m_typing, &QTimer::timeout, this, [this] { searchFor(m_search->text()); });
    connect(&m_chunks, &ChunkModel::searchFinished, this, [this](int found, const QString& failure) {
        m_state->setText(!failure.isEmpty() ? failure
                         : found == 0       ? tr("nothing found")
                                            : tr("%1 found").arg(text::count(found)));
    });
    connect(m_table, &QTableView::activated, this, [this](const QModelIndex& index) {
        if (const engine::ChunkInfo* const chunk = m_chunks.chunk(index.row()))
            emit documentRequested(chunk->record.document, chunk->record.begin, chunk->record.end);
    });
    auto* const use = new QAction(tr("Use in the question"), m_table);
    use->setObjectName(u"usePassage"_s);
    connect(use, &QAction::triggered, this, [this] {
        if (const engine::ChunkInfo* const chunk = m_chunks.chunk(m_table->currentIndex().row()))
            emit passageChosen(*chunk);
    });
    m_table->insertAction(m_table->actions().isEmpty() ? nullptr : m_table->actions().front(), use);
    m_table->setContextMenuPolicy(Qt::ActionsContextMenu);
}

void PassagePanel::showCollection(const QString& name, int count) {
    const bool sameName = m_collection == name;
    const bool same = sameName && m_count == count;
    m_collection = name;
    m_count = count;
    if (!m_chunks.words().isEmpty() && !name.isEmpty()) {
        if (!sameName)
            searchFor(m_search->text());
        return;
    }
    if (same)
        m_chunks.refresh();
    else
        m_chunks.showAll(name, count);
    m_state->setText(tr("%1 passages").arg(text::count(count)));
}

void PassagePanel::searchFor(const QString& words) {
    if (m_search->text() != words)
        m_search->setText(words);
    m_typing.stop();
    if (m_collection.isEmpty())
        return;
    if (words.trimmed().isEmpty()) {
        m_chunks.showAll(m_collection, m_count);
        m_state->setText(tr("%1 passages").arg(text::count(m_count)));
    } else {
        m_state->setText(tr("searching …"));
        m_chunks.search(m_collection, words.trimmed());
    }
}

void PassagePanel::chooseFile() {
    const QString path = QFileDialog::getSaveFileName(this, tr("Export"), tr("passages.csv"), tr("CSV (*.csv)"));
    if (!path.isEmpty())
        exportTo(path);
}

void PassagePanel::exportTo(const QString& path) {
    engine::ChunkQuery query;
    query.collection = text::toUtf8(m_collection);
    query.search = text::toUtf8(m_chunks.words());
    if (!query.search.empty())
        query.limit = m_chunks.rowCount();
    m_bridge.chunks(query, u"export passages"_s, this, [this, path](engine::Result<std::vector<engine::ChunkInfo>> chunks) {
        const QString error = chunks ? writeFile(path, passagesCsv(*chunks)) : text::sentence(chunks.status());
        if (!error.isEmpty())
            emit failed(error);
        else
            emit exported(path);
    });
}

}  // namespace ui
