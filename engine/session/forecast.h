// What a plan will load and cost on this machine, and what an adaptive plan decides from that. The load-or-recompute controller.
#pragma once

#include "engine/blend/blender.h"
#include "engine/kv/ram_tier.h"
#include "engine/session/speed.h"
#include "engine/types.h"

namespace engine {

/// Lives for one plan; the references outlive it.
class Forecast {
public:
    Forecast(const ModelConfig& config, const KvSpec& spec, const Speed& speed, const RamTier& ram)
        : m_config(config), m_spec(spec), m_speed(speed), m_ram(ram) {}

    /// Marks the records that are in memory, decides when the plan is adaptive, and fills in bytes, work and times.
    void complete(BlendPlan& plan, StrategyChoice choice = StrategyChoice::Asked) const;

private:
    double ttftMs(const BlendPlan& plan) const;
    LoadCost loading(const BlendPlan& plan) const;
    /// query-value reads every layer for its pass over the question before it knows what to compute; cacheblend computes while it reads.
    void preferPipelined(BlendPlan& plan) const;
    /// A chunk whose load takes longer than its computation is computed.
    void computeSlowChunks(BlendPlan& plan) const;
    /// Where loading takes longer than the computation it hides behind, more tokens are computed at no cost.
    void raiseRatio(BlendPlan& plan) const;

    const ModelConfig& m_config;
    const KvSpec m_spec;
    const Speed& m_speed;
    const RamTier& m_ram;
};

}  // namespace engine
