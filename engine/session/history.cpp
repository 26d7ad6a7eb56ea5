// Answered questions in the catalog.
#include <chrono>
#include <nlohmann/json.hpp>

#include "engine/names.h"
#include "engine/session/engine_impl.h"

namespace engine {
namespace {

/// What a list of answers shows, with the names of `ask --json`.
std::string detailsOf(const BlendTrace& trace) {
    using json = nlohmann::ordered_json;
    json chunks = json::array();
    for (const PlanSegment& segment : trace.segments)
        if (segment.kind == SegmentKind::Chunk)
            chunks.push_back(
                {{"id", segment.chunk.hex()},
                 {"document", segment.document},
                 {"pages", segment.firstPage > 0 ? json::array({segment.firstPage, segment.lastPage}) : json::array()},
                 {"score", segment.score}});
    const json details{{"model", trace.model},
                       {"strategy", nameOf(trace.options.strategy)},
                       {"ratio", trace.options.ratio},
                       {"tokens",
                        {{"prompt", trace.tokens.prompt},
                         {"reused", trace.tokens.reused},
                         {"recomputed", trace.tokens.recomputed},
                         {"new", trace.tokens.fresh},
                         {"generated", trace.tokens.generated}}},
                       {"ms", {{"ttft", trace.ms.ttft}, {"total", trace.ms.total}}},
                       {"chunks", std::move(chunks)},
                       {"stop_reason", nameOf(trace.stopReason)}};
    return details.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace

std::string EngineImpl::record(const BlendTrace& trace) {
    if (trace.collection.empty() || trace.stopReason == StopReason::Cancelled)
        return {};  // given prompts are measurements, and half an answer is none
    const Result<std::optional<CollectionRecord>> collection = m_catalog->collection(trace.collection);
    AnswerRecord answer;
    answer.askedAtMs =
        std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
    if (collection.ok() && collection->has_value())
        answer.collection = (*collection)->id;
    answer.question = trace.question;
    answer.answer = trace.answer;
    answer.detailsJson = detailsOf(trace);
    const Result<std::int64_t> added = m_catalog->addAnswer(answer);
    if (added.ok() || added.status().code() == StatusCode::ReadOnly)
        return {};
    return "the answer could not be written into the history: " + added.status().message();
}

}  // namespace engine
