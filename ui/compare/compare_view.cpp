// Figures and KL at the left, answers over the differing text at the right.
#include "ui/compare/compare_view.h"

#include <QComboBox>
#include <QHBoxLayout>
#include <QHeaderView>
#include <QLabel>
#include <QPushButton>
#include <QSplitter>
#include <QStackedLayout>
#include <QStackedWidget>
#include <QTabWidget>
#include <QTableView>
#include <QToolButton>
#include <QVBoxLayout>
#include <algorithm>
#include <cmath>

#include "ui/compare/answers_panel.h"
#include "ui/compare/attention_diff.h"
#include "ui/compare/figures_model.h"
#include "ui/compare/run_diff.h"
#include "ui/inspection_cursor.h"
#include "ui/inspector/stage_timeline.h"
#include "ui/inspector/stages.h"
#include "ui/inspector/text_page.h"
#include "ui/inspector/trace_words.h"
#include "ui/theme/theme.h"
#include "ui/widgets/elided_label.h"
#include "ui/widgets/heat_map.h"
#include "ui/widgets/line_plot.h"
#include "ui/widgets/state_message.h"
#include "ui/widgets/table_export.h"

namespace ui {

using namespace Qt::StringLiterals;

struct CompareView::Parts {
    Parts(CompareView& view, Theme& theme, InspectionCursor& cursor);

    QWidget* makeHeading();
    QWidget* makeFigures();
    QWidget* makeText();
    QWidget* makeHeat();
    QWidget* makeTimelines();
    QWidget* makeAlone();
    void dress();
    void refresh();
    void refreshAlone();
    void refreshKl();
    void refreshShading();
    void refreshHeat();
    void refreshTimelines();

    CompareView& view;
    Theme& theme;
    InspectionCursor& cursor;
    std::shared_ptr<const engine::BlendTrace> pinned;
    std::shared_ptr<const engine::BlendTrace> current;
    std::shared_ptr<const RunDiff> diff;

    QStackedLayout* pages;
    QWidget* unpinned;  // empty and alone
    StateMessage* empty;
    QWidget* alone;  // B and its full prefill, while nothing is pinned
    AnswersPanel* aloneAnswers;
    LinePlot* aloneKl;
    QWidget* content;
    QLabel* letters[2];
    ElidedLabel* runs[2];
    QPushButton* pinButton;
    QLabel* verdict;
    FiguresModel* model;
    QTableView* figures;
    LinePlot* kl;
    StateMessage* klMessage;
    AnswersPanel* answers;
    QTabWidget* tabs;
    TextPage* text;
    TokenAxis axis;
    QComboBox* quantity;
    HeatMap* heat;
    HeatMap* score;
    QStackedWidget* heatStack;
    StateMessage* heatMessage;
    AttentionDiff* attention;
    QStackedWidget* attentionStack;
    StateMessage* attentionMessage;
    StageTimeline* timelines[2];
};

namespace {

QString runText(const engine::BlendTrace& trace) {
    return CompareView::tr("%1 · first token after %2 · %3")
        .arg(strategyText(trace.options), millisecondsText(trace.ms.ttft), countsText(trace.tokens));
}

QWidget* makePage(QWidget* parent, const QString& name) {
    auto* page = new QWidget(parent);
    page->setObjectName(name);
    page->setAutoFillBackground(true);
    page->setBackgroundRole(QPalette::Base);
    return page;
}

}  // namespace

CompareView::Parts::Parts(CompareView& theView, Theme& theTheme, InspectionCursor& theCursor)
    : view(theView), theme(theTheme), cursor(theCursor) {
    empty = new StateMessage(theme, u"compareEmpty"_s, &view);
    content = makePage(&view, u"compareContent"_s);
    answers = new AnswersPanel(theme, content);
    tabs = new QTabWidget(content);
    tabs->setObjectName(u"compareTabs"_s);
    tabs->setAccessibleName(tr("Differences"));
    tabs->setDocumentMode(true);
    tabs->addTab(makeText(), tr("Text"));
    tabs->addTab(makeHeat(), tr("Layers × tokens"));
    attentionStack = new QStackedWidget(tabs);
    attentionStack->setObjectName(u"compareAttention"_s);
    attention = new AttentionDiff(theme, cursor, attentionStack);
    attentionMessage = new StateMessage(theme, u"compareAttentionMessage"_s, attentionStack);
    attentionStack->addWidget(attention);
    attentionStack->addWidget(attentionMessage);
    tabs->addTab(attentionStack, tr("Attention"));
    tabs->addTab(makeTimelines(), tr("Timeline"));
    auto* right = new QSplitter(Qt::Vertical, content);
    right->setObjectName(u"compareRight"_s);
    right->setChildrenCollapsible(false);
    right->addWidget(answers);
    right->addWidget(tabs);
    right->setStretchFactor(0, 1);
    right->setStretchFactor(1, 4);
    right->setSizes({170, 640});
    auto* across = new QSplitter(Qt::Horizontal, content);
    across->setObjectName(u"compareAcross"_s);
    across->setChildrenCollapsible(false);
    across->addWidget(makeFigures());
    across->addWidget(right);
    across->setStretchFactor(0, 0);
    across->setStretchFactor(1, 1);
    across->setSizes({440, 1100});
    auto* column = new QVBoxLayout(content);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    column->addWidget(makeHeading());
    column->addWidget(across, 1);
    // One at a time: two beside each other for a moment would make the window grow.
    pages = new QStackedLayout(&view);
    unpinned = makePage(&view, u"compareUnpinned"_s);
    auto* unpinnedColumn = new QVBoxLayout(unpinned);
    unpinnedColumn->setContentsMargins(0, 0, 0, 0);
    unpinnedColumn->addWidget(empty, 1);
    unpinnedColumn->addWidget(makeAlone(), 1);
    pages->addWidget(unpinned);
    pages->addWidget(content);
    QObject::connect(empty, &StateMessage::activated, &view, &CompareView::pinRequested);
    for (StateMessage* message : {heatMessage, attentionMessage, klMessage}) {
        QObject::connect(message, &StateMessage::activated, &view, &CompareView::measureRequested);
    }
    QObject::connect(&theme, &Theme::changed, &view, [this] { dress(); });
    dress();
    refresh();
}

QWidget* CompareView::Parts::makeAlone() {
    alone = makePage(&view, u"compareAlone"_s);
    aloneAnswers = new AnswersPanel(theme, alone, AnswersPanel::Offer::AgainstFull);
    aloneKl = new LinePlot(theme, u"compareAloneKl"_s, tr("KL from the full prefill by token of the answer"), alone);
    aloneKl->setFixedHeight(184);
    auto* column = new QVBoxLayout(alone);
    column->setContentsMargins(8, 8, 24, 24);
    column->setSpacing(16);
    column->addWidget(aloneAnswers, 1);
    auto* row = new QHBoxLayout;
    row->setContentsMargins(16, 0, 0, 0);
    row->addWidget(aloneKl);
    column->addLayout(row);
    return alone;
}

QWidget* CompareView::Parts::makeHeading() {
    auto* heading = makePage(content, u"compareHeading"_s);
    auto* grid = new QGridLayout;
    grid->setHorizontalSpacing(12);
    grid->setVerticalSpacing(2);
    grid->setColumnStretch(1, 1);
    const QString names[] = {u"compareRunA"_s, u"compareRunB"_s};
    const QString accessible[] = {tr("Run A, pinned"), tr("Run B, current")};
    const QString words[] = {tr("A"), tr("B")};
    for (int i = 0; i < 2; ++i) {
        letters[i] = new QLabel(words[i], heading);
        letters[i]->setObjectName(names[i] + "Letter"_L1);
        runs[i] = new ElidedLabel(names[i], accessible[i], heading);
        grid->addWidget(letters[i], i, 0);
        grid->addWidget(runs[i], i, 1);
    }
    verdict = new QLabel(heading);
    verdict->setObjectName(u"compareVerdict"_s);
    verdict->setAccessibleName(tr("What differs"));
    verdict->setTextFormat(Qt::PlainText);
    pinButton = new QPushButton(tr("Pin the current run as A"), heading);
    pinButton->setObjectName(u"comparePin"_s);
    pinButton->setAccessibleName(tr("Pin the current run as A"));
    QObject::connect(pinButton, &QPushButton::clicked, &view, &CompareView::pinRequested);
    auto* row = new QHBoxLayout(heading);
    row->setContentsMargins(24, 16, 16, 12);
    row->setSpacing(16);
    row->addLayout(grid, 1);
    row->addWidget(verdict);
    row->addWidget(pinButton);
    return heading;
}

QWidget* CompareView::Parts::makeFigures() {
    auto* page = makePage(content, u"compareFiguresPage"_s);
    model = new FiguresModel(page);
    figures = new QTableView(page);
    figures->setObjectName(u"compareFigures"_s);
    figures->setAccessibleName(tr("Figures of both runs"));
    figures->setModel(model);
    figures->setShowGrid(false);
    figures->setTabKeyNavigation(false);
    figures->setSelectionBehavior(QAbstractItemView::SelectRows);
    figures->verticalHeader()->hide();
    figures->verticalHeader()->setDefaultSectionSize(24);
    figures->horizontalHeader()->setSectionResizeMode(QHeaderView::ResizeToContents);
    figures->horizontalHeader()->setSectionResizeMode(0, QHeaderView::Stretch);
    makeExportable(*figures, u"figures"_s);
    kl = new LinePlot(theme, u"compareKl"_s, tr("KL from the full prefill by token of the answer"), page);
    kl->setFixedHeight(184);
    klMessage = new StateMessage(theme, u"compareKlMessage"_s, page);
    klMessage->setFixedHeight(184);
    auto* column = new QVBoxLayout(page);
    column->setContentsMargins(16, 0, 8, 8);
    column->setSpacing(8);
    column->addWidget(figures, 1);
    column->addWidget(kl);
    column->addWidget(klMessage);
    return page;
}

QWidget* CompareView::Parts::makeText() {
    text =
        new TextPage(theme, cursor,
                     {u"compare"_s,
                      tr("Which difference colours the text"),
                      {tr("Recompute, B against A"), tr("Score, B − A"), tr("K deviation, B − A"), tr("V deviation, B − A")},
                      tr("Text of run B, coloured by the difference to A")},
                     tabs);
    QObject::connect(text, &TextPage::shadingWanted, &view, [this] { refreshShading(); });
    return text;
}

QWidget* CompareView::Parts::makeHeat() {
    auto* page = makePage(tabs, u"compareHeat"_s);
    quantity = new QComboBox(page);
    quantity->setObjectName(u"compareQuantity"_s);
    quantity->setAccessibleName(tr("Quantity whose difference is shown"));
    quantity->setToolTip(quantity->accessibleName());
    quantity->addItems({tr("K deviation, B − A"), tr("V deviation, B − A")});
    heatStack = new QStackedWidget(page);
    heatStack->setObjectName(u"compareHeatStack"_s);
    heat = new HeatMap(theme, cursor, axis, u"compareHeatMap"_s, tr("Difference by layer and token"), heatStack);
    heatMessage = new StateMessage(theme, u"compareHeatMessage"_s, heatStack);
    heatStack->addWidget(heat);
    heatStack->addWidget(heatMessage);
    score = new HeatMap(theme, cursor, axis, u"compareScoreStrip"_s, tr("Difference of the score by token"), page);
    score->setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    auto* bar = new QHBoxLayout;
    bar->addWidget(quantity);
    bar->addStretch(1);
    bar->addWidget(makeExportButton(*heat, page));
    auto* column = new QVBoxLayout(page);
    column->setContentsMargins(16, 8, 16, 8);
    column->addLayout(bar);
    column->addWidget(heatStack, 1);
    column->addWidget(score);
    QObject::connect(quantity, &QComboBox::currentIndexChanged, &view, [this] { refreshHeat(); });
    return page;
}

QWidget* CompareView::Parts::makeTimelines() {
    auto* page = makePage(tabs, u"compareTimelines"_s);
    auto* row = new QHBoxLayout(page);
    row->setContentsMargins(8, 12, 8, 8);
    row->setSpacing(8);
    const QString names[] = {u"compareTimelineA"_s, u"compareTimelineB"_s};
    const QString words[] = {tr("Timeline of A"), tr("Timeline of B")};
    for (int i = 0; i < 2; ++i) {
        timelines[i] = new StageTimeline(theme, cursor, names[i], page);
        timelines[i]->setAccessibleName(words[i]);
        timelines[i]->setTitle(i == 0 ? tr("A") : tr("B"));
        row->addWidget(timelines[i], 1);
    }
    return page;
}

void CompareView::Parts::dress() {
    for (int i = 0; i < 2; ++i) {
        letters[i]->setFont(theme.headingFont());
        runs[i]->setFont(theme.controlFont());
    }
    verdict->setFont(theme.headingFont());
    figures->setFont(theme.figureFont());
}

void CompareView::Parts::refresh() {
    const bool both = pinned && current;
    pages->setCurrentWidget(both ? content : unpinned);
    refreshAlone();
    if (!both) {
        diff = nullptr;
        if (current) {
            empty->setMessage(
                tr("Pin a run to compare with"),
                tr("The pinned run becomes A. Ask again with another strategy, ratio or order of chunks, and every view "
                   "shows what changed."),
                tr("Pin the current run as A"));
        } else {
            empty->setMessage(tr("No run to compare yet"),
                              tr("Ask a question or open a saved trace; then pin it here as A."));
        }
        return;
    }
    diff = std::make_shared<const RunDiff>(pinned, current);
    runs[0]->setWhole(runText(*pinned));
    runs[1]->setWhole(runText(*current));
    pinButton->setVisible(pinned != current);
    const auto changed =
        std::ranges::count_if(diff->fateChanges(), [](FateChange change) { return change != FateChange::Same; });
    QString words = diff->empty() ? tr("No difference") : tr("%1 tokens differ").arg(changed);
    if (diff->tokensOnlyInA() > 0) {
        words += tr("; %1 only in A").arg(diff->tokensOnlyInA());
    }
    verdict->setText(words);
    model->setRecords(diff->figures());
    answers->showDiff(diff);
    attention->showDiff(diff);
    const bool attentionShown = AttentionDiff::canShow(*diff);
    attentionStack->setCurrentWidget(attentionShown ? static_cast<QWidget*>(attention) : attentionMessage);
    text->setText(std::make_shared<const PromptText>(*current), segmentCaptions(*current), current->layerCount);
    axis.reset(current->promptTokens());
    std::vector<int> begins;
    for (const engine::PlanSegment& segment : current->segments) {
        begins.push_back(segment.position);
    }
    begins.push_back(current->suffixBegin());
    heat->setSegments(begins, segmentLabels(*current));
    score->setSegments(begins, {});
    const QString action =
        current->deviation || !canMeasure(*current) ? QString() : tr("Measure B (about %1 s)").arg(measureSeconds(*current));
    const QString which = current->deviation ? tr("Run A was not measured. Measure a run before pinning it.")
                                             : tr("Measuring compares every layer of B with a full prefill.");
    heatMessage->setMessage(tr("KV deviation is not measured for both runs"), which, action);
    attentionMessage->setMessage(
        diff->measured() ? tr("The runs have different numbers of chunks") : tr("Attention is not measured for both runs"),
        diff->measured() ? tr("Blocks of different chunks cannot be subtracted.") : which,
        diff->measured() ? QString() : action);
    refreshKl();
    refreshShading();
    refreshHeat();
    refreshTimelines();
}

void CompareView::Parts::refreshAlone() {
    const bool shown = current && !pinned && current->comparison;
    alone->setVisible(shown);
    if (!shown) {
        aloneAnswers->showDiff(nullptr);
        return;
    }
    aloneAnswers->showDiff(std::make_shared<const RunDiff>(current, current));
    LinePlotData data;
    data.title = tr("KL from full prefill, by answer token");
    data.xName = tr("token");
    data.unit = tr("nats");
    data.series = {{strategyText(current->options), current->comparison->kl, Role::Recomputed, Qt::SolidLine}};
    data.csv = [trace = current] {
        const std::string csv = engine::answerKlCsv(*trace);
        return QByteArray(csv.data(), static_cast<qsizetype>(csv.size()));
    };
    aloneKl->setData(std::move(data));
}

void CompareView::Parts::refreshKl() {
    const bool any = pinned->comparison || current->comparison;
    kl->setVisible(any);
    klMessage->setVisible(!any);
    klMessage->setMessage(tr("Not compared with a full prefill"), {},
                          current->deviation || !canMeasure(*current)
                              ? QString()
                              : tr("Measure B (about %1 s)").arg(measureSeconds(*current)));
    LinePlotData data;
    data.title = tr("KL from full prefill, by answer token");
    data.xName = tr("token");
    data.unit = tr("nats");
    if (pinned->comparison) {
        data.series.push_back({tr("A"), pinned->comparison->kl, Role::Accent, Qt::DashLine});
    }
    if (current->comparison) {
        data.series.push_back({tr("B"), current->comparison->kl, Role::Recomputed, Qt::SolidLine});
    }
    kl->setData(std::move(data));
}

void CompareView::Parts::refreshShading() {
    if (!diff) {
        return;
    }
    text->setShading(differenceShading(diff, text->coloring(), cursor.layer()));
}

void CompareView::Parts::refreshHeat() {
    if (!diff) {
        return;
    }
    const auto greatest = [](const std::vector<float>& values) {
        std::vector<float> sizes = values;
        for (float& size : sizes) {
            size = std::abs(size);
        }
        const double high = quantile(sizes, 0.995);
        return high > 0 ? high : 1;
    };
    heatStack->setCurrentWidget(diff->measured() ? static_cast<QWidget*>(heat) : heatMessage);
    quantity->setEnabled(diff->measured());
    HeatMatrix matrix;
    if (diff->measured()) {
        matrix.rows = current->layerCount;
        matrix.columns = current->promptTokens();
        matrix.values =
            diff->deviationDifference(quantity->currentIndex() == 0 ? TextColoring::KDeviation : TextColoring::VDeviation);
        matrix.quantity = quantity->currentText();
        matrix.high = greatest(matrix.values);
        matrix.diverging = true;
        matrix.csv = [shown = diff] { return shown->deviationCsv(); };
    }
    heat->setMatrix(std::move(matrix));
    HeatMatrix strip;
    score->setVisible(!diff->scoreDifference().empty());
    if (!diff->scoreDifference().empty()) {
        strip.rows = 1;
        strip.columns = current->promptTokens();
        strip.values = diff->scoreDifference();
        strip.rowNames = QStringList{tr("score")};
        strip.quantity = tr("score, B − A");
        strip.high = greatest(strip.values);
        strip.diverging = true;
        strip.csv = [shown = diff] { return shown->tokensCsv(); };
    }
    score->setMatrix(std::move(strip));
}

void CompareView::Parts::refreshTimelines() {
    timelines[0]->showTrace(pinned);
    timelines[1]->showTrace(current);
    const double stages = std::max(timelines[0]->stagesMs(), timelines[1]->stagesMs());
    const double layers = std::max(timelines[0]->layersMs(), timelines[1]->layersMs());
    for (StageTimeline* timeline : timelines) {
        timeline->setScale(stages, layers);
    }
}

CompareView::CompareView(Theme& theme, InspectionCursor& cursor, QWidget* parent)
    : QWidget(parent), m_parts(std::make_unique<Parts>(*this, theme, cursor)) {
    setObjectName(u"compareView"_s);
    setAccessibleName(tr("Compare"));
    setFocusProxy(m_parts->tabs);
    setAutoFillBackground(true);
    setBackgroundRole(QPalette::Base);
}

CompareView::~CompareView() = default;

void CompareView::showCurrent(std::shared_ptr<const engine::BlendTrace> trace) {
    m_parts->current = std::move(trace);
    m_parts->refresh();
}

void CompareView::pin(std::shared_ptr<const engine::BlendTrace> trace) {
    m_parts->pinned = std::move(trace);
    m_parts->refresh();
}

}  // namespace ui
