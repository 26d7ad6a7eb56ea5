// The values that cross the engine's door. No behaviour beyond names; included by ui and app.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "storage/ids.h"
#include "storage/kv_store.h"
#include "storage/records.h"
#include "storage/status.h"

namespace engine {

struct BlendTrace;  // engine/trace.h

using storage::AnswerRecord;
using storage::ChunkId;
using storage::ChunkRecord;
using storage::CollectionId;
using storage::CollectionRecord;
using storage::Digest;
using storage::DocumentId;
using storage::DocumentRecord;
using storage::FingerprintId;
using storage::FingerprintRecord;
using storage::KvCompactReport;
using storage::KvDamage;
using storage::KvDtype;
using storage::KvKey;
using storage::KvRebuildReport;
using storage::KvSpec;
using storage::KvStoreStats;
using storage::KvVerifyReport;
using storage::Result;
using storage::SourceRecord;
using storage::Status;
using storage::StatusCode;

using TokenId = std::int32_t;
using TokenIds = std::vector<TokenId>;

// ---- opening ---------------------------------------------------------------------------------------------------

enum class BackendKind { Auto, Reference, Cpu, Cuda };
/// Arithmetic of the `cpu` back end: bf16 where the processor has it, else fp32.
enum class Precision { Auto, Bf16, F32 };

struct EngineOptions {
    std::string workspace;  // directory; created when absent
    std::string model;      // GGUF file or safetensors folder; empty = no model: only library and store calls work
    BackendKind backend = BackendKind::Auto;
    Precision precision = Precision::Auto;
    int threads = 0;  // 0 = one a physical core
    KvDtype kvDtype = KvDtype::F16;
    std::uint64_t storeCapBytes = 0;                        // 0 = no cap
    std::uint64_t ramTierBytes = std::uint64_t{512} << 20;  // of KV kept in memory between questions; 0 = none
    std::uint64_t readBytesPerSecond = 0;  // reads KV no faster than this, as from a slower disk; 0 = as fast as it comes
    int gpuLayers = -1;        // with Cuda: the last so many layers are computed by the GPU; −1 = as many as fit
    int maxContext = 0;        // tokens; 0 = the model's own, at most 32,768
    std::string systemPrompt;  // empty = the built-in one
};

/// What an opened model is; also what `model info` prints for a file.
struct ModelInfo {
    std::string path;
    std::string name;
    std::string architecture;
    std::string quantisation;  // the type most weights have, "Q4_1"
    std::string tokenizer;     // "bpe (smollm)", "sentencepiece"
    std::string chatTemplate;  // "ChatML", "Llama-2", …, "plain"
    std::string rope;          // "half-split, base 100000, no scaling"
    std::int64_t parameters = 0;
    std::uint64_t weightBytes = 0;
    int layers = 0;
    int hidden = 0;
    int heads = 0;
    int kvHeads = 0;
    int headDim = 0;
    int feedForward = 0;
    int vocabulary = 0;
    int contextLength = 0;
    bool canBlend = false;
    std::string whyNot;                 // when it cannot be blended
    std::uint64_t kvBytesPerToken = 0;  // stored, of the options' kv dtype
    std::string weightsDigest;          // SHA-256, hexadecimal; empty until computed
    std::string fingerprint;            // hexadecimal; empty unless opened
    std::string backend;                // "reference", "cpu", "cuda", "cpu+cuda"
    int gpuLayers = 0;                  // of those, computed by the GPU
    std::string notice;                 // what a person should know about where it is computed; empty = as asked
    std::string precision;              // "bf16", "f32"
    int threads = 0;
    double loadMs = 0;  // reading and packing the weights; 0 until something was computed
};

// ---- blending --------------------------------------------------------------------------------------------------

/// How tokens are chosen for recompute.
enum class Strategy { Full, Prefix, Reuse, CacheBlend, First, Query, QueryValue };
/// What the deviation at the check layer measures.
enum class DeviationMetric { K, V, Kv };
/// The fixed tokens a chunk is precomputed behind.
enum class Anchor { None, Bos, Head };
/// Exact: key position ≤ query position. Published: the bottom-right mask of the published code, for teaching only.
enum class MaskKind { Exact, Published };

struct BlendOptions {
    Strategy strategy = Strategy::QueryValue;
    double ratio = 0.15;  // share of context tokens recomputed, [0, 1]
    DeviationMetric metric = DeviationMetric::V;
    int checkLayer = 1;  // cacheblend: layer whose deviation selects, 1 … layers−1
    int first = 0;       // first k tokens of each chunk are forced (`first`: the only ones when > 0)
    MaskKind mask = MaskKind::Exact;
    Anchor anchor = Anchor::None;
    /// Lets the plan compute chunks whose loading would take longer, and raise the ratio as far as that costs no time. Needs speeds
    /// measured on this machine; without them the plan is as if this were off.
    bool adaptive = false;
};

struct SamplingOptions {
    int maxTokens = 256;
    double temperature = 0;  // 0 = greedy
    int topK = 40;
    double topP = 0.95;
    double minP = 0.05;
    double repeatPenalty = 1.0;
    std::uint64_t seed = 0;
};

/// A prompt given as text instead of by retrieval (eval, bench). Chunks are used as given: no header is added.
struct GivenPrompt {
    std::string head;
    std::vector<std::string> chunks;
    std::string question;
    bool raw = false;  // head and question used as they are, special tokens parsed; else put into the model's template
};

/// Whether the plan's strategy is the one asked for, or cacheblend where that of the question's own attention would wait for the disk.
enum class StrategyChoice { Asked, ByLoading };

struct Query {
    std::string question;
    std::string collection;  // by name; unused with `given`
    int topK = 6;
    std::vector<ChunkId> chunks;  // picked by hand, in this order; empty = retrieve
    std::optional<GivenPrompt> given;
    std::uint64_t followUpOf = 0;  // Answer::run of the answer that this question goes on from; 0 = a new conversation
    BlendOptions blend;
    StrategyChoice strategyChoice = StrategyChoice::Asked;  // ByLoading needs BlendOptions::adaptive
    SamplingOptions sampling;
};

/// Kept: an earlier turn's prompt and answer, whose KV the engine still holds (traces of follow-up questions only).
enum class SegmentKind { Head, Chunk, Kept };
/// Where a segment's KV comes from. Slow: it is in the store, but computing it takes less time than loading.
enum class KvSource { Store, Miss, Damaged, Ram, Slow };
/// Whether a record is used.
inline bool isHit(KvSource source) { return source == KvSource::Store || source == KvSource::Ram; }

/// A span of the prompt before the suffix.
struct PlanSegment {
    SegmentKind kind = SegmentKind::Chunk;
    ChunkId chunk;         // all zero for the head and for given text
    std::string document;  // title; for citations
    std::string path;
    std::string header;
    int firstPage = 0;
    int lastPage = 0;
    std::int64_t begin = 0;  // characters of the document's text
    std::int64_t end = 0;
    double score = 0;  // retrieval's
    TokenIds ids;      // header included
    int position = 0;  // of the first token in the prompt
    KvKey key;         // behind the plan's anchor; the head: behind nothing
    KvSource source = KvSource::Miss;
    std::optional<storage::KvExtent> extent;  // where the record lies, when there is one
    bool prefixExact = false;                 // the record's anchor is exactly what precedes it in this prompt

    int tokens() const { return static_cast<int>(ids.size()); }
};

/// What an adaptive plan decided; the plan's ratio and sources say the same.
struct LoadDecision {
    double askedRatio = 0;    // before it was raised
    int computedInstead = 0;  // chunks that are computed although their KV is in the store
    double loadMs = 0;        // forecast: reading from disk; 0 = nothing measured yet
    double computeMs = 0;     // forecast: the passes that reading can hide behind
};

/// What a run takes of the memory that some of the layers are computed in, and what is free there. Bytes.
struct DeviceMemory {
    std::string backend;  // "cpu", "cuda", "reference"
    int layers = 0;       // computed there
    std::uint64_t weights = 0;
    std::uint64_t cache = 0;    // K and V of the prompt and its answer
    std::uint64_t scratch = 0;  // rows between operations, slices on their way
    std::uint64_t held = 0;     // of these three, in memory already
    std::uint64_t free = 0;     // that could still be taken; 0 = not known

    std::uint64_t needed() const { return weights + cache + scratch; }
    bool fits() const { return free == 0 || needed() <= held + free; }
};

/// Immutable: what will be computed and loaded. Made without running the model.
struct BlendPlan {
    BlendOptions options;
    SamplingOptions sampling;
    std::string question;
    std::string collection;
    std::vector<PlanSegment> segments;  // head first (when there is one), then the chunks in prompt order
    TokenIds suffix;                    // question and template tail
    std::string suffixText;
    int promptTokens = 0;
    int contextTokens = 0;         // of all chunks
    int hits = 0;                  // chunks whose KV is used
    int misses = 0;                // chunks that are computed
    std::uint64_t followUpOf = 0;  // run whose KV stands before the suffix; the segments are then empty
    int keptTokens = 0;            // of that run's prompt and answer
    std::uint64_t bytesToLoad = 0;
    std::uint64_t bytesFromRam = 0;  // of those, in memory already
    LoadDecision load;
    std::vector<DeviceMemory> memory;  // of this run, in the order of the layers
    double chargedWork = 1;            // forecast: linear work ÷ a full prefill's
    double forecastTtftMs = 0;         // from rates measured so far on this machine; 0 = nothing measured yet
    double forecastFullTtftMs = 0;     // the same prompt with `full`
    double retrieveMs = 0;
    double tokenizeMs = 0;
    double planMs = 0;               // without the two above
    std::vector<std::string> notes;  // what a person should know: nothing found, chunks left out
};

/// reused + recomputed + new = prompt, always. New = question and misses; recomputed = had a cached KV and was computed again.
struct TokenCounts {
    int prompt = 0;
    int reused = 0;
    int recomputed = 0;
    int fresh = 0;  // "new" in JSON
    int generated = 0;
};

/// Milliseconds. The stages retrieve … first_token sum to ttft; load is the time spent *waiting* for what is loaded. Of a device: its own
/// (engine/backend/cuda/README.md).
struct Timings {
    double retrieve = 0;
    double tokenize = 0;
    double plan = 0;
    double load = 0;
    double rotate = 0;
    double questionPass = 0;
    double layersBeforeCheck = 0;
    double check = 0;
    double recompute = 0;
    double firstToken = 0;  // final norm, logits, sampling
    double ttft = 0;
    double decode = 0;
    double total = 0;
    double loadHidden = 0;  // reading and checking that overlapped computing; not in the sum
};

/// The tokens computed again, and why.
struct TokenSelection {
    std::vector<int> positions;  // prompt positions of *chosen* context tokens (misses not included), ascending
    std::vector<float>
        score;            // per context token in prompt order: what the strategy ranked by; empty where it ranks nothing
    float threshold = 0;  // lowest score chosen by rank
};

struct TokenLogit {
    TokenId id = 0;
    float logit = 0;
};

/// Where the time of one layer went, ms since the prefill began.
struct LayerTiming {
    double loadBegin = 0;
    double loadEnd = 0;
    double computeBegin = 0;
    double computeEnd = 0;
};

/// Against a full prefill of the same prompt.
struct Comparison {
    std::vector<double> kl;  // KL(full ‖ blended), nats, per teacher-forced position of the full answer (≤ 16)
    double meanKl = 0;
    bool top1Equal = false;        // first token
    int firstDivergingToken = -1;  // −1 = the answers agree
    std::string fullAnswer;
    double fullTtftMs = 0;
    double chargedWork = 0;
};

enum class StopReason { EndOfText, Length, Cancelled };

struct Answer {
    std::uint64_t run = 0;  // number of the run in this session, for follow-up questions
    std::string text;
    TokenIds ids;
    StopReason stopReason = StopReason::EndOfText;
    TokenCounts tokens;
    Timings ms;
    std::uint64_t bytesLoaded = 0;
    std::uint64_t bytesFromRam = 0;  // of those, in memory already
    double chargedWork = 0;          // linear work done ÷ linear work of a full prefill
    std::optional<Comparison> comparison;
    std::shared_ptr<const BlendTrace> trace;
};

// ---- jobs ------------------------------------------------------------------------------------------------------

enum class IngestState { Indexed, Unchanged, Skipped, Failed };

struct IngestFile {
    std::string path;
    IngestState state = IngestState::Failed;
    std::string reason;
    int pages = 0;
    int chunks = 0;
    std::int64_t tokens = 0;
};

/// No machine this runs on has more processors; each thread costs memory.
inline constexpr int kMostThreads = 1024;
/// A chunk of fewer tokens has no room for its header and a sentence.
inline constexpr int kLeastChunkTokens = 32;

struct IngestRequest {
    std::vector<std::string> paths;  // files, or directories with `recursive`
    std::string collection;
    int chunkTokens = 256;  // greatest size, header included; from kLeastChunkTokens
    bool recursive = false;
};

struct IngestReport {
    std::vector<IngestFile> files;
    bool cancelled = false;
};

struct PrecomputeRequest {
    std::string collection;          // empty with `given`
    std::vector<GivenPrompt> given;  // heads and chunks of these instead
    Anchor anchor = Anchor::None;
    std::uint64_t budgetBytes = 0;  // stop before the store holds more; 0 = no budget
};

struct PrecomputeReport {
    std::int64_t chunksDone = 0;
    std::int64_t chunksAlready = 0;
    std::int64_t tokens = 0;  // computed now
    std::uint64_t bytes = 0;  // written now
    double ms = 0;
    bool cancelled = false;
    bool budgetReached = false;
};

/// What precompute of a request would do. Exact but for the time.
struct PrecomputeForecast {
    std::int64_t chunks = 0;   // to compute, heads included
    std::int64_t already = 0;  // in the store
    std::int64_t tokens = 0;
    std::uint64_t bytes = 0;  // on disk, padding included
    double ms = 0;            // from the rate measured so far; 0 = nothing measured yet
};

// ---- the library -----------------------------------------------------------------------------------------------

/// A page of chunks.
struct ChunkQuery {
    std::string collection;
    DocumentId document;  // 0 = all documents of the collection
    std::string search;   // words; empty = all chunks in document order, else the best matches first
    std::int64_t offset = 0;
    std::int64_t limit = -1;  // < 0 = all (of a search: the best 50)
};

/// A chunk as the CLI and the library list it.
struct ChunkInfo {
    ChunkRecord record;
    std::string documentTitle;
    std::string text;  // without the header
    bool inStore = false;
    double score = 0;  // of a search
};

struct CollectionInfo {
    CollectionRecord record;
    std::int64_t chunksWithKv = 0;  // of this model, any anchor
};

/// One line of a collection's ledger: a file, what became of it, and how much of it has KV.
struct FileInfo {
    SourceRecord source;
    std::string title;  // empty unless indexed
    std::string mediaType;
    int pages = 0;
    int chunks = 0;
    std::int64_t tokens = 0;
    int chunksWithKv = 0;
    std::uint64_t kvBytes = 0;  // of records found for this model
    int pinnedChunks = 0;
};

// ---- the store -------------------------------------------------------------------------------------------------

enum class StoreGroup { Collection, Document, Fingerprint };

/// What the store holds for one collection, document or fingerprint. A record shared by two is counted in each.
struct StoreUsage {
    StoreGroup group = StoreGroup::Collection;
    std::string name;             // collection, title, or the fingerprint's hexadecimal digits
    DocumentId document;          // of group Document
    std::string fingerprintJson;  // of group Fingerprint: its readable fields
    bool current = true;          // of group Fingerprint: the opened model's
    std::int64_t records = 0;
    std::int64_t tokens = 0;
    std::uint64_t bytes = 0;
    std::int64_t pinned = 0;
};

/// A damaged record and what was done about it.
struct DamageEvent {
    std::int64_t foundAtMs = 0;  // ms since the epoch
    KvKey key;
    std::string where;   // document and page, when a chunk of the library has this key
    std::string reason;  // what, where
    std::string action;  // "set aside; computed again when next used"
};

struct PromptLogits {
    std::vector<TokenLogit> top;  // last row, descending
    TokenIds greedy;
    double prefillMs = 0;
    double decodeMs = 0;           // of all greedy tokens but the first
    double prefillOperations = 0;  // of matrix products and attention that were needed, a multiply-add counted as two
    double decodeBytes = 0;        // weights and KV that the tokens of decodeMs read
};

/// One check of the exactness gate.
struct GateCheck {
    std::string name;  // the law
    bool passed = false;
    double figure = 0;
    double tolerance = 0;
    std::string unit;
    std::string detail;
};

struct GateReport {
    std::vector<GateCheck> checks;
    bool passed() const;
};

}  // namespace engine
