// Every action of the workbench, by name.
#include "ui/palette/action_registry.h"

#include <QWidget>
#include <algorithm>

namespace ui {

ActionRegistry::ActionRegistry(QWidget* window) : QObject(window), m_window(window) {}

QAction* ActionRegistry::add(const QString& group, const QString& name, const QString& text, const QKeySequence& shortcut,
                             std::function<void()> triggered) {
    Q_ASSERT(action(name) == nullptr);
    auto* const action = new QAction(text, m_window);
    action->setObjectName(name);
    action->setShortcut(shortcut);
    connect(action, &QAction::triggered, m_window, std::move(triggered));
    m_window->addAction(action);
    m_entries.push_back({group, action});
    return action;
}

QAction* ActionRegistry::action(const QString& name) const {
    const auto found = std::find_if(m_entries.begin(), m_entries.end(),
                                    [&](const Entry& entry) { return entry.action->objectName() == name; });
    return found == m_entries.end() ? nullptr : found->action;
}

}  // namespace ui
