// An action's key.
#include "ui/palette/key_button.h"

#include <QKeyEvent>

namespace ui {

namespace {

using namespace Qt::StringLiterals;

bool isModifier(int key) {
    return key == Qt::Key_Control || key == Qt::Key_Shift || key == Qt::Key_Alt || key == Qt::Key_Meta ||
           key == Qt::Key_AltGr || key == Qt::Key_CapsLock || key == Qt::Key_NumLock || key == Qt::Key_unknown;
}

}  // namespace

KeyButton::KeyButton(QWidget* parent) : QPushButton(parent) {
    setAutoDefault(false);
    setProperty("flat", true);
    connect(this, &QPushButton::clicked, this, [this] { setWaiting(!m_waiting); });
    setKey({});
}

void KeyButton::setKey(const QKeySequence& key) {
    m_key = key;
    setWaiting(false);
}

void KeyButton::setWaiting(bool waiting) {
    m_waiting = waiting;
    setText(waiting ? tr("press the keys …") : m_key.isEmpty() ? u"–"_s : m_key.toString(QKeySequence::NativeText));
}

bool KeyButton::event(QEvent* event) {
    if (m_waiting && event->type() == QEvent::ShortcutOverride) {
        event->accept();  // the keys are wanted here, whatever they do elsewhere
        return true;
    }
    // Tab too can be pressed: the base class would move the focus.
    if (m_waiting && event->type() == QEvent::KeyPress) {
        keyPressEvent(static_cast<QKeyEvent*>(event));
        return true;
    }
    return QPushButton::event(event);
}

void KeyButton::keyPressEvent(QKeyEvent* event) {
    if (!m_waiting) {
        QPushButton::keyPressEvent(event);
        return;
    }
    event->accept();
    if (isModifier(event->key()))
        return;
    const bool plain = event->modifiers() == Qt::NoModifier;
    if (plain && (event->key() == Qt::Key_Escape || event->key() == Qt::Key_Tab)) {
        setWaiting(false);
        return;
    }
    setWaiting(false);
    if (plain && (event->key() == Qt::Key_Backspace || event->key() == Qt::Key_Delete))
        emit keyChosen({});
    else
        emit keyChosen(QKeySequence(event->keyCombination()));
}

void KeyButton::focusOutEvent(QFocusEvent* event) {
    setWaiting(false);
    QPushButton::focusOutEvent(event);
}

}  // namespace ui
