// A line of plain text that ends in "…" where there is no room for all of it.
#pragma once

#include <QLabel>

namespace ui {

/// Takes whatever width it is given. The whole text is its tool tip while it is cut.
class ElidedLabel : public QLabel {
    Q_OBJECT
public:
    ElidedLabel(const QString& name, const QString& accessibleName, QWidget* parent);

    void setWhole(const QString& text);
    const QString& whole() const { return m_whole; }

protected:
    void resizeEvent(QResizeEvent* event) override;
    void changeEvent(QEvent* event) override;

private:
    void elide();

    QString m_whole;
};

}  // namespace ui
