// ThrottledReader: a schedule of deliveries, so that a sleep that is too long is made up by the next one.
#include "engine/kv/throttled_reader.h"

#include <algorithm>
#include <thread>

namespace engine {

storage::Status ThrottledReader::readLayer(const storage::KvExtent& extent, int layer, std::span<std::byte> destination) {
    const Clock::time_point asked = Clock::now();
    storage::Status status = m_reader->readLayer(extent, layer, destination);
    const std::chrono::duration<double> needed(static_cast<double>(destination.size()) / m_bytesPerSecond);
    m_free = std::max(m_free, asked) + std::chrono::duration_cast<Clock::duration>(needed);
    std::this_thread::sleep_until(m_free);
    return status;
}

}  // namespace engine
