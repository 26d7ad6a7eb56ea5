// Everything a trace knows about one token: what "why this token" says, before it is words.
#pragma once

#include <QString>
#include <optional>
#include <vector>

#include "engine/trace.h"

namespace ui {

/// Lists made once per trace, so that looking at a token is a look-up.
struct TraceIndex {
    explicit TraceIndex(const engine::BlendTrace& trace);

    std::vector<engine::TokenFate> fates;  // [T]
    std::vector<int> ranks;                // [T], 1 = greatest score, 0 = not ranked
    std::vector<float> scores;             // [T], NaN = none; empty where nothing is scored
    std::vector<char> chosen;              // [T], 1 = in selection.positions
    int ranked = 0;
};

struct TokenNeighbour {
    int position = 0;
    engine::TokenFate fate = engine::TokenFate::Reused;
    std::optional<float> score;
};

struct TokenFacts {
    int position = 0;
    engine::TokenId id = 0;
    int segment = 0;    // segments.size() = question
    int inSegment = 0;  // tokens since the segment's first
    engine::TokenFate fate = engine::TokenFate::Reused;
    bool chosen = false;
    std::optional<float> score;
    int rank = 0;  // 0 = not ranked
    int ranked = 0;
    float threshold = 0;
    std::vector<TokenNeighbour> neighbours;  // up to 4 before and after, itself among them
    // Empty unless measured:
    std::vector<float> kReuse, vReuse, kBlend, vBlend;  // [L]
    struct Attention {
        float reuse = 0, blend = 0, full = 0;
    };
    std::optional<Attention> fromQuestion;  // probability the question pays to it; none for the question's own tokens
    std::vector<float> blockReuse, blockBlend,
        blockFull;  // [B] what rows of its block pay to each block; NaN = none computed
};

/// Attention is taken at `layer` and `head`; −1 = mean.
TokenFacts tokenFacts(const engine::BlendTrace& trace, const TraceIndex& index, int position, int layer, int head);

/// Where a token stands in its document: characters [begin, end) of the text of segments[segment]'s document.
struct DocumentRange {
    int segment = 0;
    std::int64_t begin = 0;
    std::int64_t end = 0;
};
/// Empty for tokens of no document: head, question, a passage's header line.
std::optional<DocumentRange> documentRange(const engine::BlendTrace& trace, int position);

/// One sentence: why this token was computed again, or why not.
QString whyText(const engine::BlendTrace& trace, const TokenFacts& facts);

}  // namespace ui
