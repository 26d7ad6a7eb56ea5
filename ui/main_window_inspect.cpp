// What the window does with a run: Inspect's panels, the document beside it, the trace that is shown.
#include <QSettings>

#include "ui/collections/document_view.h"
#include "ui/compare/compare_view.h"
#include "ui/inspection_cursor.h"
#include "ui/inspector/inspect_view.h"
#include "ui/inspector/token_facts.h"
#include "ui/main_window.h"
#include "ui/text.h"

namespace ui {

using namespace Qt::StringLiterals;

// Inspect's panels are kept with the arrangement of the rooms that they were seen in.
void MainWindow::connectInspect() {
    connect(m_inspect, &InspectView::citationActivated, this, &MainWindow::openSegment);
    connect(m_inspect, &InspectView::measureRequested, this, &MainWindow::measure);
    connect(m_inspect, &InspectView::traceExportRequested, this, &MainWindow::saveTrace);
    connect(m_cursor.get(), &InspectionCursor::tokenChanged, this, &MainWindow::followToken);
    m_settingsStore.beginGroup(u"window/inspect"_s);
    for (const QString& key : m_settingsStore.childKeys())
        m_inspectPanels.insert(key, m_settingsStore.value(key).toByteArray());
    m_settingsStore.endGroup();
    connect(m_docks, &ViewDocks::keeping, this, [this] {
        if (m_trace && m_inspect->isVisible())
            m_inspectPanels.insert(m_docks->key(), m_inspect->saveLayout());
    });
    connect(m_docks, &ViewDocks::forgotten, this, [this] {
        m_inspectPanels.clear();
        m_settingsStore.remove(u"window/inspect"_s);
    });
    connect(m_docks, &ViewDocks::arranged, this, &MainWindow::arrangeInspect);
}

void MainWindow::arrangeInspect() {
    if (const QByteArray kept = m_inspectPanels.value(m_docks->key()); !kept.isEmpty() && m_inspect->restoreLayout(kept))
        return;
    // Alone in the window there is room for everything; beside the question it shows less.
    const bool beside = m_docks->mode() == Mode::Ask;
    switch (m_docks->layout()) {
        case Layout::Read:
            m_inspect->arrange(InspectLayout::Analyse);
            break;
        case Layout::Teach:
            m_inspect->arrange(beside ? InspectLayout::Read : InspectLayout::Teach);
            break;
        case Layout::Analyse:
            m_inspect->arrange(beside ? InspectLayout::Teach : InspectLayout::Analyse);
            break;
    }
}

void MainWindow::openSegment(int segment) {
    if (!m_trace || segment < 0 || segment >= static_cast<int>(m_trace->segments.size()))
        return;
    const engine::PlanSegment& chosen = m_trace->segments[static_cast<std::size_t>(segment)];
    if (chosen.kind != engine::SegmentKind::Chunk)
        return;
    m_bridge->chunk(chosen.chunk, this,
                    [this, begin = chosen.begin, end = chosen.end](engine::Result<engine::ChunkInfo> chunk) {
                        if (chunk)
                            openDocument(chunk->record.document, begin, end);
                        else
                            say(text::sentence(chunk.status()));
                    });
}

void MainWindow::showTrace(std::shared_ptr<const engine::BlendTrace> trace) {
    m_trace = std::move(trace);
    m_segmentDocuments.clear();
    m_inspect->showTrace(m_trace);
    m_compare->showCurrent(m_trace);
    emit traceShown();
}

// The document beside Inspect shows the token that is looked at; a token that is kept opens its document.
void MainWindow::followToken() {
    if (!m_trace || !m_document->isVisible())
        return;
    const int token = m_cursor->token();
    const std::optional<DocumentRange> range = token < 0 ? std::nullopt : documentRange(*m_trace, token);
    if (!range) {
        m_document->point({}, 0, 0, DocumentView::Open::No);
        return;
    }
    const auto open = m_cursor->isPreviewing() ? DocumentView::Open::No : DocumentView::Open::Yes;
    if (const auto known = m_segmentDocuments.constFind(range->segment); known != m_segmentDocuments.cend()) {
        m_document->point(*known, range->begin, range->end, open);
        return;
    }
    const engine::ChunkId chunk = m_trace->segments[static_cast<std::size_t>(range->segment)].chunk;
    m_bridge->chunk(chunk, this, [this, trace = m_trace, segment = range->segment](engine::Result<engine::ChunkInfo> found) {
        if (!found || trace != m_trace)
            return;  // of another library, or no longer in it
        m_segmentDocuments.insert(segment, found->record.document);
        followToken();
    });
}

}  // namespace ui
