// The palette.
#include "ui/palette/palette_dialog.h"

#include <QKeyEvent>
#include <QLineEdit>
#include <QListView>
#include <QPainter>
#include <QStyledItemDelegate>
#include <QVBoxLayout>

#include "ui/icons.h"

namespace ui {

namespace {

using namespace Qt::StringLiterals;

/// Icon, words, and the detail at the right.
class EntryDelegate : public QStyledItemDelegate {
public:
    EntryDelegate(Theme& theme, QObject* parent) : QStyledItemDelegate(parent), m_theme(theme) {}

    QSize sizeHint(const QStyleOptionViewItem& option, const QModelIndex&) const override {
        return {option.rect.width(), QFontMetrics(m_theme.controlFont()).height() + 16};
    }

    void paint(QPainter* painter, const QStyleOptionViewItem& option, const QModelIndex& index) const override {
        static constexpr const char16_t* kIcons[] = {u"send", u"file", u"document"};
        painter->save();
        if (option.state & QStyle::State_Selected)
            painter->fillRect(option.rect, m_theme.color(Role::AccentTint));
        const QRect row = option.rect.adjusted(12, 0, -12, 0);
        const QString name = QString::fromUtf16(kIcons[index.data(PaletteModel::kKindRole).toInt()]);
        icon(name, m_theme, Role::QuietInk).paint(painter, QRect(row.left(), row.center().y() - 8, 16, 16));
        const QString detail = index.data(PaletteModel::kDetailRole).toString();
        const QFontMetrics small(m_theme.smallFont());
        const int detailWidth = std::min(small.horizontalAdvance(detail) + 1, row.width() / 3);
        painter->setFont(m_theme.smallFont());
        painter->setPen(m_theme.color(Role::QuietInk));
        painter->drawText(row, Qt::AlignRight | Qt::AlignVCenter, small.elidedText(detail, Qt::ElideRight, detailWidth));
        const QFontMetrics metrics(m_theme.controlFont());
        const QRect words = row.adjusted(24, 0, -detailWidth - 16, 0);
        painter->setFont(m_theme.controlFont());
        painter->setPen(m_theme.color(Role::Ink));
        painter->drawText(words, Qt::AlignLeft | Qt::AlignVCenter,
                          metrics.elidedText(index.data().toString(), Qt::ElideRight, words.width()));
        painter->restore();
    }

private:
    Theme& m_theme;
};

}  // namespace

PaletteDialog::PaletteDialog(Theme& theme, EngineBridge& bridge, const ActionRegistry& actions, const QString& collection,
                             QWidget* parent)
    : QDialog(parent, Qt::Popup | Qt::FramelessWindowHint), m_model(bridge, actions) {
    setObjectName(u"palette"_s);
    setAccessibleName(tr("Palette"));
    resize(640, 420);
    auto* const column = new QVBoxLayout(this);
    column->setContentsMargins(8, 8, 8, 8);
    column->setSpacing(8);
    m_words = new QLineEdit(this);
    m_words->setObjectName(u"paletteWords"_s);
    m_words->setAccessibleName(tr("What to do or open"));
    m_words->setPlaceholderText(tr("Type to find anything   >  actions   @  documents   #  passages"));
    m_words->installEventFilter(this);
    column->addWidget(m_words);
    m_list = new QListView(this);
    m_list->setObjectName(u"paletteList"_s);
    m_list->setAccessibleName(tr("What was found"));
    m_list->setModel(&m_model);
    m_list->setItemDelegate(new EntryDelegate(theme, m_list));
    m_list->setUniformItemSizes(true);
    m_list->setFrameShape(QFrame::NoFrame);
    m_list->setFocusPolicy(Qt::NoFocus);
    column->addWidget(m_list, 1);
    m_model.setCollection(collection);
    const auto first = [this] { m_list->setCurrentIndex(m_model.index(0)); };
    connect(m_words, &QLineEdit::textChanged, &m_model, &PaletteModel::setWords);
    connect(&m_model, &QAbstractItemModel::modelReset, this, first);
    connect(m_list, &QListView::clicked, this, &PaletteDialog::activate);
    first();
    m_words->setFocus();
}

void PaletteDialog::type(const QString& words) { m_words->setText(words); }

void PaletteDialog::activateCurrent() { activate(m_list->currentIndex()); }

bool PaletteDialog::eventFilter(QObject* watched, QEvent* event) {
    if (watched == m_words && event->type() == QEvent::KeyPress) {
        const auto* const key = static_cast<QKeyEvent*>(event);
        const int row = m_list->currentIndex().row();
        const int page = 8;
        const int step = key->key() == Qt::Key_Down       ? 1
                         : key->key() == Qt::Key_Up       ? -1
                         : key->key() == Qt::Key_PageDown ? page
                         : key->key() == Qt::Key_PageUp   ? -page
                                                          : 0;
        if (step != 0) {
            m_list->setCurrentIndex(m_model.index(std::clamp(row + step, 0, std::max(m_model.rowCount() - 1, 0))));
            return true;
        }
        if (key->key() == Qt::Key_Return || key->key() == Qt::Key_Enter) {
            activateCurrent();
            return true;
        }
    }
    return QDialog::eventFilter(watched, event);
}

void PaletteDialog::activate(const QModelIndex& index) {
    if (!index.isValid())
        return;
    const PaletteEntry entry = m_model.entry(index.row());
    accept();
    if (entry.action != nullptr)
        entry.action->trigger();
    else
        emit documentRequested(entry.document, entry.begin, entry.end);
}

}  // namespace ui
