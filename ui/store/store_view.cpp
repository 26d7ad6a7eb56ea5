// Store: bytes, cap, holders, upkeep, damage.
#include "ui/store/store_view.h"

#include <QDoubleSpinBox>
#include <QHBoxLayout>
#include <QHeaderView>
#include <QInputDialog>
#include <QLabel>
#include <QMessageBox>
#include <QPushButton>
#include <QSortFilterProxyModel>
#include <QTabBar>
#include <QTableView>
#include <QVBoxLayout>
#include <algorithm>

#include "ui/collections/coverage_delegate.h"
#include "ui/collections/figure_delegate.h"
#include "ui/collections/plain_table.h"
#include "ui/query/share_bar.h"
#include "ui/text.h"
#include "ui/widgets/table_export.h"

namespace ui {

namespace {

using namespace Qt::StringLiterals;

constexpr double kGiB = 1024.0 * 1024 * 1024;
constexpr int kDamageShown = 200;
constexpr int kRefreshMs = 400;
constexpr engine::StoreGroup kGroups[] = {engine::StoreGroup::Collection, engine::StoreGroup::Document,
                                          engine::StoreGroup::Fingerprint};

}  // namespace

StoreView::StoreView(Theme& theme, EngineBridge& bridge, QWidget* parent)
    : QWidget(parent), m_theme(theme), m_bridge(bridge) {
    setObjectName(u"storeView"_s);
    setAccessibleName(tr("Store"));
    setAutoFillBackground(true);
    setBackgroundRole(QPalette::Base);
    auto* const column = new QVBoxLayout(this);
    column->setContentsMargins(24, 16, 24, 16);
    column->setSpacing(8);
    m_title = new QLabel(tr("KV store"), this);
    m_title->setObjectName(u"storeTitle"_s);
    m_title->setAccessibleName(tr("Store"));
    m_totals = new QLabel(this);
    m_totals->setObjectName(u"storeTotals"_s);
    m_totals->setAccessibleName(tr("Totals of the store"));
    m_totals->setProperty("quiet", true);
    column->addWidget(m_title);
    column->addWidget(m_totals);
    m_bar = new ShareBar(theme, this);
    m_bar->setObjectName(u"storeBar"_s);
    m_bar->setAccessibleName(tr("Bytes of the store against its cap"));
    column->addWidget(m_bar);

    auto* const row = new QHBoxLayout;
    row->setSpacing(8);
    m_verify = button(u"verifyStore"_s, tr("Verify"), tr("Reads and checks every byte; damaged records are set aside"));
    m_evict = button(u"evictStore"_s, tr("Evict…"), tr("Frees the least recently used records that are not pinned"));
    m_compact = button(u"compactStore"_s, tr("Compact"), tr("Rewrites segments that hold garbage"));
    m_rebuild =
        button(u"rebuildIndex"_s, tr("Rebuild the index"), tr("Throws the index away and reads it again from the segments"));
    for (QPushButton* each : {m_verify, m_evict, m_compact, m_rebuild})
        row->addWidget(each);
    row->addStretch(1);
    auto* const capLabel = new QLabel(tr("Cap"), this);
    capLabel->setProperty("quiet", true);
    m_cap = new QDoubleSpinBox(this);
    m_cap->setObjectName(u"capBox"_s);
    m_cap->setAccessibleName(tr("Greatest size of the store in GiB, 0 for none"));
    m_cap->setButtonSymbols(QAbstractSpinBox::NoButtons);
    m_cap->setRange(0, 1'000'000);
    m_cap->setDecimals(1);
    m_cap->setSuffix(tr(" GiB"));
    m_cap->setSpecialValueText(tr("none"));
    capLabel->setBuddy(m_cap);
    m_setCap = button(u"setCap"_s, tr("Set"), tr("Evicts down to the cap at once"));
    row->addWidget(capLabel);
    row->addWidget(m_cap);
    row->addWidget(m_setCap);
    column->addLayout(row);
    m_report = new QLabel(this);
    m_report->setObjectName(u"storeReport"_s);
    m_report->setAccessibleName(tr("Result of the last upkeep"));
    m_report->setWordWrap(true);
    m_report->setProperty("quiet", true);
    m_report->hide();
    column->addWidget(m_report);

    m_group = new QTabBar(this);
    m_group->setObjectName(u"storeGroup"_s);
    m_group->setAccessibleName(tr("Group the bytes by"));
    m_group->setDrawBase(false);
    m_group->setExpanding(false);
    for (const engine::StoreGroup group : kGroups)
        m_group->addTab(text::storeGroup(group));
    column->addWidget(m_group);
    m_sorted = new QSortFilterProxyModel(this);
    m_sorted->setSourceModel(&m_usage);
    m_sorted->setSortRole(UsageModel::kSortRole);
    m_table = plainTable(u"usageTable"_s, tr("Bytes by holder"), this);
    m_table->setModel(m_sorted);
    m_table->setSelectionMode(QAbstractItemView::SingleSelection);
    m_table->setSortingEnabled(true);
    m_table->sortByColumn(UsageModel::Bytes, Qt::DescendingOrder);
    m_table->setItemDelegate(new FigureDelegate(theme, m_table));
    m_table->setItemDelegateForColumn(
        UsageModel::Bytes, new CoverageDelegate(theme, UsageModel::kShareRole, CoverageDelegate::Kind::Amount, m_table));
    const int widths[] = {300, 220, 88, 104, 72};
    for (int index = 0; index < UsageModel::Note; ++index)
        m_table->setColumnWidth(index, widths[index]);
    m_table->horizontalHeader()->setSectionResizeMode(UsageModel::Name, QHeaderView::Stretch);
    makeExportable(*m_table, u"store"_s);
    column->addWidget(m_table, 3);
    column->insertWidget(column->indexOf(m_table), makeChosen());
    setFocusProxy(m_table);

    m_damageTitle = new QLabel(tr("Damage found"), this);
    m_damageTitle->setObjectName(u"damageTitle"_s);
    m_damageTitle->setAccessibleName(tr("Damage found"));
    column->addWidget(m_damageTitle);
    m_damageTable = plainTable(u"damageTable"_s, tr("Damaged records and what was done"), this);
    m_damageTable->setModel(&m_damage);
    const int damageWidths[] = {112, 260, 360};
    for (int index = 0; index < DamageModel::Action; ++index)
        m_damageTable->setColumnWidth(index, damageWidths[index]);
    makeExportable(*m_damageTable, u"damage"_s);
    m_damageTable->horizontalHeader()->setStretchLastSection(true);
    column->addWidget(m_damageTable, 1);

    m_refreshSoon.setSingleShot(true);
    m_refreshSoon.setInterval(kRefreshMs);
    connect(&m_refreshSoon, &QTimer::timeout, this, &StoreView::refresh);
    connect(&bridge, &EngineBridge::storeChanged, this, [this] {
        if (!m_refreshSoon.isActive())
            m_refreshSoon.start();
    });
    connect(&bridge, &EngineBridge::opened, this, &StoreView::refresh);
    connect(m_group, &QTabBar::currentChanged, this, &StoreView::showGroup);
    connect(m_verify, &QPushButton::clicked, this, &StoreView::verify);
    connect(m_evict, &QPushButton::clicked, this, &StoreView::evict);
    connect(m_compact, &QPushButton::clicked, this, [this] {
        say(tr("Compacting …"));
        m_bridge.compactStore(this, [this](engine::Result<engine::KvCompactReport> result) {
            say(result ? tr("Compacted: %1 reclaimed, %2 records moved.")
                             .arg(text::bytes(result->reclaimedBytes), text::count(result->movedRecords))
                       : text::sentence(result.status()));
        });
    });
    connect(m_rebuild, &QPushButton::clicked, this, [this] {
        say(tr("Rebuilding the index …"));
        m_bridge.rebuildIndex(this, [this](engine::Result<engine::KvRebuildReport> result) {
            say(result ? tr("Index rebuilt: %1 records verified, %2 rejected.")
                             .arg(text::count(result->records), text::count(result->rejected))
                       : text::sentence(result.status()));
        });
    });
    connect(m_setCap, &QPushButton::clicked, this, [this] {
        const auto bytes = static_cast<std::uint64_t>(m_cap->value() * kGiB);
        m_bridge.setStoreCap(bytes, this, [this, bytes](engine::Result<std::uint64_t> freed) {
            if (freed)
                emit capChanged(bytes);
            say(freed ? tr("The cap is %1; %2 freed.").arg(bytes > 0 ? text::bytes(bytes) : tr("none"), text::bytes(*freed))
                      : text::sentence(freed.status()));
        });
    });
    connect(&theme, &Theme::changed, this, &StoreView::dress);
    dress();
    showStats({});
}

QWidget* StoreView::makeChosen() {
    m_chosen = new QWidget(this);
    m_chosen->setObjectName(u"storeChosen"_s);
    m_chosen->setAccessibleName(tr("The chosen collection"));
    auto* const line = new QHBoxLayout(m_chosen);
    line->setContentsMargins(8, 4, 0, 4);
    line->setSpacing(8);
    m_forecast = new QLabel(m_chosen);
    m_forecast->setObjectName(u"storeForecast"_s);
    m_forecast->setAccessibleName(tr("What computing the rest would take"));
    m_forecast->setTextFormat(Qt::PlainText);
    m_forecast->setWordWrap(true);
    m_forecast->setProperty("quiet", true);
    m_compute = button(u"storeCompute"_s, tr("Compute KV"), tr("Computes the KV of passages that have none"));
    m_pin = button(u"storePin"_s, tr("Pin"), tr("Keeps the collection's KV when the store has to shrink"));
    m_unpin = button(u"storeUnpin"_s, tr("Unpin"), tr("Lets the collection's KV go when the store has to shrink"));
    line->addWidget(m_forecast, 1);
    for (QPushButton* each : {m_compute, m_pin, m_unpin})
        line->addWidget(each, 0, Qt::AlignTop);
    connect(m_compute, &QPushButton::clicked, this, [this] { emit computeRequested(chosenCollection()); });
    connect(m_pin, &QPushButton::clicked, this, [this] { pin(true); });
    connect(m_unpin, &QPushButton::clicked, this, [this] { pin(false); });
    connect(m_table->selectionModel(), &QItemSelectionModel::currentRowChanged, this, &StoreView::showChosen);
    m_chosen->hide();
    return m_chosen;
}

QString StoreView::chosenCollection() const {
    const int row = m_sorted->mapToSource(m_table->currentIndex()).row();
    if (row < 0 || row >= m_usage.rowCount() ||
        m_usage.usage()[static_cast<std::size_t>(row)].group != engine::StoreGroup::Collection)
        return {};
    return text::fromUtf8(m_usage.usage()[static_cast<std::size_t>(row)].name);
}

void StoreView::showChosen() {
    const QString name = chosenCollection();
    m_chosen->setVisible(!name.isEmpty());
    if (name.isEmpty())
        return;
    const engine::StoreUsage& usage =
        m_usage.usage()[static_cast<std::size_t>(m_sorted->mapToSource(m_table->currentIndex()).row())];
    m_pin->setEnabled(usage.pinned < usage.records);
    m_unpin->setEnabled(usage.pinned > 0);
    engine::PrecomputeRequest request;
    request.collection = text::toUtf8(name);
    m_bridge.precomputeForecast(request, this, [this, name](engine::Result<engine::PrecomputeForecast> forecast) {
        if (name != chosenCollection())
            return;
        m_compute->setEnabled(forecast && forecast->chunks > 0);
        if (!forecast) {
            m_forecast->setText(text::sentence(forecast.status()));
            return;
        }
        if (forecast->chunks == 0) {
            m_forecast->setText(tr("Every passage of %1 has its KV.").arg(name));
            return;
        }
        QString sentence = tr("Computing the rest of %1: %2.").arg(name, text::forecast(*forecast));
        if (m_stats.capBytes > 0 && m_stats.diskBytes + forecast->bytes > m_stats.capBytes)
            sentence += u' ' + tr("That is more than the cap leaves: the least recently used records would go.");
        m_forecast->setText(sentence);
    });
}

void StoreView::pin(bool pinned) {
    const QString name = chosenCollection();
    m_bridge.pinCollection(name, pinned, this, [this, name, pinned](engine::Result<std::int64_t> records) {
        if (!records)
            say(text::sentence(records.status()));
        else
            say((pinned ? tr("%1 records of %2 are pinned.") : tr("%1 records of %2 are no longer pinned."))
                    .arg(text::count(*records), name));
    });
}

QPushButton* StoreView::button(const QString& name, const QString& words, const QString& tip) {
    auto* const result = new QPushButton(words, this);
    result->setObjectName(name);
    result->setAccessibleName(words);
    result->setToolTip(tip);
    result->setAutoDefault(false);
    return result;
}

void StoreView::dress() {
    QFont title = m_theme.documentFont();
    title.setPointSizeF(title.pointSizeF() * 1.3);
    m_title->setFont(title);
    m_damageTitle->setFont(m_theme.headingFont());
}

QString StoreView::report() const { return m_report->text(); }

void StoreView::say(const QString& sentence) {
    m_report->setText(sentence);
    m_report->show();
}

void StoreView::refresh() {
    if (!m_bridge.isOpen())
        return;
    m_bridge.storeStats(this, [this](engine::Result<engine::KvStoreStats> stats) {
        if (stats)
            showStats(*stats);
        else
            say(text::sentence(stats.status()));
    });
    m_bridge.storeDamage(kDamageShown, this, [this](engine::Result<std::vector<engine::DamageEvent>> events) {
        if (events) {
            m_damageTitle->setText(events->empty() ? tr("No damage found so far") : tr("Damage found"));
            m_damageTable->setVisible(!events->empty());
            m_damage.setRecords(std::move(*events));
        }
    });
    showGroup();
}

void StoreView::showGroup() {
    const engine::StoreGroup group = kGroups[std::clamp(m_group->currentIndex(), 0, 2)];
    m_bridge.storeUsage(group, this, [this, group](engine::Result<std::vector<engine::StoreUsage>> usage) {
        if (!usage) {
            say(text::sentence(usage.status()));
        } else if (group == kGroups[std::clamp(m_group->currentIndex(), 0, 2)]) {
            const QString chosen = chosenCollection();
            m_usage.setUsage(std::move(*usage));
            int row = 0;
            for (int other = 0; other < m_sorted->rowCount(); ++other) {
                if (m_sorted->index(other, UsageModel::Name).data().toString() == chosen)
                    row = other;
            }
            m_table->setCurrentIndex(m_sorted->index(row, UsageModel::Name));
            showChosen();
            m_table->setColumnHidden(UsageModel::Note, group != engine::StoreGroup::Fingerprint);
        }
    });
}

void StoreView::showStats(const engine::KvStoreStats& stats) {
    m_stats = stats;
    m_totals->setText(tr("%1 records in %2 segments · %3 set aside as damaged")
                          .arg(text::count(stats.records), text::count(stats.segments), text::count(stats.quarantined)));
    std::vector<Share> shares{
        {tr("KV"), static_cast<double>(stats.liveBytes), text::bytes(stats.liveBytes), Role::Accent, 1},
        {tr("reclaimable"), static_cast<double>(stats.garbageBytes), text::bytes(stats.garbageBytes), Role::Warn, 0.7}};
    if (stats.capBytes > stats.diskBytes)
        shares.push_back({tr("free under the cap"), static_cast<double>(stats.capBytes - stats.diskBytes),
                          text::bytes(stats.capBytes - stats.diskBytes), Role::Line, 1});
    m_bar->setShares(stats.capBytes > 0
                         ? tr("%1 of %2 on disk").arg(text::bytes(stats.diskBytes), text::bytes(stats.capBytes))
                         : tr("%1 on disk, no cap").arg(text::bytes(stats.diskBytes)),
                     std::move(shares));
    if (!m_cap->hasFocus())
        m_cap->setValue(static_cast<double>(stats.capBytes) / kGiB);
}

void StoreView::verify() {
    say(tr("Verifying …"));
    m_bridge.verifyStore(this, [this](engine::Result<engine::KvVerifyReport> result) {
        if (!result) {
            say(text::sentence(result.status()));
            return;
        }
        QString sentence =
            tr("%1 records, %2 checked: ").arg(text::count(result->checked), text::bytes(result->checkedBytes));
        sentence +=
            result->damaged.empty()
                ? tr("no damage.")
                : tr("%1 damaged and set aside; they are computed again when next used.").arg(result->damaged.size());
        say(sentence);
    });
}

void StoreView::evict() {
    bool accepted = false;
    const double proposed = static_cast<double>(m_stats.diskBytes) / kGiB / 2;
    const double target = QInputDialog::getDouble(this, tr("Evict"),
                                                  tr("Free the least recently used records until the store takes at most "
                                                     "(GiB).\nPinned records stay. %1 are on disk now.")
                                                      .arg(text::bytes(m_stats.diskBytes)),
                                                  proposed, 0, 1'000'000, 2, &accepted);
    if (!accepted)
        return;
    say(tr("Evicting …"));
    m_bridge.evictStore(static_cast<std::uint64_t>(target * kGiB), this, [this](engine::Result<std::uint64_t> freed) {
        say(freed ? tr("%1 freed.").arg(text::bytes(*freed)) : text::sentence(freed.status()));
    });
}

}  // namespace ui
