// The project's icons, drawn in a colour of the theme.
#pragma once

#include <QIcon>
#include <QString>

#include "ui/theme/theme.h"

namespace ui {

/// `name` is a file of resources/icons without its ending. Drawn anew for each theme: ask again when the theme changes.
QIcon icon(const QString& name, const QColor& color, const QColor& disabled = {});
QIcon icon(const QString& name, const Theme& theme, Role role = Role::Ink);
/// The application's own.
QIcon applicationIcon();

}  // namespace ui
