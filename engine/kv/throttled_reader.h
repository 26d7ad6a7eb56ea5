// A reader that is no faster than a given disk: to see what a slower one would do.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>

#include "storage/kv_store.h"

namespace engine {

/// Passes reads on and lets each take at least its bytes ÷ rate, reading and checking included.
class ThrottledReader : public storage::KvReader {
public:
    ThrottledReader(std::unique_ptr<storage::KvReader> reader, std::uint64_t bytesPerSecond)
        : m_reader(std::move(reader)), m_bytesPerSecond(static_cast<double>(bytesPerSecond)) {}

    storage::Status readLayer(const storage::KvExtent& extent, int layer, std::span<std::byte> destination) override;

private:
    using Clock = std::chrono::steady_clock;
    const std::unique_ptr<storage::KvReader> m_reader;
    const double m_bytesPerSecond;
    Clock::time_point m_free{};  // when the disk has delivered all that was asked so far
};

}  // namespace engine
