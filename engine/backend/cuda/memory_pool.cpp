// MemoryPool: sizes are rounded so that blocks of nearly equal size can serve each other.
#include "engine/backend/cuda/memory_pool.h"

#include <cuda_runtime.h>

#include <algorithm>
#include <bit>
#include <string>

#include "engine/backend/cuda/device.h"

namespace engine::cuda {
namespace {

constexpr std::uint64_t kSmall = 1U << 20U;      // below: powers of two
constexpr std::uint64_t kLargeStep = 2U << 20U;  // above: whole pages of the device

std::uint64_t roundedSize(std::uint64_t bytes) {
    if (bytes <= kSmall)
        return std::max<std::uint64_t>(512, std::bit_ceil(bytes));
    return (bytes + kLargeStep - 1) / kLargeStep * kLargeStep;
}

}  // namespace

MemoryPool::~MemoryPool() { releaseIdle(); }

Buffer MemoryPool::take(std::uint64_t bytes) {
    const std::uint64_t size = roundedSize(bytes);
    const std::lock_guard lock(m_mutex);
    void* data = nullptr;
    // A block up to a quarter larger serves as well: a cache of the next query is rarely of exactly the same size.
    if (const auto found = m_idle.lower_bound(size); found != m_idle.end() && found->first <= size + size / 4) {
        data = found->second;
        m_used.emplace(static_cast<std::byte*>(data), found->first);
        m_idle.erase(found);
    } else {
        data = ask(size);
        m_used.emplace(static_cast<std::byte*>(data), size);
    }
    return Buffer(data, bytes, [this](void* memory) { give(memory); });
}

void* MemoryPool::ask(std::uint64_t bytes) {
    const auto attempt = [&](void** data) {
        return m_kind == Kind::Device ? cudaMalloc(data, bytes) : cudaHostAlloc(data, bytes, cudaHostAllocDefault);
    };
    void* data = nullptr;
    cudaError_t result = attempt(&data);
    if (result == cudaErrorMemoryAllocation && !m_idle.empty()) {
        static_cast<void>(cudaGetLastError());
        if (m_user != nullptr)
            static_cast<void>(m_user->get());
        releaseIdle();
        result = attempt(&data);
    }
    if (result == cudaErrorMemoryAllocation) {
        static_cast<void>(cudaGetLastError());
        std::size_t free = 0;
        std::size_t total = 0;
        std::string message = "too_little_memory: " + std::to_string(bytes >> 20U) + " MiB of " +
                              (m_kind == Kind::Device ? "device" : "pinned host") + " memory needed";
        if (m_kind == Kind::Device && cudaMemGetInfo(&free, &total) == cudaSuccess)
            message += ", " + std::to_string(free >> 20U) + " MiB free";
        throw OutOfDeviceMemory(message);
    }
    CUDA_CHECK(result);
    m_reserved += bytes;
    return data;
}

void MemoryPool::give(void* data) {
    const std::lock_guard lock(m_mutex);
    const auto found = m_used.find(static_cast<std::byte*>(data));
    m_idle.emplace(found->second, data);
    m_used.erase(found);
}

void MemoryPool::releaseIdle() {
    // The driver waits for work that still uses a block before it takes the block back.
    for (const auto& [bytes, data] : m_idle) {
        static_cast<void>(m_kind == Kind::Device ? cudaFree(data) : cudaFreeHost(data));
        m_reserved -= bytes;
    }
    m_idle.clear();
}

bool MemoryPool::owns(const void* data, std::uint64_t bytes) const {
    const std::lock_guard lock(m_mutex);
    const auto* at = static_cast<const std::byte*>(data);
    auto block = m_used.upper_bound(at);
    if (block == m_used.begin())
        return false;
    --block;
    return at + bytes <= block->first + block->second;
}

std::uint64_t MemoryPool::reservedBytes() const {
    const std::lock_guard lock(m_mutex);
    return m_reserved;
}

}  // namespace engine::cuda
