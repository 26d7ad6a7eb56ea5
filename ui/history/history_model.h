// Questions answered so far, newest first.
#pragma once

#include <QAbstractTableModel>
#include <vector>

#include "engine/types.h"

namespace ui {

class HistoryModel : public QAbstractTableModel {
    Q_OBJECT
public:
    enum Column { Asked, Question, Answer, ColumnCount };

    explicit HistoryModel(QObject* parent = nullptr) : QAbstractTableModel(parent) {}

    int rowCount(const QModelIndex& parent = {}) const override;
    int columnCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role) const override;
    QVariant headerData(int section, Qt::Orientation orientation, int role) const override;
    void setAnswers(std::vector<engine::AnswerRecord> answers);
    const engine::AnswerRecord& answer(int row) const { return m_answers[static_cast<std::size_t>(row)]; }

private:
    std::vector<engine::AnswerRecord> m_answers;
};

}  // namespace ui
