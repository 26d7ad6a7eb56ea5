// Words and units of a trace.
#include "ui/inspector/trace_words.h"

#include <QCoreApplication>
#include <QLocale>
#include <algorithm>
#include <cmath>

namespace ui {

namespace {

using namespace Qt::StringLiterals;

QString translated(const char* text) { return QCoreApplication::translate("ui::TraceWords", text); }

std::size_t index(int value) { return static_cast<std::size_t>(value); }

QString number(int value) { return QLocale().toString(value); }

}  // namespace

QString pagesText(const engine::PlanSegment& segment) {
    if (segment.firstPage <= 0) {
        return {};
    }
    return segment.lastPage > segment.firstPage ? u"%1–%2"_s.arg(segment.firstPage).arg(segment.lastPage)
                                                : QString::number(segment.firstPage);
}

int chunkNumber(const engine::BlendTrace& trace, int segment) {
    if (index(segment) >= trace.segments.size() || trace.segments[index(segment)].kind != engine::SegmentKind::Chunk) {
        return 0;
    }
    return static_cast<int>(std::count_if(trace.segments.begin(), trace.segments.begin() + segment + 1,
                                          [](const auto& one) { return one.kind == engine::SegmentKind::Chunk; }));
}

QString segmentTitle(const engine::BlendTrace& trace, int segment) {
    if (index(segment) >= trace.segments.size()) {
        return translated("Question");
    }
    const engine::PlanSegment& part = trace.segments[index(segment)];
    if (part.kind == engine::SegmentKind::Head) {
        return translated("Fixed head of the prompt");
    }
    if (part.kind == engine::SegmentKind::Kept) {
        return translated("Earlier turns of the conversation");
    }
    QString title = part.document.empty() ? translated("Given text") : QString::fromStdString(part.document);
    if (const QString pages = pagesText(part); !pages.isEmpty()) {
        title += u" · "_s + translated("p. %1").arg(pages);
    }
    return title;
}

QStringList segmentLabels(const engine::BlendTrace& trace) {
    QStringList labels;
    for (int segment = 0; index(segment) < trace.segments.size(); ++segment) {
        const int chunk = chunkNumber(trace, segment);
        const bool kept = trace.segments[index(segment)].kind == engine::SegmentKind::Kept;
        labels += chunk > 0 ? QString::number(chunk) : kept ? translated("earlier") : translated("head");
    }
    labels += translated("question");
    return labels;
}

std::vector<SegmentCaption> segmentCaptions(const engine::BlendTrace& trace) {
    const std::vector<engine::TokenFate> fates = engine::tokenFates(trace);
    std::vector<SegmentCaption> captions;
    for (int segment = 0; segment <= static_cast<int>(trace.segments.size()); ++segment) {
        SegmentCaption caption;
        const int chunk = chunkNumber(trace, segment);
        caption.label = chunk > 0 ? QString::number(chunk) : QString();
        caption.title = segmentTitle(trace, segment);
        const bool isSuffix = index(segment) == trace.segments.size();
        const int begin = isSuffix ? trace.suffixBegin() : trace.segments[index(segment)].position;
        const int count = isSuffix ? trace.promptTokens() - begin : trace.segments[index(segment)].tokens();
        const auto again = static_cast<int>(
            std::count(fates.begin() + begin, fates.begin() + begin + count, engine::TokenFate::Recomputed));
        if (isSuffix) {
            caption.detail = translated("%1 tokens, new").arg(number(count));
        } else {
            const engine::PlanSegment& part = trace.segments[index(segment)];
            caption.detail = part.source == engine::KvSource::Damaged
                                 ? translated("damaged in the store; %1 tokens computed in place").arg(number(count))
                             : part.source == engine::KvSource::Miss
                                 ? translated("not in the store; %1 tokens computed in place").arg(number(count))
                             : part.source == engine::KvSource::Slow
                                 ? translated("loading would take longer; %1 tokens computed in place").arg(number(count))
                                 : translated("%1 of %2 tokens recomputed").arg(number(again), number(count));
            caption.headerCharacters = static_cast<int>(QString::fromStdString(part.header).size());
        }
        captions.push_back(caption);
    }
    return captions;
}

QString strategyText(const engine::BlendOptions& options) {
    const QString percent = QLocale().toString(options.ratio * 100, 'g', 3) + u" %"_s;
    switch (options.strategy) {
        case engine::Strategy::Full:
            return u"full"_s;
        case engine::Strategy::Prefix:
            return u"prefix"_s;
        case engine::Strategy::Reuse:
            return u"reuse"_s;
        case engine::Strategy::CacheBlend:
            return u"cacheblend "_s + percent;
        case engine::Strategy::First:
            return options.first > 0 ? u"first %1"_s.arg(options.first) : u"first "_s + percent;
        case engine::Strategy::Query:
            return u"query "_s + percent;
        case engine::Strategy::QueryValue:
            break;
    }
    return u"query-value "_s + percent;
}

QString fateText(engine::TokenFate fate) {
    return fate == engine::TokenFate::Reused       ? translated("reused")
           : fate == engine::TokenFate::Recomputed ? translated("recomputed")
                                                   : translated("new");
}

QString countsText(const engine::TokenCounts& counts) {
    return translated("reused %1 · recomputed %2 · new %3 of %4 tokens")
        .arg(number(counts.reused), number(counts.recomputed), number(counts.fresh), number(counts.prompt));
}

bool canMeasure(const engine::BlendTrace& trace) {
    return std::ranges::none_of(trace.segments,
                                [](const auto& segment) { return segment.kind == engine::SegmentKind::Kept; });
}

int measureSeconds(const engine::BlendTrace& trace) {
    const double full = trace.comparison ? trace.comparison->fullTtftMs : trace.ms.ttft / std::max(0.05, trace.chargedWork);
    return std::max(1, static_cast<int>(std::ceil(4 * full / 1000)));
}

}  // namespace ui
