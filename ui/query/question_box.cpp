// Where a question is written.
#include "ui/query/question_box.h"

#include <QKeyEvent>
#include <QTextBlock>
#include <algorithm>

namespace ui {

QuestionBox::QuestionBox(QWidget* parent) : QPlainTextEdit(parent) {
    setTabChangesFocus(true);
    setVerticalScrollBarPolicy(Qt::ScrollBarAsNeeded);
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    connect(this, &QPlainTextEdit::textChanged, this, [this] { updateGeometry(); });
}

QSize QuestionBox::sizeHint() const {
    int lines = 0;
    for (QTextBlock block = document()->begin(); block.isValid(); block = block.next())
        lines += std::max(block.lineCount(), 1);
    const int line = fontMetrics().lineSpacing();
    return {480, std::clamp(lines, 1, 5) * line + static_cast<int>(2 * document()->documentMargin()) + 12};
}

void QuestionBox::keyPressEvent(QKeyEvent* event) {
    const bool enter = event->key() == Qt::Key_Return || event->key() == Qt::Key_Enter;
    if (enter && !(event->modifiers() & Qt::ShiftModifier))
        emit askRequested();
    else
        QPlainTextEdit::keyPressEvent(event);
}

}  // namespace ui
