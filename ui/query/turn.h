// One question and its answer, as values: what the Ask view shows and the exports write.
#pragma once

#include <QByteArray>
#include <QString>
#include <QStringList>
#include <optional>
#include <vector>

#include "engine/trace.h"
#include "engine/types.h"
#include "ui/query/share_bar.h"

namespace ui {

struct TurnData {
    engine::BlendPlan plan;
    QString text;  // so far, or whole
    std::optional<engine::Answer> answer;
    QString failure;  // why there is no answer
};

/// The clock: retrieve … first token, which sum to the time to first token.
std::vector<Share> stageShares(const engine::Timings& timings);
/// reused + recomputed + new = prompt.
std::vector<Share> countShares(const engine::TokenCounts& tokens);
/// "First token after 120 ms · 17 tokens in 520 ms · 34.2 MiB loaded, 12 MiB of it from memory".
QString clockSentence(const engine::Answer& answer);
/// "865 reused + 147 recomputed + 18 new = 1,030 prompt tokens · 17.8 % of a full prefill's work".
QString countSentence(const engine::Answer& answer);
/// What the full prefill showed, in one line.
QString comparisonSentence(const engine::Comparison& comparison, double ttftMs);

/// Question, answer, numbered sources with page and character range, clock and counts.
QString answerMarkdown(const std::vector<TurnData>& turns);
/// The same as one HTML page without outside parts; every text is escaped.
QString answerHtml(const std::vector<TurnData>& turns);
/// An array of turns: question, answer and sources, with every figure under the name that `cacheblend ask --json` gives it.
QByteArray answerJson(const std::vector<TurnData>& turns);

enum class AnswerFormat { Markdown, Html, Json };
/// By the path's ending, else the one chosen.
AnswerFormat answerFormat(const QString& path, AnswerFormat chosen);
QByteArray exportedAnswers(const std::vector<TurnData>& turns, AnswerFormat format);

}  // namespace ui
