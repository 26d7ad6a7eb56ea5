// What stored KV depends on: any change of it, one at a time, gives another name and so a miss.
#include "engine/kv/kv_key.h"

#include <gtest/gtest.h>

#include <functional>
#include <set>

#include "storage/digest.h"

namespace engine {
namespace {

struct Computation {
    ModelConfig config;
    Digest weights = storage::digestOf({});
    KvSpec spec{2, 2, 16, KvDtype::F16};
    Precision precision = Precision::F32;

    FingerprintId id() const { return modelFingerprint(config, weights, spec, precision).id; }
};

Computation example() {
    Computation computation;
    computation.config.name = "tiny";
    computation.config.architecture = "llama";
    computation.config.rope.dimensions = 16;
    computation.config.rope.inverseFrequencies = {1.0F, 0.5F};
    return computation;
}

TEST(ModelFingerprint, EachFieldChangedAloneIsAMiss) {
    const std::vector<std::function<void(Computation&)>> changes{
        [](Computation& c) { c.config.architecture = "qwen2"; },
        [](Computation& c) { c.weights = storage::digestOf(std::as_bytes(std::span("x", 1))); },
        [](Computation& c) { c.spec.layers = 3; },
        [](Computation& c) { c.spec.kvHeads = 1; },
        [](Computation& c) { c.spec.headDim = 32; },
        [](Computation& c) { c.spec.dtype = KvDtype::Bf16; },
        [](Computation& c) { c.spec.dtype = KvDtype::F32; },
        [](Computation& c) { c.spec.dtype = KvDtype::Int8; },
        [](Computation& c) { c.config.rope.dimensions = 8; },
        [](Computation& c) { c.config.rope.pairing = RopePairing::Interleaved; },
        [](Computation& c) { c.config.rope.pairing = RopePairing::HalfSplit; },
        [](Computation& c) { c.config.rope.magnitude = 1.25F; },
        [](Computation& c) {
            c.config.rope.inverseFrequencies = {1.0F, 0.50000006F};
        },
        [](Computation& c) { c.config.normEpsilon = 3e-5F; },
        [](Computation& c) { c.precision = Precision::Bf16; },
    };
    std::set<std::string> ids{example().id().hex()};
    for (const auto& change : changes) {
        Computation changed = example();
        change(changed);
        ids.insert(changed.id().hex());
    }
    // One of the two pairings is the example's own.
    EXPECT_EQ(ids.size(), changes.size());
    EXPECT_EQ(example().id(), example().id());
}

TEST(KvKey, SaysWhereTheAnchorEnds) {
    const FingerprintId fingerprint = example().id();
    const auto key = [&](const TokenIds& anchor, const TokenIds& ids) { return kvKey(fingerprint, anchor, ids).hex(); };
    const std::set<std::string> keys{key({}, {1, 2, 3}), key({1}, {2, 3}),   key({1, 2}, {3}),
                                     key({}, {3, 2, 1}), key({1, 2, 3}, {}), key({}, {1, 2, 3, 0})};
    EXPECT_EQ(keys.size(), 6U);
    EXPECT_EQ(key({1}, {2, 3}), key({1}, {2, 3}));
    Computation other = example();
    other.precision = Precision::Bf16;
    EXPECT_NE(kvKey(other.id(), TokenIds{1}, TokenIds{2, 3}).hex(), key({1}, {2, 3}));
}

}  // namespace
}  // namespace engine
