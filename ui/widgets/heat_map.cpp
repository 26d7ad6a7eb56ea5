// Pools the tokens in sight to pixel columns and paints one image; labels and cursor are drawn over it.
#include "ui/widgets/heat_map.h"

#include <QFontMetricsF>
#include <QImage>
#include <QPainter>
#include <algorithm>
#include <cmath>
#include <limits>

#include "ui/inspection_cursor.h"
#include "ui/theme/theme.h"
#include "ui/widgets/legend.h"

namespace ui {

namespace {

using namespace Qt::StringLiterals;

constexpr double kTop = 4;
constexpr double kAxisHeight = 20;  // with names of segments
constexpr double kBareHeight = 4;
constexpr float kNoValue = std::numeric_limits<float>::quiet_NaN();

std::size_t index(int value) { return static_cast<std::size_t>(value); }

/// 1, 2 or 5 times a power of ten: the least that is not below `least`.
int roundStep(double least) {
    int step = 1;
    for (int i = 0; step < least; ++i) {
        step = i % 3 == 1 ? step / 2 * 5 : step * 2;
    }
    return step;
}

}  // namespace

HeatMap::HeatMap(Theme& theme, InspectionCursor& cursor, TokenAxis& axis, const QString& name, const QString& accessibleName,
                 QWidget* parent)
    : PlotWidget(theme, name, accessibleName, parent), m_cursor(cursor), m_axis(axis) {
    setMouseTracking(true);
    setFocusPolicy(Qt::StrongFocus);
    grabGesture(Qt::PinchGesture);
    connect(&axis, &TokenAxis::changed, this, qOverload<>(&QWidget::update));
    connect(&cursor, &InspectionCursor::tokenChanged, this, [this] {
        if (m_cursor.lockedToken() == m_cursor.token() && m_cursor.token() >= 0) {
            m_axis.reveal(m_cursor.token());
        }
        update();
        announce();
    });
    connect(&cursor, &InspectionCursor::layerChanged, this, [this] {
        update();
        announce();
    });
}

void HeatMap::setMatrix(HeatMatrix matrix) {
    m_matrix = std::move(matrix);
    m_clipped = std::ranges::any_of(m_matrix.values, [this](float value) { return std::abs(value) > m_matrix.high; });
    updateGeometry();
    update();
    announce();
}

void HeatMap::setSegments(std::vector<int> begins, QStringList names) {
    m_segmentBegins = std::move(begins);
    m_segmentNames = std::move(names);
    updateGeometry();
    update();
}

void HeatMap::setPooling(Pooling pooling) {
    m_pooling = pooling;
    update();
}

void HeatMap::setEmptyText(const QString& text) {
    m_emptyText = text;
    update();
}

double HeatMap::axisHeight() const { return m_segmentNames.isEmpty() ? kBareHeight : kAxisHeight; }

QSize HeatMap::sizeHint() const {
    const int rows = rowsAreLayers() ? std::max(m_matrix.rows * 5, 120) : m_matrix.rows * 18;
    return {640, rows + static_cast<int>(kTop + axisHeight())};
}

QSize HeatMap::minimumSizeHint() const {
    const int rows = rowsAreLayers() ? 72 : std::max(1, m_matrix.rows) * 14;
    return {240, rows + static_cast<int>(kTop + axisHeight())};
}

QRectF HeatMap::field(const QSize& size) const {
    return {TokenAxis::kLeftMargin, kTop,
            std::max(1.0, static_cast<double>(size.width() - TokenAxis::kLeftMargin - TokenAxis::kRightMargin)),
            std::max(1.0, size.height() - kTop - axisHeight())};
}

double HeatMap::xOf(double token, const QRectF& field) const {
    return field.left() + (token - m_axis.begin()) / std::max(m_axis.span(), 1e-9) * field.width();
}

int HeatMap::tokenAt(double x) const {
    const QRectF area = field(size());
    if (x < area.left() || x >= area.right() || m_matrix.columns == 0) {
        return InspectionCursor::kNone;
    }
    const double token = m_axis.begin() + (x - area.left()) / area.width() * m_axis.span();
    return std::clamp(static_cast<int>(token), 0, m_matrix.columns - 1);
}

int HeatMap::rowAt(double y) const {
    const QRectF area = field(size());
    if (y < area.top() || y >= area.bottom() || m_matrix.rows == 0) {
        return -1;
    }
    return std::clamp(static_cast<int>((y - area.top()) / area.height() * m_matrix.rows), 0, m_matrix.rows - 1);
}

std::vector<float> HeatMap::pooled(int width) const {
    std::vector<float> result(index(m_matrix.rows) * index(width), kNoValue);
    const double perPixel = m_axis.span() / width;
    for (int x = 0; x < width; ++x) {
        const int from = std::clamp(static_cast<int>(m_axis.begin() + x * perPixel), 0, std::max(0, m_matrix.columns - 1));
        const int to = std::clamp(static_cast<int>(std::ceil(m_axis.begin() + (x + 1) * perPixel - 1e-6)), from + 1,
                                  std::max(from + 1, m_matrix.columns));
        for (int row = 0; row < m_matrix.rows; ++row) {
            const float* values = m_matrix.values.data() + std::ptrdiff_t{row} * m_matrix.columns;
            float& pixel = result[index(row) * index(width) + index(x)];
            if (m_pooling == Pooling::Greatest) {
                for (int token = from; token < to; ++token) {
                    if (!(std::abs(values[token]) <= std::abs(pixel))) {
                        pixel = std::isnan(values[token]) ? pixel : values[token];
                    }
                }
            } else {
                double sum = 0;
                int count = 0;
                for (int token = from; token < to; ++token) {
                    if (!std::isnan(values[token])) {
                        sum += values[token];
                        ++count;
                    }
                }
                pixel = count > 0 ? static_cast<float>(sum / count) : kNoValue;
            }
        }
    }
    return result;
}

double HeatMap::rampPosition(float value) const {
    const double share = value / m_matrix.high;
    if (m_matrix.diverging) {
        return 0.5 + share / 2;
    }
    return m_matrix.squareRoot ? std::sqrt(std::max(0.0, share)) : share;
}

void HeatMap::paintField(QPainter& painter, const QRectF& area) const {
    const int width = static_cast<int>(std::ceil(area.width() * painter.device()->devicePixelRatioF()));
    const std::vector<float> values = pooled(width);
    const Ramp& ramp = m_matrix.diverging ? m_theme.diverging() : m_theme.sequential();
    const QRgb nothing = m_theme.color(Role::Raised).rgb();
    QImage image(width, m_matrix.rows, QImage::Format_RGB32);
    for (int row = 0; row < m_matrix.rows; ++row) {
        auto* line = reinterpret_cast<QRgb*>(image.scanLine(row));
        const float* from = values.data() + std::ptrdiff_t{row} * width;
        for (int x = 0; x < width; ++x) {
            line[x] = std::isnan(from[x]) ? nothing : ramp.at(rampPosition(from[x]));
        }
    }
    painter.setRenderHint(QPainter::SmoothPixmapTransform, false);
    painter.drawImage(area, image);
}

void HeatMap::paintAxes(QPainter& painter, const QRectF& area) const {
    painter.setFont(m_theme.smallFont());
    const QFontMetricsF metrics(m_theme.smallFont());
    const double rowHeight = area.height() / std::max(1, m_matrix.rows);
    painter.setPen(m_theme.color(Role::QuietInk));
    const int step = rowsAreLayers() ? roundStep((metrics.height() + 2) / rowHeight) : 1;
    for (int row = 0; row < m_matrix.rows; row += step) {
        const QString name = rowsAreLayers() ? QString::number(row) : m_matrix.rowNames.value(row);
        painter.drawText(QRectF(0, area.top() + (row + 0.5) * rowHeight - 10, area.left() - 8, 20),
                         Qt::AlignRight | Qt::AlignVCenter, name);
    }
    if (!rowsAreLayers()) {
        painter.setPen(QPen(m_theme.color(Role::Paper), 1));
        for (int row = 1; row < m_matrix.rows; ++row) {
            const double y = std::round(area.top() + row * rowHeight) + 0.5;
            painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y));
        }
    }
    // Where segments are wide enough they are named; the position axis takes the rest.
    const double baseline = area.bottom() + 4 + metrics.ascent();
    painter.save();
    painter.setClipRect(QRectF(area.left(), area.top(), area.width(), area.height() + axisHeight()));
    for (std::size_t i = 0; i < m_segmentBegins.size(); ++i) {
        const double left = xOf(m_segmentBegins[i], area);
        const double right = xOf(i + 1 < m_segmentBegins.size() ? m_segmentBegins[i + 1] : m_matrix.columns, area);
        if (right < area.left() || left > area.right()) {
            continue;
        }
        if (left > area.left() + 1) {
            QColor border = m_theme.color(Role::Ink);
            border.setAlphaF(0.45F);
            painter.setPen(QPen(border, 1));
            const double x = std::round(left) + 0.5;
            painter.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom() + 4));
        }
        const double from = std::max(left, area.left());
        const double room = std::min(right, area.right()) - from - 8;
        const QString name = m_segmentNames.value(static_cast<qsizetype>(i));
        if (room >= metrics.horizontalAdvance(name.left(2))) {
            const QString shown = metrics.elidedText(name, Qt::ElideRight, room);
            painter.setPen(m_theme.color(Role::QuietInk));
            if (shown != u"…"_s) {
                painter.drawText(QPointF(from + 4, baseline), shown);
            }
        }
    }
    painter.restore();
}

void HeatMap::paintCrosshair(QPainter& painter, const QRectF& area) const {
    const int token = m_cursor.token();
    if (token < 0 || token >= m_matrix.columns) {
        return;
    }
    painter.save();
    painter.setClipRect(area);
    QColor line = m_theme.color(Role::Crosshair);
    line.setAlphaF(m_cursor.isPreviewing() ? 0.6F : 1.0F);
    painter.setPen(QPen(line, 1));
    painter.setBrush(Qt::NoBrush);
    const double left = xOf(token, area);
    const double width = std::max(2.0, area.width() / m_axis.span());
    painter.drawRect(QRectF(std::round(left) - 0.5, area.top() - 2, std::round(width) + 1, area.height() + 4));
    if (rowsAreLayers() && m_cursor.layer() >= 0) {
        const double height = area.height() / m_matrix.rows;
        painter.drawRect(QRectF(area.left() - 2, std::round(area.top() + m_cursor.layer() * height) - 0.5, area.width() + 4,
                                std::max(2.0, std::round(height)) + 1));
    }
    painter.restore();
}

void HeatMap::paintPlot(QPainter& painter, const QSize& size) const {
    painter.fillRect(QRect({0, 0}, size), m_theme.color(Role::Paper));
    const QRectF area = field(size);
    if (m_matrix.rows == 0 || m_matrix.columns == 0) {
        painter.setPen(m_theme.color(Role::QuietInk));
        painter.setFont(m_theme.controlFont());
        painter.drawText(QRectF(QPointF(0, 0), QSizeF(size)), Qt::AlignCenter | Qt::TextWordWrap, m_emptyText);
        return;
    }
    paintField(painter, area);
    paintAxes(painter, area);
    paintCrosshair(painter, area);
    painter.setPen(QPen(m_theme.color(Role::Line), 1));
    painter.setBrush(Qt::NoBrush);
    painter.drawRect(area.adjusted(-0.5, -0.5, 0.5, 0.5));
    const LegendScale scale{0, m_matrix.high, m_matrix.diverging, m_clipped};
    paintVerticalLegend(painter, m_theme, QRectF(area.right(), area.top(), TokenAxis::kRightMargin, area.height()), scale);
}

QByteArray HeatMap::csv() const { return m_matrix.csv ? m_matrix.csv() : QByteArray(); }

QString HeatMap::currentText() const {
    const int token = m_cursor.token();
    if (m_matrix.rows == 0) {
        return m_emptyText;
    }
    if (token < 0 || token >= m_matrix.columns) {
        return tr("%1: %2 rows × %3 tokens").arg(m_matrix.quantity).arg(m_matrix.rows).arg(m_matrix.columns);
    }
    const auto valueOf = [&](int row) {
        return static_cast<double>(m_matrix.values[index(row) * index(m_matrix.columns) + index(token)]);
    };
    if (!rowsAreLayers()) {
        QStringList parts;
        for (int row = 0; row < m_matrix.rows; ++row) {
            parts += u"%1 %2"_s.arg(m_matrix.rowNames.value(row), shortNumber(valueOf(row)));
        }
        return tr("token %1: %2: %3").arg(token).arg(m_matrix.quantity, parts.join(u", "_s));
    }
    const int layer = m_cursor.layer();
    if (layer >= 0 && layer < m_matrix.rows) {
        return tr("token %1, layer %2: %3 %4").arg(token).arg(layer).arg(m_matrix.quantity, shortNumber(valueOf(layer)));
    }
    double sum = 0;
    for (int row = 0; row < m_matrix.rows; ++row) {
        sum += valueOf(row);
    }
    return tr("token %1, mean of layers: %2 %3").arg(token).arg(m_matrix.quantity, shortNumber(sum / m_matrix.rows));
}

}  // namespace ui
