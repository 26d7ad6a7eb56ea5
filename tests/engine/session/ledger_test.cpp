// The ledger and the store's lists: files, coverage, sharing, removing, usage, pins, damage, cap, forecasts, history.
#include "tests/engine/session/session_fixture.h"

#include <algorithm>
#include <filesystem>

#include "engine/trace.h"

namespace {

using engine::StatusCode;
using engine::StoreGroup;

class LedgerTest : public SessionFixture {
protected:
    const engine::FileInfo fileNamed(const std::string& collection, const std::string& name) {
        const auto files = m_engine->files(collection);
        EXPECT_TRUE(files.ok()) << files.status().message();
        for (const engine::FileInfo& file : *files)
            if (file.source.path.ends_with("/" + name))
                return file;
        ADD_FAILURE() << name << " is not in " << collection;
        return {};
    }
    std::int64_t covered(const std::string& collection) {
        const auto collections = m_engine->collections();
        EXPECT_TRUE(collections.ok()) << collections.status().message();
        for (const engine::CollectionInfo& info : *collections)
            if (info.record.name == collection)
                return info.chunksWithKv;
        return -1;
    }
    engine::StoreUsage usageOf(StoreGroup group, const std::string& name) {
        const auto usages = m_engine->storeUsage(group);
        EXPECT_TRUE(usages.ok()) << usages.status().message();
        for (const engine::StoreUsage& usage : *usages)
            if (usage.name == name)
                return usage;
        ADD_FAILURE() << "no usage of " << name;
        return {};
    }
};

TEST_F(LedgerTest, EachFileTellsItsStateItsChunksAndItsCoverage) {
    import({write("mill.md", longText(30)), write("data.bin", std::string("\0\1\2\3\4\5\6\7\0\0\0", 11))});
    const engine::FileInfo before = fileNamed("notes", "mill.md");
    EXPECT_EQ(before.source.state, storage::SourceState::Indexed);
    EXPECT_EQ(before.title, "Log of the mill");
    EXPECT_GT(before.chunks, 5);
    EXPECT_EQ(before.chunksWithKv, 0);
    EXPECT_EQ(before.kvBytes, 0U);
    const engine::PrecomputeReport computed = precompute();
    const engine::FileInfo after = fileNamed("notes", "mill.md");
    EXPECT_EQ(after.chunksWithKv, after.chunks);
    EXPECT_EQ(covered("notes"), after.chunks);
    EXPECT_GT(after.kvBytes, 0U);
    EXPECT_LT(after.kvBytes, computed.bytes * 3) << "padding is counted, but little else";
    std::int64_t tokens = 0;
    const auto chunks = m_engine->chunks({"notes", {}, "", 0, -1});
    for (const engine::ChunkInfo& chunk : *chunks)
        tokens += chunk.record.tokens;
    EXPECT_EQ(after.tokens, tokens);
    const engine::FileInfo refused = fileNamed("notes", "data.bin");
    EXPECT_NE(refused.source.state, storage::SourceState::Indexed);
    EXPECT_FALSE(refused.source.reason.empty());
    EXPECT_EQ(refused.chunks, 0);
}

TEST_F(LedgerTest, AFileThatChangedOrWentSinceItsImportIsTold) {
    const std::string kept = write("a.md", longText(3));
    const std::string edited = write("b.md", longText(4));
    const std::string removed = write("c.md", longText(5));
    import({kept, edited, removed});
    using engine::OnDisk;
    EXPECT_EQ(m_engine->filesOnDisk("notes").value(), std::vector<OnDisk>(3, OnDisk::Same));
    write("b.md", longText(6));
    std::filesystem::remove(removed);
    EXPECT_EQ(m_engine->filesOnDisk("notes").value(), (std::vector<OnDisk>{OnDisk::Same, OnDisk::Changed, OnDisk::Missing}));
    import({edited});
    EXPECT_EQ(m_engine->filesOnDisk("notes").value(), (std::vector<OnDisk>{OnDisk::Same, OnDisk::Same, OnDisk::Missing}));
    EXPECT_EQ(m_engine->filesOnDisk("second").status().code(), StatusCode::NotFound);
}

TEST_F(LedgerTest, PagesOfChunksFollowEachOther) {
    import({write("a.md", longText(20)), write("b.md", "# Another\n\n" + longText(10, 2))});
    const auto all = m_engine->chunks({"notes", {}, "", 0, -1});
    ASSERT_TRUE(all.ok());
    std::vector<engine::ChunkId> paged;
    for (std::int64_t offset = 0;; offset += 3) {
        const auto page = m_engine->chunks({"notes", {}, "", offset, 3});
        ASSERT_TRUE(page.ok());
        for (const engine::ChunkInfo& chunk : *page)
            paged.push_back(chunk.record.id);
        if (page->size() < 3)
            break;
    }
    ASSERT_EQ(paged.size(), all->size());
    for (std::size_t i = 0; i < paged.size(); ++i)
        EXPECT_EQ(paged[i], (*all)[i].record.id);
    const engine::DocumentId document = all->back().record.document;
    const auto ofDocument = m_engine->chunks({"notes", document, "", 1, 2});
    ASSERT_EQ(ofDocument->size(), 2U);
    for (const engine::ChunkInfo& chunk : *ofDocument)
        EXPECT_EQ(chunk.record.document, document);
    EXPECT_EQ((*ofDocument)[0].record.ordinal, 1);
    const auto best = m_engine->chunks({"notes", {}, "wheel miller", 0, 6});
    const auto rest = m_engine->chunks({"notes", {}, "wheel miller", 2, 4});
    ASSERT_EQ(rest->size(), 4U);
    for (std::size_t i = 0; i < 4; ++i)
        EXPECT_EQ((*rest)[i].record.id, (*best)[i + 2].record.id);
    const auto found = m_engine->chunks({"notes", document, "wheel", 0, 50});
    for (const engine::ChunkInfo& chunk : *found)
        EXPECT_EQ(chunk.record.document, document);
}

TEST_F(LedgerTest, OneChunkIsFoundByItsId) {
    import({write("a.md", longText(5))});
    const engine::ChunkInfo listed = m_engine->chunks({"notes", {}, "", 1, 1}).value().front();
    const auto found = m_engine->chunk(listed.record.id);
    ASSERT_TRUE(found.ok());
    EXPECT_EQ(found->text, listed.text);
    EXPECT_EQ(found->documentTitle, "Log of the mill");
    EXPECT_EQ(m_engine->chunk({}).status().code(), StatusCode::NotFound);
}

TEST_F(LedgerTest, ADocumentInSeveralCollectionsHasOneSetOfKv) {
    const std::string path = write("mill.md", longText(20));
    import({path});
    precompute();
    const auto records = m_engine->storeStats()->records;
    ASSERT_TRUE(m_engine->addToCollection("notes", {path}, "second").ok());
    ASSERT_TRUE(m_engine->addToCollection("second", {path}, "third").ok());
    EXPECT_EQ(covered("second"), covered("notes"));
    EXPECT_EQ(covered("third"), covered("notes"));
    engine::PrecomputeRequest request;
    request.collection = "third";
    EXPECT_EQ(m_engine->precompute(request, m_silent, {})->tokens, 0);
    EXPECT_EQ(m_engine->storeStats()->records, records);
    EXPECT_EQ(usageOf(StoreGroup::Collection, "second").bytes, usageOf(StoreGroup::Collection, "third").bytes);

    ASSERT_TRUE(m_engine->removeFile("notes", path).ok());
    EXPECT_EQ(covered("notes"), 0);
    EXPECT_GT(covered("second"), 0) << "another collection still holds it";
    ASSERT_TRUE(m_engine->removeCollection("second").ok());
    EXPECT_EQ(m_engine->files("second").status().code(), StatusCode::NotFound);
    EXPECT_GT(m_engine->documents("third")->size(), 0U);
    ASSERT_TRUE(m_engine->removeCollection("third").ok());
    import({path});
    EXPECT_EQ(precompute().tokens, 0) << "KV stays until it is evicted";
    EXPECT_EQ(m_engine->addToCollection("notes", {"/absent"}, "x").code(), StatusCode::NotFound);
    EXPECT_EQ(m_engine->removeFile("notes", "/absent").code(), StatusCode::NotFound);
    EXPECT_EQ(m_engine->removeCollection("absent").code(), StatusCode::NotFound);
}

TEST_F(LedgerTest, CoverageNeedsNoRememberedKeys) {
    import({write("mill.md", longText(25))});
    precompute(engine::Anchor::Head);
    const std::int64_t chunks = covered("notes");
    EXPECT_GT(chunks, 3);
    ASSERT_TRUE(m_engine->storeRebuildIndex(m_silent, {}).ok());
    EXPECT_EQ(covered("notes"), chunks) << "keys are made again after the index was thrown away";
    reopen();
    EXPECT_EQ(covered("notes"), chunks) << "and remembered";
    reopen("random-qwen2.gguf");
    EXPECT_EQ(covered("notes"), 0) << "another model has no KV of them";
    reopen();
    ASSERT_TRUE(m_engine->storeEvict(0, {}).ok());
    EXPECT_EQ(covered("notes"), 0);
}

TEST_F(LedgerTest, UsageByDocumentCollectionAndFingerprintAgrees) {
    import({write("a.md", longText(20)), write("b.md", "# Another\n\n" + longText(10, 2))});
    precompute();
    const auto stats = m_engine->storeStats();
    const engine::StoreUsage collection = usageOf(StoreGroup::Collection, "notes");
    const engine::StoreUsage fingerprint = usageOf(StoreGroup::Fingerprint, m_engine->model().fingerprint);
    EXPECT_TRUE(fingerprint.current);
    EXPECT_NE(fingerprint.fingerprintJson.find("model"), std::string::npos);
    EXPECT_EQ(fingerprint.records, stats->records);
    EXPECT_EQ(fingerprint.bytes, stats->liveBytes);
    EXPECT_EQ(collection.records, stats->records - 1) << "the prompt's head belongs to no document";
    std::uint64_t bytes = 0;
    const auto documents = m_engine->storeUsage(StoreGroup::Document);
    for (const engine::StoreUsage& usage : *documents)
        bytes += usage.bytes;
    EXPECT_EQ(bytes, collection.bytes);
    EXPECT_EQ(fileNamed("notes", "a.md").kvBytes + fileNamed("notes", "b.md").kvBytes, collection.bytes);
}

TEST_F(LedgerTest, PinsOfSingleFilesProtectThemAlone) {
    const std::string kept = write("a.md", longText(10));
    import({kept, write("b.md", "# Another\n\n" + longText(10, 2))});
    precompute();
    const auto pinned = m_engine->storePinFiles("notes", {kept}, true);
    ASSERT_TRUE(pinned.ok());
    EXPECT_EQ(*pinned, fileNamed("notes", "a.md").chunks);
    EXPECT_EQ(fileNamed("notes", "a.md").pinnedChunks, *pinned);
    EXPECT_EQ(fileNamed("notes", "b.md").pinnedChunks, 0);
    ASSERT_TRUE(m_engine->storeEvict(0, {}).ok());
    EXPECT_EQ(fileNamed("notes", "a.md").chunksWithKv, *pinned);
    EXPECT_EQ(fileNamed("notes", "b.md").chunksWithKv, 0);
    EXPECT_EQ(m_engine->storePinFiles("notes", {"/absent"}, true).status().code(), StatusCode::NotFound);
    EXPECT_EQ(*m_engine->storePin("notes", false), *pinned);
    EXPECT_EQ(fileNamed("notes", "a.md").pinnedChunks, 0);
}

TEST_F(LedgerTest, ACapSetLaterIsKeptFromThenOn) {
    import({write("a.md", longText(40))});
    precompute();
    const std::uint64_t before = m_engine->storeStats()->diskBytes;
    const auto freed = m_engine->setStoreCap(before / 2);
    ASSERT_TRUE(freed.ok()) << freed.status().message();
    EXPECT_GE(*freed, before / 4);
    EXPECT_LE(m_engine->storeStats()->diskBytes, before / 2);
    EXPECT_EQ(m_engine->storeStats()->capBytes, before / 2);
    precompute();
    EXPECT_LE(m_engine->storeStats()->diskBytes, before / 2);
    ASSERT_TRUE(m_engine->setStoreCap(0).ok());
    precompute();
    EXPECT_GT(m_engine->storeStats()->diskBytes, before / 2);
}

TEST_F(LedgerTest, AForecastIsWhatPrecomputeThenDoes) {
    import({write("a.md", longText(40))});
    engine::PrecomputeRequest request;
    request.collection = "notes";
    for (const engine::Anchor anchor : {engine::Anchor::None, engine::Anchor::Head}) {
        request.anchor = anchor;
        const auto forecast = m_engine->precomputeForecast(request);
        ASSERT_TRUE(forecast.ok()) << forecast.status().message();
        const auto before = m_engine->storeStats();
        const engine::PrecomputeReport report = precompute(anchor);
        EXPECT_EQ(forecast->chunks, report.chunksDone);
        EXPECT_EQ(forecast->tokens, report.tokens);
        const auto after = m_engine->storeStats();
        EXPECT_EQ(forecast->bytes, after->liveBytes - before->liveBytes);
        EXPECT_NEAR(static_cast<double>(forecast->bytes), static_cast<double>(after->diskBytes - before->diskBytes),
                    0.02 * static_cast<double>(forecast->bytes) + 8192)
            << "a segment's header comes on top";
        EXPECT_EQ(forecast->ms > 0, anchor == engine::Anchor::Head) << "a time needs something measured";
        EXPECT_EQ(m_engine->precomputeForecast(request)->chunks, 0);
        EXPECT_EQ(m_engine->precomputeForecast(request)->already, report.chunksDone + forecast->already);
    }
}

TEST_F(LedgerTest, TimesAreForecastOnceSomethingWasMeasuredAndAreRemembered) {
    import({write("a.md", longText(40))});
    precompute();
    const engine::Query query = question("How often did the wheel turn on day 7?");
    EXPECT_EQ(plan(query).forecastTtftMs, 0);
    ask(query);
    const engine::BlendPlan second = plan(query);
    EXPECT_GT(second.forecastTtftMs, 0);
    EXPECT_GT(second.forecastFullTtftMs, 0);
    reopen();
    EXPECT_GT(plan(query).forecastTtftMs, 0) << "speeds stay with the workspace";
}

TEST_F(LedgerTest, DamageIsListedWithItsPlaceAndWhatWasDone) {
    import({write("mill.md", longText(10))});
    precompute();
    EXPECT_TRUE(m_engine->storeDamage(10)->empty());
    m_engine.reset();
    for (const auto& entry : std::filesystem::recursive_directory_iterator(m_folder.path() + "/workspace/kv"))
        if (entry.path().extension() == ".kv") {
            std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
            const auto at = static_cast<std::streamoff>(entry.file_size()) - 5000;
            file.seekg(at);
            const char byte = static_cast<char>(file.get() ^ 1);
            file.seekp(at);
            file.put(byte);
        }
    reopen();
    const auto verified = m_engine->storeVerify(0, 1, m_silent, {});
    ASSERT_EQ(verified->damaged.size(), 1U);
    const auto damage = m_engine->storeDamage(10);
    ASSERT_EQ(damage->size(), 1U);
    EXPECT_EQ(damage->front().key, verified->damaged[0].key);
    EXPECT_EQ(damage->front().reason, verified->damaged[0].reason);
    EXPECT_EQ(damage->front().where, "Log of the mill");
    EXPECT_NE(damage->front().action.find("computed again"), std::string::npos);
    EXPECT_GT(damage->front().foundAtMs, 1'600'000'000'000);
    ASSERT_TRUE(m_engine->storeRebuildIndex(m_silent, {}).ok());
    EXPECT_EQ(m_engine->storeDamage(10)->size(), 1U) << "the list outlives a rebuilt index";
}

TEST_F(LedgerTest, AnswersAreWrittenIntoTheHistory) {
    import({write("mill.md", longText(10))});
    const engine::Answer first = ask(question("How often did the wheel turn on day 7?"));
    const engine::Answer second = ask(question("Where stood the water?"));
    const auto history = m_engine->history(10);
    ASSERT_TRUE(history.ok());
    ASSERT_EQ(history->size(), 2U);
    EXPECT_EQ((*history)[0].question, "Where stood the water?");
    EXPECT_EQ((*history)[0].answer, second.text);
    EXPECT_EQ((*history)[1].answer, first.text);
    EXPECT_NE((*history)[0].detailsJson.find("\"strategy\":\"query-value\""), std::string::npos);
    EXPECT_EQ(m_engine->history(1)->size(), 1U);
    reopen();
    EXPECT_EQ(m_engine->history(10)->size(), 2U);
}

TEST_F(LedgerTest, AMeasuredAnswerTellsEverythingThatATraceHolds) {
    import({write("mill.md", longText(30))});
    precompute();
    class Told final : public engine::QueryObserver {
    public:
        void progress(std::string_view what, std::int64_t done, std::int64_t total) override {
            EXPECT_LE(done, total);
            if (steps.empty() || steps.back() != what)
                steps.emplace_back(what);
        }
        std::vector<std::string> steps;
    } told;
    engine::Query query = question("How often did the wheel turn on day 7?");
    query.blend.ratio = 0.4;
    const engine::Answer plain = ask(query);
    const auto measured = m_engine->measureDeviation(plan(query), told, {});
    ASSERT_TRUE(measured.ok()) << measured.status().message();
    EXPECT_EQ(told.steps, (std::vector<std::string>{"full prefill", "the plan's run", "full reuse", "KV deviation"}));
    EXPECT_EQ(measured->ids, plain.ids);
    const engine::BlendTrace& trace = *measured->trace;
    const engine::DeviationReport& report = *trace.deviation;
    EXPECT_EQ(trace.model, m_engine->model().name);
    EXPECT_EQ(trace.layerCount, m_engine->model().layers);
    EXPECT_EQ(trace.answer, measured->text);
    EXPECT_EQ(trace.tokens.prompt, measured->tokens.prompt);
    EXPECT_EQ(trace.ms.ttft, measured->ms.ttft);
    std::string text;
    for (const std::string& piece : trace.pieces)
        text += piece;
    EXPECT_NE(text.find("the wheel turned"), std::string::npos);
    EXPECT_EQ(report.blend.answer, measured->text);
    EXPECT_EQ(report.blend.comparison.fullAnswer, report.reuse.comparison.fullAnswer);
    EXPECT_EQ(measured->comparison->kl, report.blend.comparison.kl);
    EXPECT_GT(report.reuse.ttftMs, 0);
    // A token left alone by the blend has its reused KV; the layer-0 KV depends on the token alone.
    const auto fates = engine::tokenFates(trace);
    const auto tokens = static_cast<std::size_t>(report.blend.kv.tokens);
    for (std::size_t i = 0; i < tokens; ++i) {
        EXPECT_NEAR(report.reuse.kv.v[i], 0, 0.05) << i;
        const std::size_t last = (static_cast<std::size_t>(report.blend.kv.layers) - 1) * tokens + i;
        if (fates[i] == engine::TokenFate::Reused) {
            EXPECT_EQ(report.blend.kv.k[last], report.reuse.kv.k[last]) << i;
        }
    }
    const auto sum = [](const std::vector<float>& values) {
        double total = 0;
        for (const float value : values)
            total += value;
        return total;
    };
    EXPECT_LT(sum(report.blend.kv.k), sum(report.reuse.kv.k));
    ASSERT_TRUE(engine::saveTrace(trace, m_folder.path() + "/run.trace").ok());
    EXPECT_EQ(engine::kvDeviationCsv(**engine::loadTrace(m_folder.path() + "/run.trace")), engine::kvDeviationCsv(trace));

    std::stop_source stop;
    class Stopping final : public engine::QueryObserver {
    public:
        explicit Stopping(std::stop_source& source) : m_source(source) {}
        void progress(std::string_view, std::int64_t done, std::int64_t) override {
            if (done == 2)
                m_source.request_stop();
        }

    private:
        std::stop_source& m_source;
    } stopping(stop);
    EXPECT_EQ(m_engine->measureDeviation(plan(query), stopping, stop.get_token()).status().code(), StatusCode::Cancelled);
    EXPECT_EQ(ask(query).ids, plain.ids) << "a stopped measurement leaves nothing behind";
}

}  // namespace
