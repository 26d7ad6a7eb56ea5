// What a trace tells of single tokens.
#include "engine/trace.h"

#include <algorithm>
#include <cmath>

namespace engine {

int BlendTrace::suffixBegin() const { return segments.empty() ? 0 : segments.back().position + segments.back().tokens(); }

int BlendTrace::segmentAt(int position) const {
    const auto after = std::upper_bound(segments.begin(), segments.end(), position,
                                        [](int at, const PlanSegment& segment) { return at < segment.position; });
    if (after == segments.begin() || position >= suffixBegin())
        return static_cast<int>(segments.size());
    return static_cast<int>(after - segments.begin()) - 1;
}

std::vector<TokenFate> tokenFates(const BlendTrace& trace) {
    std::vector<TokenFate> fates(trace.promptIds.size(), TokenFate::Fresh);
    const auto at = [&](int position) { return fates.begin() + position; };
    for (const PlanSegment& segment : trace.segments)
        if (isHit(segment.source))
            std::fill_n(at(segment.position), segment.tokens(), TokenFate::Reused);
    switch (trace.options.strategy) {
        case Strategy::Full:
        case Strategy::Prefix:
            // What was not taken over exactly was computed again, whatever the store held. A kept conversation is exact.
            std::replace(at(trace.tokens.reused), fates.end(), TokenFate::Reused, TokenFate::Recomputed);
            break;
        case Strategy::Reuse:
        case Strategy::CacheBlend:
        case Strategy::First:
        case Strategy::Query:
        case Strategy::QueryValue:
            for (const int position : trace.selection.positions)
                *at(position) = TokenFate::Recomputed;
            break;
    }
    return fates;
}

std::vector<int> scoreRanks(const BlendTrace& trace) {
    const std::vector<float>& score = trace.selection.score;
    std::vector<int> ranks(trace.promptIds.size(), 0);
    if (score.empty())
        return ranks;
    struct Candidate {
        int position;
        float score;
    };
    std::vector<Candidate> candidates;
    std::size_t context = 0;
    for (const PlanSegment& segment : trace.segments) {
        if (segment.kind != SegmentKind::Chunk)
            continue;
        for (int i = 0; i < segment.tokens(); ++i, ++context)
            if (isHit(segment.source) && i >= trace.options.first && context < score.size())
                candidates.push_back({segment.position + i, score[context]});
    }
    // As the selector orders them: greatest first, NaN before all, ties to the lower position.
    std::stable_sort(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) {
        return std::isnan(a.score) || std::isnan(b.score) ? std::isnan(a.score) && !std::isnan(b.score) : a.score > b.score;
    });
    for (std::size_t i = 0; i < candidates.size(); ++i)
        ranks[static_cast<std::size_t>(candidates[i].position)] = static_cast<int>(i) + 1;
    return ranks;
}

}  // namespace engine
