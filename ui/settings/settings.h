// What the person has chosen, kept between sessions.
#pragma once

#include <QHash>
#include <QString>

#include "engine/types.h"
#include "ui/theme/theme.h"

class QSettings;

namespace ui {

struct Settings {
    QString model;      // empty = the default one
    QString workspace;  // empty = the default one
    int threads = 0;    // 0 = one a physical core
    engine::KvDtype kvDtype = engine::KvDtype::F16;
    std::uint64_t capBytes = 0;  // 0 = none
    ThemeChoice theme = ThemeChoice::System;
    int fontStep = 0;                 // points added to every size
    QHash<QString, QString> watched;  // folder → collection
};

Settings readSettings(const QSettings& store);
void writeSettings(QSettings& store, const Settings& settings);

}  // namespace ui
