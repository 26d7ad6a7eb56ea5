// The sheet of shortcuts (F1), made from the registered actions; their keys are changed here.
#pragma once

#include <QDialog>
#include <QHash>

#include "ui/palette/action_registry.h"
#include "ui/theme/theme.h"

class QGridLayout;
class QLabel;

namespace ui {

class KeyButton;

class ShortcutSheet : public QDialog {
    Q_OBJECT
public:
    ShortcutSheet(Theme& theme, ActionRegistry& actions, QWidget* parent = nullptr);

private:
    void addAction(QGridLayout& grid, int row, QAction& action);
    void giveKey(QAction& action, const QKeySequence& key);
    void say(const QString& sentence);

    Theme& m_theme;
    ActionRegistry& m_actions;
    QHash<QAction*, KeyButton*> m_keys;
    QLabel* m_state;
};

}  // namespace ui
