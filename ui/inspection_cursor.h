// The token, layer and head that a person is looking at; every view follows it.
#pragma once

#include <QObject>

namespace ui {

/// GUI thread only. Made once by the main window and handed to the views. Hovering previews a token and leaves no mark; a click
/// (or Enter) locks it, and it stays until another is locked.
class InspectionCursor : public QObject {
    Q_OBJECT

public:
    static constexpr int kNone = -1;  // no token
    static constexpr int kMean = -1;  // all layers, or all heads

    explicit InspectionCursor(QObject* parent = nullptr);

    /// Prompt position shown: the previewed one, else the locked one, else kNone.
    int token() const { return m_preview != kNone ? m_preview : m_locked; }
    int lockedToken() const { return m_locked; }
    bool isPreviewing() const { return m_preview != kNone; }
    int layer() const { return m_layer; }
    int head() const { return m_head; }

public slots:
    /// Locks a token and ends the preview.
    void setToken(int position);
    void previewToken(int position);
    void endPreview() { previewToken(kNone); }
    void setLayer(int layer);
    void setHead(int head);
    /// No token, mean of layers and heads: what a new trace starts with.
    void clear();

signals:
    void tokenChanged(int position);
    void layerChanged(int layer);
    void headChanged(int head);

private:
    void announceToken(int before);

    int m_locked = kNone;
    int m_preview = kNone;
    int m_layer = kMean;
    int m_head = kMean;
};

}  // namespace ui
