// Cursor, axis, heat map, cell grid, line plot: what they show, say, export, and how they answer keys and pointer.
#include <QAccessible>
#include <QFile>
#include <QImage>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>
#include <QXmlStreamReader>
#include <cmath>
#include <random>

#include "ui/inspection_cursor.h"
#include "ui/theme/theme.h"
#include "ui/widgets/cell_grid.h"
#include "ui/widgets/elided_label.h"
#include "ui/widgets/heat_map.h"
#include "ui/widgets/legend.h"
#include "ui/widgets/line_plot.h"
#include "ui/widgets/state_message.h"

using namespace ui;
using namespace Qt::StringLiterals;

namespace {

HeatMatrix exampleMatrix(int rows, int columns) {
    HeatMatrix matrix;
    matrix.rows = rows;
    matrix.columns = columns;
    std::mt19937 random(7);
    for (int i = 0; i < rows * columns; ++i) {
        matrix.values.push_back(static_cast<float>(random() % 1000) / 1000);
    }
    matrix.values[3] = std::nanf("");
    matrix.quantity = u"deviation"_s;
    matrix.csv = [] { return QByteArray("layer,position,value\r\n"); };
    return matrix;
}

CellGridData exampleGrid() {
    CellGridData data;
    data.rows = 2;
    data.columns = 3;
    data.values = {0.5F, 0.25F, 0, 1, 0.125F, std::nanf("")};
    data.rowNames = {u"x"_s, u"y"_s};
    data.columnNames = {u"a"_s, u"b"_s, u"c"_s};
    data.rowAxis = u"from"_s;
    data.columnAxis = u"to"_s;
    data.title = u"Grid"_s;
    data.quantity = u"probability"_s;
    return data;
}

}  // namespace

class WidgetsTest : public QObject {
    Q_OBJECT

private slots:
    void AnElidedLabelShowsWhatFitsAndKeepsTheWhole() {
        ElidedLabel label(u"label"_s, u"Label"_s, nullptr);
        label.resize(4000, 24);
        label.setWhole(u"a question of some length"_s);
        QCOMPARE(label.text(), label.whole());
        QVERIFY(label.toolTip().isEmpty());
        label.resize(60, 24);
        label.show();
        QVERIFY(label.text().endsWith(u'…') && label.text().size() < label.whole().size());
        QCOMPARE(label.toolTip(), label.whole());
        QCOMPARE(label.accessibleDescription(), label.whole());
    }

    void CursorPreviewsAndLocks() {
        InspectionCursor cursor;
        QSignalSpy told(&cursor, &InspectionCursor::tokenChanged);
        cursor.setToken(5);
        cursor.previewToken(9);
        QCOMPARE(cursor.token(), 9);
        QCOMPARE(cursor.lockedToken(), 5);
        cursor.endPreview();
        QCOMPARE(cursor.token(), 5);
        QCOMPARE(told.count(), 3);
        cursor.setToken(5);
        QCOMPARE(told.count(), 3);
        cursor.setLayer(-7);
        QCOMPARE(cursor.layer(), InspectionCursor::kMean);
        cursor.previewToken(2);
        cursor.setToken(2);
        QVERIFY(!cursor.isPreviewing());
    }

    void AxisStaysInsideThePromptAndKeepsTheTokenUnderThePointer() {
        TokenAxis axis;
        axis.reset(1000);
        axis.zoom(0.1, 400);
        QCOMPARE(axis.span(), 100.0);
        QVERIFY(std::abs((400 - axis.begin()) / axis.span() - 0.4) < 1e-9);
        axis.pan(-5000);
        QCOMPARE(axis.begin(), 0.0);
        axis.pan(5000);
        QCOMPARE(axis.end(), 1000.0);
        axis.zoom(1e-6, 500);
        QCOMPARE(axis.span(), TokenAxis::kLeastSpan);
        axis.reveal(3);
        QVERIFY(axis.begin() <= 3 && axis.end() > 3);
        axis.zoom(1e9, 3);
        QVERIFY(axis.isWhole());
    }

    void PooledPixelsAreTheGreatestAndTheMeanOfTheirTokens() {
        HeatMap map(m_theme, m_cursor, m_axis, u"map"_s, u"Map"_s);
        map.setMatrix(exampleMatrix(3, 1000));
        m_axis.reset(1000);
        for (const int width : {37, 250, 1000, 1700}) {
            for (const Pooling pooling : {Pooling::Greatest, Pooling::Mean}) {
                map.setPooling(pooling);
                const std::vector<float> pooled = map.pooled(width);
                for (int row = 0; row < 3; ++row) {
                    for (int x = 0; x < width; x += 7) {
                        const int from = x * 1000 / width;
                        const int to = std::max(from + 1, static_cast<int>(std::ceil((x + 1) * 1000.0 / width - 1e-6)));
                        double sum = 0;
                        double most = 0;
                        int count = 0;
                        for (int token = from; token < std::min(to, 1000); ++token) {
                            const float value = map.matrix().values[static_cast<std::size_t>(row * 1000 + token)];
                            if (!std::isnan(value)) {
                                sum += static_cast<double>(value);
                                most = std::max(most, static_cast<double>(value));
                                ++count;
                            }
                        }
                        const float shown = pooled[static_cast<std::size_t>(row * width + x)];
                        if (count == 0) {
                            QVERIFY(std::isnan(shown));
                        } else {
                            const double expected = pooling == Pooling::Greatest ? most : sum / count;
                            QVERIFY(std::abs(static_cast<double>(shown) - expected) < 1e-6);
                        }
                    }
                }
            }
        }
    }

    void HeatMapClickSetsTokenAndLayerAndHoverPreviews() {
        HeatMap map(m_theme, m_cursor, m_axis, u"map"_s, u"Map"_s);
        map.setMatrix(exampleMatrix(4, 200));
        m_axis.reset(200);
        map.resize(700, 200);
        map.show();
        const QPoint point(TokenAxis::kLeftMargin + (700 - TokenAxis::kLeftMargin - TokenAxis::kRightMargin) / 2, 60);
        QTest::mouseMove(&map, point);
        QTest::mouseMove(&map, point + QPoint(1, 0));
        QVERIFY(m_cursor.isPreviewing());
        QTest::mouseClick(&map, Qt::LeftButton, {}, point);
        QCOMPARE(m_cursor.lockedToken(), 100);
        QCOMPARE(m_cursor.layer(), map.rowAt(60));
        QVERIFY(map.currentText().contains(u"token 100, layer 1: deviation"_s));
        QTest::keyClick(&map, Qt::Key_Right);
        QCOMPARE(m_cursor.lockedToken(), 101);
        QTest::keyClick(&map, Qt::Key_Down);
        QCOMPARE(m_cursor.layer(), 2);
        QTest::keyClick(&map, Qt::Key_Plus);
        QVERIFY(m_axis.span() < 200);
        QTest::keyClick(&map, Qt::Key_0);
        QVERIFY(m_axis.isWhole());
        QTest::keyClick(&map, Qt::Key_Escape);
        QCOMPARE(m_cursor.token(), InspectionCursor::kNone);
    }

    void DraggingPansWithoutMovingTheCursor() {
        HeatMap map(m_theme, m_cursor, m_axis, u"map"_s, u"Map"_s);
        map.setMatrix(exampleMatrix(4, 2000));
        map.resize(700, 200);
        map.show();
        m_axis.reset(2000);
        m_axis.show(500, 1000);
        m_cursor.setToken(700);
        QTest::mousePress(&map, Qt::LeftButton, {}, QPoint(400, 50));
        for (int x = 390; x >= 300; x -= 10) {
            QTest::mouseMove(&map, QPoint(x, 50));
            QMouseEvent move(QEvent::MouseMove, QPointF(x, 50), map.mapToGlobal(QPointF(x, 50)), Qt::NoButton,
                             Qt::LeftButton, {});
            QCoreApplication::sendEvent(&map, &move);
        }
        QTest::mouseRelease(&map, Qt::LeftButton, {}, QPoint(300, 50));
        QVERIFY(m_axis.begin() > 540);
        QCOMPARE(m_axis.span(), 500.0);
        QCOMPARE(m_cursor.lockedToken(), 700);
    }

    void GridSaysTheCurrentCellAndMovesByKeys() {
        CellGrid grid(m_theme, u"grid"_s, u"Grid"_s);
        grid.setData(exampleGrid());
        grid.resize(300, 160);
        grid.show();
        QSignalSpy chosen(&grid, &CellGrid::cellChosen);
        QTest::keyClick(&grid, Qt::Key_Right);
        QTest::keyClick(&grid, Qt::Key_Right);
        QCOMPARE(grid.currentColumn(), 1);
        QCOMPARE(grid.currentRow(), 0);
        QCOMPARE(grid.currentText(), u"Grid, from x, to b: probability 0.250"_s);
        QTest::keyClick(&grid, Qt::Key_Down);
        QTest::keyClick(&grid, Qt::Key_Down);
        QCOMPARE(grid.currentRow(), 1);
        QTest::keyClick(&grid, Qt::Key_Escape);
        QCOMPARE(grid.currentRow(), -1);
        QCOMPARE(chosen.count(), 5);
        QCOMPARE(grid.csv(), QByteArray("from,a,b,c\r\nx,0.5,0.25,0\r\ny,1,0.125,\r\n"));
    }

    void LinePlotExportsItsSeries() {
        LinePlot plot(m_theme, u"plot"_s, u"Plot"_s);
        plot.setData({u"KL"_s, u"token"_s, u"nats"_s, {{u"A"_s, {0.5, 0.25}}, {u"B"_s, {1, 2, 3}}}, {}});
        QCOMPARE(plot.csv(), QByteArray("token,A,B\r\n0,0.5,1\r\n1,0.25,2\r\n2,,3\r\n"));
        plot.setCurrent(1);
        QCOMPARE(plot.currentText(), u"KL, token 1: A 0.250 nats, B 2.00 nats"_s);
    }

    void PicturesAreTwiceTheScreenAndDrawingsAreSvg() {
        QTemporaryDir folder;
        CellGrid grid(m_theme, u"grid"_s, u"Grid"_s);
        grid.setData(exampleGrid());
        grid.resize(300, 160);
        QVERIFY(savePng(grid, folder.filePath(u"a.png"_s)).isEmpty());
        const QImage image(folder.filePath(u"a.png"_s));
        QCOMPARE(image.size(), QSize(600, 320));
        QVERIFY(image.pixel(400, 120) != image.pixel(2, 2));
        QVERIFY(saveSvg(grid, folder.filePath(u"a.svg"_s)).isEmpty());
        QFile file(folder.filePath(u"a.svg"_s));
        QVERIFY(file.open(QIODevice::ReadOnly));
        QXmlStreamReader reader(&file);
        int shapes = 0;
        while (!reader.atEnd()) {
            reader.readNext();
            shapes += reader.isStartElement() && (reader.name() == "rect"_L1 || reader.name() == "path"_L1) ? 1 : 0;
        }
        QVERIFY2(!reader.hasError(), qPrintable(reader.errorString()));
        QVERIFY(shapes >= 6);
        QVERIFY(!savePng(grid, u"/nonexistent/a.png"_s).isEmpty());
    }

    void PlotsSpeakTheirCurrentValue() {
        CellGrid grid(m_theme, u"grid"_s, u"Grid of numbers"_s);
        grid.setData(exampleGrid());
        grid.setCurrent(1, 0);
        QAccessibleInterface* spoken = QAccessible::queryAccessibleInterface(&grid);
        QVERIFY(spoken);
        QCOMPARE(spoken->role(), QAccessible::Chart);
        QCOMPARE(spoken->text(QAccessible::Name), u"Grid of numbers"_s);
        QCOMPARE(spoken->text(QAccessible::Value), u"Grid, from y, to a: probability 1.00"_s);
    }

    void NumbersAreShortAndKeepTheirSize() {
        QCOMPARE(shortNumber(0), u"0"_s);
        QCOMPARE(shortNumber(0.00421), u"0.00421"_s);
        QCOMPARE(shortNumber(12.345), u"12.3"_s);
        QCOMPARE(shortNumber(999.4), u"999"_s);
        QCOMPARE(shortNumber(-0.5), u"−0.500"_s);
        QCOMPARE(shortNumber(3.2e-7), u"3.2e−07"_s);
    }

    void MessageOffersItsAction() {
        StateMessage message(m_theme, u"message"_s);
        message.setMessage(u"Nothing"_s, u"Because."_s, u"Do it"_s);
        QSignalSpy done(&message, &StateMessage::activated);
        message.show();
        QTest::keyClick(message.findChild<QWidget*>(u"messageButton"_s), Qt::Key_Space);
        QCOMPARE(done.count(), 1);
        message.setMessage(u"Nothing"_s, u"Because."_s);
        QVERIFY(!message.findChild<QWidget*>(u"messageButton"_s)->isVisible());
    }

    void cleanup() { m_cursor.clear(); }

private:
    Theme m_theme{ThemeChoice::Light};
    InspectionCursor m_cursor;
    TokenAxis m_axis;
};

QTEST_MAIN(WidgetsTest)
#include "widgets_test.moc"
