// The sheet of shortcuts.
#include "ui/palette/shortcut_sheet.h"

#include <QGridLayout>
#include <QHBoxLayout>
#include <QLabel>
#include <QPushButton>
#include <QScrollArea>
#include <QVBoxLayout>

#include "ui/palette/key_button.h"

namespace ui {

namespace {

using namespace Qt::StringLiterals;

QString nameOf(const QAction& action) { return QString(action.text()).remove(u'&').remove(u'…'); }

}  // namespace

ShortcutSheet::ShortcutSheet(Theme& theme, ActionRegistry& actions, QWidget* parent)
    : QDialog(parent), m_theme(theme), m_actions(actions) {
    setObjectName(u"shortcutSheet"_s);
    setAccessibleName(tr("Keys"));
    setWindowTitle(tr("Keys"));
    resize(560, 680);
    auto* const column = new QVBoxLayout(this);
    column->setContentsMargins(0, 16, 0, 16);
    column->setSpacing(8);
    m_state = new QLabel(this);
    m_state->setObjectName(u"shortcutState"_s);
    m_state->setAccessibleName(tr("What happened to the key"));
    m_state->setTextFormat(Qt::PlainText);
    m_state->setWordWrap(true);
    m_state->setProperty("quiet", true);
    m_state->setContentsMargins(24, 0, 24, 0);
    column->addWidget(m_state);
    say({});
    auto* const area = new QScrollArea(this);
    area->setObjectName(u"shortcutArea"_s);
    area->setAccessibleName(tr("Actions and their keys"));
    area->setWidgetResizable(true);
    area->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    auto* const page = new QWidget(area);
    auto* const grid = new QGridLayout(page);
    grid->setContentsMargins(24, 0, 24, 16);
    grid->setHorizontalSpacing(24);
    grid->setVerticalSpacing(0);
    grid->setColumnStretch(0, 1);
    int row = 0;
    QString group;
    for (const ActionRegistry::Entry& entry : actions.entries()) {
        if (entry.group != group) {
            group = entry.group;
            auto* const heading = new QLabel(group, page);
            heading->setFont(theme.headingFont());
            heading->setContentsMargins(0, row == 0 ? 0 : 16, 0, 4);
            grid->addWidget(heading, row++, 0, 1, 2);
        }
        addAction(*grid, row++, *entry.action);
    }
    grid->setRowStretch(row, 1);
    area->setWidget(page);
    column->addWidget(area, 1);
    auto* const buttons = new QHBoxLayout;
    buttons->setContentsMargins(24, 0, 24, 0);
    auto* const reset = new QPushButton(tr("Reset all keys"), this);
    reset->setObjectName(u"resetKeys"_s);
    reset->setAccessibleName(reset->text());
    reset->setAutoDefault(false);
    auto* const close = new QPushButton(tr("Close"), this);
    close->setObjectName(u"closeSheet"_s);
    close->setAccessibleName(tr("Close"));
    close->setAutoDefault(false);
    buttons->addWidget(reset);
    buttons->addStretch(1);
    buttons->addWidget(close);
    column->addLayout(buttons);
    connect(close, &QPushButton::clicked, this, &QDialog::accept);
    connect(reset, &QPushButton::clicked, this, [this] {
        m_actions.resetKeys();
        say(tr("Every action has the key it came with."));
    });
    connect(&actions, &ActionRegistry::keysChanged, this, [this] {
        for (auto key = m_keys.begin(); key != m_keys.end(); ++key)
            key.value()->setKey(key.key()->shortcut());
    });
    close->setFocus();
}

void ShortcutSheet::addAction(QGridLayout& grid, int row, QAction& action) {
    auto* const key = new KeyButton(grid.parentWidget());
    key->setObjectName(u"key-"_s + action.objectName());
    key->setAccessibleName(tr("Key of: %1").arg(nameOf(action)));
    key->setFont(m_theme.codeFont());
    key->setKey(action.shortcut());
    m_keys.insert(&action, key);
    grid.addWidget(new QLabel(nameOf(action), grid.parentWidget()), row, 0);
    grid.addWidget(key, row, 1, Qt::AlignRight);
    connect(key, &KeyButton::keyChosen, this, [this, &action](const QKeySequence& keys) { giveKey(action, keys); });
}

void ShortcutSheet::giveKey(QAction& action, const QKeySequence& key) {
    if (m_actions.setKey(action, key)) {
        const QString keys = key.toString(QKeySequence::NativeText);
        say(key.isEmpty() ? tr("%1 has no key now.").arg(nameOf(action)) : tr("%1: %2").arg(nameOf(action), keys));
        return;
    }
    say(tr("%1 belongs to %2. Take it away there first.")
            .arg(key.toString(QKeySequence::NativeText), nameOf(*m_actions.ownerOf(key, &action))));
}

void ShortcutSheet::say(const QString& sentence) {
    m_state->setText(sentence.isEmpty()
                         ? tr("Press a key's button, then the keys it shall have. Backspace takes a key away.")
                         : sentence);
}

}  // namespace ui
