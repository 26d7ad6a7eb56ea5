// The passages of a collection under a search line: read, searched, taken into the question, exported.
#pragma once

#include <QTimer>
#include <QWidget>

#include "ui/collections/chunk_model.h"
#include "ui/engine_bridge.h"

class QLabel;
class QLineEdit;
class QTableView;

namespace ui {

class Theme;

class PassagePanel : public QWidget {
    Q_OBJECT
public:
    PassagePanel(Theme& theme, EngineBridge& bridge, QWidget* parent = nullptr);

    ChunkModel& chunks() { return m_chunks; }
    /// `count` = passages of the collection. What is searched for stays searched, in the new collection too.
    void showCollection(const QString& name, int count);
    /// Empty words show all.
    void searchFor(const QString& words);
    /// All passages shown or found, read from the engine, as CSV.
    void exportTo(const QString& path);

signals:
    void documentRequested(engine::DocumentId document, std::int64_t begin, std::int64_t end);
    void passageChosen(const engine::ChunkInfo& chunk);
    void failed(const QString& why);
    void exported(const QString& path);

private:
    void chooseFile();

    EngineBridge& m_bridge;
    ChunkModel m_chunks;
    QString m_collection;
    int m_count = 0;
    QTimer m_typing{this};
    QLineEdit* m_search;
    QLabel* m_state;
    QTableView* m_table;
};

}  // namespace ui
