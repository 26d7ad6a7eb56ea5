// Inspect: what one blend did, on the documents' own text.
#pragma once

#include <QByteArray>
#include <QWidget>
#include <memory>

#include "engine/trace.h"

namespace ui {

class InspectionCursor;
class Theme;

/// How much stands around the text.
enum class InspectLayout {
    Read,    // text and token
    Teach,   // and the heat map, low
    Analyse  // all, the plots as high as the text
};

/// The plots below the text.
enum class InspectPanel { Layers, Attention, Timeline };

/// Follows the cursor and moves it. Holds the trace it shows, and nothing else of the engine.
class InspectView : public QWidget {
    Q_OBJECT

public:
    InspectView(Theme& theme, InspectionCursor& cursor, QWidget* parent = nullptr);
    ~InspectView() override;

    /// Null shows "no run yet".
    void showTrace(std::shared_ptr<const engine::BlendTrace> trace);

    void arrange(InspectLayout layout);
    void showPanel(InspectPanel panel);
    /// Places and sizes of the panels, for the settings.
    QByteArray saveLayout() const;
    bool restoreLayout(const QByteArray& layout);
    /// Of the narrow arrangement: what a wide one needs must not make the window grow before it has become narrow.
    QSize minimumSizeHint() const override;

signals:
    /// Open the document of trace.segments[segment] at its range.
    void citationActivated(int segment);
    /// The person wants Engine::measureDeviation for the run shown.
    void measureRequested();
    /// The person wants the trace in a file.
    void traceExportRequested();

protected:
    void resizeEvent(QResizeEvent* event) override;

private:
    struct Parts;
    std::unique_ptr<Parts> m_parts;
};

}  // namespace ui
