// What the palette offers for the words typed: ">" actions, "@" documents, "#" passages, plain words all of them.
#pragma once

#include <QAbstractListModel>
#include <vector>

#include "ui/engine_bridge.h"
#include "ui/palette/action_registry.h"

namespace ui {

struct PaletteEntry {
    enum class Kind { Action, Document, Passage };
    Kind kind = Kind::Action;
    QString text;
    QString detail;             // group and shortcut, path, header
    QAction* action = nullptr;  // of kind Action
    engine::DocumentId document;
    std::int64_t begin = 0;
    std::int64_t end = 0;
};

class PaletteModel : public QAbstractListModel {
    Q_OBJECT
public:
    static constexpr int kDetailRole = Qt::UserRole + 1;
    static constexpr int kKindRole = Qt::UserRole + 2;

    PaletteModel(EngineBridge& bridge, const ActionRegistry& actions, QObject* parent = nullptr);

    int rowCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role) const override;
    const PaletteEntry& entry(int row) const { return m_shown[static_cast<std::size_t>(row)]; }

    /// Documents are those of this collection.
    void setCollection(const QString& collection);
    void setWords(const QString& words);

private:
    void filter();
    void searchPassages();

    EngineBridge& m_bridge;
    const ActionRegistry& m_actions;
    QString m_collection;
    QString m_words;
    std::vector<PaletteEntry> m_documents;
    std::vector<PaletteEntry> m_passages;
    std::vector<PaletteEntry> m_shown;
};

/// How well `words` fit `text`: 0 = not at all, greater = better. Every word must occur; word beginnings count more.
int matchScore(const QString& text, const QString& words);

}  // namespace ui
