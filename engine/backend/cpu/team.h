// The threads of the cpu back end, and the bursts that keep them at hand between small operations.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <span>
#include <vector>

namespace engine::cpu {

/// Runs jobs on all threads. Outside a burst a job is an OpenMP region of its own: a few microseconds, which a product of many rows does
/// not notice. Decoding a token is two hundred jobs of some ten microseconds that follow from one another; in a *burst* the threads
/// stay in one region, are handed each job through an atomic, and fetch what the next job will read into their caches while the
/// caller does what lies between. One caller thread.
class Team {
public:
    explicit Team(int threads) : m_threads(threads), m_done(static_cast<std::size_t>(threads)) {}
    Team(const Team&) = delete;
    Team& operator=(const Team&) = delete;

    /// work(thread, threads), thread in [0, threads), once on each thread; 0 is the caller's. Returns when all are done; it must not throw.
    /// `next`: memory that the next job will read, equal shares in the order of the threads; a hint.
    template <class Work>
    void run(const Work& work, std::span<const std::byte> next = {}) {
        run({[](const void* context, int thread, int threads) { (*static_cast<const Work*>(context))(thread, threads); },
             &work, next});
    }

    /// Runs `work` on the caller's thread; jobs in it are handed to threads that wait for nothing else. They spin
    /// while they wait, for a short time. What `work` throws is thrown on. A parallel region in `work` has one thread.
    void burst(const std::function<void()>& work);

private:
    struct Job {
        void (*call)(const void* context, int thread, int threads) = nullptr;  // null: the burst is over
        const void* context = nullptr;
        std::span<const std::byte> next;
    };
    /// What one side writes and the other waits for lies on one line of the cache: where the threads share no cache, a line takes
    /// some 0.2 µs to go over, and each further one as much again.
    struct alignas(64) Posted {
        std::atomic<unsigned> number{0};  // jobs of all bursts
        Job job;
    };
    struct alignas(64) Done {
        std::atomic<unsigned> number{0};  // of the job that the thread finished last
    };
    void run(const Job& job);
    void post(const Job& job);
    void serve(int thread, int threads, unsigned seen);

    const int m_threads;
    int m_size = 0;            // threads of the burst at hand; 0 = none; the caller's
    Posted m_posted;           // written by the caller when all threads are done
    std::vector<Done> m_done;  // by thread, written by it; the caller's is not used
};

}  // namespace engine::cpu
