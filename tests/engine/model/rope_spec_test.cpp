// Inverse frequencies of every scaling against literal reference values.
#include "engine/model/rope_spec.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace {

using engine::makeRopeSpec;
using engine::RopePairing;
using engine::RopeScaling;
using engine::RopeScalingKind;

struct Sample {
    std::size_t pair;
    double frequency;
};

// Literals have 15 digits, computed in double precision by the formulas of Hugging Face's modeling_rope_utils.
void expectFrequencies(const engine::Result<engine::RopeSpec>& spec, std::size_t pairs,
                       std::initializer_list<Sample> samples) {
    ASSERT_TRUE(spec.ok()) << spec.status().message();
    ASSERT_EQ(spec->inverseFrequencies.size(), pairs);
    for (const Sample& sample : samples)
        EXPECT_NEAR(spec->inverseFrequencies[sample.pair] / sample.frequency, 1.0, 1e-12) << "pair " << sample.pair;
}

TEST(RopeSpec, UnscaledFrequenciesArePowersOfTheBase) {
    const auto spec = makeRopeSpec(RopePairing::Interleaved, 64, 10000, RopeScaling());
    expectFrequencies(spec, 32, {{0, 1}, {1, 0.749894209332456}, {10, 0.0562341325190349}, {31, 0.000133352143216332}});
    EXPECT_EQ(spec->pairing, RopePairing::Interleaved);
    EXPECT_EQ(spec->dimensions, 64);
    EXPECT_EQ(spec->magnitude, 1.0F);
}

TEST(RopeSpec, LinearScalingDividesEveryFrequency) {
    RopeScaling scaling;
    scaling.kind = RopeScalingKind::Linear;
    scaling.factor = 4;
    expectFrequencies(makeRopeSpec(RopePairing::HalfSplit, 64, 10000, scaling), 32,
                      {{0, 0.25}, {1, 0.187473552333114}, {31, 3.33380358040831e-05}});
}

TEST(RopeSpec, Llama3ScalingStretchesLongWavelengthsOnly) {
    RopeScaling scaling;
    scaling.kind = RopeScalingKind::Llama3;
    scaling.factor = 8;
    scaling.lowFrequencyFactor = 1;
    scaling.highFrequencyFactor = 4;
    scaling.originalContext = 8192;
    const auto spec = makeRopeSpec(RopePairing::HalfSplit, 128, 500000, scaling);
    expectFrequencies(spec, 64,
                      {{0, 1},
                       {1, 0.814617233856545},
                       {20, 0.0165604400809944},
                       {28, 0.00321144599475259},
                       {29, 0.00216657076350336},
                       {30, 0.00137189356776114},
                       {31, 0.000856751412919632},
                       {32, 0.000524846160992955},
                       {33, 0.000312693750384065},
                       {34, 0.000178507812767996},
                       {35, 9.55621235396468e-05},
                       {40, 3.42810219595259e-05},
                       {63, 3.06892598891451e-07}});
    EXPECT_EQ(spec->magnitude, 1.0F);
}

TEST(RopeSpec, YarnRampsBetweenTheBetasAndScalesTheMagnitude) {
    RopeScaling scaling;
    scaling.kind = RopeScalingKind::Yarn;
    scaling.factor = 4;
    scaling.originalContext = 32768;
    const auto spec = makeRopeSpec(RopePairing::HalfSplit, 128, 1e6, scaling);
    expectFrequencies(spec, 64,
                      {{0, 1},
                       {10, 0.115478198468946},
                       {20, 0.0133352143216332},
                       {23, 0.00697830584859866},
                       {24, 0.0053753214907901},
                       {30, 0.001064360981247},
                       {35, 0.000246258406908939},
                       {40, 4.44569852509731e-05},
                       {45, 1.51074097559533e-05},
                       {46, 1.21741881291466e-05},
                       {50, 5.13381256614287e-06},
                       {63, 3.1023444018793e-07}});
    EXPECT_FLOAT_EQ(spec->magnitude, 1.138629436111989F);  // 0.1 ln 4 + 1
}

TEST(RopeSpec, YarnHonoursItsOwnBetasAndAttentionFactor) {
    RopeScaling scaling;
    scaling.kind = RopeScalingKind::Yarn;
    scaling.factor = 16;
    scaling.originalContext = 4096;
    scaling.betaFast = 16;
    scaling.betaSlow = 2;
    const auto spec = makeRopeSpec(RopePairing::HalfSplit, 64, 10000, scaling);
    expectFrequencies(spec, 32,
                      {{10, 0.0562341325190349},
                       {14, 0.0140780453294748},
                       {15, 0.00916795984612285},
                       {18, 0.00210877996946381},
                       {20, 0.00052704627669473},
                       {22, 0.000111142463127433},
                       {23, 8.33450895102078e-05},
                       {31, 8.33450895102077e-06}});
    EXPECT_FLOAT_EQ(spec->magnitude, 1.2772588722239782F);
    scaling.magnitude = 1.5;
    EXPECT_FLOAT_EQ(makeRopeSpec(RopePairing::HalfSplit, 64, 10000, scaling)->magnitude, 1.5F);
}

TEST(RopeSpec, YarnRangeMayStayUnrounded) {
    RopeScaling scaling;
    scaling.kind = RopeScalingKind::Yarn;
    scaling.factor = 4;
    scaling.originalContext = 32768;
    scaling.roundRange = false;
    expectFrequencies(makeRopeSpec(RopePairing::HalfSplit, 128, 1e6, scaling), 64,
                      {{23, 0.00697830584859866},
                       {24, 0.00551727047513412},
                       {30, 0.00107923774167655},
                       {39, 6.1878068124507e-05},
                       {40, 4.44569852509731e-05},
                       {41, 3.58253142559241e-05}});
}

TEST(RopeSpec, PairDivisorsEqualLlama3sOwnFormula) {
    // What a converter stores for base 10000, R 16, factor 4, original context 512.
    RopeScaling divisors;
    divisors.pairDivisors = {1, 1, 1, 1.5522794165F, 4, 4, 4, 4};
    expectFrequencies(makeRopeSpec(RopePairing::Interleaved, 16, 10000, divisors), 8,
                      {{0, 1}, {2, 0.1}, {4, 0.0025}, {6, 0.00025}});
    const auto spec = makeRopeSpec(RopePairing::Interleaved, 16, 10000, divisors);
    EXPECT_NEAR(spec->inverseFrequencies[3], 0.0203718327157626, 2e-9);  // the divisor is fp32
    divisors.kind = RopeScalingKind::Linear;
    divisors.factor = 2;
    EXPECT_DOUBLE_EQ(makeRopeSpec(RopePairing::Interleaved, 16, 10000, divisors)->inverseFrequencies[2], 0.05);
}

TEST(RopeSpec, PartialRotaryUsesItsOwnDimensionInTheExponent) {
    const auto spec = makeRopeSpec(RopePairing::HalfSplit, 4, 10000, RopeScaling());
    expectFrequencies(spec, 2, {{0, 1}, {1, 0.01}});
    EXPECT_EQ(spec->dimensions, 4);
}

TEST(RopeSpec, NumbersThatMakeNoSenseAreRefusedByName) {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    struct Case {
        const char* reason;
        int dimensions = 64;
        double base = 10000;
        RopeScaling scaling = {};
    };
    const auto scaled = [](RopeScalingKind kind, double factor, double original) {
        RopeScaling scaling;
        scaling.kind = kind;
        scaling.factor = factor;
        scaling.originalContext = original;
        return scaling;
    };
    RopeScaling wrongFactors = scaled(RopeScalingKind::Llama3, 8, 8192);
    wrongFactors.highFrequencyFactor = wrongFactors.lowFrequencyFactor;
    RopeScaling wrongBetas = scaled(RopeScalingKind::Yarn, 8, 8192);
    wrongBetas.betaFast = 0.5;
    RopeScaling wrongMagnitude = scaled(RopeScalingKind::Yarn, 8, 8192);
    wrongMagnitude.magnitude = nan;
    RopeScaling fewDivisors;
    fewDivisors.pairDivisors.assign(31, 1.0F);
    RopeScaling zeroDivisor;
    zeroDivisor.pairDivisors.assign(32, 0.0F);
    const Case cases[] = {
        {"dimension 63 is not even", 63},
        {"dimension 0 is not even and positive", 0},
        {"base 1 is not", 64, 1},
        {"base nan is not", 64, nan},
        {"scaling factor 0 is not a positive number", 64, 10000, scaled(RopeScalingKind::Linear, 0, 0)},
        {"scaling factor inf", 64, 10000, scaled(RopeScalingKind::Linear, std::numeric_limits<double>::infinity(), 0)},
        {"no original context length", 64, 10000, scaled(RopeScalingKind::Yarn, 4, 0)},
        {"no original context length", 64, 10000, scaled(RopeScalingKind::Llama3, 4, 0)},
        {"not positive and ascending", 64, 10000, wrongFactors},
        {"not positive and descending", 64, 10000, wrongBetas},
        {"attention factor nan", 64, 10000, wrongMagnitude},
        {"there are 31 for 32 pairs", 64, 10000, fewDivisors},
        {"frequency factor 0 is not", 64, 10000, zeroDivisor},
    };
    for (const Case& one : cases) {
        const auto spec = makeRopeSpec(RopePairing::HalfSplit, one.dimensions, one.base, one.scaling);
        ASSERT_FALSE(spec.ok()) << one.reason;
        EXPECT_EQ(spec.status().code(), engine::StatusCode::Refused);
        EXPECT_NE(spec.status().message().find(one.reason), std::string::npos) << spec.status().message();
    }
}

TEST(RopeSpec, DescriptionsNamePairingBaseAndScaling) {
    EXPECT_EQ(engine::describeRope(RopePairing::Interleaved, 64, 64, 100000, RopeScaling()),
              "interleaved, base 100000, no scaling");
    RopeScaling yarn;
    yarn.kind = RopeScalingKind::Yarn;
    yarn.factor = 4;
    yarn.originalContext = 32768;
    EXPECT_EQ(engine::describeRope(RopePairing::HalfSplit, 32, 64, 1e6, yarn),
              "half-split, 32 of 64 dimensions, base 1000000, YaRN ×4 from 32768 tokens");
}

}  // namespace
