// What `bench` measures, and how its samples become rows.
#include "app/bench_report.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <cstdint>

#include "app/names.h"

namespace app {

namespace {

/// Plain English of the kind that documents hold; {} takes a number.
constexpr std::array<std::string_view, 24> kSentences{
    "The survey of the northern valley in year {} counted more springs than any before it.",
    "Stone walls along the upper road were repaired with {} loads of slate from the old quarry.",
    "A clerk copied the letter twice, sealed both copies, and sent them by different riders.",
    "The harbour ledger lists {} barrels of salt, but the warehouse held fewer when it was opened.",
    "When the bridge was closed, carts had to follow the river to the ford at the mill.",
    "Her notebook describes the instrument in detail: a brass tube, two lenses, and a scale of {} marks.",
    "Nobody could say later who had moved the boundary stones, or on whose order.",
    "The committee asked for a second measurement, because the first had been taken in fog.",
    "Of the {} samples that were tested, most contained iron and a little copper.",
    "The library bought the collection on condition that it stay open to every reader.",
    "Two engineers proposed a tunnel; the third thought that a longer road would cost less.",
    "In spring the lower fields stand under water for about {} days, and the herons come.",
    "The contract names the price, the date, and the number of workers, which was {}.",
    "An apprentice found the error: one column had been added from the top and one from the bottom.",
    "The night train carried post and milk, and after the war a single coach for passengers.",
    "Each page bears a stamp with the number {} and the arms of the former owner.",
    "The weather station reported gusts from the west and a falling glass until midnight.",
    "They planted {} oaks along the canal, of which the greater part is still standing.",
    "The inventory was taken in haste and leaves out everything that stood in the cellar.",
    "A later hand has written in the margin that the figure should be {} instead.",
    "The school taught arithmetic in the morning and surveying on dry afternoons.",
    "According to the guide, the tower has {} steps and a view as far as the coast.",
    "The dispute ended when both villages agreed to share the pasture in alternate years.",
    "Copper wire was laid under the square, and the first lamps were lit in the autumn."};

/// splitmix64: the same sequence everywhere.
std::uint64_t nextRandom(std::uint64_t& state) {
    state += 0x9E3779B97F4A7C15ULL;
    std::uint64_t z = state;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
}

}  // namespace

std::string_view nameOf(RateKind kind) {
    switch (kind) {
        case RateKind::Prefill:
            return "prefill";
        case RateKind::Decode:
            return "decode";
        case RateKind::Precompute:
            return "precompute";
    }
    return "";
}

std::string_view nameOf(CacheState state) { return state == CacheState::Cold ? "cold" : "warm"; }

TtftRow ttftRow(int context, engine::Strategy strategy, double ratio, CacheState state,
                const std::vector<TtftSample>& samples) {
    assert(!samples.empty());
    const auto medianOver = [&](auto&& figure) {
        std::vector<double> values;
        for (const TtftSample& sample : samples)
            values.push_back(figure(sample));
        return medianOf(values);
    };
    TtftRow row;
    row.context = context;
    row.promptTokens = samples.front().promptTokens;
    row.strategy = strategy;
    row.ratio = ratio;
    row.state = state;
    std::vector<double> ttft;
    row.stageSumOverTtft = 1;
    for (const TtftSample& sample : samples) {
        ttft.push_back(sample.ms.ttft);
        const double share = sample.ms.ttft > 0 ? stageSum(sample.ms) / sample.ms.ttft : 0;
        if (std::abs(share - 1) > std::abs(row.stageSumOverTtft - 1))
            row.stageSumOverTtft = share;
    }
    row.ms = spreadOf(ttft);
    row.chargedWork = medianOver([](const TtftSample& sample) { return sample.chargedWork; });
    row.loadHidden = medianOver([](const TtftSample& sample) { return sample.ms.loadHidden; });
    if (std::all_of(samples.begin(), samples.end(), [](const TtftSample& sample) { return sample.bytesFromDisk > 0; }))
        row.loadHiddenShare = medianOver(
            [](const TtftSample& sample) { return sample.ms.loadHidden / (sample.ms.load + sample.ms.loadHidden); });
    for (const Stage& stage : kStages)
        row.stages.*stage.ms = medianOver([&](const TtftSample& sample) { return sample.ms.*stage.ms; });
    return row;
}

void relateToPeak(BenchReport& report) {
    double gflops = 0;
    double gigabytes = 0;
    if (report.backend == "cuda" && report.gpuPeak) {
        gflops = report.precision == "bf16" ? report.gpuPeak->bf16Gflops : 0;
        gigabytes = report.gpuPeak->memoryGBs;
    } else if (report.backend == "cpu" && report.peak) {
        gflops = report.precision == "bf16" ? report.peak->bf16Gflops : report.peak->f32Gflops;
        gigabytes = report.peak->readGBs;
    }
    for (RateRow& row : report.rates) {
        const double peak = row.kind == RateKind::Prefill ? gflops : gigabytes;
        if (row.throughput && peak > 0)
            row.ofPeak = *row.throughput / peak;
    }
}

void relateToFull(std::vector<TtftRow>& rows) {
    for (TtftRow& row : rows)
        for (const TtftRow& full : rows)
            if (full.strategy == engine::Strategy::Full && full.context == row.context && full.state == row.state &&
                full.ms.median > 0)
                row.overFull = row.ms.median / full.ms.median;
}

std::string benchText(int seed, int sentences) {
    std::uint64_t state = static_cast<std::uint64_t>(seed) * 0xD1342543DE82EF95ULL + 1;
    std::string text = "Report " + std::to_string(seed) + ".";
    for (int i = 0; i < sentences; ++i) {
        std::string sentence(kSentences[nextRandom(state) % kSentences.size()]);
        const std::uint64_t number = 3 + nextRandom(state) % 1900;
        if (const std::size_t at = sentence.find("{}"); at != std::string::npos)
            sentence.replace(at, 2, std::to_string(number));
        text += " " + sentence;
    }
    return text;
}

}  // namespace app
