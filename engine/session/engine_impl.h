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
#include "storage/catalog.h"
#include "storage/file_system.h"
#include "storage/kv_store.h"
#include "storage/workspace_lock.h"

namespace engine {

/// One caller thread. Weights are packed at the first call that computes, so that library and store calls start at once.
class EngineImpl final : public Engine {
public:
    static Result<std::unique_ptr<EngineImpl>> create(const EngineOptions& options);

    const ModelInfo& model() const override { return m_info; }

    Result<IngestReport> ingest(const IngestRequest& request, JobObserver& observer, std::stop_token stop) override;
    Result<PrecomputeReport> precompute(const PrecomputeRequest& request, JobObserver& observer,
                                        std::stop_token stop) override;
    Result<std::vector<CollectionInfo>> collections() override;
    Result<std::vector<SourceRecord>> sources(const std::string& collection) override;
    Result<std::vector<DocumentRecord>> documents(const std::string& collection) override;
    Result<DocumentRecord> document(DocumentId id) override;
    Result<std::vector<ChunkInfo>> chunks(const std::string& collection, const std::string& search, int limit) override;

    Result<BlendPlan> plan(const Query& query) override;
    Result<Answer> run(const BlendPlan& plan, QueryObserver& observer, std::stop_token stop) override;
    Result<Answer> runCompared(const BlendPlan& plan, QueryObserver& observer, std::stop_token stop) override;

    Result<TokenIds> tokenize(const std::string& text, bool parseSpecial) override;
    std::string piece(TokenId id) const override;
    Result<PromptLogits> logits(const TokenIds& ids, int top, int greedy, std::stop_token stop) override;

    Result<KvStoreStats> storeStats() override;
    Result<KvVerifyReport> storeVerify(int part, int modulus, JobObserver& observer, std::stop_token stop) override;
    Result<std::uint64_t> storeEvict(std::uint64_t bytes, std::stop_token stop) override;
    Result<KvCompactReport> storeCompact(JobObserver& observer, std::stop_token stop) override;
    Result<KvRebuildReport> storeRebuildIndex(JobObserver& observer, std::stop_token stop) override;
    Result<std::int64_t> storePin(const std::string& collection, bool pinned) override;
    Status dropCaches() override;

    Result<GateReport> verifyExactness(const std::vector<GivenPrompt>& cases, JobObserver& observer,
                                       std::stop_token stop) override;

private:
    /// A prefill with its cache, and what damage it met.
    struct Run {
        BlendPlan plan;  // sources corrected
        Prefill prefill;
        KvCache cache;
        std::vector<std::string> notes;
    };
    /// What one chunk needs to be precomputed.
    struct ChunkWork {
        KvKey key;
        TokenIds ids;
    };

    EngineImpl() = default;

    Status openWorkspace(const EngineOptions& options);
    Status openModel(const EngineOptions& options);
    Status needModel() const;
    /// Packs the weights unless that is done.
    Status needTransformer();

    Result<CollectionRecord> collectionNamed(const std::string& name);
    IngestFile ingestFile(const std::string& path, const CollectionRecord& collection, const IngestRequest& request,
                          std::stop_token stop);
    IngestFile indexContent(SourceRecord& source, const IngestRequest& request, std::stop_token stop);

    /// Keys under which the store holds the chunk's KV, whatever the anchor.
    Result<std::vector<KvKey>> storedKeys(const ChunkInfo& chunk);
    /// Chunks of the request without KV, the head of each anchor included; counts those that have it.
    Result<std::vector<ChunkWork>> missingChunks(const PrecomputeRequest& request, std::int64_t& already);
    Status storeChunks(std::span<const ChunkWork> work, std::vector<ChunkKv>& kv, PrecomputeReport& report);

    KvCache takeCache(int positions);
    void giveCacheBack(KvCache cache);
    /// Prefills, leaving out damaged records as often as needed.
    Result<Run> prefill(BlendPlan plan, int positions, std::stop_token stop);
    Result<Answer> answer(Run& run, QueryObserver& observer, std::stop_token stop);
    /// Changes nothing but the cache rows behind the prompt.
    Result<Comparison> compare(Run& run, const Answer& answer, std::stop_token stop);
    Result<Answer> runPlan(const BlendPlan& plan, QueryObserver& observer, bool compared, std::stop_token stop);

    /// Runs `call`; the one place where exceptions become a Status. A broken device or invariant closes the session.
    template <class Call>
    auto guarded(Call call) -> decltype(call()) {
        if (m_broken)
            return Status(StatusCode::Internal, "the session ended after an internal error; open the workspace again");
        try {
            return call();
        } catch (const std::bad_alloc&) {
            return Status(StatusCode::OutOfMemory, "not enough memory; use a shorter context or a smaller model");
        } catch (const std::exception& error) {
            m_broken = true;
            return Status(StatusCode::Internal, std::string("internal error: ") + error.what());
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
    std::unique_ptr<Backend> m_backend;
    KvSpec m_spec;
    FingerprintId m_fingerprint;
    int m_maxContext = 0;
    std::unique_ptr<Planner> m_planner;
    std::unique_ptr<Transformer> m_transformer;
    std::unique_ptr<Blender> m_blender;
    std::optional<KvCache> m_spareCache;  // of the last query: fresh pages cost more than loading its KV
    bool m_broken = false;
};

}  // namespace engine
