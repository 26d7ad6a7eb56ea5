// Questions answered so far.
#include "ui/history/history_model.h"

#include "ui/text.h"

namespace ui {

HistoryModel::HistoryModel(QObject* parent)
    : RecordTable(
          {{tr("Asked"), [](const engine::AnswerRecord& answer) { return text::moment(answer.askedAtMs); }},
           {tr("Question"), [](const engine::AnswerRecord& answer) { return text::fromUtf8(answer.question).simplified(); }},
           {tr("Answer"), [](const engine::AnswerRecord& answer) { return text::fromUtf8(answer.answer).simplified(); }}},
          parent) {}

}  // namespace ui
