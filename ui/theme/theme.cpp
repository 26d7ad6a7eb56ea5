// The two themes' colours, and how they reach widgets.
#include "ui/theme/theme.h"

#include <QApplication>
#include <QEvent>
#include <QFontDatabase>
#include <QFontMetricsF>
#include <QStyleFactory>
#include <algorithm>
#include <cmath>
#include <initializer_list>

#include "ui/theme/style_sheet.h"

static void registerResources() { Q_INIT_RESOURCE(theme); }  // a static library's are not registered by themselves

namespace ui {

namespace {

using namespace Qt::StringLiterals;

using Colors = std::array<QRgb, kRoles>;

// In the order of Role.
constexpr Colors kLight = {
    0xfffdfcfa, 0xfff5f3ef, 0xffebe8e2, 0xffdfdbd3, 0xff1d1d21, 0xff65625c, 0xff9d9990, 0xff2a56bd,
    0xffffffff, 0xffe2e9f8, 0xff2b7a4b, 0xff9a6200, 0xffb3261e, 0xffb5b1a8, 0xffc04c0a, 0xfffbdfcc,
    0xff14707b, 0xffd6ecee, 0xffa9b4c6, 0xff466aa8, 0xff1d1d21, 0xffffeb99,
};
constexpr Colors kDark = {
    0xff17181b, 0xff1f2124, 0xff2b2d32, 0xff35383e, 0xffe7e5e0, 0xffa3a19b, 0xff6f6e6b, 0xff86a8f7,
    0xff10131a, 0xff27344f, 0xff6cc08b, 0xffe0a63c, 0xfff2857c, 0xff5f6064, 0xffff9d61, 0xff57321c,
    0xff62c6d1, 0xff17434a, 0xff566479, 0xff8fadea, 0xfff4f2ee, 0xff5e5213,
};

QString firstInstalled(std::initializer_list<QLatin1StringView> families) {
    const QStringList installed = QFontDatabase::families();
    for (const QLatin1StringView family : families) {
        if (installed.contains(family)) {
            return family;
        }
    }
    return {};
}

bool digitsAreEven(const QFont& font) {
    const QFontMetricsF metrics(font);
    const double width = metrics.horizontalAdvance(u'0');
    return std::ranges::all_of(
        "123456789"_L1, [&](char digit) { return std::abs(metrics.horizontalAdvance(QLatin1Char(digit)) - width) < 0.01; });
}

}  // namespace

Theme::Theme(ThemeChoice choice, QObject* parent) : QObject(parent), m_choice(choice), m_systemFont(QApplication::font()) {
    const QString family = m_systemFont.family();
    if (family == "DejaVu Sans"_L1 || family.startsWith("Sans"_L1, Qt::CaseInsensitive)) {
        // A desktop without a font of its own falls back to these; a drawn-for-screens sans reads better.
        if (const QString better = firstInstalled({"Inter"_L1, "Cantarell"_L1, "Noto Sans"_L1}); !better.isEmpty()) {
            m_systemFont.setFamily(better);
        }
    }
    m_systemFont.setPointSizeF(std::max(m_systemFont.pointSizeF(), 9.0));
    judge();
}

bool Theme::paletteIsDark(const QPalette& palette) {
    return relativeLuminance(palette.color(QPalette::Window).rgb()) <
           relativeLuminance(palette.color(QPalette::WindowText).rgb());
}

void Theme::judge() {
    m_figureFont = evenDigits();
    m_dark = m_choice == ThemeChoice::Dark || (m_choice == ThemeChoice::System && paletteIsDark(QApplication::palette()));
    const Colors& colors = m_dark ? kDark : kLight;
    std::ranges::transform(colors, m_colors.begin(), [](QRgb color) { return QColor::fromRgb(color); });
    if (m_dark) {
        m_sequential = Ramp({{0.205, 0.005, 280},
                             {0.33, 0.065, 22},
                             {0.48, 0.125, 38},
                             {0.66, 0.155, 55},
                             {0.82, 0.125, 80},
                             {0.95, 0.05, 100}});
        m_diverging = Ramp({{0.205, 0.005, 280}, {0.45, 0.10, 250}, {0.78, 0.11, 235}},
                           {{0.205, 0.005, 280}, {0.45, 0.11, 40}, {0.78, 0.14, 62}});
    } else {
        m_sequential = Ramp({{0.99, 0.003, 85},
                             {0.90, 0.065, 78},
                             {0.76, 0.13, 58},
                             {0.59, 0.165, 40},
                             {0.42, 0.135, 25},
                             {0.28, 0.08, 10}});
        m_diverging = Ramp({{0.99, 0.003, 85}, {0.74, 0.09, 245}, {0.44, 0.13, 257}},
                           {{0.99, 0.003, 85}, {0.74, 0.13, 55}, {0.44, 0.13, 36}});
    }
}

void Theme::apply(QApplication& application) {
    registerResources();
    m_application = &application;
    application.installEventFilter(this);
    dress();
}

void Theme::choose(ThemeChoice choice) {
    m_choice = choice;
    dress();
}

void Theme::setFontStep(int step) {
    m_fontStep = std::clamp(step, -2, 8);
    dress();
}

void Theme::dress() {
    m_dressing = true;
    if (m_application) {
        m_application->setPalette(QPalette());  // the system's own again, so that it can be judged
    }
    judge();
    if (m_application) {
        m_application->setStyle(QStyleFactory::create(u"Fusion"_s));
        m_application->setPalette(palette());
        m_application->setFont(controlFont());
        m_application->setStyleSheet(styleSheet(*this));
    }
    m_dressing = false;
    emit changed();
}

bool Theme::eventFilter(QObject* watched, QEvent* event) {
    if (event->type() == QEvent::ThemeChange && !m_dressing && m_choice == ThemeChoice::System) {
        dress();
    }
    return QObject::eventFilter(watched, event);
}

QPalette Theme::palette() const {
    QPalette result;
    const auto set = [&](QPalette::ColorRole role, Role meaning) { result.setColor(role, color(meaning)); };
    set(QPalette::Window, Role::Raised);
    set(QPalette::WindowText, Role::Ink);
    set(QPalette::Base, Role::Paper);
    set(QPalette::AlternateBase, Role::Raised);
    set(QPalette::Text, Role::Ink);
    set(QPalette::Button, Role::Raised);
    set(QPalette::ButtonText, Role::Ink);
    set(QPalette::BrightText, Role::Bad);
    set(QPalette::Highlight, Role::Accent);
    set(QPalette::HighlightedText, Role::AccentInk);
    set(QPalette::Link, Role::Accent);
    set(QPalette::LinkVisited, Role::Accent);
    set(QPalette::ToolTipBase, Role::Raised);
    set(QPalette::ToolTipText, Role::Ink);
    set(QPalette::PlaceholderText, Role::FaintInk);
    set(QPalette::Light, Role::Paper);
    set(QPalette::Midlight, Role::Hover);
    set(QPalette::Mid, Role::Line);
    set(QPalette::Dark, Role::FaintInk);
    set(QPalette::Shadow, Role::Line);
    for (const QPalette::ColorRole role : {QPalette::WindowText, QPalette::Text, QPalette::ButtonText}) {
        result.setColor(QPalette::Disabled, role, color(Role::FaintInk));
    }
    result.setColor(QPalette::Disabled, QPalette::Highlight, color(Role::Line));
    return result;
}

QFont Theme::sized(QFont font, double step) const {
    font.setPointSizeF(std::max(6.0, m_systemFont.pointSizeF() + m_fontStep + step));
    return font;
}

QFont Theme::controlFont() const { return sized(m_systemFont, 0); }

QFont Theme::smallFont() const { return sized(m_systemFont, -1); }

QFont Theme::headingFont() const {
    QFont font = sized(m_systemFont, 0);
    font.setWeight(QFont::DemiBold);
    return font;
}

QFont Theme::evenDigits() const {
    const QFont font = sized(m_systemFont, 0);
    if (digitsAreEven(font)) {
        return font;
    }
    const QString even =
        firstInstalled({"Liberation Sans"_L1, "Noto Sans"_L1, "DejaVu Sans Condensed"_L1, "DejaVu Sans"_L1});
    QFont figures = font;
    if (!even.isEmpty()) {
        figures.setFamily(even);
        const double ratio = QFontMetricsF(font).xHeight() / QFontMetricsF(figures).xHeight();
        figures.setPointSizeF(font.pointSizeF() * std::clamp(ratio, 0.8, 1.2));
    }
    return figures;
}

QFont Theme::documentFont() const {
    QFont font = m_systemFont;
    const QString family = firstInstalled({"Source Serif 4"_L1, "Source Serif Pro"_L1, "Charis SIL"_L1, "Noto Serif"_L1,
                                           "Inter"_L1, "Noto Sans"_L1, "DejaVu Serif"_L1});
    if (!family.isEmpty()) {
        font.setFamily(family);
    }
    return sized(font, 1.5);
}

QFont Theme::codeFont() const { return sized(QFontDatabase::systemFont(QFontDatabase::FixedFont), -0.5); }

}  // namespace ui
