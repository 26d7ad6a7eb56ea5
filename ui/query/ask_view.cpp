// Ask: the question, the plan, the passages and the answers.
#include "ui/query/ask_view.h"

#include <QComboBox>
#include <QFileDialog>
#include <QHBoxLayout>
#include <QLabel>
#include <QPushButton>
#include <QScrollArea>
#include <QScrollBar>
#include <QSignalBlocker>
#include <QSlider>
#include <QSpinBox>
#include <QSplitter>
#include <QTimer>
#include <QToolButton>
#include <QVBoxLayout>
#include <cmath>

#include "ui/icons.h"
#include "ui/query/card_list.h"
#include "ui/query/prompt_strip.h"
#include "ui/query/question_box.h"
#include "ui/query/turn_view.h"
#include "ui/text.h"
#include "ui/widgets/flow_layout.h"
#include "ui/widgets/table_export.h"

namespace ui {

namespace {

using namespace Qt::StringLiterals;

constexpr int kSideBySide = 760;  // px
constexpr int kTextColumn = 760;  // px: a line of text that the eye can follow
constexpr engine::Strategy kStrategies[] = {
    engine::Strategy::QueryValue, engine::Strategy::Query,  engine::Strategy::CacheBlend, engine::Strategy::First,
    engine::Strategy::Reuse,      engine::Strategy::Prefix, engine::Strategy::Full};

bool hasRatio(engine::Strategy strategy) {
    return strategy == engine::Strategy::QueryValue || strategy == engine::Strategy::Query ||
           strategy == engine::Strategy::CacheBlend || strategy == engine::Strategy::First;
}

template <class Widget>
Widget* named(Widget* widget, const QString& name, const QString& accessible) {
    widget->setObjectName(name);
    widget->setAccessibleName(accessible);
    return widget;
}

QLabel* caption(const QString& words, QWidget* buddy, QWidget* parent) {
    auto* const label = new QLabel(words, parent);
    label->setProperty("quiet", true);
    label->setBuddy(buddy);
    return label;
}

}  // namespace

AskView::AskView(Theme& theme, EngineBridge& bridge, QWidget* parent)
    : QWidget(parent), m_theme(theme), m_bridge(bridge), m_session(bridge, this) {
    setObjectName(u"askView"_s);
    setAccessibleName(tr("Ask"));
    auto* const column = new QVBoxLayout(this);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    auto* const top = new QWidget(this);
    auto* const topColumn = new QVBoxLayout(top);
    top->setObjectName(u"composer"_s);
    top->setAutoFillBackground(true);
    top->setBackgroundRole(QPalette::Base);
    topColumn->setContentsMargins(24, 20, 24, 12);
    topColumn->setSpacing(8);
    topColumn->addWidget(makeQuestionRow());
    topColumn->addWidget(makePlanRow());
    m_planText = named(new QLabel(top), u"planText"_s, tr("What asking would load and compute"));
    m_planText->setTextFormat(Qt::PlainText);
    m_planText->setWordWrap(true);
    m_planText->setProperty("quiet", true);
    topColumn->addWidget(m_planText);
    m_strip = named(new PromptStrip(theme, top), u"promptStrip"_s, tr("The prompt, to scale"));
    topColumn->addWidget(m_strip);
    column->addWidget(top);

    m_splitter = named(new QSplitter(Qt::Horizontal, this), u"askSplitter"_s, tr("Answers and passages"));
    m_splitter->addWidget(makeAnswers());
    m_splitter->addWidget(makeSources());
    m_splitter->setStretchFactor(0, 3);
    m_splitter->setStretchFactor(1, 1);
    m_splitter->setSizes({720, 320});
    m_splitter->setChildrenCollapsible(false);
    column->addWidget(m_splitter, 1);

    connectSession();
    connect(&theme, &Theme::changed, this, &AskView::dress);
    dress();
    showRatio();
    showPlan();
    showBusy();
    m_session.setBlend(m_session.blend());
}

QWidget* AskView::makeQuestionRow() {
    auto* const row = new QWidget(this);
    auto* const line = new QHBoxLayout(row);
    line->setContentsMargins(0, 0, 0, 0);
    line->setSpacing(8);
    m_question = named(new QuestionBox(row), u"questionBox"_s, tr("Question"));
    m_question->setPlaceholderText(tr("Ask your documents"));
    m_ask = named(new QPushButton(tr("Ask"), row), u"askButton"_s, tr("Ask"));
    m_ask->setProperty("primary", true);
    m_ask->setToolTip(tr("Ask (Enter)"));
    m_stop = named(new QPushButton(tr("Stop"), row), u"stopButton"_s, tr("Stop"));
    m_stop->setToolTip(tr("Stop (Esc)"));
    m_new = named(new QToolButton(row), u"newConversation"_s, tr("New conversation"));
    m_new->setToolTip(tr("Start a new conversation"));
    line->addWidget(m_question, 1);
    line->addWidget(m_ask, 0, Qt::AlignTop);
    line->addWidget(m_stop, 0, Qt::AlignTop);
    line->addWidget(m_new, 0, Qt::AlignTop);
    return row;
}

QWidget* AskView::makePlanRow() {
    auto* const row = new QWidget(this);
    auto* const flow = new FlowLayout(16, row);
    const auto group = [&](std::initializer_list<QWidget*> widgets) {
        auto* const box = new QWidget(row);
        auto* const line = new QHBoxLayout(box);
        line->setContentsMargins(0, 0, 0, 0);
        line->setSpacing(8);
        for (QWidget* widget : widgets)
            line->addWidget(widget);
        flow->addWidget(box);
    };
    m_collection = named(new QComboBox(row), u"collectionBox"_s, tr("Collection"));
    m_collection->setSizeAdjustPolicy(QComboBox::AdjustToContents);
    m_collection->setMinimumContentsLength(10);
    group({caption(tr("in"), m_collection, row), m_collection});

    m_strategy = named(new QComboBox(row), u"strategyBox"_s, tr("Strategy"));
    for (const engine::Strategy strategy : kStrategies) {
        m_strategy->addItem(text::strategyName(strategy), static_cast<int>(strategy));
        m_strategy->setItemData(m_strategy->count() - 1, text::strategyHint(strategy), Qt::ToolTipRole);
    }
    group({caption(tr("recompute by"), m_strategy, row), m_strategy});

    m_ratio = named(new QSlider(Qt::Horizontal, row), u"ratioSlider"_s, tr("Share of the passages’ tokens computed again"));
    m_ratio->setRange(0, 100);
    m_ratio->setPageStep(5);
    m_ratio->setFixedWidth(160);
    m_ratioText = named(new QLabel(row), u"ratioText"_s, tr("Ratio"));
    const struct {
        QString name;
        QString words;
        engine::Strategy strategy;
        int percent;  // of Full without meaning
    } presets[] = {{u"presetFast"_s, tr("Fast"), engine::Strategy::QueryValue, 15},
                   {u"presetFaithful"_s, tr("Faithful"), engine::Strategy::QueryValue, 30},
                   {u"presetExact"_s, tr("Exact"), engine::Strategy::Full, 100}};
    auto* const presetBox = new QWidget(row);
    auto* const presetLine = new QHBoxLayout(presetBox);
    presetLine->setContentsMargins(0, 0, 0, 0);
    presetLine->setSpacing(0);
    for (const auto& preset : presets) {
        auto* const button = named(new QToolButton(presetBox), preset.name, tr("Preset: %1").arg(preset.words));
        button->setText(preset.words);
        button->setToolTip(preset.strategy == engine::Strategy::Full
                               ? tr("A full prefill: nothing is reused")
                               : tr("%1, computes %2 of the passages’ tokens again")
                                     .arg(text::strategyName(preset.strategy), text::percent(preset.percent / 100.0)));
        button->setCheckable(true);
        connect(button, &QToolButton::clicked, this, [this, strategy = preset.strategy, percent = preset.percent] {
            chooseStrategy(strategy);
            if (hasRatio(strategy))
                m_ratio->setValue(percent);
            showRatio();
        });
        presetLine->addWidget(button);
        m_presets.push_back({button, preset.strategy, preset.percent});
    }
    group({m_ratio, m_ratioText, presetBox});

    m_topK = named(new QSpinBox(row), u"topKBox"_s, tr("Passages to retrieve"));
    m_topK->setButtonSymbols(QAbstractSpinBox::NoButtons);
    m_topK->setRange(1, 24);
    m_topK->setValue(m_session.topK());
    group({caption(tr("passages"), m_topK, row), m_topK});
    m_length = named(new QSpinBox(row), u"lengthBox"_s, tr("Longest answer in tokens"));
    m_length->setButtonSymbols(QAbstractSpinBox::NoButtons);
    m_length->setRange(1, 4096);
    m_length->setSingleStep(32);
    m_length->setValue(m_session.maxTokens());
    group({caption(tr("answer up to"), m_length, row), m_length, caption(tr("tokens"), nullptr, row)});

    connect(m_collection, &QComboBox::currentTextChanged, &m_session, &QuestionSession::setCollection);
    connect(m_strategy, &QComboBox::currentIndexChanged, this, [this] {
        engine::BlendOptions blend = m_session.blend();
        blend.strategy = static_cast<engine::Strategy>(m_strategy->currentData().toInt());
        m_strategy->setToolTip(text::strategyHint(blend.strategy));
        m_session.setBlend(blend);
        showRatio();
    });
    m_ratio->setValue(static_cast<int>(std::lround(m_session.blend().ratio * 100)));
    connect(m_ratio, &QSlider::valueChanged, this, [this](int percent) {
        engine::BlendOptions blend = m_session.blend();
        blend.ratio = percent / 100.0;
        m_session.setBlend(blend);
        showRatio();
    });
    connect(m_topK, &QSpinBox::valueChanged, &m_session, &QuestionSession::setTopK);
    connect(m_length, &QSpinBox::valueChanged, &m_session, &QuestionSession::setMaxTokens);
    return row;
}

QWidget* AskView::makeAnswers() {
    m_scroll = named(new QScrollArea(this), u"answers"_s, tr("Answers"));
    m_scroll->setWidgetResizable(true);
    m_scroll->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    m_scroll->setFocusPolicy(Qt::NoFocus);
    auto* const page = named(new QWidget(m_scroll), u"answersPage"_s, tr("Answers"));
    page->setAutoFillBackground(true);
    page->setBackgroundRole(QPalette::Base);
    auto* const row = new QHBoxLayout(page);
    row->setContentsMargins(24, 16, 24, 16);
    auto* const text = new QWidget(page);
    text->setMaximumWidth(kTextColumn);
    m_column = new QVBoxLayout(text);
    m_column->setContentsMargins(0, 0, 0, 0);
    m_column->setSpacing(16);
    m_empty = named(new QLabel(text), u"askEmpty"_s, tr("How to begin"));
    m_empty->setWordWrap(true);
    m_empty->setProperty("quiet", true);
    m_empty->setText(
        tr("Type a question above. The passages that would answer it appear at the side while you type, with what is "
           "cached and how long the first token would take.\n\nEnter asks. Shift+Enter begins a new line."));
    m_mode = named(new QWidget(text), u"followUpMode"_s, tr("Conversation"));
    auto* const mode = new QHBoxLayout(m_mode);
    mode->setContentsMargins(0, 0, 0, 0);
    auto* const note = named(new QLabel(m_mode), u"followUpNote"_s, tr("Conversation"));
    note->setProperty("quiet", true);
    note->setText(tr("The next question goes on from this answer: its KV is kept, only the question is computed."));
    note->setWordWrap(true);
    auto* const leave = named(new QToolButton(m_mode), u"leaveFollowUp"_s, tr("Ask something new instead"));
    leave->setText(tr("Ask something new"));
    leave->setToolTip(tr("The next question finds its own passages again; the answers stay"));
    connect(leave, &QToolButton::clicked, this, [this] {
        m_session.followUp(0);
        focusQuestion();
    });
    mode->addWidget(note, 1);
    mode->addWidget(leave, 0, Qt::AlignTop);
    m_mode->hide();
    m_column->addWidget(m_empty);
    m_column->addWidget(m_mode);
    m_column->addStretch(1);
    row->addWidget(text, 1);
    row->addStretch(0);
    m_scroll->setWidget(page);
    connect(m_scroll->verticalScrollBar(), &QScrollBar::rangeChanged, this, [this](int, int maximum) {
        if (m_session.isAnswering())
            m_scroll->verticalScrollBar()->setValue(maximum);
    });
    return m_scroll;
}

QWidget* AskView::makeSources() {
    auto* const panel = named(new QWidget(this), u"passagesPanel"_s, tr("Passages"));
    panel->setAutoFillBackground(true);
    panel->setBackgroundRole(QPalette::Base);
    auto* const column = new QVBoxLayout(panel);
    column->setContentsMargins(8, 12, 8, 0);
    column->setSpacing(4);
    auto* const head = new QHBoxLayout;
    head->setContentsMargins(8, 0, 8, 0);
    m_sourcesTitle = new QLabel(tr("Passages"), panel);
    m_restore = named(new QToolButton(panel), u"restoreExcluded"_s, tr("Bring back what was excluded"));
    m_restore->hide();
    head->addWidget(m_sourcesTitle);
    head->addStretch(1);
    head->addWidget(m_restore);
    column->addLayout(head);
    m_cards = named(new CardList(m_theme, m_session.cards(), panel), u"cards"_s, tr("Passages, in the prompt’s order"));
    m_cards->setMinimumWidth(240);
    column->addWidget(m_cards, 1);
    connect(m_restore, &QToolButton::clicked, &m_session, &QuestionSession::restoreExcluded);
    connect(m_cards, &CardList::passageOpened, this, [this](const Card& card) {
        if (card.document.value != 0)
            emit documentRequested(card.document, card.begin, card.end);
    });
    connect(m_strip, &PromptStrip::passageActivated, this, [this](int passage) {
        m_cards->setCurrentIndex(m_session.cards().index(passage));
        m_cards->scrollTo(m_cards->currentIndex());
    });
    return panel;
}

void AskView::connectSession() {
    connect(m_question, &QPlainTextEdit::textChanged, this, [this] {
        m_session.setQuestion(m_question->toPlainText());
        showBusy();
    });
    connect(m_question, &QuestionBox::askRequested, &m_session, &QuestionSession::ask);
    connect(m_ask, &QPushButton::clicked, &m_session, &QuestionSession::ask);
    connect(m_stop, &QPushButton::clicked, &m_session, &QuestionSession::stop);
    connect(m_new, &QToolButton::clicked, this, &AskView::newConversation);

    connect(&m_session, &QuestionSession::planChanged, this, &AskView::showPlan);
    connect(&m_session, &QuestionSession::planFailed, this, [this](const QString& why) { m_planText->setText(why); });
    connect(&m_session, &QuestionSession::answerStarted, this, &AskView::addTurn);
    connect(&m_session, &QuestionSession::textArrived, this, [this](const QString& piece) {
        if (newest() != nullptr)
            newest()->appendText(piece);
    });
    connect(&m_session, &QuestionSession::firstTokenArrived, this, [this](const engine::Timings& timings) {
        if (newest() != nullptr)
            newest()->showFirstToken(timings);
    });
    connect(&m_session, &QuestionSession::answered, this, [this](const engine::Answer& answer) {
        showBusy();
        if (newest() != nullptr) {
            newest()->showAnswer(answer);
            QTimer::singleShot(0, newest(), [this, turn = newest()] { m_scroll->verticalScrollBar()->setValue(turn->y()); });
        }
        if (answer.trace)
            emit traceReady(answer.trace);
        emit historyChanged();
        if (m_session.isFollowUp())
            m_session.followUp(answer.run);
    });
    connect(&m_session, &QuestionSession::answerFailed, this, [this](const QString& why) {
        showBusy();
        if (newest() != nullptr)
            newest()->showFailure(why);
    });
    connect(&m_session, &QuestionSession::measureStarted, this, [this] {
        showBusy();
        if (m_measured != nullptr)
            m_measured->showMeasuring(true);
    });
    connect(&m_session, &QuestionSession::measured, this, [this](const engine::Answer& answer) {
        showBusy();
        if (m_measured != nullptr)
            m_measured->showComparison(answer);
        m_measured = nullptr;
        if (answer.trace)
            emit traceReady(answer.trace);
    });
    connect(&m_session, &QuestionSession::measureFailed, this, [this](const QString& why) {
        showBusy();
        if (m_measured != nullptr)
            m_measured->showMeasuring(false);
        m_measured = nullptr;
        m_planText->setText(why);
    });
    connect(&m_session, &QuestionSession::followUpChanged, this, [this] { m_mode->setVisible(m_session.isFollowUp()); });
    connect(&m_bridge, &EngineBridge::opened, this, [this] { showBusy(); });
    connect(&m_bridge, &EngineBridge::closed, this, [this] { showBusy(); });
}

void AskView::dress() {
    m_new->setIcon(icon(u"plus"_s, m_theme, Role::QuietInk));
    m_sourcesTitle->setFont(m_theme.headingFont());
    QFont question = m_theme.documentFont();
    question.setPointSizeF(question.pointSizeF() * 1.1);
    m_question->setFont(question);
    m_empty->setFont(m_theme.documentFont());
    m_ratioText->setMinimumWidth(QFontMetrics(m_theme.controlFont()).horizontalAdvance(text::percent(1)) + 2);
}

void AskView::showEvent(QShowEvent* event) {
    dress();  // what was set before the style sheet reached the labels is lost
    QWidget::showEvent(event);
}

void AskView::resizeEvent(QResizeEvent* event) {
    QWidget::resizeEvent(event);
    // Side by side when a line of the answer stays readable, else one above the other.
    const Qt::Orientation orientation = width() >= kSideBySide ? Qt::Horizontal : Qt::Vertical;
    if (m_splitter->orientation() == orientation)
        return;
    m_splitter->setOrientation(orientation);
    m_splitter->setSizes(orientation == Qt::Horizontal ? QList<int>{720, 320} : QList<int>{600, 240});
}

void AskView::showRatio() {
    const bool ratio = hasRatio(m_session.blend().strategy);
    m_ratio->setEnabled(ratio);
    m_ratioText->setEnabled(ratio);
    m_ratioText->setText(ratio ? text::percent(m_ratio->value() / 100.0) : u"–"_s);
    const engine::Strategy strategy = m_session.blend().strategy;
    for (const Preset& preset : m_presets)
        preset.button->setChecked(preset.strategy == strategy && (!ratio || preset.percent == m_ratio->value()));
}

void AskView::showPlan() {
    const auto& plan = m_session.plan();
    m_strip->showPlan(plan);
    const auto excluded = static_cast<int>(m_session.excluded().size());
    m_restore->setText(tr("%1 excluded · bring back").arg(excluded));
    m_restore->setVisible(excluded > 0);
    if (!plan) {
        m_planText->setText(m_bridge.isOpen() ? tr("No plan yet.") : tr("No model is open."));
        showBusy();
        return;
    }
    QStringList parts;
    if (plan->followUpOf != 0)
        parts << tr("%1 tokens kept from the conversation").arg(text::count(plan->keptTokens));
    else
        parts << tr("%1 of %2 passages cached").arg(plan->hits).arg(plan->hits + plan->misses);
    parts << tr("%1 prompt tokens").arg(text::count(plan->promptTokens));
    if (plan->bytesToLoad > 0)
        parts << tr("%1 to load").arg(text::bytes(plan->bytesToLoad));
    if (plan->forecastTtftMs > 0)
        parts << (plan->forecastFullTtftMs > 0
                      ? tr("about %1 to the first token (full prefill %2)")
                            .arg(text::milliseconds(plan->forecastTtftMs), text::milliseconds(plan->forecastFullTtftMs))
                      : tr("about %1 to the first token").arg(text::milliseconds(plan->forecastTtftMs)));
    parts << tr("%1 of a full prefill’s work").arg(text::percent(plan->chargedWork));
    for (const engine::DeviceMemory& device : plan->memory)
        parts << (device.free > 0
                      ? tr("%1 of memory on %2, %3 free")
                            .arg(text::bytes(device.needed()), text::fromUtf8(device.backend), text::bytes(device.free))
                      : tr("%1 of memory on %2").arg(text::bytes(device.needed()), text::fromUtf8(device.backend)));
    QString sentence = parts.join(u" · "_s);
    for (const std::string& note : plan->notes)
        sentence += u'\n' + text::fromUtf8(note);
    m_planText->setText(sentence);
    showBusy();
}

void AskView::showBusy() {
    const bool busy = m_session.isAnswering() || m_session.isMeasuring();
    m_stop->setVisible(busy);
    m_ask->setVisible(!m_session.isAnswering());
    m_ask->setEnabled(m_bridge.isOpen() && !m_session.question().trimmed().isEmpty());
}

void AskView::addTurn(const engine::BlendPlan& plan) {
    m_empty->hide();
    if (!m_turns.empty())
        m_turns.back()->setNewest(false);
    auto* const turn = new TurnView(m_theme, plan, m_column->parentWidget());
    m_column->insertWidget(m_column->indexOf(m_mode), turn);
    m_turns.push_back(turn);
    connect(turn, &TurnView::citationActivated, this, &AskView::openSegment);
    connect(turn, &TurnView::againRequested, this, [this, turn] {
        takeBack(*turn);
        m_session.ask();
    });
    connect(turn, &TurnView::editRequested, this, [this, turn] {
        takeBack(*turn);
        m_question->selectAll();
        focusQuestion();
    });
    connect(turn, &TurnView::followUpRequested, this, [this](std::uint64_t run) {
        m_session.followUp(run);
        m_question->clear();
        focusQuestion();
    });
    connect(turn, &TurnView::measureRequested, this, [this, turn] {
        if (m_session.isMeasuring())
            return;
        m_measured = turn;
        m_session.measure(turn->data().plan);
    });
    connect(turn, &TurnView::inspectRequested, this, [this, turn] {
        emit traceReady(turn->data().answer->trace);
        emit inspectRequested();
    });
    connect(turn, &TurnView::compareRequested, this, [this, turn] {
        emit traceReady(turn->data().answer->trace);
        emit compareRequested();
    });
    connect(turn, &TurnView::exportRequested, this, &AskView::exportAnswers);
    showBusy();
}

void AskView::takeBack(const TurnView& turn) {
    m_session.followUp(turn.data().plan.followUpOf);
    setQuestion(text::fromUtf8(turn.data().plan.question));
}

void AskView::openSegment(const engine::PlanSegment& segment) {
    m_bridge.chunk(segment.chunk, this, [this, segment](engine::Result<engine::ChunkInfo> chunk) {
        if (chunk)
            emit documentRequested(chunk->record.document, segment.begin, segment.end);
        else
            m_planText->setText(text::sentence(chunk.status()));
    });
}

void AskView::setQuestion(const QString& question) {
    m_question->setPlainText(question);
    m_session.setQuestion(question);
}

void AskView::focusQuestion() { m_question->setFocus(Qt::OtherFocusReason); }

void AskView::newConversation() {
    m_session.stop();
    m_session.followUp(0);
    for (TurnView* turn : m_turns)
        turn->deleteLater();
    m_turns.clear();
    m_measured = nullptr;
    m_question->clear();
    m_empty->show();
    focusQuestion();
}

void AskView::setCollections(const QStringList& names) {
    const QString chosen = m_collection->currentText();
    {
        const QSignalBlocker quiet(m_collection);
        m_collection->clear();
        m_collection->addItems(names);
        m_collection->setCurrentIndex(std::max(0, static_cast<int>(names.indexOf(chosen))));
        if (names.isEmpty())
            m_collection->setCurrentIndex(-1);
    }
    m_session.setCollection(m_collection->currentText());
}

void AskView::chooseCollection(const QString& name) { m_collection->setCurrentText(name); }

void AskView::setAnswerLength(int tokens) { m_length->setValue(tokens); }

void AskView::chooseStrategy(engine::Strategy strategy) {
    m_strategy->setCurrentIndex(m_strategy->findData(static_cast<int>(strategy)));
}

std::shared_ptr<const engine::BlendTrace> AskView::newestTrace() const {
    for (auto turn = m_turns.rbegin(); turn != m_turns.rend(); ++turn) {
        if ((*turn)->data().answer && (*turn)->data().answer->trace)
            return (*turn)->data().answer->trace;
    }
    return {};
}

void AskView::measureNewest() {
    TurnView* const turn = newest();
    if (turn == nullptr || !turn->data().answer || m_session.isMeasuring())
        return;
    m_measured = turn;
    m_session.measure(turn->data().plan);
}

void AskView::exportAnswers() {
    std::vector<TurnData> turns;
    for (const TurnView* turn : m_turns)
        turns.push_back(turn->data());
    if (turns.empty())
        return;
    const QStringList filters{tr("Markdown (*.md)"), tr("HTML (*.html)"), tr("JSON (*.json)")};  // as AnswerFormat
    QString filter = filters.front();
    const QString path =
        QFileDialog::getSaveFileName(this, tr("Export the answers"), tr("answer.md"), filters.join(u";;"_s), &filter);
    if (path.isEmpty())
        return;
    const auto chosen = static_cast<AnswerFormat>(std::max(0, static_cast<int>(filters.indexOf(filter))));
    const QString error = writeFile(path, exportedAnswers(turns, answerFormat(path, chosen)));
    if (!error.isEmpty())
        m_planText->setText(error);
}

}  // namespace ui
