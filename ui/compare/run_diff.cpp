// Matches B's tokens to A's by segment, then subtracts.
#include "ui/compare/run_diff.h"

#include <QCoreApplication>
#include <algorithm>
#include <cmath>
#include <limits>

#include "ui/inspector/stages.h"
#include "ui/widgets/table_export.h"

namespace ui {

namespace {

using namespace Qt::StringLiterals;

constexpr float kNoValue = std::numeric_limits<float>::quiet_NaN();

QString translated(const char* text) { return QCoreApplication::translate("ui::RunDiff", text); }

std::size_t index(int value) { return static_cast<std::size_t>(value); }

engine::TokenIds suffixOf(const engine::BlendTrace& trace) {
    return {trace.promptIds.begin() + trace.suffixBegin(), trace.promptIds.end()};
}

bool rankAlike(const engine::BlendTrace& a, const engine::BlendTrace& b) {
    return a.options.strategy == b.options.strategy && a.options.metric == b.options.metric &&
           a.options.checkLayer == b.options.checkLayer && a.model == b.model;
}

FateChange changeOf(engine::TokenFate a, engine::TokenFate b) {
    if (a == b) {
        return FateChange::Same;
    }
    return b == engine::TokenFate::Recomputed   ? FateChange::RecomputedInB
           : a == engine::TokenFate::Recomputed ? FateChange::RecomputedInA
                                                : FateChange::Other;
}

bool allZero(const std::vector<float>& values) {
    return std::ranges::all_of(values, [](float value) { return std::isnan(value) || value == 0; });
}

QByteArray field(float value) {
    return std::isnan(value) ? QByteArray() : QByteArray::number(static_cast<double>(value), 'g', 9);
}

const char* changeName(FateChange change) {
    switch (change) {
        case FateChange::Same:
            return "same";
        case FateChange::OnlyB:
            return "only in b";
        case FateChange::RecomputedInB:
            return "recomputed in b only";
        case FateChange::RecomputedInA:
            return "recomputed in a only";
        case FateChange::Other:
            break;
    }
    return "other";
}

/// As in the engine's tables.
const char* fateName(engine::TokenFate fate) {
    return fate == engine::TokenFate::Reused ? "reused" : fate == engine::TokenFate::Recomputed ? "recomputed" : "new";
}

}  // namespace

RunDiff::RunDiff(std::shared_ptr<const engine::BlendTrace> a, std::shared_ptr<const engine::BlendTrace> b)
    : m_a(std::move(a)),
      m_b(std::move(b)),
      m_samePrompt(m_a->promptIds == m_b->promptIds),
      m_fatesA(engine::tokenFates(*m_a)),
      m_fatesB(engine::tokenFates(*m_b)),
      m_scoresA(scoresByPosition(*m_a)),
      m_scoresB(scoresByPosition(*m_b)) {
    match();
    compareTokens();
    compareFigures();
}

void RunDiff::match() {
    m_counterparts.assign(m_b->promptIds.size(), -1);
    int matched = 0;
    const auto pair = [&](int positionB, int positionA, int count) {
        for (int i = 0; i < count; ++i) {
            m_counterparts[index(positionB + i)] = positionA + i;
        }
        matched += count;
    };
    std::vector<char> taken(m_a->segments.size(), 0);
    for (const engine::PlanSegment& segment : m_b->segments) {
        for (std::size_t i = 0; i < m_a->segments.size(); ++i) {
            if (taken[i] == 0 && m_a->segments[i].ids == segment.ids) {
                taken[i] = 1;
                pair(segment.position, m_a->segments[i].position, segment.tokens());
                break;
            }
        }
    }
    if (suffixOf(*m_a) == suffixOf(*m_b)) {
        pair(m_b->suffixBegin(), m_a->suffixBegin(), m_b->promptTokens() - m_b->suffixBegin());
    }
    m_tokensOnlyInA = m_a->promptTokens() - matched;
}

void RunDiff::compareTokens() {
    const bool scored = rankAlike(*m_a, *m_b) && !m_scoresA.empty() && !m_scoresB.empty();
    for (std::size_t position = 0; position < m_counterparts.size(); ++position) {
        const int other = m_counterparts[position];
        m_fateChanges.push_back(other < 0 ? FateChange::OnlyB : changeOf(m_fatesA[index(other)], m_fatesB[position]));
        if (scored) {
            m_scoreDifference.push_back(other < 0 ? kNoValue : m_scoresB[position] - m_scoresA[index(other)]);
        }
    }
}

void RunDiff::compareFigures() {
    const auto add = [&](const QString& name, double a, double b, int decimals, const QString& unit, bool known = true) {
        m_figures.push_back({name, a, b, decimals, unit, known});
    };
    add(translated("time to first token"), m_a->ms.ttft, m_b->ms.ttft, 1, u"ms"_s);
    const std::vector<Stage> stagesA = stagesOf(m_a->ms);
    const std::vector<Stage> stagesB = stagesOf(m_b->ms);
    for (std::size_t i = 0; i < stagesA.size(); ++i) {
        if (stagesA[i].ms > 0 || stagesB[i].ms > 0) {
            add(u"   "_s + stagesA[i].name, stagesA[i].ms, stagesB[i].ms, 2, u"ms"_s);
        }
    }
    add(translated("load behind computing"), m_a->ms.loadHidden, m_b->ms.loadHidden, 1, u"ms"_s);
    add(translated("decode"), m_a->ms.decode, m_b->ms.decode, 0, u"ms"_s);
    add(translated("prompt"), m_a->tokens.prompt, m_b->tokens.prompt, 0, translated("tokens"));
    add(translated("reused"), m_a->tokens.reused, m_b->tokens.reused, 0, translated("tokens"));
    add(translated("recomputed"), m_a->tokens.recomputed, m_b->tokens.recomputed, 0, translated("tokens"));
    add(translated("new"), m_a->tokens.fresh, m_b->tokens.fresh, 0, translated("tokens"));
    add(translated("answer"), m_a->tokens.generated, m_b->tokens.generated, 0, translated("tokens"));
    constexpr double kMebibyte = 1024.0 * 1024.0;
    add(translated("KV loaded"), static_cast<double>(m_a->bytesLoaded) / kMebibyte,
        static_cast<double>(m_b->bytesLoaded) / kMebibyte, 1, u"MiB"_s);
    add(translated("work of a full prefill"), m_a->chargedWork * 100, m_b->chargedWork * 100, 1, u"%"_s);
    const bool compared = m_a->comparison && m_b->comparison;
    add(translated("mean KL from full"), m_a->comparison ? m_a->comparison->meanKl : 0,
        m_b->comparison ? m_b->comparison->meanKl : 0, 4, translated("nats"), compared);
    add(translated("full prefill's TTFT"), m_a->comparison ? m_a->comparison->fullTtftMs : 0,
        m_b->comparison ? m_b->comparison->fullTtftMs : 0, 0, u"ms"_s, compared);
}

std::vector<float> RunDiff::deviationDifference(TextColoring coloring) const {
    std::vector<float> result;
    if (!measured()) {
        return result;
    }
    const std::vector<float>& inA = *deviationOf(*m_a, DeviatingRun::Blend, coloring);
    const std::vector<float>& inB = *deviationOf(*m_b, DeviatingRun::Blend, coloring);
    const std::size_t tokensA = m_a->promptIds.size();
    const std::size_t tokensB = m_b->promptIds.size();
    result.reserve(inB.size());
    for (std::size_t layer = 0; layer < index(m_b->layerCount); ++layer) {
        for (std::size_t position = 0; position < tokensB; ++position) {
            const int other = m_counterparts[position];
            result.push_back(other < 0 ? kNoValue : inB[layer * tokensB + position] - inA[layer * tokensA + index(other)]);
        }
    }
    return result;
}

int RunDiff::firstDivergingToken() const {
    const auto [one, other] = std::ranges::mismatch(m_a->answerIds, m_b->answerIds);
    return one == m_a->answerIds.end() && other == m_b->answerIds.end() ? -1
                                                                        : static_cast<int>(one - m_a->answerIds.begin());
}

bool RunDiff::empty() const {
    return m_samePrompt && m_tokensOnlyInA == 0 && sameAnswer() &&
           std::ranges::all_of(m_fateChanges, [](FateChange change) { return change == FateChange::Same; }) &&
           allZero(m_scoreDifference) && allZero(deviationDifference(TextColoring::KDeviation)) &&
           allZero(deviationDifference(TextColoring::VDeviation)) &&
           std::ranges::all_of(m_figures, [](const FigureRow& row) { return row.a == row.b; });
}

QByteArray RunDiff::tokensCsv() const {
    QByteArray csv = "position,counterpart,segment,text,fate_a,fate_b,change,score_a,score_b\r\n";
    for (std::size_t position = 0; position < m_counterparts.size(); ++position) {
        const int other = m_counterparts[position];
        const float scoreA = other < 0 || m_scoresA.empty() ? kNoValue : m_scoresA[index(other)];
        const float scoreB = m_scoresB.empty() ? kNoValue : m_scoresB[position];
        const QByteArray fateA = other < 0 ? QByteArray() : QByteArray(fateName(m_fatesA[index(other)]));
        csv += QByteArray::number(static_cast<qulonglong>(position)) + ',' +
               (other < 0 ? QByteArray() : QByteArray::number(other)) + ',' +
               QByteArray::number(m_b->segmentAt(static_cast<int>(position))) + ',' +
               csvField(visiblePiece(m_b->pieces[position])).toUtf8() + ',' + fateA + ',' + fateName(m_fatesB[position]) +
               ',' + changeName(m_fateChanges[position]) + ',' + field(scoreA) + ',' + field(scoreB) + "\r\n";
    }
    return csv;
}

QByteArray RunDiff::deviationCsv() const {
    QByteArray csv = "layer,position,counterpart,k_a,k_b,v_a,v_b\r\n";
    if (!measured()) {
        return csv;
    }
    const engine::KvDeviation& inA = m_a->deviation->blend.kv;
    const engine::KvDeviation& inB = m_b->deviation->blend.kv;
    for (int layer = 0; layer < inB.layers; ++layer) {
        for (int position = 0; position < inB.tokens; ++position) {
            const int other = m_counterparts[index(position)];
            if (other >= 0) {
                const std::size_t atA = index(layer) * index(inA.tokens) + index(other);
                const std::size_t atB = index(layer) * index(inB.tokens) + index(position);
                csv += QByteArray::number(layer) + ',' + QByteArray::number(position) + ',' + QByteArray::number(other) +
                       ',' + field(inA.k[atA]) + ',' + field(inB.k[atB]) + ',' + field(inA.v[atA]) + ',' +
                       field(inB.v[atB]) + "\r\n";
            }
        }
    }
    return csv;
}

TextShading differenceShading(const std::shared_ptr<const RunDiff>& diff, TextColoring coloring, int layer) {
    TextShading shading;
    int counts[5] = {};
    for (const FateChange change : diff->fateChanges()) {
        ++counts[static_cast<int>(change)];
        shading.marks.push_back(change == FateChange::RecomputedInB   ? TokenMark::Solid
                                : change == FateChange::RecomputedInA ? TokenMark::Dashed
                                : change == FateChange::Same          ? TokenMark::None
                                                                      : TokenMark::Dotted);
    }
    shading.meanings = {
        {TokenMark::None, Role::Reused, Role::Paper, translated("same in A and B"), counts[0]},
        {TokenMark::Solid, Role::Recomputed, Role::RecomputedTint, translated("recomputed in B only"), counts[2]},
        {TokenMark::Dashed, Role::Accent, Role::AccentTint, translated("recomputed in A only"), counts[3]},
        {TokenMark::Dotted, Role::Fresh, Role::FreshTint, translated("other, or only in B"), counts[1] + counts[4]}};
    shading.csv = [diff] { return diff->tokensCsv(); };
    if (coloring == TextColoring::Fate) {
        return shading;
    }
    shading.ground = Ground::Diverging;
    if (coloring == TextColoring::Score) {
        shading.values = diff->scoreDifference();
        shading.quantity = translated("score, B − A");
    } else {
        shading.csv = [diff] { return diff->deviationCsv(); };
        if (const std::vector<float> matrix = diff->deviationDifference(coloring); !matrix.empty()) {
            shading.values = layerRow(matrix, diff->b().layerCount, diff->b().promptTokens(), layer);
        }
        const QString what =
            coloring == TextColoring::KDeviation ? translated("K deviation, B − A") : translated("V deviation, B − A");
        shading.quantity =
            layer >= 0 ? translated("%1, layer %2").arg(what).arg(layer) : translated("%1, mean of layers").arg(what);
    }
    std::vector<float> sizes = shading.values;
    for (float& size : sizes) {
        size = std::abs(size);
    }
    shading.high = quantile(sizes, 0.99);
    if (shading.high <= 0) {
        shading.high = 1;
    }
    return shading;
}

}  // namespace ui
