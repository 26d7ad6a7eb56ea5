// Rules for Qt's own widgets; what we paint ourselves asks the theme directly.
#include "ui/theme/style_sheet.h"

#include <utility>

#include "ui/theme/theme.h"

namespace ui {

namespace {

using namespace Qt::StringLiterals;

constexpr auto kRules = R"(
QMainWindow, QDialog { background: @raised; }
QToolTip { background: @raised; color: @ink; border: 1px solid @line; padding: 4px 8px; }
QLabel[quiet="true"], QLabel[tone="quiet"] { color: @quiet; }
QLabel[tone="recomputed"] { color: @recomputed; }
QLabel[tone="fresh"] { color: @fresh; }
QLabel[tone="good"] { color: @good; }
QLabel[tone="warn"] { color: @warn; }
QLabel[tone="bad"] { color: @bad; }

QPushButton, QToolButton { background: transparent; color: @ink; border: 1px solid transparent; border-radius: 4px; padding: 4px 8px; }
QPushButton { border-color: @line; background: @paper; padding: 4px 12px; min-height: 18px; }
QPushButton[flat="true"] { border-color: transparent; background: transparent; color: @quiet; padding: 2px 8px; }
QPushButton:hover, QToolButton:hover { background: @hover; }
QPushButton:pressed, QToolButton:pressed { background: @line; }
QPushButton:focus, QToolButton:focus { border-color: @accent; }
QPushButton:disabled, QToolButton:disabled { color: @faint; }
QPushButton:default, QPushButton[primary="true"] { background: @accent; color: @accentInk; border-color: @accent; }
QPushButton:default:disabled, QPushButton[primary="true"]:disabled { background: @line; color: @faint; border-color: @line; }
QToolButton:checked, QPushButton:checked { background: @accentTint; color: @accent; }
QToolButton::menu-indicator { image: none; }

QLineEdit, QPlainTextEdit, QTextEdit, QSpinBox, QDoubleSpinBox, QComboBox { background: @paper; color: @ink; border: 1px solid @line; border-radius: 4px; padding: 3px 8px; selection-background-color: @accent; selection-color: @accentInk; }
QLineEdit:focus, QPlainTextEdit:focus, QTextEdit:focus, QSpinBox:focus, QDoubleSpinBox:focus, QComboBox:focus { border-color: @accent; }
QPlainTextEdit[bare="true"], QPlainTextEdit[bare="true"]:focus { border: none; border-left: 2px solid @line; border-radius: 0; padding: 0 0 0 12px; }
QPlainTextEdit[bare="true"]:focus { border-left-color: @accent; }
QComboBox { min-height: 18px; padding-right: 20px; }
QComboBox:hover { background: @hover; }
QComboBox::drop-down { border: none; width: 20px; }
QComboBox::down-arrow { image: url(@arrow); width: 10px; height: 10px; }
QComboBox QAbstractItemView { background: @paper; color: @ink; border: 1px solid @line; selection-background-color: @accentTint; selection-color: @ink; outline: none; }

QSlider::groove:horizontal { height: 4px; background: @line; border-radius: 2px; }
QSlider::sub-page:horizontal { background: @accent; border-radius: 2px; }
QSlider::handle:horizontal { background: @paper; border: 2px solid @accent; width: 10px; height: 10px; margin: -5px 0; border-radius: 7px; }
QSlider::handle:horizontal:focus { background: @accent; }
QSlider::sub-page:horizontal:disabled { background: @line; }
QSlider::handle:horizontal:disabled { border-color: @faint; }

QTabBar { background: transparent; }
QTabBar::tab { background: transparent; color: @quiet; padding: 6px 12px; border: none; border-bottom: 2px solid transparent; }
QTabBar::tab:hover { color: @ink; }
QTabBar::tab:selected { color: @ink; border-bottom-color: @accent; }
QTabBar::tab:focus { color: @accent; }
QTabWidget::pane { border: none; border-top: 1px solid @line; }

QAbstractItemView { background: @paper; color: @ink; border: none; outline: none; alternate-background-color: @raised; selection-background-color: @accentTint; selection-color: @ink; }
QAbstractItemView::item:selected { background: @accentTint; color: @ink; }
QHeaderView { background: @paper; border: none; }
QHeaderView::section { background: @paper; color: @quiet; border: none; border-bottom: 1px solid @line; padding: 4px 4px; }
QHeaderView::up-arrow, QHeaderView::down-arrow { subcontrol-origin: padding; subcontrol-position: top center; width: 10px; height: 6px; }
QHeaderView::up-arrow { image: url(@sort-up); }
QHeaderView::down-arrow { image: url(@sort-down); }
QTableView { gridline-color: @line; }
QTableCornerButton::section { background: @paper; border: none; }

QScrollArea { border: none; background: transparent; }
QScrollBar:vertical { background: transparent; width: 10px; margin: 0; }
QScrollBar:horizontal { background: transparent; height: 10px; margin: 0; }
QScrollBar::handle { background: @scroll; border-radius: 3px; margin: 2px; }
QScrollBar::handle:vertical { min-height: 32px; }
QScrollBar::handle:horizontal { min-width: 32px; }
QScrollBar::handle:hover { background: @faint; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }

QSplitter::handle { background: @line; }
QSplitter::handle:horizontal { width: 1px; }
QSplitter::handle:vertical { height: 1px; }
QMainWindow::separator { background: @line; width: 1px; height: 1px; }
QMainWindow::separator:hover { background: @accent; }
QDockWidget { color: @quiet; titlebar-close-icon: none; titlebar-normal-icon: url(@float); }
QDockWidget::title { background: @raised; padding: 7px 16px; border: none; }
QDockWidget::float-button { border: none; background: transparent; right: 8px; top: 6px; width: 16px; height: 16px; }

QMenuBar { background: @raised; color: @ink; }
QMenuBar::item { padding: 4px 8px; background: transparent; border-radius: 4px; }
QMenuBar::item:selected { background: @hover; }
QMenu { background: @raised; color: @ink; border: 1px solid @line; padding: 4px; }
QMenu::item { padding: 4px 24px 4px 12px; border-radius: 4px; }
QMenu::item:selected { background: @accentTint; color: @ink; }
QMenu::item:disabled { color: @faint; }
QMenu::separator { height: 1px; background: @line; margin: 4px 8px; }
QToolBar { background: @raised; border: none; spacing: 4px; padding: 4px; }
QStatusBar { background: @raised; color: @quiet; }
QStatusBar::item { border: none; }

QProgressBar { background: @line; border: none; border-radius: 2px; min-height: 4px; max-height: 4px; color: transparent; }
QProgressBar::chunk { background: @accent; border-radius: 2px; }
QGroupBox { border: none; margin-top: 20px; font-weight: 600; }
QGroupBox::title { subcontrol-origin: margin; left: 0; color: @ink; }
)"_L1;

}  // namespace

QString styleSheet(const Theme& theme) {
    const std::pair<QLatin1StringView, QString> names[] = {
        // Longer names before those they begin with.
        {"@accentTint"_L1, theme.color(Role::AccentTint).name()},
        {"@accentInk"_L1, theme.color(Role::AccentInk).name()},
        {"@accent"_L1, theme.color(Role::Accent).name()},
        {"@paper"_L1, theme.color(Role::Paper).name()},
        {"@raised"_L1, theme.color(Role::Raised).name()},
        {"@hover"_L1, theme.color(Role::Hover).name()},
        {"@line"_L1, theme.color(Role::Line).name()},
        {"@ink"_L1, theme.color(Role::Ink).name()},
        {"@quiet"_L1, theme.color(Role::QuietInk).name()},
        {"@recomputed"_L1, theme.color(Role::Recomputed).name()},
        {"@fresh"_L1, theme.color(Role::Fresh).name()},
        {"@good"_L1, theme.color(Role::Good).name()},
        {"@warn"_L1, theme.color(Role::Warn).name()},
        {"@bad"_L1, theme.color(Role::Bad).name()},
        {"@float"_L1, theme.isDark() ? u":/theme/float-dark.svg"_s : u":/theme/float-light.svg"_s},
        {"@faint"_L1, theme.color(Role::FaintInk).name()},
        {"@scroll"_L1, theme.color(Role::Reused).name()},
        {"@sort-up"_L1, theme.isDark() ? u":/theme/sort-up-dark.svg"_s : u":/theme/sort-up-light.svg"_s},
        {"@sort-down"_L1, theme.isDark() ? u":/theme/sort-down-dark.svg"_s : u":/theme/sort-down-light.svg"_s},
        {"@arrow"_L1, theme.isDark() ? u":/theme/arrow-down-dark.svg"_s : u":/theme/arrow-down-light.svg"_s},
    };
    QString sheet = kRules;
    for (const auto& [name, value] : names) {
        sheet.replace(name, value);
    }
    return sheet;
}

}  // namespace ui
