// KvLoader: a producer of layers with a ring of buffers. A failed slice does not stop the reading of the other records' slices of the
// same layer, so that one restart can leave out every record found damaged there.
#include "engine/kv/kv_loader.h"

#include <chrono>

namespace engine {
namespace {

double nowMs() {
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

KvLoader::KvLoader(Backend& memory, std::unique_ptr<storage::KvReader> reader, const KvSpec& spec,
                   std::vector<LoadItem> items)
    : m_spec(spec), m_items(std::move(items)), m_reader(std::move(reader)) {
    m_intervals.resize(static_cast<std::size_t>(spec.layers));
    if (m_items.empty()) {
        m_published = spec.layers;
        return;
    }
    std::uint64_t slotBytes = 0;
    for (const LoadItem& item : m_items)
        slotBytes += 2 * storage::kvSliceBytes(spec, item.extent.tokens);
    m_slots.resize(kRingLayers);
    for (Slot& slot : m_slots) {
        slot.bytes = memory.allocateHost(slotBytes);
        slot.views.resize(m_items.size());
    }
    m_thread = std::jthread([this](const std::stop_token& stop) { run(stop); });
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
        readLayer(layer, m_slots[static_cast<std::size_t>(layer % kRingLayers)]);
        interval.endMs = nowMs() - start;
        const std::lock_guard lock(m_mutex);
        m_published = layer + 1;
        m_failed = !m_failures.empty();
        m_changed.notify_all();
        if (m_failed || stop.stop_requested())
            return;
    }
}

void KvLoader::readLayer(int layer, Slot& slot) {
    auto* to = static_cast<std::byte*>(slot.bytes.data());
    for (std::size_t i = 0; i < m_items.size(); ++i) {
        const LoadItem& item = m_items[i];
        slot.views[i] = {};
        if (layer < item.firstLayer)
            continue;
        const std::size_t sliceBytes = storage::kvSliceBytes(m_spec, item.extent.tokens);
        const Status status = m_reader->readLayer(item.extent, layer, std::span(to, 2 * sliceBytes));
        if (!status.ok()) {
            m_failures.push_back({static_cast<int>(i), status});
            continue;
        }
        slot.views[i] = {to, to + sliceBytes, m_spec.dtype, item.extent.tokens};
        m_bytesLoaded += 2 * sliceBytes;
        to += 2 * sliceBytes;
    }
}

std::span<const KvSliceView> KvLoader::wait(int layer) {
    if (m_items.empty())
        return {};
    std::unique_lock lock(m_mutex);
    m_changed.wait(lock, [&] { return m_published > layer || m_failed; });
    return m_slots[static_cast<std::size_t>(layer % kRingLayers)].views;
}

void KvLoader::release(int layer) {
    const std::lock_guard lock(m_mutex);
    m_released = layer + 1;
    m_changed.notify_all();
}

}  // namespace engine
