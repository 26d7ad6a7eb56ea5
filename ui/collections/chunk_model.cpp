// The passages of a collection, read as they come into sight.
#include "ui/collections/chunk_model.h"

#include <algorithm>

#include "ui/text.h"
#include "ui/widgets/table_export.h"

namespace ui {

namespace {

using namespace Qt::StringLiterals;

}  // namespace

ChunkModel::ChunkModel(EngineBridge& bridge, QObject* parent)
    : QAbstractTableModel(parent), m_bridge(bridge), m_pages(kPagesKept) {}

int ChunkModel::rowCount(const QModelIndex& parent) const { return parent.isValid() ? 0 : m_rows; }

int ChunkModel::columnCount(const QModelIndex& parent) const { return parent.isValid() ? 0 : ColumnCount; }

const engine::ChunkInfo* ChunkModel::chunk(int row) const {
    if (row < 0 || row >= m_rows)
        return nullptr;
    if (!m_words.isEmpty())
        return &m_found[static_cast<std::size_t>(row)];
    const Page* const page = m_pages.object(row / kPageRows);
    const auto at = static_cast<std::size_t>(row % kPageRows);
    return page != nullptr && at < page->size() ? &(*page)[at] : nullptr;
}

QVariant ChunkModel::data(const QModelIndex& index, int role) const {
    if (!index.isValid())
        return {};
    if (role == Qt::TextAlignmentRole)
        return QVariant((index.column() == Tokens || index.column() == Score ? Qt::AlignRight : Qt::AlignLeft) |
                        Qt::AlignVCenter);
    if (role != Qt::DisplayRole && role != Qt::ToolTipRole)
        return {};
    const engine::ChunkInfo* const info = chunk(index.row());
    if (info == nullptr) {
        requestPage(index.row() / kPageRows);
        return role == Qt::DisplayRole && index.column() == Text ? QVariant(u"…"_s) : QVariant();
    }
    if (role == Qt::ToolTipRole)
        return index.column() == Text ? text::fromUtf8(info->text).left(1200) : text::fromUtf8(info->record.header);
    switch (index.column()) {
        case Place: {
            const QString pages = text::pages(info->record.firstPage, info->record.lastPage);
            const QString title = text::fromUtf8(info->documentTitle);
            return pages.isEmpty() ? title : title + u", "_s + pages;
        }
        case Text:
            return text::fromUtf8(std::string_view(info->text).substr(0, 300)).simplified();
        case Tokens:
            return text::count(info->record.tokens);
        case Kv:
            return info->inStore ? tr("cached") : tr("not yet");
        case Score:
            return m_words.isEmpty() ? QString() : text::decimal(info->score, 1);
        default:
            return {};
    }
}

QVariant ChunkModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation == Qt::Vertical)
        return {};
    if (role == Qt::TextAlignmentRole)
        return QVariant((section == Tokens || section == Score ? Qt::AlignRight : Qt::AlignLeft) | Qt::AlignVCenter);
    if (role != Qt::DisplayRole)
        return {};
    switch (section) {
        case Place:
            return tr("Document");
        case Text:
            return tr("Passage");
        case Tokens:
            return tr("Tokens");
        case Kv:
            return tr("KV");
        case Score:
            return tr("Score");
        default:
            return {};
    }
}

void ChunkModel::showAll(const QString& collection, int count) {
    beginResetModel();
    ++m_generation;
    m_collection = collection;
    m_words.clear();
    m_found.clear();
    m_pages.clear();
    m_requested.clear();
    m_rows = count;
    m_searching = false;
    m_moreFound = false;
    endResetModel();
}

void ChunkModel::search(const QString& collection, const QString& words) {
    beginResetModel();
    ++m_generation;
    m_collection = collection;
    m_words = words;
    m_found.clear();
    m_pages.clear();
    m_requested.clear();
    m_rows = 0;
    m_searching = true;
    m_moreFound = true;
    endResetModel();
    fetchMore({});
}

bool ChunkModel::canFetchMore(const QModelIndex& parent) const {
    return !parent.isValid() && !m_words.isEmpty() && m_moreFound && !m_requested.contains(0);
}

void ChunkModel::fetchMore(const QModelIndex& parent) {
    if (!canFetchMore(parent))
        return;
    m_requested.insert(0);
    engine::ChunkQuery query;
    query.collection = text::toUtf8(m_collection);
    query.search = text::toUtf8(m_words);
    query.offset = m_rows;
    query.limit = kPageRows;
    m_bridge.chunks(query, u"search passages"_s, this,
                    [this, generation = m_generation](engine::Result<std::vector<engine::ChunkInfo>> result) {
                        if (generation != m_generation)
                            return;
                        m_requested.remove(0);
                        m_searching = false;
                        m_moreFound = result.ok() && result->size() == kPageRows;
                        if (!result) {
                            emit searchFinished(0, text::sentence(result.status()));
                            return;
                        }
                        if (!result->empty()) {
                            beginInsertRows({}, m_rows, m_rows + static_cast<int>(result->size()) - 1);
                            m_found.insert(m_found.end(), std::make_move_iterator(result->begin()),
                                           std::make_move_iterator(result->end()));
                            m_rows = static_cast<int>(m_found.size());
                            endInsertRows();
                        }
                        emit searchFinished(m_rows, {});
                    });
}

void ChunkModel::requestPage(int page) const {
    if (m_requested.contains(page) || m_pages.contains(page) || !m_words.isEmpty())
        return;
    m_requested.insert(page);
    engine::ChunkQuery query;
    query.collection = text::toUtf8(m_collection);
    query.offset = static_cast<std::int64_t>(page) * kPageRows;
    query.limit = kPageRows;
    auto* const self = const_cast<ChunkModel*>(this);  // reading is lazy: data() starts it
    m_bridge.chunks(query, {}, self,
                    [self, page, generation = m_generation](engine::Result<std::vector<engine::ChunkInfo>> result) {
                        if (generation != self->m_generation)
                            return;
                        if (!result)
                            return;  // not asked for again until the next refresh
                        self->m_requested.remove(page);
                        self->takePage(page, std::move(*result));
                    });
}

void ChunkModel::takePage(int page, Page chunks) {
    const int first = page * kPageRows;
    const int last = std::min(first + static_cast<int>(chunks.size()), m_rows) - 1;
    m_pages.insert(page, new Page(std::move(chunks)));
    if (last >= first)
        emit dataChanged(index(first, 0), index(last, ColumnCount - 1));
}

void ChunkModel::refresh() {
    if (!m_words.isEmpty())
        return;
    ++m_generation;
    m_pages.clear();
    m_requested.clear();
    if (m_rows > 0)
        emit dataChanged(index(0, 0), index(m_rows - 1, ColumnCount - 1));
}

QByteArray passagesCsv(const std::vector<engine::ChunkInfo>& chunks) {
    QString csv = u"document,pages,begin,end,tokens,kv,score,text\r\n"_s;
    for (const engine::ChunkInfo& chunk : chunks) {
        const QStringList fields{
            text::fromUtf8(chunk.documentTitle),  text::pages(chunk.record.firstPage, chunk.record.lastPage),
            QString::number(chunk.record.begin),  QString::number(chunk.record.end),
            QString::number(chunk.record.tokens), chunk.inStore ? u"cached"_s : u"none"_s,
            QString::number(chunk.score),         text::fromUtf8(chunk.text)};
        QStringList quoted;
        for (const QString& field : fields)
            quoted << csvField(field);
        csv += quoted.join(u',') + u"\r\n"_s;
    }
    return csv.toUtf8();
}

}  // namespace ui
