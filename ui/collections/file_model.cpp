// A collection's ledger.
#include "ui/collections/file_model.h"

#include <algorithm>

#include "ui/icons.h"
#include "ui/text.h"

namespace ui {

namespace {

using namespace Qt::StringLiterals;

double coverage(const engine::FileInfo& file) {
    return file.chunks > 0 ? static_cast<double>(file.chunksWithKv) / file.chunks : 0.0;
}

bool isIndexed(const engine::FileInfo& file) { return file.source.state == storage::SourceState::Indexed; }

}  // namespace

FileModel::FileModel(Theme& theme, QObject* parent) : QAbstractTableModel(parent), m_theme(theme) {
    connect(&theme, &Theme::changed, this, [this] {
        if (!m_files.empty())
            emit dataChanged(index(0, State), index(rowCount() - 1, State), {Qt::DecorationRole});
    });
}

int FileModel::rowCount(const QModelIndex& parent) const { return parent.isValid() ? 0 : static_cast<int>(m_files.size()); }

int FileModel::columnCount(const QModelIndex& parent) const { return parent.isValid() ? 0 : ColumnCount; }

QString FileModel::display(const engine::FileInfo& file, int column) const {
    switch (column) {
        case File:
            return text::fileName(text::fromUtf8(file.source.path));
        case State:
            return text::fileState(file);
        case Pages:
            return file.pages > 0 ? text::count(file.pages) : QString();
        case Passages:
            return isIndexed(file) ? text::count(file.chunks) : QString();
        case Tokens:
            return isIndexed(file) ? text::count(file.tokens) : QString();
        case Coverage:
            return isIndexed(file) ? text::percent(coverage(file)) : QString();
        case Bytes:
            return file.kvBytes > 0 ? text::bytes(file.kvBytes) : QString();
        case Pinned:
            return file.pinnedChunks > 0 ? text::count(file.pinnedChunks) : QString();
        case Note:
            return isIndexed(file) && file.source.reason.empty() ? text::fromUtf8(file.title)
                                                                 : text::fromUtf8(file.source.reason);
        default:
            return {};
    }
}

QVariant FileModel::sortKey(const engine::FileInfo& file, int column) const {
    switch (column) {
        case Pages:
            return file.pages;
        case Passages:
            return file.chunks;
        case Tokens:
            return static_cast<qlonglong>(file.tokens);
        case Coverage:
            return coverage(file);
        case Bytes:
            return static_cast<qulonglong>(file.kvBytes);
        case Pinned:
            return file.pinnedChunks;
        default:
            return display(file, column);
    }
}

QVariant FileModel::data(const QModelIndex& index, int role) const {
    if (!index.isValid())
        return {};
    const engine::FileInfo& info = m_files[static_cast<std::size_t>(index.row())];
    const bool numbers = index.column() >= Pages && index.column() <= Pinned;
    switch (role) {
        case Qt::DisplayRole:
            return display(info, index.column());
        case kSortRole:
            return sortKey(info, index.column());
        case kCoverageRole:
            return index.column() == Coverage && isIndexed(info) ? QVariant(coverage(info)) : QVariant();
        case Qt::TextAlignmentRole:
            return QVariant((numbers ? Qt::AlignRight : Qt::AlignLeft) | Qt::AlignVCenter);
        case Qt::ToolTipRole:
            return QStringList{text::fromUtf8(info.source.path), text::fromUtf8(info.source.reason)}.join(u'\n').trimmed();
        case Qt::ForegroundRole:
            return index.column() == Note ? QVariant(m_theme.color(Role::QuietInk)) : QVariant();
        case Qt::DecorationRole:
            break;
        default:
            return {};
    }
    if (index.column() == Pinned)
        return info.pinnedChunks > 0 ? QVariant(icon(u"pin"_s, m_theme, Role::Accent)) : QVariant();
    if (index.column() != State)
        return {};
    switch (info.source.state) {
        case storage::SourceState::Indexed:
            return coverage(info) >= 1 ? icon(u"done"_s, m_theme, Role::Good) : icon(u"partial"_s, m_theme, Role::QuietInk);
        case storage::SourceState::Skipped:
            return icon(u"skipped"_s, m_theme, Role::QuietInk);
        case storage::SourceState::Failed:
            return icon(u"failed"_s, m_theme, Role::Bad);
    }
    return {};
}

QVariant FileModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal)
        return {};
    if (role == Qt::TextAlignmentRole)
        return QVariant((section >= Pages && section <= Pinned ? Qt::AlignRight : Qt::AlignLeft) | Qt::AlignVCenter);
    if (role != Qt::DisplayRole)
        return {};
    switch (section) {
        case File:
            return tr("File");
        case State:
            return tr("State");
        case Pages:
            return tr("Pages");
        case Passages:
            return tr("Passages");
        case Tokens:
            return tr("Tokens");
        case Coverage:
            return tr("KV computed");
        case Bytes:
            return tr("KV size");
        case Pinned:
            return tr("Pinned");
        case Note:
            return tr("Title or reason");
        default:
            return {};
    }
}

void FileModel::setFiles(std::vector<engine::FileInfo> files) {
    const bool same = std::equal(files.begin(), files.end(), m_files.begin(), m_files.end(),
                                 [](const auto& a, const auto& b) { return a.source.path == b.source.path; });
    if (same) {
        m_files = std::move(files);
        if (!m_files.empty())
            emit dataChanged(index(0, 0), index(rowCount() - 1, ColumnCount - 1));
        return;
    }
    beginResetModel();
    m_files = std::move(files);
    endResetModel();
}

}  // namespace ui
