// A line of plain text, cut to its width.
#include "ui/widgets/elided_label.h"

#include <QEvent>

namespace ui {

ElidedLabel::ElidedLabel(const QString& name, const QString& accessibleName, QWidget* parent) : QLabel(parent) {
    setObjectName(name);
    setAccessibleName(accessibleName);
    setTextFormat(Qt::PlainText);
    setTextInteractionFlags(Qt::TextSelectableByMouse);
    setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
}

void ElidedLabel::setWhole(const QString& text) {
    m_whole = text;
    setAccessibleDescription(text);
    elide();
}

void ElidedLabel::resizeEvent(QResizeEvent* event) {
    QLabel::resizeEvent(event);
    elide();
}

void ElidedLabel::changeEvent(QEvent* event) {
    QLabel::changeEvent(event);
    if (event->type() == QEvent::FontChange)
        elide();
}

void ElidedLabel::elide() {
    const QString shown = fontMetrics().elidedText(m_whole, Qt::ElideRight, contentsRect().width());
    if (shown == text())
        return;
    setText(shown);
    setToolTip(shown == m_whole ? QString() : m_whole);
}

}  // namespace ui
