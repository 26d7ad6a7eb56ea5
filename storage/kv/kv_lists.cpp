// The store's lists for views: records, the keys of chunks, damage, measured rates.
#include <algorithm>
#include <chrono>

#include "storage/kv/kv_memory.h"
#include "storage/kv/kv_store_impl.h"

namespace storage {

std::uint64_t kvRecordBytes(const KvSpec& spec, int tokens) { return recordBytesOf(spec, tokens); }

Result<std::vector<KvRecordInfo>> KvStoreImpl::records(const FingerprintId& fingerprint) {
    const FingerprintRow* row = known(fingerprint);
    if (row == nullptr)
        return std::vector<KvRecordInfo>();
    return KvMemory(m_index->database()).records(row->number);
}

Result<std::vector<KvChunkKey>> KvStoreImpl::chunkKeys(const FingerprintId& fingerprint) {
    const FingerprintRow* row = known(fingerprint);
    if (row == nullptr)
        return std::vector<KvChunkKey>();
    return KvMemory(m_index->database()).chunkKeys(row->number);
}

Status KvStoreImpl::rememberChunkKeys(const FingerprintId& fingerprint, std::span<const KvChunkKey> keys) {
    if (Status status = requireWritable(); !status.ok())
        return status;
    const FingerprintRow* row = known(fingerprint);
    if (row == nullptr)
        return Status(StatusCode::InvalidArgument, "fingerprint " + fingerprint.hex() + " is not registered");
    return inTransaction([&]() -> Status {
               KvMemory memory(m_index->database());
               for (const KvChunkKey& key : keys)
                   if (Status status = memory.writeChunkKey(row->number, key); !status.ok())
                       return status;
               return {};
           })
        .status;
}

Status KvStoreImpl::forgetChunkKeys(std::span<const ChunkId> chunks) {
    if (Status status = requireWritable(); !status.ok())
        return status;
    return inTransaction([&]() -> Status {
               KvMemory memory(m_index->database());
               for (const ChunkId& chunk : chunks)
                   if (Status status = memory.deleteChunkKeys(chunk); !status.ok())
                       return status;
               return {};
           })
        .status;
}

KvDamageEvent KvStoreImpl::damageNow(const FingerprintId& fingerprint, const KvKey& key, const std::string& reason) {
    using namespace std::chrono;
    return {duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count(), fingerprint, key, reason};
}

Result<std::vector<KvDamageEvent>> KvStoreImpl::damageEvents(int limit) {
    std::vector<KvDamageEvent> events(m_unwrittenDamage.rbegin(), m_unwrittenDamage.rend());
    const Result<std::vector<KvDamageEvent>> written = KvMemory(m_index->database()).damage(limit);
    if (!written)
        return written.status();
    events.insert(events.end(), written->begin(), written->end());
    if (limit >= 0)
        events.resize(std::min(events.size(), static_cast<std::size_t>(limit)));
    return events;
}

Result<std::uint64_t> KvStoreImpl::setCap(std::uint64_t bytes) {
    if (Status status = requireWritable(); !status.ok())
        return status;
    Result<std::uint64_t> freed = std::uint64_t{0};
    if (bytes != 0)
        freed = evictTo(bytes, {});
    if (freed)
        m_capBytes = bytes;
    return freed;
}

Result<std::string> KvStoreImpl::rememberedRates(const FingerprintId& fingerprint, int threads) {
    return KvMemory(m_index->database()).rates(fingerprint, threads);
}

Status KvStoreImpl::rememberRates(const FingerprintId& fingerprint, int threads, const std::string& rates) {
    if (Status status = requireWritable(); !status.ok())
        return status;
    return inTransaction([&] { return KvMemory(m_index->database()).writeRates(fingerprint, threads, rates); }).status;
}

}  // namespace storage
