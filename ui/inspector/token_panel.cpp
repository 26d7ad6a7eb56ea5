// Facts, deviation by layer, attention by chunk, neighbours.
#include "ui/inspector/token_panel.h"

#include <QGridLayout>
#include <QHeaderView>
#include <QLabel>
#include <QLocale>
#include <QPushButton>
#include <QScrollArea>
#include <QStyle>
#include <QTableView>
#include <QVBoxLayout>
#include <algorithm>
#include <cmath>

#include "ui/inspection_cursor.h"
#include "ui/inspector/neighbour_model.h"
#include "ui/inspector/prompt_text.h"
#include "ui/inspector/text_shading.h"
#include "ui/inspector/trace_words.h"
#include "ui/theme/theme.h"
#include "ui/widgets/cell_grid.h"
#include "ui/widgets/legend.h"
#include "ui/widgets/line_plot.h"
#include "ui/widgets/table_export.h"

namespace ui {

namespace {

using namespace Qt::StringLiterals;

constexpr int kFirst = 40;

std::size_t index(int value) { return static_cast<std::size_t>(value); }

QString number(int value) { return QLocale().toString(value); }
QString figure(float value) { return shortNumber(static_cast<double>(value)); }

std::vector<double> widened(const std::vector<float>& values) { return {values.begin(), values.end()}; }

}  // namespace

TokenPanel::TokenPanel(Theme& theme, InspectionCursor& cursor, QWidget* parent)
    : QWidget(parent), m_theme(theme), m_cursor(cursor) {
    setObjectName(u"tokenPanel"_s);
    setAccessibleName(tr("Why this token"));
    const auto label = [&](const QString& name, const QString& accessible) {
        auto* made = new QLabel(this);
        made->setObjectName(name);
        made->setAccessibleName(accessible);
        made->setTextFormat(Qt::PlainText);
        made->setWordWrap(true);
        made->setTextInteractionFlags(Qt::TextSelectableByMouse);
        return made;
    };
    m_hint = label(u"tokenHint"_s, tr("No token chosen"));
    m_hint->setText(
        tr("Point at a token, or click it to keep it here. With the keyboard: arrows in the text, N for the next "
           "recomputed token."));
    m_hint->setProperty("quiet", true);
    m_hint->setAlignment(Qt::AlignTop | Qt::AlignLeft);
    m_token = label(u"tokenText"_s, tr("Token"));
    m_fate = label(u"tokenFate"_s, tr("Fate"));
    m_why = label(u"tokenWhy"_s, tr("Why"));
    m_open = new QPushButton(tr("Open document"), this);
    m_open->setObjectName(u"tokenOpenDocument"_s);
    m_open->setAccessibleName(tr("Open the token's document"));
    connect(m_open, &QPushButton::clicked, this, [this] {
        if (m_trace && m_cursor.token() >= 0) {
            emit segmentActivated(m_trace->segmentAt(m_cursor.token()));
        }
    });

    m_body = new QWidget(this);
    m_body->setObjectName(u"tokenBody"_s);
    auto* body = new QVBoxLayout(m_body);
    body->setContentsMargins(16, 8, 16, 16);
    body->setSpacing(8);
    body->addWidget(m_token);
    body->addWidget(m_fate);
    body->addWidget(m_why);
    body->addSpacing(8);
    m_grid = new QGridLayout;
    m_grid->setHorizontalSpacing(16);
    m_grid->setVerticalSpacing(4);
    m_grid->setColumnStretch(1, 1);
    body->addLayout(m_grid);
    m_position = addFact(u"factPosition"_s, tr("Position"));
    m_segment = addFact(u"factSegment"_s, tr("Chunk"));
    m_inSegment = addFact(u"factInSegment"_s, tr("From its start"));
    m_rank = addFact(u"factRank"_s, tr("Rank"));
    m_score = addFact(u"factScore"_s, tr("Score"));
    m_threshold = addFact(u"factThreshold"_s, tr("Threshold"));
    m_attention = addFact(u"factAttention"_s, tr("Question's attention"));
    body->addWidget(m_open, 0, Qt::AlignLeft);
    body->addSpacing(8);
    m_k = new LinePlot(theme, u"tokenKDeviation"_s, tr("K deviation of the token by layer"), m_body);
    m_v = new LinePlot(theme, u"tokenVDeviation"_s, tr("V deviation of the token by layer"), m_body);
    for (LinePlot* plot : {m_k, m_v}) {
        plot->setFixedHeight(132);
        body->addWidget(plot);
        connect(plot, &LinePlot::chosen, &m_cursor, &InspectionCursor::setLayer);
    }
    m_attends = new CellGrid(theme, u"tokenAttends"_s, tr("What the rows of the token's chunk attend to"), m_body);
    m_attends->setFixedHeight(116);
    body->addWidget(m_attends);
    m_neighboursTitle = label(u"neighboursTitle"_s, tr("Neighbours"));
    m_neighboursTitle->setText(tr("Neighbours"));
    body->addWidget(m_neighboursTitle);
    m_model = new NeighbourModel(this);
    m_neighbours = makeTokenTable(u"tokenNeighbours"_s, tr("Neighbours of the token"), m_model, m_body);
    m_neighbours->setVerticalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    m_neighbours->setFixedHeight(24 * 9 + 32);
    body->addWidget(m_neighbours);
    body->addStretch();

    auto* scroll = new QScrollArea(this);
    scroll->setObjectName(u"tokenScroll"_s);
    scroll->setAccessibleName(tr("Why this token"));
    scroll->setWidget(m_body);
    scroll->setWidgetResizable(true);
    scroll->setFrameShape(QFrame::NoFrame);
    scroll->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    scroll->viewport()->setObjectName(u"tokenScrollViewport"_s);
    m_body->setAutoFillBackground(true);
    m_body->setBackgroundRole(QPalette::Base);
    setAutoFillBackground(true);
    setBackgroundRole(QPalette::Base);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(0);
    auto* hint = new QVBoxLayout;
    hint->setContentsMargins(16, 8, 16, 0);
    hint->addWidget(m_hint);
    m_firstTitle = label(u"tokenFirstTitle"_s, tr("Ranked first"));
    m_firstTitle->setText(tr("Ranked first"));
    hint->addSpacing(16);
    hint->addWidget(m_firstTitle);
    m_firstModel = new NeighbourModel(this);
    m_first = makeTokenTable(u"tokenFirst"_s, tr("Tokens ranked first"), m_firstModel, this);
    hint->addWidget(m_first, 1);
    layout->addLayout(hint);
    layout->addWidget(scroll, 1);
    m_scroll = scroll;

    connect(&cursor, &InspectionCursor::tokenChanged, this, &TokenPanel::refresh);
    connect(&cursor, &InspectionCursor::layerChanged, this, &TokenPanel::refresh);
    connect(&cursor, &InspectionCursor::headChanged, this, &TokenPanel::refresh);
    connect(&theme, &Theme::changed, this, &TokenPanel::dress);
    dress();
}

QTableView* TokenPanel::makeTokenTable(const QString& name, const QString& accessible, NeighbourModel* model,
                                       QWidget* parent) {
    auto* table = new QTableView(parent);
    table->setObjectName(name);
    table->setAccessibleName(accessible);
    table->setModel(model);
    table->setSelectionBehavior(QAbstractItemView::SelectRows);
    table->setSelectionMode(QAbstractItemView::SingleSelection);
    table->setShowGrid(false);
    table->setTabKeyNavigation(false);
    table->verticalHeader()->hide();
    table->verticalHeader()->setDefaultSectionSize(24);
    table->horizontalHeader()->setSectionResizeMode(QHeaderView::ResizeToContents);
    table->horizontalHeader()->setSectionResizeMode(1, QHeaderView::Stretch);
    makeExportable(*table, name);
    const auto lock = [this, model](const QModelIndex& at) { m_cursor.setToken(model->position(at.row())); };
    connect(table, &QTableView::activated, this, lock);
    connect(table, &QTableView::clicked, this, lock);
    return table;
}

void TokenPanel::showFirst() {
    std::vector<TokenNeighbour> first;
    if (m_index && m_index->ranked > 0) {
        first.resize(static_cast<std::size_t>(std::min(m_index->ranked, kFirst)));
        for (int position = 0; position < m_trace->promptTokens(); ++position) {
            const int rank = m_index->ranks[index(position)];
            if (rank > 0 && rank <= kFirst) {
                first[index(rank - 1)] = {position, m_index->fates[index(position)], m_index->scores[index(position)]};
            }
        }
    }
    m_firstModel->show(m_trace, std::move(first));
}

QLabel* TokenPanel::addFact(const QString& name, const QString& words) {
    auto* caption = new QLabel(words, m_body);
    caption->setObjectName(name + "Caption"_L1);
    caption->setProperty("quiet", true);
    auto* value = new QLabel(m_body);
    value->setObjectName(name);
    value->setAccessibleName(words);
    value->setTextFormat(Qt::PlainText);
    value->setAlignment(Qt::AlignRight | Qt::AlignVCenter);
    value->setTextInteractionFlags(Qt::TextSelectableByMouse);
    value->setWordWrap(true);
    const int row = m_grid->rowCount();
    m_grid->addWidget(caption, row, 0, Qt::AlignTop);
    m_grid->addWidget(value, row, 1);
    return value;
}

void TokenPanel::showEvent(QShowEvent* event) {
    QWidget::showEvent(event);
    dress();
}

void TokenPanel::dress() {
    QFont big = m_theme.documentFont();
    big.setPointSizeF(big.pointSizeF() + 6);
    m_token->setFont(big);
    m_fate->setFont(m_theme.headingFont());
    m_neighboursTitle->setFont(m_theme.headingFont());
    m_firstTitle->setFont(m_theme.headingFont());
    m_first->setFont(m_theme.figureFont());
    for (QLabel* label : {m_position, m_segment, m_inSegment, m_score, m_rank, m_threshold, m_attention}) {
        label->setFont(m_theme.figureFont());
    }
    // The style's own measure of a heading leaves out its padding.
    for (QTableView* table : {m_first, m_neighbours}) {
        QHeaderView* const header = table->horizontalHeader();
        header->setMinimumSectionSize(header->fontMetrics().horizontalAdvance(tr("Position")) + 20);
    }
    m_neighbours->setFont(m_theme.figureFont());
    refresh();
}

void TokenPanel::showTrace(std::shared_ptr<const engine::BlendTrace> trace) {
    m_trace = std::move(trace);
    m_index = m_trace ? std::make_unique<TraceIndex>(*m_trace) : nullptr;
    showFirst();
    refresh();
}

void TokenPanel::refresh() {
    const int token = m_cursor.token();
    const bool shown = m_trace && token >= 0 && token < m_trace->promptTokens();
    m_hint->setVisible(!shown);
    m_firstTitle->setVisible(!shown && m_firstModel->rowCount() > 0);
    m_first->setVisible(!shown && m_firstModel->rowCount() > 0);
    m_scroll->setVisible(shown);
    if (shown) {
        showFacts(tokenFacts(*m_trace, *m_index, token, m_cursor.layer(), m_cursor.head()));
    }
}

void TokenPanel::showFacts(const TokenFacts& facts) {
    const QString piece = visiblePiece(m_trace->pieces[index(facts.position)]);
    const QString word = QString(piece).replace(u'␣', u' ').trimmed();
    m_token->setText(word.isEmpty() ? piece : word);
    m_fate->setText(fateText(facts.fate));
    m_fate->setProperty("tone", facts.fate == engine::TokenFate::Recomputed ? u"recomputed"_s
                                : facts.fate == engine::TokenFate::Fresh    ? u"fresh"_s
                                                                            : u"quiet"_s);
    m_fate->style()->polish(m_fate);
    m_why->setText(whyText(*m_trace, facts));
    m_position->setText(tr("%1 of %2").arg(number(facts.position), number(m_trace->promptTokens())));
    const int chunk = chunkNumber(*m_trace, facts.segment);
    const QString title = segmentTitle(*m_trace, facts.segment);
    m_segment->setText(chunk > 0 ? u"%1 · %2"_s.arg(chunk).arg(title) : title);
    m_inSegment->setText(tr("%1 tokens").arg(number(facts.inSegment)));
    m_rank->setText(facts.rank > 0 ? tr("%1 of %2").arg(number(facts.rank), number(facts.ranked)) : u"–"_s);
    m_score->setText(facts.score ? figure(*facts.score) : u"–"_s);
    m_score->setToolTip(scoreName(*m_trace));
    m_threshold->setText(facts.ranked > 0 ? figure(facts.threshold) : u"–"_s);
    m_open->setVisible(chunk > 0);
    m_model->show(m_trace, facts.neighbours);
    for (int row = 0; row < m_model->rowCount(); ++row) {
        if (m_model->position(row) == facts.position) {
            m_neighbours->selectRow(row);
        }
    }
    showMeasured(facts);
}

void TokenPanel::showMeasured(const TokenFacts& facts) {
    const bool measured = !facts.kReuse.empty();
    for (QWidget* widget : std::initializer_list<QWidget*>{m_k, m_v, m_attends}) {
        widget->setVisible(measured);
    }
    m_attention->setText(!measured ? tr("not measured")
                         : !facts.fromQuestion
                             ? u"–"_s
                             : tr("reuse %1\nblend %2\nfull %3")
                                   .arg(figure(facts.fromQuestion->reuse), figure(facts.fromQuestion->blend),
                                        figure(facts.fromQuestion->full)));
    if (!measured) {
        return;
    }
    const auto plot = [&](const QString& title, const std::vector<float>& reuse, const std::vector<float>& blend) {
        return LinePlotData{title,
                            tr("layer"),
                            {},
                            {{tr("reuse"), widened(reuse), Role::QuietInk, Qt::DashLine},
                             {tr("blend"), widened(blend), Role::Recomputed, Qt::SolidLine}},
                            {}};
    };
    m_k->setData(plot(tr("K deviation by layer"), facts.kReuse, facts.kBlend));
    m_v->setData(plot(tr("V deviation by layer"), facts.vReuse, facts.vBlend));
    m_k->setCurrent(m_cursor.layer());
    m_v->setCurrent(m_cursor.layer());
    CellGridData grid;
    grid.rows = 3;
    grid.columns = static_cast<int>(facts.blockFull.size());
    for (const std::vector<float>* row : {&facts.blockReuse, &facts.blockBlend, &facts.blockFull}) {
        grid.values.insert(grid.values.end(), row->begin(), row->end());
    }
    grid.rowNames = QStringList{tr("reuse"), tr("blend"), tr("full")};
    grid.columnNames = segmentLabels(*m_trace);
    grid.rowAxis = tr("run");
    grid.columnAxis = tr("to");
    grid.title = tr("Rows of this chunk attend to");
    grid.quantity = tr("probability");
    grid.squareRoot = true;
    m_attends->setData(std::move(grid));
}

}  // namespace ui
