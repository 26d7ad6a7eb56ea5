// A small matrix with named rows and columns: coloured cells, figures in them where they fit, one current cell.
#pragma once

#include <functional>
#include <vector>

#include "ui/widgets/plot.h"

namespace ui {

struct CellGridData {
    int rows = 0;
    int columns = 0;
    std::vector<float> values;  // [rows, columns], NaN = none: hatched
    QStringList rowNames;
    QStringList columnNames;
    QString rowAxis;     // "from", "head": before a row's name in words
    QString columnAxis;  // "to", "layer"
    QString title;
    QString quantity;
    double high = 1;
    bool diverging = false;
    bool squareRoot = false;
    bool figures = true;
    bool lowerTriangle = false;  // cells right of the diagonal mean nothing and stay blank
    bool nameRows = true;
    bool legend = false;  // a line below
    std::function<QByteArray()> csv;
};

/// Arrows move the current cell, Enter or a click chooses it, Escape chooses none (−1, −1).
class CellGrid : public PlotWidget {
    Q_OBJECT

public:
    CellGrid(Theme& theme, const QString& name, const QString& accessibleName, QWidget* parent = nullptr);

    void setData(CellGridData data);
    const CellGridData& data() const { return m_data; }
    /// −1 = none; a row or column alone marks all its cells. Emits nothing.
    void setCurrent(int row, int column);
    int currentRow() const { return m_row; }
    int currentColumn() const { return m_column; }
    float value(int row, int column) const {
        return m_data.values[static_cast<std::size_t>(row) * static_cast<std::size_t>(m_data.columns) +
                             static_cast<std::size_t>(column)];
    }

    void paintPlot(QPainter& painter, const QSize& size) const override;
    QByteArray csv() const override;
    QString currentText() const override;
    QSize sizeHint() const override;
    QSize minimumSizeHint() const override;

signals:
    void cellChosen(int row, int column);
    void cellHovered(int row, int column);

protected:
    void mouseMoveEvent(QMouseEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void leaveEvent(QEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;

private:
    QRectF field(const QSize& size) const;
    QRectF cellRect(const QRectF& field, int row, int column) const;
    bool cellUnder(const QPointF& point, int& row, int& column) const;
    void paintCells(QPainter& painter, const QRectF& field) const;
    void paintNames(QPainter& painter, const QRectF& field) const;
    double rampPosition(float value) const;

    CellGridData m_data;
    int m_row = -1;
    int m_column = -1;
    int m_hoverRow = -1;
    int m_hoverColumn = -1;
};

}  // namespace ui
