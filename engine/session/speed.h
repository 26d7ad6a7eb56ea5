// How fast this model runs on this machine: learned from every run, and what forecasts are made of.
#pragma once

#include <span>
#include <string>

#include "engine/blend/blender.h"
#include "engine/types.h"

namespace engine {

/// Decaying sums of what was measured: the last few runs count, and a single slow one only up to twice what was expected. A value;
/// one thread.
class Speed {
public:
    /// After a run: its passes, the bytes it loaded and what each stage took.
    void learn(const Prefill& prefill, const Timings& ms);
    /// After a batch of precompute.
    void learnPrecompute(std::int64_t tokens, double ms);

    /// Time to first token of these passes over so many loaded bytes; 0 when nothing was measured yet.
    double forecastMs(std::span<const PassCost> passes, std::uint64_t bytesToLoad) const;
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
    Rate m_load;        // bytes → ms of reading and checking
    Rate m_rotate;      // bytes → ms
    Rate m_constant;    // runs → ms of everything else: retrieval, planning, logits
    Rate m_precompute;  // tokens → ms
};

}  // namespace engine
