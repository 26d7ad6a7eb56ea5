// Every action of the workbench, by name: the menus, the palette and the sheet of shortcuts are made from it.
#pragma once

#include <QAction>
#include <QObject>
#include <QString>
#include <functional>
#include <vector>

namespace ui {

class ActionRegistry : public QObject {
    Q_OBJECT
public:
    struct Entry {
        QString group;
        QAction* action = nullptr;
    };

    explicit ActionRegistry(QWidget* window);

    /// The action belongs to the window, so that its shortcut works everywhere in it. `name` is unique.
    QAction* add(const QString& group, const QString& name, const QString& text, const QKeySequence& shortcut,
                 std::function<void()> triggered);
    const std::vector<Entry>& entries() const { return m_entries; }
    QAction* action(const QString& name) const;

private:
    QWidget* m_window;
    std::vector<Entry> m_entries;
};

}  // namespace ui
