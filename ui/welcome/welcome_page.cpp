// The first start.
#include "ui/welcome/welcome_page.h"

#include <QFileInfo>
#include <QGridLayout>
#include <QLabel>
#include <QPushButton>
#include <QStyle>
#include <QVBoxLayout>

#include "ui/widgets/flow_layout.h"

namespace ui {

namespace {

using namespace Qt::StringLiterals;

}  // namespace

QStringList WelcomePage::exampleQuestions() {
    return {tr("Who may sign a purchase of more than 4,000 crowns?"),
            tr("How often are the filters at Ostrel Station washed back?"),
            tr("What is the target for free chlorine at Brannoch Station?")};
}

WelcomePage::WelcomePage(Theme& theme, const QString& defaultModel, bool hasSamples, QWidget* parent)
    : QWidget(parent),
      m_theme(theme),
      m_hasDefaultModel(QFileInfo::exists(defaultModel)),
      m_hasSamples(hasSamples),
      m_rows(3) {
    setObjectName(u"welcomePage"_s);
    setAccessibleName(tr("Welcome"));
    setAutoFillBackground(true);
    setBackgroundRole(QPalette::Base);
    auto* const outer = new QVBoxLayout(this);
    outer->addStretch(1);
    auto* const middle = new QHBoxLayout;
    middle->addStretch(1);
    auto* const page = new QWidget(this);
    page->setMaximumWidth(800);
    page->setMinimumWidth(480);
    auto* const column = new QVBoxLayout(page);
    column->setSpacing(8);
    m_title = new QLabel(tr("Ask your documents, and see how the answer was made"), page);
    m_title->setObjectName(u"welcomeTitle"_s);
    m_title->setAccessibleName(tr("Welcome"));
    m_title->setWordWrap(true);
    m_lead =
        new QLabel(tr("The workbench computes the attention state of every passage once, keeps it on disk, and answers a "
                      "question by blending the passages it needs. Everything stays on this machine."),
                   page);
    m_lead->setObjectName(u"welcomeLead"_s);
    m_lead->setAccessibleName(tr("What the workbench does"));
    m_lead->setWordWrap(true);
    m_lead->setProperty("quiet", true);
    column->addWidget(m_title);
    column->addWidget(m_lead);
    column->addSpacing(24);

    auto* const grid = new QGridLayout;
    grid->setHorizontalSpacing(16);
    grid->setVerticalSpacing(4);
    grid->setColumnStretch(1, 1);
    const QString titles[] = {tr("Open a model"), tr("Import documents"), tr("Ask")};
    const QString texts[] = {
        m_hasDefaultModel
            ? tr("%1 is on this machine.").arg(QFileInfo(defaultModel).fileName())
            : tr("The default model is not on this machine. Run packaging/fetch_model.sh, or open a GGUF file."),
        m_hasSamples ? tr("Nine short papers of an invented water cooperative make a good beginning; so do your own files.")
                     : tr("Text, Markdown, HTML, PDF and EPUB are read."),
        tr("An example, or a question of your own.")};
    for (int index = 0; index < 3; ++index) {
        Row& step = m_rows[static_cast<std::size_t>(index)];
        step.number = new QLabel(QString::number(index + 1), page);
        step.number->setAlignment(Qt::AlignHCenter | Qt::AlignTop);
        step.number->setFixedWidth(24);
        step.title = new QLabel(titles[index], page);
        step.text = new QLabel(texts[index], page);
        step.text->setWordWrap(true);
        step.text->setProperty("quiet", true);
        step.state = new QLabel(page);
        step.state->setObjectName(u"welcomeState%1"_s.arg(index + 1));
        step.state->setAccessibleName(tr("State of step %1").arg(index + 1));
        step.state->setTextFormat(Qt::PlainText);
        step.state->setWordWrap(true);
        step.state->hide();
        grid->addWidget(step.number, index * 5, 0, 2, 1);
        grid->addWidget(step.title, index * 5, 1);
        grid->addWidget(step.text, index * 5 + 1, 1);
        auto* const buttons = new QWidget(page);
        auto* const flow = new FlowLayout(8, buttons);
        flow->setContentsMargins(0, 4, 0, 4);
        if (index == 0) {
            if (m_hasDefaultModel)
                connect(button(step, u"openDefaultModel"_s, tr("Open the default model"), true), &QPushButton::clicked, this,
                        &WelcomePage::defaultModelRequested);
            connect(button(step, u"openModelFile"_s, tr("Open a file…"), !m_hasDefaultModel), &QPushButton::clicked, this,
                    &WelcomePage::modelFileRequested);
        } else if (index == 1) {
            if (m_hasSamples)
                connect(button(step, u"importSamples"_s, tr("Import the samples"), true), &QPushButton::clicked, this,
                        &WelcomePage::samplesRequested);
            connect(button(step, u"welcomeFiles"_s, tr("Import files…"), !m_hasSamples), &QPushButton::clicked, this,
                    &WelcomePage::filesRequested);
            connect(button(step, u"welcomeFolder"_s, tr("Import a folder…"), false), &QPushButton::clicked, this,
                    &WelcomePage::folderRequested);
        } else {
            int number = 0;
            for (const QString& question : exampleQuestions()) {
                ++number;
                QPushButton* const ask = button(step, u"example%1"_s.arg(number), question, number == 1);
                connect(ask, &QPushButton::clicked, this, [this, question] { emit questionChosen(question); });
            }
        }
        for (QPushButton* each : step.buttons)
            flow->addWidget(each);
        grid->addWidget(buttons, index * 5 + 2, 1);
        grid->addWidget(step.state, index * 5 + 3, 1);
        grid->setRowMinimumHeight(index * 5 + 4, 16);
    }
    column->addLayout(grid);
    middle->addWidget(page, 4);
    middle->addStretch(1);
    outer->addLayout(middle);
    outer->addStretch(2);
    connect(&theme, &Theme::changed, this, &WelcomePage::dress);
    dress();
}

void WelcomePage::showEvent(QShowEvent* event) {
    dress();  // what was set before the style sheet reached the labels is lost
    QWidget::showEvent(event);
}

QPushButton* WelcomePage::button(Row& step, const QString& name, const QString& words, bool primary) {
    auto* const result = new QPushButton(words, this);
    result->setObjectName(name);
    result->setAccessibleName(words);
    result->setAutoDefault(false);
    result->setProperty("first", primary);
    step.buttons.push_back(result);
    return result;
}

void WelcomePage::dress() {
    QFont title = m_theme.documentFont();
    title.setPointSizeF(title.pointSizeF() * 1.7);
    m_title->setFont(title);
    QFont lead = m_theme.documentFont();
    m_lead->setFont(lead);
    showStep();
}

void WelcomePage::showStep() {
    QFont heading = m_theme.headingFont();
    heading.setPointSizeF(heading.pointSizeF() + 1);
    for (std::size_t index = 0; index < m_rows.size(); ++index) {
        Row& each = m_rows[index];
        const bool now = static_cast<std::size_t>(m_step) == index;
        const bool done = static_cast<std::size_t>(m_step) > index;
        each.title->setFont(heading);
        each.number->setFont(heading);
        each.number->setText(done ? u"✓"_s : QString::number(index + 1));
        QPalette palette = each.number->palette();
        palette.setColor(QPalette::WindowText, m_theme.color(done ? Role::Good : now ? Role::Accent : Role::FaintInk));
        each.number->setPalette(palette);
        for (QPushButton* control : each.buttons) {
            control->setEnabled(now && !m_working);
            const bool primary = now && control->property("first").toBool();
            if (control->property("primary").toBool() != primary) {
                control->setProperty("primary", primary);
                control->style()->unpolish(control);
                control->style()->polish(control);
            }
        }
    }
}

void WelcomePage::setStep(Step step) {
    m_step = step;
    m_working = false;
    showStep();
}

void WelcomePage::say(Step step, const QString& sentence) {
    row(step).state->setText(sentence);
    row(step).state->setVisible(!sentence.isEmpty());
}

void WelcomePage::setWorking(bool working) {
    m_working = working;
    showStep();
}

}  // namespace ui
