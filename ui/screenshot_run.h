// One picture of the window, taken when everything asked for has been done.
#pragma once

#include <QObject>
#include <QSize>
#include <QString>
#include <QTimer>

#include "ui/inspector/inspect_view.h"
#include "ui/main_window.h"

namespace ui {

struct ScreenshotOrder {
    QString path;  // of the PNG
    QString question;
    QString collection;
    QString trace;  // file; empty = none
    Mode mode = Mode::Library;
    Layout layout = Layout::Read;
    QSize size{1600, 1000};
    InspectPanel panel = InspectPanel::Layers;
    int token = -1;             // chosen in Inspect and Compare; −1 = none
    bool openCitation = false;  // show the first source's document beside the answer
};

/// Drives the window: opens, asks, measures, waits until nothing is outstanding, grabs. GUI thread.
class ScreenshotRun : public QObject {
    Q_OBJECT
public:
    ScreenshotRun(MainWindow& window, ScreenshotOrder order, QObject* parent = nullptr);
    void begin();

signals:
    /// `failure` empty = the picture was written.
    void finished(const QString& failure);

private:
    void opened();
    void ask();
    void answered();
    void settle();
    void grab();
    void fail(const QString& why);

    MainWindow& m_window;
    const ScreenshotOrder m_order;
    QTimer m_settle;
    int m_quietRounds = 0;
    int m_runs = 0;
    bool m_pointed = false;  // panel and token are chosen
    bool m_over = false;
};

}  // namespace ui
