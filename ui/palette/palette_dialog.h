// The palette (Ctrl+K): type, choose with the arrows, Enter.
#pragma once

#include <QDialog>

#include "ui/palette/palette_model.h"
#include "ui/theme/theme.h"

class QLineEdit;
class QListView;

namespace ui {

class PaletteDialog : public QDialog {
    Q_OBJECT
public:
    PaletteDialog(Theme& theme, EngineBridge& bridge, const ActionRegistry& actions, const QString& collection,
                  QWidget* parent = nullptr);

    PaletteModel& model() { return m_model; }
    void type(const QString& words);
    void activateCurrent();

signals:
    void documentRequested(engine::DocumentId document, std::int64_t begin, std::int64_t end);

protected:
    bool eventFilter(QObject* watched, QEvent* event) override;

private:
    void activate(const QModelIndex& index);

    PaletteModel m_model;
    QLineEdit* m_words;
    QListView* m_list;
};

}  // namespace ui
