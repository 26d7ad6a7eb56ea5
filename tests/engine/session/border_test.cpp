// Questions asked at precompute's borders: they get what they would get alone, and precompute writes what it would have written.
#include "tests/engine/session/session_fixture.h"

#include <filesystem>
#include <functional>
#include <map>

#include "engine/trace.h"

namespace {

/// Everything of an answer that must not depend on what else was going on.
struct Told {
    engine::TokenIds ids;
    std::vector<float> top;
    std::vector<int> chosen;
    std::vector<float> score;
    bool operator==(const Told&) const = default;
};

Told toldBy(const engine::Answer& answer) {
    Told told{answer.ids, {}, answer.trace->selection.positions, answer.trace->selection.score};
    for (const engine::TokenLogit& entry : answer.trace->top)
        told.top.push_back(entry.logit);
    return told;
}

class BorderTest : public SessionFixture {
protected:
    BorderTest() {
        import({write("mill.md", longText(20))});
        precompute();
        import({write("dam.md", "# The dam\n\n" + longText(20, 3))}, 64, "other");
    }

    engine::Result<engine::Answer> answerTo(const std::string& text) {
        engine::QueryObserver observer;
        return m_engine->run(plan(question(text)), observer, {});
    }

    engine::PrecomputeReport precomputeOther(engine::JobObserver& observer, std::stop_token stop = {}) {
        engine::PrecomputeRequest request;
        request.collection = "other";
        auto report = m_engine->precompute(request, observer, stop);
        EXPECT_TRUE(report.ok()) << report.status().message();
        return *report;
    }

    /// All bytes of every record by its key. Closes the engine.
    std::map<storage::KvKey, std::vector<std::byte>> recordsOnDisk() {
        const auto fingerprint = storage::FingerprintId{*storage::Digest::fromHex(m_engine->model().fingerprint)};
        m_engine.reset();
        const auto fileSystem = storage::makePosixFileSystem();
        auto store = storage::KvStore::open({m_folder.path() + "/workspace"}, *fileSystem).value();
        const auto spec = store->fingerprint(fingerprint).value()->spec;
        const auto reader = store->reader();
        std::map<storage::KvKey, std::vector<std::byte>> all;
        const std::vector<storage::KvRecordInfo> records = store->records(fingerprint).value();
        for (const storage::KvRecordInfo& record : records) {
            const auto extent = store->find(fingerprint, record.key).value().value();
            std::vector<std::byte>& bytes = all[record.key];
            const std::size_t layerBytes = 2 * storage::kvSliceBytes(spec, record.tokens);
            bytes.resize(layerBytes * static_cast<std::size_t>(spec.layers));
            for (int layer = 0; layer < spec.layers; ++layer)
                EXPECT_TRUE(
                    reader
                        ->readLayer(extent, layer,
                                    std::span(bytes).subspan(layerBytes * static_cast<std::size_t>(layer), layerBytes))
                        .ok());
        }
        return all;
    }
};

/// Calls back at every border.
class AtBorder final : public engine::JobObserver {
public:
    explicit AtBorder(std::function<void(int)> call) : m_call(std::move(call)) {}
    void progress(std::string_view, std::int64_t, std::int64_t, std::string_view) override {}
    void atBorder() override { m_call(borders++); }
    int borders = 0;

private:
    const std::function<void(int)> m_call;
};

TEST_F(BorderTest, AnswersAtBordersAreThoseAskedAloneAndTheRecordsToo) {
    const std::string text = "How often did the wheel turn on day 7?";
    const Told alone = toldBy(*answerTo(text));
    ASSERT_FALSE(alone.chosen.empty());
    engine::QueryObserver silent;
    const auto measuredAlone = m_engine->measureDeviation(plan(question(text)), silent, {});
    ASSERT_TRUE(measuredAlone.ok());

    int asked = 0;
    AtBorder observer([&](int border) {
        if (border % 3 != 0)
            return;
        ++asked;
        EXPECT_EQ(toldBy(*answerTo(text)), alone);
        EXPECT_TRUE(m_engine->collections().ok());
        EXPECT_TRUE(m_engine->chunks({"other", {}, "wheel", 0, 3}).ok());
        EXPECT_TRUE(m_engine->files("other").ok());
        if (border == 3) {
            const auto measured = m_engine->measureDeviation(plan(question(text)), silent, {});
            ASSERT_TRUE(measured.ok()) << measured.status().message();
            EXPECT_EQ(measured->trace->deviation->blend.kv.k, measuredAlone->trace->deviation->blend.kv.k);
            EXPECT_EQ(measured->trace->deviation->full.block, measuredAlone->trace->deviation->full.block);
        }
    });
    const engine::PrecomputeReport report = precomputeOther(observer);
    EXPECT_GT(report.chunksDone, 4);
    EXPECT_GE(observer.borders, m_engine->model().layers + 1);
    EXPECT_GT(asked, 1);
    const auto disturbed = recordsOnDisk();

    std::filesystem::remove_all(m_folder.path() + "/workspace");
    reopen();
    import({m_folder.path() + "/mill.md"});
    precompute();
    import({m_folder.path() + "/dam.md"}, 64, "other");
    precomputeOther(m_silent);
    EXPECT_EQ(disturbed, recordsOnDisk());
}

TEST_F(BorderTest, AStopRequestedAtABorderEndsPrecomputeThere) {
    std::stop_source stop;
    AtBorder observer([&](int border) {
        if (border == 2)
            stop.request_stop();
    });
    const engine::PrecomputeReport report = precomputeOther(observer, stop.get_token());
    EXPECT_TRUE(report.cancelled);
    EXPECT_EQ(observer.borders, 3);
    EXPECT_EQ(report.chunksDone, 0);
}

}  // namespace
