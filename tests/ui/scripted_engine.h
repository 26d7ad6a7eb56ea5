// An engine that plays a small library from memory, slowly or at once as a test asks, and notes what it was asked.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "tests/ui/script.h"
#include "ui/engine_bridge.h"

namespace testing_ui {

// Sizes of the scripted library.
constexpr int kTokensOfChunk = 48;
constexpr int kChunksOfDocument = 6;
constexpr std::uint64_t kBytesPerToken = 23'040;

engine::ModelInfo exampleModel();
engine::ChunkId chunkId(int number);

class ScriptedEngine : public engine::Engine {
public:
    explicit ScriptedEngine(std::shared_ptr<Script> script);
    ~ScriptedEngine() override;

    const engine::ModelInfo& model() const override { return m_model; }
    const std::string& ended() const override { return m_ended; }
    engine::Result<engine::IngestReport> ingest(const engine::IngestRequest& request, engine::JobObserver& observer,
                                                std::stop_token stop) override;
    engine::Result<engine::PrecomputeReport> precompute(const engine::PrecomputeRequest& request,
                                                        engine::JobObserver& observer, std::stop_token stop) override;
    engine::Result<std::vector<engine::CollectionInfo>> collections() override;
    engine::Result<std::vector<engine::SourceRecord>> sources(const std::string& collection) override;
    engine::Result<std::vector<engine::DocumentRecord>> documents(const std::string& collection) override;
    engine::Result<engine::DocumentRecord> document(engine::DocumentId id) override;
    engine::Result<std::vector<engine::ChunkInfo>> chunks(const engine::ChunkQuery& query) override;
    engine::Result<engine::ChunkInfo> chunk(const engine::ChunkId& id) override;
    engine::Result<std::vector<engine::FileInfo>> files(const std::string& collection) override;
    engine::Result<std::vector<engine::OnDisk>> filesOnDisk(const std::string& collection) override;
    engine::Status addToCollection(const std::string& from, const std::vector<std::string>& paths,
                                   const std::string& to) override;
    engine::Status removeFile(const std::string& collection, const std::string& path) override;
    engine::Status removeCollection(const std::string& collection) override;
    engine::Result<engine::PrecomputeForecast> precomputeForecast(const engine::PrecomputeRequest& request) override;
    engine::Result<engine::BlendPlan> plan(const engine::Query& query) override;
    engine::Result<engine::Answer> run(const engine::BlendPlan& plan, engine::QueryObserver& observer,
                                       std::stop_token stop) override;
    engine::Result<engine::Answer> runCompared(const engine::BlendPlan& plan, engine::QueryObserver& observer,
                                               std::stop_token stop) override;
    engine::Result<engine::Answer> measureDeviation(const engine::BlendPlan& plan, engine::QueryObserver& observer,
                                                    std::stop_token stop) override;
    engine::Result<std::vector<engine::AnswerRecord>> history(int limit) override;
    engine::Result<engine::TokenIds> tokenize(const std::string& text, bool parseSpecial) override;
    std::string piece(engine::TokenId id) const override;
    engine::Result<engine::PromptLogits> logits(const engine::TokenIds& ids, int top, int greedy,
                                                std::stop_token stop) override;
    engine::Result<engine::KvStoreStats> storeStats() override;
    engine::Result<engine::KvVerifyReport> storeVerify(int part, int modulus, engine::JobObserver& observer,
                                                       std::stop_token stop) override;
    engine::Result<std::vector<std::string>> verifyLibrary() override { return std::vector<std::string>(); }
    engine::Result<std::uint64_t> storeEvict(std::uint64_t bytes, std::stop_token stop) override;
    engine::Result<engine::KvCompactReport> storeCompact(engine::JobObserver& observer, std::stop_token stop) override;
    engine::Result<engine::KvRebuildReport> storeRebuildIndex(engine::JobObserver& observer, std::stop_token stop) override;
    engine::Result<std::int64_t> storePin(const std::string& collection, bool pinned) override;
    engine::Result<std::int64_t> storePinFiles(const std::string& collection, const std::vector<std::string>& paths,
                                               bool pinned) override;
    engine::Result<std::vector<engine::StoreUsage>> storeUsage(engine::StoreGroup group) override;
    engine::Result<std::vector<engine::DamageEvent>> storeDamage(int limit) override;
    engine::Result<std::uint64_t> setStoreCap(std::uint64_t bytes) override;
    engine::Status dropCaches() override;
    engine::Result<engine::GateReport> verifyExactness(const std::vector<engine::GivenPrompt>& cases,
                                                       engine::JobObserver& observer, std::stop_token stop) override;

private:
    engine::ChunkInfo chunkInfo(int number) const;
    engine::FileInfo fileInfo(int number) const;

    const std::shared_ptr<Script> m_script;
    engine::ModelInfo m_model;
    std::string m_ended;
    std::vector<std::string> m_collections;
    std::vector<std::string> m_removed;  // paths
    std::vector<engine::AnswerRecord> m_history;
    int m_chunksWithKv = 0;
    std::uint64_t m_cap = 0;
    bool m_pinned = false;
    std::uint64_t m_runs = 0;
};

/// A factory that opens engines on this script.
ui::EngineFactory factoryOf(std::shared_ptr<Script> script);

/// Tells the example model; a path with "broken" in it is refused.
engine::Result<engine::ModelInfo> inspect(const std::string& path, engine::KvDtype kvDtype);

}  // namespace testing_ui
