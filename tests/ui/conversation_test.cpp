// A conversation in Ask: going on, asking again, leaving it; what its figures say, and how it is exported.
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QLabel>
#include <QPlainTextEdit>
#include <QTest>
#include <QToolButton>

#include "tests/ui/fixture.h"
#include "ui/query/turn.h"

using namespace Qt::StringLiterals;

class ConversationTest : public testing_ui::WindowTestCase {
    Q_OBJECT

private:
    ui::TurnView& newest() { return *window().ask().turns().back(); }
    void press(ui::TurnView& turn, const QString& button) { turn.findChild<QToolButton*>(button)->click(); }
    std::uint64_t askedAfter() {
        const auto& plan = newest().data().plan;
        return plan.followUpOf;
    }
    bool awaitTurns(std::size_t count) {
        return QTest::qWaitFor([&] { return window().ask().turns().size() == count && newest().data().answer.has_value(); },
                               20'000);
    }

private slots:
    void againOnAFollowUpGoesOnFromTheSameAnswer() {
        QVERIFY(m_bench->ask(u"springs?"_s));  // run 1
        press(newest(), u"followUp"_s);
        QVERIFY(m_bench->ask(u"which has moved?"_s));  // run 2
        QCOMPARE(askedAfter(), std::uint64_t{1});
        press(newest(), u"regenerate"_s);
        QVERIFY(awaitTurns(3));
        QCOMPARE(askedAfter(), std::uint64_t{1});  // not from its own first answer
    }

    void editingAFollowUpAsksItInItsPlace() {
        QVERIFY(m_bench->ask(u"springs?"_s));
        press(newest(), u"followUp"_s);
        QVERIFY(m_bench->ask(u"which has moved?"_s));
        press(newest(), u"editQuestion"_s);
        QVERIFY(m_bench->ask(u"which have moved?"_s));
        QCOMPARE(askedAfter(), std::uint64_t{1});
    }

    void againOnTheFirstAnswerRetrievesAnew() {
        QVERIFY(m_bench->ask(u"springs?"_s));
        press(newest(), u"followUp"_s);  // thinks better of it
        press(newest(), u"regenerate"_s);
        QVERIFY(awaitTurns(2));
        QCOMPARE(askedAfter(), std::uint64_t{0});
        QCOMPARE(QString::fromStdString(newest().data().plan.question), u"springs?"_s);
    }

    void askingSomethingNewLeavesTheConversationAndItsAnswers() {
        QVERIFY(m_bench->ask(u"springs?"_s));
        press(newest(), u"followUp"_s);
        auto* const leave = m_bench->find<QToolButton>(u"leaveFollowUp"_s);
        QVERIFY(leave->isVisible());
        leave->click();
        QVERIFY(!leave->isVisible());
        QCOMPARE(window().ask().turns().size(), std::size_t{1});
        QVERIFY(m_bench->ask(u"gauges?"_s));
        QCOMPARE(askedAfter(), std::uint64_t{0});
    }

    void theClockTellsWhatCameFromMemory() {
        engine::Answer answer;
        answer.bytesLoaded = 3 << 20;
        QVERIFY(ui::clockSentence(answer).endsWith(u"3.00\u00a0MiB loaded"_s));
        answer.bytesFromRam = 1 << 20;
        QVERIFY(ui::clockSentence(answer).endsWith(u"3.00\u00a0MiB loaded, 1.00\u00a0MiB of it from memory"_s));
        answer.bytesFromRam = answer.bytesLoaded;
        QVERIFY(ui::clockSentence(answer).endsWith(u"3.00\u00a0MiB loaded, all from memory"_s));
    }

    void answersExportToJsonWithTheFiguresOfTheRun() {
        m_script->bytesFromRam = 1000;
        QVERIFY(m_bench->ask(u"springs \"and\" gauges?"_s));
        const ui::TurnData& turn = newest().data();
        QJsonParseError error{};
        const QJsonArray all = QJsonDocument::fromJson(ui::answerJson({turn, turn}), &error).array();
        QCOMPARE(error.error, QJsonParseError::NoError);
        QCOMPARE(all.size(), 2);
        const QJsonObject one = all[0].toObject();
        QCOMPARE(one[u"question"_s].toString(), u"springs \"and\" gauges?"_s);
        QCOMPARE(one[u"answer"_s].toString(), u"Eleven springs feed the valley."_s);
        QCOMPARE(one[u"strategy"_s].toString(), u"query-value"_s);
        QCOMPARE(one[u"stop_reason"_s].toString(), u"eos"_s);
        const QJsonObject tokens = one[u"tokens"_s].toObject();
        QCOMPARE(tokens[u"reused"_s].toInt() + tokens[u"recomputed"_s].toInt() + tokens[u"new"_s].toInt(),
                 turn.answer->tokens.prompt);
        QCOMPARE(one[u"ms"_s].toObject()[u"ttft"_s].toDouble(), turn.answer->ms.ttft);
        QCOMPARE(one[u"bytes_from_ram"_s].toInt(), 1000);
        const QJsonArray chunks = one[u"chunks"_s].toArray();
        QCOMPARE(chunks.size(), 6);
        QCOMPARE(chunks[2].toObject()[u"begin"_s].toInt(), static_cast<int>(turn.plan.segments[3].begin));
        QCOMPARE(chunks[2].toObject()[u"id"_s].toString(), QString::fromStdString(turn.plan.segments[3].chunk.hex()));
    }

    void theFormatFollowsTheFilesEnding() {
        using enum ui::AnswerFormat;
        QCOMPARE(ui::answerFormat(u"/a/b.json"_s, Markdown), Json);
        QCOMPARE(ui::answerFormat(u"/a/b.HTM"_s, Markdown), Html);
        QCOMPARE(ui::answerFormat(u"/a/b.md"_s, Json), Markdown);
        QCOMPARE(ui::answerFormat(u"/a/answers"_s, Html), Html);
    }
};

QTEST_MAIN(ConversationTest)
#include "conversation_test.moc"
