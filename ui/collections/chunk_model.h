// The passages of a collection, read page by page as they come into sight; or those that match a search, best first.
#pragma once

#include <QAbstractTableModel>
#include <QCache>
#include <QSet>
#include <vector>

#include "ui/engine_bridge.h"

namespace ui {

/// A hundred thousand rows cost nothing until they are looked at: pages of kPageRows are asked for when a row is painted and the
/// oldest are forgotten.
class ChunkModel : public QAbstractTableModel {
    Q_OBJECT
public:
    static constexpr int kPageRows = 128;
    static constexpr int kPagesKept = 64;
    enum Column { Place, Text, Tokens, Kv, Score, ColumnCount };

    explicit ChunkModel(EngineBridge& bridge, QObject* parent = nullptr);

    int rowCount(const QModelIndex& parent = {}) const override;
    int columnCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role) const override;
    QVariant headerData(int section, Qt::Orientation orientation, int role) const override;
    bool canFetchMore(const QModelIndex& parent) const override;
    void fetchMore(const QModelIndex& parent) override;

    /// `count` = passages of the collection.
    void showAll(const QString& collection, int count);
    void search(const QString& collection, const QString& words);
    const QString& words() const { return m_words; }
    bool isSearching() const { return m_searching; }
    /// Null until its page has come.
    const engine::ChunkInfo* chunk(int row) const;
    /// Forgets what was read, e.g. when KV has been computed meanwhile.
    void refresh();

signals:
    void searchFinished(int found, const QString& failure);

private:
    using Page = std::vector<engine::ChunkInfo>;
    void requestPage(int page) const;
    void takePage(int page, Page chunks);

    EngineBridge& m_bridge;
    QString m_collection;
    QString m_words;  // empty = all
    int m_rows = 0;
    bool m_searching = false;
    bool m_moreFound = false;           // the last page of a search was full
    mutable QCache<int, Page> m_pages;  // of all passages
    mutable QSet<int> m_requested;
    Page m_found;  // of a search
    int m_generation = 0;
};

/// RFC 4180 with a header line: document, pages, begin, end, tokens, kv, score, text.
QByteArray passagesCsv(const std::vector<engine::ChunkInfo>& chunks);

}  // namespace ui
