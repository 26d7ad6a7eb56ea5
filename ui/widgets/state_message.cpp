// A title, a sentence, a button; in the middle.
#include "ui/widgets/state_message.h"

#include <QLabel>
#include <QPushButton>
#include <QVBoxLayout>
#include <algorithm>

#include "ui/theme/theme.h"

namespace ui {

using namespace Qt::StringLiterals;

namespace {

constexpr int kGreatestWidth = 480;

}  // namespace

StateMessage::StateMessage(Theme& theme, const QString& name, QWidget* parent)
    : QWidget(parent),
      m_theme(theme),
      m_title(new QLabel(this)),
      m_explanation(new QLabel(this)),
      m_button(new QPushButton(this)) {
    setObjectName(name);
    setAccessibleName(tr("Nothing to show yet"));
    m_title->setObjectName(name + "Title"_L1);
    m_explanation->setObjectName(name + "Explanation"_L1);
    m_button->setObjectName(name + "Button"_L1);
    m_button->setAccessibleName(tr("No action"));
    m_button->hide();
    for (QLabel* label : {m_title, m_explanation}) {
        label->setTextFormat(Qt::PlainText);
        label->setAlignment(Qt::AlignCenter);
        label->setWordWrap(true);
    }
    m_explanation->setProperty("quiet", true);
    m_button->setProperty("primary", true);
    auto* layout = new QVBoxLayout(this);
    layout->setSpacing(8);
    layout->addStretch();
    layout->addWidget(m_title);
    layout->addWidget(m_explanation, 0, Qt::AlignHCenter);
    layout->addSpacing(8);
    layout->addWidget(m_button, 0, Qt::AlignHCenter);
    layout->addStretch();
    connect(m_button, &QPushButton::clicked, this, &StateMessage::activated);
    connect(&theme, &Theme::changed, this, &StateMessage::dress);
    dress();
}

void StateMessage::dress() {
    QFont title = m_theme.headingFont();
    title.setPointSizeF(title.pointSizeF() + 2);
    m_title->setFont(title);
    fit();
}

void StateMessage::setMessage(const QString& title, const QString& explanation, const QString& action) {
    m_title->setText(title);
    m_explanation->setText(explanation);
    m_button->setText(action);
    m_button->setAccessibleName(action.isEmpty() ? tr("No action") : action);
    m_button->setVisible(!action.isEmpty());
    fit();
}

void StateMessage::fit() {
    m_explanation->ensurePolished();
    const int width = std::min(kGreatestWidth, m_explanation->fontMetrics().horizontalAdvance(m_explanation->text()) + 16);
    m_explanation->setFixedWidth(width);
    m_explanation->setMinimumHeight(std::max(0, m_explanation->heightForWidth(width)));  // −1 without text
    m_explanation->setVisible(!m_explanation->text().isEmpty());
}

void StateMessage::showEvent(QShowEvent* event) {
    QWidget::showEvent(event);
    fit();
}

}  // namespace ui
