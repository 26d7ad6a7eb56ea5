// An action's key: press it, then the keys that the action shall have.
#pragma once

#include <QKeySequence>
#include <QPushButton>

namespace ui {

/// Escape leaves the key as it is, Backspace or Delete takes it away. Shows "–" for an action without one.
class KeyButton : public QPushButton {
    Q_OBJECT
public:
    explicit KeyButton(QWidget* parent = nullptr);

    void setKey(const QKeySequence& key);
    bool isWaiting() const { return m_waiting; }

signals:
    void keyChosen(const QKeySequence& key);

protected:
    bool event(QEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    void focusOutEvent(QFocusEvent* event) override;

private:
    void setWaiting(bool waiting);

    QKeySequence m_key;
    bool m_waiting = false;
};

}  // namespace ui
