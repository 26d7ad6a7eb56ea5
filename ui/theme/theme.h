// Light and dark: colours by what they mean, ramps, fonts, and the application's palette and style sheet.
#pragma once

#include <QColor>
#include <QFont>
#include <QObject>
#include <QPalette>
#include <array>

#include "ui/theme/ramp.h"

class QApplication;

namespace ui {

enum class ThemeChoice { System, Light, Dark };

/// What a colour says. Views ask for meanings, never for hues.
enum class Role {
    Paper,           // the document, lists, plots
    Raised,          // panels, tool bars, cards
    Hover,           // under the pointer
    Line,            // hairlines
    Ink,             // text
    QuietInk,        // labels, units; 4.5 : 1 on paper
    FaintInk,        // disabled, axis ticks
    Accent,          // the one accent: selection, focus, primary button
    AccentInk,       // text on accent
    AccentTint,      // ground of selected rows
    Good,            // done, verified
    Warn,            // stale, slow
    Bad,             // failed, damaged
    Reused,          // KV from the store
    Recomputed,      // had KV and was computed again
    RecomputedTint,  // the same, as a ground under text
    Fresh,           // new: question and misses
    FreshTint,       //
    Load,            // reading and checking
    Compute,         // the model
    Crosshair,       // the inspection cursor
    SearchTint       // found text
};
inline constexpr int kRoles = 22;

/// GUI thread only. Owned by the application's start-up and handed to the views.
class Theme : public QObject {
    Q_OBJECT

public:
    explicit Theme(ThemeChoice choice = ThemeChoice::System, QObject* parent = nullptr);

    /// Sets style, palette, font and style sheet, now and whenever the theme changes.
    void apply(QApplication& application);
    void choose(ThemeChoice choice);
    ThemeChoice choice() const { return m_choice; }
    bool isDark() const { return m_dark; }

    QColor color(Role role) const { return m_colors[static_cast<std::size_t>(role)]; }
    /// Paper to ink through warm hues: "how much". Luminance is monotone, so that it stays ordered in grey.
    const Ramp& sequential() const { return m_sequential; }
    /// Less … the same (0.5, paper) … more, blue to orange.
    const Ramp& diverging() const { return m_diverging; }

    /// Added to every size, in points: the person's own choice.
    void setFontStep(int step);
    int fontStep() const { return m_fontStep; }
    QFont controlFont() const;                         // buttons, labels
    QFont smallFont() const;                           // captions, axis labels
    QFont headingFont() const;                         // names of panels
    QFont figureFont() const { return m_figureFont; }  // numbers: digits of one width
    QFont documentFont() const;                        // the documents' text; set it at kDocumentLineHeight
    QFont codeFont() const;                            // ids
    static constexpr double kDocumentLineHeight = 1.45;
    static constexpr int kGrid = 8;  // px; all spacing is a multiple or a half of it

    /// By the luminance of window and text: Qt 6.4 cannot say.
    static bool paletteIsDark(const QPalette& palette);

signals:
    void changed();

protected:
    bool eventFilter(QObject* watched, QEvent* event) override;

private:
    void judge();
    void dress();
    QPalette palette() const;
    QFont sized(QFont font, double step) const;
    QFont evenDigits() const;

    ThemeChoice m_choice;
    QApplication* m_application = nullptr;
    bool m_dressing = false;
    bool m_dark = false;
    int m_fontStep = 0;
    QFont m_systemFont;
    QFont m_figureFont;
    std::array<QColor, kRoles> m_colors;
    Ramp m_sequential;
    Ramp m_diverging;
};

}  // namespace ui
