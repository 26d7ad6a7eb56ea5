// From dropped files to an exported answer through the window, on the real engine and a small random model.
#include <QDropEvent>
#include <QFile>
#include <QLabel>
#include <QMimeData>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QSettings>
#include <QSignalSpy>
#include <QSpinBox>
#include <QTableView>
#include <QTemporaryDir>
#include <QTest>
#include <QToolButton>
#include <QUrl>

#include "engine/engine.h"
#include "ui/collections/document_view.h"
#include "ui/collections/library_view.h"
#include "ui/history/history_view.h"
#include "ui/inspection_cursor.h"
#include "ui/main_window.h"
#include "ui/query/ask_view.h"
#include "ui/query/turn_view.h"
#include "ui/store/store_view.h"
#include "ui/widgets/table_export.h"

using namespace Qt::StringLiterals;

namespace {

constexpr int kPatience = 60'000;  // ms; a slow machine, not a law

void writeDocument(const QString& path, const QString& subject) {
    QFile file(path);
    QVERIFY(file.open(QIODevice::WriteOnly));
    for (int paragraph = 0; paragraph < 12; ++paragraph) {
        file.write(
            u"The %1 of section %2 is read every morning. Its figure is entered in ink, and the warden signs beside it. "
            "When it is missing, the page of the day before is copied and marked as such.\n\n"_s.arg(subject)
                .arg(paragraph)
                .toUtf8());
    }
}

QByteArray contents(const QString& path) {
    QFile file(path);
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

}  // namespace

class WorkbenchEndToEndTest : public QObject {
    Q_OBJECT

private slots:
    void fromDroppedFilesToAnExportedAnswer() {
        QTemporaryDir folder;
        writeDocument(folder.filePath(u"gauges.txt"_s), u"gauge"_s);
        writeDocument(folder.filePath(u"springs.txt"_s), u"spring"_s);
        QSettings settings(folder.filePath(u"settings.ini"_s), QSettings::IniFormat);
        ui::Theme theme(ui::ThemeChoice::Light);
        theme.apply(*qApp);
        ui::Surroundings surroundings;
        surroundings.openEngine = &engine::Engine::open;
        surroundings.inspectModel = &engine::inspectModel;
        surroundings.options.model = RANDOM_MODEL;
        surroundings.options.workspace = folder.filePath(u"workspace"_s).toStdString();
        ui::MainWindow window(surroundings, theme, settings);
        window.resize(1280, 800);
        window.show();
        QSignalSpy started(&window, &ui::MainWindow::started);
        window.start();
        QTRY_COMPARE_WITH_TIMEOUT(started.count(), 1, kPatience);
        QVERIFY(started.front().front().toBool());

        // Import by drop; the KV is computed next.
        ui::LibraryView& library = window.library();
        QSignalSpy imported(&library, &ui::LibraryView::imported);
        QSignalSpy computed(&library, &ui::LibraryView::precomputed);
        connect(&library, &ui::LibraryView::failed, this, [](const QString& why) { qWarning("%s", qPrintable(why)); });
        QMimeData dropped;
        dropped.setUrls(
            {QUrl::fromLocalFile(folder.filePath(u"gauges.txt"_s)), QUrl::fromLocalFile(folder.filePath(u"springs.txt"_s))});
        QDragEnterEvent enter(QPoint(20, 20), Qt::CopyAction, &dropped, Qt::LeftButton, Qt::NoModifier);
        QCoreApplication::sendEvent(&library, &enter);
        QVERIFY(enter.isAccepted());
        QDropEvent drop(QPointF(20, 20), Qt::CopyAction, &dropped, Qt::LeftButton, Qt::NoModifier);
        QCoreApplication::sendEvent(&library, &drop);
        QTRY_COMPARE_WITH_TIMEOUT(computed.count(), 1, kPatience);
        QCOMPARE(imported.count(), 1);
        QTRY_COMPARE_WITH_TIMEOUT(library.files().rowCount(), 2, kPatience);
        QTRY_VERIFY_WITH_TIMEOUT(
            library.files().file(0).chunks > 0 && library.files().file(0).chunksWithKv == library.files().file(0).chunks,
            kPatience);

        // Ask: every passage is cached, and the counts add up.
        window.setMode(ui::Mode::Ask);
        window.findChild<QSpinBox*>(u"lengthBox"_s)->setValue(12);
        auto* const box = window.findChild<QPlainTextEdit*>(u"questionBox"_s);
        QTest::keyClicks(box, u"Who signs beside the gauge?"_s);
        QTest::keyClick(box, Qt::Key_Return);
        QTRY_VERIFY_WITH_TIMEOUT(!window.ask().turns().empty() && window.ask().turns().back()->data().answer, kPatience);
        const ui::TurnView* const turn = window.ask().turns().back();
        const engine::Answer answer = *turn->data().answer;
        QCOMPARE(turn->data().plan.misses, 0);
        QVERIFY(turn->data().plan.hits > 0);
        QCOMPARE(answer.tokens.reused + answer.tokens.recomputed + answer.tokens.fresh, answer.tokens.prompt);
        QVERIFY(answer.tokens.recomputed > 0);
        double sum = 0;
        for (const ui::Share& stage : ui::stageShares(answer.ms))
            sum += stage.value;
        QVERIFY(std::abs(sum - answer.ms.ttft) <= 0.03 * answer.ms.ttft);

        // A citation opens the document with the passage marked.
        const engine::PlanSegment& cited = turn->data().plan.segments.back();
        turn->findChild<QPushButton*>(u"citation%1"_s.arg(turn->data().plan.hits))->click();
        QTRY_VERIFY_WITH_TIMEOUT(!window.document().markedText().isEmpty(), kPatience);
        QCOMPARE(window.document().markedText().size(), qsizetype(cited.end - cited.begin));

        // Every token of a passage is pointed at in the document beside it.
        const ui::TurnData& asked = turn->data();
        int pointed = 0;
        for (int position = cited.position; position < cited.position + cited.tokens(); ++position) {
            window.cursor().setToken(position);
            QTRY_VERIFY_WITH_TIMEOUT(window.bridge().isIdle(), kPatience);
            const QString piece = QString::fromStdString(asked.answer->trace->pieces[static_cast<std::size_t>(position)]);
            const QString shown = window.document().pointedText().replace(QChar::ParagraphSeparator, u'\n');
            if (shown.isEmpty())
                continue;                                                                   // of the header line
            QVERIFY2(piece.startsWith(shown), qPrintable(piece + u" against "_s + shown));  // the last is cut at the end
            ++pointed;
        }
        QVERIFY2(pointed * 2 > cited.tokens(), qPrintable(QString::number(pointed)));

        // Compare with full prefill: the trace carries the deviation.
        turn->findChild<QToolButton*>(u"compareFull"_s)->click();
        QTRY_VERIFY_WITH_TIMEOUT(window.trace() && window.trace()->deviation, kPatience);
        QVERIFY(turn->findChild<QLabel*>(u"turnComparison"_s)->text().contains(u"mean KL"_s));

        // Exports.
        const QString markdown = ui::answerMarkdown({turn->data()});
        QVERIFY(markdown.contains(u"## Who signs beside the gauge?"_s));
        QVERIFY(markdown.contains(u"gauges"_s));
        QVERIFY(ui::tableCsv(*window.findChild<QTableView*>(u"fileTable"_s)).contains("gauges.txt,Ready"));
        const QString path = folder.filePath(u"run.cbtrace"_s);
        bool saved = false;
        window.bridge().saveTrace(window.trace(), path, this, [&](auto result) { saved = result.ok(); });
        QTRY_VERIFY_WITH_TIMEOUT(saved, kPatience);
        const std::string recompute = engine::recomputeCsv(*window.trace());
        QSignalSpy shown(&window, &ui::MainWindow::traceShown);
        window.openTrace(path);
        QTRY_COMPARE_WITH_TIMEOUT(shown.count(), 1, kPatience);
        QCOMPARE(engine::recomputeCsv(*window.trace()), recompute);
        QVERIFY(contents(path).size() > 1000);

        // The store holds what was computed and finds it sound.
        window.setMode(ui::Mode::Store);
        window.store().verify();
        QTRY_VERIFY_WITH_TIMEOUT(window.store().report().contains(u"no damage"_s), kPatience);
        QTRY_VERIFY_WITH_TIMEOUT(window.history().model().rowCount() == 1 || window.bridge().isIdle(), kPatience);
    }
};

QTEST_MAIN(WorkbenchEndToEndTest)
#include "workbench_end_to_end_test.moc"
