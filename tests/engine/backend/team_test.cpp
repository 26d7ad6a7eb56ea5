// The cpu back end's threads and weight memory: jobs reach every thread once, in bursts and outside, and bursts change no bit.
#ifdef TEST_CPU_BACKEND

#include "engine/backend/cpu/team.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <thread>
#include <vector>

#include "engine/backend/cpu/page_arena.h"

namespace engine::cpu {
namespace {

constexpr int kThreads = 3;

TEST(Team, AJobRunsOnceOnEveryThread) {
    Team team(kThreads);
    std::vector<int> calls(kThreads);
    int size = 0;
    team.run([&](int thread, int threads) {
        calls[static_cast<std::size_t>(thread)] += 1;
        if (thread == 0)
            size = threads;
    });
    for (int thread = 0; thread < kThreads; ++thread)
        EXPECT_EQ(calls[static_cast<std::size_t>(thread)], thread < size ? 1 : 0);
}

/// Each job reads what the one before it wrote on other threads: a job that began early or was seen twice shows.
TEST(Team, JobsOfABurstFollowOneAnother) {
    Team team(kThreads);
    constexpr int kJobs = 5000;
    std::vector<int> slots(kThreads, 0);
    int broken = 0;
    team.burst([&] {
        for (int job = 0; job < kJobs; ++job) {
            std::vector<int> next(kThreads, -1);
            int size = 0;
            team.run([&](int thread, int threads) {
                next[static_cast<std::size_t>(thread)] = slots[static_cast<std::size_t>((thread + 1) % threads)] + 1;
                if (thread == 0)
                    size = threads;
            });
            for (int thread = 0; thread < size; ++thread)
                broken += next[static_cast<std::size_t>(thread)] == job + 1 ? 0 : 1;
            slots = next;
        }
    });
    EXPECT_EQ(broken, 0);
}

TEST(Team, ATeamServesManyBursts) {
    Team team(kThreads);
    std::atomic<int> done = 0;
    int expected = 0;
    for (int burst = 0; burst < 50; ++burst) {
        team.burst([&] {
            for (int job = 0; job < 3; ++job) {
                int size = 0;
                team.run([&](int thread, int threads) {
                    done += 1;
                    if (thread == 0)
                        size = threads;
                });
                expected += size;
            }
        });
        team.run([&](int thread, int /*threads*/) { done += thread == 0 ? 1 : 0; });
        expected += 1;
    }
    EXPECT_EQ(done.load(), expected);
}

/// A side that waits longer than it spins is asleep when the other is done; a wake-up that gets lost shows as a test without end.
TEST(Team, SleepersAreWoken) {
    Team team(kThreads);
    std::atomic<int> done = 0;
    int expected = 0;
    team.burst([&] {
        for (int job = 0; job < 200; ++job) {
            const auto rest = [](bool rests) {
                if (rests)
                    std::this_thread::sleep_for(std::chrono::microseconds(400));
            };
            rest(job % 3 == 0);
            int size = 0;
            team.run([&](int thread, int threads) {
                rest(thread > 0 && job % 2 == 0);
                done += 1;
                if (thread == 0)
                    size = threads;
            });
            expected += size;
        }
    });
    EXPECT_EQ(done.load(), expected);
}

TEST(Team, ABurstWithinABurstIsPartOfIt) {
    Team team(kThreads);
    std::atomic<int> done = 0;
    team.burst([&] { team.burst([&] { team.run([&](int thread, int /*threads*/) { done += thread == 0 ? 1 : 0; }); }); });
    EXPECT_EQ(done.load(), 1);
}

TEST(Team, WhatABurstThrowsIsThrownOnAndTheTeamGoesOn) {
    Team team(kThreads);
    EXPECT_THROW(team.burst([] { throw std::runtime_error("broken"); }), std::runtime_error);
    std::atomic<int> done = 0;
    team.burst([&] { team.run([&](int thread, int /*threads*/) { done += thread == 0 ? 1 : 0; }); });
    EXPECT_EQ(done.load(), 1);
}

TEST(Team, WhatIsFetchedAheadMayBeAnything) {
    Team team(kThreads);
    const std::vector<std::byte> memory(1 << 20);
    std::atomic<int> done = 0;
    team.burst([&] {
        for (const std::size_t bytes : {std::size_t{0}, std::size_t{1}, std::size_t{63}, memory.size()})
            team.run([&](int thread, int /*threads*/) { done += thread == 0 ? 1 : 0; }, std::span(memory).first(bytes));
    });
    EXPECT_EQ(done.load(), 4);
}

TEST(PageArena, PiecesAreZeroAlignedAndApart) {
    PageArena arena;
    std::vector<Buffer> pieces;
    const std::size_t sizes[] = {1, 64, 100, 1 << 20, 5 << 20, 3 << 20, 0, 4 << 20, 4 << 20, 4 << 20, 4 << 20};
    for (const std::size_t size : sizes) {
        pieces.push_back(arena.allocate(size));
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(pieces.back().data()) % 64, 0U);
        ASSERT_EQ(pieces.back().bytes(), size);
        auto* bytes = static_cast<unsigned char*>(pieces.back().data());
        for (std::size_t i = 0; i < size; i += 7)
            ASSERT_EQ(bytes[i], 0) << size << " bytes, at " << i;
        std::fill_n(bytes, size, static_cast<unsigned char>(pieces.size()));
    }
    for (std::size_t piece = 0; piece < pieces.size(); ++piece) {
        const auto* bytes = static_cast<const unsigned char*>(pieces[piece].data());
        for (std::size_t i = 0; i < pieces[piece].bytes(); i += 7)
            ASSERT_EQ(bytes[i], piece + 1) << "piece " << piece << ", at " << i;
    }
}

TEST(PageArena, APieceOutlivesItsArena) {
    Buffer piece;
    {
        PageArena arena;
        piece = arena.allocate(1000);
    }
    static_cast<unsigned char*>(piece.data())[999] = 7;
    EXPECT_EQ(static_cast<unsigned char*>(piece.data())[999], 7);
}

}  // namespace
}  // namespace engine::cpu

#endif  // TEST_CPU_BACKEND
