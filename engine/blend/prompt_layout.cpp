// PromptLayout: walks a plan's segments once.
#include "engine/blend/prompt_layout.h"

#include <algorithm>
#include <cassert>

namespace engine {

PromptLayout::PromptLayout(const BlendPlan& plan) {
    if (plan.keptTokens > 0) {
        assert(plan.segments.empty());
        ids.assign(static_cast<std::size_t>(plan.keptTokens), kKeptId);
    }
    for (const PlanSegment& segment : plan.segments)
        ids.insert(ids.end(), segment.ids.begin(), segment.ids.end());
    suffixBegin = static_cast<int>(ids.size());
    ids.insert(ids.end(), plan.suffix.begin(), plan.suffix.end());
    promptTokens = static_cast<int>(ids.size());
    cached.assign(ids.size(), 0);
    forced.assign(ids.size(), 0);
    contextBegin = suffixBegin;
    std::fill_n(cached.begin(), plan.keptTokens, std::uint8_t{1});

    for (std::size_t i = 0; i < plan.segments.size(); ++i) {
        const PlanSegment& segment = plan.segments[i];
        const auto begin = static_cast<std::ptrdiff_t>(segment.position);
        const auto end = begin + segment.tokens();
        const bool hit = isHit(segment.source) && segment.extent.has_value();
        const bool head = segment.kind == SegmentKind::Head;
        if (hit)
            hits.push_back({static_cast<int>(i), segment.position, segment.tokens(), head});
        std::fill(cached.begin() + begin, cached.begin() + end, static_cast<std::uint8_t>(hit));
        std::fill(forced.begin() + begin, forced.begin() + end, static_cast<std::uint8_t>(!hit));
        if (head)
            continue;
        contextBegin = std::min(contextBegin, segment.position);
        contextTokens += segment.tokens();
        std::fill(forced.begin() + begin, forced.begin() + begin + std::min(plan.options.first, segment.tokens()),
                  std::uint8_t{1});
        for (int offset = 0; offset < segment.tokens(); ++offset)
            offsetInChunk.push_back(offset);
    }
    std::fill(forced.begin() + suffixBegin, forced.end(), std::uint8_t{1});
}

int PromptLayout::reusedHeadTokens() const { return !hits.empty() && hits.front().head ? hits.front().tokens : 0; }

int PromptLayout::exactPrefix(const BlendPlan& plan) const {
    int length = 0;
    for (const Hit& hit : hits) {
        if (hit.begin != length || !plan.segments[static_cast<std::size_t>(hit.segment)].prefixExact)
            break;
        length += hit.tokens;
    }
    return length;
}

std::vector<int> PromptLayout::forcedPositions() const {
    std::vector<int> positions;
    for (int position = 0; position < promptTokens; ++position)
        if (forced[static_cast<std::size_t>(position)] != 0)
            positions.push_back(position);
    return positions;
}

}  // namespace engine
