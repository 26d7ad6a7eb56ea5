// What the palette offers for the words typed.
#include "ui/palette/palette_model.h"

#include <QRegularExpression>
#include <algorithm>

#include "ui/text.h"

namespace ui {

namespace {

using namespace Qt::StringLiterals;

constexpr int kMostShown = 60;
constexpr int kMostPassages = 20;

QString plainText(const QAction& action) { return QString(action.text()).remove(u'&').remove(u'…'); }

}  // namespace

int matchScore(const QString& text, const QString& words) {
    int score = 1;
    for (const QString& word : words.split(u' ', Qt::SkipEmptyParts)) {
        const qsizetype at = text.indexOf(word, 0, Qt::CaseInsensitive);
        if (at < 0)
            return 0;
        score += at == 0 ? 4 : text[at - 1].isLetterOrNumber() ? 1 : 3;
    }
    return score;
}

PaletteModel::PaletteModel(EngineBridge& bridge, const ActionRegistry& actions, QObject* parent)
    : QAbstractListModel(parent), m_bridge(bridge), m_actions(actions) {
    filter();
}

int PaletteModel::rowCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : static_cast<int>(m_shown.size());
}

QVariant PaletteModel::data(const QModelIndex& index, int role) const {
    if (!index.isValid())
        return {};
    const PaletteEntry& entry = m_shown[static_cast<std::size_t>(index.row())];
    switch (role) {
        case Qt::DisplayRole:
            return entry.text;
        case Qt::AccessibleTextRole:
            return QVariant(QString(entry.text + u", "_s + entry.detail));
        case kDetailRole:
            return entry.detail;
        case kKindRole:
            return static_cast<int>(entry.kind);
        default:
            return {};
    }
}

void PaletteModel::setCollection(const QString& collection) {
    m_collection = collection;
    m_documents.clear();
    if (collection.isEmpty() || !m_bridge.isOpen())
        return;
    m_bridge.files(collection, this, [this](engine::Result<std::vector<engine::FileInfo>> files) {
        if (!files)
            return;
        for (const engine::FileInfo& file : *files) {
            if (file.source.document.value == 0 || file.source.state != storage::SourceState::Indexed)
                continue;
            PaletteEntry entry;
            entry.kind = PaletteEntry::Kind::Document;
            entry.text = text::fromUtf8(file.title);
            entry.detail = text::fileName(text::fromUtf8(file.source.path));
            entry.document = file.source.document;
            m_documents.push_back(std::move(entry));
        }
        filter();
    });
}

void PaletteModel::setWords(const QString& words) {
    m_words = words;
    m_passages.clear();
    filter();
    searchPassages();
}

void PaletteModel::filter() {
    const QChar mark = m_words.isEmpty() ? QChar() : m_words.front();
    const bool marked = mark == u'>' || mark == u'@' || mark == u'#';
    const QString words = (marked ? m_words.mid(1) : m_words).trimmed();
    std::vector<std::pair<int, PaletteEntry>> scored;
    if (!marked || mark == u'>') {
        for (const ActionRegistry::Entry& registered : m_actions.entries()) {
            if (!registered.action->isEnabled() || !registered.action->isVisible())
                continue;
            PaletteEntry entry;
            entry.text = plainText(*registered.action);
            entry.detail = QStringList{registered.group, registered.action->shortcut().toString(QKeySequence::NativeText)}
                               .filter(QRegularExpression(u"."_s))
                               .join(u" · "_s);
            entry.action = registered.action;
            if (const int score = matchScore(registered.group + u' ' + entry.text, words); score > 0)
                scored.emplace_back(score + matchScore(entry.text, words), std::move(entry));
        }
    }
    if (!marked || mark == u'@') {
        for (const PaletteEntry& document : m_documents) {
            if (const int score = matchScore(document.text + u' ' + document.detail, words); score > 0)
                scored.emplace_back(score, document);
        }
    }
    std::stable_sort(scored.begin(), scored.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
    beginResetModel();
    m_shown.clear();
    for (auto& [score, entry] : scored) {
        if (m_shown.size() < kMostShown)
            m_shown.push_back(std::move(entry));
    }
    m_shown.insert(m_shown.end(), m_passages.begin(), m_passages.end());
    endResetModel();
}

void PaletteModel::searchPassages() {
    const bool only = m_words.startsWith(u'#');
    const QString words = (only ? m_words.mid(1) : m_words).trimmed();
    if (words.size() < 3 || m_words.startsWith(u'>') || m_words.startsWith(u'@') || m_collection.isEmpty() ||
        !m_bridge.isOpen())
        return;
    engine::ChunkQuery query;
    query.collection = text::toUtf8(m_collection);
    query.search = text::toUtf8(words);
    query.limit = kMostPassages;
    m_bridge.chunks(
        query, u"palette passages"_s, this, [this, asked = m_words](engine::Result<std::vector<engine::ChunkInfo>> chunks) {
            if (!chunks || asked != m_words)
                return;
            for (const engine::ChunkInfo& chunk : *chunks) {
                PaletteEntry entry;
                entry.kind = PaletteEntry::Kind::Passage;
                entry.text = text::fromUtf8(std::string_view(chunk.text).substr(0, 300)).simplified();
                entry.detail =
                    text::fromUtf8(chunk.documentTitle) + u' ' + text::pages(chunk.record.firstPage, chunk.record.lastPage);
                entry.document = chunk.record.document;
                entry.begin = chunk.record.begin;
                entry.end = chunk.record.end;
                m_passages.push_back(std::move(entry));
            }
            filter();
        });
}

}  // namespace ui
