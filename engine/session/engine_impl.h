// The façade's implementation: owns and wires the parts of one session.
#pragma once

#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/blend/blender.h"
#include "engine/blend/planner.h"
#include "engine/blend/precompute.h"
#include "engine/engine.h"
#include "engine/kv/kv_key.h"
#include "engine/model/weight_file.h"
#include "engine/session/chunk_keys.h"
#include "engine/session/conversations.h"
#include "engine/session/devices.h"
#include "engine/session/speed.h"
#include "storage/catalog.h"
#include "storage/file_system.h"
#include "storage/kv_store.h"
#include "storage/workspace_lock.h"

namespace engine {

/// One caller thread. Weights are packed at the first call that computes, so that library and store calls start at once.
class EngineImpl final : public Engine {
public:
    /// `createBackend`: the function of this name, or a test's.
    static Result<std::unique_ptr<EngineImpl>> create(const EngineOptions& options,
                                                      const BackendFactory& createBackend = engine::createBackend);
    ~EngineImpl() override;

    const ModelInfo& model() const override { return m_info; }
    const std::string& ended() const override { return m_ended; }

    Result<IngestReport> ingest(const IngestRequest& request, JobObserver& observer, std::stop_token stop) override;
    Result<PrecomputeReport> precompute(const PrecomputeRequest& request, JobObserver& observer,
                                        std::stop_token stop) override;
    Result<std::vector<CollectionInfo>> collections() override;
    Result<std::vector<SourceRecord>> sources(const std::string& collection) override;
    Result<std::vector<DocumentRecord>> documents(const std::string& collection) override;
    Result<DocumentRecord> document(DocumentId id) override;
    Result<std::vector<ChunkInfo>> chunks(const ChunkQuery& query) override;
    Result<ChunkInfo> chunk(const ChunkId& id) override;
    Result<std::vector<FileInfo>> files(const std::string& collection) override;
    Result<std::vector<OnDisk>> filesOnDisk(const std::string& collection) override;
    Status addToCollection(const std::string& from, const std::vector<std::string>& paths, const std::string& to) override;
    Status removeFile(const std::string& collection, const std::string& path) override;
    Status removeCollection(const std::string& collection) override;
    Result<PrecomputeForecast> precomputeForecast(const PrecomputeRequest& request) override;

    Result<BlendPlan> plan(const Query& query) override;
    Result<Answer> run(const BlendPlan& plan, QueryObserver& observer, std::stop_token stop) override;
    Result<Answer> runCompared(const BlendPlan& plan, QueryObserver& observer, std::stop_token stop) override;
    Result<Answer> measureDeviation(const BlendPlan& plan, QueryObserver& observer, std::stop_token stop) override;
    Result<std::vector<AnswerRecord>> history(int limit) override;

    Result<TokenIds> tokenize(const std::string& text, bool parseSpecial) override;
    std::string piece(TokenId id) const override;
    Result<PromptLogits> logits(const TokenIds& ids, int top, int greedy, std::stop_token stop) override;

    Result<KvStoreStats> storeStats() override;
    Result<KvVerifyReport> storeVerify(int part, int modulus, JobObserver& observer, std::stop_token stop) override;
    Result<std::vector<std::string>> verifyLibrary() override;
    Result<std::uint64_t> storeEvict(std::uint64_t bytes, std::stop_token stop) override;
    Result<KvCompactReport> storeCompact(JobObserver& observer, std::stop_token stop) override;
    Result<KvRebuildReport> storeRebuildIndex(JobObserver& observer, std::stop_token stop) override;
    Result<std::int64_t> storePin(const std::string& collection, bool pinned) override;
    Result<std::int64_t> storePinFiles(const std::string& collection, const std::vector<std::string>& paths,
                                       bool pinned) override;
    Result<std::vector<StoreUsage>> storeUsage(StoreGroup group) override;
    Result<std::vector<DamageEvent>> storeDamage(int limit) override;
    Result<std::uint64_t> setStoreCap(std::uint64_t bytes) override;
    Status dropCaches() override;

    Result<GateReport> verifyExactness(const std::vector<GivenPrompt>& cases, JobObserver& observer,
                                       std::stop_token stop) override;

private:
    static constexpr int kComparedTokens = 16;

    /// A prefill with its cache, and what damage it met.
    struct Run {
        BlendPlan plan;  // sources corrected
        KvCache cache;
        TokenIds ids = {};                            // the whole prompt
        std::vector<Conversations::Turn> turns = {};  // that the cache holds before this run
        Prefill prefill = {};
        std::vector<std::string> notes = {};
    };
    /// A full prefill of a run's prompt, its answer, and the logits while it is fed with its own likeliest tokens.
    struct FullRun {
        Run run;
        Answer answer;
        double ttftMs = 0;
        TokenIds forced;                         // ≤ kComparedTokens − 1
        std::vector<std::vector<float>> logits;  // [forced + 1][V]
    };
    enum class Compare { No, WithFull, AllRuns };
    /// What one chunk needs to be precomputed.
    struct ChunkWork {
        KvKey key;
        TokenIds ids;
    };

    EngineImpl() = default;
    /// Why the session ends after an exception, with its reason code where a device is the cause.
    static std::string endOf(const std::string& error);

    Status openWorkspace(const EngineOptions& options);
    Status openModel(const EngineOptions& options);
    Status needModel() const;
    /// Takes up the devices: what depends on where the model is computed.
    void useDevices(std::unique_ptr<Devices> devices);
    /// Packs the weights unless that is done.
    Status needTransformer();
    /// The GPU ran out of memory: everything that lies there is given up, the processor computes from now on.
    Status leaveGpu(const std::string& why);
    DeviceOptions deviceOptions() const;
    /// What a run of so many tokens takes, and what of that is held already.
    std::vector<DeviceMemory> memoryOf(int positions);
    /// Under which number measured speeds are remembered.
    int speedKey() const;

    Result<CollectionRecord> collectionNamed(const std::string& name);
    Result<std::vector<storage::ChunkPlace>> chunkPlacesOf(const std::string& collection);
    /// `pagesOf`: the pages of the collection's documents, by id.
    IngestFile ingestFile(const std::string& path, const CollectionRecord& collection,
                          const std::unordered_map<std::int64_t, int>& pagesOf, const IngestRequest& request,
                          std::stop_token stop);
    IngestFile indexContent(SourceRecord& source, const IngestRequest& request, std::stop_token stop);

    /// The collection's chunks, their keys learned as far as a list may take time for it.
    Result<std::vector<storage::ChunkPlace>> placesOf(const CollectionRecord& collection);
    /// Fills text, title and state of chunks whose records are there.
    Status describeChunks(std::vector<ChunkInfo>& infos);
    /// Drops what is remembered of those chunks that are no longer in the catalog.
    void forgetGone(std::vector<ChunkId> chunks);
    Result<std::int64_t> pinChunks(std::span<const storage::ChunkPlace> places, bool pinned);
    /// Chunks of the request without KV, the head of each anchor included; counts those that have it.
    Result<std::vector<ChunkWork>> missingChunks(const PrecomputeRequest& request, std::int64_t& already);
    /// The distinct heads of the request's prompts.
    std::vector<TokenIds> headsOf(const PrecomputeRequest& request) const;
    Status storeChunks(std::span<const ChunkWork> work, std::vector<ChunkKv>& kv, PrecomputeReport& report);

    KvCache takeCache(int positions);
    void giveCacheBack(KvCache cache);
    SliceSource sliceSource();
    /// A cache for a run of the plan: a new one, or that of the conversation it goes on with. Error: NotFound.
    Result<Run> startRun(const BlendPlan& plan);
    /// Prefills, leaving out damaged records as often as needed.
    Status prefill(Run& run, AttentionProbe* probe, std::stop_token stop);
    /// Decodes; everything of the answer but its trace.
    Answer answer(Run& run, QueryObserver& observer, std::stop_token stop);
    std::shared_ptr<BlendTrace> traceOf(const Run& run, const Answer& answer) const;
    Result<Answer> runPlan(const BlendPlan& plan, QueryObserver& observer, Compare compare, std::stop_token stop);
    /// Keeps the run's KV for follow-up questions.
    void keepConversation(Run run, const Answer& answer);
    /// Writes the answer into the catalog's history; a sentence when that failed.
    std::string record(const BlendTrace& trace);
    void learnSpeed(const Prefill& prefill, const Timings& ms);

    // -- measuring.cpp
    Result<FullRun> runFull(const Run& run, AttentionProbe* probe, std::stop_token stop);
    /// Feeds the run with the full run's tokens; the rows behind its prompt are as before afterwards.
    Result<Comparison> compare(const FullRun& full, Run& run, const Answer& answer, std::stop_token stop);
    Result<std::shared_ptr<const DeviationReport>> measure(Run& run, const Answer& answer, QueryObserver& observer,
                                                           std::stop_token stop);

    /// Runs a call that computes. When a GPU runs out of memory, it is run once more, on the processor; not for a question that came
    /// in at a border of precompute, whose rows and weights are in use.
    template <class Call>
    auto computing(Call call) -> decltype(call()) {
        return guarded([&]() -> decltype(call()) {
            if (m_devices == nullptr || !m_devices->usesGpu() || m_computing)
                return call();
            std::string why;
            {
                const ComputingScope scope(m_computing);
                try {
                    return call();
                } catch (const std::bad_alloc& error) {
                    why = error.what();
                    if (why.rfind("too_little_memory", 0) != 0)
                        throw;  // the host's memory
                }
            }
            if (Status status = leaveGpu(why); !status.ok())
                return status;
            return call();
        });
    }
    struct ComputingScope {
        explicit ComputingScope(bool& flag) : computing(flag) { computing = true; }
        ~ComputingScope() { computing = false; }
        ComputingScope(const ComputingScope&) = delete;
        ComputingScope& operator=(const ComputingScope&) = delete;
        bool& computing;
    };

    /// Runs `call`; the one place where exceptions become a Status. A broken device or invariant closes the session.
    template <class Call>
    auto guarded(Call call) -> decltype(call()) {
        if (!m_ended.empty())
            return Status(StatusCode::Internal, m_ended);
        try {
            return call();
        } catch (const std::bad_alloc& error) {
            const std::string what = error.what();  // a device's names what was needed and what was free
            return Status(StatusCode::OutOfMemory, "not enough memory; use a shorter context or a smaller model" +
                                                       (what == "std::bad_alloc" ? std::string() : " (" + what + ")"));
        } catch (const std::exception& error) {
            m_ended = endOf(error.what());
            return Status(StatusCode::Internal, m_ended);
        }
    }

    ModelInfo m_info;
    EngineOptions m_options;
    std::unique_ptr<storage::FileSystem> m_fileSystem;
    std::unique_ptr<storage::WorkspaceLock> m_lock;
    std::unique_ptr<storage::Catalog> m_catalog;
    std::unique_ptr<storage::KvStore> m_store;
    std::unique_ptr<WeightFile> m_weights;
    std::unique_ptr<Tokenizer> m_tokenizer;
    BackendFactory m_createBackend;
    std::unique_ptr<Devices> m_devices;           // outlives all that lies in its memory
    std::vector<std::uint64_t> m_plannedWeights;  // bytes on each side
    KvSpec m_spec;
    FingerprintId m_fingerprint;
    int m_maxContext = 0;
    std::unique_ptr<Planner> m_planner;
    std::unique_ptr<ChunkKeys> m_chunkKeys;
    std::unique_ptr<Transformer> m_transformer;
    std::unique_ptr<Blender> m_blender;
    std::unique_ptr<RamTier> m_ramTier;
    std::optional<KvCache> m_spareCache;  // of the last query: fresh pages cost more than loading its KV
    Conversations m_conversations;
    std::uint64_t m_runs = 0;  // numbers given to runs
    Speed m_speed;
    int m_unsavedSpeed = 0;    // runs learned from since the last save
    bool m_computing = false;  // a call that computes is on the GPU
    std::string m_ended;       // why nothing can be done any more; empty = the session is open
};

}  // namespace engine
