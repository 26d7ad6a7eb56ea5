// A prompt's text with the controls that say what colours it, the key to the colours, and the whole prompt as a column.
#pragma once

#include <QStringList>
#include <QWidget>
#include <memory>
#include <vector>

#include "ui/inspector/prompt_text.h"
#include "ui/inspector/text_map.h"
#include "ui/inspector/text_shading.h"

class QComboBox;
class QHBoxLayout;
class QLabel;
class QSlider;

namespace ui {

class InspectionCursor;
class FlowLayout;
class PositionBar;
class ShadingKey;
class Theme;

/// The layer is the cursor's; what to paint is given by the owner, who is told when another is wanted.
class TextPage : public QWidget {
    Q_OBJECT
public:
    struct Words {
        QString prefix;         // of the object names
        QString coloring;       // what the choice of colours is called
        QStringList colorings;  // in the order of TextColoring
        QString map;            // accessible name of the text
    };

    TextPage(Theme& theme, InspectionCursor& cursor, const Words& words, QWidget* parent);

    TextMap& map() { return *m_map; }
    TextColoring coloring() const;
    /// The colouring has a value for each layer.
    bool byLayer() const;
    void addBesideColoring(QWidget* control);
    /// At the right, before the button that exports.
    void addAtEnd(QWidget* control, int stretch);

    void setText(std::shared_ptr<const PromptText> text, std::vector<SegmentCaption> captions, int layers);
    void setShading(TextShading shading);

signals:
    /// Another colouring or layer was chosen.
    void shadingWanted();

private:
    void dress();

    Theme& m_theme;
    InspectionCursor& m_cursor;
    FlowLayout* m_choices;
    QHBoxLayout* m_bar;
    QComboBox* m_coloring;
    QComboBox* m_granularity;
    QWidget* m_layerBox;
    QSlider* m_layer;
    QLabel* m_layerText;
    TextMap* m_map;
    ShadingKey* m_key;
    PositionBar* m_position;
};

}  // namespace ui
