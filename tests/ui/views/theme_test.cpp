// The theme's laws: ramps that stay ordered in grey and step evenly, text that can be read, light and dark told apart.
#include "ui/theme/theme.h"

#include <QApplication>
#include <QLabel>
#include <QSignalSpy>
#include <QTest>
#include <array>
#include <cmath>

using namespace ui;

namespace {

/// Oklab distance between two sRGB colours.
double distance(QRgb one, QRgb other) {
    const auto lab = [](QRgb color) {
        const auto linear = [](int channel) {
            const double value = channel / 255.0;
            return value <= 0.04045 ? value / 12.92 : std::pow((value + 0.055) / 1.055, 2.4);
        };
        const double r = linear(qRed(color));
        const double g = linear(qGreen(color));
        const double b = linear(qBlue(color));
        const double l = std::cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
        const double m = std::cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
        const double s = std::cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
        return std::array<double, 3>{0.2104542553 * l + 0.7936177850 * m - 0.0040720468 * s,
                                     1.9779984951 * l - 2.4285922050 * m + 0.4505937099 * s,
                                     0.0259040371 * l + 0.7827717662 * m - 0.8086757660 * s};
    };
    const auto a = lab(one);
    const auto b = lab(other);
    return std::hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
}

}  // namespace

class ThemeTest : public QObject {
    Q_OBJECT

private slots:
    void SequentialRampHasStrictlyMonotoneLuminance_data() { bothThemes(); }
    void SequentialRampHasStrictlyMonotoneLuminance() {
        const Theme theme(chosen());
        const double direction = theme.isDark() ? 1 : -1;
        for (int i = 1; i < Ramp::kSteps; ++i) {
            const auto at = static_cast<std::size_t>(i);
            const double step =
                relativeLuminance(theme.sequential().colors()[at]) - relativeLuminance(theme.sequential().colors()[at - 1]);
            QVERIFY2(step * direction > 0, qPrintable(QStringLiteral("step %1 changes luminance by %2").arg(i).arg(step)));
        }
    }

    void RampsStepEvenlyInPerceivedColour_data() { bothThemes(); }
    void RampsStepEvenlyInPerceivedColour() {
        const Theme theme(chosen());
        // 16 stretches; 8-bit rounding moves a colour by up to 0.004, the curve's chords are a little shorter than the curve.
        {
            const Ramp* ramp = &theme.sequential();
            double shortest = 1;
            double longest = 0;
            for (std::size_t i = 0; i + 16 < ramp->colors().size(); i += 16) {
                const double step = distance(ramp->colors()[i], ramp->colors()[i + 16]);
                shortest = std::min(shortest, step);
                longest = std::max(longest, step);
            }
            QVERIFY2(longest / shortest < 1.25, qPrintable(QStringLiteral("%1 … %2").arg(shortest).arg(longest)));
        }
    }

    void DivergingRampIsPaperInTheMiddleAndMonotoneOnBothSides_data() { bothThemes(); }
    void DivergingRampIsPaperInTheMiddleAndMonotoneOnBothSides() {
        const Theme theme(chosen());
        const Ramp& ramp = theme.diverging();
        QVERIFY(contrastRatio(ramp.at(0.5), theme.color(Role::Paper).rgb()) < 1.1);
        for (std::size_t i = 1; i < ramp.colors().size(); ++i) {
            const bool leaving = i > Ramp::kSteps / 2;
            const double step = relativeLuminance(ramp.colors()[i]) - relativeLuminance(ramp.colors()[i - 1]);
            QVERIFY((leaving ? step : -step) * (theme.isDark() ? 1 : -1) > 0);
        }
        // The ends differ in lightness from the middle alike, and from each other in blue against red: safe for colour-blind eyes.
        QVERIFY(qBlue(ramp.at(0)) > qRed(ramp.at(0)));
        QVERIFY(qRed(ramp.at(1)) > qBlue(ramp.at(1)));
    }

    void RampsClampAndTakeNothingForTheirStart() {
        const Theme theme(ThemeChoice::Light);
        QCOMPARE(theme.sequential().at(-3), theme.sequential().at(0));
        QCOMPARE(theme.sequential().at(7), theme.sequential().at(1));
        QCOMPARE(theme.sequential().at(std::nan("")), theme.sequential().at(0));
    }

    void TextCanBeRead_data() { bothThemes(); }
    void TextCanBeRead() {
        const Theme theme(chosen());
        const auto contrast = [&](Role one, Role other) {
            return contrastRatio(theme.color(one).rgb(), theme.color(other).rgb());
        };
        for (const Role ground :
             {Role::Paper, Role::Raised, Role::RecomputedTint, Role::FreshTint, Role::AccentTint, Role::SearchTint}) {
            QVERIFY(contrast(Role::Ink, ground) >= 4.5);
        }
        QVERIFY(contrast(Role::QuietInk, Role::Paper) >= 4.5);
        QVERIFY(contrast(Role::QuietInk, Role::Raised) >= 4.5);
        QVERIFY(contrast(Role::AccentInk, Role::Accent) >= 4.5);
        for (const Role mark :
             {Role::Accent, Role::Recomputed, Role::Fresh, Role::Good, Role::Warn, Role::Bad, Role::Compute}) {
            QVERIFY(contrast(mark, Role::Paper) >= 3);
        }
    }

    void InkOnTheRampIsAlwaysReadable_data() { bothThemes(); }
    void InkOnTheRampIsAlwaysReadable() {
        const Theme theme(chosen());
        for (int i = 0; i <= 100; ++i) {
            const QRgb ground = theme.sequential().at(i / 100.0);
            const double best = std::max(contrastRatio(theme.color(Role::Ink).rgb(), ground),
                                         contrastRatio(theme.color(Role::Paper).rgb(), ground));
            // Between two inks the worst ground is as far from both: the root of their own contrast. Rounding to 8 bits: 0.05.
            const double possible = std::sqrt(contrastRatio(theme.color(Role::Ink).rgb(), theme.color(Role::Paper).rgb()));
            QVERIFY2(best >= possible - 0.05, qPrintable(QString::number(best)));
        }
    }

    void SystemIsJudgedByThePalettesLuminance() {
        QPalette light;
        light.setColor(QPalette::Window, Qt::white);
        light.setColor(QPalette::WindowText, Qt::black);
        QVERIFY(!Theme::paletteIsDark(light));
        QPalette dark;
        dark.setColor(QPalette::Window, QColor(40, 40, 40));
        dark.setColor(QPalette::WindowText, QColor(230, 230, 230));
        QVERIFY(Theme::paletteIsDark(dark));
    }

    void ChoosingDressesTheApplicationAndTellsIt() {
        Theme theme(ThemeChoice::Light);
        theme.apply(*qApp);
        QSignalSpy told(&theme, &Theme::changed);
        theme.choose(ThemeChoice::Dark);
        QCOMPARE(told.count(), 1);
        QVERIFY(theme.isDark());
        QVERIFY(Theme::paletteIsDark(QApplication::palette()));
        theme.choose(ThemeChoice::Light);
        QVERIFY(!Theme::paletteIsDark(QApplication::palette()));
        theme.setFontStep(3);
        QCOMPARE(QApplication::font().pointSizeF(), theme.controlFont().pointSizeF());
    }

    void FiguresHaveDigitsOfOneWidth() {
        const Theme theme(ThemeChoice::Light);
        const QFontMetricsF metrics(theme.figureFont());
        for (char16_t digit = u'1'; digit <= u'9'; ++digit) {
            QCOMPARE(metrics.horizontalAdvance(QChar(digit)), metrics.horizontalAdvance(QChar(u'0')));
        }
    }

private:
    static void bothThemes() {
        QTest::addColumn<int>("choice");
        QTest::newRow("light") << static_cast<int>(ThemeChoice::Light);
        QTest::newRow("dark") << static_cast<int>(ThemeChoice::Dark);
    }
    static ThemeChoice chosen() {
        QFETCH(int, choice);
        return static_cast<ThemeChoice>(choice);
    }
};

QTEST_MAIN(ThemeTest)
#include "theme_test.moc"
