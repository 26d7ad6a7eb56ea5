// Precompute: which chunks have no KV yet, computed in batches and published one record at a time.
#include <algorithm>
#include <chrono>
#include <limits>
#include <unordered_set>

#include "engine/blend/stopwatch.h"
#include "engine/session/engine_impl.h"

namespace engine {
namespace {

constexpr std::uint64_t kSegmentHeadBytes = 4096;  // of a segment that the next record may have to open

}  // namespace

Result<std::vector<EngineImpl::ChunkWork>> EngineImpl::missingChunks(const PrecomputeRequest& request,
                                                                     std::int64_t& already) {
    std::vector<ChunkWork> work;
    std::unordered_set<KvKey> seen;
    Status failure;
    const auto add = [&](const TokenIds& anchor, TokenIds ids) {
        const KvKey key = kvKey(m_fingerprint, anchor, ids);
        if (std::ssize(anchor) + std::ssize(ids) > m_maxContext)
            failure = Status(StatusCode::InvalidArgument,
                             "a chunk of " + std::to_string(ids.size()) + " tokens is longer than the context of " +
                                 std::to_string(m_maxContext) + "; import with a smaller --chunk-tokens");
        if (ids.empty() || !failure.ok() || !seen.insert(key).second)
            return;
        const Result<std::optional<storage::KvExtent>> extent = m_store->find(m_fingerprint, key);
        if (!extent.ok())
            failure = extent.status();
        else if (extent->has_value())
            ++already;
        else
            work.push_back({key, std::move(ids)});
    };
    for (const GivenPrompt& given : request.given)
        for (const std::string& text : given.chunks)
            add(Planner::anchorIds(request.anchor, m_planner->headOf(given)), m_planner->givenChunkIds(text));
    if (request.given.empty()) {
        const Result<std::vector<storage::ChunkPlace>> places = chunkPlacesOf(request.collection);
        if (!places.ok())
            return places.status();
        const TokenIds anchor = Planner::anchorIds(request.anchor, m_planner->head());
        std::vector<storage::ChunkPlace> wanted;  // those that a remembered key does not show to be stored
        for (const storage::ChunkPlace& place : *places) {
            const ChunkKeys::Key* key = m_chunkKeys->keyOf(place.id, request.anchor);
            const Result<std::optional<storage::KvExtent>> extent =
                key != nullptr ? m_store->find(m_fingerprint, key->key) : std::optional<storage::KvExtent>();
            if (!extent.ok())
                return extent.status();
            if (extent->has_value())
                already += seen.insert(key->key).second ? 1 : 0;
            else
                wanted.push_back(place);
        }
        for (const storage::ChunkPlace& place : wanted) {
            const Result<std::optional<ChunkRecord>> chunk = m_catalog->chunk(place.id);
            if (!chunk.ok())
                return chunk.status();
            if (!chunk->has_value())
                continue;
            const Result<std::string> text = m_catalog->chunkText(**chunk);
            if (!text.ok())
                return text.status().withContext("chunk " + place.id.hex());
            add(anchor, m_planner->chunkIds((*chunk)->header, *text));
        }
        if (Status status = m_chunkKeys->learnUnknown(wanted, ChunkKeys::Effort::Complete); !status.ok())
            return status;
    }
    if (!failure.ok())
        return failure;
    return work;
}

Status EngineImpl::storeChunks(std::span<const ChunkWork> work, std::vector<ChunkKv>& kv, PrecomputeReport& report) {
    for (std::size_t i = 0; i < work.size(); ++i) {
        const auto tokens = static_cast<int>(work[i].ids.size());
        if (Status status = m_store->put(m_fingerprint, work[i].key, tokens, kv[i].slices); !status.ok())
            return status.withContext("storing chunk KV");
        report.chunksDone += 1;
        report.tokens += tokens;
        report.bytes += kv[i].bytes.size();
    }
    return {};
}

std::vector<TokenIds> EngineImpl::headsOf(const PrecomputeRequest& request) const {
    std::vector<TokenIds> heads;
    if (request.given.empty())
        heads.push_back(m_planner->head());
    for (const GivenPrompt& given : request.given)
        heads.push_back(m_planner->headOf(given));
    std::sort(heads.begin(), heads.end());
    heads.erase(std::unique(heads.begin(), heads.end()), heads.end());
    return heads;
}

Result<PrecomputeForecast> EngineImpl::precomputeForecast(const PrecomputeRequest& request) {
    return guarded([&]() -> Result<PrecomputeForecast> {
        if (Status status = needModel(); !status.ok())
            return status;
        PrecomputeForecast forecast;
        const auto add = [&](const KvKey& key, int tokens) -> Status {
            const Result<std::optional<storage::KvExtent>> extent = m_store->find(m_fingerprint, key);
            if (!extent.ok())
                return extent.status();
            if (extent->has_value()) {
                ++forecast.already;
                return {};
            }
            ++forecast.chunks;
            forecast.tokens += tokens;
            forecast.bytes += storage::kvRecordBytes(m_spec, tokens);
            return {};
        };
        std::unordered_set<KvKey> seen;
        const auto addIds = [&](const TokenIds& anchor, const TokenIds& ids) -> Status {
            const KvKey key = kvKey(m_fingerprint, anchor, ids);
            return ids.empty() || !seen.insert(key).second ? Status() : add(key, static_cast<int>(ids.size()));
        };
        for (const TokenIds& head : headsOf(request))
            if (Status status = addIds({}, head); !status.ok())
                return status;
        for (const GivenPrompt& given : request.given)
            for (const std::string& text : given.chunks)
                if (Status status =
                        addIds(Planner::anchorIds(request.anchor, m_planner->headOf(given)), m_planner->givenChunkIds(text));
                    !status.ok())
                    return status;
        if (request.given.empty()) {
            const Result<std::vector<storage::ChunkPlace>> places = chunkPlacesOf(request.collection);
            if (!places.ok())
                return places.status();
            if (Status status = m_chunkKeys->learnUnknown(*places, ChunkKeys::Effort::Complete); !status.ok())
                return status;
            for (const storage::ChunkPlace& place : *places) {
                const ChunkKeys::Key* key = m_chunkKeys->keyOf(place.id, request.anchor);
                if (key == nullptr || key->tokens == 0 || !seen.insert(key->key).second)
                    continue;
                if (Status status = add(key->key, key->tokens); !status.ok())
                    return status;
            }
        }
        forecast.ms = m_speed.forecastPrecomputeMs(forecast.tokens);
        return forecast;
    });
}

Result<PrecomputeReport> EngineImpl::precompute(const PrecomputeRequest& request, JobObserver& observer,
                                                std::stop_token stop) {
    PrecomputeReport report;
    return computing([&]() -> Result<PrecomputeReport> {
        const auto start = std::chrono::steady_clock::now();
        if (Status status = needModel(); !status.ok())
            return status;
        std::int64_t already = 0;
        Result<std::vector<ChunkWork>> missing = missingChunks(request, already);
        if (!missing.ok())
            return missing.status();
        if (report.chunksDone == 0)  // a second attempt finds what the first one stored
            report.chunksAlready = already;

        // Jobs that share an anchor run behind one prefill of it. A head is a chunk behind nothing.
        struct Job {
            TokenIds anchor;
            std::vector<ChunkWork> chunks;
        };
        std::vector<Job> jobs;
        const auto addHead = [&](const TokenIds& head) {
            if (head.empty())
                return;
            const KvKey key = kvKey(m_fingerprint, {}, head);
            const Result<std::optional<storage::KvExtent>> extent = m_store->find(m_fingerprint, key);
            const bool queued =
                std::any_of(jobs.begin(), jobs.end(), [&](const Job& job) { return job.chunks.front().key == key; });
            if (extent.ok() && !extent->has_value() && !queued)
                jobs.push_back({{}, {{key, head}}});
        };
        const std::vector<TokenIds> heads = headsOf(request);
        for (const TokenIds& head : heads)
            addHead(head);
        for (const TokenIds& head : heads) {
            const TokenIds anchor = Planner::anchorIds(request.anchor, head);
            Job job{anchor, {}};
            for (ChunkWork& chunk : *missing)
                if (!chunk.ids.empty() && kvKey(m_fingerprint, anchor, chunk.ids) == chunk.key)
                    job.chunks.push_back(std::move(chunk));
            if (!job.chunks.empty())
                jobs.push_back(std::move(job));
        }

        std::int64_t total = 0;
        for (const Job& job : jobs)
            for (const ChunkWork& chunk : job.chunks)
                total += static_cast<std::int64_t>(chunk.ids.size());
        if (total > 0)
            if (Status status = needTransformer(); !status.ok())
                return status;
        observer.progress("precomputing", 0, total, "tokens");
        for (const Job& job : jobs) {
            ChunkPrecomputer precomputer(*m_transformer, m_spec, job.anchor);
            for (std::size_t begin = 0; begin < job.chunks.size() && !report.cancelled && !report.budgetReached;) {
                std::uint64_t room = std::numeric_limits<std::uint64_t>::max();
                if (request.budgetBytes > 0) {
                    const Result<KvStoreStats> stats = m_store->stats();
                    if (!stats.ok())
                        return stats.status();
                    const std::uint64_t taken = stats->diskBytes + kSegmentHeadBytes;
                    room = request.budgetBytes > taken ? request.budgetBytes - taken : 0;
                }
                std::vector<TokenIds> batch;
                std::size_t rows = 0;
                std::size_t end = begin;
                while (end < job.chunks.size() &&
                       (batch.empty() || rows + job.chunks[end].ids.size() <= ChunkPrecomputer::kBatchRows)) {
                    const std::uint64_t recordBytes =
                        storage::kvRecordBytes(m_spec, static_cast<int>(job.chunks[end].ids.size()));
                    if (recordBytes > room) {
                        report.budgetReached = true;
                        break;
                    }
                    room -= recordBytes;
                    rows += job.chunks[end].ids.size();
                    batch.push_back(job.chunks[end++].ids);
                }
                if (batch.empty())
                    break;
                const Stopwatch clock;
                double elsewhereMs = 0;
                Result<std::vector<ChunkKv>> kv = precomputer.compute(batch, stop, [&] {
                    const Stopwatch border;
                    observer.atBorder();
                    elsewhereMs += border.elapsedMs();
                });
                if (!kv.ok()) {
                    if (kv.status().code() != StatusCode::Cancelled)
                        return kv.status();
                    report.cancelled = true;
                    break;
                }
                if (Status status = storeChunks(std::span(job.chunks).subspan(begin, end - begin), *kv, report);
                    !status.ok())
                    return status;
                m_speed.learnPrecompute(static_cast<std::int64_t>(rows), clock.elapsedMs() - elsewhereMs);
                m_unsavedSpeed += 1;
                begin = end;
                observer.atBorder();
                observer.progress("precomputing", report.tokens, total, "tokens");
            }
        }
        report.ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
        return report;
    });
}

}  // namespace engine
