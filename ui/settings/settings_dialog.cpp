// The settings dialog.
#include "ui/settings/settings_dialog.h"

#include <QComboBox>
#include <QDialogButtonBox>
#include <QDoubleSpinBox>
#include <QFileDialog>
#include <QFormLayout>
#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QSpinBox>
#include <QVBoxLayout>

#include "ui/text.h"

namespace ui {

namespace {

using namespace Qt::StringLiterals;

constexpr double kGiB = 1024.0 * 1024 * 1024;

template <class Widget>
Widget* named(Widget* widget, const QString& name, const QString& accessible) {
    widget->setObjectName(name);
    widget->setAccessibleName(accessible);
    return widget;
}

}  // namespace

SettingsDialog::SettingsDialog(EngineBridge& bridge, const Settings& settings, const QString& defaultModel,
                               const QString& defaultWorkspace, QWidget* parent)
    : QDialog(parent), m_bridge(bridge), m_before(settings) {
    setObjectName(u"settingsDialog"_s);
    setAccessibleName(tr("Settings"));
    setWindowTitle(tr("Settings"));
    setMinimumWidth(560);
    auto* const column = new QVBoxLayout(this);
    column->setContentsMargins(24, 24, 24, 16);
    column->setSpacing(16);
    auto* const form = new QFormLayout;
    form->setHorizontalSpacing(16);
    form->setVerticalSpacing(8);
    form->setLabelAlignment(Qt::AlignRight | Qt::AlignVCenter);

    const auto pathRow = [&](QLineEdit* edit, const QString& name, const QString& accessible, auto choose) {
        auto* const row = new QHBoxLayout;
        row->setSpacing(8);
        auto* const button = named(new QPushButton(tr("Choose…"), this), name, accessible);
        button->setAutoDefault(false);
        connect(button, &QPushButton::clicked, this, [edit, choose] {
            if (const QString path = choose(); !path.isEmpty())
                edit->setText(path);
        });
        row->addWidget(edit, 1);
        row->addWidget(button);
        return row;
    };
    m_model = named(new QLineEdit(settings.model, this), u"settingsModel"_s, tr("Model file"));
    m_model->setPlaceholderText(defaultModel);
    form->addRow(tr("Model"), pathRow(m_model, u"chooseModel"_s, tr("Choose the model file"), [this] {
                     return QFileDialog::getOpenFileName(this, tr("Model"), {}, tr("Models (*.gguf);;All files (*)"));
                 }));
    m_modelText = named(new QLabel(this), u"settingsModelText"_s, tr("What the model is"));
    m_modelText->setTextFormat(Qt::PlainText);
    m_modelText->setWordWrap(true);
    m_modelText->setProperty("quiet", true);
    form->addRow(QString(), m_modelText);
    m_workspace = named(new QLineEdit(settings.workspace, this), u"settingsWorkspace"_s, tr("Workspace folder"));
    m_workspace->setPlaceholderText(defaultWorkspace);
    form->addRow(tr("Workspace"), pathRow(m_workspace, u"chooseWorkspace"_s, tr("Choose the workspace folder"),
                                          [this] { return QFileDialog::getExistingDirectory(this, tr("Workspace")); }));
    m_threads = named(new QSpinBox(this), u"settingsThreads"_s, tr("Threads"));
    m_threads->setRange(0, 1024);
    m_threads->setSpecialValueText(tr("one a core"));
    m_threads->setValue(settings.threads);
    form->addRow(tr("Threads"), m_threads);
    m_kvDtype = named(new QComboBox(this), u"settingsKvDtype"_s, tr("Number type of stored KV"));
    for (const engine::KvDtype dtype :
         {engine::KvDtype::F16, engine::KvDtype::Bf16, engine::KvDtype::F32, engine::KvDtype::Int8})
        m_kvDtype->addItem(text::kvDtype(dtype), static_cast<int>(dtype));
    m_kvDtype->setCurrentIndex(m_kvDtype->findData(static_cast<int>(settings.kvDtype)));
    form->addRow(tr("Stored KV"), m_kvDtype);
    m_cap = named(new QDoubleSpinBox(this), u"settingsCap"_s, tr("Greatest size of the store in GiB, 0 for none"));
    m_cap->setRange(0, 1'000'000);
    m_cap->setDecimals(1);
    m_cap->setSuffix(tr(" GiB"));
    m_cap->setSpecialValueText(tr("no cap"));
    m_cap->setValue(static_cast<double>(settings.capBytes) / kGiB);
    form->addRow(tr("Store cap"), m_cap);
    m_theme = named(new QComboBox(this), u"settingsTheme"_s, tr("Theme"));
    m_theme->addItems({tr("As the system"), tr("Light"), tr("Dark")});
    m_theme->setCurrentIndex(static_cast<int>(settings.theme));
    form->addRow(tr("Theme"), m_theme);
    m_fontStep = named(new QSpinBox(this), u"settingsFontStep"_s, tr("Size of the text, in points more than usual"));
    m_fontStep->setRange(-2, 8);
    m_fontStep->setPrefix(settings.fontStep > 0 ? u"+"_s : QString());
    m_fontStep->setSuffix(tr(" pt"));
    m_fontStep->setValue(settings.fontStep);
    form->addRow(tr("Text size"), m_fontStep);
    column->addLayout(form);
    m_buttons = named(new QDialogButtonBox(QDialogButtonBox::Ok | QDialogButtonBox::Cancel, this), u"settingsButtons"_s,
                      tr("Keep or drop the changes"));
    for (QAbstractButton* button : m_buttons->buttons()) {
        const bool ok = m_buttons->standardButton(button) == QDialogButtonBox::Ok;
        named(button, ok ? u"settingsOk"_s : u"settingsCancel"_s, ok ? tr("Keep the changes") : tr("Drop the changes"));
    }
    column->addWidget(m_buttons);
    connect(m_buttons, &QDialogButtonBox::accepted, this, &QDialog::accept);
    connect(m_buttons, &QDialogButtonBox::rejected, this, &QDialog::reject);
    connect(m_model, &QLineEdit::textChanged, this, &SettingsDialog::inspect);
    inspect();
}

void SettingsDialog::inspect() {
    const QString path = m_model->text().isEmpty() ? m_model->placeholderText() : m_model->text();
    if (path.isEmpty()) {
        m_modelText->clear();
        return;
    }
    m_bridge.inspectModel(path, settings().kvDtype, this, [this](engine::Result<engine::ModelInfo> model) {
        if (!model) {
            m_modelText->setText(text::sentence(model.status()));
        } else if (!model->canBlend) {
            m_modelText->setText(
                tr("%1 cannot be blended: %2").arg(text::fromUtf8(model->name), text::fromUtf8(model->whyNot)));
        } else {
            m_modelText->setText(tr("%1 · %2 · %3 · %4 layers · %5 of KV a token")
                                     .arg(text::fromUtf8(model->name), text::fromUtf8(model->architecture),
                                          text::fromUtf8(model->quantisation), text::count(model->layers),
                                          text::bytes(model->kvBytesPerToken)));
        }
    });
}

Settings SettingsDialog::settings() const {
    Settings result = m_before;
    result.model = m_model->text().trimmed();
    result.workspace = m_workspace->text().trimmed();
    result.threads = m_threads->value();
    result.kvDtype = static_cast<engine::KvDtype>(m_kvDtype->currentData().toInt());
    result.capBytes = static_cast<std::uint64_t>(m_cap->value() * kGiB);
    result.theme = static_cast<ThemeChoice>(m_theme->currentIndex());
    result.fontStep = m_fontStep->value();
    return result;
}

}  // namespace ui
