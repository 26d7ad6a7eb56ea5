// What is being done: the job that runs, how far, how fast, how long it will take, and its stop.
#pragma once

#include <QWidget>

#include "ui/engine_bridge.h"
#include "ui/theme/theme.h"

class QLabel;
class QProgressBar;
class QToolButton;

namespace ui {

class JobBar : public QWidget {
    Q_OBJECT
public:
    JobBar(Theme& theme, EngineBridge& bridge, QWidget* parent = nullptr);

    /// A sentence shown when nothing runs.
    void say(const QString& sentence);

private:
    void showJobs();
    void dress();

    Theme& m_theme;
    EngineBridge& m_bridge;
    QString m_sentence;
    CommandId m_shown = 0;
    QLabel* m_title;
    QProgressBar* m_bar;
    QLabel* m_figures;
    QToolButton* m_stop;
};

/// "12 of 73 files · 3.4 a second · 18 s left".
QString jobFigures(const JobState& job);

}  // namespace ui
