// The project's icons.
#include "ui/icons.h"

#include <QFile>
#include <QPainter>
#include <QPixmap>
#include <QSvgRenderer>

static void registerIcons() { Q_INIT_RESOURCE(icons); }  // a static library's are not registered by themselves

namespace ui {

namespace {

using namespace Qt::StringLiterals;

QPixmap drawn(QByteArray svg, const QColor& color, int pixels) {
    svg.replace("#000", color.name().toLatin1());
    QSvgRenderer renderer(svg);
    QPixmap pixmap(pixels, pixels);
    pixmap.fill(Qt::transparent);
    QPainter painter(&pixmap);
    renderer.render(&painter);
    return pixmap;
}

}  // namespace

QIcon icon(const QString& name, const QColor& color, const QColor& disabled) {
    registerIcons();
    QFile file(u":/icons/"_s + name + u".svg"_s);
    if (!file.open(QIODevice::ReadOnly))
        return {};
    const QByteArray svg = file.readAll();
    QIcon result;
    for (const int pixels : {16, 20, 24, 32, 48}) {
        result.addPixmap(drawn(svg, color, pixels));
        if (disabled.isValid())
            result.addPixmap(drawn(svg, disabled, pixels), QIcon::Disabled);
    }
    return result;
}

QIcon icon(const QString& name, const Theme& theme, Role role) {
    return icon(name, theme.color(role), theme.color(Role::FaintInk));
}

QIcon applicationIcon() {
    registerIcons();
    return QIcon(u":/icons/cacheblend-workbench.svg"_s);
}

}  // namespace ui
