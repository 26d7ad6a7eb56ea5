// Huge pages spare page walks where gigabytes of weights are streamed or a cache is read in tiles.
#include "engine/backend/cpu/aligned_buffer.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>
#ifdef __linux__
#include <sys/mman.h>
#endif

namespace engine::cpu {

namespace {

constexpr std::uint64_t kHugePage = std::uint64_t{2} << 20;

#ifdef __linux__
/// What lies before a mapped buffer's first byte.
struct Mapping {
    void* begin;
    std::uint64_t bytes;
};

/// Fresh pages are zero already: they are cleared one by one when they are first touched, by the thread that computes.
void* mapZeroed(std::uint64_t bytes) {
    const std::uint64_t whole = bytes + 2 * kHugePage;
    void* begin = mmap(nullptr, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (begin == MAP_FAILED) {
        throw std::bad_alloc();
    }
    const auto address = reinterpret_cast<std::uintptr_t>(begin) + sizeof(Mapping);
    auto* data = reinterpret_cast<std::byte*>((address + kHugePage - 1) / kHugePage * kHugePage);
    madvise(data, bytes / kHugePage * kHugePage, MADV_HUGEPAGE);  // a hint: failing changes nothing
    const Mapping mapping{begin, whole};
    std::memcpy(data - sizeof mapping, &mapping, sizeof mapping);
    return data;
}

void unmap(void* data) {
    Mapping mapping{};
    std::memcpy(&mapping, static_cast<std::byte*>(data) - sizeof mapping, sizeof mapping);
    munmap(mapping.begin, mapping.bytes);
}
#endif

}  // namespace

Buffer allocateAligned(std::uint64_t bytes) {
#ifdef __linux__
    if (bytes >= kHugePage) {
        return Buffer(mapZeroed(bytes), bytes, unmap);
    }
#endif
    const std::uint64_t rounded = (std::max<std::uint64_t>(bytes, 1) + 63) / 64 * 64;
    void* data = nullptr;
    if (posix_memalign(&data, 64, rounded) != 0) {
        throw std::bad_alloc();
    }
    std::memset(data, 0, rounded);
    return Buffer(data, bytes, std::free);
}

}  // namespace engine::cpu
