// Lines told apart by stroke as well as by colour, named in the title line.
#include "ui/widgets/line_plot.h"

#include <QFontMetricsF>
#include <QKeyEvent>
#include <QMouseEvent>
#include <QPainter>
#include <algorithm>
#include <cmath>

#include "ui/widgets/legend.h"
#include "ui/widgets/table_export.h"

namespace ui {

namespace {

using namespace Qt::StringLiterals;

constexpr double kTop = 40;
constexpr double kBottom = 20;
constexpr double kLeft = 44;
constexpr double kRight = 12;

std::size_t index(int value) { return static_cast<std::size_t>(value); }

}  // namespace

LinePlot::LinePlot(Theme& theme, const QString& name, const QString& accessibleName, QWidget* parent)
    : PlotWidget(theme, name, accessibleName, parent) {
    setMouseTracking(true);
    setFocusPolicy(Qt::StrongFocus);
}

void LinePlot::setData(LinePlotData data) {
    m_data = std::move(data);
    update();
    announce();
}

void LinePlot::setCurrent(int x) {
    m_current = x;
    update();
    announce();
}

int LinePlot::points() const {
    std::size_t most = 0;
    for (const LineSeries& series : m_data.series) {
        most = std::max(most, series.values.size());
    }
    return static_cast<int>(most);
}

double LinePlot::greatest() const {
    double most = 0;
    for (const LineSeries& series : m_data.series) {
        for (const double value : series.values) {
            most = std::isfinite(value) ? std::max(most, value) : most;
        }
    }
    return most > 0 ? most : 1;
}

QRectF LinePlot::field(const QSize& size) const {
    return {kLeft, kTop, std::max(1.0, size.width() - kLeft - kRight), std::max(1.0, size.height() - kTop - kBottom)};
}

int LinePlot::xUnder(const QPointF& point) const {
    const QRectF area = field(size());
    if (points() == 0 || point.x() < area.left() - 8 || point.x() > area.right() + 8) {
        return -1;
    }
    const double share = (point.x() - area.left()) / area.width();
    return std::clamp(static_cast<int>(std::lround(share * std::max(1, points() - 1))), 0, points() - 1);
}

void LinePlot::paintSeries(QPainter& painter, const QRectF& area) const {
    const double most = greatest();
    const int last = std::max(1, points() - 1);
    const auto place = [&](int x, double value) {
        return QPointF(area.left() + area.width() * x / last, area.bottom() - area.height() * value / most);
    };
    for (const LineSeries& series : m_data.series) {
        painter.setPen(QPen(m_theme.color(series.role), 1.75, series.style, Qt::RoundCap, Qt::RoundJoin));
        painter.setBrush(Qt::NoBrush);
        QPolygonF line;
        for (std::size_t x = 0; x < series.values.size(); ++x) {
            line += place(static_cast<int>(x), series.values[x]);
        }
        painter.drawPolyline(line);
        if (series.values.size() <= 24) {
            painter.setBrush(m_theme.color(series.role));
            painter.setPen(Qt::NoPen);
            for (const QPointF& point : line) {
                painter.drawEllipse(point, 2.25, 2.25);
            }
        }
    }
    if (shown() >= 0 && shown() < points()) {
        painter.setPen(QPen(m_theme.color(Role::FaintInk), 1));
        const double x = std::round(place(shown(), 0).x()) + 0.5;
        painter.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()));
    }
}

void LinePlot::paintPlot(QPainter& painter, const QSize& size) const {
    painter.fillRect(QRect({0, 0}, size), m_theme.color(Role::Paper));
    const QRectF area = field(size);
    const QFontMetricsF small(m_theme.smallFont());
    painter.setFont(m_theme.headingFont());
    painter.setPen(m_theme.color(Role::Ink));
    painter.drawText(QPointF(0, QFontMetricsF(m_theme.headingFont()).ascent() + 1),
                     QFontMetricsF(m_theme.headingFont()).elidedText(m_data.title, Qt::ElideRight, size.width()));
    painter.setFont(m_theme.smallFont());
    double x = 0;
    const double keyBaseline = kTop - 8;
    for (const LineSeries& series : m_data.series) {
        QString words = series.name;
        if (shown() >= 0 && index(shown()) < series.values.size()) {
            words += u' ' + shortNumber(series.values[index(shown())]);
        }
        painter.setPen(QPen(m_theme.color(series.role), 2, series.style));
        painter.drawLine(QPointF(x, keyBaseline - small.ascent() / 2 + 1),
                         QPointF(x + 16, keyBaseline - small.ascent() / 2 + 1));
        painter.setPen(m_theme.color(Role::QuietInk));
        painter.drawText(QPointF(x + 20, keyBaseline), words);
        x += 20 + small.horizontalAdvance(words) + 12;
    }
    painter.setPen(QPen(m_theme.color(Role::Line), 1));
    painter.drawLine(area.bottomLeft() + QPointF(0, 0.5), area.bottomRight() + QPointF(0, 0.5));
    painter.drawLine(area.topLeft() + QPointF(0, 0.5), area.topRight() + QPointF(0, 0.5));
    painter.setPen(m_theme.color(Role::QuietInk));
    painter.drawText(QRectF(0, area.top() - 9, kLeft - 6, 18), Qt::AlignRight | Qt::AlignVCenter, shortNumber(greatest()));
    painter.drawText(QRectF(0, area.bottom() - 9, kLeft - 6, 18), Qt::AlignRight | Qt::AlignVCenter, u"0"_s);
    painter.drawText(QRectF(area.left(), area.bottom() + 2, 60, kBottom - 2), Qt::AlignLeft | Qt::AlignVCenter, u"0"_s);
    painter.drawText(QRectF(area.right() - 60, area.bottom() + 2, 60, kBottom - 2), Qt::AlignRight | Qt::AlignVCenter,
                     QString::number(std::max(0, points() - 1)));
    painter.drawText(QRectF(area.left(), area.bottom() + 2, area.width(), kBottom - 2), Qt::AlignCenter,
                     shown() >= 0 ? u"%1 %2"_s.arg(m_data.xName).arg(shown()) : m_data.xName);
    paintSeries(painter, area);
}

QByteArray LinePlot::csv() const {
    if (m_data.csv) {
        return m_data.csv();
    }
    QByteArray csv = csvField(m_data.xName).toUtf8();
    for (const LineSeries& series : m_data.series) {
        csv += ',' + csvField(series.name).toUtf8();
    }
    csv += "\r\n";
    for (int x = 0; x < points(); ++x) {
        csv += QByteArray::number(x);
        for (const LineSeries& series : m_data.series) {
            csv += ',' +
                   (index(x) < series.values.size() ? QByteArray::number(series.values[index(x)], 'g', 17) : QByteArray());
        }
        csv += "\r\n";
    }
    return csv;
}

QString LinePlot::currentText() const {
    QStringList parts;
    for (const LineSeries& series : m_data.series) {
        if (shown() >= 0 && index(shown()) < series.values.size()) {
            parts += u"%1 %2 %3"_s.arg(series.name, shortNumber(series.values[index(shown())]), m_data.unit).trimmed();
        } else {
            parts += tr("%1: %2 points").arg(series.name).arg(series.values.size());
        }
    }
    const QString values = parts.join(u", "_s);
    return shown() >= 0 ? u"%1, %2 %3: %4"_s.arg(m_data.title, m_data.xName).arg(shown()).arg(values)
                        : u"%1: %2"_s.arg(m_data.title, values);
}

void LinePlot::mouseMoveEvent(QMouseEvent* event) {
    m_hover = xUnder(event->position());
    update();
    announce();
}

void LinePlot::mousePressEvent(QMouseEvent* event) {
    if (event->button() == Qt::LeftButton) {
        setCurrent(xUnder(event->position()));
        emit chosen(m_current);
    }
}

void LinePlot::leaveEvent(QEvent* event) {
    m_hover = -1;
    update();
    PlotWidget::leaveEvent(event);
}

void LinePlot::keyPressEvent(QKeyEvent* event) {
    if (event->key() == Qt::Key_Left || event->key() == Qt::Key_Right) {
        const int step = event->key() == Qt::Key_Left ? -1 : 1;
        setCurrent(std::clamp(m_current + step, 0, std::max(0, points() - 1)));
        emit chosen(m_current);
        return;
    }
    PlotWidget::keyPressEvent(event);
}

}  // namespace ui
