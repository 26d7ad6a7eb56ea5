// Compare: a pinned run A against the current run B, every view as a difference.
#pragma once

#include <QWidget>
#include <memory>

#include "engine/trace.h"

namespace ui {

class InspectionCursor;
class Theme;

class CompareView : public QWidget {
    Q_OBJECT

public:
    CompareView(Theme& theme, InspectionCursor& cursor, QWidget* parent = nullptr);
    ~CompareView() override;

    /// Run B: the newest. Null shows "no run yet".
    void showCurrent(std::shared_ptr<const engine::BlendTrace> trace);
    /// Run A: what B is held against. Null unpins.
    void pin(std::shared_ptr<const engine::BlendTrace> trace);

signals:
    /// The person wants the current run pinned.
    void pinRequested();
    void measureRequested();

private:
    struct Parts;
    std::unique_ptr<Parts> m_parts;
};

}  // namespace ui
