// The collections with their documents, passages and KV coverage.
#include "ui/collections/collection_model.h"

#include <algorithm>

#include "ui/text.h"

namespace ui {

int CollectionModel::rowCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : static_cast<int>(m_collections.size());
}

int CollectionModel::columnCount(const QModelIndex& parent) const { return parent.isValid() ? 0 : ColumnCount; }

QVariant CollectionModel::data(const QModelIndex& index, int role) const {
    if (!index.isValid())
        return {};
    const engine::CollectionInfo& info = m_collections[static_cast<std::size_t>(index.row())];
    const double coverage = info.record.chunks > 0 ? static_cast<double>(info.chunksWithKv) / info.record.chunks : 0.0;
    if (role == kCoverageRole && index.column() == Coverage)
        return coverage;
    if (role == Qt::TextAlignmentRole && index.column() != Name)
        return QVariant(Qt::AlignRight | Qt::AlignVCenter);
    if (role == Qt::ToolTipRole)
        return tr("%1: %2 documents, %3 passages, KV of %4")
            .arg(text::fromUtf8(info.record.name), text::count(info.record.documents), text::count(info.record.chunks),
                 text::percent(coverage));
    if (role != Qt::DisplayRole)
        return {};
    switch (index.column()) {
        case Name:
            return text::fromUtf8(info.record.name);
        case Documents:
            return text::count(info.record.documents);
        case Passages:
            return text::count(info.record.chunks);
        case Coverage:
            return text::percent(coverage);
        default:
            return {};
    }
}

QVariant CollectionModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal)
        return {};
    if (role == Qt::TextAlignmentRole)
        return QVariant((section == Name ? Qt::AlignLeft : Qt::AlignRight) | Qt::AlignVCenter);
    if (role != Qt::DisplayRole)
        return {};
    switch (section) {
        case Name:
            return tr("Collection");
        case Documents:
            return tr("Documents");
        case Passages:
            return tr("Passages");
        case Coverage:
            return tr("KV");
        default:
            return {};
    }
}

QString CollectionModel::name(int row) const {
    return row >= 0 && row < rowCount() ? text::fromUtf8(m_collections[static_cast<std::size_t>(row)].record.name)
                                        : QString();
}

int CollectionModel::rowOf(const QString& name) const {
    const auto found = std::find_if(m_collections.begin(), m_collections.end(), [&](const engine::CollectionInfo& info) {
        return text::fromUtf8(info.record.name) == name;
    });
    return found == m_collections.end() ? -1 : static_cast<int>(found - m_collections.begin());
}

void CollectionModel::setCollections(std::vector<engine::CollectionInfo> collections) {
    const bool same = std::equal(collections.begin(), collections.end(), m_collections.begin(), m_collections.end(),
                                 [](const auto& a, const auto& b) { return a.record.name == b.record.name; });
    if (same) {
        m_collections = std::move(collections);
        if (!m_collections.empty())
            emit dataChanged(index(0, 0), index(rowCount() - 1, ColumnCount - 1));
        return;
    }
    beginResetModel();
    m_collections = std::move(collections);
    endResetModel();
}

}  // namespace ui
