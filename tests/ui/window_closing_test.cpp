// Closing the window in the middle of each kind of job.
#include <QPushButton>
#include <QSlider>
#include <QTest>

#include "tests/ui/fixture.h"
#include "ui/store/store_view.h"

using namespace Qt::StringLiterals;

class WindowClosingTest : public testing_ui::WindowTestCase {
    Q_OBJECT

private slots:
    void closingTheWindowInTheMiddleOfAJobIsClean_data() {
        QTest::addColumn<QString>("call");
        for (const char* call : {"open", "plan", "run", "run inside precompute", "measureDeviation", "ingest", "precompute",
                                 "storeVerify", "storeEvict", "storeCompact", "storeRebuildIndex"})
            QTest::newRow(call) << QString::fromLatin1(call);
    }
    void closingTheWindowInTheMiddleOfAJobIsClean() {
        QFETCH(QString, call);
        QVERIFY(m_bench->ask(u"springs?"_s));
        QVERIFY(m_bench->awaitIdle());
        const int opened = call == u"open"_s ? 2 : 1;
        const bool nested = call == u"run inside precompute"_s;
        const std::string held = nested ? "run" : call.toStdString();
        const bool stops = call != u"open"_s && call != u"plan"_s;  // those two are too short to be stopped
        if (stops)
            m_script->hold(held);
        if (call == u"open"_s) {
            window().openWorkspace();
        } else if (call == u"plan"_s) {
            m_bench->find<QSlider>(u"ratioSlider"_s)->setValue(40);
        } else if (call == u"run"_s) {
            window().ask().session().ask();
        } else if (nested) {
            m_script->hold("precompute");
            window().library().precompute(u"papers"_s);
            m_script->awaitHeld("precompute");
            window().ask().session().ask();
            m_script->release("precompute");
        } else if (call == u"measureDeviation"_s) {
            window().ask().measureNewest();
        } else if (call == u"ingest"_s) {
            window().library().import({u"/a.txt"_s}, u"papers"_s, ui::LibraryView::After::Precompute);
        } else if (call == u"precompute"_s) {
            window().library().precompute(u"papers"_s);
        } else if (call == u"storeVerify"_s) {
            window().store().verify();
        } else if (call == u"storeEvict"_s) {
            window().bridge().evictStore(0, &window(), {});
        } else {
            m_bench->find<QPushButton>(call == u"storeCompact"_s ? u"compactStore"_s : u"rebuildIndex"_s)->click();
        }
        if (stops)
            m_script->awaitHeld(held);
        window().close();
        m_bench->close();
        QVERIFY(m_script->closedEngines() <= opened && m_script->closedEngines() >= 1);
        const std::vector<std::string> calls = m_script->calls();
        QCOMPARE(std::count(calls.begin(), calls.end(), "open"), m_script->closedEngines());
    }
};

QTEST_MAIN(WindowClosingTest)
#include "window_closing_test.moc"
