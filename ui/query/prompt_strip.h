// The prompt drawn to scale: head, passages in their order with hit or miss, question; with token positions.
#pragma once

#include <QWidget>
#include <optional>
#include <vector>

#include "engine/types.h"
#include "ui/theme/theme.h"
#include "ui/widgets/plot.h"

namespace ui {

class PromptStrip : public QWidget, public Plot {
    Q_OBJECT
public:
    explicit PromptStrip(Theme& theme, QWidget* parent = nullptr);

    void showPlan(const std::optional<engine::BlendPlan>& plan);
    QSize sizeHint() const override { return {480, 44}; }
    QSize minimumSizeHint() const override { return {120, 44}; }

    void paintPlot(QPainter& painter, const QSize& size) const override;
    QSize plotSize() const override { return size(); }
    QByteArray csv() const override;
    QString plotName() const override { return objectName(); }
    QString currentText() const override;

signals:
    /// The n-th passage, from 0, was chosen.
    void passageActivated(int row);

protected:
    void paintEvent(QPaintEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    bool event(QEvent* event) override;

private:
    struct Block {
        QString label;
        QString tip;
        QString place;
        QString source;
        int begin = 0;
        int tokens = 0;
        int row = -1;  // of the passage's card
        Role color = Role::Reused;
        bool hatched = false;
    };
    QRectF rectOf(const Block& block, double width) const;
    const Block* blockAt(const QPointF& point) const;

    Theme& m_theme;
    std::vector<Block> m_blocks;
    int m_tokens = 0;
    int m_current = -1;  // index of a block, by keyboard
};

}  // namespace ui
