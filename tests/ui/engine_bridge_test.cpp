// The bridge: order, replacement, pausing, stopping, batching, closing.
#include "ui/engine_bridge.h"

#include <QSignalSpy>
#include <QTest>
#include <QThread>

#include "tests/ui/scripted_engine.h"

using testing_ui::Script;

namespace {

engine::Query question(const std::string& words) {
    engine::Query query;
    query.question = words;
    query.collection = "papers";
    return query;
}

/// How often `call` was made.
long timesCalled(const Script& script, const std::string& call) {
    const std::vector<std::string> calls = script.calls();
    return std::count(calls.begin(), calls.end(), call);
}

long indexOf(const Script& script, const std::string& call) {
    const std::vector<std::string> calls = script.calls();
    return std::find(calls.begin(), calls.end(), call) - calls.begin();
}

}  // namespace

class EngineBridgeTest : public QObject {
    Q_OBJECT

private:
    std::shared_ptr<Script> m_script;
    std::unique_ptr<ui::EngineBridge> m_bridge;

    engine::BlendPlan planOf(const std::string& words) {
        std::optional<engine::BlendPlan> plan;
        m_bridge->plan(question(words), this, [&](engine::Result<engine::BlendPlan> result) { plan = std::move(*result); });
        [&] { QTRY_VERIFY(plan.has_value()); }();
        return plan.value_or(engine::BlendPlan{});
    }

    void awaitIdle() { QTRY_VERIFY(m_bridge->isIdle()); }

private slots:
    void init() {
        m_script = std::make_shared<Script>();
        m_bridge = std::make_unique<ui::EngineBridge>(testing_ui::factoryOf(m_script), testing_ui::inspect);
        m_bridge->open({}, this, [](engine::Result<engine::ModelInfo> result) { QVERIFY(result.ok()); });
        awaitIdle();
        QVERIFY(m_bridge->isOpen());
    }
    void cleanup() {
        m_script->releaseAll();
        m_bridge.reset();
        QVERIFY(m_script->oneThread());
    }

    void repliesComeInOrderOnTheThreadThatAsked() {
        QStringList order;
        QThread* const here = QThread::currentThread();
        m_bridge->collections(this, [&](auto) {
            QCOMPARE(QThread::currentThread(), here);
            order << QStringLiteral("collections");
        });
        m_bridge->storeStats(this, [&](auto) { order << QStringLiteral("stats"); });
        QVERIFY(order.isEmpty());
        awaitIdle();
        QCOMPARE(order, QStringList({QStringLiteral("collections"), QStringLiteral("stats")}));
    }

    void withNothingOpenARequestSaysSo() {
        ui::EngineBridge closed(testing_ui::factoryOf(m_script), testing_ui::inspect);
        engine::Status status;
        closed.collections(this, [&](auto result) { status = result.status(); });
        QTRY_VERIFY(closed.isIdle());
        QCOMPARE(status.code(), engine::StatusCode::NotFound);
    }

    void aModelThatCannotBeOpenedLeavesNothingOpen() {
        engine::EngineOptions options;
        options.model = "broken";
        engine::Status status;
        m_bridge->open(options, this, [&](auto result) { status = result.status(); });
        awaitIdle();
        QCOMPARE(status.code(), engine::StatusCode::Refused);
        QVERIFY(!m_bridge->isOpen());
    }

    void aSessionThatEndsIsClosedAndTold() {
        const engine::BlendPlan plan = planOf("springs?");
        for (const std::string& why : {std::string("device_failed: the GPU failed"), std::string("an invariant broke")}) {
            QStringList told;
            connect(m_bridge.get(), &ui::EngineBridge::closed, this, [&] { told << QStringLiteral("closed"); });
            connect(m_bridge.get(), &ui::EngineBridge::sessionEnded, this, [&](const QString& reason, bool newProcess) {
                told << reason << (newProcess ? QStringLiteral("new process") : QStringLiteral("same process"));
            });
            m_script->endOfRun = why;
            engine::Status status;
            m_bridge->ask(plan, this, [&](auto result) {
                status = result.status();
                told << QStringLiteral("reply");
            });
            awaitIdle();
            QCOMPARE(status.code(), engine::StatusCode::Internal);
            QCOMPARE(told, QStringList({QStringLiteral("closed"), QString::fromStdString(why),
                                        why.front() == 'd' ? QStringLiteral("new process") : QStringLiteral("same process"),
                                        QStringLiteral("reply")}));
            QVERIFY(!m_bridge->isOpen());
            m_bridge->collections(this, [&](auto result) { status = result.status(); });
            awaitIdle();
            QCOMPARE(status.code(), engine::StatusCode::NotFound);
            m_bridge->disconnect(this);
            m_bridge->open({}, this, [](engine::Result<engine::ModelInfo> result) { QVERIFY(result.ok()); });
            awaitIdle();
            QVERIFY(m_bridge->isOpen());
        }
        QCOMPARE(m_script->closedEngines(), 2);
    }

    void aNewerPlanTakesTheWaitingOnesPlace() {
        m_script->hold("plan");
        QStringList answered;
        const auto note = [&](engine::Result<engine::BlendPlan> plan) {
            answered << QString::fromStdString(plan->question);
        };
        m_bridge->plan(question("a"), this, note);
        m_script->awaitHeld("plan");
        for (const char* words : {"b", "c", "d"})
            m_bridge->plan(question(words), this, note);
        m_script->release("plan");
        awaitIdle();
        QCOMPARE(answered, QStringList(QStringLiteral("d")));  // "a" ran, but a newer one had been asked for
        QCOMPARE(timesCalled(*m_script, "plan a"), 1);
        QCOMPARE(timesCalled(*m_script, "plan b"), 0);
        QCOMPARE(timesCalled(*m_script, "plan c"), 0);
    }

    void aReplyWhoseContextIsGoneIsNotGiven() {
        m_script->hold("plan");
        bool replied = false;
        auto context = std::make_unique<QObject>();
        m_bridge->plan(question("a"), context.get(), [&](auto) { replied = true; });
        m_script->awaitHeld("plan");
        context.reset();
        m_script->release("plan");
        awaitIdle();
        QVERIFY(!replied);
    }

    void aQuestionIsAnsweredInsideAPrecompute() {
        const engine::BlendPlan plan = planOf("springs");
        m_script->hold("precompute");
        bool computed = false;
        m_bridge->precompute({}, this, [&](auto result) { computed = result.ok() && !result->cancelled; });
        m_script->awaitHeld("precompute");
        bool answered = false;
        bool computedBefore = true;
        m_bridge->ask(plan, this, [&](auto result) {
            answered = result.ok();
            computedBefore = computed;
        });
        m_script->release("precompute");
        awaitIdle();
        QVERIFY(answered && computed);
        QVERIFY(!computedBefore);
        QCOMPARE(timesCalled(*m_script, "precompute"), 1);
        QVERIFY(indexOf(*m_script, "run springs") < indexOf(*m_script, "precompute done"));
    }

    void aChangePausesAPrecomputeThatGoesOnAfterwards() {
        m_script->hold("precompute");
        bool computed = false;
        m_bridge->precompute({}, this, [&](auto result) { computed = result.ok() && !result->cancelled; });
        m_script->awaitHeld("precompute");
        m_bridge->removeFiles(QStringLiteral("papers"), {QStringLiteral("/papers/a.pdf")}, this, {});
        m_script->release("precompute");
        awaitIdle();
        QVERIFY(computed);
        QCOMPARE(timesCalled(*m_script, "precompute"), 2);
        QVERIFY(indexOf(*m_script, "precompute stopped") < indexOf(*m_script, "removeFile /papers/a.pdf"));
        QVERIFY(indexOf(*m_script, "removeFile /papers/a.pdf") < indexOf(*m_script, "precompute done"));
    }

    void anImportGivesWayBetweenFilesAndItsReportIsWhole() {
        m_script->hold("ingest");
        engine::IngestRequest request;
        request.paths = {"/a.txt", "/b.txt", "/c.txt"};
        request.collection = "notes";
        std::vector<engine::IngestFile> files;
        m_bridge->ingest(request, this, [&](engine::Result<engine::IngestReport> report) { files = report->files; });
        m_script->awaitHeld("ingest");
        bool listed = false;
        m_bridge->collections(this, [&](auto) { listed = true; });
        m_script->release("ingest");
        awaitIdle();
        QVERIFY(listed);
        QCOMPARE(timesCalled(*m_script, "ingest"), 2);
        QVERIFY(indexOf(*m_script, "collections") < indexOf(*m_script, "imported /b.txt"));
        QCOMPARE(files.size(), std::size_t{3});
        for (const engine::IngestFile& file : files)
            QCOMPARE(file.state, engine::IngestState::Indexed);  // though the second turn found /a.txt unchanged
    }

    void verifyGivesWayBetweenItsParts() {
        m_script->hold("storeVerify");
        std::int64_t checked = 0;
        m_bridge->verifyStore(this, [&](engine::Result<engine::KvVerifyReport> report) { checked = report->checked; });
        m_script->awaitHeld("storeVerify");
        m_bridge->storeStats(this, {});
        m_script->release("storeVerify");
        awaitIdle();
        QVERIFY(indexOf(*m_script, "storeStats") < indexOf(*m_script, "storeVerify 1"));
        QCOMPARE(checked, std::int64_t{12});
    }

    void stopEndsARunWithin200Milliseconds() {
        const engine::BlendPlan plan = planOf("springs");
        m_script->hold("run");
        std::optional<engine::StopReason> reason;
        const ui::CommandId run =
            m_bridge->ask(plan, this, [&](engine::Result<engine::Answer> answer) { reason = answer->stopReason; });
        m_script->awaitHeld("run");
        QElapsedTimer clock;
        clock.start();
        m_bridge->stop(run);
        QTRY_VERIFY(reason.has_value());
        QVERIFY(clock.elapsed() <= 200);
        QCOMPARE(*reason, engine::StopReason::Cancelled);
    }

    void stoppingAWaitingCommandRepliesCancelledAndNeverRunsIt() {
        m_script->hold("plan");
        m_bridge->plan(question("a"), this, {});
        m_script->awaitHeld("plan");
        engine::Status status;
        const ui::CommandId job = m_bridge->precompute({}, this, [&](auto result) { status = result.status(); });
        QCOMPARE(m_bridge->jobs().size(), std::size_t{1});
        m_bridge->stop(job);
        QTRY_COMPARE(status.code(), engine::StatusCode::Cancelled);
        QVERIFY(m_bridge->jobs().empty());
        m_script->release("plan");
        awaitIdle();
        QCOMPARE(timesCalled(*m_script, "precompute"), 0);
    }

    void stoppingAPrecomputeKeepsItStopped() {
        m_script->hold("precompute");
        bool cancelled = false;
        const ui::CommandId job = m_bridge->precompute({}, this, [&](auto result) { cancelled = result->cancelled; });
        m_script->awaitHeld("precompute");
        m_bridge->stop(job);
        awaitIdle();
        QVERIFY(cancelled);
        QCOMPARE(timesCalled(*m_script, "precompute"), 1);
    }

    void textIsWholeAndReachesTheViewAtMostThirtyTimesASecond() {
        m_script->answer.assign(20'000, "ä ");
        const engine::BlendPlan plan = planOf("springs");
        QString text;
        int updates = 0;
        connect(m_bridge.get(), &ui::EngineBridge::answerText, this, [&](ui::CommandId, const QString& piece) {
            text += piece;
            ++updates;
        });
        QElapsedTimer clock;
        clock.start();
        bool complete = false;
        m_bridge->ask(plan, this, [&](engine::Result<engine::Answer> answer) {
            complete = text == QString::fromStdString(answer->text);  // every piece comes before the reply
        });
        awaitIdle();
        QVERIFY(complete);
        QVERIFY2(updates <= clock.elapsed() / 33 + 2, qPrintable(QString::number(updates)));
    }

    void progressTellsRateAndRemainder() {
        m_script->hold("precompute");
        QSignalSpy changed(m_bridge.get(), &ui::EngineBridge::jobsChanged);
        m_bridge->precompute({}, this, {});
        m_script->awaitHeld("precompute");
        QTRY_VERIFY(m_bridge->jobs().front().running);
        QVERIFY(!changed.isEmpty());
        m_script->release("precompute");
        awaitIdle();
        QVERIFY(m_bridge->jobs().empty());
    }

    void closingInTheMiddleOfAnyJobIsClean_data() {
        QTest::addColumn<QString>("call");
        for (const char* call : {"plan", "run", "precompute", "ingest", "storeVerify", "measureDeviation"})
            QTest::newRow(call) << QString::fromLatin1(call);
    }
    void closingInTheMiddleOfAnyJobIsClean() {
        QFETCH(QString, call);
        const engine::BlendPlan plan = planOf("springs");
        bool replied = false;
        const auto note = [&replied](const auto&) { replied = true; };
        if (call != QStringLiteral("plan"))
            m_script->hold(call.toStdString());
        engine::IngestRequest import;
        import.paths = {"/a.txt", "/b.txt"};
        if (call == QStringLiteral("plan"))
            m_bridge->plan(question("b"), this, note);
        else if (call == QStringLiteral("run"))
            m_bridge->ask(plan, this, note);
        else if (call == QStringLiteral("precompute"))
            m_bridge->precompute({}, this, note);
        else if (call == QStringLiteral("ingest"))
            m_bridge->ingest(import, this, note);
        else if (call == QStringLiteral("storeVerify"))
            m_bridge->verifyStore(this, note);
        else
            m_bridge->measureDeviation(plan, this, note);
        m_bridge->collections(this, note);
        if (call != QStringLiteral("plan"))
            m_script->awaitHeld(call.toStdString());
        m_bridge.reset();  // joins; the held call sees the stop
        QCoreApplication::processEvents();
        QVERIFY(!replied);
        QCOMPARE(m_script->closedEngines(), 1);
    }
};

QTEST_GUILESS_MAIN(EngineBridgeTest)
#include "engine_bridge_test.moc"
