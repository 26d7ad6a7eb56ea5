// The figures of two runs and their difference, as a table.
#pragma once

#include "ui/compare/run_diff.h"
#include "ui/widgets/record_table.h"

namespace ui {

class FiguresModel : public RecordTable<FigureRow> {
    Q_OBJECT
public:
    explicit FiguresModel(QObject* parent = nullptr);
};

}  // namespace ui
