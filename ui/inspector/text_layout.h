// Lines of a prompt's text at one width: where every cell stands, laid out once and painted line by line.
#pragma once

#include <QColor>
#include <QFont>
#include <QRectF>
#include <QTextLayout>
#include <memory>
#include <vector>

#include "ui/inspector/prompt_text.h"

class QPainter;

namespace ui {

/// What a segment shows above its text.
struct SegmentCaption {
    QString label;             // "1", empty for head and question
    QString title;             // "policy.pdf · p. 12"
    QString detail;            // "reused · 34 of 220 recomputed"
    int headerCharacters = 0;  // of the segment's text, set in semi-bold
};

/// A stretch of a line that one cell takes.
struct PlacedCell {
    int cell = 0;
    float left = 0;
    float right = 0;
};

struct TextLine {
    int paragraph = 0;
    int line = 0;
    int segment = 0;
    double top = 0;
    double height = 0;
    double baseline = 0;  // below top
    int firstPlaced = 0;  // into TextLayout::placed()
    int endPlaced = 0;
};

struct CaptionPlace {
    double top = 0;
    double height = 0;
};

/// Constant after construction. Coordinates: x from the text's left edge, y from the top of all text.
class TextLayout {
public:
    TextLayout() = default;
    /// Line ends are set as ↵ in `signInk`, so that their tokens have a place too.
    TextLayout(const PromptText& text, const std::vector<SegmentCaption>& captions, const QFont& font, const QColor& signInk,
               double width, double lineHeight);

    double width() const { return m_width; }
    double height() const { return m_height; }
    const std::vector<TextLine>& lines() const { return m_lines; }
    const std::vector<PlacedCell>& placed() const { return m_placed; }
    const std::vector<CaptionPlace>& captions() const { return m_captions; }

    /// First line whose bottom lies below y; lines().size() when none does.
    int lineAt(double y) const;
    /// The line that holds the cell's first character.
    int lineOfCell(int cell) const { return m_lineOfCell[static_cast<std::size_t>(cell)]; }
    /// The widest of its parts: a word's blank hangs at the end of the line before.
    QRectF cellRect(int cell) const;
    /// The cell nearest to x on a line; −1 on an empty line.
    int cellAt(int line, double x) const;
    /// Glyphs of one line in the painter's pen; the line's top left at `at`.
    void drawLine(QPainter& painter, int line, const QPointF& at) const;

private:
    void place(const PromptText& text, int paragraph, int segment, int begin, int end, double& y, double lineHeight);

    double m_width = 0;
    double m_height = 0;
    std::vector<std::unique_ptr<QTextLayout>> m_paragraphs;
    std::vector<TextLine> m_lines;
    std::vector<PlacedCell> m_placed;
    std::vector<int> m_lineOfCell;
    std::vector<CaptionPlace> m_captions;
};

}  // namespace ui
