// The docks of the main window: modes, layouts, and the arrangement of each, kept and reset.
#pragma once

#include <QByteArray>
#include <QDockWidget>
#include <QHash>
#include <QMainWindow>
#include <QObject>
#include <QString>
#include <vector>

class QSettings;

namespace ui {

enum class Mode { Library, Ask, Inspect, Compare, Store };
inline constexpr int kModes = 5;
/// Read: one room at a time. Teach: the question beside what it did. Analyse: all rooms of a question side by side.
enum class Layout { Read, Teach, Analyse };

class ViewDocks : public QObject {
    Q_OBJECT
public:
    explicit ViewDocks(QMainWindow& window);

    QDockWidget* add(const QString& name, const QString& title, QWidget* view);
    QDockWidget* dock(const QString& name) const { return m_docks.value(name); }

    Mode mode() const { return m_mode; }
    Layout layout() const { return m_layout; }
    /// Names the arrangement that is shown, of this mode and layout.
    QString key() const;
    /// Leaves the arrangement of the mode as the person had it and shows the other's.
    void setMode(Mode mode);
    void setLayout(Layout layout);
    /// Every arrangement as it was made.
    void reset();
    /// Shows a dock beside what is there, e.g. the document of a citation.
    void reveal(const QString& name);

    void save(QSettings& store);
    void restore(const QSettings& store);

signals:
    void modeChanged(ui::Mode mode);
    /// The arrangement named key() is about to be left, or to be saved.
    void keeping();
    /// The arrangement named key() is shown now.
    void arranged();
    /// Every arrangement kept was dropped.
    void forgotten();

private:
    struct Column {
        QString dock;
        int width = 1;  // of the sum
    };
    static std::vector<Column> columnsOf(Mode mode, Layout layout, int windowWidth);
    void keep();
    void arrange();
    void arrangeAsKept();
    void arrangeAsMade();
    void showTitles();

    QMainWindow& m_window;
    QHash<QString, QDockWidget*> m_docks;
    QHash<QString, QByteArray> m_kept;  // of each mode and layout that was left
    Mode m_mode = Mode::Library;
    Layout m_layout = Layout::Read;
    bool m_arranging = false;
};

}  // namespace ui
