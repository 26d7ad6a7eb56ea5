// Forecasts from measured speeds, on a machine whose speeds are known.
#include "engine/session/speed.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace engine {
namespace {

/// 0.5 ms + 0.01 ms a row for a layer's linear work, 1e-6 ms a row and key, 1e-6 ms a byte read, a tenth of it rotated, 5 ms else.
struct Machine {
    double slowness = 1;

    double linearMs(int rows) const { return slowness * (0.5 + 0.01 * rows); }
    double attentionMs(double rowKeys) const { return slowness * 1e-6 * rowKeys; }

    Timings run(Prefill& prefill) const {
        Timings ms;
        ms.ttft = slowness * 5;
        for (PassCost& pass : prefill.passes) {
            pass.linearMs = pass.layers * linearMs(pass.rows);
            pass.attentionMs = pass.layers * attentionMs(pass.rowKeys);
            ms.ttft += pass.linearMs + pass.attentionMs;
        }
        const double reading = slowness * 1e-6 * static_cast<double>(prefill.bytesLoaded);
        const PassCost& first = prefill.passes.front();
        ms.load = std::max(0.0, reading - first.linearMs - first.attentionMs);
        ms.loadHidden = reading - ms.load;
        ms.rotate = reading / 10;
        ms.ttft += ms.load + ms.rotate;
        return ms;
    }
};

PassCost pass(int rows, int keys) { return {rows, 30, static_cast<double>(rows) * keys, 0, 0}; }

Prefill blend(int rows, int keys, std::uint64_t bytes) {
    Prefill prefill;
    prefill.passes = {pass(40, keys), pass(rows, keys / 2)};
    prefill.bytesLoaded = bytes;
    return prefill;
}

engine::LoadCost allFromDisk(const Prefill& prefill) { return {prefill.bytesLoaded, prefill.bytesLoaded}; }

double learn(Speed& speed, const Machine& machine, Prefill prefill) {
    const Timings ms = machine.run(prefill);
    speed.learn(prefill, ms);
    return ms.ttft;
}

TEST(Speed, NothingMeasuredGivesNoForecast) {
    const PassCost one = pass(100, 100);
    EXPECT_EQ(Speed().forecastMs(std::span(&one, 1), {1000, 1000}), 0);
    EXPECT_EQ(Speed().forecastPrecomputeMs(1000), 0);
}

TEST(Speed, ForecastsOtherPromptsOnTheMachineItLearnedFrom) {
    const Machine machine;
    Speed speed;
    learn(speed, machine, blend(150, 1000, 20'000'000));
    learn(speed, machine, blend(400, 2500, 50'000'000));
    for (Prefill other : {blend(250, 1800, 35'000'000), blend(900, 6000, 150'000'000)}) {
        const Timings ms = machine.run(other);
        EXPECT_NEAR(speed.forecastMs(other.passes, allFromDisk(other)), ms.ttft, 0.01 * ms.ttft);
    }
    Prefill full;
    full.passes = {pass(4000, 2000)};
    const double fullMs = machine.run(full).ttft;
    EXPECT_NEAR(speed.forecastMs(full.passes, {}), fullMs, 0.01 * fullMs);
}

TEST(Speed, OneRunOfABusyMachineMovesAForecastLittleAndIsSoonForgotten) {
    Speed speed;
    Prefill usual = blend(300, 2000, 40'000'000);
    for (int i = 0; i < 6; ++i)
        learn(speed, {}, usual);
    const double before = speed.forecastMs(usual.passes, allFromDisk(usual));
    learn(speed, {20}, usual);
    EXPECT_LT(speed.forecastMs(usual.passes, allFromDisk(usual)), 1.5 * before);
    learn(speed, {}, usual);
    learn(speed, {}, usual);
    EXPECT_LT(speed.forecastMs(usual.passes, allFromDisk(usual)), 1.2 * before);
}

TEST(Speed, ASlowStartIsCorrectedByTheNextRuns) {
    Speed speed;
    Prefill usual = blend(300, 2000, 40'000'000);
    learn(speed, {30}, usual);
    double right = 0;
    for (int i = 0; i < 12; ++i)
        right = learn(speed, {}, usual);
    EXPECT_NEAR(speed.forecastMs(usual.passes, allFromDisk(usual)), right, 0.3 * right);
}

TEST(Speed, TextKeepsEverything) {
    Speed speed;
    learn(speed, {}, blend(150, 1000, 20'000'000));
    learn(speed, {}, blend(400, 2500, 50'000'000));
    speed.learnPrecompute(512, 250);
    const Speed again = Speed::fromText(speed.text());
    EXPECT_EQ(again.text(), speed.text());
    const Prefill other = blend(250, 1800, 35'000'000);
    EXPECT_EQ(again.forecastMs(other.passes, {1000, 1000}), speed.forecastMs(other.passes, {1000, 1000}));
    EXPECT_DOUBLE_EQ(again.forecastPrecomputeMs(1024), 500);
    for (const std::string& text :
         {std::string(), std::string("speed9 1 2 3"), speed.text().substr(0, 20), std::string("speed1 -1 nan x")})
        EXPECT_EQ(Speed::fromText(text).text(), Speed().text()) << text;
}

}  // namespace
}  // namespace engine
