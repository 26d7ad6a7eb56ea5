// How fast this model runs on this machine: learned from every run, and what forecasts are made of.
#pragma once

#include <span>
#include <string>

#include "engine/blend/blender.h"
#include "engine/types.h"

namespace engine {

/// What a plan loads, and how many of its passes run while that happens.
struct LoadCost {
    std::uint64_t bytes = 0;
    std::uint64_t bytesFromDisk = 0;
    std::size_t hidingPasses = 1;
};

/// Decaying sums of what was measured: the last few runs count, and a single slow one only up to twice what was expected. A value;
/// one thread.
class Speed {
public:
    /// After a run: its passes, the bytes it loaded and what each stage took.
    void learn(const Prefill& prefill, const Timings& ms);
    /// After a batch of precompute.
    void learnPrecompute(std::int64_t tokens, double ms);

    /// Whether a run was measured.
    bool known() const { return m_constant.x > 0; }
    /// Time to first token of these passes over what is loaded; 0 when nothing was measured yet.
    double forecastMs(std::span<const PassCost> passes, const LoadCost& load) const;
    /// Of that: reading and checking what comes from disk, and the computation it can hide behind.
    double readMs(const LoadCost& load) const { return m_load.at(static_cast<double>(load.bytesFromDisk)); }
    double hidingMs(std::span<const PassCost> passes, const LoadCost& load) const;
    double forecastPrecomputeMs(std::int64_t tokens) const;

    std::string text() const;
    /// What text() gave; anything else reads as nothing measured.
    static Speed fromText(const std::string& text);

private:
    /// y ≈ rate · x.
    struct Rate {
        double x = 0;
        double y = 0;
        void add(double newX, double newY);
        double at(double value) const { return x > 0 ? y / x * value : 0; }
    };
    /// y ≈ a + b · x with a, b ≥ 0, by least squares.
    struct Line {
        double n = 0;
        double x = 0;
        double y = 0;
        double xx = 0;
        double xy = 0;
        void add(double newX, double newY);
        double at(double value) const;
    };
    double passMs(const PassCost& pass) const;

    Line m_linear;      // rows → ms of one layer's linear work
    Rate m_attention;   // rows × keys → ms of one layer
    Rate m_load;        // bytes from disk (or its page cache) → ms of reading and checking
    Rate m_rotate;      // bytes → ms
    Rate m_constant;    // runs → ms of everything else: retrieval, planning, logits
    Rate m_precompute;  // tokens → ms
};

}  // namespace engine
