// The passages chosen for a question.
#include "ui/query/card_model.h"

#include <QDataStream>
#include <QIODevice>
#include <QMimeData>
#include <algorithm>

#include "ui/text.h"

namespace ui {

namespace {

using namespace Qt::StringLiterals;

const QString kCardMime = u"application/x-cacheblend-card-row"_s;

}  // namespace

int CardModel::rowCount(const QModelIndex& parent) const { return parent.isValid() ? 0 : static_cast<int>(m_cards.size()); }

QVariant CardModel::data(const QModelIndex& index, int role) const {
    if (!index.isValid() || index.row() >= rowCount())
        return {};
    const Card& card = m_cards[static_cast<std::size_t>(index.row())];
    switch (role) {
        case Qt::DisplayRole:
            return card.place;
        case Qt::ToolTipRole:
            return card.header;
        case Qt::AccessibleTextRole:
            return tr("%1. %2, %3 tokens, %4%5")
                .arg(index.row() + 1)
                .arg(card.place)
                .arg(text::count(card.tokens), text::kvSource(card.source), card.pinned ? tr(", pinned") : QString());
        case CardDataRole:
            return QVariant::fromValue(card);
        default:
            return {};
    }
}

Qt::ItemFlags CardModel::flags(const QModelIndex& index) const {
    const Qt::ItemFlags flags = QAbstractListModel::flags(index);
    return index.isValid() ? flags | Qt::ItemIsDragEnabled : flags | Qt::ItemIsDropEnabled;
}

QStringList CardModel::mimeTypes() const { return {kCardMime}; }

QMimeData* CardModel::mimeData(const QModelIndexList& indexes) const {
    if (indexes.isEmpty())
        return nullptr;
    QByteArray bytes;
    QDataStream stream(&bytes, QIODevice::WriteOnly);
    stream << indexes.front().row();
    auto* const data = new QMimeData;
    data->setData(kCardMime, bytes);
    return data;
}

bool CardModel::dropMimeData(const QMimeData* data, Qt::DropAction action, int row, int, const QModelIndex& parent) {
    if (data == nullptr || action != Qt::MoveAction || !data->hasFormat(kCardMime))
        return false;
    QByteArray bytes = data->data(kCardMime);
    QDataStream stream(&bytes, QIODevice::ReadOnly);
    int from = -1;
    stream >> from;
    if (from < 0 || from >= rowCount())
        return false;
    int to = row >= 0 ? row : parent.isValid() ? parent.row() : rowCount();
    if (to > from)
        --to;
    moveCard(from, to);
    return false;  // the row has moved already: the view must not remove the source
}

bool CardModel::moveRows(const QModelIndex& sourceParent, int sourceRow, int count, const QModelIndex& destinationParent,
                         int destinationChild) {
    if (sourceParent.isValid() || destinationParent.isValid() || count != 1 || sourceRow < 0 || sourceRow >= rowCount() ||
        destinationChild < 0 || destinationChild > rowCount())
        return false;
    if (!beginMoveRows({}, sourceRow, sourceRow, {}, destinationChild))
        return false;
    const auto from = m_cards.begin() + sourceRow;
    if (destinationChild > sourceRow)
        std::rotate(from, from + 1, m_cards.begin() + destinationChild);
    else
        std::rotate(m_cards.begin() + destinationChild, from, from + 1);
    endMoveRows();
    return true;
}

void CardModel::moveCard(int from, int to) {
    if (from < 0 || from >= rowCount() || to < 0 || to >= rowCount() || from == to)
        return;
    if (moveRows({}, from, 1, {}, to > from ? to + 1 : to)) {
        emit dataChanged(index(0), index(rowCount() - 1));  // the numbers on the cards
        emit editedByHand();
    }
}

void CardModel::setCards(std::vector<Card> cards) {
    for (Card& card : cards) {
        const auto known =
            std::find_if(m_cards.begin(), m_cards.end(), [&](const Card& other) { return other.chunk == card.chunk; });
        if (known == m_cards.end())
            continue;
        card.preview = known->preview;
        card.document = known->document;
        card.pinned = card.pinned || known->pinned;
        if (card.score == 0)
            card.score = known->score;
    }
    const auto sameChunk = [](const Card& a, const Card& b) { return a.chunk == b.chunk; };
    if (std::equal(cards.begin(), cards.end(), m_cards.begin(), m_cards.end(), sameChunk)) {
        m_cards = std::move(cards);
        if (!m_cards.empty())
            emit dataChanged(index(0), index(rowCount() - 1));
        return;
    }
    beginResetModel();
    m_cards = std::move(cards);
    endResetModel();
}

void CardModel::setPreview(const engine::ChunkId& chunk, engine::DocumentId document, const QString& preview) {
    for (int row = 0; row < rowCount(); ++row) {
        Card& card = m_cards[static_cast<std::size_t>(row)];
        if (card.chunk != chunk)
            continue;
        card.preview = preview.simplified();
        card.document = document;
        emit dataChanged(index(row), index(row));
    }
}

void CardModel::togglePin(int row) {
    if (row < 0 || row >= rowCount())
        return;
    Card& card = m_cards[static_cast<std::size_t>(row)];
    card.pinned = !card.pinned;
    emit dataChanged(index(row), index(row));
    emit pinsChanged();
}

void CardModel::exclude(int row) {
    if (row < 0 || row >= rowCount())
        return;
    beginRemoveRows({}, row, row);
    const Card card = m_cards[static_cast<std::size_t>(row)];
    m_cards.erase(m_cards.begin() + row);
    endRemoveRows();
    if (!m_cards.empty())
        emit dataChanged(index(0), index(rowCount() - 1));
    emit excluded(card.chunk, card.place);
}

void CardModel::add(Card card) {
    const bool present =
        std::any_of(m_cards.begin(), m_cards.end(), [&](const Card& other) { return other.chunk == card.chunk; });
    if (present)
        return;
    beginInsertRows({}, rowCount(), rowCount());
    m_cards.push_back(std::move(card));
    endInsertRows();
    emit editedByHand();
}

}  // namespace ui
