// Words are inserted as plain text with character formats: an answer is never parsed as rich text.
#include "ui/compare/answers_panel.h"

#include <QComboBox>
#include <QHBoxLayout>
#include <QLabel>
#include <QPlainTextEdit>
#include <QTextCursor>
#include <QVBoxLayout>

#include "ui/compare/word_diff.h"
#include "ui/theme/theme.h"

namespace ui {

namespace {

using namespace Qt::StringLiterals;

enum Pair { kAAgainstB, kBAgainstFull, kAAgainstFull };

QString textOf(const std::string& text) { return QString::fromStdString(text).trimmed(); }

}  // namespace

AnswersPanel::AnswersPanel(Theme& theme, QWidget* parent, Offer offer) : QWidget(parent), m_theme(theme), m_offer(offer) {
    setObjectName(offer == Offer::AgainstFull ? u"answersAlone"_s : u"answersPanel"_s);
    setAccessibleName(tr("Answers, aligned"));
    m_pair = new QComboBox(this);
    m_pair->setObjectName(u"answersPair"_s);
    m_pair->setAccessibleName(tr("Which answers are held against each other"));
    m_pair->addItems({tr("A against B"), tr("B against full prefill"), tr("A against full prefill")});
    m_verdict = new QLabel(this);
    m_verdict->setObjectName(u"answersVerdict"_s);
    m_verdict->setAccessibleName(tr("Where the answers part"));
    m_verdict->setTextFormat(Qt::PlainText);
    m_verdict->setProperty("quiet", true);
    auto* bar = new QHBoxLayout;
    bar->setSpacing(8);
    bar->addWidget(m_pair);
    bar->addWidget(m_verdict, 1);
    m_pair->setVisible(offer == Offer::BothRuns);
    auto* columns = new QHBoxLayout;
    columns->setSpacing(16);
    const QString names[] = {u"answersFirst"_s, u"answersSecond"_s};
    const QString accessible[] = {tr("First answer"), tr("Second answer")};
    for (int i = 0; i < 2; ++i) {
        m_names[i] = new QLabel(this);
        m_names[i]->setObjectName(names[i] + "Name"_L1);
        m_names[i]->setTextFormat(Qt::PlainText);
        m_texts[i] = new QPlainTextEdit(this);
        m_texts[i]->setObjectName(names[i]);
        m_texts[i]->setAccessibleName(accessible[i]);
        m_texts[i]->setReadOnly(true);
        m_texts[i]->setTabChangesFocus(true);
        m_texts[i]->setFrameShape(QFrame::NoFrame);
        m_texts[i]->setProperty("bare", true);
        m_texts[i]->document()->setDocumentMargin(0);
        m_texts[i]->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
        m_texts[i]->setMinimumHeight(56);
        auto* column = new QVBoxLayout;
        column->setSpacing(2);
        column->addWidget(m_names[i]);
        column->addWidget(m_texts[i], 1);
        columns->addLayout(column, 1);
    }
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(16, 8, 16, 8);
    layout->setSpacing(8);
    layout->addLayout(bar);
    layout->addLayout(columns, 1);
    connect(m_pair, &QComboBox::currentIndexChanged, this, &AnswersPanel::refresh);
    connect(&theme, &Theme::changed, this, &AnswersPanel::refresh);
}

void AnswersPanel::showDiff(std::shared_ptr<const RunDiff> diff) {
    m_diff = std::move(diff);
    refresh();
}

void AnswersPanel::refresh() {
    for (QPlainTextEdit* text : m_texts) {
        text->clear();
        text->setFont(m_theme.documentFont());
    }
    for (QLabel* name : m_names) {
        name->setFont(m_theme.headingFont());
    }
    if (!m_diff) {
        m_verdict->clear();
        return;
    }
    const int pair = m_offer == Offer::AgainstFull ? kBAgainstFull : m_pair->currentIndex();
    const engine::BlendTrace& one = pair == kBAgainstFull ? m_diff->b() : m_diff->a();
    const bool againstFull = pair != kAAgainstB;
    m_names[0]->setText(pair == kBAgainstFull ? m_offer == Offer::AgainstFull ? tr("Blended") : tr("B") : tr("A"));
    m_names[1]->setText(againstFull ? tr("Full prefill") : tr("B"));
    if (againstFull && !one.comparison) {
        m_verdict->setText(tr("This run was not compared with a full prefill."));
        m_texts[0]->setPlainText(textOf(one.answer));
        return;
    }
    const QString first = textOf(one.answer);
    const QString second = againstFull ? textOf(one.comparison->fullAnswer) : textOf(m_diff->b().answer);
    const int diverging = againstFull ? one.comparison->firstDivergingToken : m_diff->firstDivergingToken();
    m_verdict->setText(diverging < 0 ? tr("The answers agree in every token.")
                                     : tr("First diverging token of the answer: %1 (counted from 0)").arg(diverging));
    bool parted[2] = {false, false};
    for (const WordPiece& piece : diffWords(first, second)) {
        for (int side = 0; side < 2; ++side) {
            if (piece.side != WordSide::Both && piece.side != (side == 0 ? WordSide::First : WordSide::Second)) {
                continue;
            }
            QTextCharFormat format;
            format.setForeground(m_theme.color(Role::Ink));
            if (piece.side != WordSide::Both) {
                format.setBackground(m_theme.color(side == 0 ? Role::AccentTint : Role::RecomputedTint));
                format.setUnderlineStyle(side == 0 ? QTextCharFormat::DashUnderline : QTextCharFormat::SingleUnderline);
                format.setUnderlineColor(m_theme.color(side == 0 ? Role::Accent : Role::Recomputed));
            }
            QString words = side == 0 ? piece.first : piece.second;
            if (piece.side != WordSide::Both && !parted[side]) {
                parted[side] = true;
                const auto wordEnd = words.indexOf(u' ') + 1;
                QTextCharFormat bold = format;
                bold.setFontWeight(QFont::Bold);  // where they part
                m_texts[side]->textCursor().insertText(wordEnd > 0 ? words.left(wordEnd) : words, bold);
                words = wordEnd > 0 ? words.mid(wordEnd) : QString();
            }
            m_texts[side]->textCursor().insertText(words, format);
        }
    }
    for (QPlainTextEdit* text : m_texts) {
        text->moveCursor(QTextCursor::Start);
    }
}

}  // namespace ui
