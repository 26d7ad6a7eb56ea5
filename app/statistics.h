// Medians, spreads and the summary of `eval`.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/command_line.h"
#include "engine/types.h"

namespace app {

/// Of an even count: the mean of the middle two. `values` must not be empty.
double medianOf(std::vector<double> values);
double meanOf(const std::vector<double>& values);

struct Spread {
    double median = 0;
    double min = 0;
    double max = 0;
};

/// `values` must not be empty.
Spread spreadOf(const std::vector<double>& values);

/// The figures of one case × strategy × ratio that a summary needs.
struct EvalFigures {
    std::string id;  // of the case
    bool correct = false;
    double ttftMs = 0;
    double chargedWork = 0;
    std::optional<double> meanKl;  // with a comparison
    std::optional<bool> top1Equal;
    std::optional<double> fullTtftMs;
};

/// One strategy × ratio over all cases. Empty where no case has the figure.
struct EvalSummary {
    engine::Strategy strategy = engine::Strategy::QueryValue;
    RatioOption ratio;
    int cases = 0;
    int failed = 0;                // not in any figure
    std::optional<double> meanKl;  // of the cases' means
    std::optional<double> medianKl;
    std::optional<double> top1Agreement;  // share of cases
    std::optional<double> correct;        // share of cases
    std::optional<double> meanTtftMs;
    std::optional<double> overFull;  // mean TTFT ÷ mean TTFT of full prefill, of the cases that have both
    std::optional<double> meanChargedWork;
};

EvalSummary summarise(engine::Strategy strategy, const RatioOption& ratio, const std::vector<EvalFigures>& rows, int failed);

}  // namespace app
