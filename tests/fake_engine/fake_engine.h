// An engine that plays what a test tells it and notes what it was asked; for the tests of app and ui.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/engine.h"

namespace testing_engine {

/// Two chunks of a document with pages, one from the store and one missing, behind a head of ten tokens.
engine::BlendPlan examplePlan();
/// An answer to it whose stages sum to its TTFT and whose counters add up.
engine::Answer exampleAnswer(const engine::BlendPlan& plan);
engine::ModelInfo exampleModel();

/// What an engine was asked, in order.
struct EngineLog {
    std::vector<std::string> calls;
    std::vector<engine::Query> queries;
    std::vector<engine::PrecomputeRequest> precomputed;
    std::vector<engine::IngestRequest> ingested;
    std::vector<engine::ChunkQuery> chunkQueries;
};

/// Tokens are words; a word's id is its length. Copyable; one thread.
class FakeEngine : public engine::Engine {
public:
    FakeEngine() : info(exampleModel()) {}

    // What the calls give; tests replace what they need.
    engine::ModelInfo info;
    std::string sessionEnd;  // why the session ended
    engine::IngestReport ingestReport;
    engine::PrecomputeReport precomputeReport;
    std::vector<engine::CollectionInfo> collectionList;
    std::vector<engine::SourceRecord> sourceList;
    std::vector<engine::DocumentRecord> documentList;
    std::vector<engine::ChunkInfo> chunkList;  // pages are cut from it
    std::vector<engine::FileInfo> fileList;
    std::vector<engine::AnswerRecord> answerList;
    engine::PrecomputeForecast forecast;
    std::vector<engine::StoreUsage> usageList;  // of every group
    std::vector<engine::DamageEvent> damageList;
    std::vector<engine::DeviceMemory> memory;  // of every plan
    std::vector<std::string> planNotes;
    engine::PromptLogits promptLogits;
    engine::KvStoreStats stats;
    engine::KvVerifyReport verifyReport;
    std::vector<std::string> libraryDamage;
    engine::GateReport gate;
    std::vector<std::string> streamed;  // pieces of the answer
    std::function<engine::Result<engine::Answer>(const engine::BlendPlan&)> answerOf = exampleAnswer;
    engine::Status failure;                                                        // when not ok, every call gives it
    std::function<void()> whileRunning;                                            // called in run(), before the answer
    std::function<void(engine::JobObserver&, std::stop_token)> whilePrecomputing;  // called in precompute()

    std::shared_ptr<EngineLog> log = std::make_shared<EngineLog>();  // shared by copies

    const engine::ModelInfo& model() const override { return info; }
    const std::string& ended() const override { return sessionEnd; }
    engine::Result<engine::IngestReport> ingest(const engine::IngestRequest& request, engine::JobObserver& observer,
                                                std::stop_token stop) override;
    engine::Result<engine::PrecomputeReport> precompute(const engine::PrecomputeRequest& request,
                                                        engine::JobObserver& observer, std::stop_token stop) override;
    engine::Result<std::vector<engine::CollectionInfo>> collections() override { return given(collectionList); }
    engine::Result<std::vector<engine::SourceRecord>> sources(const std::string&) override { return given(sourceList); }
    engine::Result<std::vector<engine::DocumentRecord>> documents(const std::string&) override {
        return given(documentList);
    }
    engine::Result<engine::DocumentRecord> document(engine::DocumentId) override { return given(engine::DocumentRecord{}); }
    engine::Result<std::vector<engine::ChunkInfo>> chunks(const engine::ChunkQuery& query) override;
    engine::Result<engine::ChunkInfo> chunk(const engine::ChunkId& id) override;
    engine::Result<std::vector<engine::FileInfo>> files(const std::string&) override { return given(fileList); }
    engine::Result<std::vector<engine::OnDisk>> filesOnDisk(const std::string&) override {
        return std::vector<engine::OnDisk>(fileList.size(), engine::OnDisk::Same);
    }
    engine::Status addToCollection(const std::string& from, const std::vector<std::string>& paths,
                                   const std::string& to) override;
    engine::Status removeFile(const std::string& collection, const std::string& path) override;
    engine::Status removeCollection(const std::string& collection) override;
    engine::Result<engine::PrecomputeForecast> precomputeForecast(const engine::PrecomputeRequest&) override {
        return given(forecast);
    }
    engine::Result<engine::BlendPlan> plan(const engine::Query& query) override;
    engine::Result<engine::Answer> run(const engine::BlendPlan& plan, engine::QueryObserver& observer,
                                       std::stop_token stop) override;
    engine::Result<engine::Answer> runCompared(const engine::BlendPlan& plan, engine::QueryObserver& observer,
                                               std::stop_token stop) override;
    /// runCompared() with a small deviation report of the plan's prompt.
    engine::Result<engine::Answer> measureDeviation(const engine::BlendPlan& plan, engine::QueryObserver& observer,
                                                    std::stop_token stop) override;
    engine::Result<std::vector<engine::AnswerRecord>> history(int limit) override;
    engine::Result<engine::TokenIds> tokenize(const std::string& text, bool parseSpecial) override;
    std::string piece(engine::TokenId id) const override { return " word" + std::to_string(id); }
    engine::Result<engine::PromptLogits> logits(const engine::TokenIds& ids, int top, int greedy, std::stop_token) override;
    engine::Result<engine::KvStoreStats> storeStats() override { return given(stats); }
    engine::Result<engine::KvVerifyReport> storeVerify(int part, int modulus, engine::JobObserver&,
                                                       std::stop_token) override;
    engine::Result<std::vector<std::string>> verifyLibrary() override { return given(libraryDamage); }
    engine::Result<std::uint64_t> storeEvict(std::uint64_t bytes, std::stop_token) override;
    engine::Result<engine::KvCompactReport> storeCompact(engine::JobObserver&, std::stop_token) override {
        return given(engine::KvCompactReport{4096, 2});
    }
    engine::Result<engine::KvRebuildReport> storeRebuildIndex(engine::JobObserver&, std::stop_token) override {
        return given(engine::KvRebuildReport{7, 1});
    }
    engine::Result<std::int64_t> storePin(const std::string& collection, bool pinned) override;
    engine::Result<std::int64_t> storePinFiles(const std::string& collection, const std::vector<std::string>& paths,
                                               bool pinned) override;
    engine::Result<std::vector<engine::StoreUsage>> storeUsage(engine::StoreGroup group) override;
    engine::Result<std::vector<engine::DamageEvent>> storeDamage(int) override { return given(damageList); }
    engine::Result<std::uint64_t> setStoreCap(std::uint64_t bytes) override;
    engine::Status dropCaches() override;
    engine::Result<engine::GateReport> verifyExactness(const std::vector<engine::GivenPrompt>& cases, engine::JobObserver&,
                                                       std::stop_token) override;

private:
    template <class T>
    engine::Result<T> given(T value) const {
        if (!failure.ok())
            return failure;
        return value;
    }
};

}  // namespace testing_engine
