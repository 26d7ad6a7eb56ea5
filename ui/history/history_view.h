// The history of questions: choose one to ask it again.
#pragma once

#include <QWidget>

#include "ui/engine_bridge.h"
#include "ui/history/history_model.h"
#include "ui/theme/theme.h"

class QTableView;

namespace ui {

class HistoryView : public QWidget {
    Q_OBJECT
public:
    HistoryView(Theme& theme, EngineBridge& bridge, QWidget* parent = nullptr);

    HistoryModel& model() { return m_model; }
    void refresh();

signals:
    void questionChosen(const QString& question);

private:
    EngineBridge& m_bridge;
    HistoryModel m_model;
    QTableView* m_table;
};

}  // namespace ui
