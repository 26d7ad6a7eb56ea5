// Attention between chunks: reuse, blend, full and their difference side by side, and the heads to choose from.
#pragma once

#include <QWidget>
#include <memory>

#include "engine/trace.h"

class QComboBox;
class QLabel;
class QStackedWidget;
class QTableView;
class QToolButton;

namespace ui {

class AttentionModel;
class CellGrid;
class ElidedLabel;
class InspectionCursor;
class Theme;

/// Follows the cursor's layer and head, and moves them.
class AttentionPanel : public QWidget {
    Q_OBJECT

public:
    AttentionPanel(Theme& theme, InspectionCursor& cursor, QWidget* parent = nullptr);

    /// The trace must be measured; null empties the panel.
    void showTrace(std::shared_ptr<const engine::BlendTrace> trace);

private:
    void refresh();
    void refreshHeads();
    void choose(int head, int layer);

    Theme& m_theme;
    InspectionCursor& m_cursor;
    std::shared_ptr<const engine::BlendTrace> m_trace;
    QComboBox* m_run;
    QComboBox* m_layer;
    QComboBox* m_head;
    QComboBox* m_against;
    QToolButton* m_asTable;
    ElidedLabel* m_value;
    CellGrid* m_heads;
    CellGrid* m_blocks[4];  // reuse, blend, full, difference
    QStackedWidget* m_stack;
    QTableView* m_table;
    AttentionModel* m_model;
};

}  // namespace ui
