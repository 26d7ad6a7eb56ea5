// A document's text with its pages in the margin and a range marked: where citations lead.
#pragma once

#include <QTextEdit>
#include <QWidget>
#include <vector>

#include "ui/engine_bridge.h"
#include "ui/theme/theme.h"

class QLabel;
class QLineEdit;
class QToolButton;

namespace ui {

/// Read-only text in the document's type; page numbers stand in the left margin.
class DocumentText : public QTextEdit {
    Q_OBJECT
public:
    explicit DocumentText(Theme& theme, QWidget* parent = nullptr);

    struct PageStart {
        int page = 0;
        int position = 0;  // UTF-16
    };
    void showDocument(const QString& text, std::vector<PageStart> pages);
    /// UTF-16 positions; scrolls there.
    void mark(int begin, int end);
    /// A second mark within or beside the first, for one token; scrolls only when told to and it is out of sight. begin = end: none.
    void point(int begin, int end, bool scroll);
    QString pointedText() const { return m_pointed.cursor.selectedText(); }
    QString markedText() const;
    int pageAt(int position) const;

protected:
    void resizeEvent(QResizeEvent* event) override;
    bool eventFilter(QObject* watched, QEvent* event) override;

private:
    void dress();
    void placeMargin();
    void paintMargin();
    void scrollToMark();

    Theme& m_theme;
    QWidget* m_margin;
    std::vector<PageStart> m_pages;
    void showMarks();

    int m_begin = -1;
    int m_end = -1;
    ExtraSelection m_marked;  // empty cursors select nothing
    ExtraSelection m_pointed;
};

class DocumentView : public QWidget {
    Q_OBJECT
public:
    DocumentView(Theme& theme, EngineBridge& bridge, QWidget* parent = nullptr);

    /// Opens a document and marks the characters [begin, end); begin = end marks nothing.
    void open(engine::DocumentId document, std::int64_t begin, std::int64_t end);
    /// Points at characters of a document, of a token that is looked at elsewhere. Opens it when `open` says so, else does nothing
    /// unless it is open. begin = end: points at nothing.
    enum class Open { No, Yes };
    void point(engine::DocumentId document, std::int64_t begin, std::int64_t end, Open open);
    QString markedText() const { return m_text->markedText(); }
    QString pointedText() const { return m_text->pointedText(); }
    int markedPage() const { return m_markedPage; }
    const QString& title() const { return m_title; }

signals:
    void shown();

private:
    void showRecord(const engine::DocumentRecord& record);
    void markRange();
    void showPoint(bool scroll);
    void find(bool backward);

    Theme& m_theme;
    EngineBridge& m_bridge;
    engine::DocumentId m_document;
    QString m_title;
    QString m_plain;
    std::int64_t m_begin = 0;
    std::int64_t m_end = 0;
    std::int64_t m_pointBegin = 0;
    std::int64_t m_pointEnd = 0;
    int m_markedPage = 0;
    QLabel* m_heading;
    QLabel* m_place;
    QLineEdit* m_find;
    DocumentText* m_text;
};

}  // namespace ui
