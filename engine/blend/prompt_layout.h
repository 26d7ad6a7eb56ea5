// A plan seen as rows: which prompt position is what.
#pragma once

#include <vector>

#include "engine/types.h"

namespace engine {

/// Constant after construction. Positions count from 0; the prompt is head ‖ chunks ‖ suffix.
struct PromptLayout {
    explicit PromptLayout(const BlendPlan& plan);

    /// A segment whose KV is in the store.
    struct Hit {
        int segment = 0;  // index into the plan's segments
        int begin = 0;
        int tokens = 0;
        bool head = false;
    };

    /// Stands for a token of an earlier turn, whose KV is in the cache already: no pass runs it.
    static constexpr TokenId kKeptId = -1;

    TokenIds ids;           // [T]
    int promptTokens = 0;   // T
    int contextBegin = 0;   // position of the first context token
    int contextTokens = 0;  // N
    int suffixBegin = 0;
    std::vector<Hit> hits;             // ascending
    std::vector<std::uint8_t> cached;  // [T] has a stored KV
    std::vector<std::uint8_t> forced;  // [T] computed whatever the strategy: suffix, misses, first k of each chunk
    std::vector<int> offsetInChunk;    // [N]

    int reusedHeadTokens() const;  // the head's length when its record is there, else 0
    /// Tokens at the prompt's start that are cached exactly: head, then chunks whose record's anchor is what precedes them.
    int exactPrefix(const BlendPlan& plan) const;
    /// Positions with forced set, ascending.
    std::vector<int> forcedPositions() const;
};

}  // namespace engine
