// Medians, spreads and the summary of `eval`.
#include "app/statistics.h"

#include <algorithm>
#include <cassert>
#include <numeric>

namespace app {

double medianOf(std::vector<double> values) {
    assert(!values.empty());
    std::sort(values.begin(), values.end());
    const std::size_t middle = values.size() / 2;
    return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

double meanOf(const std::vector<double>& values) {
    assert(!values.empty());
    return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

Spread spreadOf(const std::vector<double>& values) {
    const auto [least, greatest] = std::minmax_element(values.begin(), values.end());
    return {medianOf(values), *least, *greatest};
}

EvalSummary summarise(engine::Strategy strategy, const RatioOption& ratio, const std::vector<EvalFigures>& rows,
                      int failed) {
    EvalSummary summary;
    summary.strategy = strategy;
    summary.ratio = ratio;
    summary.cases = static_cast<int>(rows.size()) + failed;
    summary.failed = failed;
    if (rows.empty())
        return summary;
    std::vector<double> kl, top1, correct, ttft, comparedTtft, fullTtft, work;
    for (const EvalFigures& row : rows) {
        correct.push_back(row.correct ? 1 : 0);
        ttft.push_back(row.ttftMs);
        work.push_back(row.chargedWork);
        if (row.meanKl)
            kl.push_back(*row.meanKl);
        if (row.top1Equal)
            top1.push_back(*row.top1Equal ? 1 : 0);
        if (row.fullTtftMs) {
            comparedTtft.push_back(row.ttftMs);
            fullTtft.push_back(*row.fullTtftMs);
        }
    }
    summary.correct = meanOf(correct);
    summary.meanTtftMs = meanOf(ttft);
    summary.meanChargedWork = meanOf(work);
    if (!kl.empty()) {
        summary.meanKl = meanOf(kl);
        summary.medianKl = medianOf(kl);
    }
    if (!top1.empty())
        summary.top1Agreement = meanOf(top1);
    if (!fullTtft.empty() && meanOf(fullTtft) > 0)
        summary.overFull = meanOf(comparedTtft) / meanOf(fullTtft);
    return summary;
}

}  // namespace app
