// Ranking: sizes, ties, forced tokens, and scores that are no numbers.
#include "engine/blend/token_selector.h"

#include <gtest/gtest.h>

#include <limits>

#include "engine/backend/reference/reference_backend.h"

namespace {

/// Head of 2 tokens, two chunks of 4 and 3, suffix of 2. The chunks' KV is in the store unless named as missing.
engine::BlendPlan plan(bool firstChunkMissing = false, int first = 0) {
    engine::BlendPlan plan;
    plan.options.first = first;
    const auto add = [&](engine::SegmentKind kind, int position, int tokens, bool hit) {
        engine::PlanSegment segment;
        segment.kind = kind;
        segment.position = position;
        segment.ids.assign(static_cast<std::size_t>(tokens), 1);
        segment.source = hit ? engine::KvSource::Store : engine::KvSource::Miss;
        if (hit)
            segment.extent.emplace();
        plan.segments.push_back(segment);
    };
    add(engine::SegmentKind::Head, 0, 2, true);
    add(engine::SegmentKind::Chunk, 2, 4, !firstChunkMissing);
    add(engine::SegmentKind::Chunk, 6, 3, true);
    plan.suffix = {7, 8};
    plan.promptTokens = 11;
    return plan;
}

const std::vector<float> kScore = {5, 1, 4, 1, 4, 9, 0};

TEST(TokenSelector, TakesTheGreatestAndBreaksTiesByPosition) {
    const engine::PromptLayout layout(plan());
    const engine::TokenSelection three = engine::selectTokens(layout, kScore, 3.0 / 7);
    EXPECT_EQ(three.positions, (std::vector<int>{2, 4, 7}));  // 9, 5, and the earlier of the two 4s
    EXPECT_FLOAT_EQ(three.threshold, 4);
    EXPECT_EQ(three.score, kScore);
}

TEST(TokenSelector, ChoosesTheSameWhereTheScoreWasComputed) {
    const std::unique_ptr<engine::Backend> backend = engine::createReferenceBackend(1);
    const engine::Buffer memory = backend->allocate(kScore.size() * sizeof(float));
    backend->upload(memory.data(), kScore.data(), kScore.size() * sizeof(float));
    const engine::TensorView row{memory.data(), engine::DType::F32, 1, 7, 7};
    for (const bool missing : {false, true})
        for (const int first : {0, 1, 9})
            for (const double ratio : {0.0, 0.2, 0.5, 1.0}) {
                const engine::PromptLayout layout(plan(missing, first));
                const engine::TokenSelection onHost = engine::selectTokens(layout, kScore, ratio);
                const engine::ChosenRows rows = engine::chooseRows(layout, *backend, row, ratio, layout.ids);
                const engine::TokenSelection onDevice = engine::selectionOf(layout, rows.positions.values(), kScore);
                EXPECT_EQ(onDevice.positions, onHost.positions);
                EXPECT_EQ(onDevice.score, onHost.score);
                EXPECT_EQ(onDevice.threshold, onHost.threshold);
                EXPECT_EQ(rows.positions.count(),
                          static_cast<int>(layout.forcedPositions().size()) + engine::chosenCount(layout, ratio));
            }
}

TEST(TokenSelector, CountsTheFloorOfTheRatio) {
    const engine::PromptLayout layout(plan());
    EXPECT_EQ(engine::selectTokens(layout, kScore, 0).positions.size(), 0U);
    EXPECT_EQ(engine::selectTokens(layout, kScore, 0.15).positions.size(), 1U);
    EXPECT_EQ(engine::selectTokens(layout, kScore, 0.99).positions.size(), 6U);
    EXPECT_EQ(engine::selectTokens(layout, kScore, 1).positions.size(), 7U);
}

TEST(TokenSelector, MissingChunksAreNeverCandidatesAndNeverCounted) {
    const engine::PromptLayout layout(plan(true));
    const engine::TokenSelection all = engine::selectTokens(layout, kScore, 1);
    EXPECT_EQ(all.positions, (std::vector<int>{6, 7, 8}));
    EXPECT_EQ(engine::selectTokens(layout, kScore, 0.5).positions, (std::vector<int>{7}));  // floor(0.5 * 3)
    EXPECT_EQ(layout.forcedPositions(), (std::vector<int>{2, 3, 4, 5, 9, 10}));
}

TEST(TokenSelector, FirstTokensOfEveryChunkAreForced) {
    const engine::PromptLayout layout(plan(false, 1));
    const engine::TokenSelection none = engine::selectTokens(layout, kScore, 0);
    EXPECT_EQ(none.positions, (std::vector<int>{2, 6}));
    EXPECT_EQ(engine::selectTokens(layout, kScore, 0.2).positions, (std::vector<int>{2, 6, 7}));  // floor(0.2 * 5) more
}

TEST(TokenSelector, ScoresThatAreNoNumbersRankFirst) {
    const engine::PromptLayout layout(plan());
    std::vector<float> score = kScore;
    score[6] = std::numeric_limits<float>::quiet_NaN();
    EXPECT_EQ(engine::selectTokens(layout, score, 1.0 / 7).positions, (std::vector<int>{8}));
}

TEST(TokenSelector, OffsetScoreTakesChunkStartsFromTheEarlierChunkFirst) {
    const engine::PromptLayout layout(plan());
    EXPECT_EQ(engine::selectTokens(layout, engine::offsetScore(layout), 3.0 / 7).positions, (std::vector<int>{2, 3, 6}));
}

TEST(PromptLayout, ExactPrefixEndsAtTheFirstRecordWithAnotherAnchor) {
    engine::BlendPlan exact = plan();
    EXPECT_EQ(engine::PromptLayout(exact).exactPrefix(exact), 0);
    exact.segments[0].prefixExact = true;
    EXPECT_EQ(engine::PromptLayout(exact).exactPrefix(exact), 2);
    exact.segments[1].prefixExact = true;
    EXPECT_EQ(engine::PromptLayout(exact).exactPrefix(exact), 6);
    exact.segments[0].extent.reset();
    EXPECT_EQ(engine::PromptLayout(exact).exactPrefix(exact), 0);
}

}  // namespace
