// The prompt's text in document typography, every token coloured and marked by what became of its KV.
#pragma once

#include <QAbstractScrollArea>
#include <memory>
#include <vector>

#include "ui/inspector/prompt_text.h"
#include "ui/inspector/text_layout.h"
#include "ui/inspector/text_shading.h"
#include "ui/widgets/plot.h"

namespace ui {

class InspectionCursor;

/// Painted by hand: laid out once per width, only visible lines are painted. Hover previews a token, a click locks it.
/// Keys: arrows, Home, End, Page keys move the cursor; N and Shift+N go to the next and previous marked token; Ctrl+Enter opens
/// the document; Escape lets go.
class TextMap : public QAbstractScrollArea, public Plot {
    Q_OBJECT

public:
    TextMap(Theme& theme, InspectionCursor& cursor, const QString& name, QWidget* parent = nullptr);

    void setText(std::shared_ptr<const PromptText> text, std::vector<SegmentCaption> captions);
    void setShading(TextShading shading);
    void setGranularity(Granularity granularity);

    const TextShading& shading() const { return m_shading; }
    Granularity granularity() const { return m_granularity; }

    /// Marks every occurrence and shows the first at or after the cursor. Returns how many.
    int search(const QString& words);
    void showMatch(int step);
    int matches() const { return static_cast<int>(m_matches.size()); }
    int currentMatch() const { return m_match; }

    /// First and last token in sight, for the position bar.
    std::pair<int, int> visibleTokens() const;
    /// Scrolls only when the token is out of sight.
    void showToken(int token);
    void showInMiddle(int token);
    /// Ground colour that a token is painted with; the same that screen and export show.
    QColor groundOf(int token) const;

    void paintPlot(QPainter& painter, const QSize& size) const override;
    QSize plotSize() const override;
    QByteArray csv() const override;
    QString plotName() const override { return objectName(); }
    QString currentText() const override;

signals:
    void segmentActivated(int segment);
    void scrolled();

protected:
    void paintEvent(QPaintEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void mouseDoubleClickEvent(QMouseEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    bool viewportEvent(QEvent* event) override;
    void focusInEvent(QFocusEvent* event) override;
    void focusOutEvent(QFocusEvent* event) override;
    void scrollContentsBy(int dx, int dy) override;

private:
    void layOut();
    /// The first chunk on top: the fixed head is the same in every prompt.
    void scrollToStart();
    void color();
    void followCursor(int token);
    /// The cursor's token where this text has it: views may show prompts of different lengths.
    int cursorToken() const;
    void moveTo(int token);
    void moveByLines(int lines);
    void moveToMark(int step);
    int tokenUnder(const QPointF& point) const;
    int segmentCaptionUnder(const QPointF& point) const;
    double textLeft() const;
    /// Lines that meet [top, bottom) of the text, at `origin`.
    void paintLines(QPainter& painter, const QPointF& origin, double top, double bottom) const;
    void paintLine(QPainter& painter, int line, const QPointF& origin) const;
    void paintMarks(QPainter& painter, const TextLine& line, const QPointF& origin) const;
    void paintCaption(QPainter& painter, int segment, const QPointF& origin) const;
    void paintCursor(QPainter& painter, const QPointF& origin) const;
    void paintMatches(QPainter& painter, const TextLine& line, const QPointF& origin) const;
    const MarkMeaning* meaningOf(TokenMark mark) const;

    Theme& m_theme;
    InspectionCursor& m_cursor;
    std::shared_ptr<const PromptText> m_text;
    std::vector<SegmentCaption> m_captions;
    TextShading m_shading;
    Granularity m_granularity = Granularity::Token;
    TextLayout m_layout;
    std::vector<TokenMark> m_cellMarks;          // [cells]
    std::vector<QRgb> m_grounds;                 // [cells], transparent = none
    std::vector<bool> m_lightInk;                // [cells] ground so strong that the other ink is needed
    std::vector<std::pair<int, int>> m_matches;  // characters
    int m_match = -1;
    bool m_following = false;
    int m_startValue = -1;  // scroll value that a new text was shown at; −1 = none
};

}  // namespace ui
