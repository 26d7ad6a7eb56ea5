// The library's lists and its ledger: what stands where, and how much of it has KV.
#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <unordered_map>

#include "engine/retrieve/query_terms.h"
#include "engine/session/engine_impl.h"

namespace engine {

namespace {

OnDisk onDisk(const SourceRecord& source) {
    struct stat info {};
    if (::stat(source.path.c_str(), &info) != 0)
        return OnDisk::Missing;
    const std::int64_t modifiedNs = std::int64_t{info.st_mtim.tv_sec} * 1'000'000'000 + info.st_mtim.tv_nsec;
    const bool same = static_cast<std::uint64_t>(info.st_size) == source.sizeBytes && modifiedNs == source.modifiedNs;
    return same ? OnDisk::Same : OnDisk::Changed;
}

}  // namespace

Result<CollectionRecord> EngineImpl::collectionNamed(const std::string& name) {
    Result<std::optional<CollectionRecord>> collection = m_catalog->collection(name);
    if (!collection.ok())
        return collection.status();
    if (!collection->has_value())
        return Status(StatusCode::NotFound, "there is no collection \"" + name + "\"; list them with `collections`");
    return std::move(**collection);
}

Result<std::vector<storage::ChunkPlace>> EngineImpl::chunkPlacesOf(const std::string& collection) {
    const Result<CollectionRecord> record = collectionNamed(collection);
    if (!record.ok())
        return record.status();
    return m_catalog->chunkPlaces(record->id);
}

Result<std::vector<storage::ChunkPlace>> EngineImpl::placesOf(const CollectionRecord& collection) {
    Result<std::vector<storage::ChunkPlace>> places = m_catalog->chunkPlaces(collection.id);
    if (places.ok() && m_chunkKeys != nullptr)
        if (Status status = m_chunkKeys->learnUnknown(*places, ChunkKeys::Effort::Bounded); !status.ok())
            return status;
    return places;
}

Result<std::vector<CollectionInfo>> EngineImpl::collections() {
    return guarded([&]() -> Result<std::vector<CollectionInfo>> {
        const Result<std::vector<CollectionRecord>> records = m_catalog->collections();
        if (!records.ok())
            return records.status();
        std::vector<CollectionInfo> infos;
        for (const CollectionRecord& record : *records) {
            CollectionInfo info{record, 0};
            if (m_chunkKeys != nullptr) {
                const Result<std::vector<storage::ChunkPlace>> places = placesOf(record);
                if (!places.ok())
                    return places.status();
                info.chunksWithKv = std::count_if(places->begin(), places->end(), [&](const storage::ChunkPlace& place) {
                    return m_chunkKeys->inStore(place.id);
                });
            }
            infos.push_back(std::move(info));
        }
        return infos;
    });
}

Result<std::vector<SourceRecord>> EngineImpl::sources(const std::string& collection) {
    return guarded([&]() -> Result<std::vector<SourceRecord>> {
        const Result<CollectionRecord> record = collectionNamed(collection);
        if (!record.ok())
            return record.status();
        return m_catalog->sources(record->id);
    });
}

Result<std::vector<DocumentRecord>> EngineImpl::documents(const std::string& collection) {
    return guarded([&]() -> Result<std::vector<DocumentRecord>> {
        const Result<CollectionRecord> record = collectionNamed(collection);
        if (!record.ok())
            return record.status();
        return m_catalog->documents(record->id);
    });
}

Result<DocumentRecord> EngineImpl::document(DocumentId id) {
    return guarded([&] { return m_catalog->document(id); });
}

Status EngineImpl::describeChunks(std::vector<ChunkInfo>& infos) {
    // One read of each document serves all of its chunks.
    std::unordered_map<std::int64_t, DocumentRecord> documents;
    std::vector<storage::ChunkPlace> places;
    for (ChunkInfo& info : infos) {
        const auto [entry, isNew] = documents.try_emplace(info.record.document.value);
        if (isNew) {
            Result<DocumentRecord> document = m_catalog->document(info.record.document);
            if (!document.ok())
                return document.status();
            entry->second = std::move(*document);
        }
        const DocumentRecord& document = entry->second;
        info.documentTitle = document.title;
        info.text = document.text.substr(static_cast<std::size_t>(info.record.beginByte),
                                         static_cast<std::size_t>(info.record.endByte - info.record.beginByte));
        if (m_chunkKeys != nullptr)
            m_chunkKeys->learn(std::span(&info.record, 1), document.text);
    }
    if (m_chunkKeys != nullptr)
        for (ChunkInfo& info : infos)
            info.inStore = m_chunkKeys->inStore(info.record.id);
    return {};
}

Result<std::vector<ChunkInfo>> EngineImpl::chunks(const ChunkQuery& query) {
    return guarded([&]() -> Result<std::vector<ChunkInfo>> {
        constexpr std::int64_t kBestHits = 50;
        constexpr std::int64_t kMostHits = 100'000;
        const Result<CollectionRecord> record = collectionNamed(query.collection);
        if (!record.ok())
            return record.status();
        const std::int64_t offset = std::max<std::int64_t>(query.offset, 0);
        std::vector<ChunkInfo> infos;
        if (query.search.empty()) {
            Result<std::vector<ChunkRecord>> records = m_catalog->chunks(record->id, query.document, offset, query.limit);
            if (!records.ok())
                return records.status();
            for (ChunkRecord& chunk : *records)
                infos.push_back({std::move(chunk), {}, {}, false, 0});
        } else {
            const std::int64_t wanted = offset + (query.limit < 0 ? kBestHits : query.limit);
            const Result<std::vector<storage::ChunkHit>> hits = m_catalog->searchChunks(
                record->id, queryTerms(query.search), static_cast<int>(std::min(wanted, kMostHits)), query.document);
            if (!hits.ok())
                return hits.status();
            for (std::size_t i = static_cast<std::size_t>(offset); i < hits->size(); ++i) {
                Result<std::optional<ChunkRecord>> chunk = m_catalog->chunk((*hits)[i].id);
                if (!chunk.ok())
                    return chunk.status();
                if (chunk->has_value())
                    infos.push_back({std::move(**chunk), {}, {}, false, (*hits)[i].score});
            }
        }
        if (Status status = describeChunks(infos); !status.ok())
            return status;
        return infos;
    });
}

Result<ChunkInfo> EngineImpl::chunk(const ChunkId& id) {
    return guarded([&]() -> Result<ChunkInfo> {
        Result<std::optional<ChunkRecord>> record = m_catalog->chunk(id);
        if (!record.ok())
            return record.status();
        if (!record->has_value())
            return Status(StatusCode::NotFound, "there is no chunk " + id.hex() + "; list them with `chunks`");
        std::vector<ChunkInfo> infos{{std::move(**record), {}, {}, false, 0}};
        if (Status status = describeChunks(infos); !status.ok())
            return status;
        return std::move(infos.front());
    });
}

Result<std::vector<OnDisk>> EngineImpl::filesOnDisk(const std::string& collection) {
    return guarded([&]() -> Result<std::vector<OnDisk>> {
        const Result<CollectionRecord> record = collectionNamed(collection);
        if (!record.ok())
            return record.status();
        const Result<std::vector<SourceRecord>> sources = m_catalog->sources(record->id);
        if (!sources.ok())
            return sources.status();
        std::vector<OnDisk> states;
        for (const SourceRecord& source : *sources)
            states.push_back(onDisk(source));
        return states;
    });
}

Result<std::vector<FileInfo>> EngineImpl::files(const std::string& collection) {
    return guarded([&]() -> Result<std::vector<FileInfo>> {
        const Result<CollectionRecord> record = collectionNamed(collection);
        if (!record.ok())
            return record.status();
        Result<std::vector<SourceRecord>> sources = m_catalog->sources(record->id);
        if (!sources.ok())
            return sources.status();
        Result<std::vector<DocumentRecord>> documents = m_catalog->documents(record->id);
        if (!documents.ok())
            return documents.status();
        const Result<std::vector<storage::ChunkPlace>> places = placesOf(*record);
        if (!places.ok())
            return places.status();
        std::map<std::pair<DocumentId, Digest>, std::vector<const storage::ChunkPlace*>> cut;
        for (const storage::ChunkPlace& place : *places)
            cut[{place.document, place.chunker}].push_back(&place);

        std::vector<FileInfo> infos;
        for (SourceRecord& source : *sources) {
            FileInfo info;
            const auto document = std::find_if(documents->begin(), documents->end(), [&](const DocumentRecord& candidate) {
                return candidate.id == source.document;
            });
            if (source.document.value != 0 && document != documents->end()) {
                info.title = document->title;
                info.mediaType = document->mediaType;
                info.pages = document->pages;
            }
            std::unordered_map<KvKey, storage::KvRecordInfo> stored;
            for (const storage::ChunkPlace* place : cut[{source.document, source.chunker}]) {
                info.chunks += 1;
                info.tokens += place->tokens;
                if (m_chunkKeys == nullptr)
                    continue;
                const std::vector<storage::KvRecordInfo> records = m_chunkKeys->recordsOf(place->id);
                info.chunksWithKv += records.empty() ? 0 : 1;
                info.pinnedChunks +=
                    std::any_of(records.begin(), records.end(), [](const auto& kv) { return kv.pinned; }) ? 1 : 0;
                for (const storage::KvRecordInfo& kv : records)
                    stored.emplace(kv.key, kv);
            }
            for (const auto& [key, kv] : stored)
                info.kvBytes += kv.bytes;
            info.source = std::move(source);
            infos.push_back(std::move(info));
        }
        return infos;
    });
}

Status EngineImpl::addToCollection(const std::string& from, const std::vector<std::string>& paths, const std::string& to) {
    return guarded([&]() -> Status {
        const Result<CollectionRecord> source = collectionNamed(from);
        if (!source.ok())
            return source.status();
        const Result<CollectionId> target = m_catalog->ensureCollection(to);
        if (!target.ok())
            return target.status();
        return m_catalog->shareSources(source->id, paths, *target);
    });
}

Status EngineImpl::removeFile(const std::string& collection, const std::string& path) {
    return guarded([&]() -> Status {
        const Result<CollectionRecord> record = collectionNamed(collection);
        if (!record.ok())
            return record.status();
        const Result<std::optional<SourceRecord>> source = m_catalog->source(record->id, path);
        std::vector<ChunkId> chunks;
        if (source.ok() && source->has_value()) {
            const Result<std::vector<ChunkRecord>> cut =
                m_catalog->chunksOfDocument((*source)->document, (*source)->chunker);
            if (cut.ok())
                for (const ChunkRecord& chunk : *cut)
                    chunks.push_back(chunk.id);
        }
        if (Status status = m_catalog->removeSource(record->id, path); !status.ok())
            return status.withContext("removing a file from \"" + collection + "\"");
        forgetGone(chunks);
        return {};
    });
}

Status EngineImpl::removeCollection(const std::string& collection) {
    return guarded([&]() -> Status {
        const Result<CollectionRecord> record = collectionNamed(collection);
        if (!record.ok())
            return record.status();
        std::vector<ChunkId> chunks;
        if (const Result<std::vector<storage::ChunkPlace>> places = m_catalog->chunkPlaces(record->id); places.ok())
            for (const storage::ChunkPlace& place : *places)
                chunks.push_back(place.id);
        if (Status status = m_catalog->removeCollection(record->id); !status.ok())
            return status;
        forgetGone(chunks);
        return {};
    });
}

void EngineImpl::forgetGone(std::vector<ChunkId> chunks) {
    if (m_chunkKeys == nullptr)
        return;
    std::erase_if(chunks, [&](const ChunkId& id) {
        const Result<std::optional<ChunkRecord>> chunk = m_catalog->chunk(id);
        return !chunk.ok() || chunk->has_value();
    });
    m_chunkKeys->forget(chunks);
}

Result<std::vector<AnswerRecord>> EngineImpl::history(int limit) {
    return guarded([&] { return m_catalog->answers(limit); });
}

}  // namespace engine
