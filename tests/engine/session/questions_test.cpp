// Questions through the façade: sources of KV, counters, stage times, anchors, refusals, stopping.
#include "tests/engine/session/session_fixture.h"

#include <cmath>

namespace {

using engine::Strategy;

class QuestionsTest : public SessionFixture {
protected:
    QuestionsTest() { import({write("mill.md", longText(30))}); }
};

TEST_F(QuestionsTest, CountersAndStagesAddUpForEveryStrategy) {
    precompute();
    precompute(engine::Anchor::Head);
    for (const Strategy strategy : {Strategy::Full, Strategy::Prefix, Strategy::Reuse, Strategy::CacheBlend, Strategy::First,
                                    Strategy::Query, Strategy::QueryValue})
        for (const engine::Anchor anchor : {engine::Anchor::None, engine::Anchor::Head}) {
            engine::Query query = question("How often did the wheel turn on day 7?");
            query.blend.strategy = strategy;
            query.blend.anchor = anchor;
            const engine::BlendPlan planned = plan(query);
            EXPECT_EQ(planned.hits, 3);
            const engine::Answer answer = ask(query);
            EXPECT_EQ(answer.tokens.reused + answer.tokens.recomputed + answer.tokens.fresh, answer.tokens.prompt);
            EXPECT_EQ(answer.tokens.prompt, planned.promptTokens);
            EXPECT_EQ(answer.bytesLoaded, planned.bytesToLoad);
            EXPECT_NEAR(answer.chargedWork, planned.chargedWork, 1e-6);
            const engine::Timings& ms = answer.ms;
            const double stages = ms.retrieve + ms.tokenize + ms.plan + ms.load + ms.rotate + ms.questionPass +
                                  ms.layersBeforeCheck + ms.check + ms.recompute + ms.firstToken;
            EXPECT_NEAR(stages, ms.ttft, 0.03 * ms.ttft);
        }
}

TEST_F(QuestionsTest, WorkAndBytesBelongToTheTimesOfLogits) {
    EXPECT_EQ(m_engine->model().loadMs, 0) << "nothing was computed yet";
    const auto logits = [&](int tokens, int greedy) {
        auto result = m_engine->logits(engine::TokenIds(static_cast<std::size_t>(tokens), 7), 1, greedy, {});
        EXPECT_TRUE(result.ok()) << result.status().message();
        return std::move(*result);
    };
    const auto decodeBytes = [&](int tokens, int greedy) { return logits(tokens, greedy).decodeBytes; };
    EXPECT_EQ(decodeBytes(20, 1), 0) << "the first token belongs to the prefill";
    const engine::ModelInfo& info = m_engine->model();
    EXPECT_GT(info.loadMs, 0);
    const double one = decodeBytes(20, 2);
    EXPECT_EQ(decodeBytes(20, 3), one + decodeBytes(21, 2));
    const double key = decodeBytes(21, 2) - one;
    const double values = 2.0 * info.layers * info.kvHeads * info.headDim;
    EXPECT_TRUE(key == 2 * values || key == 4 * values) << "K and V of a position in bf16 or fp32, not " << key;
    EXPECT_GT(one - 21 * key, 0.25 * static_cast<double>(info.weightBytes)) << "all weights but what is only looked up";
    const auto operations = [&](int tokens) { return logits(tokens, 1).prefillOperations; };
    const double attentionOfKey = 4.0 * info.heads * info.headDim;
    EXPECT_EQ(operations(12) - 2 * operations(11) + operations(10), attentionOfKey * (info.layers - 1));
    EXPECT_GT(operations(11) - operations(10), 2.0 * (info.layers - 1) * 3 * info.hidden * info.feedForward);
}

TEST_F(QuestionsTest, AnAnswerFromMemoryIsThatFromDisk) {
    precompute();
    for (const Strategy strategy : {Strategy::Reuse, Strategy::CacheBlend, Strategy::QueryValue}) {
        engine::Query query = question("How often did the wheel turn on day 7?");
        query.blend.strategy = strategy;
        ASSERT_TRUE(m_engine->dropCaches().ok());
        const engine::Answer fromDisk = ask(query);
        EXPECT_EQ(fromDisk.bytesFromRam, 0U);
        const engine::BlendPlan planned = plan(query);
        EXPECT_EQ(planned.bytesFromRam, planned.bytesToLoad);
        const engine::Answer fromMemory = ask(query);
        EXPECT_EQ(fromMemory.bytesFromRam, fromDisk.bytesLoaded);
        EXPECT_EQ(fromMemory.bytesLoaded, fromDisk.bytesLoaded);
        EXPECT_EQ(fromMemory.ids, fromDisk.ids);
        ASSERT_EQ(fromMemory.trace->top.size(), fromDisk.trace->top.size());
        for (std::size_t i = 0; i < fromMemory.trace->top.size(); ++i)
            EXPECT_EQ(fromMemory.trace->top[i].logit, fromDisk.trace->top[i].logit);
        for (const engine::PlanSegment& segment : fromMemory.trace->segments)
            if (segment.kind == engine::SegmentKind::Chunk) {
                EXPECT_EQ(segment.source, engine::KvSource::Ram);
            }
    }
}

TEST_F(QuestionsTest, PrefixReusesTheFirstChunkOnlyBehindTheHead) {
    precompute();
    precompute(engine::Anchor::Head);
    engine::Query query = question("How often did the wheel turn on day 7?");
    query.blend.strategy = Strategy::Prefix;
    const engine::BlendPlan behindNothing = plan(query);
    EXPECT_EQ(ask(query).tokens.reused, behindNothing.segments[0].tokens());
    query.blend.anchor = engine::Anchor::Head;
    const engine::BlendPlan behindHead = plan(query);
    EXPECT_EQ(ask(query).tokens.reused, behindHead.segments[0].tokens() + behindHead.segments[1].tokens());
}

TEST_F(QuestionsTest, WithoutPrecomputeEverythingIsNewAndTheAnswerIsThatOfFullPrefill) {
    engine::Query query = question("How often did the wheel turn on day 7?");
    const engine::Answer blended = ask(query);
    EXPECT_EQ(blended.tokens.fresh, blended.tokens.prompt);
    query.blend.strategy = Strategy::Full;
    const engine::Answer full = ask(query);
    EXPECT_EQ(blended.text, full.text);
}

TEST_F(QuestionsTest, ComparingWithFullAtRatioOneFindsNoDifference) {
    precompute();
    engine::Query query = question("How often did the wheel turn on day 7?");
    query.blend.ratio = 1;
    engine::QueryObserver observer;
    const auto answer = m_engine->runCompared(plan(query), observer, {});
    ASSERT_TRUE(answer.ok());
    EXPECT_TRUE(answer->comparison->top1Equal);
    EXPECT_EQ(answer->comparison->firstDivergingToken, -1);
    EXPECT_EQ(answer->comparison->fullAnswer, answer->text);
    EXPECT_LT(answer->comparison->meanKl, 5e-3);  // the head's stored rounding, and bf16 where the processor has it
}

TEST_F(QuestionsTest, ChunksPickedByHandStandInTheGivenOrder) {
    const auto chunks = m_engine->chunks({"notes", {}, "", 0, 3});
    ASSERT_TRUE(chunks.ok());
    engine::Query query = question("?!");
    for (const std::size_t index : {2U, 0U})
        query.chunks.push_back((*chunks)[index].record.id);
    const engine::BlendPlan planned = plan(query);
    ASSERT_EQ(planned.segments.size(), 3U);
    EXPECT_EQ(planned.segments[1].chunk, (*chunks)[2].record.id);
    EXPECT_EQ(planned.segments[2].chunk, (*chunks)[0].record.id);
    query.collection = "";
    EXPECT_EQ(plan(query).segments.size(), 3U) << "they need no collection";
    query.collection = "absent";
    EXPECT_EQ(m_engine->plan(query).status().code(), engine::StatusCode::NotFound) << "one that is named must be there";
    query.collection = "notes";
    query.chunks.push_back(engine::ChunkId{});
    EXPECT_EQ(m_engine->plan(query).status().code(), engine::StatusCode::NotFound);
}

TEST_F(QuestionsTest, OptionsOutOfRangeAreRefused) {
    const auto refused = [&](auto change) {
        engine::Query query = question("wheel?");
        change(query);
        return !m_engine->plan(query).ok();
    };
    EXPECT_TRUE(refused([](engine::Query& query) { query.blend.ratio = 1.5; }));
    EXPECT_TRUE(refused([](engine::Query& query) { query.blend.ratio = std::nan(""); }));
    EXPECT_TRUE(refused([](engine::Query& query) { query.topK = 0; }));
    EXPECT_TRUE(refused([](engine::Query& query) { query.collection = "absent"; }));
    EXPECT_TRUE(refused([](engine::Query& query) { query.sampling.maxTokens = 1'000'000; }));
    EXPECT_TRUE(refused([](engine::Query& query) {
        query.blend.strategy = Strategy::CacheBlend;
        query.blend.checkLayer = 99;
    }));
}

TEST_F(QuestionsTest, NothingFoundIsSaidAndAnswered) {
    const engine::Answer answer = ask(question("zeppelin"));
    ASSERT_FALSE(answer.trace->notes.empty());
    EXPECT_NE(answer.trace->notes[0].find("nothing"), std::string::npos);
}

TEST_F(QuestionsTest, AStopEndsTheAnswer) {
    std::stop_source source;
    class Stopping final : public engine::QueryObserver {
    public:
        explicit Stopping(std::stop_source& stop) : m_stop(stop) {}
        void firstToken(const engine::Timings&) override { m_stop.request_stop(); }

    private:
        std::stop_source& m_stop;
    } observer(source);
    engine::Query query = question("wheel?");
    query.sampling.maxTokens = 500;
    const auto answer = m_engine->run(plan(query), observer, source.get_token());
    ASSERT_TRUE(answer.ok());
    EXPECT_EQ(answer->stopReason, engine::StopReason::Cancelled);
    EXPECT_LE(answer->tokens.generated, 1);

    std::stop_source before;
    before.request_stop();
    engine::QueryObserver silent;
    EXPECT_EQ(m_engine->run(plan(query), silent, before.get_token()).status().code(), engine::StatusCode::Cancelled);
}

TEST_F(QuestionsTest, AnotherModelMissesAndTheFirstOneStillHits) {
    precompute();
    EXPECT_EQ(plan(question("wheel?")).hits, 3);
    reopen("random-llama-q8_0.gguf");
    EXPECT_EQ(plan(question("wheel?")).hits, 0);
    reopen();
    EXPECT_EQ(plan(question("wheel?")).hits, 3);
}

TEST_F(QuestionsTest, TheSameSeedGivesTheSameAnswer) {
    engine::Query query = question("wheel?");
    query.sampling.temperature = 1.2;
    query.sampling.seed = 7;
    query.sampling.maxTokens = 12;
    const engine::Answer first = ask(query);
    EXPECT_EQ(first.ids, ask(query).ids);
    query.sampling.seed = 8;
    EXPECT_NE(first.ids, ask(query).ids);
}

}  // namespace
