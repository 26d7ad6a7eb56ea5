// Puts the parts of Inspect together.
#include "ui/inspector/inspect_view.h"

namespace ui {

struct InspectView::Parts {
    std::shared_ptr<const engine::BlendTrace> trace;
};

InspectView::InspectView(Theme&, InspectionCursor&, QWidget* parent) : QWidget(parent), m_parts(std::make_unique<Parts>()) {}
InspectView::~InspectView() = default;

void InspectView::showTrace(std::shared_ptr<const engine::BlendTrace> trace) { m_parts->trace = std::move(trace); }

}  // namespace ui
