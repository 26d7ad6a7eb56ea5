// The passages chosen for a question, in prompt order, as cards that a person can move, pin and exclude.
#pragma once

#include <QAbstractListModel>
#include <QSet>
#include <QString>
#include <vector>

#include "engine/types.h"

namespace ui {

struct Card {
    engine::ChunkId chunk;
    engine::DocumentId document;  // 0 until the passage's text has been read
    QString place;                // "policy.pdf, p. 12"
    QString header;               // title › section
    QString preview;              // the passage's text; empty until read
    double score = 0;             // retrieval's; 0 = added by hand
    engine::KvSource source = engine::KvSource::Miss;
    int tokens = 0;
    std::int64_t begin = 0;  // characters of the document
    std::int64_t end = 0;
    bool pinned = false;
};

/// Holds values; QuestionSession fills it.
class CardModel : public QAbstractListModel {
    Q_OBJECT
public:
    enum CardRole { CardDataRole = Qt::UserRole + 1 };

    explicit CardModel(QObject* parent = nullptr) : QAbstractListModel(parent) {}

    int rowCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role) const override;
    Qt::ItemFlags flags(const QModelIndex& index) const override;
    Qt::DropActions supportedDropActions() const override { return Qt::MoveAction; }
    QStringList mimeTypes() const override;
    QMimeData* mimeData(const QModelIndexList& indexes) const override;
    bool dropMimeData(const QMimeData* data, Qt::DropAction action, int row, int column, const QModelIndex& parent) override;
    bool moveRows(const QModelIndex& sourceParent, int sourceRow, int count, const QModelIndex& destinationParent,
                  int destinationChild) override;

    const std::vector<Card>& cards() const { return m_cards; }
    const Card& card(int row) const { return m_cards[static_cast<std::size_t>(row)]; }
    /// Keeps previews that are known and the rows that stay, so that selection and scrolling survive a new plan.
    void setCards(std::vector<Card> cards);
    void setPreview(const engine::ChunkId& chunk, engine::DocumentId document, const QString& text);
    /// Moves a card to another row by hand.
    void moveCard(int from, int to);
    void togglePin(int row);
    /// Takes a card out for this question.
    void exclude(int row);
    /// Adds one by hand, at the end.
    void add(Card card);

signals:
    /// The person changed order or choice.
    void editedByHand();
    void pinsChanged();
    void excluded(const engine::ChunkId& chunk, const QString& place);

private:
    std::vector<Card> m_cards;
};

}  // namespace ui

Q_DECLARE_METATYPE(ui::Card)
