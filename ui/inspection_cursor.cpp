// Tells the views only what really changed, so that a chain of linked views settles at once.
#include "ui/inspection_cursor.h"

#include <algorithm>

namespace ui {

InspectionCursor::InspectionCursor(QObject* parent) : QObject(parent) {}

void InspectionCursor::announceToken(int before) {
    if (token() != before) {
        emit tokenChanged(token());
    }
}

void InspectionCursor::setToken(int position) {
    const int before = token();
    m_locked = std::max(position, kNone);
    m_preview = kNone;
    announceToken(before);
}

void InspectionCursor::previewToken(int position) {
    const int before = token();
    m_preview = std::max(position, kNone);
    announceToken(before);
}

void InspectionCursor::setLayer(int layer) {
    layer = std::max(layer, kMean);
    if (layer != m_layer) {
        m_layer = layer;
        emit layerChanged(layer);
    }
}

void InspectionCursor::setHead(int head) {
    head = std::max(head, kMean);
    if (head != m_head) {
        m_head = head;
        emit headChanged(head);
    }
}

void InspectionCursor::clear() {
    setToken(kNone);
    setLayer(kMean);
    setHead(kMean);
}

}  // namespace ui
