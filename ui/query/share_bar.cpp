// A whole cut into named parts.
#include "ui/query/share_bar.h"

#include <QEvent>
#include <QHelpEvent>
#include <QPainter>
#include <QToolTip>
#include <algorithm>
#include <numeric>

#include "ui/widgets/table_export.h"

namespace ui {

namespace {

using namespace Qt::StringLiterals;

constexpr int kBarHeight = 8;
constexpr int kGap = 8;
constexpr int kSwatch = 8;

}  // namespace

ShareBar::ShareBar(Theme& theme, QWidget* parent) : QWidget(parent), m_theme(theme) {
    QSizePolicy policy(QSizePolicy::Expanding, QSizePolicy::Preferred);
    policy.setHeightForWidth(true);
    setSizePolicy(policy);
    setFocusPolicy(Qt::TabFocus);
    makeExportable(*this, *this);
    connect(&theme, &Theme::changed, this, [this] {
        updateGeometry();
        update();
    });
}

void ShareBar::setShares(const QString& total, std::vector<Share> shares) {
    m_total = total;
    m_shares = std::move(shares);
    QStringList words{total};
    for (const Share& share : m_shares)
        words << share.name + u' ' + share.figure;
    setAccessibleDescription(words.join(u", "_s));
    announcePlot(*this);
    updateGeometry();
    update();
}

QColor ShareBar::color(const Share& share) const {
    const QColor full = m_theme.color(share.color);
    const QColor paper = m_theme.color(Role::Paper);
    const double keep = share.lightness;
    return QColor::fromRgbF(static_cast<float>(full.redF() * keep + paper.redF() * (1 - keep)),
                            static_cast<float>(full.greenF() * keep + paper.greenF() * (1 - keep)),
                            static_cast<float>(full.blueF() * keep + paper.blueF() * (1 - keep)));
}

int ShareBar::layOut(int width, Draw draw, QPainter* painter) const {
    const QFont names = m_theme.smallFont();
    const QFont figures = names;
    const QFontMetrics nameMetrics(names);
    const QFontMetrics figureMetrics(figures);
    const int line = std::max(nameMetrics.height(), figureMetrics.height());
    int y = 0;
    if (!m_total.isEmpty()) {
        if (draw == Draw::Yes) {
            painter->setFont(m_theme.controlFont());
            painter->setPen(m_theme.color(Role::Ink));
            painter->drawText(QRect(0, y, width, line + 4), Qt::AlignLeft | Qt::AlignVCenter,
                              QFontMetrics(m_theme.controlFont()).elidedText(m_total, Qt::ElideRight, width));
        }
        y += line + 4 + kGap / 2;
    }
    const double sum = std::accumulate(m_shares.begin(), m_shares.end(), 0.0,
                                       [](double total, const Share& share) { return total + std::max(share.value, 0.0); });
    if (draw == Draw::Yes && sum > 0) {
        double x = 0;
        painter->setPen(Qt::NoPen);
        for (const Share& share : m_shares) {
            const double part = std::max(share.value, 0.0) / sum * width;
            if (part > 0)
                painter->fillRect(QRectF(x, y, std::max(part - 1, 0.5), kBarHeight), color(share));
            x += part;
        }
    }
    y += kBarHeight + kGap / 2;
    int x = 0;
    for (const Share& share : m_shares) {
        const int nameWidth = nameMetrics.horizontalAdvance(share.name + u' ');
        const int figureWidth = figureMetrics.horizontalAdvance(share.figure);
        const int whole = kSwatch + 4 + nameWidth + figureWidth;
        if (x > 0 && x + whole > width) {
            x = 0;
            y += line + 2;
        }
        if (draw == Draw::Yes) {
            painter->fillRect(QRect(x, y + (line - kSwatch) / 2, kSwatch, kSwatch), color(share));
            painter->setFont(names);
            painter->setPen(m_theme.color(Role::QuietInk));
            painter->drawText(QRect(x + kSwatch + 4, y, nameWidth, line), Qt::AlignLeft | Qt::AlignVCenter, share.name);
            painter->setFont(figures);
            painter->setPen(m_theme.color(Role::Ink));
            painter->drawText(QRect(x + kSwatch + 4 + nameWidth, y, figureWidth + 1, line), Qt::AlignLeft | Qt::AlignVCenter,
                              share.figure);
        }
        x += whole + kGap * 2;
    }
    return y + (m_shares.empty() ? 0 : line);
}

int ShareBar::heightForWidth(int width) const { return layOut(width, Draw::No, nullptr) + 2; }

QSize ShareBar::sizeHint() const { return {480, heightForWidth(std::max(width(), 320))}; }

QSize ShareBar::minimumSizeHint() const { return {160, heightForWidth(std::max(width(), 160))}; }

void ShareBar::paintPlot(QPainter& painter, const QSize& size) const {
    painter.fillRect(QRect({0, 0}, size), m_theme.color(Role::Paper));
    layOut(size.width(), Draw::Yes, &painter);
}

QByteArray ShareBar::csv() const {
    QString csv = u"part,value,shown\r\n"_s;
    for (const Share& share : m_shares)
        csv +=
            csvField(share.name) + u',' + QString::number(share.value, 'g', 17) + u',' + csvField(share.figure) + u"\r\n"_s;
    return csv.toUtf8();
}

void ShareBar::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    paintPlot(painter, size());
    if (hasFocus()) {
        painter.fillRect(QRect(0, height() - 1, width(), 1), m_theme.color(Role::Accent));
    }
}

bool ShareBar::event(QEvent* event) {
    if (event->type() == QEvent::ToolTip) {
        QToolTip::showText(static_cast<QHelpEvent*>(event)->globalPos(), accessibleDescription(), this);
        return true;
    }
    return QWidget::event(event);
}

}  // namespace ui
