// One question with its answer.
#include "ui/query/turn_view.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QPushButton>
#include <QTextBlockFormat>
#include <QTextDocument>
#include <QToolButton>
#include <QVBoxLayout>
#include <QWheelEvent>

#include "ui/icons.h"
#include "ui/text.h"
#include "ui/widgets/flow_layout.h"

namespace ui {

namespace {

using namespace Qt::StringLiterals;

constexpr int kChipWidth = 280;

QLabel* quietLabel(const QString& name, const QString& accessible, QWidget* parent) {
    auto* const label = new QLabel(parent);
    label->setObjectName(name);
    label->setAccessibleName(accessible);
    label->setTextFormat(Qt::PlainText);
    label->setTextInteractionFlags(Qt::TextSelectableByMouse);
    label->setWordWrap(true);
    label->setProperty("quiet", true);
    label->hide();
    return label;
}

}  // namespace

// ---- AnswerText ------------------------------------------------------------------------------------------------

AnswerText::AnswerText(Theme& theme, QWidget* parent) : QTextEdit(parent), m_theme(theme) {
    setReadOnly(true);
    setAcceptRichText(false);
    setFrameShape(QFrame::NoFrame);
    setVerticalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    setTextInteractionFlags(Qt::TextSelectableByMouse | Qt::TextSelectableByKeyboard);
    setTabChangesFocus(true);
    QSizePolicy policy(QSizePolicy::Expanding, QSizePolicy::Preferred);
    policy.setHeightForWidth(true);
    setSizePolicy(policy);
    setStyleSheet(u"QTextEdit { border: none; background: transparent; padding: 0; }"_s);
    document()->setDocumentMargin(0);
    dress();
    connect(&theme, &Theme::changed, this, &AnswerText::dress);
    connect(document(), &QTextDocument::contentsChanged, this, [this] { updateGeometry(); });
}

void AnswerText::dress() {
    document()->setDefaultFont(m_theme.documentFont());
    updateGeometry();
}

void AnswerText::setText(const QString& text) {
    setPlainText(text);
    QTextBlockFormat format;
    format.setLineHeight(Theme::kDocumentLineHeight * 100, QTextBlockFormat::ProportionalHeight);
    QTextCursor cursor(document());
    cursor.select(QTextCursor::Document);
    cursor.mergeBlockFormat(format);
}

void AnswerText::append(const QString& piece) {
    QTextCursor cursor(document());
    cursor.movePosition(QTextCursor::End);
    QTextBlockFormat format;
    format.setLineHeight(Theme::kDocumentLineHeight * 100, QTextBlockFormat::ProportionalHeight);
    cursor.mergeBlockFormat(format);
    cursor.insertText(piece);
}

int AnswerText::heightForWidth(int width) const {
    document()->setTextWidth(width);
    return static_cast<int>(document()->size().height()) + 2;
}

QSize AnswerText::sizeHint() const { return {480, heightForWidth(std::max(width(), 120))}; }

void AnswerText::resizeEvent(QResizeEvent* event) {
    QTextEdit::resizeEvent(event);
    updateGeometry();
}

void AnswerText::wheelEvent(QWheelEvent* event) { event->ignore(); }

// ---- TurnView --------------------------------------------------------------------------------------------------

TurnView::TurnView(Theme& theme, const engine::BlendPlan& plan, QWidget* parent) : QWidget(parent), m_theme(theme) {
    setObjectName(u"turn"_s);
    m_data.plan = plan;
    auto* const column = new QVBoxLayout(this);
    column->setContentsMargins(0, 0, 0, 24);
    column->setSpacing(8);

    m_question = new QLabel(text::fromUtf8(plan.question), this);
    m_question->setObjectName(u"turnQuestion"_s);
    m_question->setAccessibleName(tr("Question"));
    m_question->setTextFormat(Qt::PlainText);
    m_question->setWordWrap(true);
    m_question->setTextInteractionFlags(Qt::TextSelectableByMouse);
    column->addWidget(m_question);

    m_text = new AnswerText(theme, this);
    m_text->setObjectName(u"turnAnswer"_s);
    m_text->setAccessibleName(tr("Answer"));
    column->addWidget(m_text);

    m_state = quietLabel(u"turnState"_s, tr("State of the answer"), this);
    m_state->setText(tr("Loading %1 and computing %2 of the prompt …")
                         .arg(text::bytes(plan.bytesToLoad), text::percent(plan.chargedWork)));
    m_state->show();
    column->addWidget(m_state);

    m_chips = new QWidget(this);
    m_chips->setObjectName(u"turnSources"_s);
    m_chips->setAccessibleName(tr("Sources of the answer"));
    auto* const flow = new FlowLayout(4, m_chips);
    int number = 0;
    for (const engine::PlanSegment& segment : plan.segments) {
        if (segment.kind != engine::SegmentKind::Chunk)
            continue;
        ++number;
        auto* const chip = new QPushButton(QString(), m_chips);
        chip->setText(QString::number(number) + u"  "_s +
                      chip->fontMetrics().elidedText(text::place(segment), Qt::ElideMiddle, kChipWidth));
        chip->setObjectName(u"citation%1"_s.arg(number));
        chip->setAccessibleName(tr("Source %1: %2").arg(number).arg(text::place(segment)));
        chip->setToolTip(text::fromUtf8(segment.header));
        chip->setCursor(Qt::PointingHandCursor);
        chip->setAutoDefault(false);
        connect(chip, &QPushButton::clicked, this, [this, segment] { emit citationActivated(segment); });
        flow->addWidget(chip);
    }
    m_chips->setVisible(number > 0);
    column->addWidget(m_chips);

    m_clock = new ShareBar(theme, this);
    m_clock->setObjectName(u"turnClock"_s);
    m_clock->setAccessibleName(tr("Where the time to the first token went"));
    m_clock->hide();
    column->addWidget(m_clock);
    m_counts = new ShareBar(theme, this);
    m_counts->setObjectName(u"turnCounts"_s);
    m_counts->setAccessibleName(tr("Tokens reused, recomputed and new"));
    m_counts->hide();
    column->addWidget(m_counts);
    m_comparison = quietLabel(u"turnComparison"_s, tr("Comparison with full prefill"), this);
    column->addWidget(m_comparison);
    m_notes = quietLabel(u"turnNotes"_s, tr("Notes on this answer"), this);
    column->addWidget(m_notes);

    m_actions = new QWidget(this);
    auto* const row = new FlowLayout(0, m_actions);
    m_actions->setObjectName(u"turnActions"_s);
    m_actions->setAccessibleName(tr("Actions on this answer"));
    m_again = action(u"regenerate"_s, u"again"_s, tr("Again"),
                     tr("Ask the same question again, with the options as they are now"));
    m_edit = action(u"editQuestion"_s, u"edit"_s, tr("Edit"), tr("Take the question back into the question box"));
    m_follow = action(u"followUp"_s, u"follow"_s, tr("Follow up"), tr("Ask on: only the new question is computed"));
    m_measure = action(u"compareFull"_s, u"compare"_s, tr("Compare with full prefill"),
                       tr("Computes the whole prompt as well and tells how far this answer is from that one"));
    m_inspect =
        action(u"inspectAnswer"_s, u"inspect"_s, tr("Inspect"), tr("See on the text which tokens were computed again"));
    m_compare = action(u"openCompare"_s, u"compare"_s, tr("Open in Compare"), tr("See this run beside another"));
    m_export = action(u"exportAnswer"_s, u"export"_s, tr("Export…"), tr("Question, answer and sources as Markdown or HTML"));
    for (QToolButton* button : {m_again, m_edit, m_follow, m_measure, m_inspect, m_compare, m_export})
        row->addWidget(button);
    m_compare->hide();
    m_actions->hide();
    column->addWidget(m_actions);

    connect(m_again, &QToolButton::clicked, this, &TurnView::againRequested);
    connect(m_edit, &QToolButton::clicked, this, &TurnView::editRequested);
    connect(m_follow, &QToolButton::clicked, this, [this] {
        if (m_data.answer)
            emit followUpRequested(m_data.answer->run);
    });
    connect(m_measure, &QToolButton::clicked, this, &TurnView::measureRequested);
    connect(m_inspect, &QToolButton::clicked, this, &TurnView::inspectRequested);
    connect(m_compare, &QToolButton::clicked, this, &TurnView::compareRequested);
    connect(m_export, &QToolButton::clicked, this, &TurnView::exportRequested);
    connect(&theme, &Theme::changed, this, &TurnView::dress);
    dress();
}

QToolButton* TurnView::action(const QString& name, const QString& iconName, const QString& label, const QString& tip) {
    auto* const button = new QToolButton(m_actions);
    button->setObjectName(name);
    button->setAccessibleName(label);
    button->setText(label);
    button->setToolTip(tip);
    button->setProperty("icon-name", iconName);
    button->setToolButtonStyle(Qt::ToolButtonTextBesideIcon);
    return button;
}

void TurnView::dress() {
    QFont font = m_theme.documentFont();
    font.setPointSizeF(font.pointSizeF() * 1.2);
    font.setWeight(QFont::DemiBold);
    m_question->setFont(font);
    for (QToolButton* button : {m_again, m_edit, m_follow, m_measure, m_inspect, m_compare, m_export})
        button->setIcon(icon(button->property("icon-name").toString(), m_theme, Role::QuietInk));
}

void TurnView::appendText(const QString& piece) {
    if (m_data.text.isEmpty())
        m_state->hide();
    m_data.text += piece;
    m_text->append(piece);
}

void TurnView::showFirstToken(const engine::Timings& timings) {
    m_clock->setShares(tr("First token after %1").arg(text::milliseconds(timings.ttft)), stageShares(timings));
    m_clock->show();
}

void TurnView::showAnswer(const engine::Answer& answer) {
    m_data.answer = answer;
    const QString whole = text::fromUtf8(answer.text);
    if (whole != m_data.text)
        m_text->setText(whole);
    m_data.text = whole;
    QString state =
        tr("%1%2").arg(text::stopReason(answer.stopReason).left(1).toUpper(), text::stopReason(answer.stopReason).mid(1));
    m_state->setText(state + u'.');
    m_state->show();
    m_clock->setShares(clockSentence(answer), stageShares(answer.ms));
    m_clock->setVisible(answer.ms.ttft > 0);
    m_counts->setShares(countSentence(answer), countShares(answer.tokens));
    m_counts->show();
    QStringList notes;
    for (const std::string& note : m_data.plan.notes)
        notes << text::fromUtf8(note);
    if (answer.trace) {
        for (const std::string& note : answer.trace->notes) {
            if (!notes.contains(text::fromUtf8(note)))
                notes << text::fromUtf8(note);
        }
    }
    m_notes->setText(notes.join(u'\n'));
    m_notes->setVisible(!notes.isEmpty());
    if (answer.comparison)
        showComparison(answer);
    m_actions->show();
    setNewest(m_newest);
}

void TurnView::showFailure(const QString& why) {
    m_data.failure = why;
    m_state->setText(why);
    m_state->show();
    m_actions->show();
    setNewest(m_newest);
}

void TurnView::showComparison(const engine::Answer& measured) {
    if (m_data.answer && measured.comparison) {
        m_data.answer->comparison = measured.comparison;
        m_data.answer->trace = measured.trace;
        m_comparison->setText(
            tr("Against full prefill: %1").arg(comparisonSentence(*measured.comparison, m_data.answer->ms.ttft)));
        m_comparison->show();
    }
    m_compare->setVisible(m_data.answer && m_data.answer->comparison.has_value());
    showMeasuring(false);
}

void TurnView::showMeasuring(bool measuring) {
    const bool compared = m_data.answer && m_data.answer->comparison.has_value();
    m_measure->setVisible(!compared);
    m_measure->setEnabled(!measuring && m_data.answer.has_value());
    if (measuring) {
        m_comparison->setText(tr("Running the full prefill of the same prompt …"));
        m_comparison->show();
    } else if (!compared) {
        m_comparison->hide();
    }
}

void TurnView::setNewest(bool newest) {
    m_newest = newest;
    m_again->setVisible(newest);
    m_edit->setVisible(newest);
    m_follow->setVisible(newest && m_data.answer && m_data.answer->run != 0);
    m_measure->setVisible(m_data.answer && !m_data.answer->comparison && m_data.plan.followUpOf == 0);
    m_inspect->setVisible(m_data.answer && m_data.answer->trace);
}

}  // namespace ui
