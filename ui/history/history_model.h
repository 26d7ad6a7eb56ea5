// Questions answered so far, newest first.
#pragma once

#include "engine/types.h"
#include "ui/widgets/record_table.h"

namespace ui {

class HistoryModel : public RecordTable<engine::AnswerRecord> {
    Q_OBJECT
public:
    enum Place { Asked, Question, Answer };

    explicit HistoryModel(QObject* parent = nullptr);
};

}  // namespace ui
