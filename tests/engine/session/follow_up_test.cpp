// Follow-up questions: only their own tokens are computed, over the KV of what was said before.
#include "tests/engine/session/session_fixture.h"

#include "engine/trace.h"

namespace {

using engine::Strategy;

class FollowUpTest : public SessionFixture {
protected:
    FollowUpTest() {
        m_options.backend = engine::BackendKind::Reference;
        m_options.kvDtype = engine::KvDtype::F32;
        reopen();
        import({write("mill.md", longText(12))});
        precompute();
    }

    static engine::Query followUp(const std::string& text, const engine::Answer& before) {
        engine::Query query = question(text);
        query.followUpOf = before.run;
        return query;
    }
};

TEST_F(FollowUpTest, OnlyTheNewTurnIsComputed) {
    const engine::Answer first = ask(question("How often did the wheel turn on day 7?"));
    ASSERT_GT(first.run, 0U);
    const engine::BlendPlan next = plan(followUp("And on day 8?", first));
    EXPECT_TRUE(next.segments.empty());
    EXPECT_EQ(next.followUpOf, first.run);
    // The last token of an answer that reached its length was never fed back: it goes with the new turn.
    EXPECT_EQ(next.keptTokens,
              first.tokens.prompt + first.tokens.generated - (first.stopReason == engine::StopReason::Length ? 1 : 0));
    EXPECT_EQ(next.promptTokens, next.keptTokens + static_cast<int>(next.suffix.size()));
    EXPECT_LT(next.suffix.size(), 60U);
    const engine::Answer second = ask(followUp("And on day 8?", first));
    EXPECT_EQ(second.tokens.prompt, next.promptTokens);
    EXPECT_EQ(second.tokens.reused, next.keptTokens);
    EXPECT_EQ(second.tokens.recomputed, 0);
    EXPECT_EQ(second.tokens.fresh, static_cast<int>(next.suffix.size()));
    EXPECT_EQ(second.bytesLoaded, 0U);
    EXPECT_NEAR(second.chargedWork, next.chargedWork, 1e-9);
    const engine::BlendTrace& trace = *second.trace;
    ASSERT_EQ(trace.segments.size(), 1U);
    EXPECT_EQ(trace.segments[0].kind, engine::SegmentKind::Kept);
    EXPECT_EQ(trace.suffixBegin(), next.keptTokens);
    EXPECT_TRUE(std::equal(first.trace->promptIds.begin(), first.trace->promptIds.end(), trace.promptIds.begin()));
    const auto fates = engine::tokenFates(trace);
    EXPECT_EQ(std::count(fates.begin(), fates.end(), engine::TokenFate::Reused), next.keptTokens);
    EXPECT_TRUE(engine::saveTrace(trace, m_folder.path() + "/second.trace").ok());
}

TEST_F(FollowUpTest, AfterAFullPrefillTheLogitsAreThoseOfAFullPrefillOfEverything) {
    engine::Query query = question("How often did the wheel turn on day 7?");
    query.blend.strategy = Strategy::Full;
    engine::Answer answer = ask(query);
    for (const char* text : {"And on day 8?", "Which day came last?"}) {
        answer = ask(followUp(text, answer));
        const auto all = m_engine->logits(answer.trace->promptIds, 20, 1, {});
        ASSERT_TRUE(all.ok()) << all.status().message();
        ASSERT_EQ(all->top.size(), answer.trace->top.size());
        for (std::size_t i = 0; i < all->top.size(); ++i) {
            EXPECT_EQ(all->top[i].id, answer.trace->top[i].id);
            EXPECT_EQ(all->top[i].logit, answer.trace->top[i].logit);
        }
    }
}

TEST_F(FollowUpTest, ComparedWithAFullPrefillAnExactConversationDoesNotDiffer) {
    engine::Query query = question("How often did the wheel turn on day 7?");
    query.blend.strategy = Strategy::Full;
    const engine::Answer first = ask(query);
    engine::QueryObserver silent;
    const auto second = m_engine->runCompared(plan(followUp("And on day 8?", first)), silent, {});
    ASSERT_TRUE(second.ok()) << second.status().message();
    EXPECT_LT(second->comparison->meanKl, 1e-9);
    EXPECT_EQ(second->comparison->firstDivergingToken, -1);
    EXPECT_EQ(m_engine->measureDeviation(plan(followUp("And then?", *second)), silent, {}).status().code(),
              engine::StatusCode::InvalidArgument);
}

TEST_F(FollowUpTest, AskingAgainGivesTheSameAndComparingInBetweenChangesNothing) {
    const engine::Answer first = ask(question("How often did the wheel turn on day 7?"));
    const engine::Answer second = ask(followUp("And on day 8?", first));
    engine::QueryObserver silent;
    ASSERT_TRUE(m_engine->runCompared(plan(followUp("Why?", first)), silent, {}).ok());
    const engine::Answer again = ask(followUp("And on day 8?", first));
    EXPECT_EQ(again.ids, second.ids);
    EXPECT_EQ(again.trace->top[0].logit, second.trace->top[0].logit);
    EXPECT_NE(again.run, second.run);
    EXPECT_EQ(m_engine->plan(followUp("And then?", second)).status().code(), engine::StatusCode::NotFound)
        << "the conversation went another way after that turn";
}

TEST_F(FollowUpTest, MeasuringLeavesTheConversationAsItWas) {
    const engine::Query query = question("How often did the wheel turn on day 7?");
    const engine::Answer plain = ask(query);
    const engine::Answer afterPlain = ask(followUp("And on day 8?", plain));
    engine::QueryObserver silent;
    const auto measured = m_engine->measureDeviation(plan(query), silent, {});
    ASSERT_TRUE(measured.ok()) << measured.status().message();
    EXPECT_EQ(measured->ids, plain.ids);
    const engine::Answer afterMeasured = ask(followUp("And on day 8?", *measured));
    EXPECT_EQ(afterMeasured.ids, afterPlain.ids);
    EXPECT_EQ(afterMeasured.trace->top[0].logit, afterPlain.trace->top[0].logit);
}

TEST_F(FollowUpTest, OnlyTheLastConversationsAreKept) {
    const engine::Answer oldest = ask(question("How often did the wheel turn on day 1?"));
    const engine::Answer older = ask(question("How often did the wheel turn on day 2?"));
    EXPECT_TRUE(m_engine->plan(followUp("Why?", oldest)).ok());
    const engine::Answer newest = ask(question("How often did the wheel turn on day 3?"));
    EXPECT_EQ(m_engine->plan(followUp("Why?", oldest)).status().code(), engine::StatusCode::NotFound);
    EXPECT_TRUE(m_engine->plan(followUp("Why?", older)).ok());
    EXPECT_TRUE(m_engine->plan(followUp("Why?", newest)).ok());
    engine::Query unknown = question("Why?");
    unknown.followUpOf = 12345;
    const auto refused = m_engine->plan(unknown);
    EXPECT_EQ(refused.status().code(), engine::StatusCode::NotFound);
    EXPECT_NE(refused.status().message().find("new question"), std::string::npos);
}

TEST_F(FollowUpTest, AStoppedFollowUpLeavesTheConversation) {
    const engine::Answer first = ask(question("How often did the wheel turn on day 7?"));
    std::stop_source stop;
    stop.request_stop();
    engine::QueryObserver silent;
    const auto stopped = m_engine->run(plan(followUp("And on day 8?", first)), silent, stop.get_token());
    EXPECT_EQ(stopped.status().code(), engine::StatusCode::Cancelled);
    EXPECT_TRUE(m_engine->plan(followUp("And on day 8?", first)).ok());
    EXPECT_FALSE(ask(followUp("And on day 8?", first)).ids.empty());
}

TEST_F(FollowUpTest, AConversationGrowsBeyondItsFirstCache) {
    engine::Answer answer = ask(question("How often did the wheel turn on day 7?"));
    int longest = 0;
    for (int turn = 0; turn < 6; ++turn) {
        engine::Query query = followUp("And what of day " + std::to_string(turn) + "? " + longText(3), answer);
        answer = ask(query);
        EXPECT_EQ(answer.tokens.reused + answer.tokens.fresh, answer.tokens.prompt);
        EXPECT_GT(answer.tokens.prompt, longest);
        longest = answer.tokens.prompt;
    }
    const auto all = m_engine->logits(answer.trace->promptIds, 1, 1, {});
    ASSERT_TRUE(all.ok());
    EXPECT_GT(longest, 1000) << "the first cache had room for fewer";
}

}  // namespace
