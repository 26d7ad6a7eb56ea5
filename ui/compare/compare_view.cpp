// Puts the parts of Compare together.
#include "ui/compare/compare_view.h"

namespace ui {

struct CompareView::Parts {
    std::shared_ptr<const engine::BlendTrace> pinned;
    std::shared_ptr<const engine::BlendTrace> current;
};

CompareView::CompareView(Theme&, InspectionCursor&, QWidget* parent) : QWidget(parent), m_parts(std::make_unique<Parts>()) {}
CompareView::~CompareView() = default;

void CompareView::showCurrent(std::shared_ptr<const engine::BlendTrace> trace) { m_parts->current = std::move(trace); }
void CompareView::pin(std::shared_ptr<const engine::BlendTrace> trace) { m_parts->pinned = std::move(trace); }

}  // namespace ui
