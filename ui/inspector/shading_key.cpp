// Paints marks as the map paints them, with their counts, and the ramp with its ends.
#include "ui/inspector/shading_key.h"

#include <QFontMetricsF>
#include <QLocale>
#include <QPainter>

#include "ui/widgets/legend.h"

namespace ui {

using namespace Qt::StringLiterals;

ShadingKey::ShadingKey(const Theme& theme, const TextMap& map, QWidget* parent)
    : QWidget(parent), m_theme(theme), m_map(map) {
    setObjectName(map.objectName() + "Key"_L1);
    setAccessibleName(tr("Key to the colours"));
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
}

QString ShadingKey::text() const {
    QStringList parts;
    for (const MarkMeaning& meaning : m_map.shading().meanings) {
        parts += u"%1 %2"_s.arg(meaning.name, QLocale().toString(meaning.tokens));
    }
    return parts.join(u", "_s);
}

void ShadingKey::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    const QFontMetricsF small(m_theme.smallFont());
    const TextShading& shading = m_map.shading();
    const double middle = height() / 2.0;
    const double baseline = middle + (small.ascent() - small.descent()) / 2;
    double x = 0;
    painter.setFont(m_theme.smallFont());
    for (const MarkMeaning& meaning : shading.meanings) {
        const QRectF swatch(x + 0.5, middle - 7, 18, 14);
        const bool tinted = shading.ground == Ground::Marks && meaning.mark != TokenMark::None;
        painter.fillRect(swatch, m_theme.color(tinted ? meaning.tint : Role::Paper));
        if (meaning.mark == TokenMark::None) {
            painter.setPen(QPen(m_theme.color(Role::Line), 1));
            painter.setBrush(Qt::NoBrush);
            painter.drawRect(swatch.adjusted(0, 0.5, 0, -0.5));
        } else {
            QPen pen(m_theme.color(meaning.role), meaning.mark == TokenMark::Dotted ? 1.5 : 2);
            pen.setCapStyle(meaning.mark == TokenMark::Dotted ? Qt::RoundCap : Qt::FlatCap);
            if (meaning.mark == TokenMark::Dotted) {
                pen.setDashPattern({0.1, 2.4});
            } else if (meaning.mark == TokenMark::Dashed) {
                pen.setDashPattern({1.6, 1.2});
            }
            painter.setPen(pen);
            painter.drawLine(swatch.bottomLeft() - QPointF(0, 1), swatch.bottomRight() - QPointF(0, 1));
        }
        const QString words = u"%1 %2"_s.arg(meaning.name, QLocale().toString(meaning.tokens));
        painter.setPen(m_theme.color(Role::QuietInk));
        painter.drawText(QPointF(x + 24, baseline), words);
        x += 24 + small.horizontalAdvance(words) + 20;
    }
    const bool shares = shading.ground == Ground::Marks && m_map.granularity() != Granularity::Token;
    if (shading.ground != Ground::Marks || shares) {
        LegendScale scale{shading.low, shading.high, shading.ground == Ground::Diverging, !shares};
        paintHorizontalLegend(painter, m_theme, QRectF(x, 0, width() - x, height()),
                              shares ? tr("share recomputed") : shading.quantity, shares ? LegendScale{} : scale);
    }
}

}  // namespace ui
