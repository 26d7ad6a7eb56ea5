// The application's style sheet, made from a theme's colours.
#pragma once

#include <QString>

namespace ui {

class Theme;

QString styleSheet(const Theme& theme);

}  // namespace ui
