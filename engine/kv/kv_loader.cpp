// KvLoader: a producer of layers with a ring of buffers. A failed slice does not stop the reading of the other records' slices of the
// same layer, so that one restart can leave out every record found damaged there.
#include "engine/kv/kv_loader.h"

#include <chrono>
#include <new>

namespace engine {
namespace {

double nowMs() {
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

RamTier::Allocate hostMemoryOf(Backend& backend) {
    return [&backend](std::uint64_t bytes) -> RamTier::Memory {
        try {
            auto owner = std::make_shared<Buffer>(backend.allocateHost(bytes));
            auto* data = static_cast<std::byte*>(owner->data());
            return {std::move(owner), data};
        } catch (const std::bad_alloc&) {
            return nullptr;
        }
    };
}

KvLoader::KvLoader(SliceSource source, const KvSpec& spec, std::vector<LoadItem> items, const RamTier::Allocate& memory)
    : m_spec(spec), m_items(std::move(items)), m_reader(std::move(source.reader)), m_ram(source.ram) {
    m_intervals.resize(static_cast<std::size_t>(spec.layers));
    m_sources.resize(m_items.size());
    m_slots.resize(kRingLayers);
    for (Slot& slot : m_slots)
        slot.views.resize(m_items.size());
    if (m_items.empty()) {
        m_published = spec.layers;
        return;
    }
    std::uint64_t slotBytes = 0;
    if (m_ram != nullptr)
        m_ram->beginQuery();
    for (std::size_t i = 0; i < m_items.size(); ++i) {
        if (m_ram != nullptr)
            m_sources[i].record = m_ram->take(m_items[i].extent);
        if (m_sources[i].record == nullptr)
            slotBytes += 2 * storage::kvSliceBytes(spec, m_items[i].extent.tokens);
    }
    for (Slot& slot : m_slots) {
        if (slotBytes == 0)
            continue;
        if (memory)
            slot.bytes = memory(slotBytes);
        if (slot.bytes == nullptr)  // no memory to pin is left: a device reads plain memory too, only slower
            slot.bytes = RamTier::Memory(new std::byte[slotBytes], [](const std::byte* bytes) { delete[] bytes; });
    }
    if (everythingInRam())
        m_published = spec.layers;
    else
        m_thread = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

bool KvLoader::everythingInRam() const {
    for (std::size_t i = 0; i < m_items.size(); ++i)
        for (int layer = m_items[i].firstLayer; layer < m_spec.layers; ++layer)
            if (m_sources[i].record == nullptr || !m_ram->holds(*m_sources[i].record, layer))
                return false;
    return true;
}

KvLoader::~KvLoader() = default;

void KvLoader::run(const std::stop_token& stop) {
    const double start = nowMs();
    for (int layer = 0; layer < m_spec.layers; ++layer) {
        {
            std::unique_lock lock(m_mutex);
            if (!m_changed.wait(lock, stop, [&] { return layer < m_released + kRingLayers; }))
                return;
        }
        Interval& interval = m_intervals[static_cast<std::size_t>(layer)];
        interval.beginMs = nowMs() - start;
        std::vector<LoadFailure> failed = fillLayer(layer, m_slots[static_cast<std::size_t>(layer % kRingLayers)]);
        interval.endMs = nowMs() - start;
        const std::lock_guard lock(m_mutex);
        m_published = layer + 1;
        m_failures = std::move(failed);  // reading ends at the first layer with any
        m_changed.notify_all();
        if (!m_failures.empty() || stop.stop_requested())
            return;
    }
}

KvSliceView KvLoader::viewOf(std::size_t item, const std::byte* layer) const {
    const int tokens = m_items[item].extent.tokens;
    return {layer, layer + storage::kvSliceBytes(m_spec, tokens), m_spec.dtype, tokens};
}

std::vector<LoadFailure> KvLoader::fillLayer(int layer, Slot& slot) {
    std::vector<LoadFailure> failed;
    std::byte* free = slot.bytes.get();
    for (std::size_t i = 0; i < m_items.size(); ++i) {
        const LoadItem& item = m_items[i];
        RamTier::Record* const record = m_sources[i].record.get();
        slot.views[i] = {};
        if (layer < item.firstLayer)
            continue;
        const std::size_t bytes = 2 * storage::kvSliceBytes(m_spec, item.extent.tokens);
        std::byte* const to = record != nullptr ? record->layer(layer) : free;
        if (record != nullptr && m_ram->holds(*record, layer)) {
            m_bytesFromRam += bytes;
        } else {
            m_sources[i].read = true;
            const Status status = m_reader->readLayer(item.extent, layer, std::span(to, bytes));
            if (!status.ok()) {
                failed.push_back({static_cast<int>(i), status});
                continue;
            }
            m_bytesRead += bytes;
            if (record != nullptr)
                m_ram->publish(*record, layer);
            else
                free += bytes;
        }
        slot.views[i] = viewOf(i, to);
    }
    return failed;
}

std::span<const KvSliceView> KvLoader::wait(int layer) {
    Slot& slot = m_slots[static_cast<std::size_t>(layer % kRingLayers)];
    if (!m_thread.joinable()) {
        (void)fillLayer(layer, slot);  // nothing is read, so nothing fails
        return slot.views;
    }
    std::unique_lock lock(m_mutex);
    m_changed.wait(lock, [&] { return m_published > layer || !m_failures.empty(); });
    m_reported = m_failures;
    return slot.views;
}

void KvLoader::release(int layer) {
    const std::lock_guard lock(m_mutex);
    m_released = layer + 1;
    m_changed.notify_all();
}

}  // namespace engine
