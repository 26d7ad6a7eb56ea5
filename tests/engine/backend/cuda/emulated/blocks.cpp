// Blocks of threads as fibers on one host thread.
#include <cuda_runtime.h>

#include <cstdio>
#include <memory>
#include <numeric>
#include <random>
#include <vector>

#include "engine/backend/half.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#if !defined(__x86_64__)
#include <ucontext.h>
#endif

thread_local dim3 threadIdx;
thread_local dim3 blockIdx;
thread_local dim3 blockDim;
thread_local dim3 gridDim;

namespace emulated {

void fail(const char* message) {
    std::fprintf(stderr, "emulated CUDA: %s (block %u,%u,%u thread %u)\n", message, blockIdx.x, blockIdx.y, blockIdx.z,
                 threadIdx.x);
    std::abort();
}

namespace {

constexpr std::size_t kStackBytes = 64 * 1024;
constexpr int kLanes = 32;

#if defined(__x86_64__)
// Saves the callee's registers on the stack, keeps the stack's top in *from and goes on at `to`.
extern "C" void emulatedSwitch(void** from, void* to);
asm(R"(
.text
.globl emulatedSwitch
.type emulatedSwitch, @function
emulatedSwitch:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
.size emulatedSwitch, . - emulatedSwitch
)");
#endif

struct Fiber {
    std::unique_ptr<unsigned char[]> stack;
#if defined(__x86_64__)
    void* top = nullptr;
#else
    ucontext_t context{};
#endif
    void* fakeStack = nullptr;  // AddressSanitizer's
    bool done = false;
    std::vector<std::vector<std::function<void()>>> copies;  // committed groups of cp.async, oldest first
    std::vector<std::function<void()>> uncommitted;
};

/// The lanes of a warp meet here; two buffers, since a lane may come to the next meeting while another still reads from this one.
struct Warp {
    std::uint64_t generation = 0;
    int arrived = 0;
    std::array<std::array<std::uint64_t, kLanes>, 2> values{};
    std::array<std::array<std::array<unsigned, 6>, kLanes>, 2> operands{};
    std::array<std::array<std::array<float, 4>, kLanes>, 2> sums{};
};

struct Block {
    std::vector<Fiber> fibers;
    std::vector<Warp> warps;
    std::vector<int> order;
    int current = 0;
    int live = 0;
    int arrived = 0;
    std::uint64_t generation = 0;
    std::uint64_t progress = 0;
    std::unique_ptr<unsigned char[]> shared;
    const std::function<void()>* kernel = nullptr;
#if defined(__x86_64__)
    void* schedulerTop = nullptr;
#else
    ucontext_t scheduler{};
#endif
    const void* schedulerStack = nullptr;
    std::size_t schedulerStackBytes = 0;
    void* schedulerFakeStack = nullptr;
    dim3 size;
};

thread_local Block* block = nullptr;

void toScheduler(Fiber& fiber, bool last) {
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_start_switch_fiber(last ? nullptr : &fiber.fakeStack, block->schedulerStack, block->schedulerStackBytes);
#else
    static_cast<void>(last);
#endif
#if defined(__x86_64__)
    emulatedSwitch(&fiber.top, block->schedulerTop);
#else
    swapcontext(&fiber.context, &block->scheduler);
#endif
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(fiber.fakeStack, &block->schedulerStack, &block->schedulerStackBytes);
#endif
}

void yieldThread() { toScheduler(block->fibers[static_cast<std::size_t>(block->current)], false); }

void fiberMain() {
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(nullptr, &block->schedulerStack, &block->schedulerStackBytes);
#endif
    (*block->kernel)();
    Fiber& fiber = block->fibers[static_cast<std::size_t>(block->current)];
    if (!fiber.uncommitted.empty() || !fiber.copies.empty())
        fail("a thread ended with copies under way");
    fiber.done = true;
    block->live -= 1;
    block->progress += 1;
    toScheduler(fiber, true);
    fail("a thread went on after its end");
}

void prepare(Fiber& fiber) {
    if (fiber.stack == nullptr)
        fiber.stack = std::make_unique<unsigned char[]>(kStackBytes);
    fiber.done = false;
    fiber.fakeStack = nullptr;
#if defined(__SANITIZE_ADDRESS__)
    __asan_unpoison_memory_region(fiber.stack.get(), kStackBytes);  // the last thread here never returned from its frames
#endif
#if defined(__x86_64__)
    auto top = reinterpret_cast<std::uintptr_t>(fiber.stack.get() + kStackBytes) & ~std::uintptr_t{15};
    auto* words = reinterpret_cast<std::uint64_t*>(top);
    words[-1] = 0;  // where fiberMain would return to: keeps its frame aligned
    words[-2] = reinterpret_cast<std::uint64_t>(&fiberMain);
    for (int i = 3; i <= 8; ++i)
        words[-i] = 0;
    fiber.top = words - 8;
#else
    getcontext(&fiber.context);
    fiber.context.uc_stack.ss_sp = fiber.stack.get();
    fiber.context.uc_stack.ss_size = kStackBytes;
    fiber.context.uc_link = nullptr;
    makecontext(&fiber.context, fiberMain, 0);
#endif
}

void toFiber(int index) {
    Fiber& fiber = block->fibers[static_cast<std::size_t>(index)];
    block->current = index;
    threadIdx = dim3(static_cast<unsigned>(index) % block->size.x, static_cast<unsigned>(index) / block->size.x, 0);
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_start_switch_fiber(&block->schedulerFakeStack, fiber.stack.get(), kStackBytes);
#endif
#if defined(__x86_64__)
    emulatedSwitch(&block->schedulerTop, fiber.top);
#else
    swapcontext(&block->scheduler, &fiber.context);
#endif
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(block->schedulerFakeStack, nullptr, nullptr);
#endif
}

Warp& warp() { return block->warps[static_cast<std::size_t>(block->current) / kLanes]; }
std::size_t lane() { return static_cast<std::size_t>(block->current) % kLanes; }

/// Waits until all lanes have come; the last one does `work` for all. Returns the buffer of this meeting.
template <class Work>
std::size_t meet(Work work) {
    Warp& w = warp();
    const std::uint64_t mine = w.generation;
    const auto buffer = static_cast<std::size_t>(mine % 2);
    block->progress += 1;
    if (++w.arrived == kLanes) {
        work(w, buffer);
        w.arrived = 0;
        w.generation += 1;
    } else {
        while (w.generation == mine)
            yieldThread();
    }
    return buffer;
}
std::size_t nextBuffer() { return static_cast<std::size_t>(warp().generation % 2); }

void runThreads() {
    const auto count = static_cast<int>(block->order.size());
    while (block->live > 0) {
        const std::uint64_t before = block->progress;
        for (int i = 0; i < count; ++i)
            if (!block->fibers[static_cast<std::size_t>(block->order[static_cast<std::size_t>(i)])].done)
                toFiber(block->order[static_cast<std::size_t>(i)]);
        if (block->progress == before)
            fail("threads wait for others that never come");
    }
}

float bf16At(unsigned word, int half) {
    return engine::bf16ToFloat(static_cast<std::uint16_t>(half == 0 ? word & 0xffffU : word >> 16));
}

}  // namespace

unsigned char* sharedMemory() { return block->shared.get(); }

void syncThreads() {
    const std::uint64_t mine = block->generation;
    block->progress += 1;
    if (block->live != static_cast<int>(block->order.size()))
        fail("a barrier after threads have left");
    if (++block->arrived == block->live) {
        block->arrived = 0;
        block->generation += 1;
    } else {
        while (block->generation == mine)
            yieldThread();
    }
}

std::uint64_t exchange(std::uint64_t value, int from) {
    warp().values[nextBuffer()][lane()] = value;
    const std::size_t buffer = meet([](Warp&, std::size_t) {});
    return warp().values[buffer][static_cast<std::size_t>(from)];
}

void copyAsync16(void* to, const void* from, bool present) {
    if (reinterpret_cast<std::uintptr_t>(to) % 16 != 0 || reinterpret_cast<std::uintptr_t>(from) % 16 != 0)
        fail("cp.async of 16 bytes at an address that is not aligned");
    std::memset(to, 0xff, 16);
    block->fibers[static_cast<std::size_t>(block->current)].uncommitted.emplace_back([=] {
        if (present)
            std::memcpy(to, from, 16);
        else
            std::memset(to, 0, 16);
    });
}

void commitCopies() {
    Fiber& fiber = block->fibers[static_cast<std::size_t>(block->current)];
    fiber.copies.push_back(std::move(fiber.uncommitted));
    fiber.uncommitted.clear();
}

void awaitCopies(int pending) {
    Fiber& fiber = block->fibers[static_cast<std::size_t>(block->current)];
    while (fiber.copies.size() > static_cast<std::size_t>(pending)) {
        for (const auto& copy : fiber.copies.front())
            copy();
        fiber.copies.erase(fiber.copies.begin());
    }
}

void loadMatrices(unsigned (&out)[4], const void* row, bool transposed) {
    if (reinterpret_cast<std::uintptr_t>(row) % 16 != 0)
        fail("ldmatrix of a row that is not aligned");
    warp().values[nextBuffer()][lane()] = reinterpret_cast<std::uint64_t>(row);
    const std::size_t buffer = meet([](Warp&, std::size_t) {});
    const auto element = [&](std::size_t matrix, std::size_t r, std::size_t c) {
        const auto* from = reinterpret_cast<const unsigned char*>(warp().values[buffer][8 * matrix + r]);
        std::uint16_t bits = 0;
        std::memcpy(&bits, from + 2 * c, sizeof bits);
        return static_cast<unsigned>(bits);
    };
    const std::size_t g = lane() / 4;
    const std::size_t t = lane() % 4 * 2;
    for (std::size_t matrix = 0; matrix < 4; ++matrix)
        out[matrix] = transposed ? element(matrix, t, g) | element(matrix, t + 1, g) << 16
                                 : element(matrix, g, t) | element(matrix, g, t + 1) << 16;
    meet([](Warp&, std::size_t) {});  // rows may be written again only after all lanes have read them
}

void multiplyAccumulate(float (&c)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
    const std::size_t next = nextBuffer();
    warp().operands[next][lane()] = {a[0], a[1], a[2], a[3], b0, b1};
    std::copy(c, c + 4, warp().sums[next][lane()].begin());
    const std::size_t buffer = meet([](Warp& w, std::size_t at) {
        float left[16][16];
        float right[16][8];
        for (std::size_t l = 0; l < kLanes; ++l) {
            const std::size_t g = l / 4;
            const std::size_t t = l % 4 * 2;
            const auto& words = w.operands[at][l];
            for (int i = 0; i < 2; ++i) {
                const auto h = static_cast<std::size_t>(i);
                left[g][t + h] = bf16At(words[0], i);
                left[g + 8][t + h] = bf16At(words[1], i);
                left[g][t + 8 + h] = bf16At(words[2], i);
                left[g + 8][t + 8 + h] = bf16At(words[3], i);
                right[t + h][g] = bf16At(words[4], i);
                right[t + 8 + h][g] = bf16At(words[5], i);
            }
        }
        float product[16][8] = {};
        for (std::size_t r = 0; r < 16; ++r)
            for (std::size_t k = 0; k < 16; ++k)
                for (std::size_t n = 0; n < 8; ++n)
                    product[r][n] += left[r][k] * right[k][n];
        for (std::size_t l = 0; l < kLanes; ++l)
            for (std::size_t i = 0; i < 4; ++i)
                w.sums[at][l][i] += product[l / 4 + i / 2 * 8][l % 4 * 2 + i % 2];
    });
    std::copy(warp().sums[buffer][lane()].begin(), warp().sums[buffer][lane()].end(), c);
}

void runBlocks(dim3 grid, dim3 size, std::size_t sharedBytes, const std::function<void()>& kernel) {
    if (size.x > 1024 || size.y != 1 || size.z != 1 || size.x == 0)
        fail("a block of a size that is not supported");
    if (grid.x == 0 || grid.y == 0 || grid.z == 0 || grid.y > 65535 || grid.z > 65535)
        fail("a grid of a size that does not exist");
    static thread_local std::mt19937 random(7);
    static thread_local Block state;
    const auto threads = static_cast<std::size_t>(size.x);
    state.fibers.resize(std::max(state.fibers.size(), threads));
    state.size = size;
    state.kernel = &kernel;
    block = &state;
    blockDim = size;
    gridDim = grid;
    state.order.resize(threads);
    std::iota(state.order.begin(), state.order.end(), 0);
    // Forwards, backwards, or mixed.
    const auto kind = random() % 3;
    if (kind == 1)
        std::reverse(state.order.begin(), state.order.end());
    else if (kind == 2)
        std::shuffle(state.order.begin(), state.order.end(), random);
    state.shared.reset(new unsigned char[std::max<std::size_t>(sharedBytes, 1)]);
    for (unsigned z = 0; z < grid.z; ++z)
        for (unsigned y = 0; y < grid.y; ++y)
            for (unsigned x = 0; x < grid.x; ++x) {
                blockIdx = dim3(x, y, z);
                state.warps.assign((threads + kLanes - 1) / kLanes, Warp{});
                state.live = static_cast<int>(threads);
                state.arrived = 0;
                std::memset(state.shared.get(), 0xff, std::max<std::size_t>(sharedBytes, 1));
                for (std::size_t i = 0; i < threads; ++i)
                    prepare(state.fibers[i]);
                runThreads();
            }
    block = nullptr;
}

}  // namespace emulated
