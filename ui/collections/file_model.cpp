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

bool FileModel::isQueued(int row) const {
    const QString path = text::fromUtf8(file(row).source.path);
    return !m_read.contains(path) && std::any_of(m_queued.begin(), m_queued.end(), [&](const QString& queued) {
        return path == queued || path.startsWith(queued + u'/');
    });
}

engine::OnDisk FileModel::onDisk(int row) const {
    const auto place = static_cast<std::size_t>(row);
    return place < m_onDisk.size() ? m_onDisk[place] : engine::OnDisk::Same;
}

QString FileModel::state(int row) const {
    if (isQueued(row))
        return tr("Queued");
    if (isIndexed(file(row)) && onDisk(row) != engine::OnDisk::Same)
        return onDisk(row) == engine::OnDisk::Changed ? tr("Changed") : tr("Missing");
    return text::fileState(file(row));
}

bool FileModel::isOnlyNote(int row) const {
    return file(row).source.state != storage::SourceState::Indexed || file(row).source.document.value == 0;
}

QString FileModel::note(int row) const {
    const engine::FileInfo& info = file(row);
    if (!info.source.reason.empty())
        return text::fromUtf8(info.source.reason);
    if (isQueued(row) && isOnlyNote(row))
        return tr("waits to be read");
    if (!isIndexed(info))
        return {};
    switch (onDisk(row)) {
        case engine::OnDisk::Same:
            return text::fromUtf8(info.title);
        case engine::OnDisk::Changed:
            return tr("changed since it was imported: import it again");
        case engine::OnDisk::Missing:
            return tr("no longer on disk; what was imported stays");
    }
    return {};
}

QString FileModel::hint(int row) const {
    const engine::FileInfo& info = file(row);
    QStringList lines{text::fromUtf8(info.source.path), note(row)};
    if (const auto imported = m_imported.constFind(lines.front()); imported != m_imported.cend())
        lines << tr("last import: %1").arg(text::ingestState(*imported));
    lines.removeAll(QString());
    return lines.join(u'\n');
}

QString FileModel::display(int row, int column) const {
    const engine::FileInfo& info = file(row);
    const bool indexed = isIndexed(info) && info.source.document.value != 0;
    switch (column) {
        case File:
            return text::fileName(text::fromUtf8(info.source.path));
        case State:
            return state(row);
        case Note:
            return note(row);
        case Pages:
            return info.pages > 0 ? text::count(info.pages) : QString();
        case Passages:
            return indexed ? text::count(info.chunks) : QString();
        case Tokens:
            return indexed ? text::count(info.tokens) : QString();
        case Coverage:
            return indexed ? text::percent(coverage(info)) : QString();
        case Bytes:
            return info.kvBytes > 0 ? text::bytes(info.kvBytes) : QString();
        case Pinned:
            return info.pinnedChunks > 0 ? text::count(info.pinnedChunks) : QString();
        default:
            return {};
    }
}

QVariant FileModel::sortKey(int row, int column) const {
    const engine::FileInfo& info = file(row);
    switch (column) {
        case Pages:
            return info.pages;
        case Passages:
            return info.chunks;
        case Tokens:
            return static_cast<qlonglong>(info.tokens);
        case Coverage:
            return coverage(info);
        case Bytes:
            return static_cast<qulonglong>(info.kvBytes);
        case Pinned:
            return info.pinnedChunks;
        default:
            return display(row, column);
    }
}

QVariant FileModel::stateIcon(int row) const {
    if (isQueued(row))
        return icon(u"history"_s, m_theme, Role::QuietInk);
    const engine::FileInfo& info = file(row);
    switch (info.source.state) {
        case storage::SourceState::Indexed:
            return onDisk(row) != engine::OnDisk::Same ? icon(u"again"_s, m_theme, Role::Warn)
                   : coverage(info) >= 1               ? icon(u"done"_s, m_theme, Role::Good)
                                                       : icon(u"partial"_s, m_theme, Role::QuietInk);
        case storage::SourceState::Skipped:
            return icon(u"skipped"_s, m_theme, Role::QuietInk);
        case storage::SourceState::Failed:
            return icon(u"failed"_s, m_theme, Role::Bad);
    }
    return {};
}

QVariant FileModel::data(const QModelIndex& index, int role) const {
    if (!index.isValid())
        return {};
    const int row = index.row();
    const engine::FileInfo& info = file(row);
    switch (role) {
        case Qt::DisplayRole:
            return display(row, index.column());
        case kSortRole:
            return sortKey(row, index.column());
        case kCoverageRole:
            return index.column() == Coverage && !isOnlyNote(row) ? QVariant(coverage(info)) : QVariant();
        case Qt::TextAlignmentRole:
            return QVariant((index.column() >= Pages ? Qt::AlignRight : Qt::AlignLeft) | Qt::AlignVCenter);
        case Qt::ToolTipRole:
            return hint(row);
        case Qt::ForegroundRole:
            return index.column() == Note ? QVariant(m_theme.color(Role::QuietInk)) : QVariant();
        case Qt::DecorationRole:
            return index.column() == State                             ? stateIcon(row)
                   : index.column() == Pinned && info.pinnedChunks > 0 ? QVariant(icon(u"pin"_s, m_theme, Role::Accent))
                                                                       : QVariant();
        default:
            return {};
    }
}

QVariant FileModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal)
        return {};
    if (role == Qt::TextAlignmentRole)
        return QVariant((section >= Pages ? Qt::AlignRight : Qt::AlignLeft) | Qt::AlignVCenter);
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
    if (files.size() != m_known.size())
        m_onDisk.clear();  // told anew for these
    m_known = std::move(files);
    show(m_known);
}

void FileModel::setOnDisk(std::vector<engine::OnDisk> states) {
    if (states.size() != m_known.size())
        return;  // of a ledger that has changed since
    m_onDisk = std::move(states);
    if (!m_known.empty())
        emit dataChanged(index(0, State), index(static_cast<int>(m_known.size()) - 1, Note));
}

void FileModel::setQueued(const QStringList& paths) {
    if (paths == m_queued)
        return;
    m_queued = paths;
    m_read.clear();
    show(m_known);
}

void FileModel::noteImported(const engine::IngestFile& file) {
    const QString path = text::fromUtf8(file.path);
    m_imported.insert(path, file.state);
    m_read.insert(path);
    if (!m_queued.isEmpty())
        show(m_known);
}

void FileModel::show(std::vector<engine::FileInfo> files) {
    for (const QString& queued : m_queued) {
        const bool known = m_read.contains(queued) || std::any_of(files.begin(), files.end(), [&](const auto& file) {
                               const QString path = text::fromUtf8(file.source.path);
                               return path == queued || path.startsWith(queued + u'/');
                           });
        if (known)
            continue;
        engine::FileInfo waiting;
        waiting.source.path = text::toUtf8(queued);
        waiting.source.state = storage::SourceState::Indexed;
        files.push_back(std::move(waiting));
    }
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
