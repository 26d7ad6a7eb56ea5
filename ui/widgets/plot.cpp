// Export of plots to pictures and data, and their voice for assistive technology.
#include "ui/widgets/plot.h"

#include <QAccessible>
#include <QAccessibleWidget>
#include <QAction>
#include <QBuffer>
#include <QClipboard>
#include <QCoreApplication>
#include <QFileDialog>
#include <QGuiApplication>
#include <QImage>
#include <QMenu>
#include <QMessageBox>
#include <QPaintEvent>
#include <QPainter>
#include <QSvgGenerator>
#include <QToolButton>
#include <algorithm>

#include "ui/theme/theme.h"
#include "ui/widgets/table_export.h"

namespace ui {

namespace {

using namespace Qt::StringLiterals;

constexpr double kExportScale = 2;
constexpr double kGreatestSide = 30'000;  // px; what the painter can address, and some hundred MiB for the longest texts

QString translated(const char* text) { return QCoreApplication::translate("ui::Plot", text); }

QImage picture(const Plot& plot) {
    const QSize size = plot.plotSize();
    const double scale = std::min(kExportScale, kGreatestSide / std::max({1, size.width(), size.height()}));
    QImage image((QSizeF(size) * scale).toSize(), QImage::Format_ARGB32_Premultiplied);
    image.setDevicePixelRatio(scale);
    image.fill(Qt::transparent);
    QPainter painter(&image);
    painter.setRenderHint(QPainter::Antialiasing);
    plot.paintPlot(painter, size);
    return image;
}

class PlotAccessible : public QAccessibleWidget {
public:
    PlotAccessible(QWidget* widget, Plot* plot) : QAccessibleWidget(widget, QAccessible::Chart), m_plot(plot) {}

    QString text(QAccessible::Text kind) const override {
        if (kind == QAccessible::Value || kind == QAccessible::Description) {
            return m_plot->currentText();
        }
        return QAccessibleWidget::text(kind);
    }

private:
    Plot* m_plot;
};

QAccessibleInterface* plotAccessible(const QString&, QObject* object) {
    auto* plot = dynamic_cast<Plot*>(object);
    return plot ? new PlotAccessible(static_cast<QWidget*>(object), plot) : nullptr;
}

void exportTo(QWidget& widget, Plot& plot, const QString& ending, const QString& filter,
              QString (*save)(const Plot&, const QString&)) {
    const QString path = QFileDialog::getSaveFileName(&widget, translated("Export"), plot.plotName() + ending, filter);
    if (path.isEmpty()) {
        return;
    }
    if (const QString error = save(plot, path); !error.isEmpty()) {
        QMessageBox::warning(&widget, translated("Export"), error);
    }
}

}  // namespace

QString savePng(const Plot& plot, const QString& path) {
    QByteArray bytes;
    QBuffer buffer(&bytes);
    if (!buffer.open(QIODevice::WriteOnly) || !picture(plot).save(&buffer, "PNG")) {
        return translated("The picture could not be encoded.");
    }
    return writeFile(path, bytes);
}

QString saveSvg(const Plot& plot, const QString& path) {
    QByteArray bytes;
    QBuffer buffer(&bytes);
    QSvgGenerator generator;
    generator.setOutputDevice(&buffer);
    generator.setSize(plot.plotSize());
    generator.setViewBox(QRect(QPoint(0, 0), plot.plotSize()));
    generator.setTitle(plot.plotName());
    QPainter painter;
    if (!painter.begin(&generator)) {
        return translated("The picture could not be encoded.");
    }
    plot.paintPlot(painter, plot.plotSize());
    painter.end();
    return writeFile(path, bytes);
}

QString saveCsv(const Plot& plot, const QString& path) { return writeFile(path, plot.csv()); }

PlotWidget::PlotWidget(Theme& theme, const QString& name, const QString& accessibleName, QWidget* parent)
    : QWidget(parent), m_theme(theme) {
    setObjectName(name);
    setAccessibleName(accessibleName);
    makeExportable(*this, *this);
    connect(&theme, &Theme::changed, this, qOverload<>(&QWidget::update));
}

void PlotWidget::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    paintPlot(painter, size());
    if (hasFocus()) {
        painter.setPen(QPen(m_theme.color(Role::Accent), 1));
        painter.setBrush(Qt::NoBrush);
        painter.drawRoundedRect(QRectF(rect()).adjusted(0.5, 0.5, -0.5, -0.5), 4, 4);
    }
}

void PlotWidget::announce() { announcePlot(*this); }

void makeExportable(QWidget& widget, Plot& plot) {
    installPlotAccessibility();
    const auto add = [&](const QString& name, const QString& text, auto action) {
        auto* entry = new QAction(text, &widget);
        entry->setObjectName(name);
        QObject::connect(entry, &QAction::triggered, &widget, action);
        widget.addAction(entry);
    };
    add(u"copyPicture"_s, translated("Copy picture"), [&plot] { QGuiApplication::clipboard()->setImage(picture(plot)); });
    add(u"copyValue"_s, translated("Copy value"), [&plot] { QGuiApplication::clipboard()->setText(plot.currentText()); });
    add(u"savePng"_s, translated("Save as PNG…"),
        [&] { exportTo(widget, plot, u".png"_s, translated("PNG picture (*.png)"), savePng); });
    add(u"saveSvg"_s, translated("Save as SVG…"),
        [&] { exportTo(widget, plot, u".svg"_s, translated("SVG drawing (*.svg)"), saveSvg); });
    add(u"saveCsv"_s, translated("Save data as CSV…"),
        [&] { exportTo(widget, plot, u".csv"_s, translated("CSV (*.csv)"), saveCsv); });
    widget.setContextMenuPolicy(Qt::ActionsContextMenu);
}

QToolButton* makeExportButton(QWidget& widget, QWidget* parent) {
    auto* button = new QToolButton(parent);
    button->setObjectName(widget.objectName() + "Export"_L1);
    button->setText(translated("Export"));
    button->setAccessibleName(translated("Export: %1").arg(widget.accessibleName()));
    button->setToolTip(translated("Save %1 as a picture or its data as CSV").arg(widget.accessibleName()));
    button->setFocusPolicy(Qt::StrongFocus);
    auto* menu = new QMenu(button);
    menu->addActions(widget.actions());
    button->setMenu(menu);
    button->setPopupMode(QToolButton::InstantPopup);
    return button;
}

void installPlotAccessibility() { QAccessible::installFactory(plotAccessible); }

void announcePlot(QWidget& widget) {
    if (QAccessible::isActive()) {
        QAccessibleEvent event(&widget, QAccessible::DescriptionChanged);
        QAccessible::updateAccessibility(&event);
        QAccessibleEvent value(&widget, QAccessible::ValueChanged);
        QAccessible::updateAccessibility(&value);
    }
}

}  // namespace ui
