// Every action of the workbench, by name: the menus, the palette and the sheet of shortcuts are made from it.
#pragma once

#include <QAction>
#include <QKeySequence>
#include <QObject>
#include <QString>
#include <functional>
#include <vector>

class QSettings;

namespace ui {

class ActionRegistry : public QObject {
    Q_OBJECT
public:
    struct Entry {
        QString group;
        QAction* action = nullptr;
        QKeySequence standard;  // the key it comes with
    };

    explicit ActionRegistry(QWidget* window);

    /// The action belongs to the window, so that its shortcut works everywhere in it. `name` is unique.
    QAction* add(const QString& group, const QString& name, const QString& text, const QKeySequence& shortcut,
                 std::function<void()> triggered);
    const std::vector<Entry>& entries() const { return m_entries; }
    QAction* action(const QString& name) const;

    /// The other action that has this key; null when it is free.
    QAction* ownerOf(const QKeySequence& key, const QAction* except) const;
    /// Gives the action this key, empty = none. A key that another action has is refused: false.
    bool setKey(QAction& action, const QKeySequence& key);
    void resetKeys();
    /// Only keys that are not the standard ones are kept.
    void saveKeys(QSettings& store) const;
    void restoreKeys(const QSettings& store);

signals:
    void keysChanged();

private:
    QWidget* m_window;
    std::vector<Entry> m_entries;
};

}  // namespace ui
