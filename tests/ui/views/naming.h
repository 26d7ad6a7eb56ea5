// Which controls of a view have no name, and which a person reaches with the Tab key alone.
#pragma once

#include <QAbstractButton>
#include <QAbstractScrollArea>
#include <QAbstractSlider>
#include <QApplication>
#include <QComboBox>
#include <QLineEdit>
#include <QScrollBar>
#include <QSet>
#include <QWidget>

namespace ui_test {

/// Class and object name of every focusable control without an object name or an accessible name. Parts that Qt makes inside its own
/// widgets (scroll bars, a combo box's list, a line edit's clear button, a dock's title buttons) are Qt's to name.
inline QStringList unnamedControls(const QWidget& view) {
    QStringList unnamed;
    for (const QWidget* widget : view.findChildren<QWidget*>()) {
        const bool control = widget->focusPolicy() != Qt::NoFocus || qobject_cast<const QAbstractButton*>(widget) ||
                             qobject_cast<const QAbstractSlider*>(widget);
        bool inner =
            qobject_cast<const QScrollBar*>(widget) != nullptr || widget->objectName().startsWith(QLatin1String("qt_"));
        for (const QWidget* parent = widget->parentWidget(); parent && parent != &view; parent = parent->parentWidget()) {
            inner = inner || qobject_cast<const QComboBox*>(parent) || qobject_cast<const QLineEdit*>(parent) ||
                    parent->inherits("QAbstractItemView") ||
                    (parent->inherits("QDockWidget") && qobject_cast<const QAbstractButton*>(widget) &&
                     widget->parentWidget() == parent) ||
                    parent->inherits("QTabBar");
        }
        inner = inner || widget->inherits("QTabBar") || widget->inherits("QMenu");
        const QString accessible = widget->accessibleName().isEmpty() && qobject_cast<const QAbstractButton*>(widget)
                                       ? qobject_cast<const QAbstractButton*>(widget)->text()
                                       : widget->accessibleName();
        if (control && !inner && (widget->objectName().isEmpty() || accessible.isEmpty())) {
            unnamed += QString::fromLatin1(widget->metaObject()->className()) + QLatin1Char(' ') + widget->objectName();
        }
    }
    return unnamed;
}

/// Object names of the widgets that have focus while Tab is pressed until the round closes.
inline QStringList namesReachedByTab(QWidget& view) {
    QApplication::setActiveWindow(&view);
    QStringList names;
    QSet<const QWidget*> seen;
    const QWidget* at = &view;
    for (int i = 0; i < 400; ++i) {
        at = at->nextInFocusChain();
        if (!at || seen.contains(at)) {
            break;
        }
        seen.insert(at);
        if (view.isAncestorOf(at) && at->isVisible() && at->isEnabled() && (at->focusPolicy() & Qt::TabFocus) != 0) {
            names += at->objectName();
        }
    }
    return names;
}

}  // namespace ui_test
