// A whole cut into named parts: one bar with its figures beneath. The clock's stages and the token counts are drawn by it.
#pragma once

#include <QString>
#include <QWidget>
#include <vector>

#include "ui/theme/theme.h"
#include "ui/widgets/plot.h"

namespace ui {

struct Share {
    QString name;
    double value = 0;
    QString figure;  // the value with its unit
    Role color = Role::Accent;
    double lightness = 1;  // of the colour, towards paper: stages of one kind differ by it
};

class ShareBar : public QWidget, public Plot {
    Q_OBJECT
public:
    explicit ShareBar(Theme& theme, QWidget* parent = nullptr);

    /// `total` names the sum: "first token after 120 ms".
    void setShares(const QString& total, std::vector<Share> shares);

    bool hasHeightForWidth() const override { return true; }
    int heightForWidth(int width) const override;
    QSize sizeHint() const override;
    QSize minimumSizeHint() const override;

    void paintPlot(QPainter& painter, const QSize& size) const override;
    QSize plotSize() const override { return size(); }
    QByteArray csv() const override;
    QString plotName() const override { return objectName(); }
    QString currentText() const override { return accessibleDescription(); }

protected:
    void paintEvent(QPaintEvent* event) override;
    bool event(QEvent* event) override;

private:
    enum class Draw { No, Yes };
    int layOut(int width, Draw draw, QPainter* painter) const;
    QColor color(const Share& share) const;

    Theme& m_theme;
    QString m_total;
    std::vector<Share> m_shares;
};

}  // namespace ui
