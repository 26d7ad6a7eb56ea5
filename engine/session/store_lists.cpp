// The store as views see it: bytes by collection, document and fingerprint; damage; pins; the cap.
#include <algorithm>
#include <unordered_map>

#include "engine/session/engine_impl.h"

namespace engine {
namespace {

/// Adds records, each once.
class UsageSum {
public:
    explicit UsageSum(StoreUsage usage) : m_usage(std::move(usage)) {}
    void add(const std::vector<storage::KvRecordInfo>& records) {
        for (const storage::KvRecordInfo& record : records) {
            if (!m_counted.emplace(record.key, true).second)
                continue;
            m_usage.records += 1;
            m_usage.tokens += record.tokens;
            m_usage.bytes += record.bytes;
            m_usage.pinned += record.pinned ? 1 : 0;
        }
    }
    const StoreUsage& usage() const { return m_usage; }

private:
    StoreUsage m_usage;
    std::unordered_map<KvKey, bool> m_counted;
};

}  // namespace

Result<std::vector<StoreUsage>> EngineImpl::storeUsage(StoreGroup group) {
    return guarded([&]() -> Result<std::vector<StoreUsage>> {
        std::vector<StoreUsage> usages;
        if (group == StoreGroup::Fingerprint) {
            const Result<KvStoreStats> stats = m_store->stats();
            if (!stats.ok())
                return stats.status();
            for (const storage::KvFingerprintStats& of : stats->fingerprints)
                usages.push_back({group,
                                  of.fingerprint.id.hex(),
                                  {},
                                  of.fingerprint.fieldsJson,
                                  of.fingerprint.id == m_fingerprint,
                                  of.records,
                                  of.tokens,
                                  of.liveBytes,
                                  of.pinned});
            return usages;
        }
        if (Status status = needModel(); !status.ok())
            return status;
        const Result<std::vector<CollectionRecord>> collections = m_catalog->collections();
        if (!collections.ok())
            return collections.status();
        std::unordered_map<std::int64_t, UsageSum> documents;
        std::vector<std::int64_t> documentOrder;
        for (const CollectionRecord& collection : *collections) {
            const Result<std::vector<storage::ChunkPlace>> places = placesOf(collection);
            if (!places.ok())
                return places.status();
            StoreUsage named;
            named.group = StoreGroup::Collection;
            named.name = collection.name;
            UsageSum sum(std::move(named));
            for (const storage::ChunkPlace& place : *places) {
                const std::vector<storage::KvRecordInfo> records = m_chunkKeys->recordsOf(place.id);
                sum.add(records);
                if (group != StoreGroup::Document)
                    continue;
                StoreUsage ofDocument;
                ofDocument.group = StoreGroup::Document;
                ofDocument.document = place.document;
                const auto [entry, isNew] = documents.try_emplace(place.document.value, std::move(ofDocument));
                if (isNew)
                    documentOrder.push_back(place.document.value);
                entry->second.add(records);
            }
            usages.push_back(sum.usage());
        }
        if (group == StoreGroup::Collection)
            return usages;

        std::unordered_map<std::int64_t, std::string> titles;
        for (const CollectionRecord& collection : *collections) {
            const Result<std::vector<DocumentRecord>> listed = m_catalog->documents(collection.id);
            if (!listed.ok())
                return listed.status();
            for (const DocumentRecord& document : *listed)
                titles[document.id.value] = document.title;
        }
        usages.clear();
        for (const std::int64_t id : documentOrder) {
            usages.push_back(documents.at(id).usage());
            usages.back().name = titles[id];
        }
        return usages;
    });
}

Result<std::vector<DamageEvent>> EngineImpl::storeDamage(int limit) {
    return guarded([&]() -> Result<std::vector<DamageEvent>> {
        const Result<std::vector<storage::KvDamageEvent>> found = m_store->damageEvents(limit);
        if (!found.ok())
            return found.status();
        std::vector<KvKey> keys;
        for (const storage::KvDamageEvent& event : *found)
            keys.push_back(event.key);
        const std::unordered_map<KvKey, ChunkId> chunks =
            m_chunkKeys != nullptr ? m_chunkKeys->chunksOf(keys) : std::unordered_map<KvKey, ChunkId>();
        std::vector<DamageEvent> events;
        for (const storage::KvDamageEvent& event : *found) {
            DamageEvent told{event.foundAtMs, event.key, {}, event.reason, "set aside; computed again when next used"};
            if (const auto chunk = chunks.find(event.key); chunk != chunks.end())
                if (const Result<ChunkInfo> info = this->chunk(chunk->second); info.ok()) {
                    told.where = info->documentTitle;
                    if (info->record.firstPage > 0)
                        told.where += ", p. " + std::to_string(info->record.firstPage);
                }
            events.push_back(std::move(told));
        }
        return events;
    });
}

Result<std::uint64_t> EngineImpl::setStoreCap(std::uint64_t bytes) {
    return guarded([&] { return m_store->setCap(bytes); });
}

Result<std::int64_t> EngineImpl::pinChunks(std::span<const storage::ChunkPlace> places, bool pinned) {
    std::vector<KvKey> keys;
    for (const storage::ChunkPlace& place : places)
        for (const storage::KvRecordInfo& record : m_chunkKeys->recordsOf(place.id))
            keys.push_back(record.key);
    std::sort(keys.begin(), keys.end());
    keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
    const Status status = pinned ? m_store->pin(m_fingerprint, keys) : m_store->unpin(m_fingerprint, keys);
    if (!status.ok())
        return status;
    return static_cast<std::int64_t>(keys.size());
}

Result<std::int64_t> EngineImpl::storePin(const std::string& collection, bool pinned) {
    return guarded([&]() -> Result<std::int64_t> {
        if (Status status = needModel(); !status.ok())
            return status;
        const Result<std::vector<storage::ChunkPlace>> places = chunkPlacesOf(collection);
        if (!places.ok())
            return places.status();
        if (Status status = m_chunkKeys->learnUnknown(*places, ChunkKeys::Effort::Complete); !status.ok())
            return status;
        return pinChunks(*places, pinned);
    });
}

Result<std::int64_t> EngineImpl::storePinFiles(const std::string& collection, const std::vector<std::string>& paths,
                                               bool pinned) {
    return guarded([&]() -> Result<std::int64_t> {
        if (Status status = needModel(); !status.ok())
            return status;
        const Result<CollectionRecord> record = collectionNamed(collection);
        if (!record.ok())
            return record.status();
        std::vector<storage::ChunkPlace> places;
        for (const std::string& path : paths) {
            const Result<std::optional<SourceRecord>> source = m_catalog->source(record->id, path);
            if (!source.ok())
                return source.status();
            if (!source->has_value())
                return Status(StatusCode::NotFound, path + " is not in \"" + collection + "\"");
            const Result<std::vector<ChunkRecord>> chunks =
                m_catalog->chunksOfDocument((*source)->document, (*source)->chunker);
            if (!chunks.ok())
                return chunks.status();
            for (const ChunkRecord& chunk : *chunks)
                places.push_back({chunk.id, chunk.document, chunk.chunker, chunk.tokens});
        }
        if (Status status = m_chunkKeys->learnUnknown(places, ChunkKeys::Effort::Complete); !status.ok())
            return status;
        return pinChunks(places, pinned);
    });
}

}  // namespace engine
