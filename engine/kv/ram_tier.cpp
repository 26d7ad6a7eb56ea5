// RamTier: a list in order of use, and room for whole records.
#include "engine/kv/ram_tier.h"

#include <sys/mman.h>

#include <algorithm>

namespace engine {
namespace {

/// Whole pages, large ones where the system has them: touching small ones for the first time costs more than reading into them.
RamTier::Memory pagesOf(std::uint64_t bytes) {
    void* const pages = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED)
        return nullptr;
    (void)::madvise(pages, bytes, MADV_HUGEPAGE);
    return {static_cast<std::byte*>(pages), [bytes](std::byte* memory) { ::munmap(memory, bytes); }};
}

}  // namespace

RamTier::RamTier(const storage::KvSpec& spec, std::uint64_t capBytes, Allocate allocate)
    : m_spec(spec), m_capBytes(capBytes), m_allocate(allocate ? std::move(allocate) : pagesOf) {}

void RamTier::beginQuery() {
    const std::lock_guard lock(m_mutex);
    ++m_query;
}

std::shared_ptr<RamTier::Record> RamTier::take(const storage::KvExtent& extent) {
    const std::lock_guard lock(m_mutex);
    if (const auto found = m_byKey.find(extent.key); found != m_byKey.end()) {
        found->second->query = m_query;
        m_entries.splice(m_entries.begin(), m_entries, found->second);
        return found->second->record;
    }
    const std::uint64_t layerBytes = 2 * storage::kvSliceBytes(m_spec, extent.tokens);
    const std::uint64_t bytes = layerBytes * static_cast<std::uint64_t>(m_spec.layers);
    if (bytes == 0 || bytes > m_capBytes)
        return nullptr;
    while (m_bytes + bytes > m_capBytes) {
        const Entry& oldest = m_entries.back();
        if (oldest.query == m_query)
            return nullptr;
        m_bytes -= oldest.bytes;
        m_byKey.erase(oldest.key);
        m_entries.pop_back();
    }
    Memory memory = m_allocate(bytes);
    if (memory == nullptr)
        return nullptr;
    auto record = std::make_shared<Record>(std::move(memory), static_cast<std::size_t>(m_spec.layers), layerBytes);
    m_entries.push_front({extent.key, record, bytes, m_query});
    m_byKey.emplace(extent.key, m_entries.begin());
    m_bytes += bytes;
    return record;
}

bool RamTier::holds(const Record& record, int layer) const {
    const std::lock_guard lock(m_mutex);
    return record.m_holds[static_cast<std::size_t>(layer)];
}

void RamTier::publish(Record& record, int layer) {
    const std::lock_guard lock(m_mutex);
    record.m_holds[static_cast<std::size_t>(layer)] = true;
}

bool RamTier::holds(const storage::KvExtent& extent, int firstLayer) const {
    const std::lock_guard lock(m_mutex);
    const auto found = m_byKey.find(extent.key);
    if (found == m_byKey.end())
        return false;
    const std::vector<bool>& held = found->second->record->m_holds;
    return std::all_of(held.begin() + firstLayer, held.end(), [](bool layer) { return layer; });
}

void RamTier::clear() {
    const std::lock_guard lock(m_mutex);
    m_byKey.clear();
    m_entries.clear();
    m_bytes = 0;
}

std::uint64_t RamTier::bytes() const {
    const std::lock_guard lock(m_mutex);
    return m_bytes;
}

}  // namespace engine
