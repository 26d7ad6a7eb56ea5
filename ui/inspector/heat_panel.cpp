// Three plots over one axis, and the value under the cursor in words.
#include "ui/inspector/heat_panel.h"

#include <QComboBox>
#include <QHBoxLayout>
#include <QLabel>
#include <QStackedWidget>
#include <QToolButton>
#include <QVBoxLayout>
#include <algorithm>

#include "ui/inspection_cursor.h"
#include "ui/inspector/attention_means.h"
#include "ui/inspector/trace_words.h"
#include "ui/theme/theme.h"
#include "ui/widgets/elided_label.h"
#include "ui/widgets/flow_layout.h"
#include "ui/widgets/heat_map.h"
#include "ui/widgets/state_message.h"

namespace ui {

namespace {

using namespace Qt::StringLiterals;

constexpr double kZoomStep = 1.5;
constexpr int kOneLine = 840;  // px

QByteArray bytesOf(const std::string& text) { return QByteArray(text.data(), static_cast<qsizetype>(text.size())); }

}  // namespace

HeatPanel::HeatPanel(Theme& theme, InspectionCursor& cursor, QWidget* parent)
    : QWidget(parent), m_theme(theme), m_cursor(cursor) {
    setObjectName(u"heatPanel"_s);
    setAccessibleName(tr("Layers by tokens"));
    setAutoFillBackground(true);
    setBackgroundRole(QPalette::Base);
    const auto combo = [&](const QString& name, const QString& accessible, const QStringList& items) {
        auto* box = new QComboBox(this);
        box->setObjectName(name);
        box->setAccessibleName(accessible);
        box->setToolTip(accessible);
        box->addItems(items);
        return box;
    };
    m_quantity = combo(u"heatQuantity"_s, tr("Quantity shown by layer and token"), {tr("K deviation"), tr("V deviation")});
    m_run = combo(u"heatRun"_s, tr("Run held against full prefill"), {tr("Reuse against full"), tr("Blend against full")});
    m_pooling = combo(u"heatPooling"_s, tr("How tokens that share a pixel are put together"), {tr("Greatest"), tr("Mean")});
    m_value = new ElidedLabel(u"heatValue"_s, tr("Value under the cursor"), this);
    m_value->setProperty("quiet", true);
    const auto button = [&](const QString& name, const QString& sign, const QString& words, auto action) {
        auto* made = new QToolButton(this);
        made->setObjectName(name);
        made->setText(sign);
        made->setToolTip(words);
        made->setAccessibleName(words);
        made->setFocusPolicy(Qt::StrongFocus);
        connect(made, &QToolButton::clicked, this, action);
        return made;
    };
    const auto around = [this] {
        return m_cursor.lockedToken() >= 0 ? m_cursor.lockedToken() + 0.5 : (m_axis.begin() + m_axis.end()) / 2;
    };
    m_map = new HeatMap(theme, cursor, m_axis, u"heatMap"_s, tr("Heat map, layers by tokens"), this);
    m_score = new HeatMap(theme, cursor, m_axis, u"scoreStrip"_s, tr("Selection score by token"), this);
    m_attention = new HeatMap(theme, cursor, m_axis, u"attentionStrip"_s, tr("The question's attention by token"), this);
    m_message = new StateMessage(theme, u"heatMessage"_s, this);
    m_stack = new QStackedWidget(this);
    m_stack->setObjectName(u"heatStack"_s);
    m_stack->addWidget(m_map);
    m_stack->addWidget(m_message);

    m_controls = new QWidget(this);
    m_controls->setObjectName(u"heatControls"_s);
    auto* controls = new FlowLayout(8, m_controls);
    for (QWidget* control : std::initializer_list<QWidget*>{
             m_quantity, m_run, m_pooling,
             button(u"heatZoomIn"_s, u"+"_s, tr("Zoom in"), [=, this] { m_axis.zoom(1 / kZoomStep, around()); }),
             button(u"heatZoomOut"_s, u"−"_s, tr("Zoom out"), [=, this] { m_axis.zoom(kZoomStep, around()); }),
             button(u"heatShowAll"_s, tr("All"), tr("Show the whole prompt"), [this] { m_axis.showAll(); })}) {
        controls->addWidget(control);
    }
    m_line = new QBoxLayout(QBoxLayout::LeftToRight);
    m_line->setSpacing(4);
    m_line->addWidget(m_controls);
    m_line->addWidget(m_value, 1);
    auto* bar = new QHBoxLayout;
    bar->setSpacing(8);
    bar->addLayout(m_line, 1);
    bar->addWidget(makeExportButton(*m_map, this), 0, Qt::AlignTop);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(16, 8, 16, 8);
    layout->setSpacing(4);
    layout->addLayout(bar);
    layout->addSpacing(4);
    layout->addWidget(m_stack, 1);
    layout->addWidget(m_score);
    layout->addWidget(m_attention);
    for (HeatMap* strip : {m_score, m_attention}) {
        strip->setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    }

    connect(m_message, &StateMessage::activated, this, &HeatPanel::measureRequested);
    connect(m_quantity, &QComboBox::currentIndexChanged, this, &HeatPanel::refreshMap);
    connect(m_run, &QComboBox::currentIndexChanged, this, &HeatPanel::refreshMap);
    connect(m_pooling, &QComboBox::currentIndexChanged, this, [this](int at) {
        for (HeatMap* map : {m_map, m_score, m_attention}) {
            map->setPooling(at == 0 ? Pooling::Greatest : Pooling::Mean);
        }
    });
    connect(&cursor, &InspectionCursor::tokenChanged, this, &HeatPanel::showValue);
    connect(&cursor, &InspectionCursor::layerChanged, this, &HeatPanel::refreshStrips);
    connect(&cursor, &InspectionCursor::headChanged, this, &HeatPanel::refreshStrips);
}

void HeatPanel::resizeEvent(QResizeEvent* event) {
    QWidget::resizeEvent(event);
    // Controls and value on one line where there is room, else below each other.
    const bool wide = width() >= kOneLine;
    int controls = 0;
    for (int at = 0; at < m_controls->layout()->count(); ++at) {
        controls += m_controls->layout()->itemAt(at)->sizeHint().width() + m_controls->layout()->spacing();
    }
    m_controls->setMinimumWidth(wide ? controls : 0);
    m_line->setDirection(wide ? QBoxLayout::LeftToRight : QBoxLayout::TopToBottom);
}

void HeatPanel::showTrace(std::shared_ptr<const engine::BlendTrace> trace) {
    m_trace = std::move(trace);
    m_axis.reset(m_trace ? m_trace->promptTokens() : 0);
    if (m_trace) {
        std::vector<int> begins;
        QStringList names;
        const QStringList labels = segmentLabels(*m_trace);
        for (int segment = 0; segment <= static_cast<int>(m_trace->segments.size()); ++segment) {
            const bool isSuffix = static_cast<std::size_t>(segment) == m_trace->segments.size();
            begins.push_back(isSuffix ? m_trace->suffixBegin()
                                      : m_trace->segments[static_cast<std::size_t>(segment)].position);
            const int chunk = chunkNumber(*m_trace, segment);
            names += chunk > 0 ? u"%1  %2"_s.arg(chunk).arg(segmentTitle(*m_trace, segment)) : labels[segment];
        }
        m_map->setSegments(begins, names);
        m_score->setSegments(begins, {});
        m_attention->setSegments(begins, {});
    }
    refreshMap();
    refreshStrips();
}

void HeatPanel::setQuantity(TextColoring coloring, DeviatingRun run) {
    if (coloring == TextColoring::KDeviation || coloring == TextColoring::VDeviation) {
        m_quantity->setCurrentIndex(coloring == TextColoring::KDeviation ? 0 : 1);
        m_run->setCurrentIndex(run == DeviatingRun::Reuse ? 0 : 1);
    }
}

void HeatPanel::refreshMap() {
    const bool measured = m_trace && m_trace->deviation;
    m_stack->setCurrentWidget(measured ? static_cast<QWidget*>(m_map) : m_message);
    for (QComboBox* box : {m_quantity, m_run}) {
        box->setEnabled(measured);
    }
    if (!measured) {
        m_map->setMatrix({});
        if (m_trace) {
            m_message->setMessage(
                tr("KV deviation is not measured for this run"),
                canMeasure(*m_trace)
                    ? tr("Measuring computes a full prefill and a full KV reuse of the same prompt and "
                         "compares every layer, token by token.")
                    : tr("A follow-up question goes on from KV kept in memory and cannot be measured; ask it "
                         "anew to measure it."),
                canMeasure(*m_trace) ? tr("Measure (about %1 s)").arg(measureSeconds(*m_trace)) : QString());
        } else {
            m_message->setMessage(tr("No run yet"), tr("Ask a question, or open a saved trace."));
        }
        return;
    }
    const TextColoring coloring = m_quantity->currentIndex() == 0 ? TextColoring::KDeviation : TextColoring::VDeviation;
    const DeviatingRun run = m_run->currentIndex() == 0 ? DeviatingRun::Reuse : DeviatingRun::Blend;
    const engine::KvDeviation& shape = m_trace->deviation->blend.kv;
    HeatMatrix matrix;
    matrix.rows = shape.layers;
    matrix.columns = shape.tokens;
    matrix.values = *deviationOf(*m_trace, run, coloring);
    matrix.quantity = (coloring == TextColoring::KDeviation ? tr("K deviation from full") : tr("V deviation from full")) +
                      u", "_s + (run == DeviatingRun::Reuse ? tr("reuse") : tr("blend"));
    // One scale for both runs, so that switching between them shows what blending repaired.
    matrix.high = std::max(1e-6, quantile(*deviationOf(*m_trace, DeviatingRun::Reuse, coloring), 0.995));
    matrix.csv = [trace = m_trace] { return bytesOf(engine::kvDeviationCsv(*trace)); };
    m_map->setMatrix(std::move(matrix));
    showValue();
}

void HeatPanel::refreshStrips() {
    const std::vector<float> score = m_trace ? scoresByPosition(*m_trace) : std::vector<float>();
    m_score->setVisible(!score.empty());
    if (!score.empty()) {
        HeatMatrix matrix;
        matrix.rows = 1;
        matrix.columns = m_trace->promptTokens();
        matrix.values = score;
        matrix.quantity = scoreName(*m_trace);
        matrix.rowNames = QStringList{tr("score")};
        matrix.high = std::max(1e-9, quantile(score, 0.99));
        matrix.squareRoot = true;
        matrix.csv = [trace = m_trace] { return bytesOf(engine::recomputeCsv(*trace)); };
        m_score->setMatrix(std::move(matrix));
    }
    const bool measured = m_trace && m_trace->deviation;
    m_attention->setVisible(measured);
    if (measured) {
        const engine::DeviationReport& report = *m_trace->deviation;
        HeatMatrix matrix;
        matrix.rows = 3;
        matrix.columns = m_trace->promptTokens();
        std::vector<float> all;
        for (const engine::AttentionSummary* attention : {&report.reuse.attention, &report.blend.attention, &report.full}) {
            std::vector<float> row = suffixAttention(*attention, m_cursor.layer(), m_cursor.head());
            all.insert(all.end(), row.begin(), row.end());
            row.resize(static_cast<std::size_t>(matrix.columns), std::numeric_limits<float>::quiet_NaN());
            matrix.values.insert(matrix.values.end(), row.begin(), row.end());
        }
        matrix.quantity = tr("the question's attention");
        matrix.rowNames = QStringList{tr("att. reuse"), tr("att. blend"), tr("att. full")};
        matrix.high = std::max(1e-9, quantile(all, 0.995));
        matrix.squareRoot = true;
        matrix.csv = [trace = m_trace, layer = m_cursor.layer(), head = m_cursor.head()] {
            const engine::DeviationReport& measuredReport = *trace->deviation;
            const std::vector<float> reuse = suffixAttention(measuredReport.reuse.attention, layer, head);
            const std::vector<float> blend = suffixAttention(measuredReport.blend.attention, layer, head);
            const std::vector<float> full = suffixAttention(measuredReport.full, layer, head);
            QByteArray csv = "position,reuse,blend,full\r\n";
            for (std::size_t p = 0; p < full.size(); ++p) {
                csv += QByteArray::number(static_cast<qulonglong>(p)) + ',' +
                       QByteArray::number(static_cast<double>(reuse[p]), 'g', 9) + ',' +
                       QByteArray::number(static_cast<double>(blend[p]), 'g', 9) + ',' +
                       QByteArray::number(static_cast<double>(full[p]), 'g', 9) + "\r\n";
            }
            return csv;
        };
        m_attention->setMatrix(std::move(matrix));
    }
    showValue();
}

void HeatPanel::showValue() { m_value->setWhole(m_trace && m_trace->deviation ? m_map->currentText() : QString()); }

}  // namespace ui
