// The window's shell: keys that a person changes, layouts that fit and are kept.
#include <QDockWidget>
#include <QLabel>
#include <QLayout>
#include <QPushButton>
#include <QTest>

#include "tests/ui/fixture.h"
#include "ui/inspector/inspect_view.h"
#include "ui/palette/action_registry.h"
#include "ui/palette/shortcut_sheet.h"

using namespace Qt::StringLiterals;

class ShellTest : public testing_ui::WindowTestCase {
    Q_OBJECT

private:
    QAction& action(const QString& name) { return *window().actions().action(name); }
    void reopen() {
        window().close();
        m_bench->close();
        m_bench->open();
        QVERIFY(m_bench->awaitIdle());
    }
    ui::ShortcutSheet& sheet() {
        action(u"keys"_s).trigger();
        return *m_bench->find<ui::ShortcutSheet>(u"shortcutSheet"_s);
    }
    void press(ui::ShortcutSheet& sheet, const QString& name, Qt::Key key, Qt::KeyboardModifiers modifiers) {
        auto* const button = sheet.findChild<QPushButton*>(u"key-"_s + name);
        button->setFocus();
        button->click();
        QTest::keyClick(button, key, modifiers);
    }
    QByteArray panels() { return window().inspect().saveLayout(); }

private slots:
    // ---- keys

    void aKeyIsChangedOnTheSheetWorksAndIsKept() {
        ui::ShortcutSheet& keys = sheet();
        press(keys, u"mode-store"_s, Qt::Key_B, Qt::ControlModifier | Qt::ShiftModifier);
        QCOMPARE(action(u"mode-store"_s).shortcut(), QKeySequence(u"Ctrl+Shift+B"_s));
        QCOMPARE(keys.findChild<QPushButton*>(u"key-mode-store"_s)->text(), u"Ctrl+Shift+B"_s);
        keys.close();
        reopen();
        QCOMPARE(action(u"mode-store"_s).shortcut(), QKeySequence(u"Ctrl+Shift+B"_s));
        QTest::keyClick(&window(), Qt::Key_B, Qt::ControlModifier | Qt::ShiftModifier);
        QVERIFY(m_bench->find<QDockWidget>(u"storeDock"_s)->isVisible());
    }

    void aKeyThatAnotherActionHasIsRefusedAndItsOwnerNamed() {
        ui::ShortcutSheet& keys = sheet();
        press(keys, u"mode-store"_s, Qt::Key_K, Qt::ControlModifier);
        QCOMPARE(action(u"mode-store"_s).shortcut(), QKeySequence(u"Ctrl+5"_s));
        QVERIFY(keys.findChild<QLabel*>(u"shortcutState"_s)->text().contains(u"Palette"_s));
        // Once the owner has given it up it is free.
        press(keys, u"palette"_s, Qt::Key_Backspace, Qt::NoModifier);
        QVERIFY(action(u"palette"_s).shortcut().isEmpty());
        press(keys, u"mode-store"_s, Qt::Key_K, Qt::ControlModifier);
        QCOMPARE(action(u"mode-store"_s).shortcut(), QKeySequence(u"Ctrl+K"_s));
        keys.close();
        reopen();
        QVERIFY(action(u"palette"_s).shortcut().isEmpty());
        QCOMPARE(action(u"mode-store"_s).shortcut(), QKeySequence(u"Ctrl+K"_s));
    }

    void escapeLeavesAKeyAsItIsAndTheSheetOpen() {
        ui::ShortcutSheet& keys = sheet();
        press(keys, u"mode-store"_s, Qt::Key_Escape, Qt::NoModifier);
        QCOMPARE(action(u"mode-store"_s).shortcut(), QKeySequence(u"Ctrl+5"_s));
        QVERIFY(keys.isVisible());
    }

    void resettingBringsEveryKeyBack() {
        ui::ShortcutSheet& keys = sheet();
        press(keys, u"mode-store"_s, Qt::Key_B, Qt::ControlModifier | Qt::ShiftModifier);
        press(keys, u"about"_s, Qt::Key_F12, Qt::NoModifier);
        keys.findChild<QPushButton*>(u"resetKeys"_s)->click();
        for (const ui::ActionRegistry::Entry& entry : window().actions().entries())
            QCOMPARE(entry.action->shortcut(), entry.standard);
        keys.close();
        reopen();
        for (const ui::ActionRegistry::Entry& entry : window().actions().entries())
            QCOMPARE(entry.action->shortcut(), entry.standard);
    }

    void twoKeptKeysThatAreTheSameLeaveOneAction() {
        m_bench->settings().setValue(u"keys/about"_s, u"Ctrl+K"_s);  // written by hand: the palette has it
        reopen();
        QVERIFY(action(u"about"_s).shortcut().isEmpty());
        QCOMPARE(action(u"palette"_s).shortcut(), QKeySequence(u"Ctrl+K"_s));
    }

    // ---- layouts

    void noLayoutMakesTheWindowGrow_data() {
        QTest::addColumn<QSize>("size");
        QTest::newRow("1280x800") << QSize(1280, 800);
        QTest::newRow("1600x1000") << QSize(1600, 1000);
    }
    void noLayoutMakesTheWindowGrow() {
        QFETCH(QSize, size);
        window().resize(size);
        QVERIFY(m_bench->ask(u"springs?"_s));
        QVERIFY(m_bench->awaitIdle());
        for (const ui::Layout layout : {ui::Layout::Read, ui::Layout::Teach, ui::Layout::Analyse}) {
            for (int mode = 0; mode < ui::kModes; ++mode) {
                window().setLayout(layout);
                window().setMode(static_cast<ui::Mode>(mode));
                QVERIFY(m_bench->awaitIdle());
                QTest::qWait(0);
                const QSize least = window().minimumSizeHint();
                if (window().inspect().isVisible())
                    QVERIFY2(window().inspect().layout()->minimumSize().width() <= window().inspect().width(),
                             qPrintable(u"layout %1, mode %2: Inspect needs %3, has %4"_s.arg(static_cast<int>(layout))
                                            .arg(mode)
                                            .arg(window().inspect().layout()->minimumSize().width())
                                            .arg(window().inspect().width())));
                QVERIFY2(least.width() <= size.width() && least.height() <= size.height() && window().size() == size,
                         qPrintable(u"layout %1, mode %2: least %3x%4, window %5x%6"_s.arg(static_cast<int>(layout))
                                        .arg(mode)
                                        .arg(least.width())
                                        .arg(least.height())
                                        .arg(window().width())
                                        .arg(window().height())));
            }
        }
    }

    void besideTheQuestionTheTokenStandsBelowTheText() {
        window().setLayout(ui::Layout::Teach);
        window().setMode(ui::Mode::Ask);
        QVERIFY(m_bench->ask(u"springs?"_s));
        QVERIFY(m_bench->awaitIdle());
        const auto place = [this](const QString& name) {
            auto* const widget = m_bench->find<QWidget>(name);
            return QRect(widget->mapTo(&window(), QPoint()), widget->size());
        };
        QVERIFY(place(u"tokenPanel"_s).top() >= place(u"textMap"_s).bottom());
        window().setMode(ui::Mode::Inspect);
        QVERIFY(m_bench->awaitIdle());
        QTRY_VERIFY(place(u"tokenPanel"_s).left() >= place(u"textMap"_s).right());
    }

    void inspectsPanelsAreKeptBetweenSessionsAndReset() {
        QVERIFY(m_bench->ask(u"springs?"_s));
        window().setMode(ui::Mode::Inspect);
        QVERIFY(m_bench->awaitIdle());
        auto* const plots = m_bench->find<QDockWidget>(u"dockHeatMap"_s);
        QVERIFY(plots->isVisible());
        plots->hide();
        window().setMode(ui::Mode::Library);
        window().setMode(ui::Mode::Inspect);
        QVERIFY(!plots->isVisible());
        reopen();
        QVERIFY(m_bench->ask(u"springs?"_s));
        window().setMode(ui::Mode::Inspect);
        QVERIFY(m_bench->awaitIdle());
        QVERIFY(!m_bench->find<QDockWidget>(u"dockHeatMap"_s)->isVisible());
        action(u"reset-layout"_s).trigger();
        QVERIFY(m_bench->awaitIdle());
        QTRY_VERIFY(m_bench->find<QDockWidget>(u"dockHeatMap"_s)->isVisible());
    }
};

QTEST_MAIN(ShellTest)
#include "shell_test.moc"
