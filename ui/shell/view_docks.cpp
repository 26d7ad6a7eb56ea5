// The docks of the main window.
#include "ui/shell/view_docks.h"

#include <QSettings>
#include <QTimer>
#include <algorithm>
#include <numeric>

namespace ui {

namespace {

using namespace Qt::StringLiterals;

constexpr int kStateVersion = 1;
constexpr int kThreeColumns = 1500;  // px: of a narrower window two rooms fill the width

}  // namespace

ViewDocks::ViewDocks(QMainWindow& window) : QObject(&window), m_window(window) {
    window.setDockNestingEnabled(true);
    window.setDockOptions(QMainWindow::AllowNestedDocks | QMainWindow::AllowTabbedDocks | QMainWindow::AnimatedDocks);
    window.setTabPosition(Qt::AllDockWidgetAreas, QTabWidget::North);
}

QDockWidget* ViewDocks::add(const QString& name, const QString& title, QWidget* view) {
    auto* const dock = new QDockWidget(title, &m_window);
    dock->setObjectName(name);
    dock->setAccessibleName(title);
    dock->setWidget(view);
    dock->setFeatures(QDockWidget::DockWidgetClosable | QDockWidget::DockWidgetMovable | QDockWidget::DockWidgetFloatable);
    m_window.addDockWidget(Qt::LeftDockWidgetArea, dock);
    dock->hide();
    m_docks.insert(name, dock);
    connect(dock, &QDockWidget::visibilityChanged, this, [this] {
        if (!m_arranging)
            showTitles();
    });
    connect(dock, &QDockWidget::topLevelChanged, this, [this] { showTitles(); });
    return dock;
}

std::vector<ViewDocks::Column> ViewDocks::columnsOf(Mode mode, Layout layout, int windowWidth) {
    const bool read = layout == Layout::Read;
    switch (mode) {
        case Mode::Library:
            return read ? std::vector<Column>{{u"libraryDock"_s, 1}}
                        : std::vector<Column>{{u"libraryDock"_s, 3}, {u"documentDock"_s, 2}};
        case Mode::Ask:
            if (layout == Layout::Analyse && windowWidth >= kThreeColumns)
                return {{u"libraryDock"_s, 3}, {u"askDock"_s, 5}, {u"inspectDock"_s, 5}};
            if (layout != Layout::Read)
                return {{u"askDock"_s, 1}, {u"inspectDock"_s, 1}};
            return {{u"askDock"_s, 1}};
        case Mode::Inspect:
            return layout == Layout::Analyse ? std::vector<Column>{{u"inspectDock"_s, 3}, {u"documentDock"_s, 2}}
                                             : std::vector<Column>{{u"inspectDock"_s, 1}};
        case Mode::Compare:
            return {{u"compareDock"_s, 1}};
        case Mode::Store:
            return read ? std::vector<Column>{{u"storeDock"_s, 1}}
                        : std::vector<Column>{{u"libraryDock"_s, 2}, {u"storeDock"_s, 3}};
    }
    return {};
}

QString ViewDocks::key() const { return u"%1-%2"_s.arg(static_cast<int>(m_layout)).arg(static_cast<int>(m_mode)); }

void ViewDocks::keep() {
    m_kept.insert(key(), m_window.saveState(kStateVersion));
    emit keeping();
}

void ViewDocks::setMode(Mode mode) {
    if (mode != m_mode) {
        keep();
        m_mode = mode;
        arrange();
    } else {
        arrangeAsKept();
    }
    emit modeChanged(mode);
}

void ViewDocks::setLayout(Layout layout) {
    keep();
    m_layout = layout;
    arrange();
}

void ViewDocks::reset() {
    m_kept.clear();
    emit forgotten();
    arrangeAsMade();
    emit arranged();
}

void ViewDocks::arrange() {
    arrangeAsKept();
    emit arranged();
}

void ViewDocks::arrangeAsKept() {
    const QByteArray kept = m_kept.value(key());
    if (!kept.isEmpty()) {
        m_arranging = true;
        const bool restored = m_window.restoreState(kept, kStateVersion);
        m_arranging = false;
        if (restored) {
            showTitles();
            return;
        }
    }
    arrangeAsMade();
}

void ViewDocks::arrangeAsMade() {
    m_arranging = true;
    const std::vector<Column> columns = columnsOf(m_mode, m_layout, m_window.width());
    for (QDockWidget* dock : std::as_const(m_docks)) {
        dock->setFloating(false);
        dock->hide();
    }
    QDockWidget* before = nullptr;
    QList<QDockWidget*> shown;
    for (const Column& column : columns) {
        QDockWidget* const dock = m_docks.value(column.dock);
        m_window.removeDockWidget(dock);
        m_window.addDockWidget(Qt::LeftDockWidgetArea, dock, Qt::Horizontal);
        if (before != nullptr)
            m_window.splitDockWidget(before, dock, Qt::Horizontal);
        dock->show();
        before = dock;
        shown << dock;
    }
    m_arranging = false;
    showTitles();
    const int sum =
        std::accumulate(columns.begin(), columns.end(), 0, [](int total, const Column& c) { return total + c.width; });
    QList<int> widths;
    for (const Column& column : columns)
        widths << std::max(1, m_window.width() * column.width / std::max(sum, 1));
    m_window.resizeDocks(shown, widths, Qt::Horizontal);
    // Once more when the views have been laid out: sizes asked for before that are forgotten.
    QTimer::singleShot(0, this, [this, shown, widths] { m_window.resizeDocks(shown, widths, Qt::Horizontal); });
}

void ViewDocks::reveal(const QString& name) {
    QDockWidget* const dock = m_docks.value(name);
    if (dock == nullptr || dock->isVisible()) {
        if (dock != nullptr)
            dock->raise();
        return;
    }
    QList<QDockWidget*> shown;
    for (QDockWidget* other : std::as_const(m_docks)) {
        if (other->isVisible() && !other->isFloating())
            shown << other;
    }
    std::sort(shown.begin(), shown.end(), [](QDockWidget* a, QDockWidget* b) { return a->x() < b->x(); });
    if (!shown.isEmpty()) {
        m_window.removeDockWidget(dock);
        m_window.addDockWidget(Qt::LeftDockWidgetArea, dock, Qt::Horizontal);
        m_window.splitDockWidget(shown.back(), dock, Qt::Horizontal);
    }
    dock->show();
    dock->raise();
    showTitles();
    if (!shown.isEmpty()) {
        const int width = shown.back()->width();
        m_window.resizeDocks({shown.back(), dock}, {width * 11 / 20, width * 9 / 20}, Qt::Horizontal);
    }
}

void ViewDocks::showTitles() {
    // A view that is alone needs no title bar; beside another it is moved and closed by it.
    int visible = 0;
    for (const QDockWidget* dock : std::as_const(m_docks))
        visible += dock->isHidden() ? 0 : 1;
    for (QDockWidget* dock : std::as_const(m_docks)) {
        const bool bare = visible <= 1 && !dock->isFloating();
        if (bare == (dock->titleBarWidget() != nullptr))
            continue;
        QWidget* const old = dock->titleBarWidget();
        dock->setTitleBarWidget(bare ? new QWidget(dock) : nullptr);
        delete old;
    }
}

void ViewDocks::save(QSettings& store) {
    keep();
    store.setValue(u"window/mode"_s, static_cast<int>(m_mode));
    store.setValue(u"window/layout"_s, static_cast<int>(m_layout));
    for (auto state = m_kept.begin(); state != m_kept.end(); ++state)
        store.setValue(u"window/state-"_s + state.key(), state.value());
}

void ViewDocks::restore(const QSettings& store) {
    m_mode = static_cast<Mode>(std::clamp(store.value(u"window/mode"_s, 0).toInt(), 0, kModes - 1));
    m_layout = static_cast<Layout>(std::clamp(store.value(u"window/layout"_s, 0).toInt(), 0, 2));
    for (int layout = 0; layout < 3; ++layout) {
        for (int mode = 0; mode < kModes; ++mode) {
            const QString name = u"%1-%2"_s.arg(layout).arg(mode);
            if (const QByteArray state = store.value(u"window/state-"_s + name).toByteArray(); !state.isEmpty())
                m_kept.insert(name, state);
        }
    }
    arrange();
    emit modeChanged(m_mode);
}

}  // namespace ui
