// A run's stages in order, with their names and colours; they sum to the time to first token.
#pragma once

#include <QString>
#include <vector>

#include "engine/types.h"
#include "ui/theme/theme.h"

namespace ui {

struct Stage {
    QString name;
    double ms = 0;
    Role role = Role::Reused;
};

/// All stages from question to first token, those without time too, in order.
std::vector<Stage> stagesOf(const engine::Timings& ms);
/// "1,204 ms", "12.3 ms", "0.42 ms".
QString millisecondsText(double ms);

}  // namespace ui
