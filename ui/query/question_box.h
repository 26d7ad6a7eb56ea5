// Where a question is written.
#pragma once

#include <QPlainTextEdit>

namespace ui {

/// Enter asks, Shift+Enter makes a line; grows with its text up to five lines.
class QuestionBox : public QPlainTextEdit {
    Q_OBJECT
public:
    explicit QuestionBox(QWidget* parent = nullptr);
    QSize sizeHint() const override;
    QSize minimumSizeHint() const override { return {160, sizeHint().height()}; }

signals:
    void askRequested();

protected:
    void keyPressEvent(QKeyEvent* event) override;
};

}  // namespace ui
