// What a table shows is what it copies and exports.
#include "ui/widgets/table_export.h"

#include <QClipboard>
#include <QFile>
#include <QGuiApplication>
#include <QHeaderView>
#include <QStandardItemModel>
#include <QTableView>
#include <QTemporaryDir>
#include <QTest>
#include <QTreeView>

using namespace ui;
using namespace Qt::StringLiterals;

class TableExportTest : public QObject {
    Q_OBJECT

private slots:
    void init() {
        m_model.clear();
        m_model.setHorizontalHeaderLabels({u"name"_s, u"note"_s, u"size"_s});
        m_model.appendRow({new QStandardItem(u"a, b"_s), new QStandardItem(u"said \"so\""_s), new QStandardItem(u"1"_s)});
        m_model.appendRow(
            {new QStandardItem(u"c"_s), new QStandardItem(u"two\nlines\tand a tab"_s), new QStandardItem(u"2"_s)});
    }

    void CsvQuotesWhatRfc4180Wants() {
        QTableView table;
        table.setModel(&m_model);
        QCOMPARE(tableCsv(table),
                 QByteArray("name,note,size\r\n\"a, b\",\"said \"\"so\"\"\",1\r\nc,\"two\nlines\tand a tab\",2\r\n"));
    }

    void CsvFollowsHiddenAndMovedColumns() {
        QTableView table;
        table.setModel(&m_model);
        table.setColumnHidden(1, true);
        table.horizontalHeader()->moveSection(2, 0);
        QCOMPARE(tableCsv(table), QByteArray("size,name\r\n1,\"a, b\"\r\n2,c\r\n"));
    }

    void CopyTakesTheSelectionElseEverything() {
        QTableView table;
        table.setModel(&m_model);
        QCOMPARE(tableTsv(table), u"a, b\tsaid \"so\"\t1\nc\ttwo lines and a tab\t2"_s);
        table.selectionModel()->select(m_model.index(1, 2), QItemSelectionModel::Select);
        QCOMPARE(tableTsv(table), u"2"_s);
    }

    void CtrlCCopies() {
        QTableView table;
        table.setModel(&m_model);
        makeExportable(table, u"table"_s);
        table.show();
        table.setFocus();
        QApplication::setActiveWindow(&table);
        table.selectRow(0);
        QTest::keyClick(&table, Qt::Key_C, Qt::ControlModifier);
        QCOMPARE(QGuiApplication::clipboard()->text(), u"a, b\tsaid \"so\"\t1"_s);
    }

    void TreesGiveTheirChildrenAfterTheParent() {
        m_model.item(0)->appendRow({new QStandardItem(u"child"_s), new QStandardItem(u"x"_s), new QStandardItem(u"3"_s)});
        QTreeView tree;
        tree.setModel(&m_model);
        QCOMPARE(tableCsv(tree).split('\n').at(2), QByteArray("child,x,3\r"));
    }

    void WritingToANonPlaceSaysWhy() {
        const QString error = writeFile(u"/nonexistent/folder/file.csv"_s, "x");
        QVERIFY(error.contains(u"/nonexistent/folder/file.csv"_s));
        QTemporaryDir folder;
        QVERIFY(writeFile(folder.filePath(u"file.csv"_s), "x,y\r\n").isEmpty());
        QFile file(folder.filePath(u"file.csv"_s));
        QVERIFY(file.open(QIODevice::ReadOnly));
        QCOMPARE(file.readAll(), QByteArray("x,y\r\n"));
    }

private:
    QStandardItemModel m_model;
};

QTEST_MAIN(TableExportTest)
#include "table_export_test.moc"
