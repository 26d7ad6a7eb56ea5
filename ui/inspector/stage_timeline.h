// Where the time went: the stages that sum to TTFT, and per layer, loading against computing.
#pragma once

#include <memory>

#include "engine/trace.h"
#include "ui/widgets/plot.h"

namespace ui {

class InspectionCursor;

/// Up and Down move the cursor's layer; hovering tells a layer's times.
class StageTimeline : public PlotWidget {
    Q_OBJECT

public:
    StageTimeline(Theme& theme, InspectionCursor& cursor, const QString& name, QWidget* parent = nullptr);

    void showTrace(std::shared_ptr<const engine::BlendTrace> trace);
    /// The milliseconds that both axes reach to, so that two timelines side by side can be compared; 0 = this trace's own.
    void setScale(double stagesMs, double layersMs);
    /// Stands before the heading: "A".
    void setTitle(const QString& title);
    double stagesMs() const;
    double layersMs() const;

    void paintPlot(QPainter& painter, const QSize& size) const override;
    /// Stages, then layers, each with its header line.
    QByteArray csv() const override;
    QString currentText() const override;
    QSize sizeHint() const override { return {480, 320}; }
    QSize minimumSizeHint() const override { return {320, 200}; }

protected:
    void mouseMoveEvent(QMouseEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void leaveEvent(QEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;

private:
    void paintStages(QPainter& painter, double width) const;
    void paintLayers(QPainter& painter, const QRectF& field) const;
    QRectF layersField(const QSize& size) const;
    double stagesHeight(double width) const;
    int layerUnder(const QPointF& point) const;

    InspectionCursor& m_cursor;
    std::shared_ptr<const engine::BlendTrace> m_trace;
    QString m_title;
    double m_stagesScale = 0;
    double m_layersScale = 0;
    int m_hover = -1;
};

}  // namespace ui
