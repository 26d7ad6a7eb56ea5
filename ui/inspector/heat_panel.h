// Layers × tokens and, over the same stretch of tokens, the score and the question's attention.
#pragma once

#include <QWidget>
#include <memory>

#include "engine/trace.h"
#include "ui/inspector/text_shading.h"
#include "ui/widgets/token_axis.h"

class QBoxLayout;
class QComboBox;
class QLabel;
class QStackedWidget;

namespace ui {

class ElidedLabel;
class HeatMap;
class InspectionCursor;
class StateMessage;
class Theme;

class HeatPanel : public QWidget {
    Q_OBJECT

public:
    HeatPanel(Theme& theme, InspectionCursor& cursor, QWidget* parent = nullptr);

    void showTrace(std::shared_ptr<const engine::BlendTrace> trace);
    /// Shows what the text is coloured by, where the heat map can.
    void setQuantity(TextColoring coloring, DeviatingRun run);
    TokenAxis& axis() { return m_axis; }
    const HeatMap& heatMap() const { return *m_map; }

signals:
    void measureRequested();

protected:
    void resizeEvent(QResizeEvent* event) override;

private:
    void refreshMap();
    void refreshStrips();
    void showValue();

    Theme& m_theme;
    InspectionCursor& m_cursor;
    TokenAxis m_axis;
    std::shared_ptr<const engine::BlendTrace> m_trace;
    QComboBox* m_quantity;
    QComboBox* m_run;
    QComboBox* m_pooling;
    QWidget* m_controls;
    QBoxLayout* m_line;  // controls and value
    ElidedLabel* m_value;
    QStackedWidget* m_stack;
    StateMessage* m_message;
    HeatMap* m_map;
    HeatMap* m_score;
    HeatMap* m_attention;
};

}  // namespace ui
