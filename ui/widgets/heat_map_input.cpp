// The heat map's hands: wheel, pinch, drag and keys.
#include <QGestureEvent>
#include <QKeyEvent>
#include <QMouseEvent>
#include <QNativeGestureEvent>
#include <QPinchGesture>
#include <QWheelEvent>
#include <algorithm>
#include <cmath>

#include "ui/inspection_cursor.h"
#include "ui/widgets/heat_map.h"

namespace ui {

namespace {

constexpr double kZoomStep = 1.25;
constexpr double kWheelNotch = 120;

}  // namespace

bool HeatMap::event(QEvent* event) {
    const auto zoomAround = [&](double x, double scale) {
        const QRectF area = field(size());
        const double token = m_axis.begin() + (x - area.left()) / area.width() * m_axis.span();
        m_axis.zoom(1 / std::max(scale, 0.05), std::clamp(token, m_axis.begin(), m_axis.end()));
    };
    if (event->type() == QEvent::Gesture) {
        auto* gesture = static_cast<QGestureEvent*>(event);
        if (const auto* pinch = static_cast<QPinchGesture*>(gesture->gesture(Qt::PinchGesture))) {
            zoomAround(mapFromGlobal(pinch->hotSpot()).x(), pinch->scaleFactor());
            return true;
        }
    }
    if (event->type() == QEvent::NativeGesture) {
        const auto* gesture = static_cast<QNativeGestureEvent*>(event);
        if (gesture->gestureType() == Qt::ZoomNativeGesture) {
            zoomAround(gesture->position().x(), 1 + gesture->value());
            return true;
        }
    }
    return PlotWidget::event(event);
}

void HeatMap::wheelEvent(QWheelEvent* event) {
    const QPointF turn = event->angleDelta();
    if (event->modifiers().testFlag(Qt::ControlModifier)) {
        const int token = tokenAt(event->position().x());
        m_axis.zoom(std::pow(kZoomStep, -turn.y() / kWheelNotch),
                    token >= 0 ? token + 0.5 : (m_axis.begin() + m_axis.end()) / 2);
    } else {
        const double turned = turn.x() != 0 ? turn.x() : turn.y();
        m_axis.pan(-turned / kWheelNotch * m_axis.span() / 8);
    }
    event->accept();
}

void HeatMap::mousePressEvent(QMouseEvent* event) {
    if (event->button() == Qt::LeftButton) {
        m_dragX = event->position().x();
        m_dragged = false;
    }
}

void HeatMap::mouseMoveEvent(QMouseEvent* event) {
    const double x = event->position().x();
    if (event->buttons().testFlag(Qt::LeftButton) && m_dragX >= 0) {
        const double width = field(size()).width();
        if (m_dragged || std::abs(x - m_dragX) > 4) {
            m_dragged = true;
            m_axis.pan((m_dragX - x) / width * m_axis.span());
            m_dragX = x;
        }
        return;
    }
    m_cursor.previewToken(tokenAt(x));
}

void HeatMap::mouseReleaseEvent(QMouseEvent* event) {
    if (event->button() == Qt::LeftButton && !m_dragged) {
        const int token = tokenAt(event->position().x());
        if (rowsAreLayers() && token >= 0) {
            m_cursor.setLayer(rowAt(event->position().y()));
        }
        m_cursor.setToken(token);
    }
    m_dragX = -1;
}

void HeatMap::leaveEvent(QEvent* event) {
    m_cursor.endPreview();
    PlotWidget::leaveEvent(event);
}

void HeatMap::keyPressEvent(QKeyEvent* event) {
    const int token = m_cursor.token() >= 0 ? m_cursor.token() : static_cast<int>(m_axis.begin());
    const double middle = m_cursor.token() >= 0 ? m_cursor.token() + 0.5 : (m_axis.begin() + m_axis.end()) / 2;
    const auto moveToken = [&](int to) { m_cursor.setToken(std::clamp(to, 0, std::max(0, m_matrix.columns - 1))); };
    switch (event->key()) {
        case Qt::Key_Left:
            return moveToken(token - 1);
        case Qt::Key_Right:
            return moveToken(token + 1);
        case Qt::Key_Up:
        case Qt::Key_Down:
            if (rowsAreLayers() && m_matrix.rows > 0) {
                const int step = event->key() == Qt::Key_Up ? -1 : 1;
                m_cursor.setLayer(std::clamp(m_cursor.layer() + step, -1, m_matrix.rows - 1));
                return;
            }
            break;
        case Qt::Key_Plus:
        case Qt::Key_Equal:
            return m_axis.zoom(1 / kZoomStep, middle);
        case Qt::Key_Minus:
            return m_axis.zoom(kZoomStep, middle);
        case Qt::Key_0:
            return m_axis.showAll();
        case Qt::Key_PageUp:
            return m_axis.pan(-m_axis.span() * 0.8);
        case Qt::Key_PageDown:
            return m_axis.pan(m_axis.span() * 0.8);
        case Qt::Key_Home:
            return moveToken(0);
        case Qt::Key_End:
            return moveToken(m_matrix.columns - 1);
        case Qt::Key_Escape:
            m_cursor.clear();
            return;
        default:
            break;
    }
    PlotWidget::keyPressEvent(event);
}

}  // namespace ui
