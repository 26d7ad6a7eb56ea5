// The engine's façade: everything the workbench and the command line can compute. See README.md for "a query in ten steps".
#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "engine/observer.h"
#include "engine/on_disk.h"
#include "engine/trace.h"
#include "engine/types.h"

namespace engine {

/// All calls block; one caller thread. Every long call takes an observer and a stop token and returns within 200 ms of a stop,
/// keeping finished work.
class Engine {
public:
    virtual ~Engine() = default;

    /// Opens workspace and model. Errors: Busy (workspace held by another process), Refused (model or file), Unsupported.
    static Result<std::unique_ptr<Engine>> open(const EngineOptions& options);

    /// Changes when the back end does: after a GPU ran out of memory.
    virtual const ModelInfo& model() const = 0;
    /// Why the session ended: a device or an invariant broke, and every further call fails with this. Empty = it is open. Begins with
    /// "device_failed: " when only a new process can use the device again.
    virtual const std::string& ended() const = 0;

    // -- library
    virtual Result<IngestReport> ingest(const IngestRequest& request, JobObserver& observer, std::stop_token stop) = 0;
    virtual Result<PrecomputeReport> precompute(const PrecomputeRequest& request, JobObserver& observer,
                                                std::stop_token stop) = 0;
    virtual Result<std::vector<CollectionInfo>> collections() = 0;
    virtual Result<std::vector<SourceRecord>> sources(const std::string& collection) = 0;
    virtual Result<std::vector<DocumentRecord>> documents(const std::string& collection) = 0;
    virtual Result<DocumentRecord> document(DocumentId id) = 0;
    virtual Result<std::vector<ChunkInfo>> chunks(const ChunkQuery& query) = 0;
    /// Errors: NotFound.
    virtual Result<ChunkInfo> chunk(const ChunkId& id) = 0;
    /// The ledger of a collection: each file that was imported, by path.
    virtual Result<std::vector<FileInfo>> files(const std::string& collection) = 0;
    /// How each of these files is now, in the order of files().
    virtual Result<std::vector<OnDisk>> filesOnDisk(const std::string& collection) = 0;
    /// Puts documents of one collection into another as well (created when absent); text, chunks and KV exist once.
    virtual Status addToCollection(const std::string& from, const std::vector<std::string>& paths,
                                   const std::string& to) = 0;
    /// Takes a file out of a collection; its document goes when no collection holds it. KV stays until evicted.
    virtual Status removeFile(const std::string& collection, const std::string& path) = 0;
    virtual Status removeCollection(const std::string& collection) = 0;
    /// What precompute would compute and write. No model run.
    virtual Result<PrecomputeForecast> precomputeForecast(const PrecomputeRequest& request) = 0;

    // -- questions
    /// Retrieves, tokenizes, looks records up. Cheap: no model run.
    virtual Result<BlendPlan> plan(const Query& query) = 0;
    /// Runs the plan: blends, decodes, streams. The plan and the store are unchanged by it, but for damaged records, which go.
    virtual Result<Answer> run(const BlendPlan& plan, QueryObserver& observer, std::stop_token stop) = 0;
    /// Like run(), then a full prefill of the same prompt; the answer's `comparison` is filled.
    virtual Result<Answer> runCompared(const BlendPlan& plan, QueryObserver& observer, std::stop_token stop) = 0;
    /// Like runCompared(), with full KV reuse beside the plan's strategy; the trace's `deviation` is filled. Takes about three
    /// prefills and as many passes over the attention.
    virtual Result<Answer> measureDeviation(const BlendPlan& plan, QueryObserver& observer, std::stop_token stop) = 0;
    /// Answered questions, newest first.
    virtual Result<std::vector<AnswerRecord>> history(int limit) = 0;

    // -- tokens and logits
    /// Ids of `text`; special tokens are parsed only when asked for.
    virtual Result<TokenIds> tokenize(const std::string& text, bool parseSpecial) = 0;
    /// One token's bytes as text, for display.
    virtual std::string piece(TokenId id) const = 0;
    /// Full prefill of `ids`: the greatest `top` logits of the last row, then `greedy` tokens chosen greedily.
    virtual Result<PromptLogits> logits(const TokenIds& ids, int top, int greedy, std::stop_token stop) = 0;

    // -- the store
    virtual Result<KvStoreStats> storeStats() = 0;
    virtual Result<KvVerifyReport> storeVerify(int part, int modulus, JobObserver& observer, std::stop_token stop) = 0;
    /// A sentence for each row of the library (documents, chunks, answers) and each kept file that is damaged; empty = sound.
    virtual Result<std::vector<std::string>> verifyLibrary() = 0;
    virtual Result<std::uint64_t> storeEvict(std::uint64_t bytes, std::stop_token stop) = 0;
    virtual Result<KvCompactReport> storeCompact(JobObserver& observer, std::stop_token stop) = 0;
    virtual Result<KvRebuildReport> storeRebuildIndex(JobObserver& observer, std::stop_token stop) = 0;
    /// Pins (or unpins) the KV of every chunk of a collection; returns how many records.
    virtual Result<std::int64_t> storePin(const std::string& collection, bool pinned) = 0;
    /// The same for single files of a collection.
    virtual Result<std::int64_t> storePinFiles(const std::string& collection, const std::vector<std::string>& paths,
                                               bool pinned) = 0;
    virtual Result<std::vector<StoreUsage>> storeUsage(StoreGroup group) = 0;
    /// Newest first.
    virtual Result<std::vector<DamageEvent>> storeDamage(int limit) = 0;
    /// The byte cap of this session; evicts down to it at once. 0 = no cap. Returns the bytes freed.
    virtual Result<std::uint64_t> setStoreCap(std::uint64_t bytes) = 0;
    /// Forgets the KV kept in memory and drops the store's pages from the page cache (a benchmark's cold state).
    virtual Status dropCaches() = 0;

    // -- gates
    /// The laws of blending on real prompts with this model; `cases` empty = the built-in ones.
    virtual Result<GateReport> verifyExactness(const std::vector<GivenPrompt>& cases, JobObserver& observer,
                                               std::stop_token stop) = 0;
};

/// Reads a model's header without loading its weights. Errors: Refused, Unsupported, NotFound.
Result<ModelInfo> inspectModel(const std::string& path, KvDtype kvDtype);

}  // namespace engine
