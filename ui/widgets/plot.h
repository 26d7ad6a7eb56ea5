// What every painted view offers besides its picture: the picture in a file, its data as CSV, its current value as words.
#pragma once

#include <QByteArray>
#include <QSize>
#include <QString>
#include <QWidget>

class QMenu;
class QPainter;
class QToolButton;

namespace ui {

class Theme;

/// Implemented by widgets that paint data. Screen, PNG and SVG are painted by the same paintPlot.
class Plot {
public:
    Plot() = default;
    virtual ~Plot() = default;
    Plot(const Plot&) = delete;
    Plot& operator=(const Plot&) = delete;

    /// Everything, into (0, 0, size).
    virtual void paintPlot(QPainter& painter, const QSize& size) const = 0;
    virtual QSize plotSize() const = 0;
    /// With a header line, UTF-8.
    virtual QByteArray csv() const = 0;
    /// Proposed file name, without ending.
    virtual QString plotName() const = 0;
    /// The cell under the cursor, in words and numbers; read out by assistive technology.
    virtual QString currentText() const = 0;
};

/// Twice the size on the screen, less where that were more than 30,000 pixels long. Each returns a sentence about the error, empty when written.
QString savePng(const Plot& plot, const QString& path);
QString saveSvg(const Plot& plot, const QString& path);
QString saveCsv(const Plot& plot, const QString& path);

/// A widget that is nothing but its plot. `name` is the object name.
class PlotWidget : public QWidget, public Plot {
    Q_OBJECT

public:
    PlotWidget(Theme& theme, const QString& name, const QString& accessibleName, QWidget* parent);

    QSize plotSize() const override { return size(); }
    QString plotName() const override { return objectName(); }

protected:
    void paintEvent(QPaintEvent* event) override;
    /// Tells assistive technology that currentText() is another.
    void announce();

    Theme& m_theme;
};

/// Adds "Copy picture", "Save as PNG…", "Save as SVG…", "Save data as CSV…" to the widget's context menu.
void makeExportable(QWidget& widget, Plot& plot);
/// A button with the same menu, for the panel's title line.
QToolButton* makeExportButton(QWidget& widget, QWidget* parent);

/// Gives every Plot an accessible interface whose value and description are currentText(). May be called any number of times.
void installPlotAccessibility();
void announcePlot(QWidget& widget);

}  // namespace ui
