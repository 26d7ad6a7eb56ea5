// The stages of a run: every moment is one stage's, whatever the back ends' clocks say.
#include "engine/blend/stage_clock.h"

#include <gtest/gtest.h>

#include <numeric>

#include "engine/backend/reference/reference_backend.h"

namespace {

using engine::StageClock;

class StageClockTest : public testing::Test {
protected:
    /// Takes some time.
    void work() const {
        std::vector<double> values(20'000, 1.5);
        volatile double sum = std::accumulate(values.begin(), values.end(), 0.0);
        static_cast<void>(sum);
    }

    std::unique_ptr<engine::Backend> m_backend = engine::createReferenceBackend(1);
    double m_first = 0;
    double m_second = 0;
    double m_third = 0;
};

TEST_F(StageClockTest, StagesSumToTheWholeAndMomentsLieWithin) {
    const auto before = std::chrono::steady_clock::now();
    StageClock clock(m_first);
    work();
    const StageClock::Moment second = clock.switchTo(m_second, *m_backend);
    work();
    const StageClock::Moment within = clock.moment(*m_backend);
    work();
    const StageClock::Moment third = clock.switchTo(m_third, *m_backend);
    work();
    clock.switchToHost(m_first);
    work();
    clock.stop();
    const double whole = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - before).count();
    EXPECT_GT(m_first, 0);
    EXPECT_GT(m_third, 0);
    EXPECT_LE(m_first + m_second + m_third, whole);
    EXPECT_NEAR(clock.ms(third) - clock.ms(second), m_second, 1e-9);
    EXPECT_GT(clock.ms(within), clock.ms(second));
    EXPECT_LT(clock.ms(within), clock.ms(third));
    EXPECT_EQ(clock.asideMs(), 0);
}

TEST_F(StageClockTest, AStageMayBeginAtTheLastMoment) {
    StageClock clock(m_first);
    work();
    const StageClock::Moment last = clock.moment(*m_backend);
    EXPECT_EQ(clock.enter(m_second), last);
    work();
    clock.stop();
    EXPECT_NEAR(m_first, clock.ms(last), 1e-9);
    EXPECT_GT(m_second, 0);
}

TEST_F(StageClockTest, WhatRunsAsideIsNobodysAndCountsForNoMoment) {
    StageClock clock(m_first);
    const StageClock::Moment begin = clock.switchTo(m_second, *m_backend);
    clock.aside(*m_backend, [&] {
        for (int i = 0; i < 50; ++i)
            work();
    });
    const StageClock::Moment end = clock.moment(*m_backend);
    clock.stop();
    EXPECT_GT(clock.asideMs(), 0);
    EXPECT_LT(clock.ms(end) - clock.ms(begin), clock.asideMs());
    EXPECT_LT(m_second, clock.asideMs());
}

// A device's clock may be ahead of the host's, or behind it.
TEST_F(StageClockTest, MomentsStayInTheirOrderWhateverTheClocks) {
    const auto at = [](int ms) { return std::chrono::steady_clock::now() + std::chrono::milliseconds(ms); };
    const auto before = std::chrono::steady_clock::now();
    StageClock clock(m_first);
    const StageClock::Moment early = clock.switchTo(m_second, *m_backend, {at(-500), nullptr});
    const StageClock::Moment late = clock.switchTo(m_third, *m_backend, {at(500), nullptr});
    work();
    clock.stop();
    const double whole = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - before).count();
    EXPECT_EQ(clock.ms(early), 0);
    EXPECT_EQ(m_first, 0);
    EXPECT_EQ(m_third, 0);
    EXPECT_NEAR(clock.ms(late), m_second, 1e-9);
    EXPECT_GT(m_second, 0);
    EXPECT_LE(m_second, whole);
}

}  // namespace
