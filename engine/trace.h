// What happened in one run: a value that every view, CSV and report is made of; saved to a file it replays without a model.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/types.h"

namespace engine {

/// Where the attention of one run went, as means, so that a long prompt fits into memory.
/// Blocks are the trace's segments in order, then the suffix: B = segments + 1.
struct AttentionSummary {
    int layers = 0;             // L
    int heads = 0;              // H
    int context = 0;            // P, positions before the suffix
    int blocks = 0;             // B
    std::vector<float> suffix;  // [L, H, P] probability paid to each position, mean over the suffix rows
    std::vector<float> block;   // [L, H, B, B] probability paid by rows of block i to block j, mean over the rows computed;
                                // a row of blocks sums to 1, or is all zero where no row of block i was computed
    std::vector<int> rowsComputed;  // [L, B]
};

/// L2 distance of K (un-rotated) and of V from a full prefill's, over all KV heads of a token.
struct KvDeviation {
    int layers = 0;        // L
    int tokens = 0;        // T, prompt tokens
    std::vector<float> k;  // [L, T]
    std::vector<float> v;  // [L, T]
};

/// One way of answering against a full prefill of the same prompt.
struct RunDeviation {
    AttentionSummary attention;
    KvDeviation kv;
    std::vector<float>
        attentionDeviation;  // [L, H] Frobenius distance of the suffix rows' probabilities over the P positions
    Comparison comparison;
    std::string answer;
    double ttftMs = 0;
};

/// The result of Engine::measureDeviation: full KV reuse and the plan's own strategy, each against full prefill.
struct DeviationReport {
    AttentionSummary full;
    RunDeviation reuse;
    RunDeviation blend;
};

/// What became of a prompt token's KV. The three counts of TokenCounts, per token.
enum class TokenFate : std::uint8_t { Reused, Recomputed, Fresh };

struct BlendTrace {
    // -- of what
    std::string model;  // name
    std::string backend;
    std::string precision;
    KvDtype kvDtype = KvDtype::F16;
    int layerCount = 0;
    int heads = 0;
    int kvHeads = 0;
    std::string question;
    std::string collection;
    BlendOptions options;
    SamplingOptions sampling;
    // -- the prompt
    TokenIds promptIds;
    std::vector<std::string> pieces;    // bytes of each prompt token; a character may be cut between two
    std::vector<PlanSegment> segments;  // as run: sources corrected where a slice was damaged
    // -- what was done
    TokenSelection selection;
    std::vector<LayerTiming> layers;
    std::vector<TokenLogit> top;  // 20 greatest of the first token's logits, descending
    TokenCounts tokens;
    Timings ms;
    std::uint64_t bytesLoaded = 0;
    std::uint64_t bytesFromRam = 0;  // of those, in memory already
    LoadDecision load;
    double chargedWork = 0;
    // -- the answer
    std::string answer;
    TokenIds answerIds;
    StopReason stopReason = StopReason::EndOfText;
    std::vector<std::string> notes;  // what a person should know: damage found, fallback taken
    std::optional<Comparison> comparison;
    std::shared_ptr<const DeviationReport> deviation;  // null unless measured

    int promptTokens() const { return static_cast<int>(promptIds.size()); }
    /// First position of the suffix (question and template tail).
    int suffixBegin() const;
    /// Index into `segments` of the segment that holds the position; segments.size() = the suffix.
    int segmentAt(int position) const;
};

/// [T]; agrees with trace.tokens.
std::vector<TokenFate> tokenFates(const BlendTrace& trace);
/// [T]; place of each token in the order in which the strategy would choose, from 1; 0 where nothing is ranked: no score, head,
/// suffix, forced tokens.
std::vector<int> scoreRanks(const BlendTrace& trace);

/// One versioned, checksummed file, written whole or not at all. Errors: InvalidArgument (lists that do not fit together), IoError,
/// NoSpace, NotFound (the folder).
Status saveTrace(const BlendTrace& trace, const std::string& path);
/// Errors: NotFound, Damaged (checksum, truncation), Refused (newer version, not a trace).
Result<std::shared_ptr<const BlendTrace>> loadTrace(const std::string& path);

// -- tables (CSV with a header line, RFC 4180); the views export exactly these
/// position,segment,document,token,text,fate,chosen,score,rank
std::string recomputeCsv(const BlendTrace& trace);
/// layer,position,run,k,v for reuse and blend; only the header line when not measured.
std::string kvDeviationCsv(const BlendTrace& trace);
/// layer,head,run,from,to,probability for reuse, blend and full.
std::string attentionBlocksCsv(const BlendTrace& trace);
/// layer,head,reuse,blend
std::string attentionDeviationCsv(const BlendTrace& trace);
/// layer,load_begin,load_end,compute_begin,compute_end
std::string layerTimesCsv(const BlendTrace& trace);
/// stage,ms
std::string stagesCsv(const BlendTrace& trace);
/// position,kl for the compared answer
std::string answerKlCsv(const BlendTrace& trace);

}  // namespace engine
