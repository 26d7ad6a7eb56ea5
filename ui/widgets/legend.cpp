// Painted from the same ramps as the plots.
#include "ui/widgets/legend.h"

#include <QFontMetricsF>
#include <QImage>
#include <QLocale>
#include <QPainter>
#include <algorithm>
#include <cmath>

#include "ui/theme/theme.h"

namespace ui {

namespace {

using namespace Qt::StringLiterals;

QImage rampImage(const Ramp& ramp, Qt::Orientation orientation) {
    const bool vertical = orientation == Qt::Vertical;
    QImage image(vertical ? 1 : Ramp::kSteps, vertical ? Ramp::kSteps : 1, QImage::Format_RGB32);
    for (int i = 0; i < Ramp::kSteps; ++i) {
        const QRgb color = ramp.colors()[static_cast<std::size_t>(i)];
        if (vertical) {
            image.setPixel(0, Ramp::kSteps - 1 - i, color);
        } else {
            image.setPixel(i, 0, color);
        }
    }
    return image;
}

QString highText(const LegendScale& scale) { return (scale.clipped ? u"≥ "_s : QString()) + shortNumber(scale.high); }

}  // namespace

QString shortNumber(double value) {
    const double size = std::abs(value);
    if (!std::isfinite(value)) {
        return u"–"_s;
    }
    if (size == 0) {
        return u"0"_s;
    }
    QString text;
    if (size >= 1000) {
        text = QLocale().toString(value, 'f', 0);
    } else if (size >= 1e-4) {
        const int before = static_cast<int>(std::floor(std::log10(size))) + 1;
        text = QString::number(value, 'f', std::max(0, 3 - before));
    } else {
        text = QString::number(value, 'g', 2);
    }
    return text.replace(u'-', u'−');
}

void paintVerticalLegend(QPainter& painter, const Theme& theme, const QRectF& rect, const LegendScale& scale) {
    painter.save();
    painter.setRenderHint(QPainter::SmoothPixmapTransform);
    const QRectF bar(rect.left() + 8, rect.top() + 1, 8, rect.height() - 2);
    painter.drawImage(bar, rampImage(scale.diverging ? theme.diverging() : theme.sequential(), Qt::Vertical));
    painter.setPen(QPen(theme.color(Role::Line), 1));
    painter.setBrush(Qt::NoBrush);
    painter.drawRect(bar);
    painter.setFont(theme.smallFont());
    painter.setPen(theme.color(Role::QuietInk));
    const QFontMetricsF metrics(theme.smallFont());
    const double left = bar.right() + 4;
    painter.drawText(QPointF(left, bar.top() + metrics.ascent() - 1), highText(scale));
    if (rect.height() < 2 * metrics.height()) {
        painter.restore();
        return;
    }
    painter.drawText(QPointF(left, bar.bottom()), shortNumber(scale.diverging ? -scale.high : scale.low));
    if (scale.diverging && rect.height() > 48) {
        painter.drawText(QPointF(left, bar.center().y() + metrics.ascent() / 2 - 1), u"0"_s);
    }
    painter.restore();
}

void paintHorizontalLegend(QPainter& painter, const Theme& theme, const QRectF& rect, const QString& name,
                           const LegendScale& scale) {
    painter.save();
    painter.setFont(theme.smallFont());
    const QFontMetricsF metrics(theme.smallFont());
    const QString low = shortNumber(scale.diverging ? -scale.high : scale.low);
    const double baseline = rect.center().y() + (metrics.ascent() - metrics.descent()) / 2;
    const double ends = metrics.horizontalAdvance(highText(scale)) + metrics.horizontalAdvance(low) + 12;
    const double barWidth = std::clamp(rect.width() - ends, 16.0, 96.0);
    double x = rect.right() - metrics.horizontalAdvance(highText(scale));
    painter.setPen(theme.color(Role::QuietInk));
    painter.drawText(QPointF(x, baseline), highText(scale));
    x -= barWidth + 6;
    const QRectF bar(x, rect.center().y() - 4, barWidth, 8);
    painter.setRenderHint(QPainter::SmoothPixmapTransform);
    painter.drawImage(bar, rampImage(scale.diverging ? theme.diverging() : theme.sequential(), Qt::Horizontal));
    x -= metrics.horizontalAdvance(low) + 6;
    painter.drawText(QPointF(x, baseline), low);
    const QString shown = metrics.elidedText(name, Qt::ElideRight, std::max(0.0, x - 12 - rect.left()));
    if (x - 12 - rect.left() > 48) {
        painter.drawText(QPointF(x - 12 - metrics.horizontalAdvance(shown), baseline), shown);
    }
    painter.setPen(QPen(theme.color(Role::Line), 1));
    painter.setBrush(Qt::NoBrush);
    painter.drawRect(bar);
    painter.restore();
}

}  // namespace ui
