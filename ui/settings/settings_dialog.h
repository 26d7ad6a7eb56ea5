// The settings: model, workspace, threads, KV type, cap, theme, size of the text.
#pragma once

#include <QDialog>

#include "ui/engine_bridge.h"
#include "ui/settings/settings.h"

class QComboBox;
class QDialogButtonBox;
class QDoubleSpinBox;
class QLabel;
class QLineEdit;
class QSpinBox;

namespace ui {

class SettingsDialog : public QDialog {
    Q_OBJECT
public:
    SettingsDialog(EngineBridge& bridge, const Settings& settings, const QString& defaultModel,
                   const QString& defaultWorkspace, QWidget* parent = nullptr);

    Settings settings() const;

private:
    void inspect();

    EngineBridge& m_bridge;
    const Settings m_before;
    QLineEdit* m_model;
    QLabel* m_modelText;
    QLineEdit* m_workspace;
    QSpinBox* m_threads;
    QComboBox* m_kvDtype;
    QDoubleSpinBox* m_cap;
    QComboBox* m_theme;
    QSpinBox* m_fontStep;
    QDialogButtonBox* m_buttons;
};

}  // namespace ui
