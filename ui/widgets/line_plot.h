// A few lines over small whole numbers: deviation by layer, KL by answer token.
#pragma once

#include <functional>
#include <vector>

#include "ui/theme/theme.h"
#include "ui/widgets/plot.h"

namespace ui {

struct LineSeries {
    QString name;
    std::vector<double> values;
    Role role = Role::Ink;
    Qt::PenStyle style = Qt::SolidLine;
};

struct LinePlotData {
    QString title;
    QString xName;  // "layer"
    QString unit;   // "nats"
    std::vector<LineSeries> series;
    std::function<QByteArray()> csv;
};

/// Left and right move along x; hovering shows the values there.
class LinePlot : public PlotWidget {
    Q_OBJECT

public:
    LinePlot(Theme& theme, const QString& name, const QString& accessibleName, QWidget* parent = nullptr);

    void setData(LinePlotData data);
    const LinePlotData& data() const { return m_data; }
    /// −1 = none. Emits nothing.
    void setCurrent(int x);

    void paintPlot(QPainter& painter, const QSize& size) const override;
    QByteArray csv() const override;
    QString currentText() const override;
    QSize sizeHint() const override { return {280, 136}; }
    QSize minimumSizeHint() const override { return {160, 96}; }

signals:
    void chosen(int x);

protected:
    void mouseMoveEvent(QMouseEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void leaveEvent(QEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;

private:
    int points() const;
    double greatest() const;
    QRectF field(const QSize& size) const;
    int shown() const { return m_hover >= 0 ? m_hover : m_current; }
    int xUnder(const QPointF& point) const;
    void paintSeries(QPainter& painter, const QRectF& field) const;

    LinePlotData m_data;
    int m_current = -1;
    int m_hover = -1;
};

}  // namespace ui
