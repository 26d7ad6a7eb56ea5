// Controls above, key, text and position.
#include "ui/inspector/text_page.h"

#include <QComboBox>
#include <QHBoxLayout>
#include <QLabel>
#include <QSignalBlocker>
#include <QSlider>
#include <QToolButton>
#include <QVBoxLayout>

#include "ui/inspection_cursor.h"
#include "ui/inspector/position_bar.h"
#include "ui/inspector/shading_key.h"
#include "ui/theme/theme.h"
#include "ui/widgets/flow_layout.h"

namespace ui {

using namespace Qt::StringLiterals;

namespace {

constexpr int kMargin = 24;
constexpr int kLeastChoice = 88;

QComboBox* choice(const QString& name, const QString& accessible, const QStringList& items, QWidget* parent) {
    auto* box = new QComboBox(parent);
    box->setObjectName(name);
    box->setAccessibleName(accessible);
    box->setToolTip(accessible);
    box->addItems(items);
    box->setMinimumWidth(kLeastChoice);
    return box;
}

}  // namespace

TextPage::TextPage(Theme& theme, InspectionCursor& cursor, const Words& words, QWidget* parent)
    : QWidget(parent), m_theme(theme), m_cursor(cursor) {
    setObjectName(words.prefix + "Page"_L1);
    setAutoFillBackground(true);
    setBackgroundRole(QPalette::Base);
    m_coloring = choice(words.prefix + "Coloring"_L1, words.coloring, words.colorings, this);
    m_granularity = choice(words.prefix + "Granularity"_L1, tr("What is coloured as one"),
                           {tr("by token"), tr("by word"), tr("by sentence"), tr("by chunk")}, this);
    m_layer = new QSlider(Qt::Horizontal, this);
    m_layer->setObjectName(words.prefix + "Layer"_L1);
    m_layer->setAccessibleName(tr("Layer; leftmost is the mean of all"));
    m_layer->setMinimumWidth(64);
    m_layer->setMaximumWidth(112);
    m_layer->setPageStep(4);
    m_layerText = new QLabel(this);
    m_layerText->setObjectName(words.prefix + "LayerValue"_L1);
    m_layerText->setAccessibleName(tr("Layer shown"));
    m_layerText->setTextFormat(Qt::PlainText);
    m_map = new TextMap(theme, cursor, words.prefix + "Map"_L1, this);
    m_map->setAccessibleName(words.map);
    m_key = new ShadingKey(theme, *m_map, this);
    m_position = new PositionBar(theme, cursor, *m_map, this);
    m_position->setObjectName(words.prefix + "PositionBar"_L1);

    // Choices wrap where the view is narrow; what stands at the end stays there.
    auto* choices = new QWidget(this);
    choices->setObjectName(words.prefix + "Choices"_L1);
    m_layerBox = new QWidget(choices);
    auto* layerLine = new QHBoxLayout(m_layerBox);
    layerLine->setContentsMargins(0, 0, 0, 0);
    layerLine->setSpacing(8);
    layerLine->addWidget(m_layer);
    layerLine->addWidget(m_layerText);
    m_choices = new FlowLayout(8, choices);
    m_choices->addWidget(m_coloring);
    m_choices->addWidget(m_granularity);
    m_choices->addWidget(m_layerBox);
    m_bar = new QHBoxLayout;
    m_bar->setContentsMargins(kMargin, 0, 16, 0);
    m_bar->setSpacing(8);
    m_bar->addWidget(choices, 1, Qt::AlignTop);
    m_bar->addWidget(makeExportButton(*m_map, this), 0, Qt::AlignTop);
    auto* keyRow = new QHBoxLayout;
    keyRow->setContentsMargins(kMargin, 0, kMargin, 0);
    keyRow->addWidget(m_key);
    auto* body = new QHBoxLayout;
    body->setSpacing(0);
    body->addWidget(m_map, 1);
    body->addWidget(m_position);
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(0, 8, 0, 0);
    column->setSpacing(4);
    column->addLayout(m_bar);
    column->addLayout(keyRow);
    column->addLayout(body, 1);

    connect(m_coloring, &QComboBox::currentIndexChanged, this, &TextPage::shadingWanted);
    connect(m_granularity, &QComboBox::currentIndexChanged, this, [this](int at) {
        m_map->setGranularity(static_cast<Granularity>(at));
        m_key->update();
    });
    connect(m_layer, &QSlider::valueChanged, this, [this](int value) { m_cursor.setLayer(value - 1); });
    connect(&cursor, &InspectionCursor::layerChanged, this, &TextPage::shadingWanted);
    connect(&theme, &Theme::changed, this, &TextPage::dress);
    dress();
}

TextColoring TextPage::coloring() const { return static_cast<TextColoring>(m_coloring->currentIndex()); }

bool TextPage::byLayer() const { return coloring() == TextColoring::KDeviation || coloring() == TextColoring::VDeviation; }

void TextPage::addBesideColoring(QWidget* control) { m_choices->addWidget(control); }

void TextPage::addAtEnd(QWidget* control, int stretch) {
    m_bar->insertWidget(m_bar->count() - 1, control, stretch, Qt::AlignTop);
}

void TextPage::setText(std::shared_ptr<const PromptText> text, std::vector<SegmentCaption> captions, int layers) {
    const QSignalBlocker quiet(m_layer);
    m_layer->setRange(0, layers);
    m_map->setText(text, std::move(captions));
    m_position->setText(std::move(text));
}

void TextPage::setShading(TextShading shading) {
    m_layerBox->setVisible(byLayer());
    const QSignalBlocker quiet(m_layer);
    m_layer->setValue(m_cursor.layer() + 1);
    m_layerText->setText(m_cursor.layer() < 0 ? tr("mean of layers") : tr("layer %1").arg(m_cursor.layer()));
    m_map->setShading(std::move(shading));
    m_key->update();
    m_position->update();
}

void TextPage::dress() {
    m_layerText->setFont(m_theme.figureFont());
    m_layerText->setFixedWidth(m_layerText->fontMetrics().horizontalAdvance(tr("mean of layers")) + 4);
    m_key->update();
}

}  // namespace ui
