// The key to a colour ramp: a bar with its ends' values and its unit.
#pragma once

#include <QRectF>
#include <QString>

class QPainter;

namespace ui {

class Theme;

/// A number in as few digits as tell it apart: "0", "0.0042", "12.3", "1,204".
QString shortNumber(double value);

struct LegendScale {
    double low = 0;
    double high = 1;
    bool diverging = false;  // low = −high
    bool clipped = false;    // greater values are painted as `high`
};

/// A column at the right of a plot: greatest value on top.
void paintVerticalLegend(QPainter& painter, const Theme& theme, const QRectF& rect, const LegendScale& scale);
/// A line under or over a plot: "name  low ▭▭▭▭ high".
void paintHorizontalLegend(QPainter& painter, const Theme& theme, const QRectF& rect, const QString& name,
                           const LegendScale& scale);

}  // namespace ui
