// The ledger's states, the store's forecast and pins, and what every table and plot of the window exports.
#include <QAbstractItemModelTester>
#include <QAction>
#include <QHeaderView>
#include <QInputDialog>
#include <QLabel>
#include <QPushButton>
#include <QTableView>
#include <QTest>

#include "tests/ui/fixture.h"
#include "ui/store/store_view.h"
#include "ui/widgets/plot.h"
#include "ui/widgets/table_export.h"

using namespace Qt::StringLiterals;
using testing_ui::Script;
using testing_ui::Workbench;

namespace {

/// RFC 4180: what a spreadsheet makes of the bytes.
QList<QStringList> readCsv(const QByteArray& bytes) {
    QList<QStringList> rows;
    QStringList row;
    QString field;
    bool quoted = false;
    const QString text = QString::fromUtf8(bytes);
    for (qsizetype at = 0; at < text.size(); ++at) {
        const QChar c = text[at];
        if (quoted) {
            if (c != u'"')
                field += c;
            else if (at + 1 < text.size() && text[at + 1] == u'"')
                field += text[++at];
            else
                quoted = false;
        } else if (c == u'"') {
            quoted = true;
        } else if (c == u',') {
            row << std::exchange(field, {});
        } else if (c == u'\n') {
            row << std::exchange(field, {});
            rows << std::exchange(row, {});
        } else if (c != u'\r') {
            field += c;
        }
    }
    return rows;
}

}  // namespace

class LedgerViewTest : public QObject {
    Q_OBJECT

private:
    std::shared_ptr<Script> m_script;
    std::unique_ptr<Workbench> m_bench;

    ui::MainWindow& window() { return m_bench->window(); }
    ui::FileModel& files() { return window().library().files(); }
    QString cell(const QString& file, int column) {
        for (int row = 0; row < files().rowCount(); ++row) {
            if (files().index(row, ui::FileModel::File).data().toString() == file)
                return files().index(row, column).data().toString();
        }
        return u"no such file"_s;
    }
    QString state(const QString& file) { return cell(file, ui::FileModel::State); }
    void open() {
        m_bench->open();
        QVERIFY(m_bench->awaitIdle());
    }

private slots:
    void init() {
        m_script = std::make_shared<Script>();
        m_bench = std::make_unique<Workbench>(m_script);
    }
    void cleanup() {
        m_script->releaseAll();
        m_bench.reset();
        QVERIFY(m_script->oneThread());
    }

    void evictAsksHowMuchMayStayAndNothingGoesWithoutAYes() {
        open();
        window().setMode(ui::Mode::Store);
        QVERIFY(m_bench->awaitIdle());
        auto* const evict = m_bench->find<QPushButton>(u"evictStore"_s);
        const auto answer = [&](double gib, int result) {
            bool shown = false;
            QTimer::singleShot(0, &window(), [&] {
                auto* const dialog = qobject_cast<QInputDialog*>(QApplication::activeModalWidget());
                if (dialog == nullptr)
                    return;
                shown = true;
                dialog->setDoubleValue(gib);
                dialog->done(result);
            });
            evict->click();
            return shown && m_bench->awaitIdle();
        };
        const auto evicted = [&] {
            std::vector<std::string> calls = m_script->calls();
            std::erase_if(calls, [](const std::string& call) { return !call.starts_with("storeEvict"); });
            return calls;
        };
        QVERIFY(answer(0.5, QDialog::Rejected));
        QVERIFY(evicted().empty());
        QVERIFY(answer(0.5, QDialog::Accepted));
        QCOMPARE(evicted(), std::vector<std::string>{"storeEvict 536870912"});
        QCOMPARE(m_bench->find<QLabel>(u"storeReport"_s)->text(), u"1.00\u00A0MiB freed."_s);
    }

    void aFileThatChangedOrWentSinceItsImportSaysSo() {
        m_script->changedFiles = {"/papers/survey-0.pdf"};
        m_script->missingFiles = {"/papers/survey-1.pdf", "/papers/scan.pdf"};
        open();
        QCOMPARE(state(u"survey-0.pdf"_s), u"Changed"_s);
        QVERIFY(cell(u"survey-0.pdf"_s, ui::FileModel::Note).contains(u"import it again"_s));
        QCOMPARE(state(u"survey-1.pdf"_s), u"Missing"_s);
        QCOMPARE(state(u"scan.pdf"_s), u"Failed"_s);  // its reason is worth more
        QCOMPARE(cell(u"scan.pdf"_s, ui::FileModel::Note), u"no text: the pages are pictures"_s);
    }

    void filesThatWaitToBeReadAreQueued() {
        open();
        const QAbstractItemModelTester tester(&files(), QAbstractItemModelTester::FailureReportingMode::QtTest);
        m_script->hold("ingest");
        window().library().import({u"/papers/survey-0.pdf"_s, u"/new/notes.md"_s}, u"papers"_s,
                                  ui::LibraryView::After::OnlyImport);
        QCOMPARE(state(u"survey-0.pdf"_s), u"Queued"_s);
        QCOMPARE(state(u"notes.md"_s), u"Queued"_s);
        QCOMPARE(state(u"survey-1.pdf"_s), u"Ready"_s);
        QCOMPARE(files().rowCount(), 5);
        m_script->release("ingest");
        QVERIFY(m_bench->awaitIdle());
        QCOMPARE(state(u"survey-0.pdf"_s), u"Ready"_s);
        QCOMPARE(files().rowCount(), 4);
        QVERIFY(files().index(0, ui::FileModel::File).data(Qt::ToolTipRole).toString().contains(u"last import: indexed"_s));
        window().library().import({u"/papers/survey-0.pdf"_s}, u"papers"_s, ui::LibraryView::After::OnlyImport);
        QVERIFY(m_bench->awaitIdle());
        QVERIFY(
            files().index(0, ui::FileModel::File).data(Qt::ToolTipRole).toString().contains(u"last import: unchanged"_s));
    }

    void aQueuedFolderCoversTheFilesBelowIt() {
        open();
        m_script->hold("ingest");
        window().library().import({u"/papers"_s}, u"papers"_s, ui::LibraryView::After::OnlyImport);
        QCOMPARE(state(u"survey-0.pdf"_s), u"Queued"_s);
        QCOMPARE(files().rowCount(), 4);  // no row for the folder itself
    }

    void aReasonHasTheRoomOfTheFiguresThatItsFileHasNot() {
        open();
        auto* const table = m_bench->find<QTableView>(u"fileTable"_s);
        table->sortByColumn(ui::FileModel::File, Qt::DescendingOrder);
        for (int row = 0; row < table->model()->rowCount(); ++row) {
            const bool figures = table->model()->index(row, ui::FileModel::File).data().toString().startsWith(u"survey"_s);
            QCOMPARE(table->columnSpan(row, ui::FileModel::Note),
                     figures ? 1 : ui::FileModel::ColumnCount - ui::FileModel::Note);
        }
    }

    void theStoreForecastsTheRestOfACollection() {
        open();
        window().setMode(ui::Mode::Store);
        QVERIFY(m_bench->awaitIdle());
        auto* const forecast = m_bench->find<QLabel>(u"storeForecast"_s);
        QVERIFY(forecast->isVisible());
        QVERIFY(forecast->text().contains(u"3 passages, 144 tokens, 3.16\u00a0MiB on disk, about 1 s"_s));
        QVERIFY(!forecast->text().contains(u"cap"_s));
        m_bench->find<QPushButton>(u"storeCompute"_s)->click();
        QVERIFY(m_bench->awaitIdle());
        const auto calls = m_script->calls();
        QVERIFY(std::find(calls.begin(), calls.end(), "precompute done") != calls.end());
    }

    void theStorePinsAndUnpinsACollection() {
        open();
        window().setMode(ui::Mode::Store);
        QVERIFY(m_bench->awaitIdle());
        auto* const pin = m_bench->find<QPushButton>(u"storePin"_s);
        auto* const unpin = m_bench->find<QPushButton>(u"storeUnpin"_s);
        QVERIFY(pin->isEnabled() && !unpin->isEnabled());
        pin->click();
        QVERIFY(m_bench->awaitIdle());
        QCOMPARE(window().store().usage().index(0, ui::UsageModel::Pinned).data().toString(), u"12"_s);
        QVERIFY(!pin->isEnabled() && unpin->isEnabled());
        unpin->click();
        QVERIFY(m_bench->awaitIdle());
        QCOMPARE(window().store().usage().index(0, ui::UsageModel::Pinned).data().toString(), QString());
        // Of a document or a model there is nothing to pin here.
        m_bench->find<QTabBar>(u"storeGroup"_s)->setCurrentIndex(2);
        QVERIFY(m_bench->awaitIdle());
        QVERIFY(!pin->isVisible());
    }

    // ---- exports

    void everyTableCopiesAndItsCsvReadsBackAsTheModel() {
        open();
        QVERIFY(m_bench->ask(u"springs?"_s));
        window().setMode(ui::Mode::Store);
        QVERIFY(m_bench->awaitIdle());
        const QList<QTableView*> tables = window().findChildren<QTableView*>();
        QVERIFY(tables.size() >= 8);
        int compared = 0;
        for (const QTableView* table : tables) {
            QStringList actions;
            for (const QAction* action : table->actions())
                actions << action->objectName();
            QVERIFY2(actions.contains(u"copyTable"_s) && actions.contains(u"exportTable"_s),
                     qPrintable(table->objectName()));
            const QAbstractItemModel& model = *table->model();
            const QList<QStringList> rows = readCsv(ui::tableCsv(*table));
            QCOMPARE(rows.size(), model.rowCount() + 1);
            QList<int> columns;
            for (int visual = 0; visual < table->horizontalHeader()->count(); ++visual) {
                if (const int column = table->horizontalHeader()->logicalIndex(visual); !table->isColumnHidden(column))
                    columns << column;
            }
            for (int row = 0; row < model.rowCount(); ++row) {
                QStringList shown;
                for (const int column : columns)
                    shown << model.index(row, column).data().toString();
                QCOMPARE(rows[row + 1], shown);
                ++compared;
            }
        }
        QVERIFY(compared > 12);
    }

    void everyPlotOffersItsPictureItsDrawingAndItsData() {
        open();
        QVERIFY(m_bench->ask(u"springs?"_s));
        QVERIFY(m_bench->awaitIdle());
        QStringList names;
        for (QWidget* widget : window().findChildren<QWidget*>()) {
            const auto* const plot = dynamic_cast<ui::Plot*>(widget);
            if (plot == nullptr)
                continue;
            names << widget->objectName();
            QStringList actions;
            for (const QAction* action : widget->actions())
                actions << action->objectName();
            for (const QString& wanted : {u"savePng"_s, u"saveSvg"_s, u"saveCsv"_s, u"copyPicture"_s})
                QVERIFY2(actions.contains(wanted), qPrintable(widget->objectName()));
        }
        for (const QString& wanted : {u"turnClock"_s, u"turnCounts"_s, u"promptStrip"_s, u"storeBar"_s, u"heatMap"_s,
                                      u"textMap"_s, u"stageTimeline"_s, u"attentionHeads"_s, u"compareKl"_s})
            QVERIFY2(names.contains(wanted), qPrintable(wanted));
    }

    void theClocksCsvHoldsTheStages() {
        open();
        QVERIFY(m_bench->ask(u"springs?"_s));
        const auto& bar = dynamic_cast<ui::Plot&>(*m_bench->find<QWidget>(u"turnClock"_s));
        double sum = 0;
        const QList<QStringList> rows = readCsv(bar.csv());
        for (const QStringList& row : rows.mid(1))
            sum += row[1].toDouble();
        QCOMPARE(sum, 120.0);
        const auto& strip = dynamic_cast<ui::Plot&>(*m_bench->find<QWidget>(u"promptStrip"_s));
        int tokens = 0;
        for (const QStringList& row : readCsv(strip.csv()).mid(1))
            tokens += row[2].toInt();
        QCOMPARE(tokens, window().ask().turns().back()->data().plan.promptTokens);
    }
};

QTEST_MAIN(LedgerViewTest)
#include "ledger_view_test.moc"
