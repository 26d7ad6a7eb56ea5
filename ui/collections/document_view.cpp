// A document's text with its pages in the margin and a range marked.
#include "ui/collections/document_view.h"

#include <QAbstractTextDocumentLayout>
#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QPainter>
#include <QScrollBar>
#include <QShortcut>
#include <QTextBlock>
#include <QTimer>
#include <QVBoxLayout>
#include <algorithm>

#include "ui/text.h"

namespace ui {

namespace {

using namespace Qt::StringLiterals;

constexpr int kMarginWidth = 56;
constexpr int kTextWidth = 720;  // px

}  // namespace

// ---- DocumentText ----------------------------------------------------------------------------------------------

DocumentText::DocumentText(Theme& theme, QWidget* parent) : QTextEdit(parent), m_theme(theme), m_margin(new QWidget(this)) {
    setReadOnly(true);
    setAcceptRichText(false);
    setUndoRedoEnabled(false);
    setFrameShape(QFrame::NoFrame);
    setTextInteractionFlags(Qt::TextSelectableByMouse | Qt::TextSelectableByKeyboard);
    setStyleSheet(u"QTextEdit { border: none; border-radius: 0; padding: 0; }"_s);
    m_margin->setObjectName(u"pageMargin"_s);
    m_margin->setAccessibleName(tr("Page numbers"));
    m_margin->installEventFilter(this);
    connect(verticalScrollBar(), &QScrollBar::valueChanged, m_margin, qOverload<>(&QWidget::update));
    connect(document()->documentLayout(), &QAbstractTextDocumentLayout::documentSizeChanged, m_margin,
            qOverload<>(&QWidget::update));
    connect(&theme, &Theme::changed, this, &DocumentText::dress);
    dress();
}

void DocumentText::dress() {
    document()->setDefaultFont(m_theme.documentFont());
    if (m_begin >= 0)
        mark(m_begin, m_end);
    placeMargin();
}

void DocumentText::showDocument(const QString& text, std::vector<PageStart> pages) {
    m_marked = m_pointed = {};
    showMarks();
    m_begin = m_end = -1;
    m_pages = std::move(pages);
    setPlainText(text);
    QTextBlockFormat format;
    format.setLineHeight(Theme::kDocumentLineHeight * 100, QTextBlockFormat::ProportionalHeight);
    QTextCursor cursor(document());
    cursor.select(QTextCursor::Document);
    cursor.mergeBlockFormat(format);
    placeMargin();
}

void DocumentText::mark(int begin, int end) {
    m_begin = begin;
    m_end = end;
    m_marked = {};
    if (end > begin) {
        m_marked.cursor = QTextCursor(document());
        m_marked.cursor.setPosition(begin);
        m_marked.cursor.setPosition(std::min(end, document()->characterCount() - 1), QTextCursor::KeepAnchor);
    }
    showMarks();
    scrollToMark();
    QTimer::singleShot(0, this, &DocumentText::scrollToMark);  // after the pages below have been laid out
}

void DocumentText::showMarks() {
    m_marked.format.setBackground(m_theme.color(Role::AccentTint));
    m_pointed.format.setBackground(m_theme.color(Role::Accent));
    m_pointed.format.setForeground(m_theme.color(Role::AccentInk));
    QList<ExtraSelection> selections;
    for (const ExtraSelection& selection : {m_marked, m_pointed}) {
        if (selection.cursor.hasSelection())
            selections << selection;
    }
    setExtraSelections(selections);
}

void DocumentText::point(int begin, int end, bool scroll) {
    m_pointed = {};
    const int last = std::max(document()->characterCount() - 1, 0);
    if (end > begin && begin <= last) {
        m_pointed.cursor = QTextCursor(document());
        m_pointed.cursor.setPosition(begin);
        m_pointed.cursor.setPosition(std::min(end, last), QTextCursor::KeepAnchor);
    }
    showMarks();
    if (!scroll || !m_pointed.cursor.hasSelection())
        return;
    const QRect place = cursorRect(m_pointed.cursor);
    if (place.top() < 0 || place.bottom() > viewport()->height())
        verticalScrollBar()->setValue(verticalScrollBar()->value() + place.top() - viewport()->height() / 4);
}

void DocumentText::scrollToMark() {
    if (m_begin < 0)
        return;
    QTextCursor cursor(document());
    cursor.setPosition(std::min(m_begin, std::max(document()->characterCount() - 1, 0)));
    setTextCursor(cursor);
    const int y = cursorRect(cursor).top() + verticalScrollBar()->value();
    verticalScrollBar()->setValue(y - viewport()->height() / 4);
}

QString DocumentText::markedText() const { return m_marked.cursor.selectedText().replace(QChar::ParagraphSeparator, u'\n'); }

int DocumentText::pageAt(int position) const {
    int page = 0;
    for (const PageStart& start : m_pages) {
        if (start.position <= position)
            page = start.page;
    }
    return page;
}

void DocumentText::placeMargin() {
    const int spare = width() - kTextWidth - 2 * kMarginWidth;
    const int left = kMarginWidth + std::max(0, spare / 2);
    const int right = 24 + std::max(0, spare / 2);
    if (const QMargins margins(left, 0, right, 0); viewportMargins() != margins)
        setViewportMargins(margins);
    m_margin->setGeometry(0, 0, left, height());
    m_margin->update();
}

void DocumentText::resizeEvent(QResizeEvent* event) {
    QTextEdit::resizeEvent(event);
    placeMargin();
}

bool DocumentText::eventFilter(QObject* watched, QEvent* event) {
    if (watched == m_margin && event->type() == QEvent::Paint) {
        paintMargin();
        return true;
    }
    return QTextEdit::eventFilter(watched, event);
}

void DocumentText::paintMargin() {
    QPainter painter(m_margin);
    painter.fillRect(m_margin->rect(), m_theme.color(Role::Paper));
    painter.setFont(m_theme.smallFont());
    const QFontMetrics metrics(m_theme.smallFont());
    const QTextBlock from = cursorForPosition(QPoint(0, 0)).block();
    const QTextBlock to = cursorForPosition(QPoint(0, viewport()->height())).block();
    for (const PageStart& start : m_pages) {
        if (start.position < from.position() || start.position > to.position() + to.length())
            continue;
        QTextCursor cursor(document());
        cursor.setPosition(std::min(start.position, std::max(document()->characterCount() - 1, 0)));
        const QRect line = cursorRect(cursor);
        painter.setPen(m_theme.color(Role::Line));
        painter.drawLine(m_margin->width() - kMarginWidth + 8, line.top(), m_margin->width() - 8, line.top());
        painter.setPen(m_theme.color(Role::QuietInk));
        painter.drawText(QRect(m_margin->width() - kMarginWidth, line.top() + 2, kMarginWidth - 8, metrics.height()),
                         Qt::AlignRight | Qt::AlignTop, tr("p. %1").arg(start.page));
    }
    if (m_end > m_begin && m_begin >= 0) {
        QTextCursor cursor(document());
        cursor.setPosition(m_begin);
        const int begin = cursorRect(cursor).top();
        cursor.setPosition(std::min(m_end, document()->characterCount() - 1));
        const int end = cursorRect(cursor).bottom();
        painter.fillRect(QRect(m_margin->width() - 3, begin, 3, end - begin), m_theme.color(Role::Accent));
    }
}

// ---- DocumentView ----------------------------------------------------------------------------------------------

DocumentView::DocumentView(Theme& theme, EngineBridge& bridge, QWidget* parent)
    : QWidget(parent), m_theme(theme), m_bridge(bridge) {
    setObjectName(u"documentView"_s);
    setAccessibleName(tr("Document"));
    setAutoFillBackground(true);
    setBackgroundRole(QPalette::Base);
    auto* const column = new QVBoxLayout(this);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    auto* const head = new QWidget(this);
    auto* const line = new QHBoxLayout(head);
    line->setContentsMargins(16, 8, 8, 8);
    line->setSpacing(8);
    m_heading = new QLabel(tr("No document is open"), head);
    m_heading->setObjectName(u"documentTitle"_s);
    m_heading->setAccessibleName(tr("Title of the document"));
    m_heading->setTextFormat(Qt::PlainText);
    m_heading->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
    m_place = new QLabel(head);
    m_place->setObjectName(u"documentPlace"_s);
    m_place->setAccessibleName(tr("Place of the marked passage"));
    m_place->setProperty("quiet", true);
    m_find = new QLineEdit(head);
    m_find->setObjectName(u"documentFind"_s);
    m_find->setAccessibleName(tr("Find in the document"));
    m_find->setPlaceholderText(tr("Find"));
    m_find->setClearButtonEnabled(true);
    m_find->setMaximumWidth(160);
    line->addWidget(m_heading, 1);
    line->addWidget(m_place);
    line->addWidget(m_find);
    column->addWidget(head);
    m_text = new DocumentText(theme, this);
    m_text->setObjectName(u"documentText"_s);
    m_text->setAccessibleName(tr("Text of the document"));
    m_text->setPlaceholderText(tr("Choose a passage or a citation, and its document opens here at the place."));
    column->addWidget(m_text, 1);
    connect(m_find, &QLineEdit::returnPressed, this, [this] { find(false); });
    auto* const shortcut = new QShortcut(QKeySequence::Find, this, nullptr, nullptr, Qt::WidgetWithChildrenShortcut);
    connect(shortcut, &QShortcut::activated, m_find, qOverload<>(&QWidget::setFocus));
    const auto dress = [this] { m_heading->setFont(m_theme.headingFont()); };
    connect(&theme, &Theme::changed, this, dress);
    dress();
}

void DocumentView::open(engine::DocumentId document, std::int64_t begin, std::int64_t end) {
    m_begin = begin;
    m_end = end;
    if (document == m_document && !m_plain.isEmpty()) {
        markRange();
        emit shown();
        return;
    }
    m_bridge.document(document, this, [this](engine::Result<engine::DocumentRecord> record) {
        if (record)
            showRecord(*record);
        else
            m_heading->setText(text::sentence(record.status()));
    });
}

void DocumentView::point(engine::DocumentId document, std::int64_t begin, std::int64_t end, Open open) {
    m_pointBegin = begin;
    m_pointEnd = end;
    if (document == m_document && !m_plain.isEmpty())
        showPoint(open == Open::Yes);
    else if (open == Open::Yes)
        this->open(document, begin, begin);
    else
        m_text->point(0, 0, false);
}

void DocumentView::showPoint(bool scroll) {
    m_text->point(static_cast<int>(text::utf16Index(m_plain, m_pointBegin)),
                  static_cast<int>(text::utf16Index(m_plain, m_pointEnd)), scroll);
}

void DocumentView::showRecord(const engine::DocumentRecord& record) {
    m_document = record.id;
    m_title = text::fromUtf8(record.title);
    m_heading->setText(m_title);
    m_heading->setToolTip(m_title);
    m_plain = text::fromUtf8(record.text);
    std::vector<DocumentText::PageStart> pages;
    qsizetype index = 0;
    std::int64_t passed = 0;
    for (const storage::PageSpan& page : record.pageMap) {
        for (; passed < page.begin && index < m_plain.size(); ++passed)
            index += m_plain[index].isHighSurrogate() && index + 1 < m_plain.size() ? 2 : 1;
        pages.push_back({page.page, static_cast<int>(index)});
    }
    m_text->showDocument(m_plain, std::move(pages));
    markRange();
    if (m_pointEnd > m_pointBegin && m_begin == m_pointBegin)
        showPoint(false);  // it was opened for a token
    emit shown();
}

void DocumentView::markRange() {
    const int begin = static_cast<int>(text::utf16Index(m_plain, m_begin));
    const int end = static_cast<int>(text::utf16Index(m_plain, m_end));
    m_text->mark(begin, end);
    m_markedPage = m_text->pageAt(begin);
    m_place->setText(m_end > m_begin ? text::pages(m_markedPage, m_text->pageAt(end - 1)) : QString());
}

void DocumentView::find(bool backward) {
    const QString words = m_find->text();
    if (words.isEmpty())
        return;
    const QTextDocument::FindFlags flags = backward ? QTextDocument::FindBackward : QTextDocument::FindFlags();
    if (!m_text->find(words, flags)) {
        m_text->moveCursor(backward ? QTextCursor::End : QTextCursor::Start);
        m_text->find(words, flags);
    }
}

}  // namespace ui
