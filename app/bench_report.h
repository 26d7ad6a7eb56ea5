// What `bench` measures, and how its samples become rows.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/statistics.h"
#include "engine/machine_peak.h"
#include "engine/types.h"

namespace app {

enum class RateKind { Prefill, Decode, Precompute };
std::string_view nameOf(RateKind kind);

struct RateRow {
    RateKind kind = RateKind::Prefill;
    int tokens = 0;
    int after = 0;  // decode: tokens before the first one decoded
    Spread tokensPerSecond;
    std::optional<double> throughput;  // prefill: GFLOP/s of what was needed; decode: GB/s of weights and KV read; median
    std::optional<double> ofPeak;      // share of the measured peak, with --peak
};

/// Cold: nothing in memory, the store's pages dropped before each run. Warm: as the run before left them, in the RAM tier or page cache.
enum class CacheState { Cold, Warm };
std::string_view nameOf(CacheState state);

/// One question's run.
struct TtftSample {
    engine::Timings ms;
    double chargedWork = 0;
    int promptTokens = 0;
    std::uint64_t bytesFromDisk = 0;
};

struct TtftRow {
    int context = 0;       // tokens asked for
    int promptTokens = 0;  // as run, head and question included
    engine::Strategy strategy = engine::Strategy::Full;
    double ratio = 0;
    CacheState state = CacheState::Warm;
    Spread ms;
    std::optional<double> overFull;         // median ÷ the median of `full` of the same context and state
    double chargedWork = 0;                 // median
    double loadHidden = 0;                  // ms, median
    std::optional<double> loadHiddenShare;  // of reading and checking, median; empty where nothing was read from disk
    engine::Timings stages;                 // medians, stage by stage
    double stageSumOverTtft = 0;            // of the run in which it lies farthest from 1
};

struct BenchReport {
    std::optional<engine::MachinePeak> peak;  // with --peak
    std::optional<engine::GpuPeak> gpuPeak;   // and a model that lies on the GPU
    std::string cpu;
    std::string gpu;  // empty unless the back end is cuda
    std::string model;
    std::string backend;
    std::string precision;
    int threads = 0;
    int repeat = 0;
    double loadMs = 0;  // reading and packing the weights
    std::vector<RateRow> rates;
    std::vector<TtftRow> ttft;
};

/// The row of one context, strategy and state. `samples` must not be empty; overFull is filled by relateToFull().
TtftRow ttftRow(int context, engine::Strategy strategy, double ratio, CacheState state,
                const std::vector<TtftSample>& samples);
/// Fills ofPeak of prefill and decode from the peak of where the model is computed: `cpu` or `cuda` alone. Two places, and `reference`, have none.
void relateToPeak(BenchReport& report);
/// Fills overFull from the rows of `full`.
void relateToFull(std::vector<TtftRow>& rows);

/// Distinct prose for measuring: `sentences` sentences, chosen and numbered by `seed`, so that two seeds share no long passage.
/// The same on every machine.
std::string benchText(int seed, int sentences);

}  // namespace app
