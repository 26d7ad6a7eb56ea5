// The key to a text map's colours and marks.
#pragma once

#include <QWidget>

#include "ui/inspector/text_map.h"

namespace ui {

class ShadingKey : public QWidget {
    Q_OBJECT

public:
    ShadingKey(const Theme& theme, const TextMap& map, QWidget* parent = nullptr);

    QSize sizeHint() const override { return {320, 24}; }
    /// The key in words.
    QString text() const;

protected:
    void paintEvent(QPaintEvent* event) override;

private:
    const Theme& m_theme;
    const TextMap& m_map;
};

}  // namespace ui
