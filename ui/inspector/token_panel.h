// "Why this token": what a trace knows about the token under the cursor, in numbers and one sentence.
#pragma once

#include <QWidget>
#include <memory>

#include "engine/trace.h"
#include "ui/inspector/token_facts.h"

class QGridLayout;
class QLabel;
class QPushButton;
class QTableView;

namespace ui {

class CellGrid;
class InspectionCursor;
class LinePlot;
class NeighbourModel;
class Theme;

/// Follows the cursor. Numbers are those of TokenFacts, nothing is computed here.
class TokenPanel : public QWidget {
    Q_OBJECT

public:
    TokenPanel(Theme& theme, InspectionCursor& cursor, QWidget* parent = nullptr);

    void showTrace(std::shared_ptr<const engine::BlendTrace> trace);

signals:
    void segmentActivated(int segment);

protected:
    /// Under a style sheet Qt forgets fonts that were set before a widget moved into a dock.
    void showEvent(QShowEvent* event) override;

private:
    QLabel* addFact(const QString& name, const QString& words);
    void dress();
    void refresh();
    QTableView* makeTokenTable(const QString& name, const QString& accessible, NeighbourModel* model, QWidget* parent);
    void showFirst();
    void showFacts(const TokenFacts& facts);
    void showMeasured(const TokenFacts& facts);

    Theme& m_theme;
    InspectionCursor& m_cursor;
    std::shared_ptr<const engine::BlendTrace> m_trace;
    std::unique_ptr<TraceIndex> m_index;
    QLabel* m_hint;
    QLabel* m_firstTitle;
    QTableView* m_first;  // while no token is chosen: those ranked first
    NeighbourModel* m_firstModel;
    QWidget* m_scroll;
    QWidget* m_body;
    QLabel* m_token;
    QLabel* m_fate;
    QLabel* m_why;
    QPushButton* m_open;
    QGridLayout* m_grid;
    QLabel* m_position;
    QLabel* m_segment;
    QLabel* m_inSegment;
    QLabel* m_score;
    QLabel* m_rank;
    QLabel* m_threshold;
    QLabel* m_attention;
    LinePlot* m_k;
    LinePlot* m_v;
    CellGrid* m_attends;
    QLabel* m_neighboursTitle;
    QTableView* m_neighbours;
    NeighbourModel* m_model;
};

}  // namespace ui
