// Questions answered so far.
#include "ui/history/history_model.h"

#include "ui/text.h"

namespace ui {

int HistoryModel::rowCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : static_cast<int>(m_answers.size());
}

int HistoryModel::columnCount(const QModelIndex& parent) const { return parent.isValid() ? 0 : ColumnCount; }

QVariant HistoryModel::data(const QModelIndex& index, int role) const {
    if (!index.isValid() || (role != Qt::DisplayRole && role != Qt::ToolTipRole))
        return {};
    const engine::AnswerRecord& answer = m_answers[static_cast<std::size_t>(index.row())];
    switch (index.column()) {
        case Asked:
            return text::moment(answer.askedAtMs);
        case Question:
            return text::fromUtf8(answer.question).simplified();
        case Answer:
            return text::fromUtf8(answer.answer).simplified();
        default:
            return {};
    }
}

QVariant HistoryModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal)
        return {};
    if (role == Qt::TextAlignmentRole)
        return QVariant(Qt::AlignLeft | Qt::AlignVCenter);
    if (role != Qt::DisplayRole)
        return {};
    switch (section) {
        case Asked:
            return tr("Asked");
        case Question:
            return tr("Question");
        case Answer:
            return tr("Answer");
        default:
            return {};
    }
}

void HistoryModel::setAnswers(std::vector<engine::AnswerRecord> answers) {
    beginResetModel();
    m_answers = std::move(answers);
    endResetModel();
}

}  // namespace ui
