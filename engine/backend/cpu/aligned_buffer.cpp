// Huge pages spare page walks where gigabytes of weights are streamed or a cache is read in tiles.
#include "engine/backend/cpu/aligned_buffer.h"

#include <algorithm>
#include <cstdlib>
#include <new>
#ifdef __linux__
#include <sys/mman.h>
#endif

namespace engine::cpu {

Buffer allocateAligned(std::uint64_t bytes) {
    constexpr std::uint64_t kHugePage = std::uint64_t{2} << 20;
    const std::uint64_t alignment = bytes >= kHugePage ? kHugePage : 64;
    const std::uint64_t rounded = (std::max<std::uint64_t>(bytes, 1) + 63) / 64 * 64;
    void* data = nullptr;
    if (posix_memalign(&data, alignment, rounded) != 0) {
        throw std::bad_alloc();
    }
#ifdef __linux__
    if (alignment == kHugePage) {
        madvise(data, rounded / kHugePage * kHugePage, MADV_HUGEPAGE);  // a hint: failing changes nothing
    }
#endif
    return Buffer(data, bytes, [](void* memory) { std::free(memory); });
}

}  // namespace engine::cpu
