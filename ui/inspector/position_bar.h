// The whole prompt as one narrow column: segments, marks, and what the text map shows of it.
#pragma once

#include <QWidget>
#include <memory>

#include "ui/inspector/prompt_text.h"
#include "ui/inspector/text_shading.h"

namespace ui {

class InspectionCursor;
class TextMap;

/// Click and drag scroll the text map; the map itself is what keys reach.
class PositionBar : public QWidget {
    Q_OBJECT

public:
    PositionBar(Theme& theme, InspectionCursor& cursor, TextMap& map, QWidget* parent = nullptr);

    void setText(std::shared_ptr<const PromptText> text);
    QSize sizeHint() const override { return {28, 200}; }

protected:
    void paintEvent(QPaintEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;

private:
    double yOf(int token) const;
    void scrollTo(double y);

    Theme& m_theme;
    InspectionCursor& m_cursor;
    TextMap& m_map;
    std::shared_ptr<const PromptText> m_text;
};

}  // namespace ui
