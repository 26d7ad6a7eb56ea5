// Store: bytes and their cap, who holds them, upkeep, and what was found damaged.
#pragma once

#include <QTimer>
#include <QWidget>

#include "ui/engine_bridge.h"
#include "ui/store/damage_model.h"
#include "ui/store/usage_model.h"
#include "ui/theme/theme.h"

class QDoubleSpinBox;
class QLabel;
class QPushButton;
class QSortFilterProxyModel;
class QTabBar;
class QTableView;

namespace ui {

class ShareBar;

class StoreView : public QWidget {
    Q_OBJECT
public:
    StoreView(Theme& theme, EngineBridge& bridge, QWidget* parent = nullptr);

    UsageModel& usage() { return m_usage; }
    DamageModel& damage() { return m_damage; }
    /// What the last upkeep job said.
    QString report() const;
    void refresh();
    void verify();

signals:
    /// The cap was changed by hand; 0 = none.
    void capChanged(std::uint64_t bytes);
    /// The KV of this collection shall be computed.
    void computeRequested(const QString& collection);

private:
    QPushButton* button(const QString& name, const QString& words, const QString& tip);
    void showStats(const engine::KvStoreStats& stats);
    void showGroup();
    void evict();
    QWidget* makeChosen();
    /// The collection that is chosen in the table; empty among documents and models.
    QString chosenCollection() const;
    void showChosen();
    void pin(bool pinned);
    void say(const QString& sentence);
    void dress();

    Theme& m_theme;
    EngineBridge& m_bridge;
    UsageModel m_usage;
    DamageModel m_damage;
    QTimer m_refreshSoon{this};
    engine::KvStoreStats m_stats;

    QLabel* m_title;
    QLabel* m_totals;
    ShareBar* m_bar;
    QDoubleSpinBox* m_cap;
    QPushButton* m_setCap;
    QPushButton* m_verify;
    QPushButton* m_evict;
    QPushButton* m_compact;
    QPushButton* m_rebuild;
    QLabel* m_report;
    QTabBar* m_group;
    QSortFilterProxyModel* m_sorted;
    QTableView* m_table;
    QWidget* m_chosen;  // what can be done with the collection chosen
    QLabel* m_forecast;
    QPushButton* m_compute;
    QPushButton* m_pin;
    QPushButton* m_unpin;
    QLabel* m_damageTitle;
    QTableView* m_damageTable;
};

}  // namespace ui
