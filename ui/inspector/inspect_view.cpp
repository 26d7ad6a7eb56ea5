// The text in the middle, docks around it, and one bar that says what everything shows.
#include "ui/inspector/inspect_view.h"

#include <QComboBox>
#include <QDockWidget>
#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QMainWindow>
#include <QPushButton>
#include <QShortcut>
#include <QStackedLayout>
#include <QTimer>
#include <QToolButton>
#include <QVBoxLayout>
#include <algorithm>

#include "ui/inspection_cursor.h"
#include "ui/inspector/attention_panel.h"
#include "ui/inspector/heat_panel.h"
#include "ui/inspector/stage_timeline.h"
#include "ui/inspector/stages.h"
#include "ui/inspector/text_page.h"
#include "ui/inspector/token_panel.h"
#include "ui/inspector/trace_words.h"
#include "ui/theme/theme.h"
#include "ui/widgets/elided_label.h"
#include "ui/widgets/legend.h"
#include "ui/widgets/state_message.h"

namespace ui {

using namespace Qt::StringLiterals;

namespace {

constexpr int kNarrow = 880;           // px: below it the token's panel stands among the plots, not beside the text
constexpr int kLeastTokenWidth = 248;  // px
constexpr int kLeastWidth = 520;       // px
// How a kept layout begins.
constexpr char kNarrowLayout = 'n';
constexpr char kWideLayout = 'w';

}  // namespace

struct InspectView::Parts {
    Parts(InspectView& view, Theme& theme, InspectionCursor& cursor);

    void makeHeading();
    QWidget* makeText();
    void makeDocks();
    QDockWidget* addDock(const QString& name, const QString& title, QWidget* content, Qt::DockWidgetArea area);
    void dressTitles();
    void arrangeDocks();
    void dress();
    void refreshShading();
    void refreshAttentionState();
    void showMatchCount();

    InspectView& view;
    Theme& theme;
    InspectionCursor& cursor;
    std::shared_ptr<const engine::BlendTrace> trace;
    std::shared_ptr<const PromptText> text;

    StateMessage* empty;
    QWidget* content;
    ElidedLabel* question;
    ElidedLabel* summary;
    QPushButton* measure;
    QPushButton* save;
    TextPage* page;
    TextMap* map;  // the page's
    QComboBox* run;
    QLineEdit* search;
    QLabel* searchCount;
    QMainWindow* docks;
    TokenPanel* token;
    HeatPanel* heat;
    QStackedLayout* attentionStack;
    StateMessage* attentionMessage;
    AttentionPanel* attention;
    StageTimeline* timeline;
    bool arranged = false;
    bool narrow = false;
    InspectLayout layout = InspectLayout::Analyse;
};

InspectView::Parts::Parts(InspectView& theView, Theme& theTheme, InspectionCursor& theCursor)
    : view(theView), theme(theTheme), cursor(theCursor), text(std::make_shared<PromptText>()) {
    empty = new StateMessage(theme, u"inspectEmpty"_s, &view);
    empty->setMessage(
        tr("No run to inspect yet"),
        tr("Ask a question, or open a saved trace. Here you will see, on the documents' own text, which tokens were "
           "computed again, how far KV and attention moved, and where the time went."));
    content = new QWidget(&view);
    content->setObjectName(u"inspectContent"_s);
    auto* column = new QVBoxLayout(content);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    makeHeading();
    docks = new QMainWindow(content);
    docks->setWindowFlags(Qt::Widget);  // the constructor makes every main window a window
    docks->setObjectName(u"inspectDocks"_s);
    docks->setDockOptions(QMainWindow::AllowTabbedDocks | QMainWindow::AllowNestedDocks | QMainWindow::GroupedDragging);
    docks->setTabPosition(Qt::AllDockWidgetAreas, QTabWidget::North);
    docks->setCorner(Qt::BottomRightCorner, Qt::RightDockWidgetArea);
    docks->setCentralWidget(makeText());
    makeDocks();
    column->addWidget(docks, 1);
    auto* stack = new QVBoxLayout(&view);
    stack->setContentsMargins(0, 0, 0, 0);
    stack->addWidget(empty);
    stack->addWidget(content);
    content->hide();
}

void InspectView::Parts::makeHeading() {
    auto* heading = new QWidget(content);
    heading->setObjectName(u"inspectHeading"_s);
    heading->setAutoFillBackground(true);
    heading->setBackgroundRole(QPalette::Base);
    question = new ElidedLabel(u"inspectQuestion"_s, tr("Question"), heading);
    summary = new ElidedLabel(u"inspectSummary"_s, tr("Summary of the run"), heading);
    summary->setProperty("quiet", true);
    measure = new QPushButton(heading);
    measure->setObjectName(u"inspectMeasure"_s);
    measure->setAccessibleName(tr("Measure deviation from a full prefill"));
    measure->setProperty("primary", true);
    save = new QPushButton(tr("Save trace…"), heading);
    save->setObjectName(u"inspectSaveTrace"_s);
    save->setAccessibleName(tr("Save the trace to a file"));
    auto* words = new QVBoxLayout;
    words->setSpacing(2);
    words->addWidget(question);
    words->addWidget(summary);
    auto* row = new QHBoxLayout(heading);
    row->setContentsMargins(24, 16, 16, 8);
    row->setSpacing(8);
    row->addLayout(words, 1);
    row->addWidget(measure);
    row->addWidget(save);
    content->layout()->addWidget(heading);
    QObject::connect(measure, &QPushButton::clicked, &view, &InspectView::measureRequested);
    QObject::connect(save, &QPushButton::clicked, &view, &InspectView::traceExportRequested);
}

QWidget* InspectView::Parts::makeText() {
    page = new TextPage(theme, cursor,
                        {u"text"_s,
                         tr("What the text is coloured by"),
                         {tr("Recompute"), tr("Score"), tr("K deviation"), tr("V deviation")},
                         tr("Text of the prompt")},
                        docks);
    map = &page->map();
    run = new QComboBox(page);
    run->setObjectName(u"textRun"_s);
    run->setAccessibleName(tr("Run held against full prefill"));
    run->setToolTip(run->accessibleName());
    run->addItems({tr("Reuse against full"), tr("Blend against full")});
    run->setMinimumWidth(88);
    search = new QLineEdit(page);
    search->setObjectName(u"textSearch"_s);
    search->setAccessibleName(tr("Search in the prompt"));
    search->setPlaceholderText(tr("Search in the text (Ctrl+F)"));
    search->setClearButtonEnabled(true);
    search->setMaximumWidth(220);
    searchCount = new QLabel(page);
    searchCount->setObjectName(u"textSearchCount"_s);
    searchCount->setAccessibleName(tr("Matches"));
    searchCount->setProperty("quiet", true);
    page->addBesideColoring(run);
    page->addAtEnd(searchCount, 0);
    page->addAtEnd(search, 1);
    QObject::connect(page, &TextPage::shadingWanted, &view, [this] { refreshShading(); });
    QObject::connect(run, &QComboBox::currentIndexChanged, &view, [this] { refreshShading(); });
    QObject::connect(map, &TextMap::segmentActivated, &view, [this](int segment) {
        if (trace && chunkNumber(*trace, segment) > 0) {
            emit view.citationActivated(segment);
        }
    });
    QObject::connect(search, &QLineEdit::textChanged, &view, [this](const QString& words) {
        map->search(words);
        showMatchCount();
    });
    QObject::connect(search, &QLineEdit::returnPressed, &view, [this] {
        map->showMatch(1);
        showMatchCount();
    });
    const auto shortcut = [&](const QKeySequence& keys, auto action) {
        auto* made = new QShortcut(keys, &view);
        made->setContext(Qt::WidgetWithChildrenShortcut);
        QObject::connect(made, &QShortcut::activated, &view, action);
    };
    shortcut(QKeySequence::Find, [this] {
        search->setFocus();
        search->selectAll();
    });
    shortcut(QKeySequence::FindNext, [this] {
        map->showMatch(1);
        showMatchCount();
    });
    shortcut(QKeySequence::FindPrevious, [this] {
        map->showMatch(-1);
        showMatchCount();
    });
    return page;
}

QDockWidget* InspectView::Parts::addDock(const QString& name, const QString& title, QWidget* body, Qt::DockWidgetArea area) {
    auto* dock = new QDockWidget(title, docks);
    dock->setObjectName(name);
    dock->setAccessibleName(title);
    dock->setWidget(body);
    dock->setFeatures(QDockWidget::DockWidgetMovable | QDockWidget::DockWidgetFloatable);
    docks->addDockWidget(area, dock);
    QObject::connect(dock, &QDockWidget::topLevelChanged, &view, [this] { dressTitles(); });
    QObject::connect(dock, &QDockWidget::dockLocationChanged, &view, [this] { dressTitles(); });
    return dock;
}

void InspectView::Parts::makeDocks() {
    token = new TokenPanel(theme, cursor, docks);
    heat = new HeatPanel(theme, cursor, docks);
    auto* attentionPage = new QWidget(docks);
    attentionPage->setObjectName(u"attentionPage"_s);
    attentionPage->setAutoFillBackground(true);
    attentionPage->setBackgroundRole(QPalette::Base);
    attentionStack = new QStackedLayout(attentionPage);
    attention = new AttentionPanel(theme, cursor, attentionPage);
    attentionMessage = new StateMessage(theme, u"attentionMessage"_s, attentionPage);
    attentionStack->addWidget(attention);
    attentionStack->addWidget(attentionMessage);
    timeline = new StageTimeline(theme, cursor, u"stageTimeline"_s, docks);
    auto* timelinePage = new QWidget(docks);
    timelinePage->setObjectName(u"timelinePage"_s);
    timelinePage->setAutoFillBackground(true);
    timelinePage->setBackgroundRole(QPalette::Base);
    auto* timelineRow = new QHBoxLayout(timelinePage);
    timelineRow->setContentsMargins(8, 12, 8, 8);
    timelineRow->addWidget(timeline, 1);
    timelineRow->addWidget(makeExportButton(*timeline, timelinePage), 0, Qt::AlignTop);

    addDock(u"dockToken"_s, tr("Why this token"), token, Qt::RightDockWidgetArea);
    QDockWidget* layers = addDock(u"dockHeatMap"_s, tr("Layers × tokens"), heat, Qt::BottomDockWidgetArea);
    QDockWidget* heads = addDock(u"dockAttention"_s, tr("Attention"), attentionPage, Qt::BottomDockWidgetArea);
    QDockWidget* times = addDock(u"dockTimeline"_s, tr("Timeline"), timelinePage, Qt::BottomDockWidgetArea);
    docks->tabifyDockWidget(layers, heads);
    docks->tabifyDockWidget(heads, times);
    layers->raise();
    dressTitles();
    QObject::connect(token, &TokenPanel::segmentActivated, &view, &InspectView::citationActivated);
    QObject::connect(heat, &HeatPanel::measureRequested, &view, &InspectView::measureRequested);
    QObject::connect(attentionMessage, &StateMessage::activated, &view, &InspectView::measureRequested);
    QObject::connect(&theme, &Theme::changed, &view, [this] { dress(); });
    dress();
}

void InspectView::Parts::arrangeDocks() {
    const auto dock = [&](const QString& name) { return docks->findChild<QDockWidget*>(name); };
    narrow = view.width() < kNarrow;
    QDockWidget* const tokenDock = dock(u"dockToken"_s);
    token->setMinimumWidth(narrow ? 0 : kLeastTokenWidth);
    if (narrow) {
        docks->tabifyDockWidget(dock(u"dockTimeline"_s), tokenDock);
    } else {
        docks->addDockWidget(Qt::RightDockWidgetArea, tokenDock);
        docks->resizeDocks({tokenDock}, {view.width() < 1400 ? 312 : 352}, Qt::Horizontal);
    }
    tokenDock->show();
    const bool plots = layout != InspectLayout::Read;
    for (const QString& name : {u"dockHeatMap"_s, u"dockAttention"_s, u"dockTimeline"_s}) {
        dock(name)->setVisible(plots && (layout == InspectLayout::Analyse || name == u"dockHeatMap"_s));
    }
    if (plots) {
        const int share = layout == InspectLayout::Analyse ? 40 : 30;
        docks->resizeDocks({dock(u"dockHeatMap"_s)}, {std::max(256, view.height() * share / 100)}, Qt::Vertical);
        dock(u"dockHeatMap"_s)->raise();
    } else if (narrow) {
        docks->resizeDocks({tokenDock}, {std::max(200, view.height() * 30 / 100)}, Qt::Vertical);
    }
    dressTitles();
}

void InspectView::Parts::dressTitles() {
    // A tab already names a dock; a title line above it would say it twice.
    QTimer::singleShot(0, docks, [this] {
        for (QDockWidget* dock : docks->findChildren<QDockWidget*>(QString(), Qt::FindDirectChildrenOnly)) {
            const auto tabs = docks->tabifiedDockWidgets(dock);
            const bool named =
                !dock->isFloating() && std::ranges::any_of(tabs, [](const QDockWidget* tab) { return !tab->isHidden(); });
            if (named && !dock->titleBarWidget()) {
                auto* nothing = new QWidget(dock);
                nothing->setObjectName(dock->objectName() + "NoTitle"_L1);
                dock->setTitleBarWidget(nothing);
            } else if (!named && dock->titleBarWidget()) {
                QWidget* nothing = dock->titleBarWidget();
                dock->setTitleBarWidget(nullptr);
                nothing->deleteLater();
            }
        }
    });
}

void InspectView::Parts::dress() {
    QFont big = theme.headingFont();
    big.setPointSizeF(big.pointSizeF() + 3);
    question->setFont(big);
}

void InspectView::Parts::refreshShading() {
    if (!trace) {
        return;
    }
    const auto of = run->currentIndex() == 0 ? DeviatingRun::Reuse : DeviatingRun::Blend;
    run->setVisible(page->byLayer());
    page->setShading(shadingOf(trace, page->coloring(), of, cursor.layer()));
    map->setToolTip(page->byLayer() && !trace->deviation ? tr("Deviation is not measured for this run") : QString());
    heat->setQuantity(page->coloring(), of);
}

void InspectView::Parts::refreshAttentionState() {
    const bool measured = trace && trace->deviation;
    if (trace && !measured) {
        const QString action = canMeasure(*trace) ? tr("Measure (about %1 s)").arg(measureSeconds(*trace)) : QString();
        attentionMessage->setMessage(
            tr("Attention is not measured for this run"),
            tr("Measuring follows the attention of reuse, blend and full prefill through every layer and "
               "head, chunk by chunk."),
            action);
        measure->setText(action);
        measure->setToolTip(tr("Computes a full prefill and a full KV reuse of the same prompt, and compares every layer."));
    }
    measure->setVisible(trace && !measured && canMeasure(*trace));
    attentionStack->setCurrentWidget(measured ? static_cast<QWidget*>(attention) : attentionMessage);
}

void InspectView::Parts::showMatchCount() {
    const QString words = search->text().isEmpty() ? QString()
                          : map->matches() == 0    ? tr("nothing found")
                                                   : tr("%1 of %2").arg(map->currentMatch() + 1).arg(map->matches());
    searchCount->setText(words);
}

InspectView::InspectView(Theme& theme, InspectionCursor& cursor, QWidget* parent)
    : QWidget(parent), m_parts(std::make_unique<Parts>(*this, theme, cursor)) {
    setFocusProxy(m_parts->map);
    setObjectName(u"inspectView"_s);
    setAccessibleName(tr("Inspect"));
    setAutoFillBackground(true);
    setBackgroundRole(QPalette::Base);
}

InspectView::~InspectView() = default;

void InspectView::arrange(InspectLayout layout) {
    m_parts->layout = layout;
    m_parts->arrangeDocks();
}

void InspectView::showPanel(InspectPanel panel) {
    const QString names[] = {u"dockHeatMap"_s, u"dockAttention"_s, u"dockTimeline"_s};
    auto* dock = m_parts->docks->findChild<QDockWidget*>(names[static_cast<int>(panel)]);
    dock->show();
    dock->raise();
}

QByteArray InspectView::saveLayout() const {
    return QByteArray(1, m_parts->narrow ? kNarrowLayout : kWideLayout) + m_parts->docks->saveState();
}

bool InspectView::restoreLayout(const QByteArray& layout) {
    const bool known = layout.startsWith(kNarrowLayout) || layout.startsWith(kWideLayout);
    const bool restored = known && m_parts->docks->restoreState(layout.sliced(1));
    if (restored) {
        m_parts->narrow = layout.startsWith(kNarrowLayout);
    }
    m_parts->arranged = m_parts->arranged || restored;
    m_parts->dressTitles();
    return restored;
}

QSize InspectView::minimumSizeHint() const { return QWidget::minimumSizeHint().boundedTo({kLeastWidth, QWIDGETSIZE_MAX}); }

void InspectView::resizeEvent(QResizeEvent* event) {
    QWidget::resizeEvent(event);
    if (m_parts->arranged && m_parts->narrow != (width() < kNarrow)) {
        // A room on its way to its size may be narrow for a moment.
        QTimer::singleShot(0, m_parts->docks, [this] {
            if (m_parts->narrow != (width() < kNarrow)) {
                m_parts->arrangeDocks();
            }
        });
    }
}

void InspectView::showTrace(std::shared_ptr<const engine::BlendTrace> trace) {
    Parts& parts = *m_parts;
    const bool same = trace == parts.trace;
    const bool sameRun = trace && parts.trace && trace->promptIds == parts.trace->promptIds;
    parts.trace = std::move(trace);
    const bool shown = parts.trace != nullptr;
    parts.empty->setVisible(!shown);
    parts.content->setVisible(shown);
    if (shown && !parts.arranged) {
        parts.arranged = true;
        QTimer::singleShot(0, parts.docks, [&parts] { parts.arrangeDocks(); });
    }
    if (same || !shown) {
        return;
    }
    if (!sameRun) {
        parts.cursor.clear();
        parts.search->clear();
    }
    const engine::BlendTrace& now = *parts.trace;
    parts.question->setWhole(QString::fromStdString(now.question).simplified());
    parts.summary->setWhole(tr("%1 · first token after %2 · %3 · %4 % of a full prefill's work")
                                .arg(strategyText(now.options), millisecondsText(now.ms.ttft), countsText(now.tokens),
                                     shortNumber(now.chargedWork * 100)));
    if (!sameRun) {
        parts.text = std::make_shared<const PromptText>(now);
    }
    parts.page->setText(parts.text, segmentCaptions(now), now.layerCount);
    parts.token->showTrace(parts.trace);
    parts.heat->showTrace(parts.trace);
    parts.attention->showTrace(now.deviation ? parts.trace : nullptr);
    parts.timeline->showTrace(parts.trace);
    parts.refreshAttentionState();
    parts.refreshShading();
}

}  // namespace ui
