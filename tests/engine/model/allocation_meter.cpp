// Replaces the program's operator new and delete. In a file of its own, so that no caller sees through them.
#include "tests/engine/model/allocation_meter.h"

#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <new>

namespace {

// Mutable statics: operator new has no other place to count.
std::atomic<std::int64_t> g_live = 0;
std::atomic<std::int64_t> g_peak = 0;

void add(std::int64_t bytes) {
    const std::int64_t now = g_live += bytes;
    std::int64_t seen = g_peak;
    while (now > seen && !g_peak.compare_exchange_weak(seen, now)) {
    }
}

}  // namespace

namespace allocation_meter {

std::int64_t liveBytes() { return g_live; }
std::int64_t peakBytes() { return g_peak; }
void resetPeak() { g_peak = g_live.load(); }

}  // namespace allocation_meter

void* operator new(std::size_t bytes) {
    void* memory = std::malloc(bytes > 0 ? bytes : 1);
    if (memory == nullptr)
        throw std::bad_alloc();
    add(static_cast<std::int64_t>(malloc_usable_size(memory)));
    return memory;
}

void operator delete(void* memory) noexcept {
    if (memory != nullptr)
        add(-static_cast<std::int64_t>(malloc_usable_size(memory)));
    std::free(memory);
}

void operator delete(void* memory, std::size_t) noexcept { operator delete(memory); }
