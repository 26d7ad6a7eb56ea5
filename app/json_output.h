// Values as JSON text, with the names that the command line promises. Documents are indented; lines are not.
#pragma once

#include <string>
#include <vector>

#include "app/bench_report.h"
#include "app/statistics.h"
#include "engine/doctor.h"
#include "engine/types.h"

namespace app {

enum class JsonLayout { Document, Line };
std::string importJson(const std::string& collection, const engine::IngestReport& report, JsonLayout layout);
std::string precomputeJson(const engine::PrecomputeReport& report);

std::string answerJson(const engine::BlendPlan& plan, const engine::Answer& answer, const engine::ModelInfo& model);
std::string planJson(const engine::BlendPlan& plan, const engine::ModelInfo& model);

/// Which row of an evaluation.
struct EvalRowKey {
    std::string id;
    engine::Strategy strategy = engine::Strategy::QueryValue;
    RatioOption ratio;
};
/// Lines: the answer's fields with id and correct; a row that failed; a summary.
std::string evalLine(const EvalRowKey& key, bool correct, const engine::BlendPlan& plan, const engine::Answer& answer,
                     const engine::ModelInfo& model);
std::string evalFailureLine(const EvalRowKey& key, const std::string& message);
std::string evalSummaryLine(const EvalSummary& summary);
/// What `eval --dump` writes.
std::string evalDumpJson(const engine::Answer& answer);

std::string benchJson(const BenchReport& report);

std::string tokenizeJson(const engine::TokenIds& ids, const std::vector<std::string>& pieces);
std::string logitsJson(const engine::PromptLogits& logits, bool greedy);

std::string collectionsJson(const std::vector<engine::CollectionInfo>& collections);
/// A document with the files of the collection that hold it; and the files that hold none.
std::string documentsJson(const std::vector<engine::DocumentRecord>& documents,
                          const std::vector<engine::SourceRecord>& sources);
std::string chunksJson(const std::vector<engine::ChunkInfo>& chunks, bool searched);

std::string storeStatsJson(const engine::KvStoreStats& stats);
std::string storeVerifyJson(const engine::KvVerifyReport& report, const std::vector<std::string>& libraryDamage,
                            bool cancelled);
std::string storeEvictJson(std::uint64_t freedBytes, const engine::KvStoreStats& after);
std::string storeCompactJson(const engine::KvCompactReport& report);
std::string storeRebuildJson(const engine::KvRebuildReport& report);
std::string storePinJson(std::int64_t records);

std::string gateJson(const engine::GateReport& report, bool passed);
std::string doctorJson(const engine::DoctorReport& report);
std::string modelInfoJson(const engine::ModelInfo& info);

/// A file of the models folder: what it is, or why it cannot be used.
struct LocalModel {
    std::string path;
    bool embedded = false;
    bool isDefault = false;
    engine::Result<engine::ModelInfo> info;
};
std::string modelListJson(const std::string& folder, const std::vector<LocalModel>& models);

/// The ids of a JSON array of whole numbers. Error: InvalidArgument.
engine::Result<engine::TokenIds> tokenIdsOf(const std::string& json);

}  // namespace app
