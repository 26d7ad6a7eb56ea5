// Two runs held against each other, token by token and figure by figure.
#pragma once

#include <QString>
#include <memory>
#include <vector>

#include "engine/trace.h"
#include "ui/inspector/text_shading.h"

namespace ui {

/// A figure of both runs; B − A is the difference.
struct FigureRow {
    QString name;
    double a = 0;
    double b = 0;
    int decimals = 0;
    QString unit;
    bool known = true;  // in both runs
};

/// What became of a token in B that was otherwise in A.
enum class FateChange : std::uint8_t { Same, OnlyB, RecomputedInB, RecomputedInA, Other };

/// Constant after construction. Positions are B's; a token of B has a counterpart in A where a segment with the same tokens stands in
/// both prompts, wherever it stands, and in the question when that is the same.
class RunDiff {
public:
    RunDiff(std::shared_ptr<const engine::BlendTrace> a, std::shared_ptr<const engine::BlendTrace> b);

    const engine::BlendTrace& a() const { return *m_a; }
    const engine::BlendTrace& b() const { return *m_b; }
    bool samePrompt() const { return m_samePrompt; }
    /// [T of B]: position in A, −1 = none.
    const std::vector<int>& counterparts() const { return m_counterparts; }
    int tokensOnlyInA() const { return m_tokensOnlyInA; }
    /// [T of B]
    const std::vector<FateChange>& fateChanges() const { return m_fateChanges; }
    /// [T of B], NaN = not in both; empty when the runs rank by different things.
    const std::vector<float>& scoreDifference() const { return m_scoreDifference; }
    bool measured() const { return m_a->deviation && m_b->deviation && m_a->layerCount == m_b->layerCount; }
    /// [L × T of B]: deviation of B's blend − deviation of A's; NaN = not in both. Empty unless both are measured.
    std::vector<float> deviationDifference(TextColoring coloring) const;
    const std::vector<FigureRow>& figures() const { return m_figures; }
    bool sameAnswer() const { return m_a->answer == m_b->answer && m_a->answerIds == m_b->answerIds; }
    /// First answer token that differs; −1 = none.
    int firstDivergingToken() const;
    /// Nothing differs: no token, no figure, no word.
    bool empty() const;

    /// position,counterpart,segment,text,fate_a,fate_b,change,score_a,score_b
    QByteArray tokensCsv() const;
    /// layer,position,counterpart,k_a,k_b,v_a,v_b
    QByteArray deviationCsv() const;

private:
    void match();
    void compareTokens();
    void compareFigures();

    std::shared_ptr<const engine::BlendTrace> m_a;
    std::shared_ptr<const engine::BlendTrace> m_b;
    bool m_samePrompt = false;
    std::vector<int> m_counterparts;
    int m_tokensOnlyInA = 0;
    std::vector<engine::TokenFate> m_fatesA;
    std::vector<engine::TokenFate> m_fatesB;
    std::vector<float> m_scoresA;
    std::vector<float> m_scoresB;
    std::vector<FateChange> m_fateChanges;
    std::vector<float> m_scoreDifference;
    std::vector<FigureRow> m_figures;
};

/// Colours and marks of B's text: what is different from A.
TextShading differenceShading(const std::shared_ptr<const RunDiff>& diff, TextColoring coloring, int layer);

}  // namespace ui
