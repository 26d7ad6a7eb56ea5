// Every action of the workbench, by name.
#include "ui/palette/action_registry.h"

#include <QSettings>
#include <QWidget>
#include <algorithm>

namespace ui {

namespace {

using namespace Qt::StringLiterals;

QString settingOf(const QAction& action) { return u"keys/"_s + action.objectName(); }

}  // namespace

ActionRegistry::ActionRegistry(QWidget* window) : QObject(window), m_window(window) {}

QAction* ActionRegistry::add(const QString& group, const QString& name, const QString& text, const QKeySequence& shortcut,
                             std::function<void()> triggered) {
    Q_ASSERT(action(name) == nullptr);
    auto* const action = new QAction(text, m_window);
    action->setObjectName(name);
    action->setShortcut(shortcut);
    connect(action, &QAction::triggered, m_window, std::move(triggered));
    m_window->addAction(action);
    m_entries.push_back({group, action, shortcut});
    return action;
}

QAction* ActionRegistry::action(const QString& name) const {
    const auto found = std::find_if(m_entries.begin(), m_entries.end(),
                                    [&](const Entry& entry) { return entry.action->objectName() == name; });
    return found == m_entries.end() ? nullptr : found->action;
}

QAction* ActionRegistry::ownerOf(const QKeySequence& key, const QAction* except) const {
    const auto found = std::find_if(m_entries.begin(), m_entries.end(), [&](const Entry& entry) {
        return entry.action != except && !key.isEmpty() && entry.action->shortcut() == key;
    });
    return found == m_entries.end() ? nullptr : found->action;
}

bool ActionRegistry::setKey(QAction& action, const QKeySequence& key) {
    if (ownerOf(key, &action) != nullptr)
        return false;
    if (action.shortcut() != key) {
        action.setShortcut(key);
        emit keysChanged();
    }
    return true;
}

void ActionRegistry::resetKeys() {
    for (const Entry& entry : m_entries)
        entry.action->setShortcut(entry.standard);
    emit keysChanged();
}

void ActionRegistry::saveKeys(QSettings& store) const {
    for (const Entry& entry : m_entries) {
        if (entry.action->shortcut() == entry.standard)
            store.remove(settingOf(*entry.action));
        else
            store.setValue(settingOf(*entry.action), entry.action->shortcut().toString(QKeySequence::PortableText));
    }
}

void ActionRegistry::restoreKeys(const QSettings& store) {
    std::vector<QKeySequence> keys;
    std::vector<bool> chosen;
    for (const Entry& entry : m_entries) {
        const QVariant kept = store.value(settingOf(*entry.action));
        chosen.push_back(kept.isValid());
        keys.push_back(kept.isValid() ? QKeySequence(kept.toString(), QKeySequence::PortableText) : entry.standard);
    }
    for (std::size_t index = 0; index < m_entries.size(); ++index) {
        // A file written by hand, or a key that a newer version gives to another action.
        if (chosen[index] && std::count(keys.begin(), keys.end(), keys[index]) > 1)
            keys[index] = {};
    }
    for (std::size_t index = 0; index < m_entries.size(); ++index)
        m_entries[index].action->setShortcut(keys[index]);
}

}  // namespace ui
