// From a question to a blend plan: prompt parts, retrieval, and where each part's KV lies. Runs no model.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

#include "engine/kv/kv_key.h"
#include "engine/model/chat_template.h"
#include "engine/model/tokenizer.h"
#include "engine/transformer/transformer.h"
#include "engine/types.h"
#include "storage/catalog.h"
#include "storage/kv_store.h"

namespace engine {

/// What planning needs to know of the session; all references outlive the planner.
struct PlannerContext {
    const Tokenizer& tokenizer;
    const ModelConfig& config;
    ChatTemplateKind chatTemplate;
    std::string systemPrompt;
    int maxContext = 0;  // tokens of prompt and answer
    FingerprintId fingerprint;
    storage::Catalog& catalog;
    storage::KvStore& store;
};

class Planner {
public:
    explicit Planner(PlannerContext context);

    /// Errors: InvalidArgument (an option out of range, prompt too long), NotFound (collection, chunk).
    Result<BlendPlan> plan(const Query& query) const;

    /// The plan of a question that goes on from an answer: `keptTokens` stand before it, `pending` of them not computed yet.
    Result<BlendPlan> planFollowUp(const Query& query, int keptTokens, const TokenIds& pending) const;

    /// Ids of the prompt's fixed head: of the session, or of a given prompt.
    const TokenIds& head() const { return m_head; }
    TokenIds headOf(const GivenPrompt& given) const;
    /// Ids of a catalogued chunk as the prompt holds them: header line, text, separator.
    TokenIds chunkIds(const std::string& header, std::string_view text) const;
    TokenIds givenChunkIds(const std::string& text) const { return m_context.tokenizer.encode(text, SpecialTokens::AsText); }
    /// The tokens that chunks are precomputed behind.
    static TokenIds anchorIds(Anchor anchor, const TokenIds& head);

private:
    Status checkOptions(const Query& query) const;
    Status checkLength(const BlendPlan& plan) const;
    Status addRetrieved(const Query& query, BlendPlan& plan) const;
    using DocumentsById = std::unordered_map<std::int64_t, DocumentRecord>;
    Status addChunk(const ChunkId& id, double score, DocumentsById& documents, BlendPlan& plan) const;
    Status lookUp(const TokenIds& headIds, BlendPlan& plan) const;

    const PlannerContext m_context;
    const TokenIds m_head;
};

}  // namespace engine
