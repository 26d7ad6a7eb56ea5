// One question and its answer: figures in words, and the exports.
#include "ui/query/turn.h"

#include <QCoreApplication>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>

#include "engine/names.h"
#include "ui/text.h"

namespace ui {

namespace {

using namespace Qt::StringLiterals;

QString tr(const char* source) { return QCoreApplication::translate("ui::Turn", source); }

/// Characters that Markdown reads as marks, kept as themselves.
QString markdownText(const QString& plain) {
    QString result;
    for (const QChar character : plain) {
        if (u"\\`*_[]<>#|"_s.contains(character))
            result += u'\\';
        result += character;
    }
    return result;
}

QString sourceLine(const engine::PlanSegment& segment) {
    return tr("%1 (characters %2–%3, score %4, %5)")
        .arg(text::place(segment), text::count(segment.begin), text::count(segment.end), text::decimal(segment.score, 1),
             text::kvSource(segment.source));
}

std::vector<const engine::PlanSegment*> sources(const TurnData& turn) {
    std::vector<const engine::PlanSegment*> result;
    for (const engine::PlanSegment& segment : turn.plan.segments) {
        if (segment.kind == engine::SegmentKind::Chunk)
            result.push_back(&segment);
    }
    return result;
}

template <class Enum>
QString named(Enum value) {
    return text::fromUtf8(engine::nameOf(value));
}

QJsonArray chunkArray(const TurnData& turn) {
    QJsonArray array;
    for (const engine::PlanSegment* source : sources(turn))
        array.append(
            QJsonObject{{u"id"_s, text::fromUtf8(source->chunk.hex())},
                        {u"document"_s, text::fromUtf8(source->document)},
                        {u"path"_s, text::fromUtf8(source->path)},
                        {u"pages"_s, source->firstPage > 0 ? QJsonArray{source->firstPage, source->lastPage} : QJsonArray()},
                        {u"begin"_s, static_cast<qint64>(source->begin)},
                        {u"end"_s, static_cast<qint64>(source->end)},
                        {u"position"_s, source->position},
                        {u"tokens"_s, source->tokens()},
                        {u"source"_s, named(source->source)},
                        {u"score"_s, source->score}});
    return array;
}

void addFigures(QJsonObject& object, const engine::Answer& answer) {
    object[u"stop_reason"_s] = named(answer.stopReason);
    object[u"tokens"_s] = QJsonObject{{u"prompt"_s, answer.tokens.prompt},
                                      {u"reused"_s, answer.tokens.reused},
                                      {u"recomputed"_s, answer.tokens.recomputed},
                                      {u"new"_s, answer.tokens.fresh},
                                      {u"generated"_s, answer.tokens.generated}};
    const engine::Timings& ms = answer.ms;
    object[u"ms"_s] = QJsonObject{{u"retrieve"_s, ms.retrieve},
                                  {u"tokenize"_s, ms.tokenize},
                                  {u"plan"_s, ms.plan},
                                  {u"load"_s, ms.load},
                                  {u"rotate"_s, ms.rotate},
                                  {u"question_pass"_s, ms.questionPass},
                                  {u"layers_before_check"_s, ms.layersBeforeCheck},
                                  {u"check"_s, ms.check},
                                  {u"recompute"_s, ms.recompute},
                                  {u"first_token"_s, ms.firstToken},
                                  {u"ttft"_s, ms.ttft},
                                  {u"decode"_s, ms.decode},
                                  {u"total"_s, ms.total},
                                  {u"load_hidden"_s, ms.loadHidden}};
    object[u"bytes_loaded"_s] = static_cast<qint64>(answer.bytesLoaded);
    object[u"bytes_from_ram"_s] = static_cast<qint64>(answer.bytesFromRam);
    object[u"charged_work"_s] = answer.chargedWork;
    if (answer.comparison)
        object[u"compare"_s] = QJsonObject{{u"kl"_s, answer.comparison->meanKl},
                                           {u"top1_equal"_s, answer.comparison->top1Equal},
                                           {u"first_diverging_token"_s, answer.comparison->firstDivergingToken},
                                           {u"full_answer"_s, text::fromUtf8(answer.comparison->fullAnswer)},
                                           {u"full_ttft_ms"_s, answer.comparison->fullTtftMs}};
}

}  // namespace

std::vector<Share> stageShares(const engine::Timings& timings) {
    std::vector<Share> shares;
    const auto add = [&](const QString& name, double ms, Role role, double lightness) {
        if (ms > 0)
            shares.push_back({name, ms, text::milliseconds(ms), role, lightness});
    };
    add(tr("retrieve"), timings.retrieve, Role::QuietInk, 0.35);
    add(tr("tokenize"), timings.tokenize, Role::QuietInk, 0.55);
    add(tr("plan"), timings.plan, Role::QuietInk, 0.8);
    add(tr("load"), timings.load, Role::Load, 1);
    add(tr("rotate"), timings.rotate, Role::Load, 0.6);
    add(tr("layers before check"), timings.layersBeforeCheck, Role::Compute, 0.45);
    add(tr("question pass"), timings.questionPass, Role::Compute, 0.6);
    add(tr("check"), timings.check, Role::Compute, 0.75);
    add(tr("recompute"), timings.recompute, Role::Recomputed, 0.9);
    add(tr("first token"), timings.firstToken, Role::Fresh, 1);
    return shares;
}

std::vector<Share> countShares(const engine::TokenCounts& tokens) {
    return {{tr("reused"), static_cast<double>(tokens.reused), text::count(tokens.reused), Role::Reused, 1},
            {tr("recomputed"), static_cast<double>(tokens.recomputed), text::count(tokens.recomputed), Role::Recomputed, 1},
            {tr("new"), static_cast<double>(tokens.fresh), text::count(tokens.fresh), Role::Fresh, 1}};
}

QString clockSentence(const engine::Answer& answer) {
    // From disk or from memory: a cold and a warm run differ by it.
    const QString loaded =
        answer.bytesFromRam == 0 ? tr("%1 loaded").arg(text::bytes(answer.bytesLoaded))
        : answer.bytesFromRam >= answer.bytesLoaded
            ? tr("%1 loaded, all from memory").arg(text::bytes(answer.bytesLoaded))
            : tr("%1 loaded, %2 of it from memory").arg(text::bytes(answer.bytesLoaded), text::bytes(answer.bytesFromRam));
    return tr("First token after %1 · %2 tokens in %3 · %4")
        .arg(text::milliseconds(answer.ms.ttft), text::count(answer.tokens.generated), text::milliseconds(answer.ms.total),
             loaded);
}

QString countSentence(const engine::Answer& answer) {
    return tr("%1 prompt tokens · %2 of a full prefill’s work")
        .arg(text::count(answer.tokens.prompt), text::percent(answer.chargedWork));
}

QString comparisonSentence(const engine::Comparison& comparison, double ttftMs) {
    QStringList parts;
    parts << tr("mean KL %1 nats").arg(text::decimal(comparison.meanKl, 4));
    parts << (comparison.top1Equal ? tr("same first token") : tr("another first token"));
    parts << (comparison.firstDivergingToken < 0
                  ? tr("the answers agree")
                  : tr("the answers part at token %1").arg(comparison.firstDivergingToken + 1));
    if (ttftMs > 0 && comparison.fullTtftMs > 0)
        parts << tr("full prefill %1, %2 times as long")
                     .arg(text::milliseconds(comparison.fullTtftMs), text::decimal(comparison.fullTtftMs / ttftMs, 1));
    return parts.join(u" · "_s);
}

QString answerMarkdown(const std::vector<TurnData>& turns) {
    QString out;
    for (const TurnData& turn : turns) {
        out += u"## "_s + markdownText(text::fromUtf8(turn.plan.question).simplified()) + u"\n\n"_s;
        out += markdownText(turn.answer ? text::fromUtf8(turn.answer->text) : turn.text).trimmed() + u"\n\n"_s;
        int number = 0;
        for (const engine::PlanSegment* source : sources(turn))
            out += QString::number(++number) + u". "_s + markdownText(sourceLine(*source)) + u'\n';
        if (number > 0)
            out += u'\n';
        if (turn.answer) {
            out += u"*"_s + markdownText(text::strategyName(turn.plan.options.strategy)) + u", "_s +
                   text::percent(turn.plan.options.ratio) + u": "_s + clockSentence(*turn.answer) + u"; "_s +
                   countSentence(*turn.answer) + u".*\n"_s;
            if (turn.answer->comparison)
                out += u"\n*"_s + tr("Against full prefill: ") +
                       comparisonSentence(*turn.answer->comparison, turn.answer->ms.ttft) + u".*\n"_s;
        }
        out += u'\n';
    }
    return out;
}

QString answerHtml(const std::vector<TurnData>& turns) {
    QString out =
        u"<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"><title>"_s + tr("Answers").toHtmlEscaped() +
        u"</title><style>body{font:17px/1.45 serif;max-width:42em;margin:3em auto;padding:0 1em}small{color:#65625c}"
        u"p.answer{white-space:pre-wrap}</style></head><body>\n"_s;
    for (const TurnData& turn : turns) {
        out += u"<h2>"_s + text::fromUtf8(turn.plan.question).toHtmlEscaped() + u"</h2>\n<p class=\"answer\">"_s +
               (turn.answer ? text::fromUtf8(turn.answer->text) : turn.text).trimmed().toHtmlEscaped() + u"</p>\n<ol>\n"_s;
        for (const engine::PlanSegment* source : sources(turn))
            out += u"<li>"_s + sourceLine(*source).toHtmlEscaped() + u"</li>\n"_s;
        out += u"</ol>\n"_s;
        if (turn.answer)
            out += u"<p><small>"_s +
                   QString(clockSentence(*turn.answer) + u". "_s + countSentence(*turn.answer)).toHtmlEscaped() +
                   u".</small></p>\n"_s;
    }
    return out + u"</body></html>\n"_s;
}

QByteArray answerJson(const std::vector<TurnData>& turns) {
    QJsonArray array;
    for (const TurnData& turn : turns) {
        QJsonObject object{{u"question"_s, text::fromUtf8(turn.plan.question)},
                           {u"answer"_s, turn.answer ? text::fromUtf8(turn.answer->text) : turn.text},
                           {u"collection"_s, text::fromUtf8(turn.plan.collection)},
                           {u"strategy"_s, named(turn.plan.options.strategy)},
                           {u"ratio"_s, turn.plan.options.ratio},
                           {u"chunks"_s, chunkArray(turn)}};
        if (turn.answer)
            addFigures(object, *turn.answer);
        array.append(object);
    }
    return QJsonDocument(array).toJson();
}

AnswerFormat answerFormat(const QString& path, AnswerFormat chosen) {
    const QString ending = path.section(u'.', -1).toLower();
    return ending == u"md"_s || ending == u"markdown"_s ? AnswerFormat::Markdown
           : ending == u"html"_s || ending == u"htm"_s  ? AnswerFormat::Html
           : ending == u"json"_s                        ? AnswerFormat::Json
                                                        : chosen;
}

QByteArray exportedAnswers(const std::vector<TurnData>& turns, AnswerFormat format) {
    switch (format) {
        case AnswerFormat::Markdown:
            return answerMarkdown(turns).toUtf8();
        case AnswerFormat::Html:
            return answerHtml(turns).toUtf8();
        case AnswerFormat::Json:
            return answerJson(turns);
    }
    return {};
}

}  // namespace ui
