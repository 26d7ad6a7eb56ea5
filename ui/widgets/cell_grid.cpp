// Cells, names and figures of a small matrix.
#include "ui/widgets/cell_grid.h"

#include <QFontMetricsF>
#include <QKeyEvent>
#include <QMouseEvent>
#include <QPainter>
#include <algorithm>
#include <cmath>

#include "ui/theme/theme.h"
#include "ui/widgets/legend.h"
#include "ui/widgets/table_export.h"

namespace ui {

namespace {

using namespace Qt::StringLiterals;

constexpr double kTitleHeight = 24;
constexpr double kNamesHeight = 20;
constexpr double kLegendHeight = 20;
constexpr int kLeastField = 112;
constexpr double kRightMargin = 4;

/// As in a correlation table: ".43", "−.07", "1.0", "0".
QString figure(float value) {
    const double size = std::abs(static_cast<double>(value));
    if (size < 0.005) {
        return u"0"_s;
    }
    const QString digits = QString::number(size, 'f', size < 0.995 ? 2 : size < 9.95 ? 1 : 0);
    return (value < 0 ? u"−"_s : QString()) + (size < 0.995 ? digits.mid(1) : digits);
}

}  // namespace

CellGrid::CellGrid(Theme& theme, const QString& name, const QString& accessibleName, QWidget* parent)
    : PlotWidget(theme, name, accessibleName, parent) {
    setMouseTracking(true);
    setFocusPolicy(Qt::StrongFocus);
}

void CellGrid::setData(CellGridData data) {
    m_data = std::move(data);
    m_hoverRow = m_hoverColumn = -1;
    if (m_row >= m_data.rows || m_column >= m_data.columns) {
        m_row = m_column = -1;
    }
    updateGeometry();
    update();
    announce();
}

void CellGrid::setCurrent(int row, int column) {
    if (row != m_row || column != m_column) {
        m_row = row;
        m_column = column;
        update();
        announce();
    }
}

QSize CellGrid::sizeHint() const {
    return {56 + m_data.columns * (m_data.figures ? 34 : 12),
            static_cast<int>(kTitleHeight + kNamesHeight) + m_data.rows * (m_data.figures ? 24 : 11)};
}

QSize CellGrid::minimumSizeHint() const {
    // Many cells get thin rather than make the window grow.
    return {48 + std::min(m_data.columns * 7, kLeastField),
            static_cast<int>(kTitleHeight + kNamesHeight) + std::clamp(m_data.rows * 7, 7, kLeastField)};
}

QRectF CellGrid::field(const QSize& size) const {
    const QFontMetricsF metrics(m_theme.smallFont());
    double names = m_data.nameRows ? 16 : 2;
    for (const QString& name : m_data.rowNames) {
        names = m_data.nameRows ? std::max(names, metrics.horizontalAdvance(name) + 8) : names;
    }
    const double top = m_data.title.isEmpty() ? 4 : kTitleHeight;
    return {names, top, std::max(1.0, size.width() - names - kRightMargin),
            std::max(1.0, size.height() - top - kNamesHeight - (m_data.legend ? kLegendHeight : 0))};
}

QRectF CellGrid::cellRect(const QRectF& area, int row, int column) const {
    const double left = std::round(area.left() + area.width() * column / m_data.columns);
    const double right = std::round(area.left() + area.width() * (column + 1) / m_data.columns);
    const double top = std::round(area.top() + area.height() * row / m_data.rows);
    const double bottom = std::round(area.top() + area.height() * (row + 1) / m_data.rows);
    return {left, top, right - left, bottom - top};
}

bool CellGrid::cellUnder(const QPointF& point, int& row, int& column) const {
    const QRectF area = field(size());
    if (!area.contains(point) || m_data.rows == 0 || m_data.columns == 0) {
        return false;
    }
    row = std::clamp(static_cast<int>((point.y() - area.top()) / area.height() * m_data.rows), 0, m_data.rows - 1);
    column = std::clamp(static_cast<int>((point.x() - area.left()) / area.width() * m_data.columns), 0, m_data.columns - 1);
    return true;
}

double CellGrid::rampPosition(float value) const {
    const double share = m_data.high > 0 ? value / m_data.high : 0;
    if (m_data.diverging) {
        return 0.5 + share / 2;
    }
    return m_data.squareRoot ? std::sqrt(std::max(0.0, share)) : share;
}

void CellGrid::paintCells(QPainter& painter, const QRectF& area) const {
    const Ramp& ramp = m_data.diverging ? m_theme.diverging() : m_theme.sequential();
    const QRectF first = cellRect(area, 0, 0);
    const QFont font = m_theme.figureFont();
    QFont smaller = font;
    smaller.setPointSizeF(font.pointSizeF() - 1);
    const QFontMetricsF metrics(smaller);
    const bool figures = m_data.figures && first.width() >= metrics.horizontalAdvance(u"−.00"_s) + 4 &&
                         first.height() >= metrics.height() - 2;
    const double gap = std::min(first.width(), first.height()) > 10 ? 1 : 0;
    painter.setFont(smaller);
    for (int row = 0; row < m_data.rows; ++row) {
        for (int column = 0; column < (m_data.lowerTriangle ? row + 1 : m_data.columns); ++column) {
            const QRectF rect = cellRect(area, row, column).adjusted(0, 0, -gap, -gap);
            const float own = value(row, column);
            if (std::isnan(own)) {
                painter.fillRect(rect, QBrush(m_theme.color(Role::Line), Qt::BDiagPattern));
                continue;
            }
            const double at = rampPosition(own);
            painter.fillRect(rect, ramp.color(at));
            if (figures) {
                const QRgb ink = m_theme.color(Role::Ink).rgb();
                const QRgb paper = m_theme.color(Role::Paper).rgb();
                const QRgb ground = ramp.at(at);
                painter.setPen(QColor::fromRgb(contrastRatio(ink, ground) >= contrastRatio(paper, ground) ? ink : paper));
                painter.drawText(rect, Qt::AlignCenter, figure(own));
            }
        }
    }
}

void CellGrid::paintNames(QPainter& painter, const QRectF& area) const {
    painter.setFont(m_theme.smallFont());
    painter.setPen(m_theme.color(Role::QuietInk));
    const QFontMetricsF metrics(m_theme.smallFont());
    const double rowHeight = area.height() / m_data.rows;
    const int rowStep = std::max(1, static_cast<int>(std::ceil(metrics.ascent() / rowHeight)));
    for (int row = 0; m_data.nameRows && row < m_data.rows; row += rowStep) {
        const QRectF cell = cellRect(area, row, 0);
        painter.drawText(QRectF(0, cell.center().y() - 10, area.left() - 6, 20), Qt::AlignRight | Qt::AlignVCenter,
                         m_data.rowNames.value(row));
    }
    const double columnWidth = area.width() / m_data.columns;
    const QString longest = m_data.columnNames.isEmpty() ? QString() : m_data.columnNames.last();
    const int columnStep =
        std::max(1, static_cast<int>(std::ceil((std::min(metrics.horizontalAdvance(longest), 20.0) + 6) / columnWidth)));
    for (int column = 0; column < m_data.columns; column += columnStep) {
        const QRectF cell = cellRect(area, 0, column);
        const double room = columnWidth * columnStep;
        painter.drawText(QRectF(cell.center().x() - room / 2, area.bottom() + 2, room, kNamesHeight - 2), Qt::AlignCenter,
                         metrics.elidedText(m_data.columnNames.value(column), Qt::ElideRight, room));
    }
}

void CellGrid::paintPlot(QPainter& painter, const QSize& size) const {
    painter.fillRect(QRect({0, 0}, size), m_theme.color(Role::Paper));
    const QRectF area = field(size);
    painter.setFont(m_theme.headingFont());
    painter.setPen(m_theme.color(Role::Ink));
    const QFontMetricsF heading(m_theme.headingFont());
    painter.drawText(QPointF(area.left(), heading.ascent() + 3),
                     heading.elidedText(m_data.title, Qt::ElideRight, area.width()));
    if (m_data.rows == 0 || m_data.columns == 0) {
        return;
    }
    paintCells(painter, area);
    paintNames(painter, area);
    if (m_data.legend) {
        paintHorizontalLegend(painter, m_theme,
                              QRectF(area.left(), area.bottom() + kNamesHeight, area.width(), kLegendHeight),
                              m_data.quantity, {0, m_data.high, m_data.diverging, false});
    }
    painter.setBrush(Qt::NoBrush);
    const auto outline = [&](int row, int column, const QPen& pen) {
        if (row < 0 && column < 0) {
            return;
        }
        const QRectF from = cellRect(area, std::max(row, 0), std::max(column, 0));
        const QRectF to = cellRect(area, row < 0 ? m_data.rows - 1 : row, column < 0 ? m_data.columns - 1 : column);
        painter.setPen(pen);
        painter.drawRect(from.united(to).adjusted(-0.5, -0.5, 0.5, 0.5));
    };
    outline(m_hoverRow, m_hoverColumn, QPen(m_theme.color(Role::QuietInk), 1));
    outline(m_row, m_column, QPen(m_theme.color(Role::Crosshair), 2));
}

QByteArray CellGrid::csv() const {
    if (m_data.csv) {
        return m_data.csv();
    }
    QByteArray csv = csvField(m_data.rowAxis).toUtf8();
    for (const QString& name : m_data.columnNames) {
        csv += ',' + csvField(name).toUtf8();
    }
    csv += "\r\n";
    for (int row = 0; row < m_data.rows; ++row) {
        csv += csvField(m_data.rowNames.value(row)).toUtf8();
        for (int column = 0; column < m_data.columns; ++column) {
            csv +=
                ',' + (std::isnan(value(row, column)) ? QByteArray()
                                                      : QByteArray::number(static_cast<double>(value(row, column)), 'g', 9));
        }
        csv += "\r\n";
    }
    return csv;
}

QString CellGrid::currentText() const {
    const int row = m_hoverRow >= 0 ? m_hoverRow : m_row;
    const int column = m_hoverColumn >= 0 ? m_hoverColumn : m_column;
    if (row < 0 || column < 0 || row >= m_data.rows || column >= m_data.columns) {
        return tr("%1: %2 × %3 cells").arg(m_data.title).arg(m_data.rows).arg(m_data.columns);
    }
    return u"%1, %2 %3, %4 %5: %6 %7"_s.arg(m_data.title, m_data.rowAxis, m_data.rowNames.value(row), m_data.columnAxis,
                                            m_data.columnNames.value(column), m_data.quantity,
                                            shortNumber(static_cast<double>(value(row, column))));
}

void CellGrid::mouseMoveEvent(QMouseEvent* event) {
    int row = -1;
    int column = -1;
    cellUnder(event->position(), row, column);
    if (row != m_hoverRow || column != m_hoverColumn) {
        m_hoverRow = row;
        m_hoverColumn = column;
        update();
        announce();
        emit cellHovered(row, column);
    }
}

void CellGrid::leaveEvent(QEvent* event) {
    m_hoverRow = m_hoverColumn = -1;
    update();
    emit cellHovered(-1, -1);
    PlotWidget::leaveEvent(event);
}

void CellGrid::mousePressEvent(QMouseEvent* event) {
    int row = -1;
    int column = -1;
    if (event->button() == Qt::LeftButton) {
        cellUnder(event->position(), row, column);
        setCurrent(row, column);
        emit cellChosen(row, column);
    }
}

void CellGrid::keyPressEvent(QKeyEvent* event) {
    int row = m_row;
    int column = m_column;
    switch (event->key()) {
        case Qt::Key_Left:
            column = std::max(column - 1, 0);
            break;
        case Qt::Key_Right:
            column = std::min(column + 1, m_data.columns - 1);
            break;
        case Qt::Key_Up:
            row = std::max(row - 1, 0);
            break;
        case Qt::Key_Down:
            row = std::min(row + 1, m_data.rows - 1);
            break;
        case Qt::Key_Home:
            column = 0;
            break;
        case Qt::Key_End:
            column = m_data.columns - 1;
            break;
        case Qt::Key_Escape:
            row = column = -1;
            break;
        default:
            PlotWidget::keyPressEvent(event);
            return;
    }
    if (event->key() != Qt::Key_Escape) {
        row = std::clamp(row, 0, std::max(0, m_data.rows - 1));
        column = std::clamp(column, 0, std::max(0, m_data.columns - 1));
    }
    setCurrent(row, column);
    emit cellChosen(row, column);
}

}  // namespace ui
