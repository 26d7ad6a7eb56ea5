// The laws that every blend obeys, as checks with figures: the exactness gate of a model, and the engine's own tests.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/blend/blender.h"
#include "engine/blend/planner.h"
#include "engine/types.h"

namespace engine {

/// The parts of a session that the laws are checked with. The store is written to: the prompt's chunks are precomputed into it.
struct LawBench {
    const Transformer& model;
    Blender& blender;
    const Planner& planner;
    storage::KvStore& store;
    KvSpec spec;
    FingerprintId fingerprint;
};

/// One law: its name, and the check on one prompt.
class Laws {
public:
    /// `prompt` needs at least two chunks. Check prepare() before the laws.
    Laws(LawBench bench, GivenPrompt prompt) : m_bench(bench), m_prompt(std::move(prompt)) {}

    /// Precomputes head and chunks for the anchors none and head.
    Status prepare();

    using Check = GateCheck (Laws::*)();
    struct Named {
        const char* name;
        Check check;
    };
    static const std::vector<Named>& all();

    // In the order of engine/README.md's list. figure ≤ tolerance = passed.
    GateCheck ratioOneEqualsFull();
    GateCheck oneChunkBehindItsAnchorEqualsPrefix();
    GateCheck storedKeysRotateToComputedKeys();
    GateCheck layersUpToTheCheckAreExact();
    GateCheck rowsLeftAloneAreTheRotatedCache();
    GateCheck selectionHasItsSizeAndOrder();
    GateCheck noRowSeesLaterPositions();
    GateCheck damagedSliceEqualsMissingChunk();
    GateCheck runningTwiceGivesTheSame();
    GateCheck countersAndStagesAddUp();
    GateCheck chunkKvDependsOnNothingElse();
    GateCheck unloadedSlicesAreNeverRead();

private:
    struct Outcome {
        Prefill prefill;
        KvCache cache;
    };
    using Readers = std::function<std::unique_ptr<storage::KvReader>(std::unique_ptr<storage::KvReader>)>;

    BlendPlan plan(const BlendOptions& options, std::size_t chunks) const;
    /// Prefills; `poisoned` fills the whole cache with NaN and huge values first; `wrap` may replace the reader.
    Outcome run(const BlendPlan& plan, bool poisoned = false, const Readers& wrap = {});
    /// Greatest relative L2 distance of K or V rows between two caches, over layers and positions.
    double cacheDistance(const KvCache& a, const KvCache& b, int firstLayer, int layers, int begin, int count) const;
    /// Rows whose K or V differ in any bit.
    int differingRows(const KvCache& a, const KvCache& b, int firstLayer, const std::vector<int>& positions) const;
    /// Allowed relative error of stored KV against computed KV.
    double storageTolerance() const;
    /// Allowed KL between runs that compute the same in another order, over stored KV where any is used.
    double klTolerance() const;

    LawBench m_bench;
    GivenPrompt m_prompt;
};

}  // namespace engine
