// A matrix over the prompt's positions as colours: layers × tokens, or a few named rows × tokens.
#pragma once

#include <functional>
#include <vector>

#include "ui/widgets/plot.h"
#include "ui/widgets/token_axis.h"

namespace ui {

class InspectionCursor;

/// How several tokens that share a pixel become one value.
enum class Pooling { Greatest, Mean };

struct HeatMatrix {
    int rows = 0;
    int columns = 0;
    std::vector<float> values;  // [rows, columns], NaN = none
    QString quantity;           // "K deviation from full, reuse"
    QStringList rowNames;       // empty: rows are layers, 0 on top
    double high = 1;            // the ramp's end; with `diverging` its start is −high
    bool diverging = false;
    bool squareRoot = false;  // the ramp goes with √value: small values stay visible
    std::function<QByteArray()> csv;
};

/// Wheel with Ctrl, pinch, + and − zoom; wheel and drag pan; arrows move the cursor; 0 shows all. Paints only what is in sight, one
/// value a pixel column.
class HeatMap : public PlotWidget {
    Q_OBJECT

public:
    HeatMap(Theme& theme, InspectionCursor& cursor, TokenAxis& axis, const QString& name, const QString& accessibleName,
            QWidget* parent = nullptr);

    void setMatrix(HeatMatrix matrix);
    const HeatMatrix& matrix() const { return m_matrix; }
    /// First tokens of the segments and how they are called, for borders and the position axis.
    void setSegments(std::vector<int> begins, QStringList names);
    void setPooling(Pooling pooling);
    /// Shown instead of the matrix when there is none.
    void setEmptyText(const QString& text);

    /// [rows × width] of values as painted: pooled over the tokens of each pixel column.
    std::vector<float> pooled(int width) const;
    int tokenAt(double x) const;
    int rowAt(double y) const;

    void paintPlot(QPainter& painter, const QSize& size) const override;
    QByteArray csv() const override;
    QString currentText() const override;
    QSize sizeHint() const override;
    QSize minimumSizeHint() const override;

protected:
    bool event(QEvent* event) override;
    void wheelEvent(QWheelEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void mouseReleaseEvent(QMouseEvent* event) override;
    void leaveEvent(QEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;

private:
    QRectF field(const QSize& size) const;
    double axisHeight() const;
    double xOf(double token, const QRectF& field) const;
    bool rowsAreLayers() const { return m_matrix.rowNames.isEmpty(); }
    void paintField(QPainter& painter, const QRectF& field) const;
    void paintAxes(QPainter& painter, const QRectF& field) const;
    void paintCrosshair(QPainter& painter, const QRectF& field) const;
    double rampPosition(float value) const;

    InspectionCursor& m_cursor;
    TokenAxis& m_axis;
    HeatMatrix m_matrix;
    std::vector<int> m_segmentBegins;
    QStringList m_segmentNames;
    Pooling m_pooling = Pooling::Greatest;
    QString m_emptyText;
    bool m_clipped = false;  // some values lie beyond the ramp's end
    double m_dragX = -1;
    bool m_dragged = false;
};

}  // namespace ui
