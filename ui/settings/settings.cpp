// What the person has chosen, kept between sessions.
#include "ui/settings/settings.h"

#include <QSettings>
#include <QVariantMap>
#include <algorithm>

namespace ui {

namespace {

using namespace Qt::StringLiterals;

template <class Enum>
Enum readEnum(const QSettings& store, const QString& key, Enum last) {
    return static_cast<Enum>(std::clamp(store.value(key, 0).toInt(), 0, static_cast<int>(last)));
}

}  // namespace

Settings readSettings(const QSettings& store) {
    Settings settings;
    settings.model = store.value(u"model"_s).toString();
    settings.workspace = store.value(u"workspace"_s).toString();
    settings.threads = std::clamp(store.value(u"threads"_s, 0).toInt(), 0, 1024);
    if (store.contains(u"kvDtype"_s))
        settings.kvDtype = readEnum(store, u"kvDtype"_s, engine::KvDtype::Int8);
    settings.capBytes = store.value(u"capBytes"_s, 0).toULongLong();
    settings.theme = readEnum(store, u"theme"_s, ThemeChoice::Dark);
    settings.fontStep = std::clamp(store.value(u"fontStep"_s, 0).toInt(), -2, 8);
    const QVariantMap watched = store.value(u"watched"_s).toMap();
    for (auto folder = watched.begin(); folder != watched.end(); ++folder)
        settings.watched.insert(folder.key(), folder.value().toString());
    return settings;
}

void writeSettings(QSettings& store, const Settings& settings) {
    store.setValue(u"model"_s, settings.model);
    store.setValue(u"workspace"_s, settings.workspace);
    store.setValue(u"threads"_s, settings.threads);
    store.setValue(u"kvDtype"_s, static_cast<int>(settings.kvDtype));
    store.setValue(u"capBytes"_s, static_cast<qulonglong>(settings.capBytes));
    store.setValue(u"theme"_s, static_cast<int>(settings.theme));
    store.setValue(u"fontStep"_s, settings.fontStep);
    QVariantMap watched;
    for (auto folder = settings.watched.begin(); folder != settings.watched.end(); ++folder)
        watched.insert(folder.key(), folder.value());
    store.setValue(u"watched"_s, watched);
}

}  // namespace ui
