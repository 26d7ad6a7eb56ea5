// Planner: prompt assembly, retrieval and look-up of records.
#include "engine/blend/planner.h"

#include <algorithm>

#include "engine/blend/prompt_layout.h"
#include "engine/blend/stopwatch.h"
#include "engine/ingest/chunker.h"
#include "engine/retrieve/query_terms.h"

namespace engine {
namespace {

constexpr const char* kLead = "Documents:\n\n";
constexpr int kMostChunks = 256;

std::string questionText(const std::string& question) { return "Question: " + question; }

PlanSegment headSegment(const TokenIds& ids) {
    PlanSegment segment;
    segment.kind = SegmentKind::Head;
    segment.ids = ids;
    return segment;
}

}  // namespace

Planner::Planner(PlannerContext context)
    : m_context(std::move(context)),
      m_head(encodePieces(m_context.tokenizer, promptHead(m_context.chatTemplate, m_context.tokenizer.vocabulary(),
                                                          m_context.systemPrompt, kLead))) {}

TokenIds Planner::headOf(const GivenPrompt& given) const {
    if (given.raw)
        return m_context.tokenizer.encode(given.head, SpecialTokens::Parse);
    if (given.head.empty())
        return m_head;
    return encodePieces(m_context.tokenizer,
                        promptHead(m_context.chatTemplate, m_context.tokenizer.vocabulary(), given.head, kLead));
}

TokenIds Planner::chunkIds(const std::string& header, std::string_view text) const {
    return m_context.tokenizer.encode(chunkPromptText(header, text), SpecialTokens::AsText);
}

TokenIds Planner::anchorIds(Anchor anchor, const TokenIds& head) {
    switch (anchor) {
        case Anchor::None:
            return {};
        case Anchor::Bos:
            return TokenIds(head.begin(), head.begin() + std::min<std::ptrdiff_t>(1, std::ssize(head)));
        case Anchor::Head:
            return head;
    }
    return {};
}

Status Planner::checkOptions(const Query& query) const {
    const BlendOptions& blend = query.blend;
    const auto invalid = [](std::string message) { return Status(StatusCode::InvalidArgument, std::move(message)); };
    if (!(blend.ratio >= 0 && blend.ratio <= 1))
        return invalid("the ratio is the share of context tokens computed again and must lie between 0 and 1");
    if (blend.strategy == Strategy::CacheBlend && (blend.checkLayer < 1 || blend.checkLayer >= m_context.config.layers))
        return invalid("the check layer must lie between 1 and " + std::to_string(m_context.config.layers - 1) +
                       " for this model");
    if (blend.first < 0)
        return invalid("the number of first tokens must not be negative");
    if (query.sampling.maxTokens < 0)
        return invalid("the greatest number of answer tokens must not be negative");
    if (query.topK < 1 || query.topK > kMostChunks)
        return invalid("the number of chunks must lie between 1 and " + std::to_string(kMostChunks));
    return {};
}

Status Planner::addChunk(const ChunkId& id, double score, DocumentsById& documents, BlendPlan& plan) const {
    Result<std::optional<ChunkRecord>> chunk = m_context.catalog.chunk(id);
    if (!chunk.ok())
        return chunk.status();
    if (!chunk->has_value())
        return Status(StatusCode::NotFound, "there is no chunk " + id.hex() + "; list them with `chunks`");
    const ChunkRecord& record = **chunk;
    auto document = documents.find(record.document.value);
    if (document == documents.end()) {
        Result<DocumentRecord> read = m_context.catalog.document(record.document);
        if (!read.ok())
            return read.status();
        document = documents.emplace(record.document.value, std::move(*read)).first;
    }
    PlanSegment segment;
    segment.chunk = record.id;
    segment.document = document->second.title;
    segment.header = record.header;
    segment.firstPage = record.firstPage;
    segment.lastPage = record.lastPage;
    segment.begin = record.begin;
    segment.end = record.end;
    segment.score = score;
    const Stopwatch clock;
    segment.ids = chunkIds(record.header, std::string_view(document->second.text)
                                              .substr(static_cast<std::size_t>(record.beginByte),
                                                      static_cast<std::size_t>(record.endByte - record.beginByte)));
    plan.tokenizeMs += clock.elapsedMs();
    plan.segments.push_back(std::move(segment));
    return {};
}

Status Planner::addRetrieved(const Query& query, BlendPlan& plan) const {
    DocumentsById documents;  // one read of a document serves all of its chunks
    Result<std::optional<CollectionRecord>> collection = m_context.catalog.collection(query.collection);
    if (!collection.ok())
        return collection.status();
    // Chunks picked by hand need no collection; one that is named must be there all the same.
    if (!collection->has_value() && (query.chunks.empty() || !query.collection.empty()))
        return Status(StatusCode::NotFound,
                      "there is no collection \"" + query.collection + "\"; list them with `collections`");
    if (!query.chunks.empty()) {
        for (const ChunkId& id : query.chunks)
            if (Status status = addChunk(id, 0, documents, plan); !status.ok())
                return status;
        return {};
    }
    const Stopwatch clock;
    Result<std::vector<storage::ChunkHit>> hits =
        m_context.catalog.searchChunks((*collection)->id, queryTerms(query.question), query.topK);
    if (!hits.ok())
        return hits.status();
    plan.retrieveMs = clock.elapsedMs();
    for (const storage::ChunkHit& hit : *hits)
        if (Status status = addChunk(hit.id, hit.score, documents, plan); !status.ok())
            return status;
    if (hits->empty())
        plan.notes.push_back("nothing in \"" + query.collection +
                             "\" matches the question; it is answered without documents");
    return {};
}

Status Planner::lookUp(const TokenIds& headIds, BlendPlan& plan) const {
    const TokenIds anchor = anchorIds(plan.options.anchor, headIds);
    TokenIds before;  // ids that precede the segment in the prompt
    for (PlanSegment& segment : plan.segments) {
        segment.position = static_cast<int>(before.size());
        const bool head = segment.kind == SegmentKind::Head;
        const TokenIds& behind = head ? before : anchor;
        segment.key = kvKey(m_context.fingerprint, behind, segment.ids);
        segment.prefixExact = head || before == anchor;
        Result<std::optional<storage::KvExtent>> extent = m_context.store.find(m_context.fingerprint, segment.key);
        if (!extent.ok())
            return extent.status();
        segment.extent = *extent;
        segment.source = extent->has_value() ? KvSource::Store : KvSource::Miss;
        before.insert(before.end(), segment.ids.begin(), segment.ids.end());
        if (head)
            continue;
        plan.contextTokens += segment.tokens();
        (segment.source == KvSource::Store ? plan.hits : plan.misses) += 1;
    }
    plan.promptTokens = static_cast<int>(before.size() + plan.suffix.size());
    return {};
}

Status Planner::checkLength(const BlendPlan& plan) const {
    if (plan.promptTokens + plan.sampling.maxTokens > m_context.maxContext)
        return Status(StatusCode::InvalidArgument, "the prompt has " + std::to_string(plan.promptTokens) +
                                                       " tokens and the answer may take " +
                                                       std::to_string(plan.sampling.maxTokens) +
                                                       ", more than the context of " + std::to_string(m_context.maxContext) +
                                                       "; use fewer chunks (--top-k) or a shorter answer (--max-tokens)");
    return {};
}

Result<BlendPlan> Planner::planFollowUp(const Query& query, int keptTokens, const TokenIds& pending) const {
    const Stopwatch clock;
    if (Status status = checkOptions(query); !status.ok())
        return status;
    if (query.question.empty())
        return Status(StatusCode::InvalidArgument, "the question is empty");
    BlendPlan plan;
    plan.options = query.blend;
    plan.sampling = query.sampling;
    plan.question = query.question;
    plan.collection = query.collection;
    plan.followUpOf = query.followUpOf;
    plan.keptTokens = keptTokens;
    plan.suffixText = questionText(plan.question);
    const Stopwatch tokenizing;
    plan.suffix = pending;
    const TokenIds turn =
        encodePieces(m_context.tokenizer, promptFollowUp(m_context.chatTemplate, plan.suffixText), Start::Continued);
    plan.suffix.insert(plan.suffix.end(), turn.begin(), turn.end());
    plan.tokenizeMs = tokenizing.elapsedMs();
    plan.promptTokens = keptTokens + static_cast<int>(plan.suffix.size());
    if (Status status = checkLength(plan); !status.ok())
        return status;
    plan.planMs = clock.elapsedMs() - plan.tokenizeMs;
    return plan;
}

Result<BlendPlan> Planner::plan(const Query& query) const {
    const Stopwatch clock;
    if (Status status = checkOptions(query); !status.ok())
        return status;
    BlendPlan plan;
    plan.options = query.blend;
    plan.sampling = query.sampling;
    plan.question = query.given ? query.given->question : query.question;
    plan.collection = query.collection;

    const Stopwatch tokenizing;
    const TokenIds headIds = query.given ? headOf(*query.given) : m_head;
    if (!headIds.empty())
        plan.segments.push_back(headSegment(headIds));
    if (query.given && query.given->raw) {
        plan.suffixText = query.given->question;
        plan.suffix = m_context.tokenizer.encode(plan.suffixText, SpecialTokens::Parse);
    } else {
        plan.suffixText = questionText(plan.question);
        plan.suffix = encodePieces(m_context.tokenizer, promptSuffix(m_context.chatTemplate, plan.suffixText));
    }
    if (query.given)
        for (const std::string& text : query.given->chunks) {
            PlanSegment segment;
            segment.ids = givenChunkIds(text);
            if (!segment.ids.empty())
                plan.segments.push_back(std::move(segment));
        }
    plan.tokenizeMs = tokenizing.elapsedMs();
    if (plan.suffix.empty())
        return Status(StatusCode::InvalidArgument,
                      "the question is empty: there is nothing to compute the first token from");
    if (!query.given)
        if (Status status = addRetrieved(query, plan); !status.ok())
            return status;
    if (Status status = lookUp(headIds, plan); !status.ok())
        return status;
    if (Status status = checkLength(plan); !status.ok())
        return status;
    plan.planMs = clock.elapsedMs() - plan.tokenizeMs - plan.retrieveMs;
    return plan;
}

}  // namespace engine
