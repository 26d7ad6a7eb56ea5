// The scripted engine's KV store.
#include "tests/ui/scripted_engine.h"

namespace testing_ui {

engine::Result<engine::KvStoreStats> ScriptedEngine::storeStats() {
    m_script->note("storeStats");
    engine::KvStoreStats stats;
    stats.records = m_chunksWithKv;
    stats.segments = 1;
    stats.liveBytes = static_cast<std::uint64_t>(m_chunksWithKv) * kTokensOfChunk * kBytesPerToken;
    stats.garbageBytes = 4096;
    stats.diskBytes = stats.liveBytes + stats.garbageBytes;
    stats.capBytes = m_cap;
    stats.quarantined = 1;
    return stats;
}

engine::Result<engine::KvVerifyReport> ScriptedEngine::storeVerify(int part, int modulus, engine::JobObserver& observer,
                                                                   std::stop_token stop) {
    m_script->note("storeVerify " + std::to_string(part));
    m_script->middle("storeVerify", stop);
    observer.progress("verifying", 1, 1, "records");
    engine::KvVerifyReport report;
    for (int record = part; record < m_chunksWithKv; record += modulus)
        ++report.checked;
    report.checkedBytes = static_cast<std::uint64_t>(report.checked) * kTokensOfChunk * kBytesPerToken;
    return report;
}

engine::Result<std::uint64_t> ScriptedEngine::storeEvict(std::uint64_t toBytes, std::stop_token stop) {
    m_script->note("storeEvict " + std::to_string(toBytes));
    m_script->middle("storeEvict", stop);
    m_chunksWithKv /= 2;
    return std::uint64_t{1} << 20;
}

engine::Result<engine::KvCompactReport> ScriptedEngine::storeCompact(engine::JobObserver&, std::stop_token stop) {
    m_script->note("storeCompact");
    m_script->middle("storeCompact", stop);
    return engine::KvCompactReport{4096, 2};
}

engine::Result<engine::KvRebuildReport> ScriptedEngine::storeRebuildIndex(engine::JobObserver&, std::stop_token stop) {
    m_script->note("storeRebuildIndex");
    m_script->middle("storeRebuildIndex", stop);
    return engine::KvRebuildReport{m_chunksWithKv, 0};
}

engine::Result<std::int64_t> ScriptedEngine::storePin(const std::string& collection, bool pinned) {
    m_script->note((pinned ? "pin " : "unpin ") + collection);
    m_pinned = pinned;
    return std::int64_t{m_chunksWithKv};
}

engine::Result<std::int64_t> ScriptedEngine::storePinFiles(const std::string&, const std::vector<std::string>& paths,
                                                           bool pinned) {
    m_script->note((pinned ? "pin file " : "unpin file ") + paths.front());
    m_pinned = pinned;
    return std::int64_t{kChunksOfDocument};
}

engine::Result<std::vector<engine::StoreUsage>> ScriptedEngine::storeUsage(engine::StoreGroup group) {
    m_script->note("storeUsage");
    engine::StoreUsage usage;
    usage.group = group;
    usage.records = m_chunksWithKv;
    usage.tokens = m_chunksWithKv * kTokensOfChunk;
    usage.bytes = static_cast<std::uint64_t>(usage.tokens) * kBytesPerToken;
    usage.pinned = m_pinned ? m_chunksWithKv : 0;
    if (group == engine::StoreGroup::Fingerprint) {
        usage.name = std::string(64, 'a');
        usage.fingerprintJson = R"({"model": "Tiny 135M", "kv_dtype": "f16", "precision": "bf16"})";
        engine::StoreUsage old = usage;
        old.name = std::string(64, 'b');
        old.fingerprintJson = R"({"model": "Tiny 135M", "kv_dtype": "f32", "precision": "bf16"})";
        old.current = false;
        return std::vector<engine::StoreUsage>{usage, old};
    }
    usage.name = group == engine::StoreGroup::Collection ? "papers" : "Valley survey 0";
    usage.document.value = group == engine::StoreGroup::Document ? 1 : 0;
    return std::vector<engine::StoreUsage>{usage};
}

engine::Result<std::vector<engine::DamageEvent>> ScriptedEngine::storeDamage(int) {
    m_script->note("storeDamage");
    engine::DamageEvent event;
    event.foundAtMs = 1'700'000'000'000;
    event.where = "Valley survey 0, p. 2";
    event.reason = "layer 3, K: checksum mismatch";
    event.action = "set aside; computed again when next used";
    return std::vector<engine::DamageEvent>{event};
}

engine::Result<std::uint64_t> ScriptedEngine::setStoreCap(std::uint64_t bytes) {
    m_script->note("setStoreCap " + std::to_string(bytes));
    m_cap = bytes;
    return std::uint64_t{0};
}

}  // namespace testing_ui
