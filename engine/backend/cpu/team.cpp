// Team: jobs through one line of the cache, their ends through one a thread. A waiting thread spins for some 50 µs, then sleeps, so
// that a busy machine is not made busier.
#include "engine/backend/cpu/team.h"

#include <omp.h>

#include <algorithm>
#include <exception>
#ifdef ENGINE_CPU_X86
#include <immintrin.h>
#endif

namespace engine::cpu {
namespace {

constexpr std::size_t kLine = 64;
constexpr std::size_t kFetchedAtOnce = 8 * kLine;             // between two looks at the counter
constexpr std::size_t kFetchedShare = std::size_t{96} << 10;  // of a thread's share: less than half of a level-2 cache
constexpr int kPauses = 4096;                                 // some 50 µs

void pause() {
#ifdef ENGINE_CPU_X86
    _mm_pause();
#endif
}

/// Returns once `value` is no longer `old`: spins, fetching meanwhile, then sleeps.
template <class Value, class Fetch>
void waitWhile(const std::atomic<Value>& value, Value old, Fetch fetch) {
    for (int pauses = 0; value.load(std::memory_order_acquire) == old;) {
        if (fetch())
            continue;
        if (++pauses < kPauses)
            pause();
        else
            value.wait(old, std::memory_order_acquire);
    }
}

/// What a thread fetches while it waits: its own share of the next job, then the caller's, which has other things to do.
class Fetching {
public:
    Fetching() = default;
    Fetching(std::span<const std::byte> next, int thread, int threads) {
        if (next.empty())
            return;
        const std::size_t share = next.size() / static_cast<std::size_t>(threads);
        const auto firstOf = [&](int which) {
            return next.subspan(share * static_cast<std::size_t>(which), std::min(share, kFetchedShare));
        };
        m_parts[0] = firstOf(0);
        m_parts[1] = firstOf(thread);
        m_left = thread > 0 ? 2 : 1;
    }

    /// Fetches a few lines; false when there is nothing left.
    bool step() {
        while (m_left > 0) {
            std::span<const std::byte>& part = m_parts[m_left - 1];
            if (part.empty()) {
                --m_left;
                continue;
            }
            const std::size_t bytes = std::min(part.size(), kFetchedAtOnce);
            for (std::size_t at = 0; at < bytes; at += kLine)
                __builtin_prefetch(part.data() + at, 0, 2);
            part = part.subspan(bytes);
            return true;
        }
        return false;
    }

private:
    std::span<const std::byte> m_parts[2];  // the last one first
    int m_left = 0;
};

}  // namespace

void Team::post(const Job& job) {
    m_posted.job = job;
    m_posted.number.fetch_add(1, std::memory_order_release);
    m_posted.number.notify_all();
}

void Team::run(const Job& job) {
    if (m_size > 0) {
        post(job);
        job.call(job.context, 0, m_size);
        const unsigned number = m_posted.number.load(std::memory_order_relaxed);
        Fetching fetching(job.next, 0, m_size);
        for (int thread = 1; thread < m_size; ++thread) {
            const std::atomic<unsigned>& done = m_done[static_cast<std::size_t>(thread)].number;
            for (unsigned seen = done.load(std::memory_order_acquire); seen != number;
                 seen = done.load(std::memory_order_acquire))
                waitWhile(done, seen, [&] { return fetching.step(); });
        }
        return;
    }
#pragma omp parallel num_threads(m_threads)
    job.call(job.context, omp_get_thread_num(), omp_get_num_threads());
}

void Team::serve(int thread, int threads, unsigned seen) {
    std::atomic<unsigned>& done = m_done[static_cast<std::size_t>(thread)].number;
    Fetching fetching;
    for (;;) {
        waitWhile(m_posted.number, seen, [&] { return fetching.step(); });
        ++seen;
        const Job job = m_posted.job;
        if (job.call == nullptr)
            return;
        job.call(job.context, thread, threads);
        fetching = Fetching(job.next, thread, threads);
        // An exchange, not a store: notify_one must not look for waiters before the number is out.
        done.exchange(seen, std::memory_order_release);
        done.notify_one();
    }
}

void Team::burst(const std::function<void()>& work) {
    if (m_threads == 1 || m_size > 0)
        return work();
    const unsigned seen = m_posted.number.load(std::memory_order_relaxed);
    std::exception_ptr failure;
#pragma omp parallel num_threads(m_threads)
    {
        const int threads = omp_get_num_threads();  // may be fewer than asked for
        if (omp_get_thread_num() > 0) {
            serve(omp_get_thread_num(), threads, seen);
        } else {
            m_size = threads;
            try {
                work();
            } catch (...) {
                failure = std::current_exception();
            }
            m_size = 0;
            post({});
        }
    }
    if (failure != nullptr)
        std::rethrow_exception(failure);
}

}  // namespace engine::cpu
