// How the attention between chunks differs between two runs of the same chunks.
#pragma once

#include <QWidget>
#include <memory>

#include "ui/compare/run_diff.h"

class QLabel;

namespace ui {

class CellGrid;
class InspectionCursor;
class Theme;

/// At the cursor's layer and head.
class AttentionDiff : public QWidget {
    Q_OBJECT

public:
    AttentionDiff(Theme& theme, InspectionCursor& cursor, QWidget* parent = nullptr);

    void showDiff(std::shared_ptr<const RunDiff> diff);
    /// Both runs are measured and have as many chunks.
    static bool canShow(const RunDiff& diff);

private:
    void refresh();

    InspectionCursor& m_cursor;
    std::shared_ptr<const RunDiff> m_diff;
    QLabel* m_where;
    CellGrid* m_grids[3];  // A, B, B − A
};

}  // namespace ui
