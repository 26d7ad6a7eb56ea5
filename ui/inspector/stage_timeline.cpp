// A stacked bar with a key, and a Gantt chart of layers.
#include "ui/inspector/stage_timeline.h"

#include <QFontMetricsF>
#include <QKeyEvent>
#include <QMouseEvent>
#include <QPainter>
#include <algorithm>
#include <cmath>

#include "ui/inspection_cursor.h"
#include "ui/inspector/stages.h"
#include "ui/widgets/legend.h"

namespace ui {

namespace {

using namespace Qt::StringLiterals;

constexpr double kLeft = 40;
constexpr double kRight = 12;
constexpr double kHeading = 24;
constexpr double kBar = 16;
constexpr double kKeyLine = 20;
constexpr double kKeyColumn = 176;
constexpr double kAxis = 20;

QByteArray bytesOf(const std::string& text) { return QByteArray(text.data(), static_cast<qsizetype>(text.size())); }

}  // namespace

StageTimeline::StageTimeline(Theme& theme, InspectionCursor& cursor, const QString& name, QWidget* parent)
    : PlotWidget(theme, name, tr("Timeline of stages and layers"), parent), m_cursor(cursor) {
    setMouseTracking(true);
    setFocusPolicy(Qt::StrongFocus);
    connect(&cursor, &InspectionCursor::layerChanged, this, [this] {
        update();
        announce();
    });
}

void StageTimeline::showTrace(std::shared_ptr<const engine::BlendTrace> trace) {
    m_trace = std::move(trace);
    m_hover = -1;
    update();
    announce();
}

void StageTimeline::setScale(double stagesMs, double layersMs) {
    m_stagesScale = stagesMs;
    m_layersScale = layersMs;
    update();
}

void StageTimeline::setTitle(const QString& title) {
    m_title = title;
    update();
}

double StageTimeline::stagesMs() const { return m_trace ? m_trace->ms.ttft : 0; }

double StageTimeline::layersMs() const {
    double last = 0;
    if (m_trace) {
        for (const engine::LayerTiming& layer : m_trace->layers) {
            last = std::max({last, layer.loadEnd, layer.computeEnd});
        }
    }
    return last;
}

double StageTimeline::stagesHeight(double width) const {
    int shown = 0;
    for (const Stage& stage : stagesOf(m_trace->ms)) {
        shown += stage.ms > 0 ? 1 : 0;
    }
    const int columns = std::max(1, static_cast<int>((width - kLeft - kRight) / kKeyColumn));
    return kHeading + kBar + 8 + kKeyLine * ((shown + columns - 1) / columns) + 12;
}

QRectF StageTimeline::layersField(const QSize& size) const {
    const double top = stagesHeight(size.width()) + kHeading;
    return {kLeft, top, std::max(1.0, size.width() - kLeft - kRight), std::max(1.0, size.height() - top - kAxis)};
}

int StageTimeline::layerUnder(const QPointF& point) const {
    if (!m_trace || m_trace->layers.empty()) {
        return -1;
    }
    const QRectF area = layersField(size());
    if (point.y() < area.top() || point.y() >= area.bottom()) {
        return -1;
    }
    const auto count = static_cast<int>(m_trace->layers.size());
    return std::clamp(static_cast<int>((point.y() - area.top()) / area.height() * count), 0, count - 1);
}

void StageTimeline::paintStages(QPainter& painter, double width) const {
    const QFontMetricsF heading(m_theme.headingFont());
    const QFontMetricsF small(m_theme.smallFont());
    painter.setFont(m_theme.headingFont());
    painter.setPen(m_theme.color(Role::Ink));
    painter.drawText(QPointF(kLeft, heading.ascent() + 2),
                     (m_title.isEmpty() ? m_title : m_title + u":  "_s) +
                         tr("First token after %1").arg(millisecondsText(m_trace->ms.ttft)));
    const double scale = (width - kLeft - kRight) / std::max(1e-9, std::max(m_stagesScale, stagesMs()));
    double x = kLeft;
    const int columns = std::max(1, static_cast<int>((width - kLeft - kRight) / kKeyColumn));
    const double column = (width - kLeft - kRight) / columns;
    int place = 0;
    const double keyTop = kHeading + kBar + 8;
    for (const Stage& stage : stagesOf(m_trace->ms)) {
        if (stage.ms <= 0) {
            continue;
        }
        const double next = x + stage.ms * scale;
        const double gap = next - x > 3 ? 1 : 0;
        painter.fillRect(QRectF(x, kHeading, std::max(0.5, next - x - gap), kBar), m_theme.color(stage.role));
        x = next;
        const double left = kLeft + column * (place % columns);
        const double baseline = keyTop + kKeyLine * (place / columns) + small.ascent() + 2;
        painter.fillRect(QRectF(left, baseline - 8, 8, 8), m_theme.color(stage.role));
        painter.setFont(m_theme.smallFont());
        painter.setPen(m_theme.color(Role::QuietInk));
        painter.drawText(QPointF(left + 14, baseline), stage.name);
        QFont figures = m_theme.figureFont();
        figures.setPointSizeF(figures.pointSizeF() - 1);
        painter.setFont(figures);
        painter.setPen(m_theme.color(Role::Ink));
        const double room = std::min(column, kKeyColumn) - 16;
        painter.drawText(QRectF(left, baseline - 14, room, 18), Qt::AlignRight | Qt::AlignVCenter,
                         millisecondsText(stage.ms));
        ++place;
    }
}

void StageTimeline::paintLayers(QPainter& painter, const QRectF& area) const {
    const auto count = static_cast<int>(m_trace->layers.size());
    const QFontMetricsF small(m_theme.smallFont());
    const double most = std::max({1e-9, layersMs(), m_layersScale});
    const double row = area.height() / count;
    const auto xOf = [&](double ms) { return area.left() + ms / most * area.width(); };

    double loading = 0;
    for (const engine::LayerTiming& layer : m_trace->layers) {
        loading += std::max(0.0, layer.loadEnd - layer.loadBegin);
    }
    painter.setFont(m_theme.headingFont());
    painter.setPen(m_theme.color(Role::Ink));
    const QString heading = tr("Layers");
    const double baseline = area.top() - 9;
    painter.drawText(QPointF(area.left(), baseline), heading);
    painter.setFont(m_theme.smallFont());
    double x = area.left() + QFontMetricsF(m_theme.headingFont()).horizontalAdvance(heading) + 16;
    const auto key = [&](Role role, const QString& words) {
        painter.fillRect(QRectF(x, baseline - 8, 8, 8), m_theme.color(role));
        painter.setPen(m_theme.color(Role::QuietInk));
        painter.drawText(QPointF(x + 14, baseline), words);
        x += 14 + small.horizontalAdvance(words) + 16;
    };
    key(Role::Compute, tr("compute"));
    key(Role::Load, loading > 0 ? tr("load %1, %2 of it behind computing")
                                      .arg(millisecondsText(loading), millisecondsText(m_trace->ms.loadHidden))
                                : tr("nothing loaded"));

    // Round steps on the axis, in ms.
    double step = std::pow(10, std::floor(std::log10(most / 4)));
    step *= most / step > 20 ? 5 : most / step > 8 ? 2 : 1;
    for (double at = 0; at <= most * 1.0001; at += step) {
        painter.setPen(QPen(m_theme.color(Role::Line), 1));
        const double line = std::round(xOf(at)) + 0.5;
        painter.drawLine(QPointF(line, area.top()), QPointF(line, area.bottom()));
        painter.setPen(m_theme.color(Role::QuietInk));
        painter.drawText(QRectF(line - 40, area.bottom() + 2, 80, kAxis - 2), Qt::AlignCenter,
                         at == 0 ? tr("0 ms") : shortNumber(at));
    }
    const double firstCompute = m_trace->layers.front().computeBegin;
    if (const double left = xOf(std::max(0.0, firstCompute - m_trace->ms.questionPass)); xOf(firstCompute) - left > 80) {
        // The pass over the loaded KV that scores the tokens runs before any layer's recomputation.
        painter.fillRect(QRectF(left, area.top(), xOf(firstCompute) - left, area.height()), m_theme.color(Role::FreshTint));
        painter.setPen(m_theme.color(Role::Fresh));
        painter.drawText(QRectF(left, area.top() + 2, xOf(firstCompute) - left - 8, 20), Qt::AlignRight | Qt::AlignVCenter,
                         tr("question pass"));
    }
    const int labelStep = std::max(1, static_cast<int>(std::ceil(small.height() / row)));
    const auto bar = [&](double from, double to, double top, double height, Role role) {
        if (to > from) {
            painter.fillRect(QRectF(xOf(from), top, std::max(1.5, xOf(to) - xOf(from)), height), m_theme.color(role));
        }
    };
    for (int layer = 0; layer < count; ++layer) {
        const engine::LayerTiming& times = m_trace->layers[static_cast<std::size_t>(layer)];
        const double top = area.top() + layer * row;
        if (layer == m_cursor.layer() || layer == m_hover) {
            painter.fillRect(QRectF(area.left(), top, area.width(), row), m_theme.color(Role::AccentTint));
        }
        const double half = std::max(1.0, (row - (row > 6 ? 2 : 0)) / 2);
        bar(times.loadBegin, times.loadEnd, top, half, Role::Load);
        bar(times.computeBegin, times.computeEnd, top + half, half, Role::Compute);
        if (layer % labelStep == 0) {
            painter.setPen(m_theme.color(Role::QuietInk));
            painter.drawText(QRectF(0, top + row / 2 - 10, area.left() - 8, 20), Qt::AlignRight | Qt::AlignVCenter,
                             QString::number(layer));
        }
    }
}

void StageTimeline::paintPlot(QPainter& painter, const QSize& size) const {
    painter.fillRect(QRect({0, 0}, size), m_theme.color(Role::Paper));
    if (!m_trace) {
        return;
    }
    paintStages(painter, size.width());
    if (!m_trace->layers.empty()) {
        paintLayers(painter, layersField(size));
    }
}

QByteArray StageTimeline::csv() const {
    return m_trace ? bytesOf(engine::stagesCsv(*m_trace)) + "\r\n" + bytesOf(engine::layerTimesCsv(*m_trace)) : QByteArray();
}

QString StageTimeline::currentText() const {
    if (!m_trace) {
        return {};
    }
    const int layer = m_hover >= 0 ? m_hover : m_cursor.layer();
    if (layer >= 0 && layer < static_cast<int>(m_trace->layers.size())) {
        const engine::LayerTiming& times = m_trace->layers[static_cast<std::size_t>(layer)];
        return tr("layer %1: load %2 to %3 ms, compute %4 to %5 ms")
            .arg(layer)
            .arg(times.loadBegin, 0, 'f', 2)
            .arg(times.loadEnd, 0, 'f', 2)
            .arg(times.computeBegin, 0, 'f', 2)
            .arg(times.computeEnd, 0, 'f', 2);
    }
    QStringList parts;
    for (const Stage& stage : stagesOf(m_trace->ms)) {
        if (stage.ms > 0) {
            parts += u"%1 %2"_s.arg(stage.name, millisecondsText(stage.ms));
        }
    }
    return tr("first token after %1: %2").arg(millisecondsText(m_trace->ms.ttft), parts.join(u", "_s));
}

void StageTimeline::mouseMoveEvent(QMouseEvent* event) {
    m_hover = layerUnder(event->position());
    setToolTip(m_hover >= 0 ? currentText() : QString());
    update();
    announce();
}

void StageTimeline::mousePressEvent(QMouseEvent* event) {
    if (event->button() == Qt::LeftButton) {
        if (const int layer = layerUnder(event->position()); layer >= 0) {
            m_cursor.setLayer(layer);
        }
    }
}

void StageTimeline::leaveEvent(QEvent* event) {
    m_hover = -1;
    update();
    PlotWidget::leaveEvent(event);
}

void StageTimeline::keyPressEvent(QKeyEvent* event) {
    if (m_trace && (event->key() == Qt::Key_Up || event->key() == Qt::Key_Down)) {
        const int step = event->key() == Qt::Key_Up ? -1 : 1;
        m_cursor.setLayer(std::clamp(m_cursor.layer() + step, -1, static_cast<int>(m_trace->layers.size()) - 1));
        return;
    }
    PlotWidget::keyPressEvent(event);
}

}  // namespace ui
