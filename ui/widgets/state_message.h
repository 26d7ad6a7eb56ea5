// What stands where there is nothing to show yet: why, and what a person can do about it.
#pragma once

#include <QWidget>

class QLabel;
class QPushButton;

namespace ui {

class Theme;

class StateMessage : public QWidget {
    Q_OBJECT

public:
    StateMessage(Theme& theme, const QString& name, QWidget* parent = nullptr);

    /// An empty `action` shows no button.
    void setMessage(const QString& title, const QString& explanation, const QString& action = {});

signals:
    void activated();

protected:
    void showEvent(QShowEvent* event) override;

private:
    void dress();
    /// Gives the explanation the width of its words and the height that takes.
    void fit();

    Theme& m_theme;
    QLabel* m_title;
    QLabel* m_explanation;
    QPushButton* m_button;
};

}  // namespace ui
